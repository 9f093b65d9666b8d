//! Plugins of today in hosts of yesterday: those that know fewer functions. What does without these works as ever, and what
//! needs one fails with its name.

use super::load::entry_of;
use super::services::HOST;
use super::{LibraryBytes, Plugin, interfaces};
use selfsame_sdk::ffi::abi::{SS_WEIGHTS, SsHost, SsStr};
use selfsame_sdk::ffi::{Struct, enter_by};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{
    Ctx, Denoiser, DenoiserInfo, DenoiserValue, Error, Estimate, FromValue, HookCall, Image, IntoValue, Latent, Model,
    ModelInfo, ModelPatchValue, Object, Prediction, Result, SamplerValue, Sampling, Status, Tensor, Value,
};
use std::borrow::Cow;
use std::ffi::c_void;
use std::path::{Path, PathBuf};

/// The functions of the host in the order of its table.
macro_rules! functions {
    ($($name:ident)*) => { [$((stringify!($name), std::mem::offset_of!(SsHost, $name))),*] };
}

const FUNCTIONS: [(&str, usize); 21] = functions! {
    log progress cancelled fail last_error preview path model reads save metadata shared tensor_new tensor_finish tensor_drop
    tensor_import string_new bytes_new list_new struct_new get_interface
};

/// The host's table as if it ended after some bytes. Behind them lie addresses that nobody may call.
fn older(size: usize) -> &'static SsHost {
    let table = Box::leak(Box::new(std::mem::MaybeUninit::<SsHost>::uninit())).as_mut_ptr();
    // SAFETY: both tables are there in full. What is not copied are addresses and numbers, which any bits but 0 are.
    unsafe {
        table.cast::<u8>().write_bytes(0xAB, size_of::<SsHost>());
        table.cast::<u8>().copy_from_nonoverlapping((&raw const HOST).cast(), size);
        (&raw mut (*table).struct_size).write(size as u32);
        &*table
    }
}

/// What a node is given, and the functions of the host that it cannot do without.
type Call = (&'static str, Vec<(&'static str, Value)>, &'static [&'static str]);

/// What a call gives, or how it fails.
fn outcome(plugin: &Plugin, (name, inputs, _): &Call) -> Result<String, (Status, String)> {
    let node = plugin.nodes().iter().find(|node| node.descriptor().name == *name).unwrap();
    let host = TestHost::new();
    let given = host.run(&**node, inputs);
    let told = given.and_then(|values| values.iter().map(|value| told(&host, value)).collect::<Result<Vec<_>>>());
    told.map(|told| told.join(", ")).map_err(|error| (error.status, error.message))
}

/// What a value is; a rule and a patch also do what they are for.
fn told(host: &TestHost, value: &Value) -> Result<String> {
    let x = Tensor::new([1, 2, 1, 2], vec![3.0, -1.0, 0.5, 2.0])?;
    let made = if let Ok(rule) = SamplerValue::from_value(value) {
        let (denoiser, sigmas) = (DenoiserValue::new(Half), [2.0, 1.0, 0.0]);
        rule.sample(host.ctx(), Sampling { denoiser: &denoiser, x, sigmas: &sigmas, seed: 0 })?
    } else if let Ok(patch) = ModelPatchValue::from_value(value) {
        let call = HookCall {
            hook: 0,
            site: patch.hooks()?[0].site,
            layer: 0,
            place: "output_blocks.0",
            heads: 0,
            hidden: 0,
            context: 0,
            latent: [1, 2],
            sigma: 1.0,
            rows: &[],
            inputs: &[x],
        };
        patch.call(host.ctx(), &call)?.remove(0)
    } else {
        return Ok(format!("{value:?}"));
    };
    Ok(format!("{value:?} {:?}", made.data()))
}

/// A denoiser of the host that halves what it is asked about.
struct Half;

impl Denoiser for Half {
    fn info(&self) -> DenoiserInfo {
        DenoiserInfo { prediction: Prediction::Epsilon, channels: 2 }
    }

    fn sigmas(&self) -> &[f64] {
        &[0.1, 2.0]
    }

    fn predict(&self, _: Ctx, x: &Tensor, _: f64, _: bool) -> Result<Estimate> {
        let halves = x.data().iter().map(|x| x / 2.0).collect();
        Ok(Estimate { denoised: Tensor::new(x.shape(), halves)?, uncond: None })
    }
}

/// A MODEL of the host.
struct Network;

impl Model for Network {
    fn info(&self, _: Ctx) -> Result<ModelInfo> {
        Err(Error::new("the test host opens no model files, so that nobody comes to ask"))
    }
}

impl Object for Network {
    fn type_name(&self) -> Cow<'_, str> {
        "MODEL".into()
    }

    fn bytes(&self) -> u64 {
        0
    }

    fn as_model(&self) -> Option<&dyn Model> {
        Some(self)
    }
}

fn works_as_far_as_it_can(library: &Path, calls: &[Call]) {
    let entry = entry_of(&LibraryBytes::read(library).unwrap()).unwrap();
    // As loading does: objects of the host are reached from plugins.
    enter_by(interfaces::enter);
    let with = |host| Plugin::read(library.to_owned(), entry, "0".to_owned(), host).unwrap();
    let today = with(&HOST);
    let expected: Vec<_> = calls.iter().map(|call| outcome(&today, call)).collect();
    for (missing, size) in FUNCTIONS {
        let plugin = with(older(size));
        for (call, expected) in calls.iter().zip(&expected) {
            let is_there = |function: &&str| FUNCTIONS.iter().any(|(name, at)| name == function && *at < size);
            let result = outcome(&plugin, call);
            if call.2.iter().all(&is_there) {
                assert_eq!(&result, expected, "{} without {missing} and what follows", call.0);
                continue;
            }
            let (status, message) = result.unwrap_err();
            assert_eq!(status, Status::Unsupported, "{} without {missing}: {message}", call.0);
            // Without `fail` nobody can say why.
            let reason =
                if is_there(&"fail") { "this host is too old: it does not know `" } else { "without saying why" };
            assert!(message.contains(reason), "{} without {missing}: {message}", call.0);
        }
    }
}

fn picture() -> Value {
    Value::object(Image::new([2, 1, 2, 3], (0..12u8).map(|i| f32::from(i) / 12.0).collect()).unwrap())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn samples() -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    folder.join(format!("{}selfsame_samples{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}

fn euler() -> Call {
    let latent = Latent::new(Tensor::new([1, 4, 1, 2], (0..8u8).map(f32::from).collect()).unwrap()).unwrap();
    let inputs = vec![
        ("denoiser", DenoiserValue::new(Half).into_value()),
        ("latent", Value::object(latent)),
        ("sigmas", Value::list([2.0, 1.0, 0.0].map(Value::Float))),
    ];
    ("EulerSampler", inputs, &[])
}

/// The test host opens no model files: with every function it fails for that, without one for that one.
fn face_attention(file: &Path) -> Call {
    let inputs = vec![
        ("model", Value::object(Network)),
        ("instantid", text(file.to_str().unwrap())),
        ("id", Value::object(Struct { type_name: "ID".to_owned(), fields: Vec::new() })),
    ];
    ("FaceAttention", inputs, &["model", "reads", "get_interface"])
}

#[test]
fn the_samples() {
    // Without `path` only an absolute one means what it should.
    let numbers = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(numbers.path(), "1\n2\n").unwrap();
    let calls: [Call; 9] = [
        ("Posterize", vec![("image", picture())], &[]),
        ("LoadNumbers", vec![("path", text(numbers.path().to_str().unwrap()))], &["reads"]),
        ("FindPalette", vec![("image", picture())], &[]),
        ("SplitBatch", vec![("image", picture())], &[]),
        ("CountCalls", vec![("value", picture())], &[]),
        euler(),
        ("MidpointRule", vec![], &[]),
        ("ScaleBackbone", vec![], &[]),
        face_attention(numbers.path()),
    ];
    works_as_far_as_it_can(&samples(), &calls);
}

/// `get_interface` is as old as the boundary, what it finds is not.
#[test]
fn a_host_without_interfaces() {
    unsafe extern "C" fn nothing(_: SsStr) -> *const c_void {
        std::ptr::null()
    }
    let entry = entry_of(&LibraryBytes::read(&samples()).unwrap()).unwrap();
    enter_by(interfaces::enter);
    let without = Box::leak(Box::new(SsHost { get_interface: Some(nothing), ..HOST }));
    let [today, old] = [&HOST, without].map(|host| Plugin::read(samples(), entry, "0".to_owned(), host).unwrap());
    assert_eq!(outcome(&old, &euler()), outcome(&today, &euler()));
    let file = tempfile::NamedTempFile::new().unwrap();
    let fails = |plugin| outcome(plugin, &face_attention(file.path())).unwrap_err();
    let (status, message) = fails(&old);
    assert_eq!(status, Status::Unsupported);
    assert!(message.starts_with(&format!("this host is too old: it does not know `{SS_WEIGHTS}`")), "{message}");
    assert!(fails(&today).1.starts_with("this host opens no model files"));
}

/// The frozen plugins, which are built from the header and the SDK as they were at 1.0.
#[test]
fn the_frozen_plugins() {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu")) {
        return println!("skipped: the frozen plugins are for Linux with glibc on x86-64");
    }
    let library = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/fixtures/frozen/1.0/x86_64-linux");
        folder.canonicalize().map(|folder: PathBuf| folder.join(name)).unwrap()
    };
    let numbers = Value::list([Value::Float(1.5), Value::Float(2.0)]);
    let c: [Call; 8] = [
        ("FrozenFade", vec![("image", picture())], &["tensor_new", "tensor_finish", "preview"]),
        ("FrozenSplit", vec![("image", picture())], &["tensor_new", "tensor_finish", "list_new"]),
        ("FrozenAddUp", vec![("numbers", numbers.clone())], &[]),
        ("FrozenMakeTag", vec![("text", text("x"))], &["bytes_new"]),
        ("FrozenMakeCounter", vec![("number", Value::Int(3))], &[]),
        ("FrozenRemember", vec![("value", picture())], &[]),
        ("FrozenFail", vec![("number", Value::Int(2))], &["model", "last_error"]),
        ("FrozenMakeLatent", vec![("number", Value::Int(0))], &["tensor_import", "struct_new"]),
    ];
    let rust: [Call; 5] = [
        ("FrozenFade", vec![("image", picture())], &[]),
        ("FrozenAddUp", vec![("numbers", numbers)], &[]),
        ("FrozenMakeTag", vec![("text", text("x"))], &[]),
        ("FrozenCountBytes", vec![("path", text(library("c.so").to_str().unwrap()))], &["reads"]),
        ("FrozenKeep", vec![("number", Value::Int(9))], &["shared", "save"]),
    ];
    for (name, calls) in [("c.so", &c[..]), ("rust.so", &rust[..])] {
        works_as_far_as_it_can(&library(name), calls);
    }
}

#[test]
fn every_function_of_the_table_is_looked_at() {
    let end = FUNCTIONS.iter().map(|(_, at)| *at).max().unwrap() + size_of::<usize>();
    assert_eq!(end, size_of::<SsHost>());
    assert!(FUNCTIONS.windows(2).all(|pair| pair[0].1 + size_of::<usize>() == pair[1].1));
}
