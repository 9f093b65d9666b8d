//! The sources that a plugin is built with. They are part of the program, so that it and a compiler are all that is needed.

use include_dir::{Dir, DirEntry, include_dir};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

static ABI: Dir = include_dir!("$CARGO_MANIFEST_DIR/../plugins/abi");
static MACROS: Dir = include_dir!("$CARGO_MANIFEST_DIR/../plugins/macros");
static SDK: Dir = include_dir!("$CARGO_MANIFEST_DIR/../plugins/sdk");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const LICENSES: [(&str, &str); 2] = [
    ("LICENSE-APACHE", include_str!("../../../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../../../LICENSE-MIT")),
];

/// The C header.
pub const HEADER: &str = include_str!("../../../../plugins/abi/include/selfsame_plugin.h");

/// Writes the crates into a folder, as a workspace of their own. The crate for plugins is `sdk` in it.
pub fn unpack(folder: &Path) -> io::Result<()> {
    let crates = [("abi", &ABI), ("macros", &MACROS), ("sdk", &SDK)];
    for (name, dir) in crates {
        write(dir, &folder.join(name))?;
    }
    for (name, text) in LICENSES {
        std::fs::write(folder.join(name), text)?;
    }
    let manifests = crates.iter().filter_map(|(_, dir)| dir.get_file("Cargo.toml")?.contents_utf8());
    std::fs::write(folder.join("Cargo.toml"), workspace(&manifests.collect::<Vec<_>>()))
}

fn write(dir: &Dir, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    let is_test = |entry: &&DirEntry| entry.path().ends_with("tests");
    for entry in dir.entries().iter().filter(|entry| !is_test(entry)) {
        let to = to.join(entry.path().file_name().unwrap_or_default());
        match entry {
            DirEntry::Dir(dir) => write(dir, &to)?,
            DirEntry::File(file) => std::fs::write(to, file.contents())?,
        }
    }
    Ok(())
}

/// The workspace of this program, cut down to these crates: what they inherit from it.
fn workspace(manifests: &[&str]) -> String {
    let inherited: BTreeSet<&str> = manifests
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| Some(line.split_once(".workspace")?.0))
        .collect();
    let mut text = "[workspace]\nresolver = \"3\"\nmembers = [\"abi\", \"macros\", \"sdk\"]\n\n".to_owned();
    let mut section = "";
    for line in WORKSPACE.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            section = line;
        }
        let name = line.split_once(" = ").map_or("", |(name, _)| name);
        let wanted = match section {
            "[workspace.package]" | "[workspace.lints.rust]" | "[workspace.lints.clippy]" => true,
            "[workspace.dependencies]" => line == section || line.is_empty() || inherited.contains(name),
            _ => false,
        };
        if wanted {
            text += &line.replace("path = \"plugins/", "path = \"");
            text.push('\n');
        }
    }
    text
}
