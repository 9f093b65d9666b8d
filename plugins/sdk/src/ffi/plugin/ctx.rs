//! What a node asks, handed on to the host through its table.

use super::super::abi::*;
use super::super::calls::RawCtx;
use super::super::error::{from_status, to_status};
use super::super::export::{Exported, export};
use super::super::import::import_owned;
use super::super::text::text;
use crate::{Error, Image, Level, MakeShared, Object, Result, Services, Status, Tensor, Value, WriteFile, panics};
use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::ffi::c_void;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The host of a call.
pub struct HostServices {
    ctx: *mut SsCtx,
    node_id: String,
}

// SAFETY: every function of a context may be called from any thread while the call lasts, and this does not outlive it.
unsafe impl Sync for HostServices {}

/// A function of the host's table; none if the host is too old to have it.
macro_rules! host {
    ($self:ident.$function:ident) => {
        // SAFETY: `new` has seen that the table is there.
        unsafe { field!((*$self.ctx).host, SsHost, $function).flatten() }
    };
}

fn too_old(what: &str) -> Error {
    Error::with(Status::Unsupported, format!("this host is too old: it does not know `{what}`"))
}

impl HostServices {
    /// # Safety
    /// If `ctx` is not null, it is that of a call, which outlives this.
    pub unsafe fn new(ctx: *mut SsCtx) -> Option<Self> {
        if ctx.is_null() {
            return None;
        }
        // SAFETY: the table starts with its size; the text lives as long as the call.
        unsafe {
            field!(ctx, SsCtx, host).filter(|host| !host.is_null())?;
            let node_id = field!(ctx, SsCtx, node_id).and_then(|id| text(id).ok()).unwrap_or_default().to_owned();
            Some(HostServices { ctx, node_id })
        }
    }

    /// Tells why the call fails.
    pub fn fail(&self, error: &Error) {
        if let Some(fail) = host!(self.fail) {
            let optional = |text: &Option<String>| text.as_deref().map_or(SsStr::EMPTY, SsStr::new);
            let message = SsStr::new(&error.message);
            // SAFETY: the context and the texts outlive the call.
            unsafe { fail(self.ctx, to_status(error.status), message, optional(&error.port), optional(&error.hint)) };
        }
    }

    /// An interface of the host; null if it has none of this name.
    fn table(&self, id: &str) -> *const c_void {
        // SAFETY: the text outlives the call.
        host!(self.get_interface).map_or(std::ptr::null(), |get| unsafe { get(SsStr::new(id)) })
    }

    /// Asks for a value: `call` gives it a place for it.
    fn ask(&self, what: &str, call: impl FnOnce(*mut SsValue) -> SsStatus) -> Result<Value> {
        let mut out = SsValue::NULL;
        let status = call(&mut out);
        // SAFETY: what the host gave is ours.
        let given = unsafe { Exported::from_raw(out) };
        self.succeeded(what, status)?;
        import_owned(given)?.ok_or_else(|| Error::new(format!("the host gives nothing as `{what}`")))
    }

    fn ask_text(&self, what: &str, call: impl FnOnce(*mut SsValue) -> SsStatus) -> Result<String> {
        match self.ask(what, call)? {
            Value::Text(text) => Ok(text.as_ref().to_owned()),
            other => Err(Error::new(format!("the host gives {other} as `{what}`"))),
        }
    }

    /// The error of a call, with the words that the host has for it.
    pub fn succeeded(&self, what: &str, status: SsStatus) -> Result<()> {
        let Some(status) = from_status(status) else { return Ok(()) };
        if status == Status::Cancelled {
            return Err(Error::cancelled());
        }
        let fallback = || Error::with(status, format!("the host refuses `{what}`"));
        let Some(last_error) = host!(self.last_error) else { return Err(fallback()) };
        let mut texts = [SsValue::NULL; 2];
        let [message, hint] = &mut texts;
        // SAFETY: the context outlives the call, and the values can be written.
        unsafe { last_error(self.ctx, message, hint) };
        let [message, hint] = texts.map(|text| {
            // SAFETY: what the host gave is ours.
            match import_owned(unsafe { Exported::from_raw(text) }) {
                Ok(Some(Value::Text(text))) => Some(text.as_ref().to_owned()),
                _ => None,
            }
        });
        let Some(message) = message else { return Err(fallback()) };
        Err(Error { hint, ..Error::with(status, message) })
    }
}

impl Services for HostServices {
    fn node_id(&self) -> &str {
        &self.node_id
    }

    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => SS_LOG_DEBUG,
            Level::Info => SS_LOG_INFO,
            Level::Warn => SS_LOG_WARN,
        };
        if let Some(log) = host!(self.log) {
            // SAFETY: the context and the text outlive the call.
            unsafe { log(self.ctx, level, SsStr::new(message)) };
        }
    }

    fn progress(&self, done: u64, total: u64, label: &str) {
        if let Some(progress) = host!(self.progress) {
            // SAFETY: the context and the text outlive the call.
            unsafe { progress(self.ctx, done, total, SsStr::new(label)) };
        }
    }

    fn preview(&self, image: &Image) {
        if let Some(preview) = host!(self.preview) {
            let image = export(&Value::object(image.clone()));
            // SAFETY: the context and the value outlive the call. A picture that cannot be shown stops nobody.
            unsafe { preview(self.ctx, image.as_raw()) };
        }
    }

    fn is_cancelled(&self) -> bool {
        // SAFETY: the context outlives the call.
        host!(self.cancelled).is_some_and(|cancelled| unsafe { cancelled(self.ctx) } != 0)
    }

    fn path(&self, path: &str) -> PathBuf {
        let asked = host!(self.path).ok_or_else(|| too_old("path"));
        // SAFETY: the context and the text outlive the call.
        let found = asked.and_then(|ask| self.ask_text("path", |out| unsafe { ask(self.ctx, SsStr::new(path), out) }));
        match found {
            Ok(found) => found.into(),
            Err(error) => {
                self.log(Level::Warn, &format!("{path} is taken as it stands: {}", error.message));
                path.into()
            }
        }
    }

    fn model(&self, kind: &str, name: &str) -> Result<PathBuf> {
        let ask = host!(self.model).ok_or_else(|| too_old("model"))?;
        // SAFETY: the context and the texts outlive the call.
        let ask = |out: *mut SsValue| unsafe { ask(self.ctx, SsStr::new(kind), SsStr::new(name), out) };
        self.ask_text("model", ask).map(PathBuf::from)
    }

    fn reads(&self, path: &Path) -> Result<String> {
        let ask = host!(self.reads).ok_or_else(|| too_old("reads"))?;
        let path = in_unicode(path)?;
        // SAFETY: the context and the text outlive the call.
        self.ask_text("reads", |out| unsafe { ask(self.ctx, SsStr::new(path), out) })
    }

    fn save(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf> {
        let save = host!(self.save).ok_or_else(|| too_old("save"))?;
        let mut writing = Writing { write, error: None };
        let user = (&raw mut writing).cast();
        let (name, extension) = (SsStr::new(name), SsStr::new(extension));
        // SAFETY: the context, the texts and `writing` outlive the call.
        let saved =
            self.ask_text("save", |out| unsafe { save(self.ctx, name, extension, Some(write_file), user, out) });
        match writing.error {
            Some(error) => Err(error),
            None => saved.map(PathBuf::from),
        }
    }

    fn metadata(&self) -> Vec<(String, String)> {
        let Some(ask) = host!(self.metadata) else { return Vec::new() };
        // SAFETY: the context outlives the call.
        let Ok(Value::List(pairs)) = self.ask("metadata", |out| unsafe { ask(self.ctx, out) }) else {
            return Vec::new();
        };
        let pair = |pair: &Value| match pair {
            Value::List(pair) => match &**pair {
                [Value::Text(key), Value::Text(text)] => Some((key.as_ref().to_owned(), text.as_ref().to_owned())),
                _ => None,
            },
            _ => None,
        };
        pairs.iter().filter_map(pair).collect()
    }

    fn shared(&self, key: &str, make: MakeShared) -> Result<Arc<dyn Any + Send + Sync>> {
        let ask = host!(self.shared).ok_or_else(|| too_old("shared"))?;
        let mut making = Making { make, error: None };
        let user = (&raw mut making).cast();
        // SAFETY: the context, the text and `making` outlive the call.
        let shared = self.ask("shared", |out| unsafe { ask(self.ctx, SsStr::new(key), Some(make_shared), user, out) });
        match making.error {
            Some(error) => Err(error),
            None => {
                let shared = shared?.downcast::<Resource>();
                let shared = shared.ok_or_else(|| Error::new("a shared resource is not what was made"))?;
                Ok(shared.resource.clone())
            }
        }
    }

    fn interface(&self, _: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        // Rust types are not the same on both sides.
        None
    }

    fn weights(&self, path: &Path) -> Result<Arc<dyn Object>> {
        let table: *const SsWeights = self.table(SS_WEIGHTS).cast();
        // SAFETY: an interface of this name is such a table.
        let open = unsafe { field!(table, SsWeights, open).flatten() }.ok_or_else(|| too_old(SS_WEIGHTS))?;
        let path = in_unicode(path)?;
        // SAFETY: the context and the text outlive the call.
        match self.ask("weights", |out| unsafe { open(self.ctx, SsStr::new(path), out) })? {
            Value::Object(file) => Ok(file),
            other => Err(Error::new(format!("the host gives {other} as an open model file"))),
        }
    }

    fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let table: *const SsMath = self.table(SS_MATH).cast();
        // SAFETY: an interface of this name is such a table.
        let linear = unsafe { field!(table, SsMath, linear).flatten() }.ok_or_else(|| too_old(SS_MATH))?;
        let [x, weight] = [x, weight].map(|tensor| export(&Value::object(tensor.clone())));
        // SAFETY: the context and the values outlive the call.
        let given = self.ask("linear", |out| unsafe { linear(self.ctx, x.as_raw(), weight.as_raw(), out) })?;
        let tensor = given.downcast::<Tensor>().map(Arc::unwrap_or_clone);
        tensor.ok_or_else(|| Error::new(format!("the host gives {given} as a product")))
    }

    fn raw(&self) -> Option<RawCtx> {
        Some(RawCtx(self.ctx))
    }
}

/// A path as text.
fn in_unicode(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::new(format!("the path {} is not Unicode", path.display())))
}

struct Writing<'a> {
    write: WriteFile<'a>,
    error: Option<Error>,
}

unsafe extern "C" fn write_file(user: *mut c_void, file: *const SsSink) -> SsStatus {
    // SAFETY: `user` is what `save` has lent, and nobody else has it; the host lends its file.
    let (writing, file) = unsafe { (&mut *user.cast::<Writing>(), file.as_ref()) };
    let Some(file) = file else { return SS_STATUS_ABI };
    match panics::catch(|| (writing.write)(&mut Sink(file))) {
        Ok(()) => SS_STATUS_OK,
        Err(error) => {
            let status = to_status(error.status);
            writing.error = Some(error);
            status
        }
    }
}

struct Sink<'a>(&'a SsSink);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = self.0.write.ok_or_else(|| io::Error::other("the host's file cannot be written"))?;
        // SAFETY: the host lends its file, and the bytes outlive the call.
        match unsafe { write(self.0.user, SsBytes { ptr: bytes.as_ptr(), len: bytes.len() as u64 }) } {
            SS_STATUS_OK => Ok(bytes.len()),
            status => Err(io::Error::other(format!("the file cannot be written (status {status})"))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Making<'a> {
    make: MakeShared<'a>,
    error: Option<Error>,
}

/// A shared resource as a value.
struct Resource {
    resource: Arc<dyn Any + Send + Sync>,
    bytes: u64,
}

impl Object for Resource {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed("selfsame.RESOURCE/1")
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

unsafe extern "C" fn make_shared(user: *mut c_void, out: *mut SsValue, bytes: *mut u64) -> SsStatus {
    // SAFETY: `user` is what `shared` has lent, and nobody else has it.
    let making = unsafe { &mut *user.cast::<Making>() };
    if out.is_null() || bytes.is_null() {
        return SS_STATUS_ABI;
    }
    match panics::catch(|| (making.make)()) {
        Ok((resource, size)) => {
            let value = export(&Value::object(Resource { resource, bytes: size }));
            // SAFETY: the host can take both.
            unsafe {
                out.write(value.into_raw());
                bytes.write(size);
            }
            SS_STATUS_OK
        }
        Err(error) => {
            let status = to_status(error.status);
            making.error = Some(error);
            status
        }
    }
}
