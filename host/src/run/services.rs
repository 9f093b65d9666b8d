//! The host's side of a node that runs.

use super::Run;
use crate::cache::FileRead;
use crate::events::Event;
use crate::lock;
use selfsame_nodes::image::encode::{Depth, Frame, frames};
use selfsame_nodes::{Sessions, model_weights};
use selfsame_sdk::{Error, Image, Level, MakeShared, Object, Result, Services, Status, Tensor, WriteFile};
use std::any::{Any, TypeId};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Progress of one node is passed on at most this often.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// What one call may ask for.
pub(super) struct CallServices<'r> {
    pub run: &'r Run<'r>,
    pub node: usize,
    /// The files that the call has read, with their digests.
    pub files: Mutex<Vec<FileRead>>,
    /// It has asked what a path means in the folder of the graph.
    pub uses_folder: AtomicBool,
    pub last_progress: Mutex<Option<Instant>>,
    /// What its denoisers keep.
    pub sessions: Sessions,
}

impl<'r> CallServices<'r> {
    pub fn new(run: &'r Run<'r>, node: usize) -> Self {
        CallServices {
            run,
            node,
            files: Mutex::default(),
            uses_folder: AtomicBool::new(false),
            last_progress: Mutex::default(),
            sessions: Sessions::new(),
        }
    }

    fn saved(&self, path: &Path) {
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        lock(&self.run.saved).push(path.to_owned());
        self.run.emit(&Event::Saved { node: self.node_id(), path, bytes });
    }
}

impl Services for CallServices<'_> {
    fn node_id(&self) -> &str {
        &self.run.prepared.nodes[self.node].id
    }

    fn log(&self, level: Level, message: &str) {
        self.run.emit(&Event::Log { node: self.node_id(), level, message });
    }

    fn progress(&self, done: u64, total: u64, label: &str) {
        let now = Instant::now();
        let mut last = lock(&self.last_progress);
        if done < total && last.is_some_and(|last| now - last < PROGRESS_EVERY) {
            return;
        }
        *last = Some(now);
        self.run.emit(&Event::NodeProgress { node: self.node_id(), done, total, label });
    }

    fn preview(&self, image: &Image) {
        let name = format!("preview/{}", file_name(self.node_id()));
        let first = |frames: Vec<Frame>| match frames.first() {
            Some(frame) => frame.png(Depth::Eight, &[]),
            None => Err(Error::new("there is no picture")),
        };
        let png = frames(image).and_then(first);
        let written = png.and_then(|png| self.run.output.replace(&name, "png", &mut |out| Ok(out.write_all(&png)?)));
        match written {
            Ok(path) => self.run.emit(&Event::Preview { node: self.node_id(), path: &path }),
            Err(error) => self.log(Level::Warn, &format!("no preview: {error}")),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.run.cancel.check().is_err()
    }

    fn path(&self, path: &str) -> PathBuf {
        if Path::new(path).is_relative() {
            self.uses_folder.store(true, Ordering::Relaxed);
        }
        self.run.prepared.about.folder.join(path)
    }

    fn model(&self, kind: &str, name: &str) -> Result<PathBuf> {
        let found = self.run.host.find_model(kind, name);
        found.map_err(|missing| {
            let error = Error::with(Status::NotFound, missing.to_string());
            missing.hint().into_iter().fold(error, Error::hint)
        })
    }

    fn reads(&self, path: &Path) -> Result<String> {
        let digest = self.run.host.files().digest(path, &self.run.cancel).map_err(|error| {
            if self.is_cancelled() {
                return Error::cancelled();
            }
            let status = if error.kind() == std::io::ErrorKind::NotFound { Status::NotFound } else { Status::Internal };
            Error::with(status, format!("cannot read {}: {error}", path.display()))
        })?;
        lock(&self.files).push((path.to_owned(), digest.clone()));
        Ok(digest.as_ref().to_owned())
    }

    fn save(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf> {
        let path = self.run.output.save(name, extension, write)?;
        self.saved(&path);
        Ok(path)
    }

    fn metadata(&self) -> Vec<(String, String)> {
        self.run.metadata(self.node)
    }

    fn shared(&self, key: &str, make: MakeShared) -> Result<Arc<dyn Any + Send + Sync>> {
        self.run.host.shared(key, make)
    }

    fn interface(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        if id == TypeId::of::<selfsame_models::Cancel>() {
            return Some(&self.run.cancel);
        }
        if id == TypeId::of::<selfsame_models::Meter>() {
            return Some(&self.run.options.meter);
        }
        if id == TypeId::of::<Sessions>() {
            return Some(&self.sessions);
        }
        self.run.host.offer(id)
    }

    fn weights(&self, path: &Path) -> Result<Arc<dyn Object>> {
        model_weights::open(path)
    }

    fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        self.run.host.compute().linear(x, weight)
    }
}

/// The id of a node as a name that every system takes; different ids have different names.
fn file_name(id: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' => c.to_string(),
        c => format!("_{:x}_", u32::from(c)),
    };
    id.chars().map(letter).collect()
}
