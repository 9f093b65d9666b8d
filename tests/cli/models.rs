//! `selfsame models`, without a network.

use crate::Scratch;
use crate::server::{Reply, Server};

// The digest of `abc` is from the definition of SHA-256 (FIPS 180-4, example 1).
const CATALOGUE: &str = r#"[(
    name: "abc", purpose: "a test", repository: "a/b", revision: "main",
    licence: (name: "MIT", link: "https://example.com", research_only: false),
    files: [(kind: "vae", name: "abc.safetensors", from: "x", bytes: Some(3),
        sha256: Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"))],
)]"#;

#[test]
fn an_empty_folder() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path.join("m")).unwrap();
    let done = scratch.run(&["models", "list", "--models", "m"]).expect(0);
    assert!(
        done.stdout.starts_with("No models are there but those that are part of the program. Looked in\n  m "),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("Part of the program is\n  mini "), "{}", done.stdout);
    assert!(done.stdout.contains("`selfsame models pull NAME` fetches\n  sdxl-base "), "{}", done.stdout);
    let done = scratch.run(&["models", "list", "--json", "--models", "m"]).expect(0);
    let lists: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let models = lists["models"].as_array().unwrap();
    let is_ours = |name: &str| name.starts_with("tiny") || name.starts_with("mini");
    assert!(models.iter().all(|model| is_ours(model["name"].as_str().unwrap())), "{models:?}");
    assert_eq!(lists["folders"][0], serde_json::json!({"path": "m", "from": "--models"}));
    let mini = &lists["catalogue"][0];
    assert_eq!((mini["name"].as_str(), mini["bundled"].as_bool()), (Some("mini"), Some(true)));
    assert!(mini["files"].as_array().unwrap().iter().all(|file| file["bytes"].as_u64().unwrap() > 100_000), "{mini}");
    let done = scratch.run(&["models", "verify", "--models", "m"]).expect(0);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", "no model of the catalogue is there\n"));
    assert!(scratch.files("").is_empty());
}

#[test]
fn what_is_there() {
    let scratch = Scratch::with("m/loras/styles/ink.safetensors", "weights");
    let list = scratch.run(&["models", "list", "--models", "m"]).expect(0).stdout;
    let loras = list.split("\n\n").find(|kind| kind.starts_with("loras\n"));
    assert!(loras.is_some_and(|loras| loras.contains("\n  styles/ink.safetensors   7 bytes ")), "{list}");
    assert!(!scratch.run(&["models", "list", "vae", "--models", "m"]).expect(0).stdout.contains("ink"));
    let place = scratch.run(&["models", "where", "loras", "ink", "--models", "m"]).expect(0).stdout;
    assert_eq!(place, "m/loras/styles/ink.safetensors\n");
    let done = scratch.run(&["models", "where", "loras", "inc", "--models", "m"]).expect(1);
    assert!(done.stderr.contains("loras `inc`: not found in any of\n  m/loras\n"), "{}", done.stderr);
    assert!(done.stderr.contains("did you mean `styles/ink.safetensors`?"), "{}", done.stderr);
    assert!(scratch.run(&["models", "list", "lora"]).expect(2).stderr.contains("did you mean `loras`?"));
}

#[test]
fn files_are_compared_with_the_catalogue() {
    let scratch = Scratch::with("more.ron", CATALOGUE);
    scratch.write("s.ron", "(models: [\"m\"], catalogue: \"more.ron\")");
    let run = |args: &[&str]| scratch.finish(scratch.command(args).env("SELFSAME_CONFIG", "s.ron"));
    assert_eq!(run(&["models", "verify", "abc"]).expect(1).stdout, "m/vae/abc.safetensors (abc): missing\n");
    scratch.write("m/vae/abc.safetensors", "abc");
    assert_eq!(run(&["models", "verify"]).expect(0).stdout, "m/vae/abc.safetensors (abc): ok\n");
    // It is there, so nobody asks the hub.
    assert_eq!(run(&["models", "pull", "abc"]).expect(0).stdout, "is there m/vae/abc.safetensors\n");
    scratch.write("m/vae/abc.safetensors", "abd");
    assert!(run(&["models", "verify", "abc"]).expect(1).stdout.contains("wrong digest"));
    scratch.write("m/vae/abc.safetensors", "<html>");
    let by_path = run(&["models", "verify", "m/vae/abc.safetensors"]).expect(1).stdout;
    assert!(by_path.contains("a web page, not a model"), "{by_path}");
    assert!(run(&["models", "verify", "nothing"]).expect(2).stderr.contains("and there is no such file"));
}

#[test]
fn licences_are_shown_and_those_for_research_must_be_accepted() {
    let scratch = Scratch::new();
    let done = scratch.run(&["models", "pull", "instantid"]).expect(2);
    assert!(done.stderr.contains("licence: Apache-2.0, research only (https://"), "{}", done.stderr);
    assert!(done.stderr.contains("say --yes to accept it"), "{}", done.stderr);
    assert!(scratch.run(&["models", "pull", "instantit"]).expect(2).stderr.contains("did you mean `instantid`?"));
    assert!(scratch.files("").is_empty());
}

#[test]
fn what_is_part_of_the_program_is_not_fetched() {
    let scratch = Scratch::new();
    let done = scratch.run(&["models", "pull", "mini"]).expect(0);
    assert!(done.stderr.contains("\n  part of the program: nothing to fetch, "), "{}", done.stderr);
    assert!(done.stderr.contains("\n  licence: MIT or Apache-2.0 (https://"), "{}", done.stderr);
    let done = scratch.run(&["models", "verify", "mini"]).expect(2);
    assert!(done.stderr.contains("mini is part of the program: there is nothing to compare"), "{}", done.stderr);
    let place = scratch.run(&["models", "where", "checkpoints", "mini"]).expect(0).stdout;
    assert_eq!(place, "[DIR]/.cache/selfsame/bundled/checkpoints/mini\n");
}

/// A scratch folder that knows the model `abc`.
fn with_catalogue() -> Scratch {
    let scratch = Scratch::with("more.ron", CATALOGUE);
    scratch.write(".config/selfsame/settings.ron", format!("(catalogue: {:?})", scratch.path.join("more.ron")));
    scratch
}

#[test]
fn a_model_is_fetched_into_the_first_folder() {
    let scratch = with_catalogue();
    let server = Server::start(|_, request| Reply::honest(request, b"abc"));
    let mut command = scratch.command(&["models", "pull", "abc", "--models", "m"]);
    command.env("HF_ENDPOINT", &server.address);
    let done = scratch.finish(&mut command).expect(0);
    assert_eq!(done.stdout, "fetched m/vae/abc.safetensors\n");
    let notice = "abc: a test\n  from a/b, 3 bytes\n  licence: MIT (https://example.com)\n";
    assert!(done.stderr.starts_with(notice), "{}", done.stderr);
    assert_eq!(scratch.read("m/vae/abc.safetensors"), b"abc");
    assert_eq!(scratch.finish(&mut command).expect(0).stdout, "is there m/vae/abc.safetensors\n");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn wrong_bytes_are_refused() {
    let scratch = with_catalogue();
    let server = Server::start(|_, request| Reply::honest(request, b"abd"));
    let mut command = scratch.command(&["models", "pull", "abc", "--models", "m"]);
    let done = scratch.finish(command.env("HF_ENDPOINT", &server.address)).expect(1);
    assert!(done.stderr.contains("error: ") && done.stderr.contains("expected SHA-256 ba7816bf"), "{}", done.stderr);
    assert!(!scratch.files("m").contains(&"m/vae/abc.safetensors".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_download_is_cancelled() {
    let scratch = with_catalogue();
    // Nothing ever arrives, and it is tried again and again.
    let (asked, wait) = std::sync::mpsc::channel();
    let server = Server::start(move |_, request| {
        asked.send(()).unwrap();
        Reply::honest(request, b"abc").cut(0)
    });
    let mut command = scratch.command(&["models", "pull", "abc", "--models", "m"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.env("HF_ENDPOINT", &server.address).spawn().unwrap();
    wait.recv().unwrap();
    crate::signal(&child, "INT");
    let done = scratch.done(child.wait_with_output().unwrap()).expect(4);
    assert!(done.stderr.ends_with("error: cancelled; pull again to continue\n"), "{}", done.stderr);
}
