//! Files that may be the library.

use crate::start;
use selfsame_host::onnx::{OLDEST, Origin, Places, Version};
use selfsame_nodes::onnx::find;
use std::path::Path;

/// The smallest library for Linux that says it is ONNX Runtime of a version: two parts to load, and a table of names.
pub fn library(names: &str) -> Vec<u8> {
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    let names = names.as_bytes();
    let (dynamic_at, names_at) = (64 + 2 * 56, 64 + 2 * 56 + 48);
    let total = names_at + names.len();
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    for number in [0u64, 64, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(0u32.to_le_bytes());
    for number in [64u16, 56, 2, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    // What is loaded lies 0x1000 higher in memory than in the file.
    for (kind, offset, length) in [(1u32, 0, total), (2, dynamic_at, 48)] {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(4u32.to_le_bytes());
        for number in [offset, offset + 0x1000, offset + 0x1000, length, length, 8] {
            bytes.extend((number as u64).to_le_bytes());
        }
    }
    for (tag, number) in [(5u64, names_at + 0x1000), (10, names.len()), (0, 0)] {
        bytes.extend(tag.to_le_bytes());
        bytes.extend((number as u64).to_le_bytes());
    }
    bytes.extend(names);
    bytes
}

/// The names in the library of a version.
pub fn names(version: &str) -> String {
    format!("\0free\0OrtGetApiBase\0libonnxruntime.so.1\0VERS_{version}\0")
}

/// What is wrong with the files in a folder.
fn problems(files: &[(&str, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        std::fs::write(folder.path().join(name), contents).unwrap();
    }
    find(&Places::of([(Origin::System, folder.path().to_owned())])).unwrap_err().to_string()
}

#[test]
fn the_newest_library_of_the_first_place_that_has_one() {
    let root = tempfile::tempdir().unwrap();
    let folder = |name: &str, files: &[(&str, &str)]| {
        let folder = root.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for (name, version) in files {
            std::fs::write(folder.join(name), library(&names(version))).unwrap();
        }
        folder
    };
    let empty = folder("empty", &[]);
    let old = folder("old", &[("libonnxruntime.so", "1.16.3")]);
    let two = folder("two", &[("libonnxruntime.so.1.9.0", "1.20.0"), ("libonnxruntime.so.1", "1.22.1")]);
    let later = folder("later", &[("libonnxruntime.so", "1.28.0")]);
    let places =
        [(Origin::Program, empty), (Origin::Cache, old), (Origin::System, two.clone()), (Origin::Python, later)];
    let found = find(&Places::of(places)).unwrap();
    assert_eq!(found.path, two.join("libonnxruntime.so.1"));
    assert_eq!((found.version, found.origin), (Some(Version { major: 1, minor: 22, patch: 1 }), Origin::System));
    assert!(found.to_string().starts_with("1.22.1, "));
}

#[test]
fn libraries_that_are_too_old_or_too_new_are_named_with_both_versions() {
    let old = problems(&[("libonnxruntime.so.1", &library(&names("1.16.3")))]);
    assert!(old.contains(&format!("libonnxruntime.so.1 is version 1.16.3; expected {OLDEST} or a later one")), "{old}");
    let new = problems(&[("libonnxruntime.so", &library(&names("2.0.0")))]);
    assert!(new.contains("is version 2.0.0"), "{new}");
}

#[test]
fn files_that_are_no_library_are_refused_before_the_system_runs_them() {
    let whole = library(&names("1.28.0"));
    let mut foreign = whole.clone();
    foreign[18..20].copy_from_slice(&40u16.to_le_bytes());
    let mut far = whole.clone();
    // The first part claims to lie at the end of the address space.
    far[64 + 8..64 + 16].copy_from_slice(&u64::MAX.to_le_bytes());
    let cases: [(&[u8], &str); 7] = [
        (b"", "is empty"),
        (b"<html>", "is cut off, or no library"),
        (&[b'#'; 200], "is no library for 64-bit Linux"),
        (&foreign, "is a library for another processor"),
        (&far, "is cut off"),
        (&whole[..whole.len() - 1], "is cut off: expected at least"),
        (&library("\0malloc\0libother.so\0"), "is a library, but not ONNX Runtime"),
    ];
    for (contents, words) in cases {
        let message = problems(&[("libonnxruntime.so", contents)]);
        assert!(message.contains(words), "{message}");
    }
    // Wherever it ends and whatever is in it, looking at it is harmless.
    for length in 0..whole.len() {
        problems(&[("libonnxruntime.so", &whole[..length])]);
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libonnxruntime.so"), damaged).unwrap();
        let _ = find(&Places::of([(Origin::System, folder.path().to_owned())]));
    }
}

#[test]
fn a_library_of_which_a_part_is_missing_is_refused() {
    // The system's loader would take it, and the program would die when it touches the missing part.
    let watch = selfsame_host::onnx::Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false };
    let real = selfsame_host::onnx::ensure(&watch).unwrap();
    let bytes = std::fs::read(&real.path).unwrap();
    let message = problems(&[("libonnxruntime.so", &bytes[..bytes.len() / 2])]);
    assert!(message.contains("is cut off"), "{message}");
}

#[test]
fn a_file_that_the_user_names_is_the_only_one_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("mine.so");
    let places = Places::of([(Origin::Environment, named.clone())]);
    let error = find(&places).unwrap_err();
    assert!(error.is_named());
    assert!(error.to_string().contains("mine.so is not there (ORT_DYLIB_PATH)"), "{error}");
    std::fs::write(&named, library(&names("1.28.0"))).unwrap();
    assert_eq!(find(&places).unwrap().path, named);
    // Its folder will do too.
    std::fs::rename(&named, folder.path().join("libonnxruntime.so")).unwrap();
    let found = find(&Places::of([(Origin::Environment, folder.path().to_owned())])).unwrap();
    assert_eq!(found.path, folder.path().join("libonnxruntime.so"));
}

#[test]
fn nothing_anywhere_lists_the_places() {
    let error = find(&Places::of([(Origin::Program, "/no/a".into()), (Origin::Python, "/no/b".into())])).unwrap_err();
    assert!(!error.is_named());
    assert_eq!(error.to_string(), format!("no ONNX Runtime library (1.{} or later) in /no/a, /no/b", OLDEST.minor));
}

#[test]
fn the_loaded_library_stays() {
    start();
    let loaded = selfsame_host::onnx::find().unwrap();
    let other = selfsame_host::onnx::Found { path: Path::new("/no/such/library").to_owned(), ..loaded.clone() };
    assert_eq!(selfsame_host::onnx::load(other).unwrap().path, loaded.path);
}
