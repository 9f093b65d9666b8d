//! What a node may ask of the host while it runs.

use crate::ffi::RawCtx;
use crate::{Error, Image, ModelWeights, Object, Result, Status, Tensor};
use std::any::{Any, TypeId};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The host's side of [`Ctx`]. Nodes use [`Ctx`]; hosts and tests implement this.
pub trait Services: Sync {
    /// The id of the node in the graph.
    fn node_id(&self) -> &str;
    /// See [`Ctx::log`].
    fn log(&self, level: Level, message: &str);
    /// See [`Ctx::progress`].
    fn progress(&self, done: u64, total: u64, label: &str);
    /// See [`Ctx::preview`].
    fn preview(&self, image: &Image);
    /// See [`Ctx::is_cancelled`].
    fn is_cancelled(&self) -> bool;
    /// See [`Ctx::path`].
    fn path(&self, path: &str) -> PathBuf;
    /// See [`Ctx::model`].
    ///
    /// # Errors
    /// If there is none.
    fn model(&self, kind: &str, name: &str) -> Result<PathBuf>;
    /// See [`Ctx::reads`].
    ///
    /// # Errors
    /// If it cannot be read.
    fn reads(&self, path: &Path) -> Result<String>;
    /// See [`Ctx::save`].
    ///
    /// # Errors
    /// If it cannot be written.
    fn save(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf>;
    /// See [`Ctx::metadata`].
    fn metadata(&self) -> Vec<(String, String)>;
    /// See [`Ctx::shared`].
    ///
    /// # Errors
    /// What `make` gives.
    fn shared(&self, key: &str, make: MakeShared) -> Result<Arc<dyn Any + Send + Sync>>;
    /// See [`Ctx::get`].
    fn interface(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)>;

    /// See [`Ctx::weights`].
    ///
    /// # Errors
    /// If this is no model file; by default, that the host opens none.
    fn weights(&self, _path: &Path) -> Result<Arc<dyn Object>> {
        Err(Error::with(Status::Unsupported, "this host opens no model files"))
    }

    /// See [`Ctx::linear`].
    ///
    /// # Errors
    /// If the shapes do not fit; by default, that the host computes nothing.
    fn linear(&self, _x: &Tensor, _weight: &Tensor) -> Result<Tensor> {
        Err(Error::with(Status::Unsupported, "this host has no arithmetic"))
    }

    /// The context of the other side of the plugin boundary that this stands for.
    #[doc(hidden)]
    fn raw(&self) -> Option<RawCtx> {
        None
    }
}

/// Writes the contents of a file.
pub type WriteFile<'a> = &'a mut dyn FnMut(&mut dyn Write) -> Result<()>;

/// Makes a shared resource; gives it with the bytes of memory that it takes.
pub type MakeShared<'a> = &'a mut dyn FnMut() -> Result<(Arc<dyn Any + Send + Sync>, u64)>;

/// How important a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For whoever looks for a mistake.
    Debug,
    /// For whoever watches.
    Info,
    /// Something is probably not as meant, though the node goes on.
    Warn,
}

/// What a node may ask of the host. It is only valid while the node runs.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    services: &'a dyn Services,
}

impl<'a> Ctx<'a> {
    /// A context in front of a host.
    pub fn new(services: &'a dyn Services) -> Self {
        Ctx { services }
    }

    /// The host behind it, for whoever stands between a node and its host.
    pub fn services(&self) -> &'a dyn Services {
        self.services
    }

    /// The id of the node in the graph.
    pub fn node_id(&self) -> &str {
        self.services.node_id()
    }

    /// Tells whoever watches. What stops the node is an error instead.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.services.log(level, message.as_ref());
    }

    /// Warns that something is probably not as meant, though the node goes on.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log(Level::Warn, message);
    }

    /// Tells how far the node is: `done` of `total` units, such as steps. It may go backwards.
    pub fn progress(&self, done: u64, total: u64, label: &str) {
        self.services.progress(done, total, label);
    }

    /// Shows a picture of what is being made.
    pub fn preview(&self, image: &Image) {
        self.services.preview(image);
    }

    /// Whether the run was cancelled. A node that works longer than an instant looks now and then.
    pub fn is_cancelled(&self) -> bool {
        self.services.is_cancelled()
    }

    /// Ends a cancelled node: `ctx.check_cancelled()?`.
    ///
    /// # Errors
    /// [`Status::Cancelled`] once the run was cancelled.
    pub fn check_cancelled(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }

    /// A path as the graph means it: relative ones start at the folder of the graph file.
    pub fn path(&self, path: &str) -> PathBuf {
        self.services.path(path)
    }

    /// The model file of this name in the folders for a kind (`checkpoints`, `loras`, ...). A path of a file stands
    /// for itself.
    ///
    /// # Errors
    /// [`Status::NotFound`], with the places where it was looked for.
    pub fn model(&self, kind: &str, name: &str) -> Result<PathBuf> {
        self.services.model(kind, name)
    }

    /// Says that the result depends on what is in a file, so that it is made again when the file changes. **Every file
    /// that a node reads must be told**, by this or by [`read`](Self::read). Gives the digest of the contents.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn reads(&self, path: &Path) -> Result<String> {
        self.services.reads(path)
    }

    /// Reads a file, path as in [`path`](Self::path), and tells the host that the result depends on it.
    ///
    /// # Errors
    /// [`Status::NotFound`] if it is not there, or if it cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let path = self.path(path);
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::with(Status::NotFound, format!("there is no file {}", path.display()))
            }
            _ => Error::new(format!("cannot read {}: {error}", path.display())),
        };
        if !path.try_exists().map_err(fail)? {
            return Err(fail(std::io::ErrorKind::NotFound.into()));
        }
        if path.is_dir() {
            return Err(Error::with(Status::NotFound, format!("{} is a folder; expected a file", path.display())));
        }
        self.reads(&path)?;
        std::fs::read(&path).map_err(fail)
    }

    /// Saves a file in the output folder as `name_0001.extension`, with the next free number: nothing is ever
    /// overwritten, and a file that cannot be finished leaves no trace. `name` may name folders below the output folder:
    /// `portraits/ada`.
    ///
    /// # Errors
    /// If `name` leads out of the output folder, the file cannot be written, or `write` fails.
    pub fn save(
        &self,
        name: &str,
        extension: &str,
        mut write: impl FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<PathBuf> {
        self.services.save(name, extension, &mut write)
    }

    /// What a saved file should carry, as keyword and text: the graph that made it, arguments, versions, digests.
    pub fn metadata(&self) -> Vec<(String, String)> {
        self.services.metadata()
    }

    /// A resource that every node with the same key shares, such as the weights of a model file: made once, kept while
    /// the memory budget allows, made again when it was given up. `make` gives it with the bytes of memory it takes.
    /// The key must name everything that the resource depends on: take digests of files from [`reads`](Self::reads).
    ///
    /// # Errors
    /// What `make` gives.
    pub fn shared<T: Any + Send + Sync>(&self, key: &str, make: impl FnOnce() -> Result<(T, u64)>) -> Result<Arc<T>> {
        let mut make = Some(make);
        let mut erased = || {
            let make = make.take().ok_or_else(|| Error::new("a shared resource was made twice"))?;
            let (resource, bytes) = make()?;
            Ok((Arc::new(resource) as Arc<dyn Any + Send + Sync>, bytes))
        };
        let key = format!("{}\0{key}", std::any::type_name::<T>());
        let shared = self.services.shared(&key, &mut erased)?;
        shared.downcast().map_err(|_| Error::new(format!("the shared resource {key:?} is of another type")))
    }

    /// Opens a model file, safetensors or a pickle of torch, whose tensors are read when they are asked for. Tell the host by
    /// [`reads`](Self::reads) that the result depends on it.
    ///
    /// # Errors
    /// If this is no model file.
    pub fn weights(&self, path: &Path) -> Result<ModelWeights> {
        self.services.weights(path).map(ModelWeights::new)
    }

    /// `x [.., in]` times `weight [out, in]` transposed, `[.., out]`, by the host's own kernel on the device of the run: what a
    /// network of the host would give, to the bit.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] if the shapes do not fit.
    pub fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        self.services.linear(x, weight)
    }

    /// Something that the host offers to nodes compiled into it, by its Rust type: the device to compute on, say.
    ///
    /// # Errors
    /// [`Status::Unsupported`] if this host offers no such thing.
    pub fn get<T: Any + Send + Sync>(&self) -> Result<&'a T> {
        let found = self.services.interface(TypeId::of::<T>()).and_then(|any| any.downcast_ref());
        found.ok_or_else(|| {
            Error::with(Status::Unsupported, format!("this host offers no {}", std::any::type_name::<T>()))
        })
    }
}
