//! One call of a node: it is sent to the process, and what the process asks meanwhile is answered.

use super::super::frame::{self, Payload};
use super::super::message::{Answer, Control, Run, ToHost, ToPlugin};
use super::super::value::Decoder;
use super::ended::Ended;
use super::link::Link;
use super::process::Channel;
use crate::{Bytes, lock};
use selfsame_sdk::{Error, Image, Level, Result, Services, Value};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked at whether a call should go on.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often the memory of a process is looked at while it runs a node.
const MEASURE_EVERY: Duration = Duration::from_millis(100);

/// The most lines of the process's output that are shown of one call.
const MAX_LINES: usize = 200;

/// A call of a node.
pub struct Conversation<'a> {
    link: &'a Arc<Link>,
    channel: &'a Channel,
    services: &'a dyn Services,
    call: u64,
    started: Instant,
    /// Since when the call should end.
    cancelled: Cell<Option<Instant>>,
    looked: Cell<Option<Instant>>,
    measured: Cell<Instant>,
    /// How many lines were shown, and how many there were besides.
    lines: RefCell<(usize, u64)>,
}

/// Why a call gave nothing.
pub enum Broken {
    /// The node failed, as it says.
    Failed(Error),
    /// The process is gone.
    Ended(Ended),
    /// The run was cancelled, and the process did not end the call in time.
    Cancelled,
}

impl<'a> Conversation<'a> {
    pub fn new(link: &'a Arc<Link>, channel: &'a Channel, services: &'a dyn Services, call: u64) -> Self {
        let now = Instant::now();
        Conversation {
            link,
            channel,
            services,
            call,
            started: now,
            cancelled: Cell::new(None),
            looked: Cell::new(None),
            measured: Cell::new(now),
            lines: RefCell::default(),
        }
    }

    /// Calls a node with these inputs; gives its outputs.
    pub fn run(&self, run: Run, inputs: &Payload) -> Result<Payload, Broken> {
        let spoken = self.send(&ToPlugin::Run(run), inputs).and_then(|()| self.listen());
        self.show_output();
        let result = spoken.unwrap_or_else(|error| {
            let is_gone = matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
            );
            if !is_gone {
                // If patience has killed it, that stays the reason.
                self.link.kill(&format!("it says what nobody understands: {error}"));
            }
            let ended = self.link.wait();
            self.show_output();
            Err(if self.cancelled.get().is_some() { Broken::Cancelled } else { Broken::Ended(ended) })
        });
        let left_out = self.lines.borrow().1;
        if left_out > 0 {
            self.services.log(Level::Info, &format!("output: {left_out} more lines"));
        }
        result
    }

    /// Tells the process that what it gave was taken, so that it need not hold it any more.
    pub fn taken(&self) {
        // If it does not hear this, it does not hear the next call either.
        let _ = self.send(&ToPlugin::Taken, &Payload::default());
    }

    fn send(&self, message: &ToPlugin, payload: &Payload) -> io::Result<()> {
        frame::send(&self.channel.socket, message, payload, Some(&mut || self.look()))
    }

    /// Answers what the process asks until the call is over.
    fn listen(&self) -> io::Result<Result<Payload, Broken>> {
        loop {
            let (message, payload) = frame::receive(&self.channel.socket, Some(&mut || self.look()))?;
            let answer = match message {
                ToHost::Done => return Ok(Ok(payload)),
                ToHost::Failed(failed) => return Ok(Err(Broken::Failed(failed.into()))),
                ToHost::Log(level, message) => {
                    self.services.log(level.into(), &message);
                    continue;
                }
                ToHost::Progress(done, total, label) => {
                    self.services.progress(done, total, &label);
                    continue;
                }
                ToHost::Preview => {
                    let image = self.image(payload).map_err(|error| io::Error::other(error.message))?;
                    self.services.preview(&image);
                    continue;
                }
                ToHost::Path(path) => text(self.services.path(&path)),
                ToHost::Model(kind, name) => self.services.model(&kind, &name).and_then(text),
                ToHost::Reads(path) => self.services.reads(Path::new(&path)).map(Answer::Text),
                ToHost::Metadata => Ok(Answer::Pairs(self.services.metadata())),
                ToHost::Save(name, extension) => self.save(&name, &extension, payload),
            };
            let answer = answer.unwrap_or_else(|error| Answer::Failed(error.into()));
            self.send(&ToPlugin::Answer(answer), &Payload::default())?;
        }
    }

    fn image(&self, payload: Payload) -> Result<Arc<Image>> {
        let mut decoder = Decoder::new(self.link, &payload.bytes, payload.memory)?;
        let value: Value = decoder.value()?;
        value.downcast().ok_or_else(|| Error::new(format!("{value} as a preview")))
    }

    fn save(&self, name: &str, extension: &str, payload: Payload) -> Result<Answer> {
        let mut decoder = Decoder::new(self.link, &payload.bytes, payload.memory)?;
        let contents = decoder.blob()?;
        self.services.save(name, extension, &mut |out| Ok(out.write_all(contents)?)).and_then(text)
    }

    /// What is looked at now and then while the process works: whether it still may.
    fn look(&self) -> io::Result<()> {
        if self.looked.get().is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        self.looked.set(Some(Instant::now()));
        self.show_output();
        let limits = &self.link.limits;
        if self.cancelled.get().is_none() && self.services.is_cancelled() {
            self.cancelled.set(Some(Instant::now()));
            self.link.tell(&Control::Cancel { channel: self.channel.number, call: self.call }, None);
        }
        if self.cancelled.get().is_some_and(|since| since.elapsed() > limits.cancel) {
            let why = format!("it did not end within {:?} after the run was cancelled", limits.cancel);
            return Err(self.kill(&why));
        }
        if let Some(limit) = limits.call.filter(|limit| self.started.elapsed() > *limit) {
            return Err(self.kill(&format!("the call took longer than {limit:?}, the limit of time")));
        }
        if self.measured.get().elapsed() > MEASURE_EVERY {
            self.measured.set(Instant::now());
            let limit = limits.memory_bytes;
            if self.link.memory_in_use().is_some_and(|bytes| bytes > limit) {
                return Err(self.kill(&format!("it took more than {}, the limit of memory", Bytes(limit))));
            }
        }
        Ok(())
    }

    fn kill(&self, why: &str) -> io::Error {
        self.link.kill(why);
        io::ErrorKind::TimedOut.into()
    }

    /// Shows what the process has written, though not all if it is very much.
    fn show_output(&self) {
        let (lines, dropped) = lock(&self.link.output).take();
        let mut shown = self.lines.borrow_mut();
        let (now, later) = lines.split_at(lines.len().min(MAX_LINES - shown.0.min(MAX_LINES)));
        now.iter().for_each(|line| self.services.log(Level::Info, &format!("output: {line}")));
        shown.0 += now.len();
        shown.1 += later.len() as u64 + dropped;
    }
}

fn text(path: PathBuf) -> Result<Answer> {
    let text = path.to_str().map(|text| Answer::Text(text.to_owned()));
    text.ok_or_else(|| {
        let path = path.display();
        Error::new(format!("the path {path} is not Unicode, so that no plugin can be given it"))
    })
}
