//! What is wrong with a graph, for people and for programs.

use crate::source::{Location, Source, Span};
use crate::suggest;
use crate::syntax::SyntaxError;
use selfsame_sdk::{Literal, LiteralMismatch, ValueProblem};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::fmt;

/// Whether a problem stops a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The graph cannot run.
    Error,
    /// The graph can run, perhaps not as meant.
    Warning,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal $severity:ident,)*) => {
        /// The kind of a problem. Programs may rely on the names, which never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// Its name in messages and in JSON.
            pub fn name(self) -> &'static str {
                match self {
                    $(Code::$variant => $name,)*
                }
            }

            /// Whether it stops a run.
            pub fn severity(self) -> Severity {
                match self {
                    $(Code::$variant => Severity::$severity,)*
                }
            }
        }
    };
}

codes! {
    /// The text is not RON.
    Syntax = "syntax" Error,
    /// The version of the format is missing or from the future.
    Version = "version" Error,
    /// A field that the format does not have.
    UnknownField = "unknown-field" Error,
    /// A field that must be there is not.
    MissingField = "missing-field" Error,
    /// Something else stands where the format wants, say, a map.
    WrongForm = "wrong-form" Error,
    /// A name that nodes, arguments or outputs cannot have.
    BadName = "bad-name" Error,
    /// Two nodes, arguments or outputs with one name.
    DuplicateId = "duplicate-id" Error,
    /// A field or input that is set twice.
    DuplicateField = "duplicate-field" Error,
    /// A node type that no plugin offers.
    UnknownNode = "unknown-node" Error,
    /// A plugin that the graph needs and that is not there, or cannot be used.
    MissingPlugin = "missing-plugin" Error,
    /// An input that the node does not have.
    UnknownInput = "unknown-input" Error,
    /// A link to an output that the node does not have.
    UnknownOutput = "unknown-output" Error,
    /// A link to a node that the graph does not have.
    UnknownLink = "unknown-link" Error,
    /// An input that must be set is not.
    MissingInput = "missing-input" Error,
    /// A link or argument of a type that the input does not take.
    TypeMismatch = "type-mismatch" Error,
    /// A literal of a type that the input does not take.
    WrongLiteral = "wrong-literal" Error,
    /// A number beyond the hard range.
    OutOfRange = "out-of-range" Error,
    /// A string that is none of the choices.
    NotAChoice = "not-a-choice" Error,
    /// Nodes that wait for each other.
    Cycle = "cycle" Error,
    /// An argument that the graph does not have.
    UnknownArgument = "unknown-argument" Error,
    /// An argument without a default that was not set.
    MissingArgument = "missing-argument" Error,
    /// A text that cannot be read as the value of an argument.
    BadArgument = "bad-argument" Error,
    /// An argument that nothing uses.
    UnusedArgument = "unused-argument" Warning,
    /// A sub-graph whose file cannot be read.
    MissingSubgraph = "missing-subgraph" Error,
    /// A sub-graph that contains itself.
    SubgraphRecursion = "subgraph-recursion" Error,
    /// Sub-graphs within sub-graphs that come to too many nodes.
    TooLarge = "too-large" Error,
    /// A file or folder that is not there.
    MissingFile = "missing-file" Error,
    /// A model file that is in none of the model folders.
    MissingModel = "missing-model" Error,
    /// A bypassed node with nothing to pass on.
    CannotBypass = "cannot-bypass" Error,
    /// Nothing in the graph gives a result.
    NoOutput = "no-output" Error,
    /// A node that nothing needs.
    UnusedNode = "unused-node" Warning,
    /// A former name.
    Renamed = "renamed" Warning,
    /// A node that graphs should stop using.
    Deprecated = "deprecated" Warning,
    /// The graph was written for another version of a node.
    NodeVersion = "node-version" Warning,
    /// The graph was written for another version of a plugin.
    PluginVersion = "plugin-version" Warning,
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind of problem.
    pub code: Code,
    /// Whether it stops a run.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; none for what stands in no file, such as an argument from the command line.
    pub at: Option<Location>,
    /// What would be right.
    pub expected: Option<String>,
    /// What is there instead.
    pub got: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The node it is about, by its id.
    pub node: Option<String>,
    /// The input or output it is about.
    pub port: Option<String>,
    /// For a missing file or plugin: where it was looked for.
    pub looked: Vec<String>,
    /// Other places that matter.
    pub related: Vec<Related>,
}

/// Another place that matters to a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Where.
    pub at: Location,
    /// What is there.
    pub message: String,
}

impl Problem {
    /// A problem that stands in no file.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Problem {
            code,
            severity: code.severity(),
            message: message.into(),
            at: None,
            expected: None,
            got: None,
            hint: None,
            node: None,
            port: None,
            looked: Vec::new(),
            related: Vec::new(),
        }
    }

    /// Says where.
    pub fn at(mut self, source: &Source, span: Span) -> Self {
        self.at = Some(source.locate(span));
        self
    }

    /// Says what would be right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what is there.
    pub fn got(mut self, got: impl Into<String>) -> Self {
        self.got = Some(got.into());
        self
    }

    /// Says what to do.
    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Names the node.
    pub fn node(mut self, id: impl Into<String>) -> Self {
        self.node = Some(id.into());
        self
    }

    /// Names the input or output.
    pub fn port(mut self, name: impl Into<String>) -> Self {
        self.port = Some(name.into());
        self
    }

    /// Adds another place.
    pub fn related(mut self, source: &Source, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Related { at: source.locate(span), message: message.into() });
        self
    }

    /// A literal of the wrong type. `what` is whose it is, in words.
    pub(crate) fn of_literal(what: &str, mismatch: LiteralMismatch) -> Self {
        Problem::new(Code::WrongLiteral, format!("{what} takes {}, not {}", mismatch.expected, mismatch.got))
            .expected(mismatch.expected.to_string())
            .got(mismatch.got)
            .hint(mismatch.hint)
    }

    /// A literal of the right type that is refused. `what` is whose it is, in words.
    pub(crate) fn of_value(what: &str, problem: ValueProblem) -> Self {
        match problem {
            ValueProblem::NotAChoice { choices, got: Literal::Str(got) } => {
                let hint = suggest::did_you_mean(&got, choices.iter().map(String::as_str));
                let expected = match choices.len() {
                    0..=30 => format!("one of {}", choices.join(", ")),
                    n => format!("one of {n} choices"),
                };
                Problem::new(Code::NotAChoice, format!("{what} has no choice \"{got}\""))
                    .expected(expected)
                    .got(Literal::Str(got).in_words())
                    .hint(hint)
            }
            ValueProblem::OutOfRange { range, got } => {
                Problem::new(Code::OutOfRange, format!("{what} must be {range}, not {got}"))
                    .expected(range.to_string())
                    .got(got.to_string())
            }
            other => Problem::new(Code::OutOfRange, format!("{what}: {other}")),
        }
    }
}

/// Everything that was found, in the order of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The problems.
    pub problems: Vec<Problem>,
}

impl Report {
    pub(crate) fn of_syntax(source: &Source, errors: Vec<SyntaxError>) -> Self {
        let problem =
            |error: SyntaxError| Problem::new(Code::Syntax, error.message).at(source, error.span).hint(error.hint);
        let mut report = Report { problems: errors.into_iter().map(problem).collect() };
        report.sort(&[source.name()]);
        report
    }

    /// How many problems stop a run.
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|p| p.severity == Severity::Error).count()
    }

    /// How many do not.
    pub fn warnings(&self) -> usize {
        self.problems.len() - self.errors()
    }

    /// Whether nothing was found at all.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Files in the order in which they were found, and within one by line and column; what stands in no file first.
    pub(crate) fn sort(&mut self, files: &[&str]) {
        self.problems.sort_by_key(|problem| {
            let place = |at: &Location| (files.iter().position(|f| *f == at.file), at.line, at.column);
            (problem.at.as_ref().map(place), problem.severity)
        });
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 3)?;
        report.serialize_field("errors", &self.errors())?;
        report.serialize_field("warnings", &self.warnings())?;
        report.serialize_field("problems", &self.problems)?;
        report.end()
    }
}

impl std::error::Error for Report {}
