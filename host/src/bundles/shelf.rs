//! All bundles that are there, and which of them may run.

use super::bundle::Bundle;
use super::error::BundleError;
use super::folders::{Folders, Origin};
use super::id::look_alike;
use super::manifest::target_triple;
use super::scans::{Outcome, Scans};
use super::trust::{Level, Trust, Verdict};
use crate::plugin::LibraryBytes;
use selfsame_graphs::{KnownPlugin, Unusable};
use std::path::{Path, PathBuf};

/// By what bundles are judged.
pub struct Rules<'a> {
    /// What the user has said.
    pub trust: &'a Trust,
    /// What happened when libraries were looked at.
    pub scans: &'a Scans,
    /// Plugins of which nobody has said anything run, each in a process of its own.
    pub allow_unsigned: bool,
    /// Every plugin runs in a process of its own, trusted ones too.
    pub isolate: bool,
}

impl<'a> Rules<'a> {
    /// What the user has said, and nothing else.
    pub fn new(trust: &'a Trust, scans: &'a Scans) -> Self {
        Rules { trust, scans, allow_unsigned: false, isolate: false }
    }
}

/// All bundles that are there, in the order in which they count.
#[derive(Debug, Default)]
pub struct Shelf {
    /// The bundles.
    pub found: Vec<Found>,
    /// What should be looked at: names that could be taken for others, ids that several bundles have.
    pub warnings: Vec<String>,
}

/// A bundle that is there.
#[derive(Debug)]
pub struct Found {
    /// Its folder.
    pub path: PathBuf,
    /// Who named it, or the folder that it is in.
    pub origin: Origin,
    /// What it is, if its manifest can be read.
    pub bundle: Option<Bundle>,
    /// Whether it may run.
    pub state: State,
    /// Its library, if it may run.
    pub library: Option<LibraryBytes>,
}

/// Whether a bundle may run, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs in this process.
    Trusted,
    /// It runs in a process of its own.
    Isolated,
    /// Nobody has said that it may run.
    Unknown,
    /// The user has said that it must not run.
    Denied,
    /// It is not what the user has trusted.
    Changed(String),
    /// It is not what it says it is: a digest or the signature does not fit.
    Tampered(String),
    /// It crashed when it was looked at.
    Quarantined(String),
    /// It has no library for this system.
    NoTarget(String),
    /// It is for another version of the plugin boundary.
    WrongAbi(String),
    /// It cannot be read, or cannot be loaded.
    Broken(String),
    /// Another plugin of this id was found before.
    Shadowed(PathBuf),
}

impl State {
    /// Its name in lists.
    pub fn name(&self) -> &'static str {
        match self {
            State::Trusted => "trusted",
            State::Isolated => "isolated",
            State::Unknown => "unknown",
            State::Denied => "denied",
            State::Changed(_) => "changed",
            State::Tampered(_) => "tampered",
            State::Quarantined(_) => "quarantined",
            State::NoTarget(_) => "missing target",
            State::WrongAbi(_) => "wrong ABI",
            State::Broken(_) => "broken",
            State::Shadowed(_) => "shadowed",
        }
    }

    /// Why it does not run, as the end of a sentence; none if it does.
    pub fn why(&self) -> Option<String> {
        Some(match self {
            State::Trusted | State::Isolated => return None,
            State::Unknown => "it is not trusted yet".to_owned(),
            State::Denied => "it is denied in trust.ron".to_owned(),
            State::Changed(why)
            | State::Tampered(why)
            | State::NoTarget(why)
            | State::WrongAbi(why)
            | State::Broken(why) => why.clone(),
            State::Quarantined(why) => format!("it is quarantined, since it did not survive a look at it: {why}"),
            State::Shadowed(by) => format!("{} has the same id and was found before", by.display()),
        })
    }

    /// What to do about it. `what` is what commands find it by: its id, or its folder.
    pub fn hint(&self, what: &str) -> Option<String> {
        Some(match self {
            State::Unknown => {
                format!("`selfsame plugin info {what}` says what it is, `selfsame plugin trust {what}` lets it run")
            }
            State::Denied => format!("`selfsame plugin trust {what}` lets it run"),
            State::Changed(_) => format!(
                "if you know why, `selfsame plugin trust {what} --yes` trusts it as it is now; else remove it and get \
                 it anew from its author"
            ),
            State::Tampered(_) => "remove it, and get it anew from its author".to_owned(),
            State::Quarantined(_) => format!(
                "its quarantine ends when its library changes, or a look at it goes well: `selfsame plugin check {what}`"
            ),
            State::NoTarget(_) => "ask its author for a library for this system".to_owned(),
            State::WrongAbi(_) => "get a version of the plugin, or of this program, that fits".to_owned(),
            State::Trusted | State::Isolated | State::Broken(_) | State::Shadowed(_) => return None,
        })
    }
}

impl Found {
    /// The id of the plugin; the name of the folder if nothing better is known.
    pub fn id(&self) -> &str {
        let named = || self.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        self.bundle.as_ref().map_or_else(named, |bundle| &bundle.manifest().id)
    }

    /// What to do about its state.
    pub fn hint(&self) -> Option<String> {
        match self.origin {
            // An id finds only what lies in the folders that are searched.
            Origin::Named | Origin::Elsewhere => self.state.hint(&self.path.display().to_string()),
            _ => self.state.hint(self.id()),
        }
    }

    /// What graphs are told of it. A plugin that could be loaded tells its node types itself.
    pub fn unusable(&self) -> Option<KnownPlugin> {
        let (why, id, hint) = (self.state.why()?, self.id(), self.hint());
        let manifest = self.bundle.as_ref().map(Bundle::manifest);
        let nodes = manifest.into_iter().flat_map(|manifest| manifest.nodes.clone()).collect();
        let version = manifest.map(|manifest| manifest.version.clone()).unwrap_or_default();
        Some(KnownPlugin { id: id.to_owned(), version, nodes, unusable: Some(Unusable { why, hint }) })
    }

    /// What somebody has to see before anything else is done: a plugin is not what was trusted, or not what it says it is.
    pub fn alarm(&self) -> Option<String> {
        let (State::Changed(why) | State::Tampered(why)) = &self.state else { return None };
        let hint = self.hint().unwrap_or_default();
        Some(format!("plugin {} in {} is refused: {why}\n  = hint: {hint}", self.id(), self.path.display()))
    }
}

impl Shelf {
    /// Looks at the bundles that are `named`, and then at those in the folders. `taken` are ids of plugins that go before
    /// them all, with their paths. Nothing of any plugin runs.
    pub fn look(named: &[PathBuf], folders: &Folders, taken: &[(String, PathBuf)], rules: &Rules) -> Shelf {
        let named = named.iter().map(|path| (path.clone(), Origin::Named));
        let mut shelf = Shelf::default();
        let mut taken = taken.to_vec();
        let mut seen: Vec<PathBuf> = Vec::new();
        for (path, origin) in named.chain(folders.bundles()) {
            // One bundle by two ways is one.
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            let mut found = look_at(path, origin, rules);
            if let Some(bundle) = &found.bundle {
                let id = bundle.manifest().id.clone();
                match taken.iter().find(|(other, _)| *other == id) {
                    Some((_, first)) => {
                        let (used, not) = (first.display(), found.path.display());
                        shelf.warnings.push(format!("plugin {id} is there twice: {used} is used, {not} is not"));
                        (found.state, found.library) = (State::Shadowed(first.clone()), None);
                    }
                    None => taken.push((id, found.path.clone())),
                }
            }
            shelf.found.push(found);
        }
        shelf.warn_of_look_alikes(rules.trust);
        shelf
    }

    /// One bundle, which is only looked at where it lies.
    pub fn aside(path: PathBuf, rules: &Rules) -> Shelf {
        let found = vec![look_at(path, Origin::Elsewhere, rules)];
        let mut shelf = Shelf { found, warnings: Vec::new() };
        shelf.warn_of_look_alikes(rules.trust);
        shelf
    }

    /// The bundle in this folder.
    pub fn at(&self, path: &Path) -> Option<&Found> {
        let real = path.canonicalize().ok()?;
        self.found.iter().find(|found| found.path.canonicalize().is_ok_and(|other| other == real))
    }

    /// The plugin with this id that counts.
    pub fn get(&self, id: &str) -> Option<&Found> {
        self.found.iter().find(|found| found.bundle.is_some() && found.id() == id)
    }

    /// Names that could be taken for those of trusted plugins.
    fn warn_of_look_alikes(&mut self, trust: &Trust) {
        for found in self.found.iter().filter(|found| trust.get(found.id()).is_none()) {
            if let Some(known) = look_alike(found.id(), trust.ids()) {
                let (id, path) = (found.id(), found.path.display());
                let text = format!("plugin {id} in {path} has nearly the name of the trusted plugin {known}");
                self.warnings.push(text);
            }
        }
    }
}

fn look_at(path: PathBuf, origin: Origin, rules: &Rules) -> Found {
    match Bundle::open(&path) {
        Err(error) => {
            let state = State::Broken(error.to_string());
            Found { path, origin, bundle: None, state, library: None }
        }
        Ok(bundle) => {
            let judged = judge(&bundle, origin, rules);
            let (state, library) = judged.map_or_else(|state| (state, None), |(state, library)| (state, Some(library)));
            Found { path, origin, bundle: Some(bundle), state, library }
        }
    }
}

/// What may run, with its library; else why not.
fn judge(bundle: &Bundle, origin: Origin, rules: &Rules) -> Result<(State, LibraryBytes), State> {
    let manifest = bundle.manifest();
    let entry = rules.trust.get(&manifest.id);
    if entry.is_some_and(|entry| entry.level == Level::Denied) {
        return Err(State::Denied);
    }
    bundle.check_abi().map_err(|error| State::WrongAbi(error.to_string()))?;
    let triple = target_triple();
    manifest.target(&triple).map_err(|error| State::NoTarget(error.to_string()))?;
    // Whoever names a bundle on the command line has said that it may run.
    let may_run = origin == Origin::Named || rules.allow_unsigned;
    if entry.is_none() && !may_run {
        return Err(crashed(bundle, &triple, rules).unwrap_or(State::Unknown));
    }
    let tampered = |error: BundleError| State::Tampered(error.to_string());
    let signer = bundle.signer().map_err(tampered)?;
    let library = bundle.library(&triple).map_err(tampered)?;
    let state = match rules.trust.judge(&manifest.id, signer, &library.sha256) {
        Verdict::Level(Level::Trusted) if !rules.isolate => State::Trusted,
        Verdict::Unknown if origin == Origin::Named && !rules.isolate => State::Trusted,
        Verdict::Level(Level::Trusted | Level::Isolated) | Verdict::Unknown => State::Isolated,
        Verdict::Level(Level::Denied) => return Err(State::Denied),
        Verdict::Changed(how) => return Err(State::Changed(how)),
    };
    quarantined(&library, rules).map_or(Ok((state, library)), Err)
}

/// Whether a plugin of which nobody has said anything crashed when it was looked at; few were.
fn crashed(bundle: &Bundle, triple: &str, rules: &Rules) -> Option<State> {
    let file = &bundle.manifest().target(triple).ok()?.file;
    if !rules.scans.mentions(&bundle.folder().join(file)) {
        return None;
    }
    quarantined(&bundle.library(triple).ok()?, rules)
}

fn quarantined(library: &LibraryBytes, rules: &Rules) -> Option<State> {
    match rules.scans.known(library) {
        Some(Outcome::Crashed(why)) => Some(State::Quarantined(why.clone())),
        _ => None,
    }
}
