//! Who is for training, and who is for judging what was trained: people of different parts are different by construction.

use crate::identity::Identity;
use serde::{Deserialize, Serialize};

/// People of one part; their places in it count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Networks learn from these.
    Train,
    /// Choices about training are made with these.
    Val,
    /// Results are told of these, and nothing else may be done with them.
    Test,
}

impl Split {
    /// How many people each part has: their seeds fill a range that no other part reaches.
    pub const PEOPLE: u64 = 1 << 32;

    /// The seed of somebody, by the place in this part.
    ///
    /// # Panics
    /// If there are not so many people: [`Split::PEOPLE`].
    pub fn seed(self, place: u64) -> u64 {
        assert!(place < Self::PEOPLE, "person {place}: a part has {} people", Self::PEOPLE);
        self as u64 * Self::PEOPLE + place
    }

    /// Somebody, by the place in this part.
    ///
    /// # Panics
    /// As [`Split::seed`].
    pub fn identity(self, place: u64) -> Identity {
        Identity::new(self.seed(place))
    }

    /// What it is called in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_meet() {
        let last = Split::PEOPLE - 1;
        assert!(Split::Train.seed(last) < Split::Val.seed(0) && Split::Val.seed(last) < Split::Test.seed(0));
    }
}
