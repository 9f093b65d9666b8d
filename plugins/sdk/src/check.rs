//! What makes a descriptor inconsistent.

use crate::{InputPort, NodeDescriptor, Range, Type, Widget};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

/// The most inputs, or outputs, of one node.
const MAX_PORTS: usize = 1000;

/// Names that mean something else in a graph file.
const RESERVED: [&str; 8] = ["Graph", "Subgraph", "Arg", "Out", "Some", "None", "true", "false"];

/// Something in a descriptor that contradicts itself or the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconsistency {
    /// The input or output, as ``input `steps` ``; none when the node itself is meant.
    pub port: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Inconsistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.port {
            Some(port) => write!(f, "{port}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Whether `text` can be a node id: at least two lower-case segments with dots between, such as `core.image.gain`.
pub fn is_node_id(text: &str) -> bool {
    text.split('.').count() >= 2
        && text.split('.').all(|segment| {
            segment.starts_with(|c: char| c.is_ascii_lowercase())
                && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        })
}

/// Whether `text` can be the type name of a node in a graph file: a RON identifier such as `Gain`, or several with dots
/// between (`acme.Gain`, written `r#acme.Gain`), and none of the words of the format itself.
pub fn is_type_name(text: &str) -> bool {
    !RESERVED.contains(&text) && text.split('.').all(is_identifier)
}

/// Whether `text` can name an input or an output: an ASCII identifier such as `guidance_scale`.
pub fn is_port_name(text: &str) -> bool {
    is_identifier(text)
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl NodeDescriptor {
    /// Everything in this descriptor that contradicts itself or the rules; empty if it is sound.
    pub fn check(&self) -> Vec<Inconsistency> {
        let mut found = Findings { found: Vec::new(), port: None };
        found.unless(is_node_id(&self.id), || format!("the id {:?} is not like `core.image.gain`", self.id));
        found.unless(is_type_name(&self.name), || format!("the name {:?} is not like `Gain`", self.name));
        for alias in &self.aliases {
            let sound = (is_type_name(alias) || is_node_id(alias)) && *alias != self.name && *alias != self.id;
            found.unless(sound, || format!("the alias {alias:?} is not a name or id of its own"));
        }
        found.unless(!self.title.trim().is_empty(), || "the title is empty".to_owned());
        found.unless(!self.category.trim().is_empty(), || "the category is empty".to_owned());
        found.unless(!self.doc.trim().is_empty(), || "the doc is empty".to_owned());
        found.unless(self.version >= 1, || "the version is 0; the first one is 1".to_owned());
        found.unless(!self.outputs.is_empty() || self.output_node, || {
            "it has no output and is not an output node, so nothing would ever run it".to_owned()
        });
        found.unless(!self.caps.stream || self.caps.cuda, || "the cap `stream` needs the cap `cuda`".to_owned());
        self.check_ports(&mut found);
        found.found
    }

    fn check_ports(&self, found: &mut Findings) {
        for (what, count) in [("inputs", self.inputs.len()), ("outputs", self.outputs.len())] {
            found.unless(count <= MAX_PORTS, || format!("{count} {what}, more than {MAX_PORTS}"));
        }
        let mut names = BTreeSet::new();
        for port in self.inputs.iter().take(MAX_PORTS) {
            found.port = Some(format!("input `{}`", port.name));
            found.names(&mut names, &port.name, &port.aliases);
            found.unless(!port.doc.trim().is_empty(), || "the doc is empty".to_owned());
            check_input(port, found);
        }
        names.clear();
        for port in self.outputs.iter().take(MAX_PORTS) {
            found.port = Some(format!("output `{}`", port.name));
            found.names(&mut names, &port.name, &port.aliases);
            found.unless(!port.doc.trim().is_empty(), || "the doc is empty".to_owned());
        }
        found.port = None;
    }
}

struct Findings {
    found: Vec<Inconsistency>,
    port: Option<String>,
}

impl Findings {
    fn unless(&mut self, sound: bool, message: impl FnOnce() -> String) {
        if !sound {
            self.found.push(Inconsistency { port: self.port.clone(), message: message() });
        }
    }

    fn names<'a>(&mut self, seen: &mut BTreeSet<&'a str>, name: &'a str, aliases: &'a [String]) {
        for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
            self.unless(is_port_name(name), || format!("the name {name:?} is not like `guidance_scale`"));
            self.unless(seen.insert(name), || format!("the name {name:?} is used twice"));
        }
    }
}

fn check_input(port: &InputPort, found: &mut Findings) {
    let members = port.ty.members();
    let numeric = members.iter().any(|ty| *ty == Type::INT || *ty == Type::FLOAT);
    let text = members.contains(&Type::STRING);

    found.unless(port.ty.element().is_none() || port.list, || {
        format!("the type is {}; set `list` and give the type of one element", port.ty)
    });
    found.unless(!(port.optional && port.default.is_some()), || {
        "it is optional and has a default, which would always be there".to_owned()
    });
    check_range("hard", &port.hard, numeric, found);
    check_range("soft", &port.soft, numeric, found);
    for end in [port.soft.min, port.soft.max].into_iter().flatten() {
        found.unless(port.hard.contains(end), || format!("the soft bound {end} lies beyond the hard ones"));
    }
    if let Some(step) = port.step {
        found.unless(numeric, || format!("a step for {}, which is no number", port.ty));
        found.unless(step.is_finite() && step > 0.0, || format!("the step {step} is not above 0"));
    }
    found.unless(port.unit.is_none() || numeric, || format!("a unit for {}, which is no number", port.ty));
    found.unless(port.choices.is_empty() || text, || format!("choices for {}, which is no STRING", port.ty));
    let unique: BTreeSet<_> = port.choices.iter().collect();
    found.unless(unique.len() == port.choices.len(), || "a choice is listed twice".to_owned());
    check_widget(port, numeric, text, found);

    let Some(default) = &port.default else { return };
    match default.for_type(&port.value_type()) {
        Err(mismatch) => found.unless(false, || format!("the default does not fit: {mismatch}")),
        Ok(value) => {
            if let Err(problem) = port.check_value(&value) {
                found.unless(false, || format!("the default does not fit: {problem}"));
            }
        }
    }
}

fn check_range(which: &str, range: &Range, numeric: bool, found: &mut Findings) {
    found.unless(numeric || !range.is_bounded(), || format!("a {which} range for something that is no number"));
    let ends = [range.min, range.max];
    found.unless(!ends.into_iter().flatten().any(f64::is_nan), || format!("a bound of the {which} range is NaN"));
    if let [Some(min), Some(max)] = ends {
        found.unless(min.partial_cmp(&max) != Some(Ordering::Greater), || {
            format!("the {which} range is empty: {min} is above {max}")
        });
    }
}

fn check_widget(port: &InputPort, numeric: bool, text: bool, found: &mut Findings) {
    let takes = |ty: Type| port.ty.members().contains(&ty);
    let fits = match &port.widget {
        Widget::Auto | Widget::None => true,
        Widget::Number => numeric,
        Widget::Slider => {
            numeric && port.soft.min.or(port.hard.min).is_some() && port.soft.max.or(port.hard.max).is_some()
        }
        Widget::Toggle => takes(Type::BOOL),
        Widget::Combo => !port.choices.is_empty(),
        Widget::Seed => takes(Type::INT),
        Widget::Text | Widget::Multiline | Widget::Color | Widget::File { .. } | Widget::Folder => text,
        Widget::Model { folder } => text && !folder.is_empty(),
    };
    found.unless(fits, || format!("the widget {:?} does not fit {}", port.widget, port.ty));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutputPort;

    fn sound() -> NodeDescriptor {
        NodeDescriptor::new("core.sampling.sampler", "Sampler")
            .category("sampling")
            .doc("Denoises.")
            .output(OutputPort::new("latent", Type::LATENT).doc("the result"))
    }

    fn findings(node: NodeDescriptor) -> Vec<String> {
        node.check().iter().map(Inconsistency::to_string).collect()
    }

    fn of_input(port: InputPort) -> Vec<String> {
        findings(sound().input(port.doc("x")))
    }

    #[test]
    fn a_sound_descriptor_has_no_findings() {
        let node = sound()
            .alias("KSampler")
            .input(InputPort::new("steps", Type::INT).doc("x").default(30).hard(1..=1000).soft(1..=60).unit("steps"))
            .input(InputPort::new("weight", Type::FLOAT).doc("x").default(1).hard(0..).step(0.05))
            .input(InputPort::new("sampler", Type::STRING).doc("x").default("euler").choices(["euler", "ddim"]))
            .input(InputPort::new("seed", Type::INT).doc("x").default(0).widget(Widget::Seed))
            .input(InputPort::new("images", "LIST<IMAGE>".parse().unwrap()).doc("x").optional().lazy());
        assert_eq!(findings(node), [""; 0]);
    }

    #[test]
    fn names() {
        let node = NodeDescriptor::new("Gain", "Graph").alias("Graph").title(" ").version(0);
        assert_eq!(
            findings(node),
            [
                "the id \"Gain\" is not like `core.image.gain`",
                "the name \"Graph\" is not like `Gain`",
                "the alias \"Graph\" is not a name or id of its own",
                "the title is empty",
                "the category is empty",
                "the doc is empty",
                "the version is 0; the first one is 1",
                "it has no output and is not an output node, so nothing would ever run it",
            ]
        );
        let port = |name: &str| InputPort::new(name, Type::IMAGE).doc("x");
        assert_eq!(
            findings(sound().input(port("a b")).input(port("x").alias("y")).input(port("y"))),
            ["input `a b`: the name \"a b\" is not like `guidance_scale`", "input `y`: the name \"y\" is used twice",]
        );
        assert!(is_type_name("acme.Gain") && !is_type_name("acme..Gain") && !is_type_name(""));
    }

    #[test]
    fn ranges() {
        let float = || InputPort::new("x", Type::FLOAT);
        assert_eq!(of_input(float().hard(8.0..=0.0)), ["input `x`: the hard range is empty: 8 is above 0"]);
        assert_eq!(of_input(float().hard(f64::NAN..)), ["input `x`: a bound of the hard range is NaN"]);
        assert_eq!(
            of_input(float().hard(0.0..=1.0).soft(0.0..=2.0)),
            ["input `x`: the soft bound 2 lies beyond the hard ones"]
        );
        assert_eq!(of_input(float().step(0.0)), ["input `x`: the step 0 is not above 0"]);
        assert_eq!(
            of_input(InputPort::new("x", Type::STRING).hard(0..=1)),
            ["input `x`: a hard range for something that is no number"]
        );
    }

    #[test]
    fn defaults() {
        let int = || InputPort::new("x", Type::INT).hard(1..=9);
        assert_eq!(of_input(int().default(0)), ["input `x`: the default does not fit: 0 is not between 1 and 9"]);
        assert_eq!(
            of_input(int().default("5")),
            ["input `x`: the default does not fit: expected INT, got the string \"5\""]
        );
        assert_eq!(
            of_input(int().default(5).optional()),
            ["input `x`: it is optional and has a default, which would always be there"]
        );
        assert_eq!(
            of_input(InputPort::new("x", Type::STRING).choices(["a", "a"]).default("b")),
            ["input `x`: a choice is listed twice", "input `x`: the default does not fit: \"b\" is not one of a, a"]
        );
        assert_eq!(
            of_input(InputPort::new("x", Type::IMAGE).default("a.png")),
            ["input `x`: the default does not fit: expected IMAGE, got the string \"a.png\""]
        );
    }

    #[test]
    fn widgets_must_fit_the_type() {
        assert_eq!(of_input(InputPort::new("x", Type::FLOAT).widget(Widget::Seed)).len(), 1);
        assert_eq!(of_input(InputPort::new("x", Type::FLOAT).widget(Widget::Slider)).len(), 1);
        assert_eq!(of_input(InputPort::new("x", Type::FLOAT).hard(0..=1).widget(Widget::Slider)).len(), 0);
        assert_eq!(of_input(InputPort::new("x", Type::STRING).widget(Widget::Combo)).len(), 1);
        assert_eq!(
            of_input(InputPort::new("x", Type::STRING).widget(Widget::Model { folder: String::new() })).len(),
            1
        );
        let mut list = InputPort::new("x", Type::IMAGE);
        list.ty = "LIST<IMAGE>".parse().unwrap();
        assert_eq!(of_input(list), ["input `x`: the type is LIST<IMAGE>; set `list` and give the type of one element"]);
    }

    #[test]
    fn far_too_many_ports_are_one_finding() {
        let mut node = sound();
        node.outputs = (0..2_000).map(|i| OutputPort::new(format!("o{i}"), Type::IMAGE).doc("x")).collect();
        assert_eq!(findings(node), ["2000 outputs, more than 1000"]);
    }

    #[test]
    fn json_round_trip() {
        let node = sound().input(
            InputPort::new("model", Type::STRING).doc("x").widget(Widget::Model { folder: "checkpoints".to_owned() }),
        );
        let json = serde_json::to_string(&node).unwrap();
        assert_eq!(serde_json::from_str::<NodeDescriptor>(&json).unwrap(), node);
    }
}
