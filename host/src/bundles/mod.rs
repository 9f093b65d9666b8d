//! Plugins as people get them: folders of bundles, what is in one, and which of them may run.
//!
//! A bundle is a folder `NAME.selfsame`: a [`Manifest`], a library for each system, perhaps a signature. Everything here
//! reads manifests and decides; no code of a plugin runs, since a library runs code as soon as it is loaded. A library
//! is loaded only if it is, byte for byte, what was compared with the manifest and the policy.
//!
//! A signature says who made a plugin, not that it is safe: a trusted plugin has all rights of its user.
//!
//! A program that embeds the host has the plugins of its user like this:
//!
//! ```no_run
//! use selfsame_host::Nodes;
//! use selfsame_host::bundles::{Folders, Found, Isolated, Rules, Scans, Shelf, Trust};
//! use selfsame_host::plugin::helper::Isolation;
//!
//! let trust = Trust::open(&Trust::usual_place().ok_or("there is no folder for settings")?)?;
//! let mut scans = Scans::open(Scans::usual_place());
//! let mut shelf = Shelf::look(&[], &Folders::new([], []), &[], &Rules::new(&trust, &scans));
//! if let Some(alarm) = shelf.found.iter().find_map(Found::alarm) {
//!     return Err(alarm.into());
//! }
//! let mut nodes = Nodes::built_in();
//! let isolation = Isolation { program: "/usr/bin/selfsame".into(), ..Isolation::default() };
//! shelf.load(&mut nodes, &mut Isolated { scans: &mut scans, trust: &trust, isolation, readable: Vec::new() })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bundle;
mod error;
mod folders;
mod id;
mod load;
mod manifest;
mod scans;
mod shelf;
mod signature;
mod trust;
mod write;

pub use bundle::Bundle;
pub use error::BundleError;
pub use folders::{Folder, Folders, Origin, VARIABLE};
pub use id::look_alike;
pub use load::Isolated;
pub use manifest::{Abi, Manifest, Permission, Target, target_triple};
pub use scans::{Outcome, Scans};
pub use shelf::{Found, Rules, Shelf, State};
pub use signature::{public_key_of, sign};
pub use trust::{Entry, Level, Pin, Trust, Verdict};
pub use write::write;

/// The name of a manifest in its bundle.
pub const MANIFEST: &str = "plugin.ron";
/// The name of the signature of the manifest, made with minisign.
pub const SIGNATURE: &str = "plugin.ron.minisig";
/// How the name of a bundle ends.
pub const ENDING: &str = "selfsame";
