use super::*;
use crate::testing::{Random, damage, random_graph};

const FULL: &str = r##"// A portrait.

Graph(
    version: 1,
    title: "Portrait",
    doc: "One face, one picture.",

    args: {
        // set this one
        "face":   Image(default: "faces/ada.png", doc: "one clear photo"),
        "prompt": Text(default: "soft \"light\"", multiline: true),
        "seed":   Seed(default: 18446744073709551615),
        "steps":  Int(default: 30, min: 1, max: 100, step: 1, unit: "steps"),
        "scale":  Float(default: 5.0, min: 1, max: 20),
        "fast":   Bool(default: false),
        "method": Choice(choices: ["euler", "ddim"], default: "euler"),
        "paper":  Color(default: "#ffffff"),
        "pose":   File(default: "p.json", extensions: ["json"]),
        "dir":    Folder(default: "in"),
        "base":   Model(folder: "checkpoints", default: "mini.safetensors"),
        "masks":  Input(type: "LIST<MASK>", optional: true),
    },
    nodes: {
        "photo": LoadImage(path: Arg("face")), // the person
        "a/b c": r#com.acme.gain(image: Out("photo.image"), sizes: [1, 2.5, [true]]),
        "both":  Stack(images: [Out("photo.image"), Out("a/b c.image")]),
        "sub":   Subgraph(file: "sub.ron", face: Out("both.image")),
        "note":  Note(),
    },
    outputs: {
        "image": Out("sub.image"),
    },
    bypass: ["a/b c"],
    node_versions: {
        "LoadImage": 2,
    },
    plugins: {
        "acme-filters": "1.0",
    },
)
// end
"##;

/// Every problem of a graph as one line of code, text at its place, message and hint.
fn problems(text: &str) -> Vec<String> {
    Document::parse("x.ron", text).problems().iter().map(line).collect()
}

fn line(problem: &Problem) -> String {
    let place = problem.at.as_ref().map(|at| {
        let text: String = at.text.chars().skip(at.text_column - 1).take(at.width).collect();
        format!("`{text}`")
    });
    let mut line = format!("{} {}: {}", problem.code, place.unwrap_or_default(), problem.message);
    for (what, text) in [("expected", &problem.expected), ("got", &problem.got), ("hint", &problem.hint)] {
        if let Some(text) = text {
            line.push_str(&format!("; {what} {text}"));
        }
    }
    line
}

/// Problems of a graph with these fields beside the version.
#[track_caller]
fn assert_problems(fields: &str, expected: &[&str]) {
    assert_eq!(problems(&format!("Graph(version: 1, {fields})")), expected, "in {fields}");
}

#[test]
fn a_file_with_everything_is_read_and_already_formatted() {
    let document = Document::parse("full.ron", FULL);
    assert_eq!(document.problems(), []);
    assert_eq!(crate::format("full.ron", FULL).unwrap(), FULL);
    let graph = document.graph();
    assert_eq!(graph.args.len(), 12);
    assert_eq!(graph.arg("seed").unwrap().port.default, Some(Literal::Int(u64::MAX.into())));
    assert_eq!(graph.arg("scale").unwrap().port.hard, selfsame_sdk::Range { min: Some(1.0), max: Some(20.0) });
    assert_eq!(graph.arg("masks").unwrap().port.value_type().to_string(), "LIST<MASK>");
    assert!(matches!(&graph.node("sub").unwrap().kind, NodeKind::Subgraph(file) if file.value == "sub.ron"));
    assert_eq!(graph.node("a/b c").unwrap().type_name(), "com.acme.gain");
    let links = graph.node("both").unwrap().input("images").unwrap().value.links().len();
    assert_eq!(links, 2);
    assert!(graph.is_bypassed("a/b c"));
    assert_eq!(document.source().text(), FULL);
}

#[test]
fn writing_and_reading_a_graph_loses_nothing() {
    let graph = Document::parse("full.ron", FULL).graph().clone();
    let text = graph.to_ron();
    let uncommented: String = FULL
        .lines()
        .filter(|l| !l.trim().starts_with("//"))
        .map(|l| l.split(" //").next().unwrap().to_owned() + "\n")
        .collect();
    assert_eq!(text.replace("min: 1.0, max: 20.0", "min: 1, max: 20"), uncommented.replace("\n\n", "\n").trim_start());
    let again = Document::parse("again.ron", &*text);
    assert_eq!(again.problems(), []);
    assert_eq!(again.graph().to_ron(), text);
}

#[test]
fn random_graphs_survive_writing_reading_and_formatting() {
    for seed in 0..500 {
        let graph = random_graph(&mut Random(seed), 12);
        let text = graph.to_ron();
        let read = Document::parse("random.ron", &*text);
        assert_eq!(read.problems(), [], "seed {seed}\n{text}");
        assert_eq!(read.graph().to_ron(), text, "seed {seed}");
        assert_eq!(crate::format("random.ron", &text).unwrap(), text, "seed {seed}");
    }
}

#[test]
fn damaged_graphs_never_panic_and_every_problem_has_a_place() {
    for seed in 0..3000 {
        let mut r = Random(seed);
        let text = if r.chance(50) { FULL.to_owned() } else { random_graph(&mut r, 6).to_ron() };
        let document = Document::parse("x.ron", damage(&mut r, &text));
        for problem in document.problems() {
            let at = problem.at.as_ref().unwrap_or_else(|| panic!("seed {seed}: {problem}"));
            assert!(
                at.line >= 1 && at.column >= 1 && at.text_column <= at.text.chars().count() + 1,
                "seed {seed}: {at:?}"
            );
            problem.to_string();
        }
    }
}

#[test]
fn places_inside_links() {
    let text = "Graph(version: 1, nodes: {\"a\": N(x: Out(\"photo.image\"), y: Out(\"ph\\u{6f}to.image\"))})";
    let document = Document::parse("x.ron", text);
    let inputs = &document.graph().nodes[0].inputs;
    let parts = |i: usize| match &inputs[i].value {
        Value::Link(link) => {
            [&text[link.node.span.start..link.node.span.end], &text[link.output.span.start..link.output.span.end]]
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(parts(0), ["photo", "image"]);
    assert_eq!(parts(1), ["\"ph\\u{6f}to.image\""; 2]);
}

#[test]
fn unknown_and_missing_fields() {
    assert_problems(
        "node: {}, args: {}",
        &[
            "missing-field `Graph(version: 1, node: {}, args: {})`: the graph has no `nodes`",
            "unknown-field `node`: the graph has no field `node`; hint did you mean `nodes`?",
        ],
    );
    assert_problems(
        "nodes: {}, args: {\"a\": Int(defualt: 1), \"b\": Number(), \"c\": Choice(), \"d\": 5}",
        &[
            "unknown-field `defualt`: argument `a` has no field `defualt`; hint did you mean `default`?",
            "wrong-form `Number`: argument `b` is of an unknown kind `Number`; hint the kinds are Int, Float, \
             Bool, Text, Seed, Choice, Color, Image, File, Folder, Model, Input",
            "missing-field `Choice()`: argument `c` of kind Choice has no `choices`",
            "wrong-form `5`: argument `d` is not a declaration like Int(default: 30); got the integer 5",
        ],
    );
    assert_problems(
        "nodes: {\"s\": Subgraph(x: 1), \"t\": Subgraph(file: 5)}",
        &[
            "missing-field `Subgraph`: node `s` is a Subgraph without `file`; hint write Subgraph(file: \"other.ron\", ...)",
            "wrong-form `5`: `file` of node `t` is not a string; got the integer 5",
        ],
    );
}

#[test]
fn names() {
    assert_problems(
        "nodes: {\"a.b\": N(), \"\": N(), \" c\": N(), \"d\": N(), \"d\": M()}, args: {\"file\": Int(), \"a b\": Int()}, outputs: {\"1\": Out(\"d.x\")}",
        &[
            "bad-name `\"file\"`: an argument cannot be called `file`: Subgraph(file: ..) already means the graph file",
            "bad-name `\"a b\"`: `a b` cannot be the name of an argument; hint such names have ASCII letters, \
             digits and `_`, and do not start with a digit",
            "bad-name `\"a.b\"`: `a.b` cannot be the id of a node: it contains a dot; hint the dot separates node \
             and output in Out(\"node.output\")",
            "bad-name `\"\"`: `` cannot be the id of a node: it is empty",
            "bad-name `\" c\"`: ` c` cannot be the id of a node: it starts or ends with a space",
            "duplicate-id `\"d\"`: there are two nodes `d`",
            "bad-name `\"1\"`: `1` cannot be the name of an output; hint such names have ASCII letters, digits \
             and `_`, and do not start with a digit",
        ],
    );
}

#[test]
fn values() {
    assert_problems(
        "nodes: {\"a\": N(m: euler, n: Load(path: \"x\"), o: Out(\"photo\"), p: Out(x: 1), q: {}, r: [Arg(5)]), \"b\": N(5), \"c\": 5, \"d\": Out(\"a.b\"), \"e\": N(x: 1, x: 2)}",
        &[
            "wrong-form `euler`: input `m` of node `a` is not a literal, a list, a link Out(\"node.output\") or an \
             argument Arg(\"name\"); got the word `euler`; hint write \"euler\" in quotes",
            "wrong-form `Load(path: \"x\")`: input `n` of node `a` is not a literal, a list, a link \
             Out(\"node.output\") or an argument Arg(\"name\"); got `Load(...)`; hint nodes do not nest: give it an id of \
             its own, and link it with Out(\"id.output\")",
            "wrong-form `\"photo\"`: input `o` of node `a` links \"photo\", which names no output; hint write \
             Out(\"photo.output\")",
            "wrong-form `Out(x: 1)`: input `p` of node `a` is not of the form Out(\"node.output\"); got `Out(...)`",
            "wrong-form `{}`: input `q` of node `a` is not a literal, a list, a link Out(\"node.output\") or an \
             argument Arg(\"name\"); got a map `{...}`",
            "wrong-form `Arg(5)`: input `r` of node `a` is not of the form Arg(\"name\"); got `Arg(...)`",
            "wrong-form `5`: node `b` wants its values by name; hint write name: value",
            "wrong-form `5`: node `c` is not a node type with its inputs, like LoadImage(path: \"ada.png\"); got \
             the integer 5",
            "wrong-form `Out(\"a.b\")`: node `d` is not a node type with its inputs, like LoadImage(path: \
             \"ada.png\"); got `Out(...)`",
            "duplicate-field `x`: node `e` sets `x` twice",
        ],
    );
}

#[test]
fn argument_declarations() {
    assert_problems(
        "nodes: {}, args: {\"a\": Int(default: \"5\"), \"b\": Int(default: 5, max: 4), \"c\": Int(min: 2, max: 1), \"d\": Choice(choices: [\"euler\"], default: \"eulr\"), \"e\": Input(type: \"LIST\"), \"f\": Input(type: \"INT\", optional: true, default: 5), \"g\": Int(default: Out(\"a.b\")), \"h\": Seed(default: -1)}",
        &[
            "wrong-literal `\"5\"`: argument `a` takes INT, not the string \"5\"; expected INT; got the \
             string \"5\"; hint write 5 without quotes",
            "out-of-range `5`: the default of argument `b` must be at most 4, not 5; expected at most 4; got 5",
            "wrong-form `Int(min: 2, max: 1)`: argument `c` allows nothing: `min` 2 is above `max` 1",
            "not-a-choice `\"eulr\"`: the default of argument `d` has no choice \"eulr\"; expected one of \
             euler; got the string \"eulr\"; hint did you mean `euler`?",
            "wrong-form `\"LIST\"`: `LIST` is not a type: LIST needs its element type, LIST<...> (types look like \
             IMAGE, LIST<IMAGE>, IMAGE|MASK or *)",
            "wrong-form `Input(type: \"INT\", optional: true, default: 5)`: argument `f` is optional and has a \
             default, which would always be there",
            "wrong-form `Out(\"a.b\")`: the default of argument `g` is not a literal; got `Out(...)`",
            "out-of-range `-1`: the default of argument `h`: -1 is not a seed: seeds go from 0 to \
             18446744073709551615",
        ],
    );
}

#[test]
fn other_fields() {
    assert_problems(
        "nodes: [], outputs: {\"x\": 5}, bypass: [\"photo\"], node_versions: {\"N\": 0}, plugins: {\"p\": 1.0}, title: 5",
        &[
            "wrong-form `5`: `title` of the graph is not a string; got the integer 5",
            "wrong-form `[]`: `nodes` is not a map {\"name\": ...}; got a list",
            "wrong-form `5`: output `x` is not a link Out(\"node.output\"); got the integer 5",
            "wrong-form `0`: the version of N is not an integer from 1; got the integer 0",
            "wrong-form `1.0`: the version of plugin `p` is not a text such as \"1.0\"; got the number 1.0",
            "unknown-link `\"photo\"`: `bypass` names `photo`, which is no node; hint there is no node at all",
        ],
    );
}
