//! What it costs to sample by a plugin, and to be patched by one.
//!
//! `cargo bench -p selfsame --bench plugin_sampling`, and a name such as `boundary` for a part of it.
//!
//! | group | what is measured |
//! |---|---|
//! | `boundary` | 20 steps of Euler with a denoiser that gives its latents back, [1,4,128,128]: the loop itself, compiled in and from a library |
//! | `sampler` | 4 steps of the bundled tiny model at 256 × 256: `Sampler`, a built-in rule as a value, a loop of a plugin |
//! | `attention` | the same with the Image Adapter of the host, and with that of a plugin, which is asked once |
//! | `block` | the same with a patch of a plugin at one block, and at all blocks of the way up, asked in every step |

use criterion::Criterion;
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::plugin::Plugin;
use selfsame_host::{Host, HostSettings, Nodes, RunOptions, RunResult};
use selfsame_sdk::prelude::*;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Denoiser, DenoiserInfo, Estimate, NodeType, Prediction};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Gives its latents back.
struct Echo;

impl Denoiser for Echo {
    fn info(&self) -> DenoiserInfo {
        DenoiserInfo { prediction: Prediction::Sample, channels: 4 }
    }

    fn sigmas(&self) -> &[f64] {
        &[0.03, 14.6]
    }

    fn predict(&self, _: Ctx, x: &Tensor, _: f64, _: bool) -> Result<Estimate> {
        Ok(Estimate { denoised: x.clone(), uncond: None })
    }
}

fn samples() -> Arc<Plugin> {
    let exe = std::env::current_exe().expect("the path of this program");
    let library = exe.with_file_name(format!("{DLL_PREFIX}selfsame_samples{DLL_SUFFIX}"));
    Plugin::load(&library).expect("cargo has built the sample nodes beside this")
}

fn boundary(c: &mut Criterion) {
    let find = |nodes: &[Arc<dyn NodeType>]| {
        nodes.iter().find(|node| node.descriptor().name == "EulerSampler").expect("it is a sample").clone()
    };
    let (compiled_in, loaded) = (find(&selfsame_samples::all()), find(samples().nodes()));
    let (host, shape) = (TestHost::new(), [1, 4, 128, 128]);
    let samples = Tensor::new(shape, vec![0.5; shape.iter().product()]).expect("as many values");
    let sigmas = (0..=20).rev().map(|i| Value::Float(f64::from(i) / 2.0));
    let inputs = [
        ("denoiser", Value::Object(DenoiserValue::new(Echo).object().clone())),
        ("latent", Value::object(Latent::new(samples).expect("latents"))),
        ("sigmas", Value::list(sigmas)),
    ];
    let mut group = c.benchmark_group("boundary");
    for (name, node) in [("compiled_in", compiled_in), ("library", loaded)] {
        group.bench_function(name, |b| b.iter(|| black_box(host.run(&*node, &inputs).expect("it samples"))));
    }
    group.finish();
}

/// The parts that all graphs have; the sampling is called `y`.
fn graph(nodes: &str, seed: u64) -> Project {
    let numbers: Vec<String> = (0..512).map(|i| format!("{:?}", f64::from(i * 37 % 101 - 50) / 40.0)).collect();
    let nodes = nodes.replace("SEED", &seed.to_string());
    let text = format!(
        r#"Graph(version: 1, nodes: {{
            "base": LoadCheckpoint(checkpoint: "tiny"),
            "text": EncodePrompts(clip: Out("base.clip"), prompt: "a portrait", negative: "blurry"),
            "instantid": LoadInstantID(instantid: "tiny"),
            "face": FaceEmbedding(embedding: [{}]),
            "id": IDEmbed(instantid: Out("instantid.instantid"), face: Out("face.face")),
            "empty": EmptyLatent(width: 256, height: 256),
            {nodes}
        }}, outputs: {{"y": Out("y.latent")}})"#,
        numbers.join(", ")
    );
    Project::around(&Disk, Document::parse("bench.ron", text))
}

fn sampler(model: &str, settings: &str) -> String {
    format!(
        r#""y": Sampler(model: Out("{model}"), positive: Out("text.positive"), negative: Out("text.negative"),
            latent: Out("empty.latent"), seed: SEED, steps: 4, {settings}),"#
    )
}

fn bench(c: &mut Criterion, host: &Host, group: &str, cases: &[(&str, String)]) {
    let mut group = c.benchmark_group(group);
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (name, nodes) in cases {
        // Every time another seed, so that the sampling is not known.
        let mut seed = 0;
        let mut load = || {
            seed += 1;
            host.load(&graph(nodes, seed), &ArgValues::default(), Targets::All).expect("a graph without mistakes")
        };
        group.bench_function(*name, |b| {
            b.iter_batched(
                &mut load,
                |prepared| {
                    let outcome = host.run(&prepared, &RunOptions::default(), &());
                    assert_eq!(outcome.result, RunResult::Ok, "{:?}", outcome.failures);
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    boundary(&mut c);

    let mut nodes = Nodes::built_in();
    nodes.add_plugin(&samples()).expect("these nodes do not contradict each other");
    let settings = HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() };
    let host = Host::new(settings).expect("a host on the CPU");

    let by_value = format!(
        r#""rule": SelectSampler(sampler: "euler"),{}"#,
        sampler("base.model", r#"custom_sampler: Out("rule.sampler")"#)
    );
    let by_plugin = r#"
        "d": Denoiser(model: Out("base.model"), positive: Out("text.positive"), negative: Out("text.negative")),
        "s": Sigmas(model: Out("base.model"), steps: 4),
        "x": AddNoise(model: Out("base.model"), latent: Out("empty.latent"), sigmas: Out("s.sigmas"), seed: SEED),
        "y": EulerSampler(denoiser: Out("d.denoiser"), latent: Out("x.latent"), sigmas: Out("s.sigmas")),"#;
    let cases = [("built_in", sampler("base.model", "")), ("value", by_value), ("plugin", by_plugin.to_owned())];
    bench(&mut c, &host, "sampler", &cases);

    let built_in =
        r#""m": ImageAdapter(model: Out("base.model"), instantid: Out("instantid.instantid"), id: Out("id.id")),"#;
    let patch =
        |node: &str| format!(r#""p": {node}, "m": PatchModel(model: Out("base.model"), patch: Out("p.patch")),"#);
    let by_plugin = patch(r#"FaceAttention(model: Out("base.model"), instantid: "tiny", id: Out("id.id"))"#);
    let cases = [("built_in", built_in.to_owned()), ("plugin", by_plugin)]
        .map(|(name, adapter)| (name, adapter + &sampler("m.model", "")));
    bench(&mut c, &host, "attention", &cases);

    let one = patch(r#"ScaleBackbone(places: "output_blocks.0")"#) + &sampler("m.model", "");
    let all = patch("ScaleBackbone()") + &sampler("m.model", "");
    bench(&mut c, &host, "block", &[("none", sampler("base.model", "")), ("one", one), ("all", all)]);
    c.final_summary();
}
