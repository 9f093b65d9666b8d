//! The graph document of Selfsame.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod format;
mod message;
mod problem;
mod source;
mod syntax;
#[cfg(test)]
mod testing;

pub use format::format;
pub use problem::{Code, Problem, Related, Report, Severity};
pub use source::{Location, Source, Span, Spanned};
