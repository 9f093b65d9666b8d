//! Which node types there are.

use crate::Error;
use crate::plugin::Plugin;
use selfsame_graphs::{KnownPlugin, Plugins, Registry};
use selfsame_sdk::{Codec, NodeDescriptor, NodeType};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Node types, and how their values are stored.
#[derive(Clone, Default)]
pub struct Nodes {
    types: Vec<Arc<dyn NodeType>>,
    by_name: HashMap<String, usize>,
    codecs: HashMap<&'static str, Codec>,
    /// Those whose node types are here, and those that cannot be used.
    plugins: Plugins,
    /// The library of each plugin that is here, and its SHA-256, by the id of the plugin.
    libraries: HashMap<String, (PathBuf, String)>,
}

impl Nodes {
    /// No node types at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The node types that come with Selfsame.
    ///
    /// # Panics
    /// Never: a test sees to it that they do not contradict each other.
    pub fn built_in() -> Self {
        let mut nodes = Self::none();
        nodes.extend(selfsame_nodes::all()).expect("built-in nodes are sound");
        for codec in selfsame_nodes::codecs() {
            nodes.add_codec(codec);
        }
        nodes
    }

    /// Adds a node type.
    ///
    /// # Errors
    /// If its descriptor is inconsistent or one of its names is taken; the registry is then as before.
    pub fn add(&mut self, node: Arc<dyn NodeType>) -> Result<(), Error> {
        let descriptor = node.descriptor();
        let wrong = descriptor.check();
        if !wrong.is_empty() {
            let findings = wrong.iter().map(ToString::to_string).collect();
            return Err(Error::UnsoundNode { id: descriptor.id.clone(), findings });
        }
        let names: Vec<String> =
            [&descriptor.name, &descriptor.id].into_iter().chain(&descriptor.aliases).cloned().collect();
        if let Some((name, known)) = names.iter().find_map(|name| Some((name, self.get(name)?))) {
            let (first, second) = (known.descriptor().id.clone(), descriptor.id.clone());
            return Err(Error::NameTaken { name: name.clone(), first, second });
        }
        self.by_name.extend(names.into_iter().map(|name| (name, self.types.len())));
        self.types.push(node);
        Ok(())
    }

    /// Adds several node types.
    ///
    /// # Errors
    /// As [`add`](Self::add); those before the one that is refused are then added.
    pub fn extend(&mut self, nodes: impl IntoIterator<Item = Arc<dyn NodeType>>) -> Result<(), Error> {
        nodes.into_iter().try_for_each(|node| self.add(node))
    }

    /// Adds the node types of a plugin, all or none. One that is there already, also from another copy of the file, is not
    /// added again.
    ///
    /// # Errors
    /// As [`add`](Self::add); if the plugin claims ids of the host's; if another plugin has its id.
    pub fn add_plugin(&mut self, plugin: &Plugin) -> Result<(), Error> {
        if let Some((path, digest)) = self.libraries.get(plugin.id()) {
            if digest == plugin.digest() {
                return Ok(());
            }
            let (first, second) = (path.clone(), plugin.path().to_owned());
            return Err(Error::PluginTwice { id: plugin.id().to_owned(), first, second });
        }
        let mut with = self.clone();
        for node in plugin.nodes() {
            let id = &node.descriptor().id;
            if id.starts_with("core.") {
                let findings = vec!["ids that start with `core.` are the host's".to_owned()];
                return Err(Error::UnsoundNode { id: id.clone(), findings });
            }
            with.add(node.clone())?;
        }
        let nodes = plugin.nodes().iter().map(|node| node.descriptor());
        with.plugins.known.push(KnownPlugin {
            id: plugin.id().to_owned(),
            version: plugin.version().to_owned(),
            nodes: nodes.map(|node| (node.id.clone(), node.name.clone())).collect(),
            unusable: None,
        });
        with.libraries.insert(plugin.id().to_owned(), (plugin.path().to_owned(), plugin.digest().to_owned()));
        *self = with;
        Ok(())
    }

    /// Says which plugins are there but cannot be used, for graphs that need them.
    pub fn know_unusable(&mut self, plugins: impl IntoIterator<Item = KnownPlugin>) {
        self.plugins.known.extend(plugins);
    }

    /// Says where plugins were looked for, for graphs that need one that is not there.
    pub fn know_folders(&mut self, folders: impl IntoIterator<Item = String>) {
        self.plugins.looked.extend(folders);
    }

    /// The plugins whose node types are here, each with the SHA-256 of its library.
    pub(crate) fn loaded_plugins(&self) -> impl Iterator<Item = (&KnownPlugin, &str)> {
        self.plugins.known.iter().filter(|known| known.unusable.is_none()).filter_map(|known| {
            let (_, digest) = self.libraries.get(&known.id)?;
            Some((known, &**digest))
        })
    }

    /// The plugin that a node type is of, if it is of any.
    pub(crate) fn plugin_of(&self, node_id: &str) -> Option<(&KnownPlugin, &str)> {
        self.loaded_plugins().find(|(known, _)| known.nodes.iter().any(|(id, _)| id == node_id))
    }

    /// Says how values of a type are written into a cache folder and read back. Values without a codec are kept in
    /// memory only.
    pub fn add_codec(&mut self, codec: Codec) {
        self.codecs.insert(codec.type_name, codec);
    }

    /// The node type of this name, id, former name or former id.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn NodeType>> {
        self.types.get(*self.by_name.get(name)?)
    }

    /// All descriptors, in the order in which they were added.
    pub fn descriptors(&self) -> impl Iterator<Item = &NodeDescriptor> {
        self.types.iter().map(|node| node.descriptor())
    }

    pub(crate) fn codec(&self, type_name: &str) -> Option<&Codec> {
        self.codecs.get(type_name)
    }
}

impl Registry for Nodes {
    fn descriptor(&self, type_name: &str) -> Option<&NodeDescriptor> {
        self.get(type_name).map(|node| node.descriptor())
    }

    fn names(&self) -> Vec<&str> {
        self.descriptors().map(|descriptor| &*descriptor.name).collect()
    }

    fn plugins(&self) -> &Plugins {
        &self.plugins
    }
}
