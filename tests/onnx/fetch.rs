//! Fetching the library, whatever pip and the server do.

use crate::library::{library, names};
use crate::server::{Reply, Request, Server};
use selfsame_host::onnx::{Error, Origin, Sources, Watch, Wheel, fetch};
use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A wheel with these files.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A wheel as they are, with a library of version 1.28.0.
fn usual() -> Vec<u8> {
    zipped(&[
        ("onnxruntime/__init__.py", b"print()"),
        ("onnxruntime/capi/libonnxruntime.so.1.28.0", &library(&names("1.28.0"))),
        ("onnxruntime/capi/libonnxruntime_providers_shared.so", b"provider"),
        ("onnxruntime/capi/onnxruntime_pybind11_state.so", b"python"),
        ("onnxruntime/capi/../../libonnxruntime.so.9", b"trick"),
    ])
}

/// What is known of a wheel that has these bytes.
fn described(bytes: &[u8]) -> Wheel {
    Wheel {
        package: "onnxruntime".into(),
        version: "1.28.0".into(),
        platform: "manylinux_2_28_x86_64".into(),
        bytes: bytes.len() as u64,
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        blake2b: format!("abcd{}", "0".repeat(60)),
    }
}

fn serve(bytes: Vec<u8>) -> Server {
    Server::start(move |_, request: &Request| Reply::honest(request, &bytes))
}

fn from_server(server: &Server) -> Sources {
    Sources { pip: Vec::new(), server: server.address.clone() }
}

/// A program that does what pip does with the file `wheel`, and writes down how it was called.
fn pip(folder: &Path, wheel: &Path) -> Vec<Vec<String>> {
    let script = "echo \"$@\" >> \"$0.calls\"\n\
        while [ \"$1\" != --dest ]; do shift; done\n\
        cp \"$0.wheel\" \"$2/onnxruntime-1.28.0-cp311-cp311-manylinux_2_28_x86_64.whl\"\n";
    let path = folder.join("pip.sh");
    std::fs::write(&path, script).unwrap();
    std::fs::copy(wheel, folder.join("pip.sh.wheel")).unwrap();
    vec![vec!["sh".into(), path.display().to_string()]]
}

/// A program that fails with these words.
fn broken(words: &str) -> Vec<String> {
    vec!["sh".into(), "-c".into(), format!("echo \"{words}\" >&2; exit 1")]
}

const QUIET: Watch = Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false };

/// What lies in a folder, but for the file that locks it.
fn left(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

#[test]
fn the_library_comes_from_the_server() {
    let (bytes, cache) = (usual(), tempfile::tempdir().unwrap());
    let server = serve(bytes.clone());
    let (said, most) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let watch = Watch {
        say: &|what| said.lock().unwrap().push(what.to_owned()),
        progress: &|done, total| {
            assert_eq!(total, bytes.len() as u64);
            most.fetch_max(done as usize, Ordering::Relaxed);
        },
        cancelled: &|| false,
    };
    let folder = cache.path().join("deep/onnxruntime");
    let found = fetch(&described(&bytes), &from_server(&server), &folder, &watch).unwrap();
    assert_eq!(found.path, folder.join("onnxruntime-1.28.0/libonnxruntime.so.1.28.0"));
    assert_eq!(found.origin, Origin::Cache);
    assert_eq!(left(&folder), ["onnxruntime-1.28.0"]);
    let files = ["libonnxruntime.so.1.28.0", "libonnxruntime_providers_shared.so"];
    assert_eq!(left(&folder.join("onnxruntime-1.28.0")), files);
    assert_eq!(*said.lock().unwrap(), ["fetching onnxruntime 1.28.0 (1 MB)"]);
    assert_eq!(most.into_inner(), bytes.len());
    let path = format!("/packages/ab/cd/{}/onnxruntime-1.28.0-cp311-cp311-manylinux_2_28_x86_64.whl", "0".repeat(60));
    assert_eq!(server.requests()[0].path, path);

    // It is there now, so nobody is asked.
    assert_eq!(fetch(&described(&bytes), &from_server(&server), &folder, &QUIET).unwrap(), found);
    assert_eq!(server.requests().len(), 1);
    // Somebody damaged it.
    std::fs::write(&found.path, b"junk").unwrap();
    assert_eq!(fetch(&described(&bytes), &from_server(&server), &folder, &QUIET).unwrap(), found);
    assert_eq!(left(&folder), ["onnxruntime-1.28.0"]);
}

#[test]
fn pip_is_asked_before_the_server() {
    let (bytes, cache, tools) = (usual(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wheel = tools.path().join("wheel");
    std::fs::write(&wheel, &bytes).unwrap();
    let server = serve(bytes.clone());
    // Programs that are not there, and a Python without pip, are passed over.
    let mut sources = from_server(&server);
    sources.pip = vec![vec!["/no/such/program".into()], broken("python3: No module named pip")];
    sources.pip.extend(pip(tools.path(), &wheel));
    let found = fetch(&described(&bytes), &sources, cache.path(), &QUIET).unwrap();
    assert_eq!(found.path, cache.path().join("onnxruntime-1.28.0/libonnxruntime.so.1.28.0"));
    assert_eq!(left(cache.path()), ["onnxruntime-1.28.0"]);
    assert!(server.requests().is_empty());
    let call = std::fs::read_to_string(tools.path().join("pip.sh.calls")).unwrap();
    for part in ["download ", " --no-deps ", " --platform manylinux_2_28_x86_64 ", " onnxruntime==1.28.0\n"] {
        assert!(call.contains(part), "{call}");
    }
}

#[test]
fn where_pip_fails_the_server_is_asked() {
    let (bytes, cache) = (usual(), tempfile::tempdir().unwrap());
    let server = serve(bytes.clone());
    let sources = Sources { pip: vec![broken("ERROR: No matching distribution")], ..from_server(&server) };
    fetch(&described(&bytes), &sources, cache.path(), &QUIET).unwrap();
    assert_eq!(server.requests().len(), 1);

    let gone = Server::start(|_, _| Reply::new(404, "no"));
    let other = tempfile::tempdir().unwrap();
    let sources = Sources { pip: vec![broken("ERROR: No matching distribution")], ..from_server(&gone) };
    let error = fetch(&described(&bytes), &sources, other.path(), &QUIET).unwrap_err().to_string();
    assert!(error.contains("404") && error.ends_with("pip: ERROR: No matching distribution"), "{error}");
    assert!(left(other.path()).is_empty());
}

#[test]
fn another_file_is_refused_and_nothing_of_it_is_kept() {
    let (bytes, cache, tools) = (usual(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut other = bytes.clone();
    other[50] ^= 1;
    let server = serve(other.clone());
    let error = fetch(&described(&bytes), &from_server(&server), cache.path(), &QUIET).unwrap_err().to_string();
    assert!(error.contains("expected SHA-256"), "{error}");
    assert!(left(cache.path()).is_empty());

    let wheel = tools.path().join("wheel");
    std::fs::write(&wheel, &other).unwrap();
    // The server would give the right one, but somebody who changes files is not to be passed over.
    let honest = serve(bytes.clone());
    let sources = Sources { pip: pip(tools.path(), &wheel), ..from_server(&honest) };
    let error = fetch(&described(&bytes), &sources, cache.path(), &QUIET).unwrap_err();
    assert!(matches!(&error, Error::WrongDigest { from: "pip", .. }), "{error}");
    assert!(left(cache.path()).is_empty());
}

#[test]
fn a_wheel_without_a_library_is_refused() {
    let cases: [(Vec<u8>, &str); 3] = [
        (zipped(&[("onnxruntime/capi/readme", b"hello")]), "there is no ONNX Runtime library in it"),
        (b"PK\x03\x04, but no archive".to_vec(), ".whl: "),
        (zipped(&[("onnxruntime/capi/libonnxruntime.so", b"junk")]), "no ONNX Runtime library"),
    ];
    for (bytes, words) in cases {
        let cache = tempfile::tempdir().unwrap();
        let server = serve(bytes.clone());
        let error = fetch(&described(&bytes), &from_server(&server), cache.path(), &QUIET).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(left(cache.path()).is_empty(), "{:?}", left(cache.path()));
    }
}

#[test]
fn threads_that_fetch_the_same_wait_for_one_another() {
    let (bytes, cache) = (usual(), tempfile::tempdir().unwrap());
    let server = serve(bytes.clone());
    let (wheel, sources) = (described(&bytes), from_server(&server));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetch(&wheel, &sources, cache.path(), &QUIET).unwrap());
        }
    });
    assert_eq!(server.requests().len(), 1);
    assert_eq!(left(cache.path()), ["onnxruntime-1.28.0"]);
}

#[test]
fn fetching_can_be_stopped() {
    let (bytes, cache) = (usual(), tempfile::tempdir().unwrap());
    let stopped = Watch { cancelled: &|| true, ..QUIET };
    let server = serve(bytes.clone());
    let error = fetch(&described(&bytes), &from_server(&server), cache.path(), &stopped).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");

    let slow = Sources { pip: vec![vec!["sh".into(), "-c".into(), "exec sleep 600".into()]], ..from_server(&server) };
    let error = fetch(&described(&bytes), &slow, cache.path(), &stopped).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(left(cache.path()).is_empty());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("file");
    std::fs::write(&file, "").unwrap();
    let bytes = usual();
    let sources = Sources { pip: Vec::new(), server: "http://127.0.0.1:1".into() };
    let error = fetch(&described(&bytes), &sources, &file.join("below"), &QUIET).unwrap_err().to_string();
    assert!(error.contains("file/below: cannot be made"), "{error}");
}
