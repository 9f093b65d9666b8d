//! What must hold of InstantID whatever the weights are, on the tiny random model of the tests: what is switched off does
//! nothing at all, to the bit; every picture of a batch has its own person; nothing is computed twice.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, Outcome, RunOptions};
use selfsame_models::{Meter, Work};
use selfsame_sdk::Latent;
use std::path::Path;
use std::sync::OnceLock;

/// Loads the model, encodes a prompt, makes identities of two faces; further nodes and outputs by the tests.
fn graph(nodes: &str, outputs: &[&str]) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodes/models/tests/goldens/small/models");
    let model = |name: &str| format!("{:?}", models.join(name).canonicalize().unwrap());
    let embedding = |step: usize| -> String {
        let numbers = (0..512).map(|i| format!("{:?}", ((i * step % 101) as f64 - 50.0) / 40.0));
        numbers.collect::<Vec<_>>().join(", ")
    };
    let outputs: Vec<String> = outputs.iter().map(|name| format!("{name:?}: Out(\"{name}.latent\")")).collect();
    format!(
        r##"Graph(version: 1, nodes: {{
            "base": LoadCheckpoint(checkpoint: {}),
            "text": EncodePrompts(clip: Out("base.clip"), prompt: "a portrait", negative: "blurry"),
            "instantid": LoadInstantID(instantid: {}),
            "identitynet": LoadControlNet(control_net: {}),
            "face": FaceEmbedding(embedding: [{}]),
            "other_face": FaceEmbedding(embedding: [{}]),
            "id": IDEmbed(instantid: Out("instantid.instantid"), face: Out("face.face")),
            "other_id": IDEmbed(instantid: Out("instantid.instantid"), face: Out("other_face.face")),
            "keypoints": SolidImage(width: 64, height: 64, color: "#804020"),
            "nowhere": SolidMask(width: 64, height: 64, value: 0),
            "empty": EmptyLatent(width: 64, height: 64),
            {nodes}
        }}, outputs: {{ {} }})"##,
        model("sdxl"),
        model("ip-adapter_sdxl.bin"),
        model("sdxl_controlnet_identity"),
        embedding(37),
        embedding(29),
        outputs.join(", "),
    )
}

/// An Image Adapter and IdentityNet that show an identity, named with a suffix.
fn person(suffix: &str, id: &str, adapter: &str, net: &str) -> String {
    format!(
        r#""adapter{suffix}": ImageAdapter(model: Out("base.model"), instantid: Out("instantid.instantid"), id: Out("{id}"), {adapter}),
        "net{suffix}": IdentityNet(net: Out("identitynet.control_net"), id: Out("{id}"), positive: Out("text.positive"),
            negative: Out("text.negative"), keypoints: Out("keypoints.image"), {net}),"#
    )
}

/// A sampler over a person.
fn sampler(name: &str, kind: &str, suffix: &str, settings: &str) -> String {
    format!(
        r#""{name}": {kind}(model: Out("adapter{suffix}.model"), positive: Out("net{suffix}.positive"),
            negative: Out("net{suffix}.negative"), {settings}),"#
    )
}

fn host() -> Host {
    Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).unwrap()
}

fn run(host: &Host, text: String, meter: &Meter) -> Outcome {
    let project = Project::around(&Disk, Document::parse("instantid.ron", text));
    let prepared = host.load(&project, &ArgValues::default(), Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let outcome = host.run(&prepared, &RunOptions { meter: meter.clone(), ..RunOptions::default() }, &());
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    outcome
}

fn samples(outcome: &Outcome, name: &str) -> Vec<f32> {
    let latent = outcome.output(name).unwrap().downcast::<Latent>().unwrap();
    assert!(latent.samples.data().iter().all(|x| x.is_finite()));
    latent.samples.data().to_vec()
}

/// A host that the tests share: what several of them need is computed once.
fn shared_host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(host)
}

/// The latents without InstantID, with the Image Adapter alone, and with both.
fn latents(adapter: &str, net: &str) -> [Vec<f32>; 3] {
    let settings = r#"latent: Out("empty.latent"), seed: 5, steps: 3"#;
    let nodes = [
        person("", "id.id", adapter, net),
        sampler("both", "Sampler", "", settings),
        format!(
            r#""plain": Sampler(model: Out("base.model"), positive: Out("text.positive"), negative: Out("text.negative"), {settings}),
            "face_only": Sampler(model: Out("adapter.model"), positive: Out("text.positive"), negative: Out("text.negative"), {settings}),"#
        ),
    ];
    let names = ["plain", "face_only", "both"];
    let outcome = run(shared_host(), graph(&nodes.concat(), &names), &Meter::default());
    names.map(|name| samples(&outcome, name))
}

#[test]
fn what_is_on_changes_the_picture() {
    let [plain, face, both] = latents("weight: 0.8", "strength: 0.8");
    assert_ne!(plain, face);
    assert_ne!(face, both);
}

#[test]
fn weight_and_strength_of_0_are_the_base_model() {
    let [plain, face, both] = latents("weight: 0", "strength: 0");
    assert_eq!(plain, face);
    assert_eq!(plain, both);
}

#[test]
fn a_mask_of_zeros_is_the_base_model() {
    let [plain, face, both] = latents(r#"mask: Out("nowhere.mask")"#, r#"mask: Out("nowhere.mask")"#);
    assert_eq!(plain, face);
    assert_eq!(plain, both);
}

#[test]
fn a_window_that_is_never_open_is_the_base_model() {
    let [plain, face, both] = latents("start: 0, end: 0", "start: 0, end: 0");
    assert_eq!(plain, face);
    assert_eq!(plain, both);
}

/// Rows of a batch do not know of each other: convolutions, norms and attention stay within a row, and every sum over channels,
/// pixels or tokens runs in the same order whichever row it is for. So this holds to the bit.
#[test]
fn swapping_the_identities_of_a_batch_swaps_its_pictures() {
    // The same noise for both pictures: any latents will do.
    let settings = r#"latent: Out("two.latent"), noise_latent: Out("noise.latent"), steps: 3"#;
    let alone = r#"latent: Out("empty.latent"), noise_latent: Out("alone.latent"), steps: 3"#;
    let nodes = [
        r#""two": EmptyLatent(width: 64, height: 64, batch_size: 2),
        "alone": Sampler(model: Out("base.model"), positive: Out("text.positive"), negative: Out("text.negative"),
            latent: Out("empty.latent"), seed: 5, steps: 1),
        "noise": BatchLatents(latents: [Out("alone.latent"), Out("alone.latent")]),
        "ids": IDBatch(ids: [Out("id.id"), Out("other_id.id")]),
        "swapped_ids": IDBatch(ids: [Out("other_id.id"), Out("id.id")]),"#
            .to_owned(),
        person("_of_both", "ids.id", "weight: 0.8", "strength: 0.8"),
        person("_of_swapped", "swapped_ids.id", "weight: 0.8", "strength: 0.8"),
        person("_of_first", "id.id", "weight: 0.8", "strength: 0.8"),
        sampler("both", "Sampler", "_of_both", settings),
        sampler("swapped", "Sampler", "_of_swapped", settings),
        sampler("first", "Sampler", "_of_first", alone),
    ];
    let outcome = run(shared_host(), graph(&nodes.concat(), &["both", "swapped", "first"]), &Meter::default());
    let [both, swapped, first] = ["both", "swapped", "first"].map(|name| samples(&outcome, name));
    let ((one, other), (swapped_one, swapped_other)) = (both.split_at(first.len()), swapped.split_at(first.len()));
    assert_ne!(one, other);
    assert_eq!(one, swapped_other);
    assert_eq!(other, swapped_one);
    assert_eq!(one, first, "a picture in a batch is the picture alone");
}

#[test]
fn a_batch_of_other_size_than_its_identities_is_refused() {
    let nodes = [
        r#""ids": IDBatch(ids: [Out("id.id"), Out("other_id.id"), Out("id.id")]),
        "two": EmptyLatent(width: 64, height: 64, batch_size: 2),"#
            .to_owned(),
        person("", "ids.id", "weight: 0.8", "strength: 0"),
        sampler("both", "Sampler", "", r#"latent: Out("two.latent"), steps: 1"#),
    ];
    let project = Project::around(&Disk, Document::parse("instantid.ron", graph(&nodes.concat(), &["both"])));
    let prepared = shared_host().load(&project, &ArgValues::default(), Targets::All).unwrap();
    let outcome = shared_host().run(&prepared, &RunOptions::default(), &());
    let failure = outcome.failures.first().map(|failure| format!("{failure:?}")).unwrap();
    assert!(failure.contains("adapter tokens: expected 1 row or 2 (the batch), got 3"), "{failure}");
}

/// How often each kind of work is done by a graph with one sampler, on a host that knows nothing yet.
fn counts(kind: &str, net: &str, settings: &str) -> impl Fn(Work) -> u64 {
    let settings = format!(r#"latent: Out("empty.latent"), {settings}"#);
    let nodes = [person("", "id.id", "weight: 0.8", net), sampler("both", kind, "", &settings)];
    let meter = Meter::default();
    run(&host(), graph(&nodes.concat(), &["both"]), &meter);
    move |work| meter.done(work).count
}

#[test]
fn what_does_not_change_over_the_steps_is_computed_once() {
    let count = counts("Sampler", "strength: 0.8", "steps: 7");
    assert_eq!((count(Work::Sampling), count(Work::UNet), count(Work::ControlNet)), (1, 7, 7));
    // The ID tokens' keys and values: the adapter's in the UNet, and IdentityNet's own beside the UNet's of the text.
    assert_eq!((count(Work::AdapterKv), count(Work::ContextKv)), (1, 2));
    assert_eq!(count(Work::HintEmbedding), 1);
    assert_eq!((count(Work::Resampler), count(Work::TextEncoder)), (1, 1));
    assert_eq!((count(Work::VaeEncode), count(Work::VaeDecode), count(Work::FaceAnalysis)), (0, 0, 0));
}

/// Source: diffusers' pipelines: step i of n counts unless `i / n < start` or `(i + 1) / n > end`.
#[test]
fn identity_net_is_not_evaluated_outside_of_its_steps() {
    let count = counts("PipelineSampler", "start: 0.2, end: 0.7", "steps: 10");
    // Steps 2 to 6.
    assert_eq!((count(Work::UNet), count(Work::ControlNet)), (10, 5));
    assert_eq!((count(Work::AdapterKv), count(Work::ContextKv), count(Work::HintEmbedding)), (1, 2, 1));
}

/// Source: ComfyUI: a window in fractions p of a run is one in noise levels, from those of timestep 999 (1 - p).
#[test]
fn identity_net_is_not_evaluated_outside_of_its_noise_levels() {
    let count = counts("Sampler", "start: 0.25, end: 0.55", r#"steps: 10, schedule: "normal""#);
    // The schedule's timesteps are 999, 888, .. 0, and the window is 749.25 to 449.55: 666 and 555.
    assert_eq!((count(Work::UNet), count(Work::ControlNet)), (10, 2));
    assert_eq!((count(Work::AdapterKv), count(Work::ContextKv), count(Work::HintEmbedding)), (1, 2, 1));
}

#[test]
fn identity_net_that_never_works_is_not_even_prepared() {
    for net in ["strength: 0", "start: 0, end: 0"] {
        let count = counts("PipelineSampler", net, "steps: 3");
        assert_eq!((count(Work::UNet), count(Work::ControlNet)), (3, 0), "{net}");
        assert_eq!((count(Work::ContextKv), count(Work::HintEmbedding)), (1, 0), "{net}");
    }
}

/// Two people by MultiID, at the left and the right, and what is sampled from it. The order of the lists is the tests'.
fn two_people(name: &str, ids: [&str; 2], places: [&str; 2]) -> String {
    format!(
        r#""{name}_people": MultiID(model: Out("base.model"), instantid: Out("instantid.instantid"), net: Out("identitynet.control_net"),
            ids: [Out("{}.id"), Out("{}.id")], places: [Out("{}.keypoints"), Out("{}.keypoints")],
            positive: Out("text.positive"), negative: Out("text.negative")),
        "{name}": Sampler(model: Out("{name}_people.model"), positive: Out("{name}_people.positive"),
            negative: Out("{name}_people.negative"), latent: Out("empty.latent"), seed: 5, steps: 3),"#,
        ids[0], ids[1], places[0], places[1],
    )
}

const PLACES: &str = r#""view": KeypointPreset(view: "front", width: 64, height: 64),
    "left": PlaceKeypoints(keypoints: Out("view.keypoints"), x: 0.25, face_width: 0.2),
    "right": PlaceKeypoints(keypoints: Out("view.keypoints"), x: 0.75, face_width: 0.2),"#;

#[test]
fn several_people_take_one_pass() {
    let nodes = [PLACES.to_owned(), two_people("both", ["id", "other_id"], ["left", "right"])];
    let meter = Meter::default();
    run(&host(), graph(&nodes.concat(), &["both"]), &meter);
    let count = |work| meter.done(work).count;
    assert_eq!((count(Work::UNet), count(Work::ControlNet)), (3, 6));
    assert_eq!((count(Work::AdapterKv), count(Work::HintEmbedding)), (2, 2));
}

#[test]
fn where_somebody_is_counts_and_not_their_number() {
    let nodes = [
        PLACES.to_owned(),
        two_people("both", ["id", "other_id"], ["left", "right"]),
        two_people("turned", ["other_id", "id"], ["right", "left"]),
        two_people("swapped", ["other_id", "id"], ["left", "right"]),
    ];
    let names = ["both", "turned", "swapped"];
    let outcome = run(shared_host(), graph(&nodes.concat(), &names), &Meter::default());
    let [both, turned, swapped] = names.map(|name| samples(&outcome, name));
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    // The attention of both is added in another order, so sums differ by what f32 rounds: the last of 24 bits, over three steps.
    let largest = both.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    assert!(distance(&both, &turned) < 1e-4 * largest, "{}", distance(&both, &turned));
    assert!(distance(&both, &swapped) > 1e-2 * largest, "{}", distance(&both, &swapped));
}

#[test]
fn one_person_everywhere_is_the_adapter_and_identity_net() {
    let nodes = [
        PLACES.to_owned(),
        r#""drawn": DrawKeypoints(faces: Out("left.keypoints")),
        "everywhere": SolidMask(width: 64, height: 64, value: 1),
        "one_people": MultiID(model: Out("base.model"), instantid: Out("instantid.instantid"), net: Out("identitynet.control_net"),
            ids: Out("id.id"), places: Out("left.keypoints"), masks: Out("everywhere.mask"), weights: [0.7], strengths: [0.6],
            positive: Out("text.positive"), negative: Out("text.negative")),
        "one": Sampler(model: Out("one_people.model"), positive: Out("one_people.positive"),
            negative: Out("one_people.negative"), latent: Out("empty.latent"), seed: 5, steps: 3),"#
            .to_owned(),
        person("", "id.id", "weight: 0.7", "strength: 0.6").replace("keypoints.image", "drawn.image"),
        sampler("both", "Sampler", "", r#"latent: Out("empty.latent"), seed: 5, steps: 3"#),
    ];
    let outcome = run(shared_host(), graph(&nodes.concat(), &["one", "both"]), &Meter::default());
    assert_eq!(samples(&outcome, "one"), samples(&outcome, "both"));
}

#[test]
fn switches_for_comfyui() {
    // The middle block has the last two of the tiny model's 17 layers (down, up, middle).
    let off = "weight: 0.8, skip_middle: true";
    let zeros = format!("weight: 0.8, layer_weights: [{}0, 0]", "1, ".repeat(15));
    let [_, skipped, _] = latents(off, "strength: 0");
    assert_eq!(latents(&zeros, "strength: 0")[1], skipped);
    assert_ne!(latents("weight: 0.8", "strength: 0")[1], skipped);

    // A ControlNet that shares the identity is IdentityNet.
    let settings = r#"latent: Out("empty.latent"), seed: 5, steps: 3"#;
    let nodes = [
        person("", "id.id", "weight: 0.8", "strength: 0.8"),
        sampler("both", "Sampler", "", settings),
        format!(
            r#""text_net": ControlNet(net: Out("identitynet.control_net"), positive: Out("text.positive"),
                negative: Out("text.negative"), image: Out("keypoints.image"), strength: 0.8),
            "shared_net": ShareIdentity(id: Out("id.id"), positive: Out("text_net.positive"), negative: Out("text_net.negative")),
            "shared": Sampler(model: Out("adapter.model"), positive: Out("shared_net.positive"),
                negative: Out("shared_net.negative"), {settings}),
            "apart": Sampler(model: Out("adapter.model"), positive: Out("text_net.positive"),
                negative: Out("text_net.negative"), {settings}),"#
        ),
    ];
    let outcome = run(shared_host(), graph(&nodes.concat(), &["both", "shared", "apart"]), &Meter::default());
    assert_eq!(samples(&outcome, "shared"), samples(&outcome, "both"));
    assert_ne!(samples(&outcome, "apart"), samples(&outcome, "both"));
}
