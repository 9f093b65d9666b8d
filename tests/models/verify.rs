//! Checking files.

use super::pull::{model, sha256, unknown};
use super::{folders_of, write};
use selfsame_host::models::{Catalogue, Verdict, Watch, identify, verify};
use std::path::Path;

const WATCH: Watch<'_> = Watch { event: &|_, _| {}, cancelled: &|| false };

#[test]
fn what_a_file_of_a_model_can_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("loras/sub/a.safetensors");
    let check = |model| verify(&folders_of(&[dir.path()]), &model, &WATCH).remove(0);
    let (right, got) = (model(b"right"), |bytes: &[u8]| sha256(bytes));
    assert_eq!(check(right.clone()), (path.clone(), Verdict::Missing));
    for (bytes, verdict) in [
        (&b"right"[..], Verdict::Good),
        (b"wrong", Verdict::WrongDigest { expected: got(b"right"), got: got(b"wrong") }),
        (b"righ", Verdict::WrongSize { expected: 5, got: 4 }),
        (b"", Verdict::WrongSize { expected: 5, got: 0 }),
        (b"version https://git-lfs.github.com/spec/v1\noid", Verdict::LfsPointer),
        (b"\xef\xbb\xbf <HTML lang=en>", Verdict::HtmlPage),
    ] {
        write(&path, bytes);
        assert_eq!(check(right.clone()), (path.clone(), verdict));
    }
    write(&path, b"any");
    let verdict = check(unknown(b"right")).1;
    assert_eq!(verdict, Verdict::NoKnownDigest { sha256: got(b"any") });
    assert!(verdict.is_usable() && verdict.to_string().starts_with("no known digest"));
    let stop = Watch { event: &|_, _| {}, cancelled: &|| true };
    let verdicts = verify(&folders_of(&[dir.path()]), &unknown(b"right"), &stop);
    assert_eq!(verdicts[0].1, Verdict::Cancelled);
}

#[test]
fn which_model_a_file_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        r#"[(
            name: "mine", purpose: "p", repository: "me/mine", revision: "main",
            licence: (name: "MIT", link: "https://example.org", research_only: false),
            files: [(kind: "loras", name: "x/mine.pt", from: "mine.pt", sha256: Some("{}"))],
        )]"#,
        sha256(b"mine")
    );
    let catalogue = Catalogue::parse("c", &text).unwrap();
    let found = |path: &Path| identify(path, &catalogue, &WATCH);
    let path = dir.path().join("renamed.bin");
    write(&path, "mine");
    assert_eq!((found(&path).model.as_deref(), found(&path).verdict), (Some("mine"), Verdict::Good));
    write(&path, "other");
    assert_eq!((found(&path).model, found(&path).verdict), (None, Verdict::NoKnownDigest { sha256: sha256(b"other") }));
    let named = dir.path().join("x/mine.pt");
    write(&named, "other");
    assert!(matches!(found(&named).verdict, Verdict::WrongDigest { .. }));
    assert_eq!(found(&named).model.as_deref(), Some("mine"));
    assert_eq!(found(&dir.path().join("gone")).verdict, Verdict::Missing);
    assert!(matches!(found(dir.path()).verdict, Verdict::Unreadable(_)));
}
