//! What a run says while it goes on.

use super::bars::Bars;
use super::output;
use selfsame_host::{Event, Observer};
use selfsame_sdk::Level;
use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Tells a person: bars on a terminal; saved files as they appear, failures, and what nodes say, everywhere.
pub struct Person {
    state: Mutex<State>,
}

struct State {
    bars: Option<Bars>,
    /// Previews are written again and again; each is named once.
    previews: HashSet<PathBuf>,
}

impl Person {
    pub fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(Bars::new);
        Person { state: Mutex::new(State { bars, previews: HashSet::new() }) }
    }
}

impl Observer for Person {
    fn event(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match event {
            Event::Saved { path, .. } => Some(format!("saved {}", path.display())),
            Event::Preview { path, .. } if state.previews.insert(path.to_path_buf()) => {
                Some(format!("preview {}", path.display()))
            }
            _ => None,
        };
        let remark = remark(event);
        let say = || {
            // If results cannot be written, the files are there all the same.
            result.iter().for_each(|result| drop(output::print(result)));
            remark.iter().for_each(|remark| output::tell(remark));
        };
        match &mut state.bars {
            Some(bars) => {
                bars.event(event);
                if result.is_some() || remark.is_some() {
                    bars.suspend(say);
                }
            }
            None => say(),
        }
    }
}

/// Tells a program: each event as a line of JSON on standard output.
pub struct JsonLines;

impl Observer for JsonLines {
    fn event(&self, event: &Event) {
        // The run does not depend on whether somebody listens.
        match serde_json::to_string(event) {
            Ok(line) => drop(output::print(&line)),
            Err(error) => output::tell(&format!("warning: an event cannot be written as JSON: {error}")),
        }
        remark(event).iter().for_each(|remark| output::tell(remark));
    }
}

/// What belongs on standard error. Nodes may say anything, and in a terminal control characters are commands.
fn remark(event: &Event) -> Option<String> {
    let text = match event {
        Event::NodeFailed(failure) => Some(format!("error: {failure}")),
        Event::Log { node, level: Level::Warn, message } => Some(format!("warning: node `{node}`: {message}")),
        Event::Log { node, level: Level::Info, message } => Some(format!("node `{node}`: {message}")),
        _ => None,
    };
    Some(harmless(&text?))
}

fn harmless(text: &str) -> String {
    let is_command = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    text.replace(is_command, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_say_does_nothing_to_the_terminal() {
        let event = Event::Log { node: "a", level: Level::Warn, message: "\u{1b}[2J\rgood\nbye\u{9b}" };
        assert_eq!(remark(&event).unwrap(), "warning: node `a`: \u{fffd}[2J\u{fffd}good\nbye\u{fffd}");
    }
}
