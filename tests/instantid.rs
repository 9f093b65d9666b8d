//! What must hold of InstantID whatever the weights are, on the tiny random model of the tests: what is switched off does
//! nothing at all, to the bit.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, RunOptions};
use selfsame_sdk::Latent;
use std::path::Path;
use std::sync::OnceLock;

/// Denoises under a prompt, with an Image Adapter and IdentityNet whose settings the tests choose.
fn graph(adapter: &str, net: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodes/models/tests/goldens/small/models");
    let model = |name: &str| format!("{:?}", models.join(name).canonicalize().unwrap());
    let embedding: Vec<String> = (0..512).map(|i| format!("{:?}", ((i * 37 % 101) as f64 - 50.0) / 40.0)).collect();
    format!(
        r##"Graph(version: 1, nodes: {{
            "base": LoadCheckpoint(checkpoint: {}),
            "text": EncodePrompts(clip: Out("base.clip"), prompt: "a portrait", negative: "blurry"),
            "instantid": LoadInstantID(instantid: {}),
            "identitynet": LoadControlNet(control_net: {}),
            "face": FaceEmbedding(embedding: [{}]),
            "id": IDEmbed(instantid: Out("instantid.instantid"), faces: Out("face.face")),
            "keypoints": SolidImage(width: 64, height: 64, color: "#804020"),
            "nowhere": SolidMask(width: 64, height: 64, value: 0),
            "adapter": ImageAdapter(model: Out("base.model"), instantid: Out("instantid.instantid"), id: Out("id.id"), {adapter}),
            "net": IdentityNet(net: Out("identitynet.control_net"), id: Out("id.id"), positive: Out("text.positive"),
                negative: Out("text.negative"), keypoints: Out("keypoints.image"), {net}),
            "empty": EmptyLatent(width: 64, height: 64),
            "plain": Sampler(model: Out("base.model"), positive: Out("text.positive"), negative: Out("text.negative"),
                latent: Out("empty.latent"), seed: 5, steps: 3),
            "face_only": Sampler(model: Out("adapter.model"), positive: Out("text.positive"), negative: Out("text.negative"),
                latent: Out("empty.latent"), seed: 5, steps: 3),
            "both": Sampler(model: Out("adapter.model"), positive: Out("net.positive"), negative: Out("net.negative"),
                latent: Out("empty.latent"), seed: 5, steps: 3),
        }}, outputs: {{ "plain": Out("plain.latent"), "face_only": Out("face_only.latent"), "both": Out("both.latent") }})"##,
        model("sdxl"),
        model("ip-adapter_sdxl.bin"),
        model("sdxl_controlnet_identity"),
        embedding.join(", "),
    )
}

/// The latents without InstantID, with the Image Adapter alone, and with both.
fn latents(adapter: &str, net: &str) -> [Vec<f32>; 3] {
    static HOST: OnceLock<Host> = OnceLock::new();
    let host =
        HOST.get_or_init(|| Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).unwrap());
    let project = Project::around(&Disk, Document::parse("instantid.ron", graph(adapter, net)));
    let prepared = host.load(&project, &ArgValues::default(), Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let outcome = host.run(&prepared, &RunOptions::default(), &());
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    ["plain", "face_only", "both"]
        .map(|name| outcome.output(name).unwrap().downcast::<Latent>().unwrap().samples.data().to_vec())
}

#[test]
fn what_is_on_changes_the_picture() {
    let [plain, face, both] = latents("weight: 0.8", "strength: 0.8");
    assert!(plain.iter().all(|x| x.is_finite()));
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
    let [plain, face, _] = latents(r#"mask: Out("nowhere.mask")"#, "strength: 0");
    assert_eq!(plain, face);
}

#[test]
fn a_window_that_is_never_open_is_the_base_model() {
    let [plain, face, both] = latents("start: 0, end: 0", "start: 0, end: 0");
    assert_eq!(plain, face);
    assert_eq!(plain, both);
}
