//! `--plugin`, as a user would.

use crate::kit::*;
use std::process::Command;

fn selfsame(folder: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_selfsame"));
    command
        .args(arguments)
        .current_dir(folder)
        .env("SELFSAME_CONFIG", "")
        .env("HOME", folder)
        .env("XDG_CACHE_HOME", folder);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn plugin_nodes_are_listed_checked_drawn_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let library = library("selfsame-samples");
    let plugin = ["--plugin", library.to_str().unwrap()];
    let graph = r##"Graph(version: 1, nodes: {
        "grey": SolidImage(width: 8, height: 4, color: "#808080"),
        "poster": Posterize(image: Out("grey.image"), levels: 2),
        "save": SaveImage(image: Out("poster.image"), prefix: "poster"),
    })"##;
    std::fs::write(folder.path().join("g.ron"), graph).unwrap();
    let with = |arguments: &[&str]| selfsame(folder.path(), &[arguments, &plugin[..]].concat());

    let (code, text, _) = with(&["nodes", "Posterize"]);
    assert_eq!(code, 0);
    assert!(text.contains("com.example.posterize") && text.contains("levels"), "{text}");
    assert_eq!(with(&["check", "g.ron"]), (0, "g.ron: ok".to_owned() + "\n", String::new()));
    assert!(with(&["graph", "show", "g.ron"]).1.contains("Posterize"));
    let (code, _, errors) = with(&["run", "g.ron"]);
    assert_eq!(code, 0, "{errors}");
    assert!(folder.path().join("output/poster_0001.png").is_file());

    let (code, _, errors) = selfsame(folder.path(), &["run", "g.ron"]);
    assert_eq!(code, 1);
    assert!(errors.contains("Posterize"), "{errors}");
    let (code, _, errors) = selfsame(folder.path(), &["run", "g.ron", "--plugin", "nowhere.so"]);
    assert_eq!(code, 1);
    assert!(errors.contains("plugin nowhere.so: cannot be read"), "{errors}");
}
