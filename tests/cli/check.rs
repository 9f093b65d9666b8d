//! `selfsame check`.

use crate::Scratch;

const GOOD: &str = r#"Graph(
    version: 1,
    args: { "n": Int() },
    nodes: { "sum": IntArithmetic(a: Arg("n"), b: 4) },
    outputs: { "sum": Out("sum.result") },
)"#;

/// Five ways to get it wrong, and what the first line says then.
const WRONG: [(&str, &str, &str); 5] = [
    ("IntArithmetic", "IntArithmetik", "error[unknown-node]: there is no node type `IntArithmetik`"),
    ("b: 4", "c: 4", "error[missing-input]: node `sum` (IntArithmetic) needs its input `b`"),
    ("b: 4", "b: 4.5", "error[wrong-literal]: input `b` of node `sum` takes INT, not the number 4.5"),
    ("sum.result", "sum.value", "error[unknown-output]: node `sum` (IntArithmetic) has no output `value`"),
    ("version: 1,", "version: 1", "error[syntax]: expected `,` or `)` at the end of this line"),
];

#[test]
fn a_good_graph() {
    let scratch = Scratch::with("g.ron", GOOD);
    assert_eq!(scratch.run(&["check", "g.ron"]).expect(0).stdout, "g.ron: ok\n");
}

#[test]
fn five_broken_graphs() {
    for (good, broken, message) in WRONG {
        let scratch = Scratch::with("g.ron", &GOOD.replace(good, broken));
        let checked = scratch.run(&["check", "g.ron"]).expect(1);
        let found = checked.stdout.lines().any(|line| line == message);
        assert!(found, "{broken}: {}", checked.stdout);
        assert!(checked.stdout.contains(" --> g.ron:"), "{}", checked.stdout);
        assert!(checked.stdout.contains('^'), "{}", checked.stdout);
        assert_eq!(checked.stderr, "");
        // A run says the same, but not as its result.
        let run = scratch.run(&["run", "g.ron", "--set", "n=1"]).expect(1);
        assert_eq!((run.stderr.trim_end(), run.stdout.as_str()), (checked.stdout.trim_end(), ""));
    }
}

#[test]
fn arguments_are_asked_for_once_one_is_set() {
    let two = GOOD.replace("\"n\": Int()", "\"n\": Int(), \"m\": Int()").replace("b: 4", "b: Arg(\"m\")");
    let scratch = Scratch::with("g.ron", &two);
    scratch.run(&["check", "g.ron"]).expect(0);
    scratch.run(&["check", "g.ron", "--set", "n=1", "--set", "m=2"]).expect(0);
    assert!(scratch.run(&["check", "g.ron", "--set", "n=1"]).expect(1).stdout.contains("error[missing-argument]"));
    assert!(scratch.run(&["check", "g.ron", "--set", "n=x"]).expect(2).stderr.contains("expects an integer"));
}

#[test]
fn reports_for_programs() {
    let scratch = Scratch::with("good.ron", GOOD);
    scratch.write("bad.ron", GOOD.replace("IntArithmetic", "IntArithmetik"));
    let done = scratch.run(&["check", "--json", "good.ron", "bad.ron", "missing.ron"]).expect(1);
    let reports: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let of = |index: usize, field: &str| &reports[index][field];
    assert_eq!((of(0, "file"), of(0, "errors")), (&"good.ron".into(), &0.into()));
    assert_eq!((of(1, "file"), of(1, "errors")), (&"bad.ron".into(), &1.into()));
    let problem = &of(1, "problems")[0];
    assert_eq!(problem["code"], "unknown-node");
    assert_eq!((&problem["at"]["line"], &problem["at"]["column"]), (&4.into(), &21.into()));
    assert_eq!(of(2, "problems")[0]["message"], "cannot read a graph from missing.ron: there is no such file");
}

#[test]
fn checking_opens_neither_device_nor_cache() {
    let scratch = Scratch::with("g.ron", GOOD);
    scratch.write("s.ron", "(device: \"cuda:99\", cache_dir: \"cache\")");
    scratch.run(&["check", "g.ron", "--config", "s.ron"]).expect(0);
    assert_eq!(scratch.files(""), ["g.ron", "s.ron"]);
}
