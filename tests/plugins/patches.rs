//! Model patches of plugins: InstantID's Image Adapter rebuilt to the bit, blocks that are added to, and what goes wrong.

use crate::kit::*;
use crate::models::*;
use selfsame_host::plugin::Plugin;
use selfsame_host::{NodeState, RunOptions};
use selfsame_models::Work;

/// A sampling of this model with these conditions.
fn sample(kind: &str, model: &str, settings: &str) -> String {
    format!(
        r#""y": {kind}(model: Out("{model}"), positive: Out("text.positive"), negative: Out("text.negative"), seed: 5, steps: 4,
            {settings}),"#
    )
}

/// The host's Image Adapter.
fn image_adapter(settings: &str) -> String {
    format!(r#""m": ImageAdapter(model: Out("base.model"), instantid: Out("instantid.instantid"), {settings}),"#)
}

/// The plugin's.
fn face_attention(settings: &str) -> String {
    format!(
        r#""p": FaceAttention(model: Out("base.model"), instantid: {}, {settings}),
        "m": PatchModel(model: Out("base.model"), patch: Out("p.patch")),"#,
        model("ip-adapter_sdxl.bin")
    )
}

#[test]
fn the_image_adapter_of_a_plugin_is_that_of_the_host_to_the_bit() {
    // The tiny model has 17 layers.
    let weights: Vec<String> = (0..17).map(|i| format!("{:?}", f64::from(i % 5) / 4.0)).collect();
    let weights = format!(r#"id: Out("id.id"), weight: 0.7, layer_weights: [{}]"#, weights.join(", "));
    let one = r#"latent: Out("empty.latent")"#;
    let two = r#"latent: Out("two.latent")"#;
    let alone = r#"latent: Out("empty.latent"), guidance_scale: 1"#;
    let cases = [
        (r#"id: Out("id.id")"#, one),
        (r#"id: Out("id.id")"#, alone),
        (r#"id: Out("id.id"), weight: 1.3, mask: Out("left.mask")"#, one),
        (r#"id: Out("id.id"), start: 0.2, end: 0.8"#, one),
        (&weights, one),
        (r#"id: Out("id.id")"#, two),
        (r#"id: Out("ids.id"), mask: Out("left.mask")"#, two),
    ];
    let ids = r#""ids": IDBatch(ids: [Out("id.id"), Out("other_id.id")]),"#;
    for kind in ["Sampler", "PipelineSampler"] {
        let plain = latents(dynamic(), &sample(kind, "base.model", one), "y.latent");
        for (settings, latent) in cases {
            let sampler = sample(kind, "m.model", latent);
            let expected = latents(dynamic(), &format!("{ids}{}{sampler}", image_adapter(settings)), "y.latent");
            assert_ne!(expected, plain);
            for host in [dynamic(), compiled_in()] {
                let got = latents(host, &format!("{ids}{}{sampler}", face_attention(settings)), "y.latent");
                assert_eq!(got, expected, "{kind} {settings}");
            }
        }
    }
}

/// Attention is hooked into once for each layer and sampling: it stays as fast as the host's own.
#[test]
fn attention_is_asked_once() {
    let nodes = format!(
        "{}{}",
        face_attention(r#"id: Out("id.id")"#),
        sample("Sampler", "m.model", r#"latent: Out("empty.latent")"#)
    );
    assert_eq!((count(Work::AdapterKv, &nodes, "y.latent"), count(Work::UNet, &nodes, "y.latent")), (1, 4));
}

#[test]
fn a_file_without_an_adapter_is_refused() {
    let nodes = format!(
        "{}{}",
        face_attention(r#"id: Out("id.id")"#).replace("ip-adapter_sdxl.bin", "loras/sdxl_kohya_ldmblocks.safetensors"),
        sample("Sampler", "m.model", r#"latent: Out("empty.latent")"#)
    );
    let outcome = outcome(dynamic(), &nodes, "y.latent");
    assert_eq!(state(&outcome, "p"), NodeState::Failed);
    assert!(failure(&outcome).contains("has no `ip_adapter.1.to_k_ip.weight`"), "{}", failure(&outcome));
}

/// Patches, one after the other, on the model that is sampled.
fn patched(patches: &[&str]) -> String {
    let mut nodes = String::new();
    let mut model = "base.model".to_owned();
    for (i, patch) in patches.iter().enumerate() {
        nodes += &format!(r#""p{i}": {patch}, "m{i}": PatchModel(model: Out("{model}"), patch: Out("p{i}.patch")),"#);
        model = format!("m{i}.model");
    }
    nodes + &sample("Sampler", &model, r#"latent: Out("empty.latent")"#)
}

#[test]
fn blocks_are_added_to() {
    let plain = latents(dynamic(), &patched(&[]), "y.latent");
    assert_eq!(latents(dynamic(), &patched(&["ScaleBackbone(scale: 1)"]), "y.latent"), plain);
    let [loaded, compiled] =
        [dynamic(), compiled_in()].map(|host| latents(host, &patched(&["ScaleBackbone()"]), "y.latent"));
    assert_eq!(loaded, compiled);
    assert_ne!(loaded, plain);
    let one = latents(dynamic(), &patched(&[r#"ScaleBackbone(places: "output_blocks.0")"#]), "y.latent");
    assert_ne!(one, plain);
    assert_ne!(one, loaded);
}

/// Powers of two are exact, so that two patches of 2 are one of 4: the second one sees what the first one has made.
#[test]
fn patches_work_on_what_those_before_them_made() {
    let once = latents(dynamic(), &patched(&["ScaleBackbone(scale: 4)"]), "y.latent");
    let twice = latents(dynamic(), &patched(&["ScaleBackbone(scale: 2)", "ScaleBackbone(scale: 2)"]), "y.latent");
    assert_eq!(once, twice);
}

#[test]
fn order_is_priority_and_then_that_of_the_graph() {
    let run = |patches: &[&str]| latents(hostile(), &patched(patches), "y.latent");
    let (clear, add) = (r#"MiddlePatch(change: "clear")"#, r#"MiddlePatch(change: "add_one")"#);
    let add_first = r#"MiddlePatch(change: "add_one", priority: -1)"#;
    let (nothing, one) = (run(&[clear]), run(&[clear, add]));
    assert_ne!(nothing, one);
    assert_eq!(run(&[add, clear]), nothing);
    assert_eq!(run(&[clear, add_first]), nothing);
    let both_late = [clear, add].map(|patch| patch.replace(')', ", priority: 3)"));
    assert_eq!(run(&[&both_late[0], &both_late[1]]), one, "equal ones in the order of the graph");
}

/// The same number added to all keys changes no softmax; added to values it is added to what attention gives.
#[test]
fn parts_of_attention_are_added_to() {
    let run = |part: &str, places: &str| {
        let patch = format!("AttentionPatch(part: {part:?}, places: {places:?})");
        latents(hostile(), &patched(&[&patch]), "y.latent").into_iter().map(f32::from_bits).collect::<Vec<f32>>()
    };
    let plain: Vec<f32> = latents(hostile(), &patched(&[]), "y.latent").into_iter().map(f32::from_bits).collect();
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let largest = plain.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    for layer in ["down_blocks.1.attentions.0.transformer_blocks.0.attn1", "*.attn2"] {
        let [query, key, value, out] = ["query", "key", "value", "attention"].map(|part| run(part, layer));
        assert!(distance(&query, &plain) > 1e-3 * largest, "{layer}");
        assert!(distance(&key, &plain) < 1e-3 * largest, "{layer}: {}", distance(&key, &plain));
        assert!(distance(&value, &plain) > 1e-3 * largest, "{layer}");
        assert!(distance(&value, &out) < 1e-3 * largest, "{layer}: {}", distance(&value, &out));
    }
}

/// A patch is told where it is asked, and for whom.
#[test]
fn a_patch_knows_its_place() {
    let path = "down_blocks.1.attentions.0.transformer_blocks.0.attn1";
    let patch = format!(r#"AttentionPatch(part: "query", places: {path:?})"#);
    let nodes = patched(&[&patch]).replace("empty.latent", "two.latent").replace("steps: 4", "steps: 1");
    let (events, folder) = (Events::default(), tempfile::tempdir().unwrap());
    run_with(hostile(), folder.path(), &sampling(&nodes, "y.latent"), &RunOptions::default(), &events);
    let [log] = &events.named("log")[..] else { panic!("{:?}", events.named("log")) };
    // Layer 0 of 8 × 8 latents, halved; two rows of the positive prompt and two of the negative one.
    let message = log["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("0 {path} ")), "{message}");
    assert!(message.contains(" [8, 8] [1, 1, -1, -1] f32 [4, 16, "), "{message}");
}

/// The model that was patched is another value; the one before goes on as it was.
#[test]
fn the_model_itself_stays_as_it_is() {
    let plain = latents(dynamic(), &patched(&[]), "y.latent");
    latents(dynamic(), &patched(&["ScaleBackbone(scale: 3)"]), "y.latent");
    let nodes =
        patched(&["ScaleBackbone(scale: 3)"]).replace(r#"model: Out("m0.model")"#, r#"model: Out("base.model")"#);
    assert_eq!(latents(dynamic(), &nodes, "y.latent"), plain);
}

/// A patch goes with the process that has it; what is made of it is made again.
#[test]
fn a_lost_patch_is_made_again() {
    let plugin = Plugin::load_isolated(&library("selfsame-fixtures"), &isolation()).unwrap();
    let host = host(&plugin);
    let through_a_denoiser = r#"
        "d": Denoiser(model: Out("m0.model"), positive: Out("text.positive"), negative: Out("text.negative")),
        "s": Sigmas(model: Out("base.model"), steps: 4),
        "x": AddNoise(model: Out("base.model"), latent: Out("empty.latent"), sigmas: Out("s.sigmas"), seed: 6),
        "rule": SelectSampler(),
        "z": CustomSampler(denoiser: Out("d.denoiser"), sampler: Out("rule.sampler"), latent: Out("x.latent"),
            sigmas: Out("s.sigmas")),"#;
    let nodes = patched(&[r#"MiddlePatch(change: "add_one")"#]) + through_a_denoiser;
    let first = latents(&host, &nodes, "y.latent");
    let crash = || failure(&outcome(&host, r#""deed": Deed(deed: "exit"),"#, "deed.number"));
    assert!(crash().contains("exit code 3"));
    // Another seed, so that it is sampled anew, by values that are still known.
    let other = latents(&host, &nodes.replace("seed: 5", "seed: 6"), "y.latent");
    assert_ne!(first, other);
    assert!(crash().contains("exit code 3"));
    assert_eq!(latents(&host, &nodes, "z.latent"), other);
}

#[test]
fn what_a_patch_does_wrong_is_told() {
    let report = "| this is a mistake in the patch; please report it to its author";
    let patch = "the patch BadPatch";
    let cases = [
        ("shape", format!("{patch} at output_blocks.0: it gave [[1, 1, 1, 1]]; expected [[2, "), report),
        ("not_finite", format!("{patch} at output_blocks.0: it gave the number NaN"), report),
        ("too_many", format!("{patch} at output_blocks.0: "), "| -"),
        (
            "panics",
            format!("{patch} at output_blocks.0: the node panicked at plugins/fixtures/src/bad_patch.rs"),
            "author",
        ),
        (
            "fails",
            format!("{patch} at output_blocks.0: it does not want to (plugin selfsame-fixtures"),
            "| ask another",
        ),
        ("keys", format!("{patch} at down_blocks."), report),
        ("no_values", format!("{patch} at down_blocks."), report),
        ("place", format!("hook 0 of {patch}: the network has no place `output_blocks.77` among "), "| -"),
        ("window", format!("hook 0 of {patch}: it works from 0.5 to 0.25; expected fractions"), "| -"),
        ("weights", format!("hook 0 of {patch}: its weights are [1.0, 1.0, 1.0]; expected one number"), "| -"),
        ("hooks", "a patch does not say where it works (status 7)".to_owned(), "| -"),
    ];
    let nodes = |wrong: &str| patched(&[&format!("BadPatch(wrong: {wrong:?})")]);
    let plain = latents(hostile(), &patched(&[]), "y.latent");
    for (wrong, start, end) in cases {
        let outcome = outcome(hostile(), &nodes(wrong), "y.latent");
        assert_eq!(state(&outcome, "y"), NodeState::Failed, "{wrong}");
        let told = failure(&outcome);
        assert!(told.starts_with(&format!("-: {start}")) && told.ends_with(end), "{wrong}: {told}");
        // The same host goes on.
        assert_eq!(latents(hostile(), &nodes("nothing"), "y.latent"), plain);
    }
}
