//! What `--help` says, as files beside this one. After a change on purpose, `SELFSAME_BLESS=1` writes them anew.

use crate::Scratch;
use std::path::Path;

const COMMANDS: &[&str] = &[
    "",
    "run",
    "check",
    "graph",
    "graph fmt",
    "graph show",
    "nodes",
    "models",
    "models list",
    "models where",
    "models pull",
    "models verify",
    "plugin",
    "plugin new",
    "plugin build",
    "plugin check",
    "plugin bundle",
    "plugin list",
    "plugin info",
    "plugin trust",
    "bench",
    "bench engine",
    "bench instantid",
    "bench paper",
    "config",
    "completions",
];

#[test]
fn every_command_has_the_help_that_is_recorded() {
    let scratch = Scratch::new();
    for command in COMMANDS {
        let args: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = scratch.run(&args).expect(0).stdout;
        let name = if command.is_empty() { "selfsame" } else { command };
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../tests/cli/help")
            .join(format!("{}.txt", name.replace(' ', "-")));
        if std::env::var_os("SELFSAME_BLESS").is_some() {
            std::fs::write(&file, &help).unwrap();
        }
        assert_eq!(help, std::fs::read_to_string(&file).unwrap(), "{}", file.display());
    }
}

#[test]
fn the_version() {
    let done = Scratch::new().run(&["--version"]).expect(0);
    assert_eq!(done.stdout, format!("selfsame {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage() {
    let scratch = Scratch::new();
    assert!(scratch.run(&[]).expect(2).stderr.contains("Usage: selfsame"));
    assert!(scratch.run(&["rum"]).expect(2).stderr.contains("similar subcommand exists: 'run'"));
    assert!(scratch.run(&["run"]).expect(2).stderr.contains("<GRAPH|PICTURE>"));
    assert!(scratch.run(&["run", "g.ron", "--memory", "lots"]).expect(2).stderr.contains("such as 8G, 512M"));
    assert!(
        scratch.run(&["run", "g.ron", "--threads", "0"]).expect(2).stderr.contains("a whole number from 1, got `0`")
    );
    assert!(scratch.run(&["run", "g.ron", "--events", "xml"]).expect(2).stderr.contains("[possible values: jsonl]"));
}

#[test]
fn completions_name_the_commands() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = scratch.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("selfsame") && script.contains("keep-going") && script.contains("verify"), "{shell}");
    }
    scratch.run(&["completions", "tcsh"]).expect(2);
}
