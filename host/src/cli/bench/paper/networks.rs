//! The networks of an evaluation: what exactly they are, and of whom they have learned.

use super::people::People;
use crate::cli::exit::{Exit, OrStop, Stop};
use selfsame_host::models::{bundled_file, digest, digest_of};
use selfsame_models::weights;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use std::path::Path;

/// In the folder of a model, or beside one that is a file: the people that its networks, and all that were trained with them, have
/// learned from.
const TRAINED_ON: &str = "people.json";

/// The same in the metadata of a safetensors file.
const KEY: &str = "people";

/// A network, or several that are one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What it is called on the command line; of a judge that comes with the program, its file there.
    pub name: String,
    /// The digest of all its files.
    pub sha256: String,
}

impl Network {
    /// One that lies at a path.
    ///
    /// # Errors
    /// If it knows one of these people, does not say whom it knows, or cannot be read.
    pub fn at(path: &Path, name: &str, people: &People) -> Result<Self, Stop> {
        people.check(name, told(path))?;
        let sha256 = digest(path).map_err(|error| cannot_read(path, &error)).or_stop(Exit::Wrong)?;
        Ok(Network { name: name.to_owned(), sha256 })
    }

    /// One of those who judge: a file of one's own, or the one of this path in the program.
    ///
    /// # Errors
    /// As [`Network::at`].
    pub fn judge(own: Option<&Path>, bundled: &str, people: &People) -> Result<Self, Stop> {
        if let Some(path) = own {
            return Self::at(path, &path.display().to_string(), people);
        }
        let beside = Path::new(bundled).with_file_name(TRAINED_ON);
        let text = beside.to_str().and_then(bundled_file).and_then(|text| std::str::from_utf8(text).ok());
        people.check(bundled, text.map(str::to_owned).ok_or(format!("there is no {}", beside.display())))?;
        let sha256 = digest_of(&mut bundled_file(bundled).unwrap_or_default()).or_stop(Exit::Wrong)?;
        Ok(Network { name: bundled.to_owned(), sha256 })
    }

    /// Whether this file is one of a model's.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn is_in(&self, model: &Path) -> Result<bool, Stop> {
        let cannot = |error| cannot_read(model, &error);
        if !model.is_dir() {
            return Ok(digest(model).map_err(cannot).or_stop(Exit::Wrong)? == self.sha256);
        }
        for entry in std::fs::read_dir(model).map_err(cannot).or_stop(Exit::Wrong)? {
            if self.is_in(&entry.map_err(cannot).or_stop(Exit::Wrong)?.path())? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// With as much of the digest as tells networks apart.
impl Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.name, self.sha256.get(..12).unwrap_or(&self.sha256))
    }
}

/// What a model says of those it has learned from; or why it says nothing.
fn told(model: &Path) -> Result<String, String> {
    if model.extension().is_some_and(|extension| extension == "safetensors") && model.is_file() {
        let source = weights::open(model).map_err(|error| error.to_string())?;
        let text = source.metadata().get(KEY).cloned();
        return text.ok_or_else(|| format!("the metadata of {} have no `{KEY}`", model.display()));
    }
    let path = if model.is_dir() { model.join(TRAINED_ON) } else { model.with_file_name(TRAINED_ON) };
    std::fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))
}

fn cannot_read(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mini_world::split::Split;

    const PEOPLE: People = People { split: Split::Test, first: 0, people: 10 };
    const OTHERS: &str = r#"{"split":"train","first":0,"people":4000}"#;
    const KNOWN: &str = r#"{"split":"test","first":9,"people":1}"#;

    /// A safetensors file of no tensors.
    fn safetensors(metadata: &serde_json::Value) -> Vec<u8> {
        let header = serde_json::json!({ "__metadata__": metadata }).to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat()
    }

    #[test]
    fn every_network_says_of_whom_it_has_learned() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("network.onnx"), "network").unwrap();
        let file = |people: &str| {
            std::fs::write(at("adapter.safetensors"), safetensors(&serde_json::json!({ "people": people }))).unwrap();
            Network::at(&at("adapter.safetensors"), "adapter", &PEOPLE)
        };
        let network = |name: &str| Network::at(&at(name), name, &PEOPLE);
        for silent in [network("."), network("network.onnx"), network("nothing"), file(""), file("{}")] {
            let stop = silent.unwrap_err();
            assert!(
                stop.exit == Exit::Wrong && stop.message.contains("does not say on whom it was trained"),
                "{stop:?}"
            );
        }
        std::fs::write(at("adapter.safetensors"), safetensors(&serde_json::json!({}))).unwrap();
        assert!(network("adapter.safetensors").unwrap_err().message.contains("have no `people`"));
        std::fs::write(at(TRAINED_ON), KNOWN).unwrap();
        for knows in [network("."), network("network.onnx"), file(KNOWN)] {
            let stop = knows.unwrap_err();
            assert!(stop.exit == Exit::Usage && stop.message.contains("person 9 of the part `test`"), "{stop:?}");
        }
        std::fs::write(at(TRAINED_ON), OTHERS).unwrap();
        for good in [network("."), network("network.onnx"), file(OTHERS)] {
            assert_eq!(good.unwrap().sha256.len(), 64);
        }
    }

    #[test]
    fn a_judge_is_none_of_those_who_are_judged() {
        let (pack, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(pack.path().join("inner")).unwrap();
        std::fs::write(pack.path().join("inner/recogniser.onnx"), "recogniser").unwrap();
        std::fs::write(own.path().join(TRAINED_ON), OTHERS).unwrap();
        let judge = |text: &str| {
            std::fs::write(own.path().join("judge.onnx"), text).unwrap();
            Network::judge(Some(&own.path().join("judge.onnx")), "", &PEOPLE).unwrap()
        };
        assert!(judge("recogniser").is_in(pack.path()).unwrap());
        assert!(!judge("another").is_in(pack.path()).unwrap());
    }

    #[test]
    fn the_judges_that_come_with_the_program_have_names_and_digests() {
        let judge = Network::judge(None, "judges/mini-judge.onnx", &PEOPLE).unwrap();
        assert_eq!(judge.to_string(), format!("`judges/mini-judge.onnx` ({})", &judge.sha256[..12]));
    }
}
