//! Progress on a terminal: a bar for the whole run, and one for each node that runs.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use selfsame_host::Event;
use std::collections::HashSet;
use std::time::Duration;

/// The bars of a run.
pub struct Bars {
    screen: MultiProgress,
    all: ProgressBar,
    /// The nodes that run, in the order in which they began; those with steps have a bar.
    running: Vec<(String, Option<ProgressBar>)>,
    /// The nodes that count as done. One that fails for several elements of a list says so several times.
    done: HashSet<String>,
}

impl Bars {
    pub fn new() -> Self {
        let screen = MultiProgress::new();
        let all = screen.add(ProgressBar::no_length());
        all.set_style(style("{bar:30} {pos}/{len} nodes, {elapsed} {wide_msg}"));
        all.enable_steady_tick(Duration::from_millis(200));
        Bars { screen, all, running: Vec::new(), done: HashSet::new() }
    }

    /// Clears the screen of bars while something else is written.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.screen.suspend(write)
    }

    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted { nodes } => self.all.set_length(*nodes as u64),
            Event::NodeStarted { node, .. } => {
                self.running.push(((*node).to_owned(), None));
                self.name_running();
            }
            Event::NodeProgress { node, done, total, label } => self.step(node, *done, *total, label),
            Event::NodeCached { node, .. } => self.end(node),
            Event::NodeFinished { node, .. } => self.end(node),
            Event::NodeFailed(failure) => self.end(&failure.node),
            Event::RunFinished { .. } => {
                self.running.drain(..).filter_map(|(_, bar)| bar).for_each(|bar| bar.finish_and_clear());
                self.all.finish_and_clear();
            }
            _ => {}
        }
    }

    fn step(&mut self, node: &str, done: u64, total: u64, label: &str) {
        let Some((_, bar)) = self.running.iter_mut().find(|(running, _)| running == node) else { return };
        // A single step that is done needs no bar.
        if bar.is_none() && done < total {
            let new = self.screen.insert_before(&self.all, ProgressBar::new(total).with_prefix(node.to_owned()));
            new.set_style(style("{bar:30} {pos}/{len} {prefix}: {msg} {per_sec}, {eta} left"));
            *bar = Some(new);
        }
        if let Some(bar) = bar {
            bar.set_length(total);
            bar.set_message(label.to_owned());
            bar.set_position(done);
        }
    }

    fn end(&mut self, node: &str) {
        if self.done.insert(node.to_owned()) {
            self.all.inc(1);
        }
        let Some(at) = self.running.iter().position(|(running, _)| running == node) else { return };
        if let (_, Some(bar)) = self.running.remove(at) {
            bar.finish_and_clear();
            self.screen.remove(&bar);
        }
        self.name_running();
    }

    fn name_running(&self) {
        let names: Vec<&str> = self.running.iter().map(|(node, _)| node.as_str()).collect();
        self.all.set_message(names.join(", "));
    }
}

/// A style from a template of this program.
pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("templates are constants that every run uses")
}
