//! The engine of Selfsame: it knows node types, runs plans, and keeps results.
#![deny(missing_docs)]

pub mod models;
