//! The texts that saved pictures carry, by the keywords of their PNG chunks.

use selfsame_graphs::KnownPlugin;
use std::collections::BTreeMap;

/// The graph file that makes the picture again: no arguments, no other files, every value written out.
pub const GRAPH: &str = "selfsame-graph";
/// The arguments it was made with, as a JSON object of names and values.
pub const ARGUMENTS: &str = "selfsame-arguments";
/// The versions of what made it, plugins too, and the device, as a JSON object. Versions of node types stand in the graph.
pub const VERSIONS: &str = "selfsame-versions";
/// The files that went into it, models too, as a JSON object of paths and SHA-256 digests.
pub const FILES: &str = "selfsame-files";

/// What [`VERSIONS`] says of this program, a device, and plugins with the digests of their libraries.
pub(crate) fn versions<'a>(
    device: &str,
    plugins: impl IntoIterator<Item = (&'a KnownPlugin, &'a str)>,
) -> BTreeMap<String, String> {
    let plugin = |(plugin, digest): (&KnownPlugin, &str)| {
        (format!("plugin {}", plugin.id), format!("{} (SHA-256 {digest})", plugin.version))
    };
    let own = [("selfsame", env!("CARGO_PKG_VERSION")), ("device", device)];
    let own = own.map(|(what, version)| (what.to_owned(), version.to_owned()));
    plugins.into_iter().map(plugin).chain(own).collect()
}
