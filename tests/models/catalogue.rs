//! The catalogue that comes with the program, and those of users.

use super::write;
use selfsame_host::models::{Catalogue, KINDS, bundled_file};
use std::collections::BTreeSet;

#[test]
fn the_built_in_catalogue_is_sound() {
    // Reading it checks names, paths, kinds and the form of digests.
    let catalogue = Catalogue::builtin();
    let mut paths = BTreeSet::new();
    for model in catalogue.models() {
        assert!(!model.purpose.is_empty() && model.licence.link.starts_with("https://"), "{}", model.name);
        // What is not pinned by a commit is pinned by its digest.
        let pinned = model.revision.len() == 40 && model.revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        for file in &model.files {
            // What is part of the program has a length only if it is there.
            assert_eq!(model.bundled, model.repository.is_empty());
            assert!(
                pinned || file.sha256.is_some() || model.bundled && file.bytes.is_some(),
                "{}: {}",
                model.name,
                file.name
            );
            assert!(paths.insert(file.path()), "{} is there twice", file.path().display());
            assert!(KINDS.iter().any(|kind| kind.name == file.kind));
        }
    }
    let research: Vec<&str> =
        catalogue.models().iter().filter(|m| m.licence.research_only).map(|m| m.name.as_str()).collect();
    assert_eq!(research, ["instantid", "antelopev2"]);
}

#[test]
fn where_files_of_the_catalogue_go() {
    let catalogue = Catalogue::builtin();
    let path = |model: &str, file: usize| catalogue.get(model).unwrap().files[file].path();
    assert_eq!(path("antelopev2", 0).to_str().unwrap(), "insightface/models/antelopev2/scrfd_10g_bnkps.onnx");
    assert_eq!(path("instantid", 1).to_str().unwrap(), "controlnet/instantid/config.json");
    assert_eq!(catalogue.get("sdxl-base").unwrap().bytes(), Some(6_938_078_334));
    assert_eq!(catalogue.get("instantid").unwrap().bytes(), None);
    // Every copy of the program carries it, and those who judge it.
    let judges = ["mini-judge.onnx", "mini-critic.onnx", "people.json"]
        .map(|name| bundled_file(&format!("judges/{name}")).unwrap().len() as u64);
    let bytes = catalogue.get("mini").unwrap().bytes().unwrap() + judges.iter().sum::<u64>();
    assert!(bytes <= 30_000_000, "{bytes} bytes");
    assert_eq!(
        catalogue.get("antelope2").unwrap_err().to_string(),
        "no model `antelope2` in the catalogue, did you mean `antelopev2`?"
    );
    assert!(catalogue.get("instantid").unwrap().licence.to_string().starts_with("Apache-2.0, research only (https://"));
}

/// A model as a user writes it, with one field replaced.
fn user(field: &str, value: &str) -> String {
    let mut fields = vec![
        ("name", r#""mine""#.to_string()),
        ("purpose", r#""p""#.into()),
        ("repository", r#""me/mine""#.into()),
        ("revision", r#""main""#.into()),
        ("licence", r#"(name: "MIT", link: "https://example.org", research_only: false)"#.into()),
        ("files", r#"[(kind: "loras", name: "mine.pt", from: "w/mine.pt", bytes: Some(3))]"#.into()),
    ];
    for (name, text) in &mut fields {
        if *name == field {
            *text = value.to_string();
        }
    }
    let fields: Vec<String> = fields.iter().map(|(name, text)| format!("{name}: {text}")).collect();
    format!("[({})]", fields.join(", "))
}

#[test]
fn a_users_catalogue_adds_and_replaces() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.ron");
    let mut catalogue = Catalogue::builtin();
    let before = catalogue.models().len();
    write(&file, user("", ""));
    catalogue.extend(&file).unwrap();
    assert_eq!(catalogue.models().len(), before + 1);
    write(&file, user("name", r#""taesd""#));
    catalogue.extend(&file).unwrap();
    assert_eq!(catalogue.models().len(), before + 1);
    assert_eq!(catalogue.get("taesd").unwrap().repository, "me/mine");
    let gone = catalogue.extend(&dir.path().join("gone.ron")).unwrap_err();
    assert!(gone.problem.starts_with("cannot be read: "), "{gone}");
}

#[test]
fn what_a_catalogue_may_not_say() {
    let file = |kind: &str, name: &str, from: &str, more: &str| {
        format!(r#"[(kind: "{kind}", name: "{name}", from: "{from}"{more})]"#)
    };
    let upper = format!(r#", sha256: Some("{}")"#, "A".repeat(64));
    for (field, value, message) in [
        ("name", r#""a/b""#.to_string(), "separator"),
        ("name", r#""""#.into(), "empty"),
        ("repository", r#""mine""#.into(), "owner/name"),
        ("repository", r#""../mine""#.into(), "owner/name"),
        ("revision", r#""../../x""#.into(), "a commit or a branch"),
        ("files", "[]".into(), "no files"),
        ("files", file("lora", "a.pt", "a.pt", ""), "unknown kind `lora`"),
        ("files", file("loras", "../../.bashrc", "a.pt", ""), "plain relative path, got `../../.bashrc`"),
        ("files", file("loras", "/etc/a.pt", "a.pt", ""), "plain relative path"),
        ("files", file("loras", "a.pt", "../../a", ""), "plain relative path"),
        ("files", file("loras", "a.pt", "a.pt", r#", sha256: Some("12")"#), "64 lower-case hex digits, got `12`"),
        ("files", file("loras", "a.pt", "a.pt", &upper), "64 lower-case hex digits"),
        ("files", file("loras", "a.pt", "a.pt", r#", size: 3"#), "size"),
        ("purpose", "3".into(), "1:"),
        ("purpose", r#""p", bundled: true"#.into(), "only models that come with the program are bundled"),
    ] {
        let error = Catalogue::parse("mine.ron", &user(field, &value)).unwrap_err();
        assert!(error.to_string().starts_with("mine.ron: "), "{error}");
        assert!(error.problem.contains(message), "{field} {value}: {error}");
    }
    let (one, two) = (user("", ""), user("", ""));
    let twice = format!("{}, {}", one.trim_end_matches(']'), two.trim_start_matches('['));
    assert_eq!(Catalogue::parse("m", &twice).unwrap_err().to_string(), "m: model `mine` is there twice");
}
