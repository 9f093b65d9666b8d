//! How a command ends.

use std::fmt::Display;

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something is wrong with a graph, a model, a plugin or another file.
    Wrong = 1,
    /// Something is wrong with the command line, the environment or the settings file.
    Usage = 2,
    /// A node failed.
    NodeFailed = 3,
    /// Cancelled.
    Cancelled = 4,
}

/// Why a command cannot go on.
#[derive(Debug)]
pub struct Stop {
    pub exit: Exit,
    /// For the user, as it is shown.
    pub message: String,
}

impl Stop {
    /// With `error: ` before the message.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Stop { exit, message: format!("error: {message}") }
    }
}

/// Results whose error ends the command.
pub trait OrStop<T> {
    /// Ends the command with this exit code.
    fn or_stop(self, exit: Exit) -> Result<T, Stop>;
}

impl<T, E: Display> OrStop<T> for Result<T, E> {
    fn or_stop(self, exit: Exit) -> Result<T, Stop> {
        self.map_err(|error| Stop::new(exit, error))
    }
}
