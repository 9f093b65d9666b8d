//! Checking model files against what is known about them.

use super::digest::{hash, hex};
use super::{Catalogue, Event, Folders, Model, ModelFile, Watch};
use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its SHA-256 is the right one.
    Good,
    /// Its digest is not known; its length, if known, is right.
    NoKnownDigest {
        /// Its SHA-256.
        sha256: String,
    },
    /// Another file, or a damaged one.
    WrongDigest {
        /// The SHA-256 that it should have.
        expected: String,
        /// The one that it has.
        got: String,
    },
    /// Another file, or an incomplete one.
    WrongSize {
        /// The length that it should have.
        expected: u64,
        /// The one that it has.
        got: u64,
    },
    /// A repository was cloned without its large files.
    LfsPointer,
    /// A browser or a script saved a web page under this name.
    HtmlPage,
    /// There is no such file.
    Missing,
    /// It could not be read.
    Unreadable(String),
    /// The caller asked to stop.
    Cancelled,
}

impl Verdict {
    /// Whether nothing speaks against the file.
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Good | Self::NoKnownDigest { .. })
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Good => f.write_str("ok"),
            Self::NoKnownDigest { sha256 } => write!(f, "no known digest to compare with; its SHA-256 is {sha256}"),
            Self::WrongDigest { expected, got } => write!(f, "wrong digest: expected SHA-256 {expected}, got {got}"),
            Self::WrongSize { expected, got } => write!(f, "wrong size: expected {expected} bytes, got {got}"),
            Self::LfsPointer => f.write_str("a Git-LFS pointer, not the file itself"),
            Self::HtmlPage => f.write_str("a web page, not a model"),
            Self::Missing => f.write_str("missing"),
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// Checks every file of a model, wherever it lies below the models folders: its path (if it is missing, the path that
/// it would be fetched to) and what it is. Of a model that is part of the program there is nothing to check.
pub fn verify(folders: &Folders, model: &Model, watch: &Watch<'_>) -> Vec<(PathBuf, Verdict)> {
    let place = |file: &ModelFile| {
        let found = folders.find_exact(&file.kind, &file.name);
        found.unwrap_or_else(|| folders.destination().unwrap_or(Path::new("")).join(file.path()))
    };
    model
        .fetched()
        .iter()
        .map(|file| (place(file), file))
        .map(|(path, file)| (path.clone(), check(&path, file, watch)))
        .collect()
}

/// A file of which only the path is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The catalogue's model that it belongs to, by its digest, or else by its name.
    pub model: Option<String>,
    /// What it is. Without a model there is nothing to compare with.
    pub verdict: Verdict,
}

/// Finds out which file of the catalogue this one is, and whether it is whole.
pub fn identify(path: &Path, catalogue: &Catalogue, watch: &Watch<'_>) -> Identity {
    let unknown =
        ModelFile { kind: String::new(), name: String::new(), from: String::new(), bytes: None, sha256: None };
    let verdict = check(path, &unknown, watch);
    let all = || catalogue.models().iter().flat_map(|model| model.fetched().iter().map(move |file| (model, file)));
    if let Verdict::NoKnownDigest { sha256: got } = &verdict {
        if let Some((model, _)) = all().find(|(_, file)| file.sha256.as_ref() == Some(got)) {
            return Identity { model: Some(model.name.clone()), verdict: Verdict::Good };
        }
        if let Some((model, file)) = all().find(|(_, file)| path.ends_with(&file.name)) {
            let verdict = match &file.sha256 {
                Some(expected) => Verdict::WrongDigest { expected: expected.clone(), got: got.clone() },
                None => verdict,
            };
            return Identity { model: Some(model.name.clone()), verdict };
        }
    }
    Identity { model: None, verdict }
}

/// Compares the file at `path` with what the catalogue says of it.
pub(crate) fn check(path: &Path, expected: &ModelFile, watch: &Watch<'_>) -> Verdict {
    let compare = || -> std::io::Result<Verdict> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = Vec::new();
        file.by_ref().take(512).read_to_end(&mut head)?;
        if let Some(other) = sniff(&head) {
            return Ok(other);
        }
        if let Some(expected) = expected.bytes.filter(|bytes| *bytes != length) {
            return Ok(Verdict::WrongSize { expected, got: length });
        }
        file.rewind()?;
        let tick = |done| {
            (watch.event)(path, Event::Checking { done, total: length });
            !(watch.cancelled)()
        };
        let Some(sha) = hash(&mut file, &tick)? else { return Ok(Verdict::Cancelled) };
        let got = hex(sha);
        Ok(match &expected.sha256 {
            Some(expected) if *expected == got => Verdict::Good,
            Some(expected) => Verdict::WrongDigest { expected: expected.clone(), got },
            None => Verdict::NoKnownDigest { sha256: got },
        })
    };
    match compare() {
        Ok(verdict) => verdict,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Verdict::Missing,
        Err(e) => Verdict::Unreadable(e.to_string()),
    }
}

/// Tells by its first bytes what is often found in place of a model.
pub(crate) fn sniff(head: &[u8]) -> Option<Verdict> {
    if head.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some(Verdict::LfsPointer);
    }
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let html = [&b"<!doctype html"[..], b"<html", b"<head"];
    let page = html.iter().any(|tag| start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)));
    page.then_some(Verdict::HtmlPage)
}
