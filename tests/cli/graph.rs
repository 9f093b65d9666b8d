//! `selfsame graph`.

use crate::Scratch;
use std::io::Write;
use std::process::Stdio;

const UGLY: &str =
    "Graph(version: 1, // mine\n nodes: {\"a\": Text(text: \"x\")}, outputs: {\"t\": Out(\"a.text\")})\n";

#[test]
fn fmt_lays_out_in_place_and_once() {
    let scratch = Scratch::with("g.ron", UGLY);
    let done = scratch.run(&["graph", "fmt", "--check", "g.ron"]).expect(1);
    assert_eq!(done.stdout, "g.ron\n");
    assert_eq!(scratch.read("g.ron"), UGLY.as_bytes());
    assert_eq!(scratch.run(&["graph", "fmt", "g.ron"]).expect(0).stdout, "");
    let neat = String::from_utf8(scratch.read("g.ron")).unwrap();
    assert_eq!(neat, selfsame_graphs::format("g.ron", UGLY).unwrap());
    assert!(neat.contains("// mine"));
    assert_eq!(scratch.run(&["graph", "fmt", "--check", "g.ron"]).expect(0).stdout, "");
    assert_eq!(scratch.files(""), ["g.ron"]);
}

#[test]
fn fmt_from_standard_input() {
    let scratch = Scratch::new();
    let mut child = scratch
        .command(&["graph", "fmt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(UGLY.as_bytes()).unwrap();
    let done = scratch.done(child.wait_with_output().unwrap()).expect(0);
    assert_eq!(done.stdout, selfsame_graphs::format("-", UGLY).unwrap());
}

#[test]
fn fmt_leaves_what_it_cannot_read_and_goes_on() {
    let scratch = Scratch::with("broken.ron", "Graph(version: 1");
    scratch.write("g.ron", UGLY);
    let done = scratch.run(&["graph", "fmt", "broken.ron", "missing.ron", "g.ron"]).expect(1);
    assert!(done.stderr.contains(" --> broken.ron:1:"), "{}", done.stderr);
    assert!(done.stderr.contains("error: cannot read missing.ron"), "{}", done.stderr);
    assert_eq!(scratch.read("broken.ron"), b"Graph(version: 1");
    assert_ne!(scratch.read("g.ron"), UGLY.as_bytes());
}

#[cfg(unix)]
#[test]
fn fmt_keeps_permissions_and_links() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let scratch = Scratch::with("real.ron", UGLY);
    let real = scratch.path.join("real.ron");
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    symlink("real.ron", scratch.path.join("g.ron")).unwrap();
    scratch.run(&["graph", "fmt", "g.ron"]).expect(0);
    assert!(scratch.path.join("g.ron").is_symlink());
    assert_ne!(scratch.read("real.ron"), UGLY.as_bytes());
    assert_eq!(std::fs::metadata(real).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn show_draws_in_every_format() {
    let scratch = Scratch::with("g.ron", UGLY);
    assert!(scratch.run(&["graph", "show", "g.ron"]).expect(0).stdout.starts_with("<svg "));
    assert!(scratch.run(&["graph", "show", "g.ron", "--format", "dot"]).expect(0).stdout.starts_with("digraph"));
    let mermaid = scratch.run(&["graph", "show", "g.ron", "--format", "mermaid"]).expect(0).stdout;
    assert!(mermaid.starts_with("flowchart"));
    assert_eq!(scratch.run(&["graph", "show", "g.ron", "--out", "g.mmd"]).expect(0).stdout, "");
    assert_eq!(scratch.read("g.mmd"), mermaid.as_bytes());
    scratch.run(&["graph", "show", "missing.ron"]).expect(1);
    assert!(
        scratch
            .run(&["graph", "show", "g.ron", "--out", "no/g.svg"])
            .expect(1)
            .stderr
            .contains("cannot write no/g.svg")
    );
}
