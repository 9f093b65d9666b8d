//! What was found out so far: `paper.json` in the folder of results.

use super::experiment::Experiment;
use super::findings::{Bar, Findings};
use super::networks::Network;
use super::people::People;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::output::{columns, write_file};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const FILE: &str = "paper.json";

/// Everything that is known of an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub subject: Subject,
    /// The command lines that made it, one after another.
    pub commands: Vec<String>,
    /// By the name of the experiment.
    pub experiments: BTreeMap<String, Findings>,
}

/// What is evaluated: findings of one subject belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The version of the program.
    pub version: String,
    pub people: People,
    pub seed: u64,
    /// Where the graphs' own are not taken.
    pub steps: Option<usize>,
    pub guidance: Option<f64>,
    /// By what they are.
    pub models: BTreeMap<String, Network>,
    pub device: String,
}

impl Record {
    /// Of an evaluation that begins.
    ///
    /// # Errors
    /// If there is one in the folder.
    pub fn begin(folder: &Path, subject: Subject) -> Result<Self, Stop> {
        let path = folder.join(FILE);
        if path.exists() {
            let message = format!(
                "{}: an evaluation is there, which would be lost\n  = hint: go on with it with --resume, or take another folder with --out",
                path.display()
            );
            return Err(Stop::new(Exit::Usage, message));
        }
        Ok(Self::new(subject))
    }

    fn new(subject: Subject) -> Self {
        Record { subject, commands: Vec::new(), experiments: BTreeMap::new() }
    }

    /// What an earlier call left in a folder; nothing done if it left nothing.
    ///
    /// # Errors
    /// If that is of another evaluation.
    pub fn resume(folder: &Path, subject: Subject) -> Result<Self, Stop> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(subject)),
            read => read.map_err(|error| format!("cannot read {}: {error}", path.display())).or_stop(Exit::Wrong)?,
        };
        let known: Record = serde_json::from_str(&text)
            .map_err(|error| format!("{}: {error}\n  = hint: take another folder with --out", path.display()))
            .or_stop(Exit::Wrong)?;
        if known.subject != subject {
            let message = format!(
                "--resume: {} is of another evaluation{}\n  = hint: take another folder with --out, or what it was made with",
                path.display(),
                subject.differences(&known.subject)
            );
            return Err(Stop::new(Exit::Usage, message));
        }
        Ok(known)
    }

    /// Says what is made with this command line; once.
    pub fn made_by(&mut self, command: String) {
        if !self.commands.contains(&command) {
            self.commands.push(command);
        }
    }

    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) -> Result<(), Stop> {
        let text = serde_json::to_string_pretty(self).or_stop(Exit::Wrong)?;
        write_file(&folder.join(FILE), &(text + "\n"))
    }

    /// The experiments that were made, in their order.
    pub fn made(&self) -> impl Iterator<Item = (Experiment, &Findings)> {
        Experiment::ALL.iter().filter_map(|experiment| Some((*experiment, self.experiments.get(&experiment.name())?)))
    }

    /// What was aimed at and what was reached, a line each.
    pub fn summary(&self) -> String {
        let bars = self.made().flat_map(|(_, findings)| &findings.bars);
        let row = |bar: &Bar| [bar.what.clone(), bar.got.clone(), bar.wanted.clone(), bar.verdict()];
        let head = ["", "reached", "wanted", ""].map(str::to_owned);
        columns(&std::iter::once(head).chain(bars.map(row)).collect::<Vec<_>>())
    }
}

impl Subject {
    /// What this is and another one is not, a line each.
    fn differences(&self, expected: &Subject) -> String {
        let (expected, got) = (expected.facts(), self.facts());
        let differ = got.iter().filter(|(what, got)| expected.get(*what) != Some(*got));
        let line = |(what, got): (&String, &String)| {
            let expected = expected.get(what).map_or("none", String::as_str);
            format!("\n  {what}: expected {expected}, got {got}")
        };
        differ.map(line).collect()
    }

    fn facts(&self) -> BTreeMap<String, String> {
        let People { split, first, people } = self.people;
        let or_graphs = |value: Option<String>| value.unwrap_or("those of each graph".to_owned());
        let facts = [
            ("version", self.version.clone()),
            ("people", format!("{people} of the part `{}` from {first} on", split.name())),
            ("seed", self.seed.to_string()),
            ("steps", or_graphs(self.steps.map(|steps| steps.to_string()))),
            ("guidance", or_graphs(self.guidance.map(|scale| scale.to_string()))),
            ("device", self.device.clone()),
        ];
        let models = self.models.iter().map(|(what, network)| (what.clone(), network.to_string()));
        facts.into_iter().map(|(what, fact)| (what.to_owned(), fact)).chain(models).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::As;
    use super::*;
    use mini_world::split::Split;

    fn network(digit: char) -> Network {
        Network { name: "mini".to_owned(), sha256: digit.to_string().repeat(64) }
    }

    fn subject(people: u64) -> Subject {
        Subject {
            version: "0".to_owned(),
            people: People { split: Split::Test, first: 0, people },
            seed: 7,
            steps: Some(2),
            guidance: None,
            models: BTreeMap::from([("checkpoint".to_owned(), network('a'))]),
            device: "cpu".to_owned(),
        }
    }

    #[test]
    fn an_evaluation_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Record::resume(folder.path(), subject(2)).unwrap();
        assert_eq!(nothing, Record::begin(folder.path(), subject(2)).unwrap());
        let mut record = nothing;
        let bars = vec![Bar::at_least("identity cosine", Some(0.5), 0.6, As::Number)];
        record.experiments.insert("identity".to_owned(), Findings { bars, ..Findings::default() });
        record.write(folder.path()).unwrap();
        assert_eq!(Record::resume(folder.path(), subject(2)).unwrap(), record);
        assert!(record.summary().contains("identity cosine  0.500    at least 0.600  missed"), "{}", record.summary());
        let other = |subject: Subject| {
            let stop = Record::resume(folder.path(), subject).unwrap_err();
            assert_eq!(stop.exit, Exit::Usage);
            stop.message.lines().filter(|line| line.contains("expected")).map(str::trim).collect::<Vec<_>>().join("; ")
        };
        let people = "people: expected 2 of the part `test` from 0 on, got 3 of the part `test` from 0 on";
        assert_eq!(other(subject(3)), people);
        // The same name, another network.
        let retrained = Subject { models: BTreeMap::from([("checkpoint".to_owned(), network('b'))]), ..subject(2) };
        let models = "checkpoint: expected `mini` (aaaaaaaaaaaa), got `mini` (bbbbbbbbbbbb)";
        assert_eq!(other(retrained.clone()), models);
        let all = format!("{models}; guidance: expected those of each graph, got 4.5; seed: expected 7, got 8");
        assert_eq!(other(Subject { guidance: Some(4.5), seed: 8, ..retrained }), all);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Record::resume(folder.path(), subject(2)).unwrap_err().exit, Exit::Wrong);
    }

    #[test]
    fn an_evaluation_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::begin(folder.path(), subject(2)).unwrap();
        for line in ["bench paper", "bench paper --resume", "bench paper --resume"] {
            record.made_by(line.to_owned());
        }
        assert_eq!(record.commands, ["bench paper", "bench paper --resume"]);
        record.write(folder.path()).unwrap();
        let stop = Record::begin(folder.path(), subject(2)).unwrap_err();
        assert!(stop.exit == Exit::Usage && stop.message.contains("go on with it with --resume"), "{}", stop.message);
    }
}
