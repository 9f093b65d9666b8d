//! Plugins that were built when the boundary was younger: they load, describe themselves, and do what they did then.
//!
//! Each version has a folder in `plugins/fixtures/frozen` with the sources, the libraries, and what was recorded of them.

use crate::hazards::runs_well;
use crate::kit::*;
use selfsame_host::plugin::{Plugin, PluginError};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, Latent, NodeDescriptor, Result, Tensor, Value};
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
    std::fs::write(host.folder().join("four.txt"), "four").unwrap();
    let mut text = String::new();
    let mut call = |name: &str, inputs: &[(&str, Value)]| -> Vec<Value> {
        let Some(node) = plugin.nodes().iter().find(|node| node.descriptor().name == name) else { return Vec::new() };
        let result = host.run(&**node, inputs);
        let inputs: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}: {}", in_bits(value))).collect();
        writeln!(text, "{name}({}) = {}", inputs.join(", "), told(&result)).unwrap();
        result.unwrap_or_default()
    };
    let picture = |dims: [usize; 4]| {
        let numbers = (0..dims.iter().product::<usize>()).map(|i| (i as f32 * 0.7).sin().abs());
        Value::object(Image::new(dims, numbers.collect()).unwrap())
    };
    let (image, words) = (picture([2, 1, 3, 3]), |text: &str| Value::Text(text.into()));
    call("FrozenFade", &[("image", image.clone())]);
    call("FrozenFade", &[("image", image.clone()), ("amount", Value::Float(0.3)), ("mode", words("invert"))]);
    call("FrozenSplit", &[("image", image.clone())]);
    call("FrozenAddUp", &[("numbers", Value::list([Value::Float(0.1), Value::Float(0.2), Value::Float(-7.5)]))]);
    call("FrozenAddUp", &[("numbers", Value::list([]))]);
    for made in call("FrozenMakeTag", &[("text", words("tägliches"))]) {
        call("FrozenReadTag", &[("tag", made)]);
    }
    call("FrozenReadTag", &[("tag", image.clone())]);
    for made in call("FrozenMakeCounter", &[("number", Value::Int(-5))]) {
        call("FrozenReadCounter", &[("counter", made)]);
    }
    call("FrozenRemember", &[("value", Value::list([image.clone(), Value::Bool(true)]))]);
    call("FrozenCountBytes", &[("path", words("four.txt"))]);
    call("FrozenCountBytes", &[("path", words("five.txt"))]);
    call("FrozenFail", &[("number", Value::Int(0))]);
    call("FrozenFail", &[("number", Value::Int(0)), ("extra", words("more"))]);
    for number in 1..5 {
        call("FrozenFail", &[("number", Value::Int(number))]);
    }
    for made in call("FrozenMakeLatent", &[("number", Value::Int(0))]).into_iter().take(1) {
        call("FrozenReadLatent", &[("latent", made)]);
    }
    let latent = Tensor::new([1, 4, 1, 2], (0..8u8).map(f32::from).collect()).and_then(Latent::new);
    call("FrozenHalve", &[("latent", Value::object(latent.unwrap()))]);
    call("FrozenKeep", &[("number", Value::Int(9))]);
    host.cancel();
    call("FrozenFade", &[("image", image)]);

    let said = host.said();
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
        other => match (other.downcast::<Image>(), other.downcast::<Latent>()) {
            (Some(image), _) => format!("IMAGE {}", numbers(image.tensor())),
            (_, Some(latent)) => format!("LATENT {} {:?}", numbers(&latent.samples), latent.noise_mask.is_some()),
            _ => other.to_string(),
        },
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

#[test]
fn plugins_of_every_version_do_what_they_did() {
    assert!(versions().contains(&"1.0".to_owned()));
    for version in versions() {
        for name in ["c", "rust"] {
            let Some(plugin) = library_of(&version, &format!("{name}.so")) else { continue };
            is_as_recorded(&plugin, &version, name);
        }
    }
}

#[test]
fn they_run_in_graphs() {
    for version in versions() {
        let (Some(c), Some(rust)) = (library_of(&version, "c.so"), library_of(&version, "rust.so")) else { continue };
        for plugin in [c, rust] {
            let (host, folder) = (host(&plugin), tempfile::tempdir().unwrap());
            let nodes = "\"white\": SolidImage(width: 2, height: 2, color: \"#ffffff\"), \
                \"faded\": FrozenFade(image: Out(\"white.image\"), amount: 0.25), \
                \"tag\": FrozenMakeTag(text: \"x\"), \"text\": FrozenReadTag(tag: Out(\"tag.tag\"))";
            let faded = run(&host, folder.path(), &graph(nodes, "faded.image"));
            assert_eq!(image(&output(&faded)).data(), [0.75; 12]);
            assert_eq!(output(&run(&host, folder.path(), &graph(nodes, "text.text"))).to_string(), "the string \"x\"");
            runs_well(&host);
        }
    }
}
