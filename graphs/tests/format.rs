//! Formatting keeps what a person wrote, and everything that is read is RON.

mod support;

use selfsame_graphs::{Document, format};
use std::path::{Path, PathBuf};
use support::assert_same;

#[track_caller]
fn assert_formats(text: &str, expected: &str) {
    let once = format("x.ron", text).unwrap_or_else(|e| panic!("{e}"));
    assert_same("the format", expected, &once);
    assert_same("the format of the format", expected, &format("x.ron", &once).unwrap_or_else(|e| panic!("{e}")));
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = Path::new(folder).read_dir().expect("the folder is part of the crate");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ron"));
    paths
}

#[test]
fn a_formatted_file_stays_as_it_is() {
    let text = std::fs::read_to_string("tests/graphs/portrait.ron").expect("the file is there");
    assert_formats(&text, &text);
}

#[test]
fn every_file_that_is_read_is_read_by_the_ron_crate_too_before_and_after_formatting() {
    let mut read = 0;
    for path in [files("tests/graphs"), files("tests/wrong"), files("tests/wrong/parts")].concat() {
        let text = std::fs::read_to_string(&path).expect("the file is there");
        let Ok(formatted) = format("x.ron", &text) else { continue };
        let meaning =
            |text: &str| ron::from_str::<ron::Value>(text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(meaning(&text), meaning(&formatted), "{}", path.display());
        read += 1;
    }
    assert!(read >= 50, "only {read} files were read");
}

#[test]
fn one_long_line_becomes_readable() {
    assert_formats(
        "Graph(version:1,args:{\"face\":Image(default:\"ada.png\")},nodes:{\"a\":Load(path:Arg(\"face\")),\"longer\":Sampler(model:Out(\"a.model\"),positive:Out(\"b.conditioning\"),control:Out(\"c.control\"),seed:7,steps:30)},outputs:{},bypass:[\"a\"])",
        r#"Graph(
    version: 1,
    args: {
        "face": Image(default: "ada.png"),
    },
    nodes: {
        "a":      Load(path: Arg("face")),
        "longer": Sampler(
            model: Out("a.model"),
            positive: Out("b.conditioning"),
            control: Out("c.control"),
            seed: 7,
            steps: 30,
        ),
    },
    outputs: {},
    bypass: ["a"],
)
"#,
    );
}

#[test]
fn comments_blank_lines_and_spellings_stay() {
    assert_formats(
        "\u{feff}// head\r\n\r\n/* more\r\n   of it */ Graph( // opening\n version /* colon */ : /* value */ 1 \
         /* before */ , // after\n\n\n\n nodes: { // first\n\n \"a\": N(x: 0xFF, y: 1_000, z: 1e-3, \
         s: r#\"raw \"x\"\"#, /* last */), \"b\": N( // inside\n ), // b\n\n // alone\n\n \"c\": N(t: \"two\nlines\"), // c\n \
         // end of nodes\n }, // end\n // end of graph\n) // tail\n\n// last",
        r##"// head

/* more
   of it */
Graph(
    // opening
    /* colon */
    /* value */
    version: 1, /* before */ // after

    nodes: {
        // first

        "a": N(
            x: 0xFF,
            y: 1_000,
            z: 1e-3,
            s: r#"raw "x""#, /* last */
        ),
        "b": N(
            // inside
        ), // b

        // alone

        "c": N(
            t: "two
lines",
        ), // c
        // end of nodes
    }, // end
    // end of graph
)
// tail

// last
"##,
    );
}

#[test]
fn a_graph_of_unknown_nodes_opens_and_is_saved_unchanged() {
    let text = "// odd   layout\nGraph( version: 1,nodes:{\"x\":r#com.acme.mesh-maker(a: 1.50, b: Out(\"x.y\")) })";
    let document = Document::parse("x.ron", text);
    assert_eq!(document.problems(), []);
    assert_eq!(document.graph().nodes[0].type_name(), "com.acme.mesh-maker");
    assert_eq!(document.source().text(), text);
    assert_formats(
        text,
        "// odd   layout\nGraph(\n    version: 1,\n    nodes: {\n        \
         \"x\": r#com.acme.mesh-maker(a: 1.50, b: Out(\"x.y\")),\n    },\n)\n",
    );
}

#[test]
fn what_is_not_ron_is_not_formatted() {
    let problem = format("x.ron", "Graph(version: 1").expect_err("a bracket is missing");
    assert_eq!(
        problem.to_string(),
        "error[syntax]: this `(` is never closed: `)` is missing\n --> x.ron:1:6\n  |\n1 | Graph(version: 1\n  |      ^\n\n1 error"
    );
}

#[test]
fn the_examples_of_the_documentation_are_formatted_graphs() {
    let page = std::fs::read_to_string("../docs/graph-format.md").expect("the page is there");
    let examples: Vec<&str> = page.split("```ron\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        assert_eq!(Document::parse("docs/graph-format.md", example).problems(), []);
        assert_formats(example, example);
    }
}

#[test]
fn a_graph_of_missing_plugins_keeps_every_byte() {
    let text = r#"// Made with filters that are not here.
Graph(
    version: 1,
    nodes: {
        "photo": LoadImage(path: "ada.png"),
        "mesh":  r#com.acme.FaceMesh(image: Out("photo.image"), detail: 0x10, names: [r"C:\x", "y"]),
        "save":  SaveImage(image: Out("mesh.image")), // later
    },
    plugins: {
        "acme-filters": "1.0", // from Acme
    },
)
"#;
    assert_formats(text, text);
    let document = Document::parse("x.ron", text);
    assert_eq!(document.problems(), []);
    assert_eq!(document.source().text(), text);
    // Without comments, what a program writes says the same.
    let written = document.graph().to_ron();
    assert_same("what is written", &written, &Document::parse("y.ron", &*written).graph().to_ron());
    assert!(written.contains("r#com.acme.FaceMesh(") && written.contains("\"acme-filters\": \"1.0\""), "{written}");
}
