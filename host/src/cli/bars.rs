//! Progress on a terminal: a bar for the whole run, and one for each node that runs.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use selfsame_host::Event;
use std::collections::HashMap;
use std::time::Duration;

/// The bars of a run.
pub struct Bars {
    screen: MultiProgress,
    all: ProgressBar,
    nodes: HashMap<String, ProgressBar>,
}

impl Bars {
    pub fn new() -> Self {
        let screen = MultiProgress::new();
        let all = screen.add(ProgressBar::no_length().with_style(style("{bar:30} {pos}/{len} nodes, {elapsed}")));
        Bars { screen, all, nodes: HashMap::new() }
    }

    /// Clears the screen of bars while something else is written.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.screen.suspend(write)
    }

    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted { nodes } => self.all.set_length(*nodes as u64),
            Event::NodeStarted { node, type_name, .. } => {
                let bar = ProgressBar::no_length().with_style(style("{spinner} {prefix} {elapsed}"));
                let bar = self.screen.insert_before(&self.all, bar.with_prefix(format!("{node} ({type_name})")));
                bar.enable_steady_tick(Duration::from_millis(200));
                self.nodes.insert((*node).to_owned(), bar);
            }
            Event::NodeProgress { node, done, total, label } => {
                if let Some(bar) = self.nodes.get(*node).filter(|_| *total > 0) {
                    if bar.length().is_none() {
                        bar.set_style(style("{spinner} {prefix} {bar:20} {pos}/{len} {msg} {per_sec}, {eta} left"));
                    }
                    bar.set_length(*total);
                    bar.set_message((*label).to_owned());
                    bar.set_position(*done);
                }
            }
            Event::NodeCached { .. } => self.all.inc(1),
            Event::NodeFinished { node, .. } => self.end(node),
            Event::NodeFailed(failure) => self.end(&failure.node),
            Event::RunFinished { .. } => {
                self.nodes.drain().for_each(|(_, bar)| bar.finish_and_clear());
                self.all.finish_and_clear();
            }
            _ => {}
        }
    }

    fn end(&mut self, node: &str) {
        if let Some(bar) = self.nodes.remove(node) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
        self.all.inc(1);
    }
}

/// A style from a template of this program.
pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("templates are constants that every run uses")
}
