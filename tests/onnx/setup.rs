//! `selfsame setup`, as a user starts it.

use selfsame_host::onnx::{Watch, ensure};
use std::path::Path;
use std::process::Command;

/// Runs `selfsame setup` with these arguments; gives its exit code and all that it says.
fn setup(arguments: &[&str], library: &Path, home: &Path) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_selfsame"))
        .arg("setup")
        .args(arguments)
        .args(["--device", "cpu"])
        .env("ORT_DYLIB_PATH", library)
        .env("HOME", home)
        .env_remove("ORT_DISABLE_TELEMETRY")
        .env_remove("XDG_CACHE_HOME")
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("SELFSAME_CONFIG")
        .env_remove("SELFSAME_MODELS")
        .output()
        .unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), text)
}

#[test]
fn setup_shows_what_is_there_and_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let library = ensure(&Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false }).unwrap().path;

    let (code, text) = setup(&["--check"], &library, home.path());
    assert_eq!(code, Some(0), "{text}");
    let start = "ONNX Runtime  ok  1.";
    assert!(text.contains(start) && text.contains(&format!("{} (ORT_DYLIB_PATH)", library.display())), "{text}");
    assert!(text.contains("device        ok  cpu"), "{text}");
    assert!(text.contains("plugins       ok  "), "{text}");
    assert!(text.contains("not there yet") && text.contains("selfsame models list"), "{text}");
    // Neither this program nor ONNX Runtime, which would keep a number for this machine there if it reported.
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "--check makes nothing");

    let (code, text) = setup(&[], &library, home.path());
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("fetching"), "{text}");

    let missing = home.path().join("none.so");
    let (code, text) = setup(&["--check"], &missing, home.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("ONNX Runtime  missing") && text.contains("none.so is not there"), "{text}");
    // The user wants that one, so another one is not fetched.
    let (code, text) = setup(&[], &missing, home.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("error: ") && text.contains("none.so is not there") && !text.contains("fetching"), "{text}");
}

#[test]
fn a_library_that_cannot_be_loaded_ends_in_words() {
    let home = tempfile::tempdir().unwrap();
    let library = ensure(&Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false }).unwrap().path;
    // A real one that needs another library, which this machine lacks.
    let mut bytes = std::fs::read(&library).unwrap();
    let needed = b"libstdc++.so.6\0";
    let at = bytes.windows(needed.len()).position(|window| window == needed).unwrap();
    bytes[at..at + 3].copy_from_slice(b"lob");
    let broken = home.path().join("libonnxruntime.so");
    std::fs::write(&broken, bytes).unwrap();
    let (code, text) = setup(&["--check"], &broken, home.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("libonnxruntime.so: this library cannot be loaded: ") && text.contains("lobstdc++"),
        "{text}"
    );
}

#[test]
fn a_library_that_reports_what_it_runs_is_not_used() {
    let home = tempfile::tempdir().unwrap();
    let reporting = home.path().join("libonnxruntime.so");
    std::fs::write(&reporting, crate::library::library(&crate::library::names("1.29.0"))).unwrap();
    let (code, text) = setup(&["--check"], &reporting, home.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("is version 1.29.0, which may report what it runs to its makers"), "{text}");
    assert!(text.contains("set ORT_DISABLE_TELEMETRY=1"), "{text}");
}
