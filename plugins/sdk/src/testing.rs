//! A small host for the tests of nodes.
//!
//! ```
//! use selfsame_sdk::prelude::*;
//! use selfsame_sdk::testing::TestHost;
//!
//! /// Counts the letters of a text.
//! #[node(id = "com.acme.count", category = "text")]
//! #[output(count = "how many there are")]
//! fn count(
//!     ctx: Ctx,
//!     /// What is counted.
//!     text: String,
//! ) -> Result<i64> {
//!     ctx.progress(1, 1, "counted");
//!     Ok(text.chars().count() as i64)
//! }
//!
//! let host = TestHost::new();
//! assert_eq!(count(host.ctx(), "four".into())?, 4);
//! # Ok::<(), Error>(())
//! ```

use crate::{Ctx, Error, Image, Inputs, Level, MakeShared, NodeType, Result, Services, Slot, Status, Value, WriteFile};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A host that remembers what a node said, and keeps its files in a folder of the system's temporary files that goes
/// when the host goes.
pub struct TestHost {
    folder: PathBuf,
    cancelled: AtomicBool,
    said: Mutex<Said>,
    shared: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
    offers: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

/// What a node said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Messages.
    pub logs: Vec<(Level, String)>,
    /// Progress.
    pub progress: Vec<(u64, u64, String)>,
    /// Previews.
    pub previews: Vec<Image>,
    /// Files it depends on.
    pub reads: Vec<PathBuf>,
    /// Files it saved.
    pub saved: Vec<PathBuf>,
}

impl TestHost {
    /// A host with an empty folder.
    ///
    /// # Panics
    /// If there cannot be a folder of temporary files.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("selfsame-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("tests need a folder of temporary files");
        TestHost {
            folder,
            cancelled: AtomicBool::new(false),
            said: Mutex::default(),
            shared: Mutex::default(),
            offers: HashMap::new(),
        }
    }

    /// Offers something to nodes, see [`Ctx::get`].
    pub fn offer<T: Any + Send + Sync>(mut self, offer: T) -> Self {
        self.offers.insert(TypeId::of::<T>(), Box::new(offer));
        self
    }

    /// A context for a node.
    pub fn ctx(&self) -> Ctx<'_> {
        Ctx::new(self)
    }

    /// The folder that relative paths start from, and where saved files go.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Cancels whatever runs.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// What was said so far.
    pub fn said(&self) -> Said {
        self.lock().clone()
    }

    /// Runs a node with some inputs, by name; the others have their defaults. A lazy input is computed when it is asked
    /// for.
    ///
    /// # Errors
    /// What the node gives; if an input is unknown or missing.
    pub fn run(&self, node: &dyn NodeType, inputs: &[(&str, Value)]) -> Result<Vec<Value>> {
        let descriptor = node.descriptor();
        if let Some((name, _)) = inputs.iter().find(|(name, _)| descriptor.input_named(name).is_none()) {
            return Err(Error::new(format!("{} has no input `{name}`", descriptor.name)));
        }
        let mut asked: Vec<String> = Vec::new();
        loop {
            let mut slots = Vec::new();
            for port in &descriptor.inputs {
                let given = inputs.iter().find(|(name, _)| *name == port.name).map(|(_, value)| value.clone());
                let default = || {
                    let literal = port.default.as_ref()?;
                    Some(Value::from(&literal.for_type(&port.value_type()).ok()?))
                };
                slots.push(match given.or_else(default) {
                    Some(_) if port.lazy && !asked.contains(&port.name) => Slot::Pending,
                    Some(value) => Slot::Value(value),
                    None => Slot::Unset,
                });
            }
            match node.create().run(self.ctx(), &Inputs::new(&descriptor.inputs, &slots)?) {
                Err(Error { status: Status::NeedsInput, port: Some(port), .. }) if !asked.contains(&port) => {
                    asked.push(port);
                }
                result => return result,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        // What is left behind lies among the temporary files.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Services for TestHost {
    fn node_id(&self) -> &str {
        "test"
    }

    fn log(&self, level: Level, message: &str) {
        self.lock().logs.push((level, message.to_owned()));
    }

    fn progress(&self, done: u64, total: u64, label: &str) {
        self.lock().progress.push((done, total, label.to_owned()));
    }

    fn preview(&self, image: &Image) {
        self.lock().previews.push(image.clone());
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    fn model(&self, kind: &str, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(kind).join(name);
        if path.exists() { Ok(path) } else { Err(Error::with(Status::NotFound, format!("there is no model {name}"))) }
    }

    fn reads(&self, path: &Path) -> Result<String> {
        self.lock().reads.push(path.to_owned());
        Ok(path.display().to_string())
    }

    fn save(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf> {
        let mut number = 1;
        let path = loop {
            let path = self.folder.join(format!("{name}_{number:04}.{extension}"));
            if !path.exists() {
                break path;
            }
            number += 1;
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        std::fs::write(&path, bytes)?;
        self.lock().saved.push(path.clone());
        Ok(path)
    }

    fn metadata(&self) -> Vec<(String, String)> {
        vec![("selfsame".to_owned(), "a test".to_owned())]
    }

    fn shared(&self, key: &str, make: MakeShared) -> Result<Arc<dyn Any + Send + Sync>> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.get(key) {
            return Ok(known.clone());
        }
        let (made, _) = make()?;
        shared.insert(key.to_owned(), made.clone());
        Ok(made)
    }

    fn interface(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        self.offers.get(&id).map(|offer| &**offer)
    }
}
