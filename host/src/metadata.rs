//! The texts that saved pictures carry, by the keywords of their PNG chunks.

use std::collections::BTreeMap;

/// The graph file that makes the picture again: no arguments, no other files, every value written out.
pub const GRAPH: &str = "selfsame-graph";
/// The arguments it was made with, as a JSON object of names and values.
pub const ARGUMENTS: &str = "selfsame-arguments";
/// The versions of what made it and the device, as a JSON object. Versions of node types stand in the graph.
pub const VERSIONS: &str = "selfsame-versions";
/// The files that went into it, models too, as a JSON object of paths and SHA-256 digests.
pub const FILES: &str = "selfsame-files";

/// What [`VERSIONS`] says of this program.
pub(crate) fn versions(device: &str) -> BTreeMap<&'static str, &str> {
    BTreeMap::from([("selfsame", env!("CARGO_PKG_VERSION")), ("device", device)])
}
