//! This side of isolated plugins: their processes, and nodes that run there.

mod conversation;
mod ended;
mod folder;
mod link;
mod node;
mod objects;
mod output;
mod process;
mod watch;

use super::super::PluginError;
use super::super::load::Plugin;
use super::{Description, Isolation, Sandbox};
use crate::lock;
use node::IsolatedType;
use process::Process;
use selfsame_sdk::{Error, NodeType, Result, Services};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// See [`describe`](super::describe).
pub fn describe(library: &Path, digest: String, isolation: &Isolation) -> Result<Description, PluginError> {
    let (_, described) = Process::start(library, &digest, isolation, &|| false)?;
    Ok(Description { digest, ..described })
}

/// See [`sandbox`](super::sandbox).
pub fn sandbox(isolation: &Isolation) -> Result<Sandbox, PluginError> {
    // What it would load does not matter: it has said what it can before it looks.
    Ok(Process::greet(Path::new("/dev/null"), "", isolation, &|| false)?.0.sandbox())
}

/// See [`Plugin::isolated`].
pub fn plugin(library: PathBuf, description: Description, isolation: Isolation) -> Plugin {
    let Description { id, version, about, digest, nodes } = description;
    let origin = Arc::new(Isolated {
        id: id.clone(),
        name: format!("{id} {version}"),
        digest: digest.clone(),
        library: library.clone(),
        nodes: nodes.iter().map(|node| node.id.clone()).collect(),
        isolation,
        process: Mutex::default(),
    });
    let node_type = |(i, node)| Arc::new(IsolatedType::new(i as u64, node, origin.clone())) as Arc<dyn NodeType>;
    let nodes = nodes.into_iter().enumerate().map(node_type).collect();
    Plugin::elsewhere(library, [id, version, digest], about, nodes)
}

/// A plugin with a process of its own, while there is a need for one.
pub struct Isolated {
    id: String,
    /// Its id and version.
    name: String,
    digest: String,
    library: PathBuf,
    /// The ids of its node types, in its order.
    nodes: Vec<String>,
    isolation: Isolation,
    process: Mutex<Option<Arc<Process>>>,
}

impl Isolated {
    /// Its process, started if there is none or it has ended.
    fn process(&self, services: &dyn Services) -> Result<Arc<Process>> {
        let mut process = lock(&self.process);
        if let Some(running) = process.as_ref().filter(|process| !process.link().is_gone()) {
            return Ok(running.clone());
        }
        let is_cancelled = || services.is_cancelled();
        let started = Process::start(&self.library, &self.digest, &self.isolation, &is_cancelled);
        let (started, described) =
            started.map_err(|error| if is_cancelled() { Error::cancelled() } else { error.into() })?;
        if described.id != self.id || !described.nodes.iter().map(|node| &node.id).eq(&self.nodes) {
            return Err(PluginError::Changed.into());
        }
        if let Some(lacks) = started.sandbox().lacks() {
            services.log(selfsame_sdk::Level::Warn, &format!("plugin {}: {lacks}", self.id));
        }
        Ok(process.insert(Arc::new(started)).clone())
    }
}
