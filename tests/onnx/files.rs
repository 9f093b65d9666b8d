//! Files that are no models, or no good ones.

use crate::open;
use crate::proto::{self, Node, model, single};
use selfsame_sdk::Status;

/// What opening a file with these contents says.
fn refused(contents: &[u8]) -> selfsame_sdk::Error {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.onnx");
    std::fs::write(&path, contents).unwrap();
    let error = open(&path).err().unwrap();
    assert!(error.message.starts_with(&format!("{}: ", path.display())), "{error}");
    assert!(!error.message.contains('\n'), "{error}");
    error
}

#[test]
fn what_is_often_found_in_place_of_a_model_is_named() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:83e0\nsize 5135\n", "Git-LFS pointer"),
        (b"<!DOCTYPE html><title>Sign in</title>", "HTML page"),
        (b"{\"error\": \"no such file\"}", "a JSON text, expected an ONNX model"),
        (b"\x02\0\0\0\0\0\0\0{}", "a safetensors file, expected an ONNX model"),
        (b"PK\x03\x04........", "a zip archive or a torch checkpoint, expected an ONNX model"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture, expected an ONNX model"),
        (b"Not found", "a text file starting with \"Not found\", expected an ONNX model"),
    ];
    for (contents, words) in cases {
        let error = refused(contents);
        assert!(error.message.contains(words), "{error}");
    }
}

#[test]
fn a_model_that_was_cut_off_is_refused_wherever_it_ends() {
    let value = |name| (name, proto::F32, &[2i64, 2][..]);
    let whole = single("Add", &[], &[value("a"), value("b")], &[value("sum")]);
    for length in 1..whole.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("detector.onnx");
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(open(&path).is_err(), "{length} of {} bytes", whole.len());
    }
    let error = refused(&whole[..whole.len() / 2]);
    assert_eq!(error.status, Status::InvalidArgument, "{error}");
    assert!(error.message.contains("damaged, cut off, or no ONNX model"), "{error}");
    assert!(error.hint.is_some());
}

#[test]
fn noise_is_refused() {
    let mut state = 1u32;
    for length in [1, 2, 16, 1000] {
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(length)
        .collect();
        refused(&noise);
    }
}

#[test]
fn an_operator_that_nobody_has_is_named() {
    let node = |op, domain| Node { op, domain, inputs: &["x"], outputs: &["y"], ints: &[] };
    for node in [node("Frobnicate", ""), node("Frobnicate", "com.acme")] {
        let bytes = model(&[node], &[("x", proto::F32, &[1])], &[("y", proto::F32, &[1])]);
        let error = refused(&bytes);
        assert_eq!(error.status, Status::Unsupported, "{error}");
        assert!(
            error.message.contains("ONNX Runtime cannot run it") && error.message.contains("Frobnicate"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_and_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&folder.path().join("none.onnx")).err().unwrap();
    assert!(error.message.ends_with("none.onnx: no such file or folder"), "{error}");
    let error = open(folder.path()).err().unwrap();
    assert!(
        error.message.contains("neither a file nor a folder") || error.message.contains("cannot be read"),
        "{error}"
    );
}
