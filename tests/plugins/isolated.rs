//! Nodes of an isolated plugin are the nodes that they are when it is loaded into the host.

use crate::kit::*;
use selfsame_host::plugin::helper::{Isolation, describe};
use selfsame_host::plugin::{LibraryBytes, Plugin};
use selfsame_host::{NodeState, RunOptions, RunResult};
use selfsame_sdk::ffi::{Blob, Struct};
use selfsame_sdk::testing::{Said, TestHost};
use selfsame_sdk::{
    Ctx, Denoiser, DenoiserInfo, DenoiserValue, Estimate, FromValue, HookCall, Image, Inputs, IntoValue, Latent, Mask,
    ModelPatchValue, Object, Prediction, Result, Row, SamplerValue, Sampling, Site, Slot, Status, Tensor, Value,
};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

fn isolated_samples() -> Arc<Plugin> {
    static PLUGIN: OnceLock<Arc<Plugin>> = OnceLock::new();
    PLUGIN.get_or_init(|| Plugin::load_isolated(&library("selfsame-samples"), &isolation()).unwrap()).clone()
}

fn fixtures() -> [Arc<Plugin>; 2] {
    static PLUGINS: OnceLock<[Arc<Plugin>; 2]> = OnceLock::new();
    let load = || {
        let library = library("selfsame-fixtures");
        [Plugin::load(&library).unwrap(), Plugin::load_isolated(&library, &isolation()).unwrap()]
    };
    PLUGINS.get_or_init(load).clone()
}

/// Values with every bit of them.
fn bits(value: &Value) -> String {
    let tensor = |tensor: &Tensor| {
        let bits: Vec<u32> = tensor.data().iter().map(|x| x.to_bits()).collect();
        format!("{:?} {bits:?}", tensor.shape())
    };
    match value {
        Value::Float(number) => format!("{:016x}", number.to_bits()),
        Value::List(items) => format!("[{}]", items.iter().map(bits).collect::<Vec<_>>().join(", ")),
        Value::Object(object) => {
            let name = object.type_name();
            if let Some(image) = value.downcast::<Image>() {
                format!("{name} {}", tensor(image.tensor()))
            } else if let Some(mask) = value.downcast::<Mask>() {
                format!("{name} {}", tensor(mask.tensor()))
            } else if let Some(latent) = value.downcast::<Latent>() {
                let mask = latent.noise_mask.as_ref().map(|mask| tensor(mask.tensor()));
                format!("{name} {} {mask:?}", tensor(&latent.samples))
            } else {
                value.downcast::<Tensor>().map_or_else(|| value.to_string(), |found| tensor(&found))
            }
        }
        other => other.to_string(),
    }
}

/// Runs a node of both plugins with the same inputs; what they give and say must be equal.
fn same(plugins: [&Plugin; 2], name: &str, inputs: &[(&str, Value)], prepare: impl Fn(&TestHost)) -> Said {
    let [one, other] = plugins.map(|plugin| {
        let host = TestHost::new();
        prepare(&host);
        let result = host.run(&*node(plugin, name), inputs);
        let folder = format!("{}/", host.folder().display());
        let told = result.map(|values| values.iter().map(bits).collect::<Vec<_>>()).map_err(|error| {
            // The whole message, with where it comes from.
            format!("{:?} {:?} {} {:?}", error.status, error.port, error.message, error.hint).replace(&folder, "")
        });
        let mut said = host.said();
        for path in said.reads.iter_mut().chain(&mut said.saved) {
            *path = path.strip_prefix(host.folder()).unwrap().to_owned();
        }
        (told, said)
    });
    assert_eq!(one.0, other.0, "{name}");
    assert_eq!(one.1, other.1, "{name}");
    one.1
}

fn picture(dims: [usize; 4]) -> Value {
    let count = dims.iter().product::<usize>();
    Value::object(Image::new(dims, (0..count).map(|i| (i as f32 * 0.7).sin().abs()).collect()).unwrap())
}

#[test]
fn a_plugin_is_described_as_it_describes_itself() {
    let library = LibraryBytes::read(&library("selfsame-samples")).unwrap();
    let (loaded, described) = (samples(), describe(&library, &isolation()).unwrap());
    assert_eq!((&*described.id, &*described.version), (loaded.id(), loaded.version()));
    assert_eq!((&described.about, &*described.digest), (loaded.about(), loaded.digest()));
    let isolated = isolated_samples();
    assert!(isolated.is_isolated() && !loaded.is_isolated());
    for (i, node) in loaded.nodes().iter().enumerate() {
        assert_eq!(node.descriptor(), &described.nodes[i]);
        assert_eq!(node.descriptor(), isolated.nodes()[i].descriptor());
        assert_eq!(node.fingerprint(), isolated.nodes()[i].fingerprint());
    }
    assert_eq!((loaded.nodes().len(), loaded.title()), (isolated.nodes().len(), isolated.title()));
    let vignette = build_c(&file("examples/c_plugin/vignette.c"), "vignette_isolated", &[]);
    let isolated = Plugin::load_isolated(&vignette, &isolation()).unwrap();
    assert_eq!(Plugin::load(&vignette).unwrap().nodes()[0].descriptor(), isolated.nodes()[0].descriptor());
}

#[test]
fn what_was_described_is_what_is_loaded() {
    let [one, other] =
        ["selfsame-samples", "selfsame-fixtures"].map(|package| LibraryBytes::read(&library(package)).unwrap());
    let described = describe(&one, &isolation()).unwrap();
    let json = serde_json::to_string(&described).unwrap();
    assert_eq!(serde_json::from_str::<selfsame_host::plugin::helper::Description>(&json).unwrap(), described);
    let error = Plugin::isolated(&other, described.clone(), &isolation()).err().unwrap();
    assert_eq!(error.to_string(), "its library has changed since it was described");
    let plugin = Plugin::isolated(&one, described, &isolation()).unwrap();
    let values = TestHost::new().run(&*node(&plugin, "CountCalls"), &[("value", Value::Int(7))]).unwrap();
    assert!(matches!(values[..], [Value::Int(1), Value::Int(7)]));
}

#[test]
fn every_sample_gives_the_same_bits_and_says_the_same() {
    let (loaded, isolated) = (samples(), isolated_samples());
    let both = [&*loaded, &*isolated];
    let nothing = |_: &TestHost| {};
    for (dims, levels) in [([3, 5, 7, 4], 5), ([2, 300, 200, 3], 100)] {
        let inputs = [("image", picture(dims)), ("levels", Value::Int(levels))];
        let said = same(both, "Posterize", &inputs, nothing);
        assert_eq!((said.progress.len(), said.previews.len()), (dims[0], 1));
        assert_eq!(said.logs.len(), usize::from(levels > 64));
    }
    same(both, "Posterize", &[("image", picture([1, 1, 1, 3]))], TestHost::cancel);
    same(both, "Posterize", &[("image", picture([1, 1, 1, 3])), ("rounding", Value::Text("up".into()))], nothing);
    let write = |text: &'static str| move |host: &TestHost| std::fs::write(host.folder().join("n.txt"), text).unwrap();
    let path = [("path", Value::Text("n.txt".into()))];
    assert_eq!(same(both, "LoadNumbers", &path, write("1\n# no\n2.5\n")).reads.len(), 1);
    same(both, "LoadNumbers", &path, write("1\nx\n"));
    same(both, "LoadNumbers", &path, nothing);
    same(both, "SplitBatch", &[("image", picture([4, 2, 2, 3]))], nothing);
    same(both, "SplitBatch", &[("image", picture([3, 100, 100, 3]))], nothing);
    same(both, "FindPalette", &[("image", picture([1, 4, 4, 3])), ("count", Value::Int(3))], nothing);
    same(both, "FindPalette", &[("image", picture([1, 4, 4, 1]))], nothing);
    for value in values() {
        same(both, "CountCalls", &[("value", value)], nothing);
    }
    let palettes = both.map(|plugin| {
        let host = TestHost::new();
        let palette = host.run(&*node(plugin, "FindPalette"), &[("image", picture([1, 4, 4, 3]))]).unwrap()[0].clone();
        assert_eq!((palette.to_string(), palette.bytes()), ("com.example.PALETTE/1 (8 colours)".to_owned(), 16 + 96));
        let inputs = [("image", picture([1, 4, 4, 3])), ("palette", palette)];
        bits(&host.run(&*node(plugin, "ApplyPalette"), &inputs).unwrap()[0])
    });
    assert_eq!(palettes[0], palettes[1]);
}

/// Values of every kind.
fn values() -> Vec<Value> {
    let mask = Mask::new([1, 2, 2], vec![0.0, 0.5, 1.0, -0.0]).unwrap();
    let latent = Latent::new(Tensor::new([1, 4, 32, 32], vec![f32::NAN; 4096]).unwrap()).unwrap();
    vec![
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(f64::NAN),
        Value::Text("Grüße".into()),
        Value::nothing(),
        Value::list([Value::Int(1), Value::list([picture([1, 90, 90, 3]), picture([1, 1, 1, 1])])]),
        Value::object(mask.clone()),
        Value::object(Latent { noise_mask: Some(mask), ..latent.clone() }),
        Value::object(latent),
        Value::object(Tensor::new([0, 3], vec![]).unwrap()),
        Value::object(Blob { type_name: "a.B/1".to_owned(), data: vec![7; 50_000].into() }),
        Value::object(Struct { type_name: "a.S".to_owned(), fields: vec![("x".to_owned(), Value::Int(3))] }),
    ]
}

#[test]
fn the_host_answers_everything_that_a_node_asks() {
    let [_, plugin] = fixtures();
    let host = TestHost::new();
    std::fs::write(host.folder().join("a.txt"), "some extra text").unwrap();
    let inputs = ["a.txt", "none", "lazily"].map(|text| Value::Text(text.into()));
    let [path, model, extra] = inputs;
    let inputs = [("path", path), ("model", model), ("extra", extra)];
    let values = host.run(&*node(&plugin, "AskHost"), &inputs).unwrap();
    let Value::List(answers) = &values[0] else { panic!("{values:?}") };
    let text = |value: &Value| match value {
        Value::Text(text) => text.replace(host.folder().to_str().unwrap(), "[DIR]"),
        other => panic!("{other}"),
    };
    // It is called twice, since it asks for the lazy input in the end; the shared resource is made once.
    assert_eq!(
        answers.iter().map(text).collect::<Vec<_>>(),
        [
            "test",
            "[DIR]/a.txt",
            "some extra text",
            "NotFound: there is no model none | None",
            "[DIR]/folder/answer_0002.txt",
            "Internal: there is nothing to write",
            "selfsame",
            "1 1",
            "NotFound: it is nowhere",
            "Unsupported: this host offers no alloc::string::String",
            "lazily",
        ]
    );
    let said = host.said();
    assert_eq!(std::fs::read_to_string(&said.saved[1]).unwrap(), "some extra text");
    let levels: Vec<String> = said.logs[3..].iter().map(|(level, text)| format!("{level:?} {text}")).collect();
    assert_eq!(levels, ["Debug debugging", "Info informing", "Warn warning"]);
    assert_eq!(said.reads, [host.folder().join("a.txt"), host.folder().join("a.txt")]);
}

#[test]
fn panics_and_failures_are_the_same() {
    let [loaded, isolated] = fixtures();
    for how in ["not", "fail", "sideways"] {
        same([&loaded, &isolated], "Explode", &[("how", Value::Text(how.into()))], |_| {});
    }
    // Other tests count the panics of the plugin that is loaded into the host.
    let panics = error(TestHost::new().run(&*node(&isolated, "Explode"), &[("how", Value::Text("str".into()))]));
    assert_eq!((panics.status, panics.hint.is_some()), (Status::Panic, true));
    assert!(panics.message.starts_with("the node panicked at ") && panics.message.contains("plain words"), "{panics}");
}

/// Knows that the data is normal, and how often it was asked.
struct Normal(Arc<AtomicU32>);

impl Denoiser for Normal {
    fn info(&self) -> DenoiserInfo {
        DenoiserInfo { prediction: Prediction::Velocity, channels: 4 }
    }

    fn sigmas(&self) -> &[f64] {
        &[0.01, 10.0]
    }

    fn predict(&self, ctx: Ctx, x: &Tensor, sigma: f64, with_uncond: bool) -> Result<Estimate> {
        ctx.check_cancelled()?;
        self.0.fetch_add(1, Ordering::SeqCst);
        let shrunk = |by: f32| Tensor::new(x.shape(), x.data().iter().map(|x| x / by).collect());
        let uncond = with_uncond.then(|| shrunk(2.0)).transpose()?;
        Ok(Estimate { denoised: shrunk((1.0 + sigma * sigma) as f32)?, uncond })
    }
}

/// A sampler as a node asks a denoiser of the host; a rule as a value is asked by the host, and asks its denoiser in turn.
#[test]
fn samplers_give_the_same_bits() {
    let (loaded, isolated) = (samples(), isolated_samples());
    let asked = Arc::new(AtomicU32::new(0));
    let denoiser = DenoiserValue::new(Normal(asked.clone()));
    let x = Tensor::new([1, 4, 64, 64], (0..16_384).map(|i| (i as f32).sin() * 9.0).collect()).unwrap();
    let sigmas: Vec<f64> = (0..=8).map(|i| 8.0 - f64::from(i)).collect();
    let inputs = [
        ("denoiser", denoiser.clone().into_value()),
        ("latent", Value::object(Latent::new(x.clone()).unwrap())),
        ("sigmas", Value::list(sigmas.iter().map(|sigma| Value::Float(*sigma)))),
    ];
    let said = same([&loaded, &isolated], "EulerSampler", &inputs, |_| {});
    assert_eq!((said.progress.len(), asked.load(Ordering::SeqCst)), (8, 16));
    same([&loaded, &isolated], "EulerSampler", &inputs, TestHost::cancel);
    let [one, other] = [&loaded, &isolated].map(|plugin| {
        let host = TestHost::new();
        let rule = host.run(&*node(plugin, "MidpointRule"), &[]).unwrap()[0].clone();
        assert_eq!(rule.to_string(), "SAMPLER (Midpoint)");
        let rule = SamplerValue::from_value(&rule).unwrap();
        let sampling = || Sampling { denoiser: &denoiser, x: x.clone(), sigmas: &sigmas, seed: 7 };
        let sampled = rule.sample(host.ctx(), sampling()).unwrap();
        let progress = host.said().progress;
        host.cancel();
        assert_eq!(rule.sample(host.ctx(), sampling()).unwrap_err().status, Status::Cancelled);
        (bits(&Value::object(sampled)), progress)
    });
    assert_eq!(one, other);
}

#[test]
fn patches_give_the_same_bits() {
    let [one, other] = [samples(), isolated_samples()].map(|plugin| {
        let host = TestHost::new();
        let inputs = [("scale", Value::Float(1.7)), ("priority", Value::Int(-3))];
        let patch = host.run(&*node(&plugin, "ScaleBackbone"), &inputs).unwrap()[0].clone();
        let patch = ModelPatchValue::from_value(&patch).unwrap();
        let input = Tensor::new([2, 8, 16, 16], (0..4096).map(|i| (i as f32).cos()).collect()).unwrap();
        let rows =
            [Row { condition: 0, picture: 1, is_negative: false }, Row { condition: 1, picture: 0, is_negative: true }];
        let call = HookCall {
            hook: 0,
            site: Site::Output,
            layer: 3,
            place: "output_blocks.3",
            heads: 0,
            hidden: 0,
            context: 0,
            latent: [16, 16],
            sigma: 2.5,
            rows: &rows,
            inputs: &[input],
        };
        let given = patch.call(host.ctx(), &call).unwrap();
        let given: Vec<String> = given.into_iter().map(|tensor| bits(&Value::object(tensor))).collect();
        (patch.hooks().unwrap(), given)
    });
    assert_eq!((one.1.len(), one.0[0].priority), (1, -3));
    assert_eq!(one, other);
}

/// Nobody can cancel such a question: it is asked outside of the call of a node.
#[test]
fn a_patch_that_never_says_where_it_works_is_ended() {
    let mut isolation = isolation();
    isolation.limits.start = Duration::from_secs(2);
    let plugin = Plugin::load_isolated(&library("selfsame-fixtures"), &isolation).unwrap();
    let values = TestHost::new().run(&*node(&plugin, "BadPatch"), &[("wrong", Value::Text("endless".into()))]).unwrap();
    let error = ModelPatchValue::from_value(&values[0]).unwrap().hooks().unwrap_err();
    assert!(error.message.contains("the call took longer than 2s, the limit of time"), "{error}");
}

struct Weights;

impl Object for Weights {
    fn type_name(&self) -> Cow<'_, str> {
        "MODEL".into()
    }

    fn bytes(&self) -> u64 {
        77
    }

    fn summary(&self) -> String {
        "of a test".to_owned()
    }
}

/// What belongs to the host goes in as a number, and comes back as the object that it was.
#[test]
fn an_object_of_the_host_comes_back_as_the_same_object() {
    let weights: Arc<dyn Object> = Arc::new(Weights);
    let plugin = isolated_samples();
    let list = Value::list([Value::Object(weights.clone()), Value::Object(weights.clone())]);
    let given = TestHost::new().run(&*node(&plugin, "CountCalls"), &[("value", list)]).unwrap();
    let Value::List(items) = &given[1] else { panic!("{given:?}") };
    for item in &**items {
        let Value::Object(back) = item else { panic!("{item}") };
        assert!(Arc::ptr_eq(back, &weights));
    }
    drop(given);
    // The process gives it up a moment after the call.
    wait_until(|| Arc::strong_count(&weights) == 1);
}

fn wait_until(condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(20), "it does not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_object_of_the_plugin_lives_as_long_as_somebody_holds_it() {
    let [_, plugin] = fixtures();
    let host = TestHost::new();
    let keep =
        |text: &str| host.run(&*node(&plugin, "Keep"), &[("text", Value::Text(text.into()))]).unwrap()[0].clone();
    let open = |kept: &Value| host.run(&*node(&plugin, "Open"), &[("kept", kept.clone())]).unwrap();
    let (one, other) = (keep("one"), keep("other"));
    assert_eq!(one.to_string(), "test.KEPT/1 (kept \"one\")");
    assert!(matches!(&open(&one)[..], [Value::Text(text), Value::Int(2)] if &**text == "one"));
    drop(other);
    wait_until(|| matches!(&open(&one)[..], [Value::Text(text), Value::Int(1)] if &**text == "one"));
    // It means nothing to the same library in the host.
    let [loaded, _] = fixtures();
    let error = error(host.run(&*node(&loaded, "Open"), &[("kept", one)]));
    assert_eq!((error.status, error.port.as_deref()), (Status::InvalidArgument, Some("kept")));
}

#[test]
fn a_node_remembers_and_several_run_at_a_time() {
    let plugin = isolated_samples();
    let count = node(&plugin, "CountCalls");
    let ports = &count.descriptor().inputs;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let (host, mut instance) = (TestHost::new(), count.create());
                for expected in 1..=50 {
                    let slots = [Slot::Value(picture([1, 20, 30, 3]))];
                    let values = instance.run(host.ctx(), &Inputs::new(ports, &slots).unwrap()).unwrap();
                    assert!(matches!(values[0], Value::Int(n) if n == expected));
                    assert_eq!(bits(&values[1]), bits(&picture([1, 20, 30, 3])));
                }
            });
        }
    });
}

#[test]
fn they_run_in_graphs_like_any_other() {
    let (host, folder) = (host(&isolated_samples()), tempfile::tempdir().unwrap());
    let events = Events::default();
    let nodes = r##"
        "grey": SolidImage(width: 80, height: 400, color: "#808080"),
        "poster": Posterize(image: Out("grey.image"), levels: 3),
        "colors": FindPalette(image: Out("poster.image"), count: 2),
        "done": ApplyPalette(image: Out("poster.image"), palette: Out("colors.palette")),
        "back": InvertImage(image: Out("done.image")),
    "##;
    let graph = graph(nodes, "back.image");
    let outcome = run_with(&host, folder.path(), &graph, &RunOptions::default(), &events);
    assert_eq!(image(&output(&outcome)).data(), [0.5; 80 * 400 * 3]);
    assert_eq!(events.named("node_progress")[0]["label"], "frames");
    assert_eq!(events.named("preview").len(), 1);
    let again = run(&host, folder.path(), &graph);
    assert_eq!((again.count(NodeState::Ran), again.result), (0, RunResult::Ok));
}

#[test]
fn cancelling_reaches_the_process_at_once() {
    let [_, plugin] = fixtures();
    let host = TestHost::new();
    let wait = node(&plugin, "Wait");
    std::thread::scope(|scope| {
        let running = scope.spawn(|| error(host.run(&*wait, &[])));
        wait_until(|| !host.said().progress.is_empty());
        host.cancel();
        assert_eq!(running.join().unwrap().status, Status::Cancelled);
    });
    // It was not killed: what it shares is still there.
    assert!(!host.said().logs.iter().any(|(_, message)| message.contains("killed")));
}

#[test]
fn a_program_that_is_no_helper_is_told() {
    let load = |program: &str| {
        let isolation = Isolation { program: program.into(), ..isolation() };
        Plugin::load_isolated(&library("selfsame-samples"), &isolation).err().unwrap().to_string()
    };
    assert!(load("/nowhere/selfsame").starts_with("its process cannot be started: "));
    assert_eq!(load("/bin/true"), "its process did not start: it ended its process itself, with exit code 0");
}
