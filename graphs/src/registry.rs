//! Which node types there are.

use crate::plugins::{self, Plugins};
use selfsame_sdk::NodeDescriptor;
use std::collections::BTreeMap;

/// A set of node types to check graphs against.
pub trait Registry {
    /// The node type of this name, id, former name or former id.
    fn descriptor(&self, type_name: &str) -> Option<&NodeDescriptor>;

    /// The names of all node types, for "did you mean".
    fn names(&self) -> Vec<&str>;

    /// The plugins that somebody knows of, also those whose node types are not there.
    fn plugins(&self) -> &Plugins {
        &plugins::NONE
    }
}

/// A plain list of node types.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    nodes: Vec<NodeDescriptor>,
    plugins: Plugins,
    by_name: BTreeMap<String, usize>,
}

/// Two node types with one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` names both {first} and {second}")]
pub struct NameClash {
    /// The name, id, former name or former id that both have.
    pub name: String,
    /// The id of the one that was there first.
    pub first: String,
    /// The id of the other.
    pub second: String,
}

impl Catalogue {
    /// A catalogue of these node types.
    ///
    /// # Errors
    /// If two of them share a name, an id, or a former one.
    pub fn new(nodes: impl IntoIterator<Item = NodeDescriptor>) -> Result<Catalogue, NameClash> {
        let mut catalogue = Catalogue::default();
        for node in nodes {
            catalogue.add(node)?;
        }
        Ok(catalogue)
    }

    /// Adds a node type.
    ///
    /// # Errors
    /// If one of its names is taken; the catalogue is then as before.
    pub fn add(&mut self, node: NodeDescriptor) -> Result<(), NameClash> {
        let names: Vec<String> = [&node.name, &node.id].into_iter().chain(&node.aliases).cloned().collect();
        if let Some((name, first)) = names.iter().find_map(|name| Some((name, *self.by_name.get(name)?))) {
            let first = self.nodes.get(first).map(|node| node.id.clone()).unwrap_or_default();
            return Err(NameClash { name: name.clone(), first, second: node.id });
        }
        self.by_name.extend(names.into_iter().map(|name| (name, self.nodes.len())));
        self.nodes.push(node);
        Ok(())
    }

    /// Says which plugins there are.
    pub fn with_plugins(mut self, plugins: Plugins) -> Catalogue {
        self.plugins = plugins;
        self
    }

    /// All node types, in the order in which they were added.
    pub fn nodes(&self) -> &[NodeDescriptor] {
        &self.nodes
    }
}

impl Registry for Catalogue {
    fn descriptor(&self, type_name: &str) -> Option<&NodeDescriptor> {
        self.nodes.get(*self.by_name.get(type_name)?)
    }

    fn names(&self) -> Vec<&str> {
        self.nodes.iter().map(|node| &*node.name).collect()
    }

    fn plugins(&self) -> &Plugins {
        &self.plugins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_found_by_all_its_names_and_no_name_is_taken_twice() {
        let load = || NodeDescriptor::new("core.image.load", "LoadImage").alias("ImageLoad");
        let mut catalogue = Catalogue::new([load()]).unwrap();
        for name in ["LoadImage", "core.image.load", "ImageLoad"] {
            assert_eq!(catalogue.descriptor(name).unwrap().id, "core.image.load");
        }
        assert!(catalogue.descriptor("Load").is_none());
        let other = NodeDescriptor::new("com.acme.load", "ImageLoad");
        assert_eq!(
            catalogue.add(other).unwrap_err().to_string(),
            "`ImageLoad` names both core.image.load and com.acme.load"
        );
        assert_eq!(catalogue.names(), ["LoadImage"]);
    }
}
