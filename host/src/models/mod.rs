//! Model files on disk: where they are, which ones can be fetched, fetching them, and checking them.
//!
//! | question | answer |
//! |---|---|
//! | where is `sd_xl_base_1.0`? | [`Folders::find`] |
//! | which models are there? | [`Folders::list`] |
//! | which models can be fetched, under which terms? | [`Catalogue`] |
//! | fetch one | [`pull`] |
//! | is this file what it should be? | [`verify`], [`identify`] |
//! | is this model the same as another one? | [`digest()`] |
//!
//! **Source**: folders as ComfyUI lays them out; downloads as `huggingface_hub` does them (`file_download.py`):
//! `{endpoint}/{repository}/resolve/{revision}/{file}`, whose answer names the file's SHA-256 in `x-linked-etag`.

mod bundled;
mod catalogue;
mod digest;
mod download;
mod error;
mod find;
mod folders;
mod hub;
mod kind;
mod list;
mod lock;
mod part;
mod pull;
mod verify;

pub(crate) use digest::{hash, hex};
pub(crate) use download::{Remote, download};
pub(crate) use lock::Lock;

pub use bundled::file as bundled_file;
pub use catalogue::{Catalogue, CatalogueError, Licence, Model, ModelFile, UnknownModel};
pub use digest::{digest, digest_of};
pub use error::PullError;
pub use find::Missing;
pub use folders::{Folder, Folders, Origin, VARIABLE};
pub use hub::{Hub, Patience};
pub use kind::{KINDS, Kind};
pub use list::{EXTENSIONS, Entry, Listing};
pub use pull::{Checked, Event, Outcome, Pulled, Watch, pull};
pub use verify::{Identity, Verdict, identify, verify};
