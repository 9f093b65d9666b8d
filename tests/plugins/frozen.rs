//! Plugins that were built when the boundary was younger: they load, describe themselves, and do what they did then.
//!
//! Each version has a folder in `plugins/fixtures/frozen` with the sources, the libraries, and what was recorded of them.

use crate::hazards::runs_well;
use crate::kit::*;
use crate::models::{latents, sampling, texts};
use selfsame_host::Host;
use selfsame_host::plugin::{Plugin, PluginError};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{
    Ctx, Denoiser, DenoiserInfo, DenoiserValue, Error, Estimate, FromValue, Hook, HookCall, Image, IntoValue, Latent,
    LayerInfo, Mask, ModelPatchValue, ModelValue, NodeDescriptor, Prediction, Result, Row, SamplerValue, Sampling,
    Site, Tensor, Value, nodes,
};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the frozen plugins of a version are.
pub fn frozen(version: &str) -> PathBuf {
    file("plugins/fixtures/frozen").join(version)
}

/// Whether a plugin, built in whatever way, is what was recorded under this name. What is not recorded yet is recorded now.
#[track_caller]
pub fn is_as_recorded(plugin: &Plugin, version: &str, name: &str) {
    let descriptors: Vec<&NodeDescriptor> = plugin.nodes().iter().map(|node| node.descriptor()).collect();
    let (about, doings) = (frozen(version).join(format!("{name}.json")), frozen(version).join(format!("{name}.txt")));
    let done = transcript(plugin);
    if !about.exists() {
        std::fs::write(&about, serde_json::to_string_pretty(&descriptors).unwrap() + "\n").unwrap();
        std::fs::write(&doings, done).unwrap();
        panic!("{} is recorded now; look at it, and let it be for ever", about.display());
    }
    let recorded: Vec<NodeDescriptor> = serde_json::from_slice(&std::fs::read(about).unwrap()).unwrap();
    assert_eq!(recorded.iter().collect::<Vec<_>>(), descriptors, "{name}");
    let recorded = std::fs::read_to_string(doings).unwrap();
    for (recorded, done) in recorded.lines().zip(done.lines()) {
        assert_eq!(done, recorded, "{} is not what was recorded as {name}", plugin.path().display());
    }
    assert_eq!(done.lines().count(), recorded.lines().count());
}

/// What the nodes of a frozen plugin do, one line for each call, numbers to the bit.
fn transcript(plugin: &Plugin) -> String {
    let host = TestHost::new();
    let mut lines = Transcript { plugin, host: &host, text: String::new() };
    let image = picture([2, 1, 3, 3]);
    lines.of_1_0(&image);
    lines.of_1_1();
    host.cancel();
    lines.call("FrozenFade", &[("image", image)]);
    lines.call("FrozenEuler", &euler_inputs(&[4.0, 0.0]));

    let (mut text, said) = (lines.text, host.said());
    let files = |paths: &[PathBuf]| {
        let name = |path: &PathBuf| path.strip_prefix(host.folder()).unwrap().display().to_string();
        paths.iter().map(name).collect::<Vec<_>>()
    };
    writeln!(text, "logs {:?}", said.logs).unwrap();
    writeln!(text, "progress {:?}", said.progress).unwrap();
    said.previews
        .iter()
        .for_each(|image| writeln!(text, "preview {}", in_bits(&Value::object(image.clone()))).unwrap());
    writeln!(text, "reads {:?}", files(&said.reads)).unwrap();
    writeln!(text, "saved {:?}", files(&said.saved)).unwrap();
    // Where it is, how it is called, and in which line of its source it panics.
    let text = text.replace(host.folder().to_str().unwrap(), "[FOLDER]");
    let line = |line: &str| match line.split_once("panicked at ") {
        Some((before, after)) => format!("{before}panicked at {}", after.split_once(": ").unwrap_or_default().1),
        None => line.to_owned(),
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn words(text: &str) -> Value {
    Value::Text(text.into())
}

fn picture(dims: [usize; 4]) -> Value {
    let numbers = (0..dims.iter().product::<usize>()).map(|i| (i as f32 * 0.7).sin().abs());
    Value::object(Image::new(dims, numbers.collect()).unwrap())
}

struct Transcript<'a> {
    plugin: &'a Plugin,
    host: &'a TestHost,
    text: String,
}

impl Transcript<'_> {
    fn has(&self, name: &str) -> bool {
        self.plugin.nodes().iter().any(|node| node.descriptor().name == name)
    }

    /// Calls a node, if the plugin has it.
    fn call(&mut self, name: &str, inputs: &[(&str, Value)]) -> Vec<Value> {
        if !self.has(name) {
            return Vec::new();
        }
        let result = self.host.run(&*node(self.plugin, name), inputs);
        let inputs: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}: {}", in_bits(value))).collect();
        writeln!(self.text, "{name}({}) = {}", inputs.join(", "), told(&result)).unwrap();
        result.unwrap_or_default()
    }

    /// Runs a graph of the whole host, whose node `y` is one of the plugin, for each of these outputs.
    fn run(&mut self, host: &Host, what: &str, nodes: &str, outputs: &[&str]) {
        for of in outputs {
            let outcome = run(host, self.host.folder(), &sampling(nodes, of));
            let told = match outcome.output("y") {
                Some(value) => in_bits(value),
                None => failure(&outcome),
            };
            writeln!(self.text, "{what}, {of} = {told}").unwrap();
        }
    }

    fn of_1_0(&mut self, image: &Value) {
        std::fs::write(self.host.folder().join("four.txt"), "four").unwrap();
        self.call("FrozenFade", &[("image", image.clone())]);
        self.call("FrozenFade", &[("image", image.clone()), ("amount", Value::Float(0.3)), ("mode", words("invert"))]);
        self.call("FrozenSplit", &[("image", image.clone())]);
        self.call("FrozenAddUp", &[("numbers", floats(&[0.1, 0.2, -7.5]))]);
        self.call("FrozenAddUp", &[("numbers", Value::list([]))]);
        for made in self.call("FrozenMakeTag", &[("text", words("tägliches"))]) {
            self.call("FrozenReadTag", &[("tag", made)]);
        }
        self.call("FrozenReadTag", &[("tag", image.clone())]);
        for made in self.call("FrozenMakeCounter", &[("number", Value::Int(-5))]) {
            self.call("FrozenReadCounter", &[("counter", made)]);
        }
        self.call("FrozenRemember", &[("value", Value::list([image.clone(), Value::Bool(true)]))]);
        self.call("FrozenCountBytes", &[("path", words("four.txt"))]);
        self.call("FrozenCountBytes", &[("path", words("five.txt"))]);
        self.call("FrozenFail", &[("number", Value::Int(0))]);
        self.call("FrozenFail", &[("number", Value::Int(0)), ("extra", words("more"))]);
        for number in 1..5 {
            self.call("FrozenFail", &[("number", Value::Int(number))]);
        }
        for made in self.call("FrozenMakeLatent", &[("number", Value::Int(0))]).into_iter().take(1) {
            self.call("FrozenReadLatent", &[("latent", made)]);
        }
        let latent = Tensor::new([1, 4, 1, 2], (0..8u8).map(f32::from).collect()).and_then(Latent::new);
        self.call("FrozenHalve", &[("latent", Value::object(latent.unwrap()))]);
        self.call("FrozenKeep", &[("number", Value::Int(9))]);
    }

    fn of_1_1(&mut self) {
        self.call("FrozenEuler", &euler_inputs(&[4.0, 1.0, 0.25, 0.0]));
        self.call("FrozenEuler", &euler_inputs(&[4.0]));
        let mut other = euler_inputs(&[4.0, 0.0]);
        other[1].1 = Value::object(Latent::new(Tensor::new([1, 2, 1, 1], vec![0.5, -1.0]).unwrap()).unwrap());
        self.call("FrozenEuler", &other);

        for noise in [0.0, 0.5] {
            for made in self.call("FrozenRule", &[("noise", Value::Float(noise))]) {
                let (rule, denoiser) = (SamplerValue::from_value(&made).unwrap(), DenoiserValue::new(Shrink));
                let sampling = Sampling { denoiser: &denoiser, x: noisy(), sigmas: &[4.0, 1.0, 0.5], seed: 1 << 63 };
                let result = rule.sample(self.host.ctx(), sampling).map(|x| vec![Value::object(x)]);
                writeln!(self.text, "FrozenRule of noise {noise:?} = {}", told(&result)).unwrap();
            }
        }

        let mask = Value::object(Mask::new([1, 1, 2], vec![0.0, 1.0]).unwrap());
        for made in self.call("FrozenPatch", &[("amount", Value::Float(0.5)), ("mask", mask)]) {
            let patch = ModelPatchValue::from_value(&made).unwrap();
            for hook in patch.hooks().unwrap() {
                let Hook { site, places, priority, start, end, weights, mask, resize } = hook;
                let mask = mask.map(|mask| in_bits(&Value::object(mask)));
                let how = format!("{priority} {start:?}..{end:?} {weights:?} {mask:?} {resize:?}");
                writeln!(self.text, "FrozenPatch at {site:?} {places:?}: {how}").unwrap();
            }
        }

        // What is left needs the arithmetic, the files and the models of the whole host.
        if !self.has("FrozenAboutModel") {
            return;
        }
        let host = host_with_questions(self.plugin);
        let asked = r#""p": FrozenPatch(amount: 0.5), "y": AskPatch(patch: Out("p.patch"))"#;
        self.run(&host, "FrozenPatch", asked, &["y.keys", "y.values", "y.middle", "y.late"]);
        std::fs::write(self.host.folder().join("two.safetensors"), model_file()).unwrap();
        for name in ["bias", "weight", "none"] {
            let read = format!(r#""y": FrozenReadWeights(path: "two.safetensors", name: "{name}")"#);
            self.run(&host, &format!("FrozenReadWeights of {name}"), &read, &["y.names", "y.tensor"]);
        }
        let about = r#""y": FrozenAboutModel(model: Out("base.model"))"#;
        self.run(&host, "FrozenAboutModel", about, &["y.family", "y.prediction", "y.layers"]);
    }
}

fn floats(numbers: &[f64]) -> Value {
    Value::list(numbers.iter().map(|number| Value::Float(*number)))
}

/// A network whose estimates are known without one.
struct Shrink;

impl Denoiser for Shrink {
    fn info(&self) -> DenoiserInfo {
        DenoiserInfo { prediction: Prediction::Velocity, channels: 4 }
    }

    fn sigmas(&self) -> &[f64] {
        &[0.25, 1.0, 4.0]
    }

    fn predict(&self, _: Ctx, x: &Tensor, sigma: f64, with_uncond: bool) -> Result<Estimate> {
        let scaled = |factor: f32| Tensor::new(x.shape(), x.data().iter().map(|x| x * factor).collect());
        let factor = (1.0 / (1.0 + sigma * sigma)) as f32;
        let uncond = with_uncond.then(|| scaled(factor / 2.0)).transpose()?;
        Ok(Estimate { denoised: scaled(factor)?, uncond })
    }
}

/// Latents to start from.
fn noisy() -> Tensor {
    Tensor::new([1, 4, 1, 2], (0..8u8).map(|i| f32::from(i) * 1.3 - 4.0).collect()).unwrap()
}

fn euler_inputs(sigmas: &[f64]) -> [(&'static str, Value); 3] {
    let mask = Mask::new([1, 8, 16], vec![1.0; 128]).unwrap();
    let latent = Latent { samples: noisy(), noise_mask: Some(mask) };
    let denoiser = DenoiserValue::new(Shrink).into_value();
    [("denoiser", denoiser), ("latent", Value::object(latent)), ("sigmas", floats(sigmas))]
}

/// A model file with two tensors, one of them f16.
fn model_file() -> Vec<u8> {
    let header = r#"{"bias": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]},
        "weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [4, 12]}}"#;
    let half = [0x3e00u16, 0xc100].map(u16::to_le_bytes).concat();
    let whole = [0.1f32, -7.0].map(f32::to_le_bytes).concat();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &half, &whole].concat()
}

/// Asks the hooks of a patch, the first one at an attention layer and the second one in the middle.
#[selfsame_sdk::node(id = "test.ask_patch", category = "test")]
#[output(keys = "keys", values = "values", middle = "what is added in the middle", late = "the same with little noise")]
fn ask_patch(
    ctx: Ctx,
    /// Who is asked.
    patch: ModelPatchValue,
) -> Result<(Value, Value, Value, Value)> {
    let x = Tensor::new([2, 1, 1, 2], vec![1.0, -0.1, 0.25, 3.0])?;
    // A positive condition of the second picture, and a negative one of the first.
    let rows =
        [Row { condition: 1, picture: 1, is_negative: false }, Row { condition: 2, picture: 0, is_negative: true }];
    let attention = HookCall {
        hook: 0,
        site: Site::AttentionAdd,
        layer: 2,
        place: "down_blocks.1.attentions.0.transformer_blocks.0.attn2",
        heads: 2,
        hidden: 4,
        context: 3,
        latent: [8, 8],
        sigma: 0.0,
        rows: &rows,
        inputs: &[],
    };
    let middle = HookCall {
        hook: 1,
        site: Site::Middle,
        layer: 0,
        place: "middle_block",
        heads: 0,
        hidden: 0,
        context: 0,
        sigma: 0.5,
        inputs: &[x],
        ..attention
    };
    let list = |answers: Vec<Tensor>| Value::list(answers.into_iter().map(Value::object));
    let [keys, values] =
        <[Tensor; 2]>::try_from(patch.call(ctx, &attention)?).map_err(|_| Error::new("expected K and V"))?;
    let late = patch.call(ctx, &HookCall { sigma: 0.125, ..middle })?;
    Ok((Value::object(keys), Value::object(values), list(patch.call(ctx, &middle)?), list(late)))
}

/// What the SDK is told of a model, as `FrozenAboutModel` tells it.
#[selfsame_sdk::node(id = "test.layers_of", category = "test")]
#[output(layers = "path, heads, hidden and context of each layer")]
fn layers_of(
    ctx: Ctx,
    /// The model.
    model: ModelValue,
) -> Result<Vec<String>> {
    let told = |layer: LayerInfo| format!("{} {} {} {}", layer.path, layer.heads, layer.hidden, layer.context);
    Ok(model.info(ctx)?.layers.into_iter().map(told).collect())
}

/// A host with a plugin, and with nodes that ask what it gives.
fn host_with_questions(plugin: &Plugin) -> Host {
    host_of(plugin, |settings| settings.nodes.extend(nodes![ask_patch, layers_of]).unwrap())
}

fn told(result: &Result<Vec<Value>>) -> String {
    match result {
        Ok(values) => values.iter().map(in_bits).collect::<Vec<_>>().join(", "),
        Err(error) => format!("{:?}: {error} | {:?}", error.status, error.hint),
    }
}

/// A value as text, with every bit of its numbers.
fn in_bits(value: &Value) -> String {
    let numbers = |tensor: &Tensor| {
        let bits: Vec<String> = tensor.data().iter().map(|x| format!("{:08x}", x.to_bits())).collect();
        format!("{:?} {}", tensor.shape(), bits.join(" "))
    };
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => format!("{text:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(in_bits).collect::<Vec<_>>().join(", ")),
        other => {
            let tensor = other.downcast::<Tensor>().map(|tensor| format!("TENSOR {}", numbers(&tensor)));
            let mask = || other.downcast::<Mask>().map(|mask| format!("MASK {}", numbers(mask.tensor())));
            let image = || other.downcast::<Image>().map(|image| format!("IMAGE {}", numbers(image.tensor())));
            let latent = || {
                let latent = other.downcast::<Latent>()?;
                Some(format!("LATENT {} {:?}", numbers(&latent.samples), latent.noise_mask.is_some()))
            };
            tensor.or_else(mask).or_else(image).or_else(latent).unwrap_or_else(|| other.to_string())
        }
    }
}

/// The library of a version; none where it cannot be run, with the reason printed.
fn library_of(version: &str, name: &str) -> Option<Arc<Plugin>> {
    let path = frozen(version).join("x86_64-linux").join(name);
    if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        println!("skipped: {} is for Linux with glibc on x86-64", path.display());
        return None;
    }
    match Plugin::load(&path) {
        Ok(plugin) => Some(plugin),
        Err(PluginError::NotLoaded(why)) if why.contains("version `GLIBC_") => {
            println!("skipped: {} needs a newer C library: {why}", path.display());
            None
        }
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn versions() -> Vec<String> {
    let names = std::fs::read_dir(frozen("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| Path::new(&frozen(name)).is_dir()).collect()
}

/// What the libraries of a version are called: those that its folder holds. One in C is always among them, as it is the boundary
/// itself that it pins. One in Rust pins how the SDK stands on the boundary, and is large: that of 1.0 is enough.
fn libraries(version: &str) -> Vec<String> {
    let files = std::fs::read_dir(frozen(version).join("x86_64-linux")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.iter().any(|name| name == "c"), "{version} has {names:?}");
    names
}

#[test]
fn plugins_of_every_version_do_what_they_did() {
    assert_eq!(libraries("1.0"), ["c", "rust"]);
    assert_eq!(libraries("1.1"), ["c"]);
    for version in versions() {
        for name in libraries(&version) {
            let Some(plugin) = library_of(&version, &format!("{name}.so")) else { continue };
            is_as_recorded(&plugin, &version, &name);
        }
    }
}

/// Also where the libraries cannot be run.
#[test]
fn sources_of_every_version_are_what_they_were_with_the_header_of_today() {
    for version in versions() {
        let source = frozen(&version).join("plugin.c");
        let library = build_c(&source, &format!("frozen_{}", version.replace('.', "_")), &["-ffp-contract=off"]);
        is_as_recorded(&Plugin::load(&library).unwrap(), &version, "c");
    }
}

#[test]
fn they_run_in_graphs() {
    for version in versions() {
        for name in libraries(&version) {
            let Some(plugin) = library_of(&version, &format!("{name}.so")) else { continue };
            let host = host_with_questions(&plugin);
            match &*version {
                "1.0" => runs_pictures(&host),
                "1.1" => runs_samplings(&host),
                other => panic!("there are no graphs for {other}"),
            }
            runs_well(&host);
        }
    }
}

fn runs_pictures(host: &Host) {
    let folder = tempfile::tempdir().unwrap();
    let nodes = "\"white\": SolidImage(width: 2, height: 2, color: \"#ffffff\"), \
        \"faded\": FrozenFade(image: Out(\"white.image\"), amount: 0.25), \
        \"tag\": FrozenMakeTag(text: \"x\"), \"text\": FrozenReadTag(tag: Out(\"tag.tag\"))";
    let faded = run(host, folder.path(), &graph(nodes, "faded.image"));
    assert_eq!(image(&output(&faded)).data(), [0.75; 12]);
    assert_eq!(output(&run(host, folder.path(), &graph(nodes, "text.text"))).to_string(), "the string \"x\"");
}

/// Beside what comes with Selfsame: its rules to the bit, and its model in its own words.
fn runs_samplings(host: &Host) {
    let case = r#"positive: Out("text.positive"), negative: Out("text.negative"), latent: Out("empty.latent"),
        guidance_scale: 5.0, seed: 5"#;
    let built_in = |model: &str, settings: &str| {
        let sampler = format!(r#""y": Sampler(model: Out("{model}"), {case}, steps: 3, {settings}),"#);
        let nodes = r#""rule": FrozenRule(), "none": FrozenPatch(amount: 0.0), "some": FrozenPatch(amount: 0.5),
            "unpatched": PatchModel(model: Out("base.model"), patch: Out("none.patch")),
            "patched": PatchModel(model: Out("base.model"), patch: Out("some.patch")),"#;
        latents(host, &format!("{nodes}{sampler}"), "y.latent")
    };
    let plain = built_in("base.model", r#"sampler: "euler""#);
    let euler = format!(
        r#""d": Denoiser(model: Out("base.model"), {case}),
        "s": Sigmas(model: Out("base.model"), steps: 3),
        "x": AddNoise(model: Out("base.model"), latent: Out("empty.latent"), sigmas: Out("s.sigmas"), seed: 5),
        "euler": FrozenEuler(denoiser: Out("d.denoiser"), latent: Out("x.latent"), sigmas: Out("s.sigmas")),"#
    );
    assert_eq!(latents(host, &euler, "euler.latent"), plain);
    let rule = built_in("base.model", r#"custom_sampler: Out("rule.sampler")"#);
    assert_eq!(rule, built_in("base.model", r#"sampler: "euler_cfg_pp""#));
    assert_eq!(built_in("unpatched.model", r#"sampler: "euler""#), plain);
    assert_ne!(built_in("patched.model", r#"sampler: "euler""#), plain);
    let layers = |nodes: &str| texts(host, &format!(r#""y": {nodes}(model: Out("base.model")),"#), "y.layers");
    assert_eq!(layers("FrozenAboutModel"), layers("LayersOf"));
}
