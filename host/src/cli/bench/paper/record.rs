//! What was found out so far: `paper.json` in the folder of results.

use super::experiment::Experiment;
use super::findings::{Bar, Findings};
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
    /// Networks by what they are.
    pub models: BTreeMap<String, String>,
    pub device: String,
}

impl Record {
    pub fn new(subject: Subject) -> Self {
        Record { subject, experiments: BTreeMap::new() }
    }

    /// What an earlier call left in a folder; nothing done if it left nothing.
    pub fn resume(folder: &Path, subject: Subject) -> Result<Self, Stop> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::new(subject)),
            read => read.map_err(|error| format!("cannot read {}: {error}", path.display())).or_stop(Exit::Wrong)?,
        };
        let known: Record = serde_json::from_str(&text)
            .map_err(|error| format!("{}: {error}\n  = hint: leave --resume away to begin anew", path.display()))
            .or_stop(Exit::Wrong)?;
        if known.subject != subject {
            let message = format!(
                "--resume: {} is of another evaluation\n  there: {}\n  now:   {}\n  = hint: leave --resume away to begin anew, or take \
                 another folder with --out",
                path.display(),
                known.subject.in_words(),
                subject.in_words()
            );
            return Err(Stop::new(Exit::Usage, message));
        }
        Ok(known)
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
        let row = |bar: &Bar| [bar.what.clone(), bar.got.clone(), bar.wanted.clone(), verdict(bar).to_owned()];
        let head = ["", "reached", "wanted", ""].map(str::to_owned);
        columns(&std::iter::once(head).chain(bars.map(row)).collect::<Vec<_>>())
    }
}

impl Subject {
    /// In a line.
    pub fn in_words(&self) -> String {
        let People { split, first, people } = self.people;
        let models: Vec<String> = self.models.iter().map(|(what, name)| format!("{what} {name}")).collect();
        let steps = self.steps.map(|steps| format!(", {steps} steps")).unwrap_or_default();
        let guidance = self.guidance.map(|scale| format!(", guidance {scale}")).unwrap_or_default();
        format!(
            "{people} people of the part `{}` from {first} on, seed {}{steps}{guidance}, {}, {} {}",
            split.name(),
            self.seed,
            models.join(", "),
            self.device,
            self.version
        )
    }
}

/// What is said of a figure.
pub fn verdict(bar: &Bar) -> &'static str {
    if bar.is_reached { "reached" } else { "missed" }
}

#[cfg(test)]
mod tests {
    use super::super::findings::As;
    use super::*;
    use mini_world::split::Split;

    pub fn subject(people: u64) -> Subject {
        Subject {
            version: "0".to_owned(),
            people: People { split: Split::Test, first: 0, people },
            seed: 7,
            steps: Some(2),
            guidance: None,
            models: BTreeMap::from([("checkpoint".to_owned(), "mini".to_owned())]),
            device: "cpu".to_owned(),
        }
    }

    #[test]
    fn an_evaluation_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Record::resume(folder.path(), subject(2)).unwrap();
        assert_eq!(nothing, Record::new(subject(2)));
        let mut record = nothing;
        let bars = vec![Bar::at_least("identity cosine", Some(0.5), 0.6, As::Number)];
        record.experiments.insert("identity".to_owned(), Findings { bars, ..Findings::default() });
        record.write(folder.path()).unwrap();
        assert_eq!(Record::resume(folder.path(), subject(2)).unwrap(), record);
        assert!(record.summary().contains("identity cosine  0.500    at least 0.600  missed"), "{}", record.summary());
        let other = Record::resume(folder.path(), subject(3)).unwrap_err();
        assert!(other.exit == Exit::Usage && other.message.contains("there: 2 people"), "{}", other.message);
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(Record::resume(folder.path(), subject(2)).unwrap_err().exit, Exit::Wrong);
    }
}
