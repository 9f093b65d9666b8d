//! What an isolated plugin may reach: nothing that it was not permitted.

use crate::kit::*;
use crate::load::host_works_with;
use crate::process::{c_library, call, goes_on};
use selfsame_host::plugin::Plugin;
use selfsame_host::plugin::helper::{Isolation, Permissions, sandbox};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{NodeType, Value};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

fn process(read: &[&Path], network: bool) -> Arc<dyn NodeType> {
    let permissions = Permissions { read: read.iter().map(|path| (*path).to_owned()).collect(), network };
    let isolation = Isolation { permissions, ..isolation() };
    Plugin::load_isolated(&c_library(), &isolation).unwrap().nodes()[0].clone()
}

/// What the plugin could not do; none if it could.
fn refused(node: &Arc<dyn NodeType>, how: &str, path: &str) -> Option<String> {
    match call(node, how, path) {
        Ok(values) => {
            assert!(matches!(values[..], [Value::Float(1.0)]));
            None
        }
        Err(error) => Some(error.message.replace(" (plugin process 1.0.0)", "")),
    }
}

/// Whether this system sees to everything; what it lacks is printed, and cannot be tested.
pub fn is_sandboxed() -> bool {
    let lacks = sandbox(&isolation()).unwrap().lacks();
    lacks.iter().for_each(|lacks| println!("skipped: {lacks}"));
    lacks.is_none()
}

/// A folder outside of the one for temporary files, where the library lies.
fn folder() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("secret.txt");
    std::fs::write(&path, "secret").unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

#[test]
fn files_are_out_of_reach() {
    if !is_sandboxed() {
        return;
    }
    let (folder, secret) = folder();
    let node = process(&[], false);
    let denied = Some("open: Permission denied".to_owned());
    assert_eq!(refused(&node, "read", &secret), denied);
    assert_eq!(refused(&node, "write", &secret), denied);
    assert_eq!(refused(&node, "write", folder.path().join("new").to_str().unwrap()), denied);
    assert_eq!(refused(&node, "read", &format!("/proc/{}/environ", std::process::id())), denied);
    assert_eq!(refused(&node, "read", "/etc/passwd"), denied);
    assert_eq!(refused(&node, "remove", &secret), Some("unlink: Permission denied".to_owned()));
    assert_eq!(refused(&node, "chmod", &secret), Some("chmod: Operation not permitted".to_owned()));
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(refused(&node, "temporary", ""), None);
    goes_on(&node);
}

/// Nor has it the host read files for it.
#[test]
fn the_host_reads_only_what_the_plugin_may() {
    let (folder, _) = folder();
    let path = folder.path().join("numbers.txt");
    std::fs::write(&path, "1\n2\n").unwrap();
    let run = |read: &[&Path]| {
        let permissions = Permissions { read: read.iter().map(|path| (*path).to_owned()).collect(), network: false };
        let isolation = Isolation { permissions, ..isolation() };
        let plugin = Plugin::load_isolated(&library("selfsame-samples"), &isolation).unwrap();
        let inputs = [("path", Value::Text(path.to_str().unwrap().into()))];
        TestHost::new().run(&*node(&plugin, "LoadNumbers"), &inputs)
    };
    let error = run(&[]).unwrap_err();
    let told = format!("{} cannot be read: the plugin is isolated, and not permitted to", path.display());
    assert!(error.message.starts_with(&told), "{error}");
    assert!(error.hint.unwrap().contains("--plugins-read"));
    assert!(matches!(run(&[folder.path()]).unwrap()[1], Value::Int(2)));
    host_works_with(&[&samples()]);
}

/// Nor does the name of a model lead to them.
#[test]
fn a_model_is_a_name_in_the_models_folders() {
    let (_folder, secret) = folder();
    let host = TestHost::new();
    // Not all temporary files: the secret may be one.
    let permissions = Permissions { read: vec![host.folder().to_owned()], network: false };
    let isolation = Isolation { permissions, ..isolation() };
    let plugin = Plugin::load_isolated(&library("selfsame-fixtures"), &isolation).unwrap();
    std::fs::write(host.folder().join("text.txt"), "text").unwrap();
    std::fs::create_dir(host.folder().join("checkpoints")).unwrap();
    std::fs::write(host.folder().join("checkpoints/model.bin"), "weights").unwrap();
    let told = |model: &str| {
        let inputs = [("path", Value::Text("text.txt".into())), ("model", Value::Text(model.into()))];
        let values = host.run(&*node(&plugin, "AskHost"), &inputs).unwrap();
        let Value::List(answers) = &values[0] else { panic!("{values:?}") };
        let Value::Text(answer) = &answers[3] else { panic!("{answers:?}") };
        answer.to_string()
    };
    assert!(told("model.bin").contains("checkpoints/model.bin"), "{}", told("model.bin"));
    for path in [&*secret, "../secret.txt", "./secret.txt", "/etc/passwd", "/etc"] {
        assert!(told(path).contains(&format!("{path} cannot be read: the plugin is isolated")), "{}", told(path));
    }
}

/// What is told of this system is what a plugin meets.
#[test]
fn this_system_sees_to_everything() {
    if !is_sandboxed() {
        return;
    }
    let told = sandbox(&isolation()).unwrap();
    assert_eq!((told.files, told.system_calls), (true, true));
    let ((_folder, secret), node) = (folder(), process(&[], false));
    assert!(refused(&node, "read", &secret).is_some() && refused(&node, "unix", "").is_some());
    goes_on(&node);
}

#[test]
fn a_folder_that_is_permitted_can_be_read_and_not_written() {
    if !is_sandboxed() {
        return;
    }
    let (folder, secret) = folder();
    let node = process(&[folder.path()], false);
    assert_eq!(refused(&node, "read", &secret), None);
    assert_eq!(refused(&node, "write", &secret), Some("open: Permission denied".to_owned()));
    let node = process(&[Path::new(&secret)], false);
    assert_eq!(refused(&node, "read", &secret), None);
    goes_on(&node);
}

#[test]
fn the_network_is_out_of_reach_unless_it_is_permitted() {
    if !is_sandboxed() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let node = process(&[], false);
    assert_eq!(refused(&node, "connect", &port), Some("connect: Operation not permitted".to_owned()));
    assert_eq!(refused(&node, "unix", ""), Some("socket: Operation not permitted".to_owned()));
    assert_eq!(refused(&process(&[], true), "connect", &port), None);
    goes_on(&node);
}

#[test]
fn other_programs_and_processes_are_out_of_reach() {
    if !is_sandboxed() {
        return;
    }
    let node = process(&[], true);
    for how in ["exec", "kill", "ptrace", "fork", "fcntl", "socketpair"] {
        assert_eq!(refused(&node, how, ""), Some(format!("{how}: Operation not permitted")));
    }
    assert_eq!(refused(&node, "limits", ""), Some("setrlimit: Operation not permitted".to_owned()));
    assert!(std::env::var_os("PATH").is_some());
    assert_eq!(refused(&node, "environment", ""), Some("none".to_owned()));
    goes_on(&node);
}
