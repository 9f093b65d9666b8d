//! Why a node ran.

use crate::cache::Ref;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a node ran although it, or one like it, may have run before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It runs for its effect.
    HasEffect,
    /// The same inputs may give something else.
    NotDeterministic,
    /// Nothing is known of an earlier run.
    FirstTime,
    /// Its type has another version than last time.
    OtherVersion,
    /// These inputs are not what they were.
    InputsChanged(Vec<String>),
    /// Inputs are as before, so a file that it reads has changed, or the device, or its result was forgotten.
    FilesChanged,
    /// Its result is known, but a node that runs needs the value, which is no longer kept.
    GivenUp,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::HasEffect => f.write_str("it runs for its effect, every time"),
            Reason::NotDeterministic => f.write_str("the same inputs may give something else, so it runs every time"),
            Reason::FirstTime => f.write_str("no earlier run of it is known"),
            Reason::OtherVersion => f.write_str("the node type has another version than last time"),
            Reason::InputsChanged(names) => {
                let (word, verb) = if names.len() == 1 { ("input", "is") } else { ("inputs", "are") };
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(
                    f,
                    "{word} {} {verb} not what {} last time",
                    names.join(", "),
                    if names.len() == 1 { "it was" } else { "they were" }
                )
            }
            Reason::FilesChanged => f.write_str("a file that it reads has changed, or its result is no longer known"),
            Reason::GivenUp => f.write_str("its result is known, but the value is needed and no longer kept"),
        }
    }
}

/// What a node was given, to compare the next run with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trace {
    pub version: u32,
    pub inputs: Vec<(String, Ref)>,
}

impl Trace {
    /// What is different from an earlier run.
    pub fn reasons(&self, before: Option<&Trace>) -> Reason {
        let Some(before) = before else { return Reason::FirstTime };
        if before.version != self.version {
            return Reason::OtherVersion;
        }
        let names = self.inputs.iter().chain(&before.inputs).map(|(name, _)| name);
        let changed = |name: &&String| !same(find(&self.inputs, name), find(&before.inputs, name));
        let mut changed: Vec<String> = names.filter(changed).cloned().collect();
        changed.sort_unstable();
        changed.dedup();
        if changed.is_empty() { Reason::FilesChanged } else { Reason::InputsChanged(changed) }
    }
}

fn find<'t>(inputs: &'t [(String, Ref)], name: &str) -> Option<&'t Ref> {
    inputs.iter().find(|(input, _)| input == name).map(|(_, value)| value)
}

fn same(one: Option<&Ref>, other: Option<&Ref>) -> bool {
    let key = |value: &Ref| {
        let mut key = crate::key::KeyBuilder::new("trace");
        value.add_to(&mut key);
        key.finish()
    };
    one.map(key) == other.map(key)
}
