//! The models that the host knows how to fetch.

use super::bundled;
use super::find::stem;
use super::kind::{Kind, relative_parts};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The models of `catalogue.ron`, and those of the user's own files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    models: Vec<Model>,
}

/// One entry of the catalogue: what is fetched together, because it is used together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What `selfsame models pull` calls it.
    pub name: String,
    /// What it is for, in one line.
    pub purpose: String,
    /// Whether it is part of the program, so that nothing is fetched. Only the program's own catalogue may say so.
    #[serde(default)]
    pub bundled: bool,
    /// The repository on the hub: `owner/name`. Empty if it is part of the program.
    #[serde(default)]
    pub repository: String,
    /// A commit of the repository, or a branch where none is known to be right. Empty if it is part of the program.
    #[serde(default)]
    pub revision: String,
    /// Under which terms it may be used.
    pub licence: Licence,
    /// Its files.
    pub files: Vec<ModelFile>,
}

/// The terms of a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Its name.
    pub name: String,
    /// A page with its text, or where the authors state it.
    pub link: String,
    /// Whether the authors allow research only, whatever the licence's name says.
    pub research_only: bool,
}

impl std::fmt::Display for Licence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let research = if self.research_only { ", research only" } else { "" };
        write!(f, "{}{research} ({})", self.name, self.link)
    }
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Its [kind](Kind).
    pub kind: String,
    /// What graphs call it: its path below the kind's folder.
    pub name: String,
    /// Its path in the repository. Empty if it is part of the program.
    #[serde(default)]
    pub from: String,
    /// Its length, if known.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Its SHA-256 in lower-case hexadecimal digits, if known.
    #[serde(default)]
    pub sha256: Option<String>,
}

impl ModelFile {
    /// Its path below a models folder.
    pub fn path(&self) -> PathBuf {
        let folder = Kind::named(&self.kind).and_then(|kind| kind.folders.first()).copied().unwrap_or(&self.kind);
        folder.split('/').chain(self.name.split('/')).collect()
    }
}

impl Model {
    /// How much will be fetched at most; none if the length of a file is not known.
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// How much will be fetched, without the files whose lengths are not known.
    pub fn known_bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.bytes).sum()
    }
}

/// A catalogue that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct CatalogueError {
    /// The catalogue's file.
    pub file: String,
    /// What is wrong with it, with the place or the model's name.
    pub problem: String,
}

impl Catalogue {
    /// The catalogue that comes with the program.
    pub fn builtin() -> Self {
        let text = include_str!("catalogue.ron");
        let mut catalogue = Self::read("catalogue.ron", text).expect("a test reads this very text");
        for file in catalogue.models.iter_mut().filter(|model| model.bundled).flat_map(|model| &mut model.files) {
            file.bytes = bundled::bytes_of(&file.path());
        }
        catalogue
    }

    /// Reads a catalogue from its text: a RON list of [`Model`]s. `file` is its name in messages.
    ///
    /// # Errors
    /// If it is not RON, or says something that cannot be right.
    pub fn parse(file: &str, text: &str) -> Result<Self, CatalogueError> {
        let catalogue = Self::read(file, text)?;
        match catalogue.models.iter().find(|model| model.bundled) {
            Some(model) => Err(CatalogueError {
                file: file.to_string(),
                problem: format!("model `{}`: only models that come with the program are bundled", model.name),
            }),
            None => Ok(catalogue),
        }
    }

    fn read(file: &str, text: &str) -> Result<Self, CatalogueError> {
        let fail = |problem: String| CatalogueError { file: file.to_string(), problem };
        let models: Vec<Model> = ron::from_str(text).map_err(|e| fail(e.to_string()))?;
        for (index, model) in models.iter().enumerate() {
            model.check().map_err(|problem| fail(format!("model `{}`: {problem}", model.name)))?;
            if models.iter().take(index).any(|other| other.name == model.name) {
                return Err(fail(format!("model `{}` is there twice", model.name)));
            }
        }
        Ok(Self { models })
    }

    /// Adds the models of a user's catalogue file. Those with a name that is there already replace it.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Self::parse`].
    pub fn extend(&mut self, file: &Path) -> Result<(), CatalogueError> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|e| CatalogueError { file: name.clone(), problem: format!("cannot be read: {e}") })?;
        for model in Self::parse(&name, &text)?.models {
            self.models.retain(|known| known.name != model.name);
            self.models.push(model);
        }
        Ok(())
    }

    /// All models in their order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of this name.
    ///
    /// # Errors
    /// With the nearest name, if there is none.
    pub fn get(&self, name: &str) -> Result<&Model, UnknownModel> {
        self.models.iter().find(|model| model.name == name).ok_or_else(|| UnknownModel {
            name: name.to_string(),
            near: selfsame_graphs::nearest(name, self.models.iter().map(|m| m.name.as_str())).map(str::to_string),
        })
    }

    /// The model to fetch for the file which a graph calls `name`: one that holds it, or whose own name that is.
    pub(crate) fn holding(&self, kind: &str, name: &str) -> Option<&Model> {
        let kind = Kind::named(kind)?.name;
        let called = |file: &ModelFile| {
            // A folder model is named by its folder: `antelopev2`.
            let folder = file.name.split_once('/').map(|(folder, _)| folder);
            stem(&file.name).eq_ignore_ascii_case(stem(name)) || folder.is_some_and(|f| f.eq_ignore_ascii_case(name))
        };
        let of_kind = |model: &&Model| model.fetched().iter().any(|file| file.kind == kind);
        self.models.iter().filter(of_kind).find(|model| {
            model.name.eq_ignore_ascii_case(stem(name)) || model.files.iter().any(|f| f.kind == kind && called(f))
        })
    }
}

/// A name that no model of the catalogue has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no model `{name}` in the catalogue{}", .near.as_ref().map(|n| format!(", did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownModel {
    /// The name asked for.
    pub name: String,
    /// The name most like it.
    pub near: Option<String>,
}

impl Model {
    /// Its files that are fetched: none if it is part of the program.
    pub fn fetched(&self) -> &[ModelFile] {
        if self.bundled { &[] } else { &self.files }
    }

    /// A user's catalogue decides where files are written, so nothing in it may lead out of the models folder or to
    /// another place of the hub.
    fn check(&self) -> Result<(), String> {
        let plain = |text: &str| relative_parts(text).is_some_and(|parts| !text.contains('\\') && !parts.is_empty());
        let repository = relative_parts(&self.repository).is_some_and(|parts| parts.len() == 2);
        if relative_parts(&self.name).is_none_or(|parts| parts.len() != 1) {
            return Err("its name is empty or has a separator in it".into());
        }
        if !self.bundled && (!repository || !plain(&self.repository)) {
            return Err(format!("repository: expected `owner/name`, got `{}`", self.repository));
        }
        if !self.bundled && !plain(&self.revision) {
            return Err(format!("revision: expected a commit or a branch, got `{}`", self.revision));
        }
        if self.files.is_empty() {
            return Err("it has no files".into());
        }
        for file in &self.files {
            if Kind::named(&file.kind).is_none_or(|kind| kind.name != file.kind) {
                return Err(format!("file `{}`: unknown kind `{}`", file.name, file.kind));
            }
            for path in std::iter::once(&file.name).chain((!self.bundled).then_some(&file.from)) {
                if !plain(path) {
                    return Err(format!("expected a plain relative path, got `{path}`"));
                }
            }
            if let Some(sha256) = file.sha256.as_ref().filter(|digest| !is_sha256(digest)) {
                return Err(format!("file `{}`: sha256 must be 64 lower-case hex digits, got `{sha256}`", file.name));
            }
        }
        Ok(())
    }
}

/// Whether a text is a SHA-256 as this module writes them.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
