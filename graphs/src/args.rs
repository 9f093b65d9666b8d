//! Values for the arguments of a graph, from texts such as `--set prompt="soft light"`.

use crate::document::{ArgKind, Argument, Document};
use crate::problem::{Code, Problem, Report};
use crate::suggest;
use crate::syntax::{self, Kind};
use selfsame_sdk::{Literal, Type};
use std::collections::BTreeMap;

/// Values for arguments of a graph, each of the argument's type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArgValues {
    values: BTreeMap<String, Literal>,
}

impl ArgValues {
    /// Reads `NAME=VALUE` texts by the types that the graph declares. Of two values for one name the later one counts.
    ///
    /// Text is taken as it stands, without quotes; numbers and bools are written as in a graph file; the value of an
    /// `Input` that takes a list is a list of a graph file, `[1, 2]`.
    ///
    /// # Errors
    /// All that cannot be read, at once.
    pub fn parse<S: AsRef<str>>(document: &Document, assignments: impl IntoIterator<Item = S>) -> Result<Self, Report> {
        let mut values = ArgValues::default();
        let mut report = Report::default();
        for assignment in assignments {
            let assignment = assignment.as_ref();
            match assignment.split_once('=') {
                None => report.problems.push(
                    Problem::new(Code::BadArgument, format!("`{assignment}` sets nothing"))
                        .hint("write NAME=VALUE".to_owned()),
                ),
                Some((name, text)) => {
                    if let Err(problem) = values.set_text(document, name.trim(), text) {
                        report.problems.push(*problem);
                    }
                }
            }
        }
        if report.is_empty() { Ok(values) } else { Err(report) }
    }

    /// Sets an argument to what a text says.
    ///
    /// # Errors
    /// If there is no such argument, or it takes no such value.
    pub fn set_text(&mut self, document: &Document, name: &str, text: &str) -> Result<(), Box<Problem>> {
        let arg = argument(document, name)?;
        let literal = read(arg, text)
            .map_err(|(message, hint)| declared(document, arg, Problem::new(Code::BadArgument, message).hint(hint)))?;
        self.set(document, name, literal)
    }

    /// Sets an argument to a literal.
    ///
    /// # Errors
    /// If there is no such argument, or it takes no such value.
    pub fn set(&mut self, document: &Document, name: &str, literal: Literal) -> Result<(), Box<Problem>> {
        let arg = argument(document, name)?;
        let value = literal.for_type(&arg.port.value_type()).map_err(|mismatch| {
            let problem = Problem::of_literal(&format!("argument `{name}`"), mismatch);
            declared(document, arg, Problem { code: Code::BadArgument, ..problem })
        })?;
        arg.port.check_value(&value).map_err(|problem| {
            let problem = Problem::of_value(&format!("argument `{name}`"), problem);
            declared(document, arg, Problem { code: Code::BadArgument, ..problem })
        })?;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }

    /// What an argument was set to.
    pub fn get(&self, name: &str) -> Option<&Literal> {
        self.values.get(name)
    }

    /// All names that were set, sorted, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Literal)> {
        self.values.iter().map(|(name, value)| (&**name, value))
    }
}

fn argument<'d>(document: &'d Document, name: &str) -> Result<&'d Argument, Box<Problem>> {
    let args = &document.graph().args;
    args.iter().find(|arg| arg.name.value == name).ok_or_else(|| {
        let names = args.iter().map(|arg| &*arg.name.value);
        let problem = Problem::new(Code::UnknownArgument, format!("the graph has no argument `{name}`"));
        Box::new(problem.hint(suggest::hint(name, "argument", names)))
    })
}

/// Points at where the argument is declared.
fn declared(document: &Document, arg: &Argument, problem: Problem) -> Box<Problem> {
    Box::new(problem.at(document.source(), arg.name.span))
}

/// What a text means for an argument; why not and a hint if nothing.
fn read(arg: &Argument, text: &str) -> Result<Literal, (String, Option<String>)> {
    let name = &arg.name.value;
    let fail = |expected: &str, hint: Option<&str>| {
        let shown = Literal::from(text).in_words();
        Err((format!("argument `{name}` expects {expected}, got {shown}"), hint.map(str::to_owned)))
    };
    let written = || syntax::parse(text.trim()).ok().and_then(|file| literal(&file.value));
    match arg.kind {
        ArgKind::Int | ArgKind::Seed => match written() {
            Some(number @ Literal::Int(_)) => Ok(number),
            Some(Literal::Float(_)) => fail("an integer", Some("leave the decimal point away")),
            _ => fail("an integer", None),
        },
        ArgKind::Float => match written() {
            Some(number @ (Literal::Int(_) | Literal::Float(_))) => Ok(number),
            _ => fail("a number", text.contains(',').then_some("write a point, not a comma")),
        },
        ArgKind::Bool => match &*text.trim().to_ascii_lowercase() {
            "true" | "yes" | "on" | "1" => Ok(Literal::Bool(true)),
            "false" | "no" | "off" | "0" => Ok(Literal::Bool(false)),
            _ => fail("true or false", None),
        },
        ArgKind::Input => {
            let ty = arg.port.value_type();
            let plain = || ty.accepts(&Type::STRING).then(|| Literal::from(text));
            match written().or_else(plain) {
                Some(literal) => Ok(literal),
                None => fail(&format!("a value of type {ty}"), Some("only a graph that uses this one can link it")),
            }
        }
        _ => Ok(Literal::from(text)),
    }
}

/// A value of a file as a literal, if it is one.
fn literal(value: &syntax::Value) -> Option<Literal> {
    match &value.kind {
        Kind::Scalar { literal, .. } => Some(literal.clone()),
        Kind::Group(group) if group.brackets == syntax::Brackets::Square => {
            group.items.iter().map(|item| literal(&item.value)).collect::<Option<Vec<_>>>().map(Literal::List)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAPH: &str = r#"Graph(version: 1, nodes: {}, args: {
        "steps": Int(default: 30, min: 1, max: 100), "scale": Float(max: 20), "seed": Seed(), "prompt": Text(),
        "fast": Bool(), "method": Choice(choices: ["euler", "ddim"]), "face": Image(), "paper": Color(),
        "model": Input(type: "MODEL"), "sizes": Input(type: "LIST<INT>"), "words": Input(type: "LIST<STRING>"),
    })"#;

    fn set(assignment: &str) -> Result<String, String> {
        let document = Document::parse("g.ron", GRAPH);
        assert_eq!(document.problems(), []);
        let values = ArgValues::parse(&document, [assignment]).map_err(|report| {
            let problem = &report.problems[0];
            let parts = [Some(problem.message.clone()), problem.expected.clone(), problem.hint.clone()];
            parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
        })?;
        Ok(values.iter().map(|(name, value)| format!("{name} = {value}")).collect())
    }

    #[test]
    fn values_are_read_by_their_type() {
        assert_eq!(set("steps=20").unwrap(), "steps = 20");
        assert_eq!(set("steps= 0x10 ").unwrap(), "steps = 16");
        assert_eq!(set("scale=7").unwrap(), "scale = 7.0");
        assert_eq!(set("scale=-7.5e-1").unwrap(), "scale = -0.75");
        assert_eq!(set("seed=18446744073709551615").unwrap(), "seed = 18446744073709551615");
        assert_eq!(set("prompt=a \"red\" hat, size=5").unwrap(), "prompt = \"a \\\"red\\\" hat, size=5\"");
        assert_eq!(set("prompt=").unwrap(), "prompt = \"\"");
        assert_eq!(set("prompt=5").unwrap(), "prompt = \"5\"");
        assert_eq!(set("fast=yes").unwrap(), "fast = true");
        assert_eq!(set("method=ddim").unwrap(), "method = \"ddim\"");
        assert_eq!(set("sizes=[1, 2]").unwrap(), "sizes = [1, 2]");
        assert_eq!(set("sizes=7").unwrap(), "sizes = [7]");
        assert_eq!(set("words=hello there").unwrap(), "words = [\"hello there\"]");
    }

    #[test]
    fn what_cannot_be_read_is_explained() {
        let no = |assignment: &str| set(assignment).unwrap_err();
        assert_eq!(no("steps"), "`steps` sets nothing; write NAME=VALUE");
        assert!(no("stesp=5").starts_with("the graph has no argument `stesp`; did you mean `steps`?"));
        assert_eq!(no("steps=many"), "argument `steps` expects an integer, got the string \"many\"");
        assert_eq!(
            no("steps=5.0"),
            "argument `steps` expects an integer, got the string \"5.0\"; leave the decimal point away"
        );
        assert_eq!(no("steps=101"), "argument `steps` must be between 1 and 100, not 101; between 1 and 100");
        assert_eq!(
            no("scale=7,5"),
            "argument `scale` expects a number, got the string \"7,5\"; write a point, not a comma"
        );
        assert_eq!(no("scale=inf"), "argument `scale` expects a number, got the string \"inf\"");
        assert!(no("seed=-1").contains("-1 is not a seed"));
        assert_eq!(no("fast=maybe"), "argument `fast` expects true or false, got the string \"maybe\"");
        assert_eq!(
            no("method=eular"),
            "argument `method` has no choice \"eular\"; one of euler, ddim; did you mean `euler`?"
        );
        assert!(no("paper=red").contains("not a colour"));
        assert_eq!(
            no("model=x.safetensors"),
            "argument `model` expects a value of type MODEL, got the string \"x.safetensors\"; only a graph that uses \
             this one can link it"
        );
        assert_eq!(no("sizes=[1, 2.5]"), "argument `sizes` takes LIST<INT>, not a list of 2 values; LIST<INT>");
    }

    #[test]
    fn the_last_of_two_values_counts_and_all_problems_come_at_once() {
        let document = Document::parse("g.ron", GRAPH);
        let values = ArgValues::parse(&document, ["steps=1", "steps=2"]).unwrap();
        assert_eq!(values.get("steps"), Some(&Literal::Int(2)));
        assert_eq!(ArgValues::parse(&document, ["steps=x", "nope=1", "fast=true"]).unwrap_err().problems.len(), 2);
    }
}
