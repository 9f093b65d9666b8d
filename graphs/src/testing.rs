//! Random texts and trees for tests.

use crate::document::{ArgKind, Argument, Graph, GraphOutput, Link, Node, NodeInput, Value};
use crate::source::{Span, Spanned};
use selfsame_sdk::{InputPort, Literal, Type, Widget};

/// SplitMix64: a small generator, so that a failing case is named by its seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A random RON text with comments and odd layout, as deep as `depth`.
pub fn random_ron(r: &mut Random, depth: usize) -> String {
    let mut out = String::new();
    value(r, depth, &mut out);
    out
}

const SCALARS: &[&str] = &[
    "1",
    "-2",
    "+3",
    "0xff",
    "-0x1F",
    "0b101",
    "0o17",
    "1_000",
    "18446744073709551615",
    "-9223372036854775808",
    "1.5",
    "-.5",
    "1.",
    "1e3",
    "2.5E-3",
    "+.5e+3",
    "007",
    "1_0.2_5",
    "true",
    "false",
    "\"\"",
    "\"text\"",
    "\"a\\n\\t\\\"\\\\\\'\\u{1F600}\\x41\"",
    "\"two\nlines\"",
    "\"cont\\\n   inued\"",
    "r\"raw\\\"",
    "r##\"raw \"# x\"##",
    "\"ünï 漢\"",
    "Word",
    "r#raw-word.x",
];
const NAMES: &[&str] = &["a", "steps", "guidance_scale", "r#x.y", "_z", "image", "true1"];
const SPACES: &[&str] = &[
    "",
    "",
    "",
    "",
    " ",
    "  ",
    "\n",
    "\n\n\n",
    "\t",
    "\r\n",
    " // note\n",
    "/* block */",
    "\n  /* a\n b /* c */ */\n",
    "\n// own line\n",
];

fn space(r: &mut Random, out: &mut String) {
    let text = r.pick(SPACES);
    out.push_str(text);
}

fn value(r: &mut Random, depth: usize, out: &mut String) {
    if depth == 0 || r.chance(35) {
        out.push_str(r.pick(SCALARS));
        return;
    }
    let kind = r.below(4);
    if kind < 2 && r.chance(70) {
        out.push_str(r.pick(&["Node", "Out", "r#core.image.gain"]));
        space(r, out);
    }
    let (open, close) = [("(", ")"), ("(", ")"), ("[", "]"), ("{", "}")][kind];
    out.push_str(open);
    let count = r.below(4);
    for i in 0..count {
        space(r, out);
        match kind {
            0 => out.push_str(r.pick(NAMES)),
            3 => out.push_str(r.pick(&["\"k\"", "\"long key with spaces\"", "\"ä\"", "1"])),
            _ => {}
        }
        if kind == 0 || kind == 3 {
            space(r, out);
            out.push(':');
            space(r, out);
        }
        value(r, depth - 1, out);
        space(r, out);
        if i + 1 < count || r.chance(50) {
            out.push(',');
        }
    }
    space(r, out);
    out.push_str(close);
}

/// `text` with a few characters removed, doubled, or replaced.
pub fn damage(r: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..1 + r.below(3) {
        if chars.is_empty() {
            break;
        }
        let at = r.below(chars.len());
        match r.below(3) {
            0 => drop(chars.remove(at)),
            1 => chars.insert(
                at,
                r.pick(&[
                    '(', ')', '[', ']', '{', '}', ':', ',', '"', '\\', '/', '*', '#', 'r', '.', '_', '-', 'e', '0',
                    'é', '\n', ' ',
                ]),
            ),
            _ => chars[at] = r.pick(&['(', '"', 'x', ' ', '9', '\u{feff}', '\0', '\u{2028}']),
        }
    }
    chars.into_iter().collect()
}

/// A graph of up to `max` nodes of types that no catalogue has, with links to earlier nodes.
pub fn random_graph(r: &mut Random, max: usize) -> Graph {
    let mut graph = Graph::default();
    if r.chance(50) {
        graph.title = Some("A \"title\"\nof two lines".to_owned());
    }
    for (name, kind) in [("steps", ArgKind::Int), ("prompt", ArgKind::Text), ("image", ArgKind::Input)] {
        if r.chance(60) {
            let port = match kind {
                ArgKind::Int => InputPort::new(name, Type::INT).default(r.below(100) as i64).hard(0..=100),
                ArgKind::Text => InputPort::new(name, Type::STRING).doc("what\tto draw").widget(Widget::Multiline),
                _ => InputPort::new(name, Type::list(Type::IMAGE)).optional(),
            };
            graph.args.push(Argument::new(kind, port));
        }
    }
    let ids = ["photo", "the face", "ü/1", "latent", "x", "a-b", "漢字", "save"];
    for i in 0..r.below(max) + 1 {
        let id = format!("{}{i}", r.pick(&ids));
        let mut node = if r.chance(10) {
            Node::subgraph(id, "other graph.ron")
        } else {
            Node::new(id, r.pick(&["LoadImage", "acme.Gain", "com.acme-x.gain", "N"]))
        };
        for name in ["image", "guidance_scale", "r1", "_q"] {
            if r.chance(60) {
                let value = random_value(r, &graph, 2);
                node.inputs.push(NodeInput { name: Spanned::from(name), value, span: Span::default() });
            }
        }
        graph.nodes.push(node);
    }
    if r.chance(50) {
        let id = graph.nodes[r.below(graph.nodes.len())].id.value.clone();
        graph.bypass.push(Spanned::from(id.clone()));
        graph.outputs.push(GraphOutput { name: Spanned::from("result"), link: Link::new(id, "image") });
        graph.node_versions.push((Spanned::from("LoadImage"), 3));
        graph.plugins.push((Spanned::from("acme-filters"), Spanned::from("1.0")));
    }
    graph
}

fn random_value(r: &mut Random, graph: &Graph, depth: usize) -> Value {
    match r.below(if depth == 0 { 8 } else { 9 }) {
        0 if !graph.nodes.is_empty() => {
            Value::Link(Link::new(graph.nodes[r.below(graph.nodes.len())].id.value.clone(), "image"))
        }
        1 if !graph.args.is_empty() => Value::Arg(graph.args[r.below(graph.args.len())].name.value.clone()),
        2 => Value::from(r.chance(50)),
        3 => Value::Literal(Literal::Int(i128::from(r.next()))),
        4 => Value::from(-(r.below(1000) as i64)),
        5 => Value::from(r.below(1000) as f64 / 7.0 * 10f64.powi(r.below(40) as i32 - 20)),
        6 => Value::from(r.pick(&[
            "",
            "a \"b\" \\ c",
            "line\nline",
            "\u{7}\u{2028}\r\t",
            "漢字",
            "x // no comment",
            "/* no",
        ])),
        8 => Value::List(
            (0..r.below(4)).map(|_| Spanned::new(random_value(r, graph, depth - 1), Span::default())).collect(),
        ),
        _ => Value::from("text"),
    }
}
