//! The description of a node.

use crate::{InputPort, OutputPort};
use serde::{Deserialize, Serialize};

/// Everything about a node except its function: pure data, so that it can be shown, compared and cached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeDescriptor {
    /// The stable key, in reverse domain order: `core.image.gain`. It never changes.
    pub id: String,
    /// The type name that graphs write: `Gain`.
    pub name: String,
    /// Former names and ids; graphs that use them still load.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The name that people read: `Apply gain`.
    pub title: String,
    /// Where it stands in the catalogue: `image/adjust`.
    pub category: String,
    /// What it does. Markdown; the first sentence stands alone in lists.
    pub doc: String,
    /// Raised whenever the same inputs give another result.
    pub version: u32,
    /// Words by which it is found besides its names.
    #[serde(default)]
    pub search_terms: Vec<String>,
    /// Set when graphs should stop using it: what to use instead.
    #[serde(default)]
    pub deprecated: Option<String>,
    /// What it takes, in the order in which people read it.
    #[serde(default)]
    pub inputs: Vec<InputPort>,
    /// What it gives.
    #[serde(default)]
    pub outputs: Vec<OutputPort>,
    /// The same inputs give the same result, so that a result may be kept.
    pub deterministic: bool,
    /// It runs for its effect, such as a saved file, even when nothing is linked to it.
    pub output_node: bool,
    /// Where and how it can run.
    #[serde(default)]
    pub caps: Caps,
}

/// Where and how a node can run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caps {
    /// It takes tensors on CUDA devices; without this the host hands it copies on the CPU.
    pub cuda: bool,
    /// It queues its CUDA work on the stream that it is given; without this the host waits before and after the call.
    pub stream: bool,
    /// Only one instance may run at a time.
    pub serial: bool,
}

impl NodeDescriptor {
    /// A deterministic node of version 1 without inputs and outputs. The title is the name until it is set.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        let name = name.into();
        NodeDescriptor {
            id: id.into(),
            title: name.clone(),
            name,
            aliases: Vec::new(),
            category: String::new(),
            doc: String::new(),
            version: 1,
            search_terms: Vec::new(),
            deprecated: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            deterministic: true,
            output_node: false,
            caps: Caps::default(),
        }
    }

    /// A former name or id.
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }

    /// The name that people read.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Where it stands in the catalogue.
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = category.into();
        self
    }

    /// What it does.
    pub fn doc(mut self, doc: impl Into<String>) -> Self {
        self.doc = doc.into();
        self
    }

    /// The version of its behaviour.
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// A word by which it is found.
    pub fn search_term(mut self, term: impl Into<String>) -> Self {
        self.search_terms.push(term.into());
        self
    }

    /// Graphs should stop using it; says what to use instead.
    pub fn deprecated(mut self, instead: impl Into<String>) -> Self {
        self.deprecated = Some(instead.into());
        self
    }

    /// Adds an input.
    pub fn input(mut self, input: InputPort) -> Self {
        self.inputs.push(input);
        self
    }

    /// Adds an output.
    pub fn output(mut self, output: OutputPort) -> Self {
        self.outputs.push(output);
        self
    }

    /// The same inputs may give another result, so that it runs every time.
    pub fn not_deterministic(mut self) -> Self {
        self.deterministic = false;
        self
    }

    /// It runs for its effect.
    pub fn output_node(mut self) -> Self {
        self.output_node = true;
        self
    }

    /// Where and how it can run.
    pub fn caps(mut self, caps: Caps) -> Self {
        self.caps = caps;
        self
    }

    /// The input of this name, or of this former name.
    pub fn input_named(&self, name: &str) -> Option<&InputPort> {
        let by_alias = || self.inputs.iter().find(|port| port.aliases.iter().any(|alias| alias == name));
        self.inputs.iter().find(|port| port.name == name).or_else(by_alias)
    }

    /// The output of this name, or of this former name.
    pub fn output_named(&self, name: &str) -> Option<&OutputPort> {
        let by_alias = || self.outputs.iter().find(|port| port.aliases.iter().any(|alias| alias == name));
        self.outputs.iter().find(|port| port.name == name).or_else(by_alias)
    }
}
