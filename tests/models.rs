//! Model files: finding, fetching and checking them. Downloads go to a server in this process that misbehaves in every
//! way a test asks for; nothing here reaches the network.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "models/catalogue.rs"]
mod catalogue;
#[path = "models/folders.rs"]
mod folders;
#[path = "models/pull.rs"]
mod pull;
#[path = "models/server.rs"]
mod server;
#[path = "models/trouble.rs"]
mod trouble;
#[path = "models/verify.rs"]
mod verify;

use selfsame_host::models::{Folder, Folders, Origin};
use std::path::Path;

/// Writes a file and the folders above it.
fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// These models folders.
fn folders_of(paths: &[&Path]) -> Folders {
    Folders::of(paths.iter().map(|path| Folder { path: path.to_path_buf(), origin: Origin::Flag }))
}
