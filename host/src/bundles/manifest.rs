//! What a bundle says of itself: `plugin.ron`.
//!
//! ```ron
//! Plugin(
//!     format: 1,
//!     id: "acme-filters",
//!     version: "1.0.0",
//!     authors: "Ada <ada@acme.example>",
//!     license: "MIT",
//!     homepage: "https://acme.example",
//!     abi: (major: 1, min_minor: 0),
//!     nodes: {"com.acme.gain": "Gain"},
//!     permissions: [network],
//!     targets: {
//!         "x86_64-unknown-linux-gnu": (file: "lib/x86_64-unknown-linux-gnu/libacme_filters.so", sha256: "9f86d0..."),
//!     },
//! )
//! ```

use super::error::BundleError;
use super::signature;
use crate::plugin::is_plugin_id;
use ron::error::SpannedError;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use selfsame_sdk::{is_node_id, is_type_name};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The version of the manifest that this program writes and reads.
pub const FORMAT: u32 = 1;
/// The longest text in a manifest.
const MAX_TEXT: usize = 2000;

/// What a bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Plugin")]
pub struct Manifest {
    /// The version of this description: 1.
    pub format: u32,
    /// Its stable name.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The name that people read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub doc: String,
    /// Who made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authors: String,
    /// The SPDX expression of its licence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub license: String,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    /// The version of the plugin boundary that it needs.
    pub abi: Abi,
    /// Its node types: names by ids.
    pub nodes: BTreeMap<String, String>,
    /// What it wants to do besides computing. What it may do is up to the user.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<Permission>,
    /// Its libraries, by the systems that they are for.
    pub targets: BTreeMap<String, Target>,
    /// The minisign key that the manifest is signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A version of the plugin boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abi {
    /// Must be the host's.
    pub major: u16,
    /// The oldest minor version of a host that will do.
    pub min_minor: u16,
}

/// A library for a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its path in the bundle: `lib/SYSTEM/NAME`.
    pub file: String,
    /// The SHA-256 of its contents, in 64 hexadecimal digits.
    pub sha256: String,
}

/// What a plugin may do besides computing, when it runs in a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Talk to the network.
    Network,
    /// Read the files of graphs and models.
    ReadFiles,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Permission; 2] = [Permission::Network, Permission::ReadFiles];

    /// Its name in manifests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Permission::Network => "network",
            Permission::ReadFiles => "read_files",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Manifest {
    /// Reads a manifest; `name` is what errors call its file.
    ///
    /// # Errors
    /// If it is not RON, has a field that does not exist, or says what no manifest can say.
    pub fn parse(name: &str, text: &str) -> Result<Manifest, BundleError> {
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let manifest: Manifest =
            options.from_str(text).map_err(|SpannedError { code, span }| BundleError::Manifest {
                place: format!("{name}:{}:{}", span.start.line, span.start.col),
                problem: code.to_string(),
            })?;
        match manifest.problem() {
            None => Ok(manifest),
            Some(problem) => Err(BundleError::Manifest { place: name.to_owned(), problem }),
        }
    }

    /// The manifest as the text of a file.
    ///
    /// # Errors
    /// If it says what no manifest can say.
    pub fn to_ron(&self) -> Result<String, BundleError> {
        let fail = |problem| BundleError::Manifest { place: super::MANIFEST.to_owned(), problem };
        if let Some(problem) = self.problem() {
            return Err(fail(problem));
        }
        let layout = PrettyConfig::new().struct_names(true).extensions(Extensions::IMPLICIT_SOME);
        let options = ron::Options::default();
        let text = options.to_string_pretty(self, layout).map_err(|error| fail(error.to_string()))?;
        Ok(text + "\n")
    }

    /// The library for a system.
    ///
    /// # Errors
    /// If there is none.
    pub fn target(&self, triple: &str) -> Result<&Target, BundleError> {
        self.targets.get(triple).ok_or_else(|| BundleError::NoTarget {
            wanted: triple.to_owned(),
            there: self.targets.keys().cloned().collect(),
        })
    }

    /// The first thing that is wrong with it.
    fn problem(&self) -> Option<String> {
        if self.format != FORMAT {
            return Some(format!("format {} is not known, this program reads format {FORMAT}", self.format));
        }
        if !is_plugin_id(&self.id) {
            return Some(format!("the id {:?} is not like `acme-filters` or `com.acme.filters`", self.id));
        }
        if self.version.trim().is_empty() {
            return Some("the version is empty".to_owned());
        }
        self.bad_text().or_else(|| self.bad_node()).or_else(|| self.bad_target()).or_else(|| {
            let problem = signature::key(self.public_key.as_deref()?).err()?;
            Some(format!("`public_key`: {problem}"))
        })
    }

    /// Texts are shown in terminals, where a control character is a command.
    fn bad_text(&self) -> Option<String> {
        let texts = [
            ("version", &self.version),
            ("title", &self.title),
            ("doc", &self.doc),
            ("authors", &self.authors),
            ("license", &self.license),
            ("homepage", &self.homepage),
        ];
        texts.into_iter().find_map(|(name, text)| {
            let odd = text.chars().find(|c| c.is_control() && (*c != '\n' || name != "doc"));
            let odd = odd.map(|c| format!("`{name}` holds the control character {c:?}"));
            odd.or_else(|| (text.len() > MAX_TEXT).then(|| format!("`{name}` is longer than {MAX_TEXT} bytes")))
        })
    }

    fn bad_node(&self) -> Option<String> {
        if self.nodes.is_empty() {
            return Some("it names no node type in `nodes`".to_owned());
        }
        self.nodes.iter().find_map(|(id, name)| {
            if !is_node_id(id) {
                return Some(format!("the node id {id:?} is not like `com.acme.gain`"));
            }
            if id.starts_with("core.") {
                return Some(format!("the node id {id}: ids that start with `core.` are the host's"));
            }
            (!is_type_name(name)).then(|| format!("the node name {name:?} is not like `Gain`"))
        })
    }

    fn bad_target(&self) -> Option<String> {
        if self.targets.is_empty() {
            return Some("it names no library in `targets`".to_owned());
        }
        self.targets.iter().find_map(|(triple, Target { file, sha256 })| {
            let is_triple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            if triple.split('-').count() < 3 || !triple.chars().all(is_triple) {
                return Some(format!("{triple:?} is not a system like `x86_64-unknown-linux-gnu`"));
            }
            let name = file.strip_prefix(&format!("lib/{triple}/"));
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
            if !name.is_some_and(|name| !name.is_empty() && !name.starts_with('.') && name.chars().all(is_name)) {
                return Some(format!("the file {file:?} is not a name in the folder `lib/{triple}`"));
            }
            let is_digest = sha256.len() == 64 && sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            (!is_digest).then(|| format!("the SHA-256 {sha256:?} of {file} is not 64 hexadecimal digits"))
        })
    }
}

/// The system that this program runs on, as cargo names it: `x86_64-unknown-linux-gnu`.
pub fn target_triple() -> String {
    let arch = std::env::consts::ARCH;
    let environment = match () {
        () if cfg!(target_env = "musl") => "musl",
        () if cfg!(target_env = "msvc") => "msvc",
        () => "gnu",
    };
    match std::env::consts::OS {
        "macos" => format!("{arch}-apple-darwin"),
        "windows" => format!("{arch}-pc-windows-{environment}"),
        "linux" => format!("{arch}-unknown-linux-{environment}"),
        other => format!("{arch}-unknown-{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = "lib/x86_64-unknown-linux-gnu/libacme_filters.so".to_owned();
        Manifest {
            format: FORMAT,
            id: "acme-filters".to_owned(),
            version: "1.0.0".to_owned(),
            title: String::new(),
            doc: "Filters\nby Acme".to_owned(),
            authors: "Ada".to_owned(),
            license: "MIT".to_owned(),
            homepage: String::new(),
            abi: Abi { major: 1, min_minor: 0 },
            nodes: [("com.acme.gain".to_owned(), "Gain".to_owned())].into(),
            permissions: [Permission::ReadFiles].into(),
            targets: [("x86_64-unknown-linux-gnu".to_owned(), Target { file, sha256: "a".repeat(64) })].into(),
            public_key: None,
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let text = manifest().to_ron().unwrap();
        assert!(text.contains("Plugin(") && text.contains("\"com.acme.gain\": \"Gain\""), "{text}");
        assert!(!text.contains("homepage") && !text.contains("public_key"), "{text}");
        assert_eq!(Manifest::parse("plugin.ron", &text), Ok(manifest()));
    }

    #[test]
    fn what_no_manifest_can_say() {
        let text = manifest().to_ron().unwrap();
        let fails = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}\n{text}");
            Manifest::parse("plugin.ron", &text.replace(from, to)).unwrap_err().to_string()
        };
        let has = |from: &str, to: &str, expected: &str| {
            let error = fails(from, to);
            assert!(error.contains(expected), "{error}");
        };
        has("format: 1", "format: 2", "plugin.ron: format 2 is not known");
        has("license:", "licence:", "plugin.ron:8:5: Unexpected field named `licence`");
        has("acme-filters", "../p", "the id \"../p\" is not like");
        has("\"1.0.0\"", "\"\"", "the version is empty");
        has("\"Ada\"", "\"\\u{1b}[2J\"", "`authors` holds the control character '\\u{1b}'");
        has("com.acme.gain", "core.acme.gain", "ids that start with `core.` are the host's");
        has("com.acme.gain", "gain", "the node id \"gain\" is not like");
        has("\"Gain\"", "\"a gain\"", "the node name \"a gain\"");
        has("read_files", "root", "root");
        has("\"a", "\"b\\u{41}", "is not 64 hexadecimal digits");
        for file in ["/etc/passwd", "lib/../../x.so", "libacme.so", "lib/x86_64-unknown-linux-gnu/", "lib\\\\x.so"] {
            has("lib/x86_64-unknown-linux-gnu/libacme_filters.so", file, "is not a name in the folder");
        }
        has("\"x86_64-unknown-linux-gnu\": ", "\"../x-y-z\": ", "is not a system like");
        assert!(Manifest::parse("plugin.ron", "Plugin(").is_err());
        assert!(Manifest::parse("plugin.ron", &text.replace("Plugin(", "Trust(")).is_err());
    }
}
