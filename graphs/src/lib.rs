//! The graph document of Selfsame.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod args;
mod assets;
mod document;
mod format;
mod message;
mod plan;
mod problem;
mod project;
mod registry;
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
pub use plan::{Plan, PlanEdge, PlanInput, PlanLink, PlanNode, PlanOutput, PlanValue, Targets, UnknownTarget};
pub use problem::{Code, Problem, Related, Report, Severity};
pub use project::{Disk, GraphFile, GraphFiles, NotOpened, Project};
pub use registry::{Catalogue, NameClash, Registry};
pub use source::{Location, Source, Span, Spanned};
pub use validate::{Settings, Valid, validate};
