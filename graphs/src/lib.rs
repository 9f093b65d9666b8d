//! The graph document of Selfsame: reading, checking, planning and drawing.
//!
//! A graph is data. It is read ([`Document`]), checked against the node types that there are ([`validate`]), and turned
//! into what has to run ([`Plan`]); nothing here runs anything or knows what a node does. Everything that is wrong is
//! found before that, all at once, each with its place in the file.
//!
//! ```
//! use selfsame_graphs::{ArgValues, Catalogue, Disk, Document, Plan, Project, Settings, Targets, validate};
//! use selfsame_sdk::{InputPort, NodeDescriptor, OutputPort, Type};
//!
//! // Node types come from the host and its plugins.
//! let text = NodeDescriptor::new("core.text.repeat", "RepeatText")
//!     .category("text")
//!     .doc("Repeats a text.")
//!     .input(InputPort::new("text", Type::STRING).doc("what is repeated"))
//!     .input(InputPort::new("times", Type::INT).doc("how often").default(2).hard(0..=1000))
//!     .output(OutputPort::new("text", Type::STRING).doc("the long text"));
//! let catalogue = Catalogue::new([text])?;
//!
//! let document = Document::parse(
//!     "cheers.ron",
//!     r#"
//! // Two nodes, one after the other.
//! Graph(
//!     version: 1,
//!     args: {
//!         "word": Text(default: "hip ", doc: "what is shouted"),
//!     },
//!     nodes: {
//!         "hips":  RepeatText(text: Arg("word")),
//!         "cheer": RepeatText(text: Out("hips.text"), times: 3),
//!     },
//!     outputs: {
//!         "cheer": Out("cheer.text"),
//!     },
//! )
//! "#,
//! );
//! let args = ArgValues::parse(&document, ["word=hooray "])?;
//! let project = Project::around(&Disk, document);
//! let valid = validate(&project, &catalogue, Settings { args: Some(&args), assets: None })?;
//! let plan = Plan::new(&valid, Targets::All)?;
//! let ids: Vec<&str> = plan.order().iter().map(|node| &*plan.node(*node).id).collect();
//! assert_eq!(ids, ["hips", "cheer"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A mistake gives a message with everything that is needed to correct it:
//!
//! ```
//! # use selfsame_graphs::{Catalogue, Disk, Document, Project, Settings, validate};
//! # use selfsame_sdk::{InputPort, NodeDescriptor, OutputPort, Type};
//! # let text = NodeDescriptor::new("core.text.repeat", "RepeatText")
//! #     .input(InputPort::new("text", Type::STRING)).output(OutputPort::new("text", Type::STRING));
//! # let catalogue = Catalogue::new([text])?;
//! let text = "Graph(version: 1, nodes: {\"a\": RepeatText(txet: \"hip \")}, outputs: {\"text\": Out(\"a.text\")})";
//! let project = Project::around(&Disk, Document::parse("cheers.ron", text));
//! let report = validate(&project, &catalogue, Settings::default()).unwrap_err();
//! assert_eq!(
//!     report.to_string(),
//!     r#"error[unknown-input]: node `a` (RepeatText) has no input `txet`
//!  --> cheers.ron:1:43
//!   |
//! 1 | Graph(version: 1, nodes: {"a": RepeatText(txet: "hip ")}, outputs: {"text": Out("a.text")})
//!   |                                           ^^^^
//!   = hint: did you mean `text`?
//!
//! 1 error"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | step | types |
//! |---|---|
//! | text to graph and back | [`Document`], [`Graph`], [`format()`] |
//! | with its sub-graphs | [`Project`], [`GraphFiles`], [`Disk`] |
//! | arguments | [`Argument`], [`ArgValues`] |
//! | what is wrong | [`validate`], [`Report`], [`Problem`], [`Code`]; [`Registry`] knows node types, [`Assets`] files and models |
//! | what has to run | [`Plan`], [`Targets`] |
//! | pictures | [`Picture`] |
//!
//! The file format itself is described in `docs/graph-format.md`.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod args;
mod assets;
mod document;
mod format;
mod message;
mod plan;
mod plugins;
mod problem;
mod project;
mod registry;
mod render;
mod source;
mod suggest;
mod syntax;
#[cfg(test)]
mod testing;
mod validate;

pub use args::ArgValues;
pub use assets::{Asset, AssetKind, AssetMissing, Assets};
pub use document::{
    ArgKind, Argument, Document, Graph, GraphOutput, Link, Node, NodeInput, NodeKind, SUBGRAPH, VERSION, Value,
};
pub use format::format;
pub use plan::{
    AssetNames, Plan, PlanAsset, PlanEdge, PlanInput, PlanLink, PlanNode, PlanOutput, PlanValue, Targets, UnknownTarget,
};
pub use plugins::{KnownPlugin, Plugins, Unusable};
pub use problem::{Code, Problem, Related, Report, Severity};
pub use project::{Disk, GraphFile, GraphFiles, NotOpened, Project};
pub use registry::{Catalogue, NameClash, Registry};
pub use render::Picture;
pub use source::{Location, Source, Span, Spanned};
pub use suggest::nearest;
pub use validate::{Settings, Valid, validate};
