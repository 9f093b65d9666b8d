//! The host as the nodes of this process see it: every question goes over the channel of the call.

use super::super::frame::Payload;
use super::super::message::{Answer, ToHost};
use super::super::value::{Encoder, decode, encode};
use super::Process;
use super::worker::Line;
use crate::lock;
use selfsame_sdk::{Error, Image, Level, MakeShared, Object, Result, Services, Slot, Tensor, Value, WriteFile};
use std::any::{Any, TypeId};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The host of a call.
pub struct Remote<'a> {
    process: &'a Arc<Process>,
    line: &'a Line,
    /// Calls up to this number are cancelled.
    cancelled: &'a AtomicU64,
    call: u64,
    node_id: &'a str,
}

impl<'a> Remote<'a> {
    pub fn new(
        process: &'a Arc<Process>,
        line: &'a Line,
        cancelled: &'a AtomicU64,
        call: u64,
        node_id: &'a str,
    ) -> Self {
        Remote { process, line, cancelled, call, node_id }
    }

    fn ask(&self, question: &ToHost) -> Result<String> {
        self.ask_with(question, &Payload::default())
    }

    fn ask_with(&self, question: &ToHost, payload: &Payload) -> Result<String> {
        match self.line.ask(question, payload)? {
            (Answer::Text(text), _) => Ok(text),
            _ => Err(Error::new("the host gives another answer")),
        }
    }

    fn ask_value(&self, question: &ToHost, payload: &Payload) -> Result<Value> {
        let (Answer::Object(_), payload) = self.line.ask(question, payload)? else {
            return Err(Error::new("the host gives another answer"));
        };
        match decode(self.process, payload)?.into_iter().next() {
            Some(Slot::Value(value)) => Ok(value),
            _ => Err(Error::new("the host gives nothing")),
        }
    }
}

impl Services for Remote<'_> {
    fn node_id(&self) -> &str {
        self.node_id
    }

    fn log(&self, level: Level, message: &str) {
        self.line.tell(&ToHost::Log(level.into(), message.to_owned()), &Payload::default());
    }

    fn progress(&self, done: u64, total: u64, label: &str) {
        self.line.tell(&ToHost::Progress(done, total, label.to_owned()), &Payload::default());
    }

    fn preview(&self, image: &Image) {
        let mut encoder = Encoder::new(self.process);
        match encoder.image(image).and_then(|()| encoder.finish()) {
            Ok(payload) => self.line.tell(&ToHost::Preview, &payload),
            // A picture that cannot be shown stops nobody.
            Err(error) => self.log(Level::Warn, &format!("no preview: {error}")),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) >= self.call
    }

    fn path(&self, path: &str) -> PathBuf {
        match self.ask(&ToHost::Path(path.to_owned())) {
            Ok(found) => found.into(),
            Err(error) => {
                self.log(Level::Warn, &format!("{path} is taken as it stands: {}", error.message));
                path.into()
            }
        }
    }

    fn model(&self, kind: &str, name: &str) -> Result<PathBuf> {
        self.ask(&ToHost::Model(kind.to_owned(), name.to_owned())).map(PathBuf::from)
    }

    fn reads(&self, path: &Path) -> Result<String> {
        self.ask(&ToHost::Reads(in_unicode(path)?))
    }

    fn save(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf> {
        let mut contents = Vec::new();
        write(&mut contents)?;
        let mut encoder = Encoder::new(self.process);
        encoder.blob("selfsame.FILE/1", &contents)?;
        let question = ToHost::Save(name.to_owned(), extension.to_owned());
        self.ask_with(&question, &encoder.finish()?).map(PathBuf::from)
    }

    fn metadata(&self) -> Vec<(String, String)> {
        match self.line.ask(&ToHost::Metadata, &Payload::default()) {
            Ok((Answer::Pairs(pairs), _)) => pairs,
            _ => Vec::new(),
        }
    }

    fn shared(&self, key: &str, make: MakeShared) -> Result<Arc<dyn Any + Send + Sync>> {
        let known = lock(&self.process.shared).shared(key);
        if let Some(known) = known {
            return Ok(known);
        }
        let started = Instant::now();
        let (made, bytes) = make()?;
        let mut shared = lock(&self.process.shared);
        // Another call may have made it meanwhile.
        if let Some(known) = shared.shared(key) {
            return Ok(known);
        }
        shared.add_shared(key, made.clone(), bytes, started.elapsed().as_secs_f64());
        Ok(made)
    }

    fn interface(&self, id: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        // Rust types of the host's process are not here. Objects of the host ask for the channel of the call.
        if id == TypeId::of::<Line>() { Some(self.line) } else { None }
    }

    fn weights(&self, path: &Path) -> Result<Arc<dyn Object>> {
        match self.ask_value(&ToHost::Weights(in_unicode(path)?), &Payload::default())? {
            Value::Object(object) => Ok(object),
            other => Err(Error::new(format!("the host gives {other} as a model file"))),
        }
    }

    fn linear(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let tensors = [x, weight].map(|tensor| Slot::Value(Value::object(tensor.clone())));
        let product = self.ask_value(&ToHost::Linear, &encode(self.process, &tensors)?)?;
        product.downcast().map(Arc::unwrap_or_clone).ok_or_else(|| Error::new("the host gives no TENSOR"))
    }
}

fn in_unicode(path: &Path) -> Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::new(format!("the path {} is not Unicode", path.display())))
}
