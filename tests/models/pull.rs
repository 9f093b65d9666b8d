//! Fetching from servers that behave.

use super::server::{Reply, Server};
use super::{folders_of, write};
use selfsame_host::models::{
    Checked, Event, Hub, Licence, Model, ModelFile, Outcome, Patience, PullError, Pulled, Watch,
};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

pub const QUICK: Patience = Patience { attempts: 4, pause: Duration::from_millis(1), silence: Duration::from_secs(20) };

/// The bytes of a file of this length.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 % 251) as u8).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A model of one file, of which the catalogue knows length and digest.
pub fn model(file: &[u8]) -> Model {
    Model {
        name: "test".into(),
        purpose: "test".into(),
        bundled: false,
        repository: "me/test".into(),
        revision: "0123abc".into(),
        licence: Licence { name: "MIT".into(), link: "https://example.org".into(), research_only: false },
        files: vec![ModelFile {
            kind: "loras".into(),
            name: "sub/a.safetensors".into(),
            from: "weights/a b.safetensors".into(),
            bytes: Some(file.len() as u64),
            sha256: Some(sha256(file)),
        }],
    }
}

/// The same, of which the catalogue knows nothing.
pub fn unknown(file: &[u8]) -> Model {
    let mut model = model(file);
    (model.files[0].bytes, model.files[0].sha256) = (None, None);
    model
}

pub fn pull(server: &Server, model: &Model, dir: &Path) -> Result<Vec<Pulled>, PullError> {
    pull_as(&Hub::new(&server.address, None, QUICK).unwrap(), model, dir)
}

pub fn pull_as(hub: &Hub, model: &Model, dir: &Path) -> Result<Vec<Pulled>, PullError> {
    let watch = Watch { event: &|_, _| {}, cancelled: &|| false };
    selfsame_host::models::pull(hub, model, &folders_of(&[dir]), &watch)
}

/// The names of all files below the kind's folder, except lock files of failed pulls.
pub fn left(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir.join("loras/sub")).into_iter().flatten();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

/// Pulls, and expects exactly this file, checked in this way, and nothing beside it.
pub fn expect(server: &Server, model: &Model, dir: &Path, file: &[u8], checked: Checked) {
    let path = dir.join("loras/sub/a.safetensors");
    let pulled = pull(server, model, dir).unwrap();
    assert_eq!(pulled, [Pulled { path: path.clone(), outcome: Outcome::Fetched, checked }]);
    assert!(std::fs::read(path).unwrap() == file, "the file has other bytes");
    assert_eq!(std::fs::read_dir(dir.join("loras/sub")).unwrap().count(), 1);
}

#[test]
fn a_file_is_fetched_once() {
    let (file, dir) = (bytes(1_000_000), tempfile::tempdir().unwrap());
    let served = file.clone();
    let server = Server::start(move |_, request| Reply::honest(request, &served));
    expect(&server, &model(&file), dir.path(), &file, Checked::Catalogue);
    let again = pull(&server, &model(&file), dir.path()).unwrap();
    assert_eq!(again[0].outcome, Outcome::AlreadyThere);
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/me/test/resolve/0123abc/weights/a%20b.safetensors");
    assert!(!requests[0].headers.contains_key("authorization"));
}

#[test]
fn a_file_in_another_models_folder_is_not_fetched() {
    let (file, one, two) = (bytes(1000), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = file.clone();
    let server = Server::start(move |_, request| Reply::honest(request, &served));
    let hub = Hub::new(&server.address, None, QUICK).unwrap();
    let watch = Watch { event: &|_, _| {}, cancelled: &|| false };
    let folders = folders_of(&[one.path(), two.path()]);
    let other = two.path().join("loras/sub/a.safetensors");
    write(&other, &file);
    let pulled = selfsame_host::models::pull(&hub, &model(&file), &folders, &watch).unwrap();
    assert_eq!((&pulled[0].path, pulled[0].outcome), (&other, Outcome::AlreadyThere));
    // A damaged one there does not count.
    write(&other, &file[1..]);
    let pulled = selfsame_host::models::pull(&hub, &model(&file), &folders, &watch).unwrap();
    assert_eq!(pulled[0].path, one.path().join("loras/sub/a.safetensors"));
}

#[test]
fn a_different_file_of_this_name_is_not_overwritten() {
    let (file, dir) = (bytes(1000), tempfile::tempdir().unwrap());
    let server = Server::start(|_, _| Reply::new(500, ""));
    let path = dir.path().join("loras/sub/a.safetensors");
    for (there, what) in [
        (&b"mine"[..], "wrong size: expected 1000 bytes, got 4"),
        (b"<html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "a Git-LFS pointer"),
    ] {
        write(&path, there);
        let error = pull(&server, &model(&file), dir.path()).unwrap_err();
        assert!(matches!(error, PullError::Occupied { .. }) && error.to_string().contains(what), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), there);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn the_hubs_digest_serves_where_the_catalogue_has_none() {
    let (file, dir) = (bytes(5000), tempfile::tempdir().unwrap());
    let served = file.clone();
    let digest = sha256(&file);
    let server = Server::start(move |_, request| {
        Reply::honest(request, &served).with("x-linked-etag", format!("\"{digest}\"")).with("x-linked-size", 5000)
    });
    expect(&server, &unknown(&file), dir.path(), &file, Checked::Hub);
}

#[test]
fn without_any_digest_the_length_is_checked_and_that_is_said() {
    let (file, dir) = (bytes(5000), tempfile::tempdir().unwrap());
    let served = file.clone();
    let server = Server::start(move |_, request| Reply::honest(request, &served).with("etag", "\"1a2b\""));
    expect(&server, &unknown(&file), dir.path(), &file, Checked::Length);
    let nothing = Server::start(|_, _| Reply::new(200, "abc").without("content-length"));
    let error = pull(&nothing, &unknown(b""), tempfile::tempdir().unwrap().path()).unwrap_err();
    assert!(error.to_string().contains("neither length nor digest"), "{error}");
}

#[test]
fn a_cancelled_pull_is_continued_by_the_next() {
    let (file, dir) = (bytes(3_000_000), tempfile::tempdir().unwrap());
    let served = file.clone();
    let server = Server::start(move |_, request| Reply::honest(request, &served).with("etag", "\"1\""));
    let hub = Hub::new(&server.address, None, QUICK).unwrap();
    let so_far = Cell::new(0);
    let event = |_: &Path, event: Event<'_>| {
        if let Event::Fetching { done, total } = event {
            assert!(done >= so_far.get() && total == Some(3_000_000));
            so_far.set(done);
        }
    };
    let watch = Watch { event: &event, cancelled: &|| so_far.get() >= 1_000_000 };
    let error = selfsame_host::models::pull(&hub, &model(&file), &folders_of(&[dir.path()]), &watch).unwrap_err();
    assert!(matches!(error, PullError::Cancelled));
    assert_eq!(left(dir.path()), ["a.safetensors.part", "a.safetensors.part.ron"]);
    let kept = std::fs::metadata(dir.path().join("loras/sub/a.safetensors.part")).unwrap().len();
    assert!((1_000_000..3_000_000).contains(&kept), "{kept}");
    expect(&server, &model(&file), dir.path(), &file, Checked::Catalogue);
    assert_eq!(server.starts(), [None, Some(kept as usize)]);
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let (file, dir) = (bytes(200_000), tempfile::tempdir().unwrap());
    let served = file.clone();
    let (waiting, second_waits) = mpsc::channel();
    let second_waits = Mutex::new(second_waits);
    let (asked, first_asks) = mpsc::channel();
    let server = Server::start(move |_, request| {
        asked.send(()).unwrap();
        second_waits.lock().unwrap().recv().unwrap();
        Reply::honest(request, &served)
    });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| pull(&server, &model(&file), dir.path()).unwrap());
        first_asks.recv().unwrap();
        let hub = Hub::new(&server.address, None, QUICK).unwrap();
        let events = RefCell::new(Vec::new());
        let event = |_: &Path, event: Event<'_>| {
            if event == Event::Waiting {
                waiting.send(()).unwrap();
                events.borrow_mut().push("waiting");
            }
        };
        let watch = Watch { event: &event, cancelled: &|| false };
        let second = selfsame_host::models::pull(&hub, &model(&file), &folders_of(&[dir.path()]), &watch).unwrap();
        assert_eq!(second[0].outcome, Outcome::AlreadyThere);
        assert_eq!(first.join().unwrap()[0].outcome, Outcome::Fetched);
        assert_eq!(*events.borrow(), ["waiting"]);
    });
    assert_eq!(server.requests().len(), 1);
    assert!(std::fs::read(dir.path().join("loras/sub/a.safetensors")).unwrap() == file);
}

#[test]
fn waiting_for_another_pull_can_be_cancelled() {
    let (file, dir) = (bytes(10), tempfile::tempdir().unwrap());
    let lock = dir.path().join("loras/sub/a.safetensors.lock");
    write(&lock, "");
    let held = std::fs::File::open(&lock).unwrap();
    fs4::FileExt::lock(&held).unwrap();
    let server = Server::start(|_, _| Reply::new(500, ""));
    let hub = Hub::new(&server.address, None, QUICK).unwrap();
    let told = Cell::new(false);
    let watch = Watch { event: &|_, event| told.set(event == Event::Waiting), cancelled: &|| told.get() };
    let error = selfsame_host::models::pull(&hub, &model(&file), &folders_of(&[dir.path()]), &watch).unwrap_err();
    assert!(matches!(error, PullError::Cancelled));
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn what_the_disk_cannot_take_is_not_begun() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Reply::new(200, "abc").with("content-length", 1_u64 << 60));
    let mut huge = model(b"abc");
    huge.files[0].bytes = Some(1 << 60);
    let error = pull(&server, &huge, dir.path()).unwrap_err();
    assert!(matches!(error, PullError::NoSpace { needed: 0x1000_0000_0000_0000, .. }), "{error}");
    assert_eq!(server.requests().len(), 0);
    // The same when only the server knows.
    let error = pull(&server, &unknown(b"abc"), dir.path()).unwrap_err();
    assert!(matches!(error, PullError::NoSpace { .. }), "{error}");
    assert_eq!(left(dir.path()), [""; 0]);
}

#[test]
fn a_folder_that_cannot_be_made() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path().join("loras"), "a file where a folder should be");
    let server = Server::start(|_, _| Reply::new(500, ""));
    let error = pull(&server, &model(b"abc"), dir.path()).unwrap_err();
    assert!(matches!(error, PullError::Storage { .. }) && error.to_string().contains("cannot be made"), "{error}");
    let hub = Hub::new(&server.address, None, QUICK).unwrap();
    let watch = Watch { event: &|_, _| {}, cancelled: &|| false };
    let error = selfsame_host::models::pull(&hub, &model(b"abc"), &folders_of(&[]), &watch).unwrap_err();
    assert!(matches!(error, PullError::NoFolder));
}
