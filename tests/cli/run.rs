//! `selfsame run`.

use crate::{Scratch, pixels};
use serde_json::Value;

const VALUES: &str = r#"Graph(
    version: 1,
    args: {
        "who": Text(default: "Ada"),
        "n":   Int(default: 3, min: 0, max: 10),
    },
    nodes: {
        "hello": JoinText(texts: ["hello", Arg("who")], separator: ", "),
        "sum":   IntArithmetic(a: Arg("n"), b: 4),
        "half":  Arithmetic(a: Out("sum.result"), b: 2.0, operation: "divide"),
        "count": Range(start: 0, stop: Arg("n")),
    },
    outputs: {
        "hello": Out("hello.text"),
        "sum":   Out("sum.result"),
        "half":  Out("half.result"),
        "many":  Out("count.numbers"),
    },
)"#;

const PICTURE: &str = r##"Graph(
    version: 1,
    args: { "color": Color(default: "#204060") },
    nodes: {
        "pic":  SolidImage(width: 40, height: 30, color: Arg("color")),
        "blur": BlurImage(image: Out("pic.image"), sigma: 2.0),
        "save": SaveImage(image: Out("blur.image"), prefix: "blue"),
    },
)"##;

/// One node fails; two others have nothing to do with it, one needs it.
const FAILING: &str = r#"Graph(
    version: 1,
    nodes: {
        "bad":   IntArithmetic(a: 1, b: 0, operation: "divide"),
        "after": IntArithmetic(a: Out("bad.result"), b: 1),
        "pic":   SolidImage(width: 8, height: 8),
        "save":  SaveImage(image: Out("pic.image"), prefix: "fine"),
    },
    outputs: { "after": Out("after.result") },
)"#;

fn events(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().unwrap()).collect()
}

#[test]
fn values_are_printed() {
    let scratch = Scratch::with("g.ron", VALUES);
    let done = scratch.run(&["run", "g.ron"]).expect(0);
    assert_eq!(done.stdout, "half = 3.5\nhello = \"hello, Ada\"\nmany = [0, 1, 2]\nsum = 7\n");
    assert!(done.stderr.starts_with("done in ") && done.stderr.ends_with(": ran 4 nodes\n"), "{}", done.stderr);
    let done = scratch.run(&["run", "g.ron", "--set", "who=Bob \"B\"", "--set", "n=1"]).expect(0);
    assert_eq!(done.stdout, "half = 2.5\nhello = \"hello, Bob \\\"B\\\"\"\nmany = [0]\nsum = 5\n");
    assert_eq!(scratch.run(&["run", "g.ron", "--only", "sum.result"]).expect(0).stdout, "sum.result = 7\n");
    assert_eq!(scratch.run(&["run", "g.ron", "--only", "many"]).expect(0).stdout, "many = [0, 1, 2]\n");
    assert_eq!(scratch.files(""), ["g.ron"]);
}

#[test]
fn what_cannot_be_set_or_wanted() {
    let scratch = Scratch::with("g.ron", VALUES);
    for (set, expected) in [
        ("n=11", "error[bad-argument]: argument `n` must be between 0 and 10, not 11"),
        ("n=many", "error[bad-argument]: argument `n` expects an integer, got the string \"many\""),
        ("m=1", "error[unknown-argument]: the graph has no argument `m`"),
        ("n", "error[bad-argument]: `n` sets nothing"),
    ] {
        let done = scratch.run(&["run", "g.ron", "--set", set]).expect(2);
        assert_eq!(done.stderr.lines().next(), Some(expected));
        assert_eq!(done.stdout, "");
    }
    let done = scratch.run(&["run", "g.ron", "--set", "m=1", "--set", "n=x"]).expect(2);
    assert!(done.stderr.ends_with("2 errors\n"), "{}", done.stderr);
    let done = scratch.run(&["run", "g.ron", "--only", "sun"]).expect(2);
    assert_eq!(done.stderr, "error: --only: there is no node or output `sun` to run: did you mean `sum`?\n");
    let done = scratch.run(&["run", "no.ron"]).expect(1);
    assert_eq!(done.stderr, "error: cannot read a graph from no.ron: there is no such file\n");
    scratch.write("bytes.ron", [0xff, 0xfe, 0]);
    assert!(scratch.run(&["run", "bytes.ron"]).expect(1).stderr.contains("it is not UTF-8 text"));
}

#[test]
fn a_saved_picture_runs_again() {
    let scratch = Scratch::with("g.ron", PICTURE);
    let done = scratch.run(&["run", "g.ron", "--set", "color=#ff8800", "--out", "a"]).expect(0);
    assert_eq!(done.stdout, "saved [DIR]/a/blue_0001.png\n");
    scratch.run(&["run", "a/blue_0001.png", "--out", "b"]).expect(0);
    scratch.run(&["run", "b/blue_0001.png", "--out", "c"]).expect(0);
    assert_eq!(pixels(&scratch.read("a/blue_0001.png")), pixels(&scratch.read("b/blue_0001.png")));
    // The first one also carries the arguments that it was made with; after that nothing changes any more.
    assert_eq!(scratch.read("b/blue_0001.png"), scratch.read("c/blue_0001.png"));
    assert_eq!(scratch.run(&["check", "a/blue_0001.png"]).expect(0).stdout, "a/blue_0001.png: ok\n");

    let done = scratch.run(&["run", "a/blue_0001.png", "--set", "color=#000000"]).expect(2);
    assert!(done.stderr.starts_with("error: a/blue_0001.png: the graph has no arguments"), "{}", done.stderr);
    assert!(done.stderr.contains("run the graph file"), "{}", done.stderr);

    let plain = r#"Graph(version: 1, nodes: { "p": SolidImage(width: 2, height: 2),
        "s": SaveImage(image: Out("p.image"), metadata: false) })"#;
    scratch.write("plain.ron", plain);
    scratch.run(&["run", "plain.ron"]).expect(0);
    let done = scratch.run(&["run", "output/image_0001.png"]).expect(1);
    assert!(done.stderr.contains("the picture carries no graph"), "{}", done.stderr);
}

#[test]
fn nothing_is_overwritten() {
    let scratch = Scratch::with("g.ron", PICTURE);
    scratch.run(&["run", "g.ron"]).expect(0);
    scratch.run(&["run", "g.ron"]).expect(0);
    assert_eq!(scratch.files("output"), ["output/blue_0001.png", "output/blue_0002.png"]);
}

#[test]
fn a_failure_is_explained_and_keep_going_goes_on() {
    let scratch = Scratch::with("g.ron", FAILING);
    let done = scratch.run(&["run", "g.ron", "--threads", "1"]).expect(3);
    let failure = "error: node `bad` (IntArithmetic), input `b`: ";
    assert!(done.stderr.contains(failure), "{}", done.stderr);
    assert!(done.stderr.contains(" --> g.ron:4:"), "{}", done.stderr);

    let done = scratch.run(&["run", "g.ron", "--keep-going"]).expect(3);
    assert!(done.stderr.contains(failure), "{}", done.stderr);
    assert!(done.stdout.contains("saved [DIR]/output/fine_"), "{}", done.stdout);
    assert!(!done.stdout.contains("after ="), "{}", done.stdout);
    assert!(done.stderr.contains("failed: 1, did not run: 1"), "{}", done.stderr);
}

#[test]
fn events_of_a_good_run() {
    let scratch = Scratch::with("g.ron", PICTURE);
    let done = scratch.run(&["run", "g.ron", "--events", "jsonl", "--explain"]).expect(0);
    let events = events(&done.stdout);
    let names = names(&events);
    assert_eq!((names[0], names[names.len() - 1]), ("run_started", "run_finished"));
    let count = |name: &str| names.iter().filter(|other| **other == name).count();
    assert_eq!((count("node_started"), count("node_finished"), count("saved")), (3, 3, 1));
    let saved = events.iter().find(|event| event["event"] == "saved").unwrap();
    assert_eq!(saved["node"], "save");
    assert_eq!(saved["path"], "[DIR]/output/blue_0001.png");
    assert_eq!(saved["bytes"], scratch.read("output/blue_0001.png").len());
    let last = &events[events.len() - 1];
    assert_eq!((&last["result"], &last["ran"], &last["failed"]), (&"ok".into(), &3.into(), &0.into()));
}

#[test]
fn events_of_a_failure() {
    let scratch = Scratch::with("g.ron", FAILING);
    let done = scratch.run(&["run", "g.ron", "--events", "jsonl", "--keep-going"]).expect(3);
    let events = events(&done.stdout);
    let failed = events.iter().find(|event| event["event"] == "node_failed").unwrap();
    assert_eq!(
        (&failed["node"], &failed["type"], &failed["port"]),
        (&"bad".into(), &"IntArithmetic".into(), &"b".into())
    );
    assert!(failed["at"].as_str().unwrap().starts_with("g.ron:4:"));
    assert_eq!(events[events.len() - 1]["result"], "failed");
}

#[test]
fn explain_says_what_is_reused_and_why_not() {
    let scratch = Scratch::with("g.ron", PICTURE);
    let run = |color: &str| {
        let color = format!("color={color}");
        let args = ["run", "g.ron", "--cache-dir", "cache", "--explain", "--set", &color];
        let stdout = scratch.run(&args).expect(0).stdout;
        let line = |node: &str| stdout.lines().find(|line| line.starts_with(node)).unwrap().to_owned();
        [line("pic ("), line("blur ("), line("save (")]
    };
    let [pic, blur, save] = run("#ff0000");
    assert!(pic.contains(" ran ") && pic.ends_with("no earlier run of it is known"), "{pic}");
    assert!(blur.ends_with("no earlier run of it is known"), "{blur}");
    assert!(save.ends_with("it runs for its effect, every time"), "{save}");

    let [pic, blur, save] = run("#ff0000");
    assert!(pic.contains(" reused ") && blur.contains(" reused "), "{pic}\n{blur}");
    assert!(save.ends_with("it runs for its effect, every time"), "{save}");

    let [pic, blur, _] = run("#00ff00");
    assert!(pic.ends_with("input `color` is not what it was last time"), "{pic}");
    assert!(blur.ends_with("input `image` is not what it was last time"), "{blur}");
    assert_eq!(scratch.files("output").len(), 3);
}

#[test]
fn warnings_go_to_standard_error() {
    let graph = VALUES.replace("Arg(\"who\")", "\"Ada\"");
    let scratch = Scratch::with("g.ron", &graph);
    let done = scratch.run(&["run", "g.ron"]).expect(0);
    assert!(done.stderr.starts_with("warning[unused-argument]: "), "{}", done.stderr);
    assert!(done.stdout.starts_with("half = 3.5\n"), "{}", done.stdout);
}

#[test]
fn a_missing_model_is_found_before_anything_runs() {
    let graph = r#"Graph(version: 1, nodes: { "base": LoadCheckpoint(checkpoint: "nowhere") },
        outputs: { "vae": Out("base.vae") })"#;
    let scratch = Scratch::with("g.ron", graph);
    let done = scratch.run(&["run", "g.ron", "--models", "m"]).expect(1);
    assert!(done.stderr.starts_with("error[missing-model]: "), "{}", done.stderr);
    assert!(done.stderr.contains("looked in: m/checkpoints"), "{}", done.stderr);
}
