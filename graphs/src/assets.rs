//! The files, folders and models that a graph names.

use selfsame_sdk::Widget;

/// Knows where files and models are. The host implements it; graphs themselves touch no file but graph files.
pub trait Assets {
    /// Looks for a file, folder or model.
    ///
    /// # Errors
    /// If it is not there.
    fn find(&self, asset: &Asset) -> Result<(), AssetMissing>;
}

/// A file, folder or model that a graph names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset<'a> {
    /// What it is.
    pub kind: AssetKind<'a>,
    /// The name or path as it was written.
    pub name: &'a str,
    /// The graph file that it is written in; none if it was set from outside.
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
