//! The files, folders and models that a graph names.

use selfsame_sdk::{Literal, Widget};
use std::collections::HashMap;

/// Knows where files and models are. The host implements it; graphs themselves touch no file but graph files.
pub trait Assets {
    /// Looks for a file, folder or model. Gives what a node receives instead of the name: the full path of a file or
    /// folder, and for a model whatever the nodes of the host load models by.
    ///
    /// Relative paths are taken from the folder of [`Asset::graph`], or from the current folder if there is none.
    ///
    /// # Errors
    /// If it is not there.
    fn find(&self, asset: &Asset) -> Result<String, AssetMissing>;
}

/// A file, folder or model that a graph names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset<'a> {
    /// What it is.
    pub kind: AssetKind<'a>,
    /// The name or path as it was written.
    pub name: &'a str,
    /// The graph file that it is written in; none if it was set from outside, or is the default of a node type.
    pub graph: Option<&'a str>,
}

/// What a graph names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssetKind<'a> {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A model in one of the model folders of this kind.
    Model(&'a str),
}

impl<'a> AssetKind<'a> {
    /// What the strings of an input with this widget name, if anything.
    pub fn of(widget: &'a Widget) -> Option<AssetKind<'a>> {
        match widget {
            Widget::File { .. } => Some(AssetKind::File),
            Widget::Folder => Some(AssetKind::Folder),
            Widget::Model { folder } => Some(AssetKind::Model(folder)),
            _ => None,
        }
    }
}

/// The names in a value, in order.
pub(crate) fn names_in(value: &Literal) -> Vec<&str> {
    match value {
        Literal::Str(name) => vec![name],
        Literal::List(items) => items.iter().flat_map(names_in).collect(),
        _ => Vec::new(),
    }
}

/// An [`Asset`] that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AssetKey {
    kind: String,
    name: String,
    graph: Option<String>,
}

impl From<&Asset<'_>> for AssetKey {
    fn from(asset: &Asset) -> Self {
        let kind = match asset.kind {
            AssetKind::File => "file".to_owned(),
            AssetKind::Folder => "folder".to_owned(),
            AssetKind::Model(folder) => format!("model in {folder}"),
        };
        AssetKey { kind, name: asset.name.to_owned(), graph: asset.graph.map(str::to_owned) }
    }
}

/// What nodes receive for each asset that was found.
pub(crate) type Resolved = HashMap<AssetKey, String>;

/// A file, folder or model that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetMissing {
    /// Every place where it was looked for.
    pub looked: Vec<String>,
    /// Names that are there, for "did you mean".
    pub candidates: Vec<String>,
    /// What to do, such as the command that fetches it.
    pub hint: Option<String>,
}
