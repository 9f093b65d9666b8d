//! Progress of fetching and checking: bars on a terminal, a few lines elsewhere.

use crate::cli::bars::style;
use crate::cli::output::tell;
use indicatif::{MultiProgress, ProgressBar};
use selfsame_host::models::{Event, Watch};
use selfsame_models::Cancel;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Shows what happens to files.
pub struct Progress<'a> {
    cancel: &'a Cancel,
    screen: MultiProgress,
    is_terminal: bool,
    files: Mutex<HashMap<PathBuf, File>>,
}

struct File {
    bar: ProgressBar,
    /// What happens to it: a new bar begins when that changes.
    doing: &'static str,
}

impl<'a> Progress<'a> {
    pub fn new(cancel: &'a Cancel) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Progress { cancel, screen: MultiProgress::new(), is_terminal, files: Mutex::default() }
    }

    /// Shows what `work` does, and clears the screen of bars.
    pub fn watch<T>(&self, work: impl FnOnce(&Watch) -> T) -> T {
        let cancelled = || self.cancel.check().is_err();
        let done = work(&Watch { event: &|path, event| self.event(path, event), cancelled: &cancelled });
        let _ = self.screen.clear();
        done
    }

    fn event(&self, path: &Path, event: Event) {
        match event {
            Event::Waiting => self.step(path, "waiting for another program that fetches", 0, None),
            Event::Checking { done, total } => self.step(path, "checking", done, Some(total)),
            Event::Fetching { done, total } => self.step(path, "fetching", done, total),
            Event::Retrying { reason, pause } => {
                let text = format!("{reason}; trying again in {} s", pause.as_secs().max(1));
                self.screen.suspend(|| tell(&format!("warning: {text}")));
            }
        }
    }

    fn step(&self, path: &Path, doing: &'static str, done: u64, total: Option<u64>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.get(path).is_none_or(|file| file.doing != doing) {
            if let Some(before) = files.remove(path) {
                before.bar.finish_and_clear();
            }
            // Checking is quick beside fetching, and its verdict follows.
            if !self.is_terminal && doing != "checking" {
                tell(&format!("{doing} {}", path.display()));
            }
            let bar = ProgressBar::no_length().with_prefix(format!("{doing} {}", path.display()));
            files.insert(path.to_owned(), File { bar: self.screen.add(bar), doing });
        }
        let Some(File { bar, .. }) = files.get(path) else { return };
        if let Some(total) = total.filter(|total| bar.length() != Some(*total)) {
            bar.set_style(style("{prefix}\n  {bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"));
            bar.set_length(total);
            // The rate is that of this session, not of what was there before.
            bar.set_position(done);
            bar.reset_eta();
        }
        bar.set_position(done);
    }
}
