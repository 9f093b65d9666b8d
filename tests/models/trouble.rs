//! Fetching from servers that misbehave.

use super::pull::{QUICK, bytes, expect, left, model, pull, pull_as, sha256, unknown};
use super::server::{Reply, Request, Server};
use super::write;
use selfsame_host::models::{Checked, Hub, Outcome, Patience, PullError};
use std::time::Duration;

const LENGTH: usize = 400_000;

/// A server that answers honestly, except for what `wrong` does to the answer.
fn server(wrong: impl Fn(usize, &Request, Reply) -> Reply + Send + Sync + 'static) -> Server {
    let file = bytes(LENGTH);
    Server::start(move |number, request| {
        let honest = Reply::honest(request, &file).with("etag", "\"1\"");
        wrong(number, request, honest)
    })
}

fn fetches(server: &Server) {
    let (file, dir) = (bytes(LENGTH), tempfile::tempdir().unwrap());
    expect(server, &model(&file), dir.path(), &file, Checked::Catalogue);
}

fn fails(server: &Server) -> PullError {
    let dir = tempfile::tempdir().unwrap();
    let error = pull(server, &model(&bytes(LENGTH)), dir.path()).unwrap_err();
    assert!(!dir.path().join("loras/sub/a.safetensors").exists());
    error
}

#[test]
fn dropped_connections_are_continued_where_they_broke() {
    let server = server(|number, _, reply| match number {
        0 => reply.cut(100_000),
        1 => reply.cut(1),
        _ => reply,
    });
    fetches(&server);
    assert_eq!(server.starts(), [None, Some(100_000), Some(100_001)]);
}

#[test]
fn dropping_without_end_is_given_up_and_what_came_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let server = server(|_, _, reply| reply.cut(1000));
    let error = pull(&server, &model(&bytes(LENGTH)), dir.path()).unwrap_err();
    assert!(matches!(error, PullError::GaveUp { attempts: 4, kept: 4000, .. }), "{error}");
    assert_eq!(server.starts(), [None, Some(1000), Some(2000), Some(3000)]);
    assert_eq!(left(dir.path()), ["a.safetensors.part", "a.safetensors.part.ron"]);
}

#[test]
fn a_server_that_ignores_ranges_starts_anew() {
    let file = bytes(LENGTH);
    let server = server(move |number, _, reply| match number {
        0 => reply.cut(100_000),
        _ => Reply::new(200, file.clone()),
    });
    fetches(&server);
    assert_eq!(server.starts(), [None, Some(100_000)]);
}

#[test]
fn a_wrong_content_range_is_not_believed() {
    for range in ["bytes 5-399999/400000", "bytes */400000", "nonsense", "bytes 99999999999999999999-1/2"] {
        let server = server(move |number, _, reply| match number {
            0 => reply.cut(100_000),
            1 => reply.with("content-range", range),
            _ => reply,
        });
        fetches(&server);
        assert_eq!(server.starts(), [None, Some(100_000), None], "{range}");
    }
}

#[test]
fn an_announced_length_that_is_too_short_or_too_long() {
    let short = server(|number, _, reply| match number {
        0 => reply.with("content-length", 1000),
        _ => reply,
    });
    fetches(&short);
    assert_eq!(short.starts(), [None, Some(1000)]);
    // The right bytes are all there; what is announced beyond them does not matter.
    let long = server(|_, _, reply| reply.with("content-length", 2 * LENGTH));
    fetches(&long);
    assert_eq!(long.requests().len(), 1);
}

#[test]
fn more_bytes_than_the_file_has_are_not_taken() {
    let server = server(|_, _, _| Reply::new(200, bytes(2 * LENGTH)));
    fetches(&server);
}

#[test]
fn lies_about_the_length_where_only_the_hub_knows_the_digest() {
    let digest = sha256(&bytes(LENGTH));
    let server = server(move |number, _, reply| {
        let reply = reply.with("x-linked-etag", &digest).with("x-linked-size", LENGTH);
        if number == 0 { reply.with("content-length", 7) } else { reply }
    });
    let (file, dir) = (bytes(LENGTH), tempfile::tempdir().unwrap());
    expect(&server, &unknown(&file), dir.path(), &file, Checked::Hub);
    assert_eq!(server.starts(), [None, Some(7)]);
}

#[test]
fn wrong_bytes_are_deleted() {
    let server = server(|_, _, _| Reply::new(200, vec![7; LENGTH]));
    let dir = tempfile::tempdir().unwrap();
    let error = pull(&server, &model(&bytes(LENGTH)), dir.path()).unwrap_err();
    let (right, wrong) = (sha256(&bytes(LENGTH)), sha256(&[7; LENGTH]));
    assert!(error.to_string().contains(&format!("expected SHA-256 {right}, got {wrong}")), "{error}");
    assert_eq!(left(dir.path()), [""; 0]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn another_file_on_the_hub_is_refused_before_it_is_fetched() {
    let digest = sha256(b"other");
    let other = server(move |_, _, reply| reply.with("x-linked-etag", &digest));
    assert!(matches!(fails(&other), PullError::WrongDigest { .. }));
    let longer = server(|_, _, reply| reply.with("x-linked-size", LENGTH + 1));
    assert!(matches!(fails(&longer), PullError::WrongSize { expected: 400_000, got: 400_001, .. }));
}

#[test]
fn damaged_bytes_of_an_earlier_pull_are_fetched_again() {
    let (file, dir) = (bytes(LENGTH), tempfile::tempdir().unwrap());
    let server = server(|_, _, reply| reply);
    let part = dir.path().join("loras/sub/a.safetensors.part");
    let note = format!("(etag:Some(\"1\"),sha256:Some(\"{}\"))", sha256(&file));
    for (there, note, starts) in [
        // Other bytes; bytes of nobody knows what; more bytes than the file has; all bytes.
        (vec![9; 1000], note.as_str(), vec![Some(1000), None]),
        (file[..1000].to_vec(), "nonsense", vec![None]),
        (bytes(LENGTH + 5), note.as_str(), vec![Some(LENGTH + 5), None]),
        (file.clone(), note.as_str(), vec![Some(LENGTH)]),
    ] {
        write(&part, there);
        write(part.with_extension("part.ron"), note);
        let before = server.starts().len();
        expect(&server, &model(&file), dir.path(), &file, Checked::Catalogue);
        assert_eq!(server.starts()[before..], starts);
        std::fs::remove_file(dir.path().join("loras/sub/a.safetensors")).unwrap();
    }
}

#[test]
fn a_file_that_changed_on_the_hub_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let old = server(|_, _, reply| reply.cut(1000));
    pull(&old, &unknown(b""), dir.path()).unwrap_err();
    let file = vec![3; 9000];
    let served = file.clone();
    let new = Server::start(move |_, request| Reply::honest(request, &served).with("etag", "\"2\""));
    expect(&new, &unknown(&file), dir.path(), &file, Checked::Length);
    assert_eq!(new.starts(), [Some(4000), None]);
}

#[test]
fn a_web_page_or_a_pointer_instead_of_the_file() {
    for (page, what) in [
        ("\n <!DOCTYPE html><title>log in</title>", "a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n", "a Git-LFS pointer"),
    ] {
        let server = server(move |_, _, _| Reply::new(200, page));
        let dir = tempfile::tempdir().unwrap();
        for model in [model(&bytes(LENGTH)), unknown(b"")] {
            let error = pull(&server, &model, dir.path()).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert_eq!(left(dir.path()), [""; 0]);
        }
    }
}

#[test]
fn errors_of_a_server_that_is_busy_pass() {
    let server = server(|number, _, reply| match number {
        0 => Reply::new(500, "oops"),
        1 => Reply::new(429, "").with("retry-after", 0),
        2 => reply.cut(0).without("content-length"),
        _ => reply,
    });
    fetches(&server);
    assert_eq!(server.requests().len(), 4);
    let broken = Server::start(|_, _| Reply::new(503, ""));
    let error = fails(&broken);
    assert!(error.to_string().contains("gave up after 4 attempts: the server answers 503"), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_asked_again() {
    let server = server(|number, _, reply| if number == 0 { Reply::silence() } else { reply });
    let patience = Patience { silence: Duration::from_millis(500), attempts: 20, ..QUICK };
    let (file, dir) = (bytes(LENGTH), tempfile::tempdir().unwrap());
    let hub = Hub::new(&server.address, None, patience).unwrap();
    assert_eq!(pull_as(&hub, &model(&file), dir.path()).unwrap()[0].outcome, Outcome::Fetched);
    assert!(server.requests().len() >= 2);
}

#[test]
fn a_server_that_is_not_there() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hub = Hub::new(&format!("http://{address}"), None, QUICK).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let error = pull_as(&hub, &model(b"abc"), dir.path()).unwrap_err();
    assert!(matches!(error, PullError::GaveUp { attempts: 4, kept: 0, .. }), "{error}");
    assert_eq!(left(dir.path()), [""; 0]);
}

#[test]
fn gated_and_missing_files_say_what_to_do() {
    for (status, token, text) in
        [(401, None, "it needs a token"), (403, Some("hf_secret"), "accept its licence on that page")]
    {
        let server = Server::start(move |_, _| Reply::new(status, ""));
        let hub = Hub::new(&server.address, token.map(str::to_string), QUICK).unwrap();
        let error = pull_as(&hub, &model(b"abc"), tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}/me/test answers {status}: ", server.address)), "{error}");
        assert!(error.contains(text) && !error.contains("hf_secret"), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
    let server = Server::start(|_, _| Reply::new(404, ""));
    assert!(matches!(fails(&server), PullError::NotFound { .. }));
    let server = Server::start(|_, _| Reply::new(418, ""));
    assert!(fails(&server).to_string().contains("answers 418"));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_token_goes_to_the_hub_only() {
    let file = bytes(LENGTH);
    // Another port is another server.
    let served = file.clone();
    let storage = Server::start(move |number, request| match number {
        0 => Reply::honest(request, &served).cut(1000),
        _ => Reply::honest(request, &served),
    });
    let (away, digest) = (format!("{}/blob?signed=1", storage.address), sha256(&file));
    let hub_server = Server::start(move |_, request| match request.path.as_str() {
        "/moved" => {
            Reply::redirect(away.clone()).with("x-linked-etag", format!("\"{digest}\"")).with("x-linked-size", LENGTH)
        }
        _ => Reply::redirect("/moved".into()),
    });
    let hub = Hub::new(&hub_server.address, Some("hf_secret".into()), QUICK).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pulled = pull_as(&hub, &unknown(&file), dir.path()).unwrap();
    assert_eq!(pulled[0].checked, Checked::Hub);
    assert!(std::fs::read(&pulled[0].path).unwrap() == file);
    assert_eq!(storage.starts(), [None, Some(1000)]);
    assert!(storage.requests().iter().all(|request| !request.headers.contains_key("authorization")));
    let sent = hub_server.requests();
    assert_eq!(sent.len(), 4);
    assert!(sent.iter().all(|r| r.headers.get("authorization").map(String::as_str) == Some("Bearer hf_secret")));
}

#[test]
fn a_tag_of_another_server_is_no_digest() {
    // Storage servers have tags of their own that may look like a SHA-256.
    let storage = server(|_, _, reply| reply.with("etag", "\"".to_string() + &"ab".repeat(32) + "\""));
    let away = storage.address.clone();
    fetches(&Server::start(move |_, _| Reply::redirect(away.clone())));
}

#[test]
fn a_complete_part_is_only_checked() {
    let (file, dir) = (bytes(LENGTH), tempfile::tempdir().unwrap());
    let digest = sha256(&file);
    let note = format!("(etag:Some(\"{digest}\"),sha256:Some(\"{digest}\"))");
    let server = server(move |_, _, reply| reply.with("x-linked-etag", &digest));
    write(dir.path().join("loras/sub/a.safetensors.part"), &file);
    write(dir.path().join("loras/sub/a.safetensors.part.ron"), note);
    expect(&server, &unknown(&file), dir.path(), &file, Checked::Hub);
    assert_eq!(server.starts(), [Some(LENGTH)]);
}

#[test]
fn a_server_without_the_encryption_that_was_asked_for() {
    let server = server(|_, _, reply| reply);
    let hub = Hub::new(&server.address.replace("http:", "https:"), Some("hf_secret".into()), QUICK).unwrap();
    let error = pull_as(&hub, &model(&bytes(LENGTH)), tempfile::tempdir().unwrap().path()).unwrap_err();
    assert!(matches!(error, PullError::GaveUp { attempts: 4, kept: 0, .. }), "{error}");
    assert!(!error.to_string().contains("hf_secret"));
}

#[test]
fn redirects_without_end() {
    let server = Server::start(|_, request| Reply::redirect(format!("{}x", request.path)));
    let error = fails(&server);
    assert!(error.to_string().contains("more than 10 redirects"), "{error}");
}

#[test]
fn a_signed_address_that_is_too_old_is_asked_for_again() {
    let storage = server(|number, _, reply| if number == 0 { Reply::new(403, "expired") } else { reply });
    let away = storage.address.clone();
    let hub = Server::start(move |_, _| Reply::redirect(away.clone()));
    fetches(&hub);
}
