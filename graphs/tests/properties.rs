//! What holds for every text and every graph.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p selfsame-graphs --test properties` tries more of them.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use selfsame_graphs::{AssetNames, Document, Picture, Plan, Project, Settings, Targets, format, validate};
use support::{FewAssets, Memory, catalogue, graph, shown};

/// Takes a text through everything. Nothing panics, and what is accepted stays the same when it is formatted, or
/// written as a plan.
fn check_text(text: &str) {
    match format("main.ron", text) {
        Ok(formatted) => {
            assert_eq!(format("main.ron", &formatted).as_ref(), Ok(&formatted), "formatting twice differs");
            let (before, after) = (Document::parse("main.ron", text), Document::parse("main.ron", &*formatted));
            assert_eq!(before.graph().to_ron(), after.graph().to_ron(), "formatting changed the meaning");
            assert_eq!(before.problems().len(), after.problems().len(), "formatting changed the problems");
        }
        Err(report) => {
            assert!(report.errors() > 0);
            report.to_string();
        }
    }
    check_files(&Memory([("main.ron", text.to_owned()), ("part.ron", graph(PART)), ("save.ron", graph(SAVE))].into()));
}

fn check_files(files: &Memory) -> Option<Plan> {
    let catalogue = catalogue();
    let project = Project::open(files, "main.ron").expect("the file is there");
    Picture::new(&project, &catalogue).svg();
    let settings = Settings { assets: Some(&FewAssets), args: None };
    match validate(&project, &catalogue, settings) {
        Ok(valid) => {
            let plan = Plan::new(&valid, Targets::All).expect("all targets are there");
            for names in [AssetNames::Written, AssetNames::Resolved] {
                let flat = plan.to_graph(names).to_ron();
                assert_eq!(Document::parse("flat.ron", &*flat).problems(), [], "{flat}");
            }
            Some(plan)
        }
        Err(report) => {
            assert!(report.errors() > 0);
            report.to_string();
            None
        }
    }
}

/// A sub-graph that is used for its output, and one that is used for its effect.
const PART: &str = "args: {\"image\": Input(type: \"IMAGE\"), \"amount\": Float(default: 1.5)},
    nodes: {\"g\": Gain(image: Arg(\"image\"), gain: Arg(\"amount\"))}, outputs: {\"image\": Out(\"g.image\")}";
const SAVE: &str = "args: {\"image\": Input(type: \"IMAGE\")},
    nodes: {\"own\": SaveImage(image: Arg(\"image\")), \"a\": SaveImage(image: Arg(\"image\"), prefix: \"a\")}";

/// Makes a graph without mistakes out of numbers.
struct Maker<'n> {
    numbers: std::slice::Iter<'n, u16>,
}

impl Maker<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.numbers.next().map_or(0, |number| usize::from(*number) % n.max(1))
    }

    fn pick<'a>(&mut self, from: &'a [String]) -> &'a str {
        &from[self.below(from.len())]
    }

    fn graph(&mut self) -> String {
        let mut images = vec!["Out(\"photo.image\")".to_owned()];
        let mut nodes = vec!["\"photo\": LoadImage(path: Arg(\"face\"))".to_owned()];
        let (mut bypass, mut outputs) = (Vec::new(), vec!["\"last\": Out(\"photo.image\")".to_owned()]);
        for i in 0..self.below(12) {
            // Among these are ids that sort before, between and after those of sub-graphs.
            let id = match self.below(4) {
                0 if i > 0 => format!("s{}-{i}", i - 1),
                1 => format!("ä {i}"),
                _ => format!("s{i}"),
            };
            let image = self.pick(&images).to_owned();
            let (node, output) = match self.below(8) {
                0 => ("LoadImage(path: \"bob.png\")".to_owned(), Some("image")),
                1 => {
                    (format!("Gain(image: {image}, gain: {}, mask: Out(\"photo.mask\"))", self.below(8)), Some("image"))
                }
                2 => (format!("Stack(images: [{image}, {}], sizes: [1, 2])", self.pick(&images)), Some("image")),
                3 => (format!("Switch(on: true, yes: {image}, no: {})", self.pick(&images)), Some("value")),
                4 => (format!("Subgraph(file: \"part.ron\", image: {image})"), Some("image")),
                5 => (format!("Subgraph(file: \"part.ron\", image: {image}, amount: Arg(\"amount\"))"), Some("image")),
                6 => (format!("Subgraph(file: \"save.ron\", image: {image})"), None),
                _ => (format!("SaveImage(image: {image}, prefix: \"{i}\")"), None),
            };
            if node.starts_with("Gain") && self.below(3) == 0 {
                bypass.push(format!("\"{id}\""));
            }
            if let Some(output) = output {
                images.push(format!("Out(\"{id}.{output}\")"));
                if self.below(4) == 0 {
                    outputs.push(format!("\"o{i}\": Out(\"{id}.{output}\")"));
                }
            }
            nodes.push(format!("\"{id}\": {node}"));
        }
        for i in (1..nodes.len()).rev() {
            nodes.swap(i, self.below(i + 1));
        }
        graph(&format!(
            "args: {{\"face\": Image(default: \"ada.png\"), \"amount\": Float(default: 2)}},\n  nodes: {{\n    {}\n  }},\n  \
             outputs: {{{}}},\n  bypass: [{}],",
            nodes.join(",\n    "),
            outputs.join(", "),
            bypass.join(", ")
        ))
    }
}

fn valid_graph() -> impl Strategy<Value = String> {
    vec(any::<u16>(), 0..80).prop_map(|numbers| Maker { numbers: numbers.iter() }.graph())
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "Graph",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        "\n",
        " ",
        "\"",
        "'",
        "\\",
        "=",
        ".",
        "-",
        "//",
        "/*",
        "*/",
        "r#",
        "r\"",
        "version: 1",
        "nodes: {",
        "args: {",
        "outputs: {",
        "bypass: [",
        "\"a\"",
        "\"b\": ",
        "\"a.b\"",
        "Out(\"a.image\")",
        "Arg(\"x\")",
        "Subgraph(file: \"part.ron\"",
        "LoadImage(path: ",
        "Gain(image: ",
        "1",
        "1.5",
        "0x",
        "1e",
        "true",
        "None",
        "inf",
        "\"two\nlines\"",
        "漢",
        "\u{feff}",
        "\u{0}",
        "\t",
        "\r\n",
    ])
}

proptest! {
    // A case that fails is printed; it needs no file beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes(bytes in vec(any::<u8>(), 0..300)) {
        check_text(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn token_soups(tokens in vec(token(), 0..60)) {
        check_text(&tokens.concat());
        check_text(&format!("Graph(version: 1, {})", tokens.join(" ")));
    }

    #[test]
    fn edited_graphs(text in valid_graph(), edits in vec((any::<u16>(), any::<u16>(), 0..4, token()), 1..5)) {
        let mut words: Vec<&str> = text.split_inclusive([' ', '\n', '(', '"', '.', ',']).collect();
        for (a, b, kind, token) in edits {
            let (a, b) = (usize::from(a) % words.len(), usize::from(b) % words.len());
            match kind {
                0 if words.len() > 1 => drop(words.remove(a)),
                1 => words.swap(a, b),
                2 => words[a] = words[b],
                _ => words.insert(a, token),
            }
        }
        check_text(&words.concat());
    }

    #[test]
    fn a_plan_written_as_a_graph_gives_the_same_plan(text in valid_graph()) {
        check_text(&text);
        let files = Memory([("main.ron", text), ("part.ron", graph(PART)), ("save.ron", graph(SAVE))].into());
        let plan = check_files(&files).expect("the graph has no mistake");
        let flat = plan.to_graph(AssetNames::Written).to_ron();
        let again = check_files(&Memory([("main.ron", flat.clone())].into())).expect("a plan has no mistake");
        prop_assert_eq!(shown(&again), shown(&plan));
        prop_assert_eq!(again.to_graph(AssetNames::Written).to_ron(), flat);
        prop_assert_eq!(again.targets().len(), plan.targets().len());
    }
}
