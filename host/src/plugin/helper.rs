//! Stand-in until plugins run in processes of their own.
#![allow(missing_docs)]

use super::PluginError;
use super::load::{About, Plugin};
use selfsame_sdk::NodeDescriptor;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    pub id: String,
    pub version: String,
    pub about: About,
    pub digest: String,
    pub nodes: Vec<NodeDescriptor>,
}

#[derive(Clone, Debug, Default)]
pub struct Isolation {
    pub permissions: Permissions,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    pub read: Vec<PathBuf>,
    pub network: bool,
}

pub fn describe(library: &Path, _: &Isolation) -> Result<Description, PluginError> {
    let plugin = Plugin::load(library)?;
    Ok(Description {
        id: plugin.id().to_owned(),
        version: plugin.version().to_owned(),
        about: plugin.about().clone(),
        digest: plugin.digest().to_owned(),
        nodes: plugin.nodes().iter().map(|node| node.descriptor().clone()).collect(),
    })
}

impl Plugin {
    pub fn isolated(library: &Path, _: Description, _: &Isolation) -> Result<Arc<Self>, PluginError> {
        Plugin::load(library)
    }
}
