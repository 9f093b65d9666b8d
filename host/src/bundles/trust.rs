//! Which plugins may run: `trust.ron` in the user's settings folder.
//!
//! ```ron
//! Trust(
//!     format: 1,
//!     plugins: {
//!         "acme-filters": (level: trusted, pin: Key("RWQ...")),
//!         "face-mesh": (level: isolated, pin: Sha256("9f86d0..."), permissions: [network]),
//!         "bad-one": (level: denied),
//!     },
//! )
//! ```

use super::error::BundleError;
use super::manifest::Permission;
use crate::platform;
use ron::error::SpannedError;
use ron::extensions::Extensions;
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The version of the file that this program writes and reads.
const FORMAT: u32 = 1;

/// Which plugins may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "Trust")]
pub struct Trust {
    format: u32,
    plugins: BTreeMap<String, Entry>,
}

/// What a user has said about a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Whether and where it runs.
    pub level: Level,
    /// What it must be to be the plugin that is meant. None if it is denied, whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// What it may do besides computing, when it is isolated.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub permissions: BTreeSet<Permission>,
}

/// Whether and where a plugin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// In this process, with all rights of the user.
    Trusted,
    /// In a process of its own.
    Isolated,
    /// Not at all.
    Denied,
}

/// By what a plugin is known again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pin {
    /// Whatever is signed with this minisign key: later versions, too.
    Key(String),
    /// Exactly the library of this SHA-256.
    Sha256(String),
}

/// What the policy says of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The user has said so.
    Level(Level),
    /// Nobody has said anything.
    Unknown,
    /// It is not what the user has trusted. Says how it differs.
    Changed(String),
}

impl Default for Trust {
    fn default() -> Self {
        Trust { format: FORMAT, plugins: BTreeMap::new() }
    }
}

impl Trust {
    /// Where the file is. It need not exist.
    pub fn usual_place() -> Option<PathBuf> {
        platform::config_folder().map(|folder| folder.join("trust.ron"))
    }

    /// Reads the file. One that is not there trusts nobody.
    ///
    /// # Errors
    /// If it is there and cannot be read: what it forbids must not be forgotten.
    pub fn open(path: &Path) -> Result<Trust, BundleError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Trust::default()),
            Err(error) => return Err(BundleError::Unreadable { path: path.to_owned(), reason: error.to_string() }),
        };
        let name = path.display().to_string();
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        let trust: Trust = options.from_str(&text).map_err(|SpannedError { code, span }| BundleError::Manifest {
            place: format!("{name}:{}:{}", span.start.line, span.start.col),
            problem: code.to_string(),
        })?;
        let unpinned = |(_, entry): &(&String, &Entry)| entry.level != Level::Denied && entry.pin.is_none();
        let problem = match trust.plugins.iter().find(unpinned) {
            _ if trust.format != FORMAT => {
                format!("format {} is not known, this program reads format {FORMAT}", trust.format)
            }
            Some((id, _)) => format!("{id} is trusted without a `pin`: Key(\"RW..\") or Sha256(\"..\")"),
            None => return Ok(trust),
        };
        Err(BundleError::Manifest { place: name, problem })
    }

    /// Writes the file, which others never see half written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), BundleError> {
        let layout = PrettyConfig::new().struct_names(true).extensions(Extensions::IMPLICIT_SOME);
        let fail = |reason: String| BundleError::Unwritable { path: path.to_owned(), reason };
        let text = ron::Options::default().to_string_pretty(self, layout).map_err(|error| fail(error.to_string()))?;
        let write = || {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(file, "// Which plugins may run; `selfsame plugin trust` writes this file.\n{text}")?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error).map(drop)
        };
        write().map_err(|error: std::io::Error| fail(error.to_string()))
    }

    /// What was said about a plugin.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.plugins.get(id)
    }

    /// Says something about a plugin.
    pub fn set(&mut self, id: &str, entry: Entry) {
        self.plugins.insert(id.to_owned(), entry);
    }

    /// Forgets what was said about a plugin. Gives whether anything was.
    pub fn forget(&mut self, id: &str) -> bool {
        self.plugins.remove(id).is_some()
    }

    /// The ids of the plugins that may run.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.plugins.iter().filter(|(_, entry)| entry.level != Level::Denied).map(|(id, _)| &**id)
    }

    /// What the policy says of a bundle with this id, the key whose signature was verified, and the digest of its
    /// library.
    pub fn judge(&self, id: &str, signer: Option<&str>, sha256: &str) -> Verdict {
        let Some(entry) = self.plugins.get(id) else { return Verdict::Unknown };
        let same = match (&entry.pin, signer) {
            (Some(Pin::Key(key)), Some(signer)) if key != signer => {
                Err(format!("it is signed with another key than when it was trusted: expected {key}, got {signer}"))
            }
            (Some(Pin::Key(key)), None) => {
                Err(format!("it was signed when it was trusted, with the key {key}, and is not signed now"))
            }
            (Some(Pin::Sha256(digest)), _) if digest != sha256 => {
                Err(format!("its library is another than when it was trusted: expected SHA-256 {digest}, got {sha256}"))
            }
            (None, _) => Err("nothing says what exactly was trusted".to_owned()),
            _ => Ok(()),
        };
        match same {
            _ if entry.level == Level::Denied => Verdict::Level(Level::Denied),
            Ok(()) => Verdict::Level(entry.level),
            Err(how) => Verdict::Changed(how),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(level: Level, pin: Option<Pin>) -> Entry {
        Entry { level, pin, permissions: BTreeSet::new() }
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/trust.ron");
        assert_eq!(Trust::open(&path), Ok(Trust::default()));
        let mut trust = Trust::default();
        trust.set("a", entry(Level::Trusted, Some(Pin::Key("RW".to_owned()))));
        trust.set("c", entry(Level::Denied, None));
        let network = [Permission::Network].into();
        trust.set("b", Entry { permissions: network, ..entry(Level::Isolated, Some(Pin::Sha256("ab".to_owned()))) });
        trust.save(&path).unwrap();
        assert_eq!(Trust::open(&path), Ok(trust.clone()));
        assert_eq!(trust.ids().collect::<Vec<_>>(), ["a", "b"]);
        assert!(trust.forget("a") && !trust.forget("a"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trust.ron");
        let fails = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Trust::open(&path).unwrap_err().to_string()
        };
        assert!(fails("Trust(format: 1, plugins: {\"a\": (level: admin)})").contains("trust.ron:1:"));
        assert!(fails("Trust(format: 2, plugins: {})").ends_with("format 2 is not known, this program reads format 1"));
        assert!(fails("Trust(format: 1, plugins: {\"a\": (level: trusted)})").contains("a is trusted without a `pin`"));
        assert!(fails("").contains("trust.ron:1:1"));
        assert!(Trust::open(folder.path()).is_err());
    }

    #[test]
    fn judgements() {
        let mut trust = Trust::default();
        trust.set("signed", entry(Level::Trusted, Some(Pin::Key("K1".to_owned()))));
        trust.set("pinned", entry(Level::Isolated, Some(Pin::Sha256("D1".to_owned()))));
        trust.set("denied", entry(Level::Denied, None));
        assert_eq!(trust.judge("other", Some("K1"), "D1"), Verdict::Unknown);
        assert_eq!(trust.judge("denied", Some("K1"), "D1"), Verdict::Level(Level::Denied));
        assert_eq!(trust.judge("signed", Some("K1"), "any"), Verdict::Level(Level::Trusted));
        assert_eq!(trust.judge("pinned", None, "D1"), Verdict::Level(Level::Isolated));
        let changed = |verdict: Verdict| match verdict {
            Verdict::Changed(how) => how,
            other => panic!("{other:?}"),
        };
        assert!(changed(trust.judge("signed", Some("K2"), "D1")).ends_with("expected K1, got K2"));
        assert!(changed(trust.judge("signed", None, "D1")).ends_with("with the key K1, and is not signed now"));
        assert!(changed(trust.judge("pinned", Some("K1"), "D2")).ends_with("expected SHA-256 D1, got D2"));
    }
}
