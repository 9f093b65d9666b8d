//! ControlNets in graphs, on the tiny random model of the tests: several at once, a text of their own, pictures of other sizes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, RunOptions};
use selfsame_sdk::Latent;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodes/models/tests/goldens/small/models").canonicalize().unwrap()
}

/// Latents under ControlNets: `nodes` end in a node `net` with outputs `positive` and `negative`.
fn latents(nodes: &str) -> Result<Vec<f32>, String> {
    latents_of(&models().join("sdxl_controlnet_identity"), nodes)
}

/// The same with the ControlNet of a folder.
fn latents_of(folder: &Path, nodes: &str) -> Result<Vec<f32>, String> {
    static HOST: OnceLock<Host> = OnceLock::new();
    let host =
        HOST.get_or_init(|| Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).unwrap());
    let graph = format!(
        r##"Graph(version: 1, nodes: {{
            "base": LoadCheckpoint(checkpoint: {:?}),
            "text": EncodePrompts(clip: Out("base.clip"), prompt: "a portrait", negative: "blurry"),
            "other": EncodePrompts(clip: Out("base.clip"), prompt: "a house by the sea", negative: "a portrait"),
            "file": LoadControlNet(control_net: {folder:?}),
            "dark": SolidImage(width: 64, height: 64, color: "#101418"),
            "spot": EllipseMask(width: 40, height: 56, center_x: 18.0, center_y: 20.0, radius_x: 9.0, radius_y: 14.0),
            "small": ImageFromMask(mask: Out("spot.mask")),
            "exact": ResizeImage(image: Out("small.image"), width: 64, height: 64, whole_levels: true),
            {nodes}
            "empty": EmptyLatent(width: 64, height: 64),
            "latent": Sampler(model: Out("base.model"), positive: Out("net.positive"), negative: Out("net.negative"),
                latent: Out("empty.latent"), seed: 5, steps: 2),
        }}, outputs: {{ "latent": Out("latent.latent") }})"##,
        models().join("sdxl"),
    );
    let project = Project::around(&Disk, Document::parse("control.ron", graph));
    let prepared = host.load(&project, &ArgValues::default(), Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let outcome = host.run(&prepared, &RunOptions::default(), &());
    match outcome.failures.first() {
        Some(failure) => Err(failure.to_string()),
        None => Ok(outcome.output("latent").unwrap().downcast::<Latent>().unwrap().samples.data().to_vec()),
    }
}

/// A ControlNet on the conditioning of another node.
fn net(id: &str, before: &str, image: &str, rest: &str) -> String {
    format!(
        r#""{id}": ControlNet(net: Out("file.control_net"), positive: Out("{before}.positive"), negative: Out("{before}.negative"),
            image: Out("{image}.image"), {rest}),"#
    )
}

/// The largest difference.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_text_of_its_own() {
    let plain = latents(&net("net", "text", "exact", "")).unwrap();
    let with = |rest: &str| latents(&net("net", "text", "exact", rest)).unwrap();
    // The texts that it would read anyway.
    assert_eq!(with(r#"text: Out("text.positive"), negative_text: Out("text.negative")"#), plain);
    // Each side has its own.
    let (first, second) = (with(r#"text: Out("other.positive")"#), with(r#"negative_text: Out("other.negative")"#));
    let both = with(r#"text: Out("other.positive"), negative_text: Out("other.negative")"#);
    for pair in [[&first, &plain], [&second, &plain], [&both, &first], [&both, &second]] {
        assert!(distance(pair[0], pair[1]) > 1e-4);
    }
    let two = format!(
        r#""two": CombineConditioning(conditionings: [Out("text.positive"), Out("other.positive")]), {}"#,
        net("net", "text", "exact", r#"text: Out("two.conditioning")"#)
    );
    let error = latents(&two).unwrap_err();
    assert!(error.contains("input `text`: expected one encoded prompt, got 2"), "{error}");
}

#[test]
fn several_add_up_and_each_has_its_own_strength_and_time() {
    let one = latents(&net("net", "text", "exact", "strength: 0.7")).unwrap();
    let after = |first: &str, image: &str| {
        latents(&(net("before", "text", image, first) + &net("net", "before", "exact", "strength: 0.7"))).unwrap()
    };
    // One that never works changes nothing.
    assert_eq!(after("strength: 0", "dark"), one);
    assert_eq!(after("start: 0, end: 0", "dark"), one);
    assert!(distance(&after("strength: 0.5", "dark"), &one) > 1e-4);
    // Two halves are a whole.
    let halves = net("before", "text", "exact", "strength: 0.35") + &net("net", "before", "exact", "strength: 0.35");
    assert!(distance(&latents(&halves).unwrap(), &one) < 1e-4);
    // The order does not matter.
    let turned = net("before", "text", "exact", "strength: 0.7") + &net("net", "before", "dark", "strength: 0.5");
    assert!(distance(&latents(&turned).unwrap(), &after("strength: 0.5", "dark")) < 1e-4);
}

#[test]
fn a_picture_of_another_size_is_stretched_as_diffusers_does() {
    let of = |image: &str| latents(&net("net", "text", image, "")).unwrap();
    assert_eq!(of("small"), of("exact"));
    assert!(distance(&of("small"), &of("dark")) > 1e-4);
}

/// Its middle block is residual, or has an attention of no layers.
#[test]
fn one_without_cross_attention_fits_any_text() {
    let whole = models().join("sdxl_controlnet_identity");
    let weights = "diffusion_pytorch_model.safetensors";
    let config = std::fs::read_to_string(whole.join("config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    for middle in ["UNetMidBlock2D", "UNetMidBlock2DCrossAttn"] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config.clone();
        config["down_block_types"] = ["DownBlock2D"; 3].into();
        config["mid_block_type"] = middle.into();
        config["transformer_layers_per_block"] = 0.into();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let is_in = |name: &str| match middle {
            "UNetMidBlock2D" => !name.contains("attentions") && !name.starts_with("mid_block.resnets.1."),
            _ => {
                !name.contains("transformer_blocks") && (!name.contains("attentions") || name.starts_with("mid_block"))
            }
        };
        let mut tensors = candle_core::safetensors::load(whole.join(weights), &candle_core::Device::Cpu).unwrap();
        tensors.retain(|name, _| is_in(name));
        candle_core::safetensors::save(&tensors, folder.path().join(weights)).unwrap();

        let of = |image: &str, rest: &str| latents_of(folder.path(), &net("net", "text", image, rest)).unwrap();
        assert!(distance(&of("exact", ""), &of("dark", "")) > 1e-4);
        assert!(distance(&of("exact", ""), &of("exact", "strength: 0")) > 1e-4);
    }
}
