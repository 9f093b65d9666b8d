//! Plugins of today in hosts of yesterday: those that know fewer functions. What does without these works as ever, and what
//! needs one fails with its name.

use super::Plugin;
use super::load::entry_of;
use super::services::HOST;
use crate::bundles::Verified;
use selfsame_sdk::ffi::abi::SsHost;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, Status, Value};
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
    let values = TestHost::new().run(&**node, inputs);
    values.map(|values| format!("{values:?}")).map_err(|error| (error.status, error.message))
}

fn works_as_far_as_it_can(library: &Path, calls: &[Call]) {
    let entry = entry_of(&Verified::as_is(library).unwrap()).unwrap();
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

#[test]
fn the_samples() {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let name = format!("{}selfsame_samples{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    // Without `path` only an absolute one means what it should.
    let numbers = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(numbers.path(), "1\n2\n").unwrap();
    let calls: [Call; 5] = [
        ("Posterize", vec![("image", picture())], &[]),
        ("LoadNumbers", vec![("path", text(numbers.path().to_str().unwrap()))], &["reads"]),
        ("FindPalette", vec![("image", picture())], &[]),
        ("SplitBatch", vec![("image", picture())], &[]),
        ("CountCalls", vec![("value", picture())], &[]),
    ];
    works_as_far_as_it_can(&folder.join(name), &calls);
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
