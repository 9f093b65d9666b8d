//! One call of a node, or of an object of a plugin: it is sent to the process, and what the process asks meanwhile is answered.

use super::super::frame::{self, Payload};
use super::super::message::{Answer, Callee, Control, Run, ToHost, ToPlugin};
use super::super::object::{Reply, tensor};
use super::super::value::{Decoder, decode, encode};
use super::ended::Ended;
use super::link::{Channel, Link};
use crate::{Bytes, lock};
use selfsame_sdk::{Ctx, Error, Image, Level, Result, Services, Slot, Status, Value};
use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked at whether a call should go on.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often the memory and the threads of a process are looked at while it runs a node.
const MEASURE_EVERY: Duration = Duration::from_millis(100);

/// The most lines of the process's output that are shown of one call.
const MAX_LINES: usize = 200;

/// A call.
pub struct Conversation<'a> {
    link: &'a Arc<Link>,
    channel: &'a Channel,
    /// The host of the node that runs; none outside of any.
    services: Option<&'a dyn Services>,
    call: u64,
    /// When it was called, moved on by what the host took for its answers.
    started: Cell<Instant>,
    /// Since when the call should end.
    cancelled: Cell<Option<Instant>>,
    /// The host has said itself that something was cancelled.
    told_cancelled: Cell<bool>,
    /// The process was killed for this call.
    killed: Cell<bool>,
    looked: Cell<Option<Instant>>,
    measured: Cell<Instant>,
    /// How many lines were shown, and how many there were besides.
    lines: RefCell<(usize, u64)>,
}

/// Why a call gave nothing.
pub enum Broken {
    /// It failed, as it says.
    Failed(Error),
    /// The process is gone; whether this call may be why.
    Ended(Ended, bool),
    /// The run was cancelled, and the process did not end the call in time.
    Cancelled,
}

impl<'a> Conversation<'a> {
    /// Calls something in the process, with these values; gives what it gives.
    pub fn of(
        link: &'a Arc<Link>,
        services: Option<&'a dyn Services>,
        what: Callee,
        values: &Payload,
    ) -> Result<(Reply, Vec<Slot>), Broken> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let channel = link.channel().map_err(|error| Broken::Failed(link.named(error.into())))?;
        let call = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let (now, is_cancelled) = (Instant::now(), services.is_some_and(Services::is_cancelled));
        let conversation = Conversation {
            link,
            channel: &channel,
            services,
            call,
            started: Cell::new(now),
            cancelled: Cell::new(is_cancelled.then_some(now)),
            told_cancelled: Cell::new(false),
            killed: Cell::new(false),
            looked: Cell::new(None),
            measured: Cell::new(now),
            lines: RefCell::default(),
        };
        let node_id = services.map(|services| services.node_id().to_owned());
        let given = conversation.run(&ToPlugin::Run(Run { call, is_cancelled, what, node_id }), values);
        if !link.is_gone() {
            link.give_back(channel);
        }
        given
    }

    fn run(&self, run: &ToPlugin, values: &Payload) -> Result<(Reply, Vec<Slot>), Broken> {
        let sent = self.send(run, values);
        if let Err(error) = &sent
            && frame::is_too_long(error)
        {
            return Err(Broken::Failed(self.link.named(Error::new(error.to_string()))));
        }
        let spoken = sent.and_then(|()| self.listen());
        self.show_output();
        let result = spoken.unwrap_or_else(|error| {
            if !frame::is_closed(&error) {
                // If patience has killed it, that stays the reason.
                self.kill(&format!("it says what nobody understands: {error}"));
            }
            let ended = self.link.wait();
            self.show_output();
            let was_killed = ended.killed.is_some();
            Err(match was_killed && self.cancelled.get().is_some() {
                true => Broken::Cancelled,
                // Of several calls that ran in a process that crashed, any may be why.
                false => Broken::Ended(ended, !was_killed || self.killed.get()),
            })
        });
        let left_out = self.lines.borrow().1;
        if left_out > 0 {
            self.log(Level::Info, &format!("output: {left_out} more lines"));
        }
        result
    }

    fn log(&self, level: Level, message: &str) {
        if let Some(services) = self.services {
            services.log(level, message);
        }
    }

    fn send(&self, message: &ToPlugin, payload: &Payload) -> io::Result<()> {
        let mut patience = || {
            self.look()?;
            self.link.expect_listener()
        };
        frame::send(&self.channel.socket, message, payload, Some(&mut patience))
    }

    /// What is too long for a message is no fault of the plugin's.
    fn reply(&self, answer: Answer, payload: &Payload) -> io::Result<()> {
        self.told_cancelled
            .set(self.told_cancelled.get() || matches!(&answer, Answer::Failed(failed) if failed.is_cancelled()));
        match self.send(&ToPlugin::Answer(answer), payload) {
            Err(error) if frame::is_too_long(&error) => {
                let failed = Answer::Failed(Error::new(error.to_string()).into());
                self.send(&ToPlugin::Answer(failed), &Payload::default())
            }
            sent => sent,
        }
    }

    /// Answers what the process asks until the call is over.
    fn listen(&self) -> io::Result<Result<(Reply, Vec<Slot>), Broken>> {
        loop {
            let mut patience = || {
                self.look()?;
                self.link.expect_words(&self.channel.socket)
            };
            let (message, payload) = frame::receive(&self.channel.socket, Some(&mut patience))?;
            let started = Instant::now();
            match (message, self.services) {
                (ToHost::Done(reply), _) => {
                    let values = decode(self.link, payload).map_err(nonsense)?;
                    // Now it need not hold any more what it gave.
                    self.send(&ToPlugin::Taken, &Payload::default())?;
                    return Ok(Ok((reply, values)));
                }
                (ToHost::Failed(failed), _) => {
                    self.send(&ToPlugin::Taken, &Payload::default())?;
                    return Ok(Err(Broken::Failed(self.believed(failed.into()))));
                }
                (ToHost::Log(level, message), _) => self.log(level.into(), &message),
                (ToHost::Progress(done, total, label), Some(services)) => services.progress(done, total, &label),
                (ToHost::Preview, Some(services)) => services.preview(&*self.image(payload).map_err(nonsense)?),
                (ToHost::Progress(..) | ToHost::Preview, None) => {}
                (question, services) => {
                    let (answer, payload) = self.answer(question, payload, services);
                    self.reply(answer, &payload)?;
                }
            }
            self.started.set(self.started.get() + started.elapsed());
        }
    }

    /// Why the call failed. Nothing is cancelled unless the host says so.
    fn believed(&self, error: Error) -> Error {
        let is_cancelled = self.cancelled.get().is_some() || self.services.is_some_and(Services::is_cancelled);
        match error.status {
            Status::Cancelled if !is_cancelled && !self.told_cancelled.get() => {
                self.link.named(Error::new("it says that it was cancelled, which it was not"))
            }
            _ => error,
        }
    }

    fn answer(&self, question: ToHost, payload: Payload, services: Option<&dyn Services>) -> (Answer, Payload) {
        if let ToHost::Object { number, call } = question {
            return self.link.perform(number, call, payload, services.map(Ctx::new));
        }
        let answered = services.ok_or_else(|| Error::with(Status::Unsupported, "this can only be asked during a call"));
        let answered = answered.and_then(|services| {
            match question {
                ToHost::Path(path) => text(services.path(&path)),
                ToHost::Model(kind, name) => self.model(services, &kind, &name).and_then(text),
                ToHost::Reads(path) => {
                    let place = self.link.readable(Path::new(&path))?;
                    // A result depends on where a link leads, too.
                    if place != Path::new(&path) {
                        services.reads(Path::new(&path))?;
                    }
                    services.reads(&place).map(Answer::Text)
                }
                ToHost::Metadata => Ok(Answer::Pairs(services.metadata())),
                ToHost::Save(name, extension) => self.save(services, &name, &extension, payload),
                ToHost::Weights(path) => {
                    let file = services.weights(&self.link.readable(Path::new(&path))?)?;
                    return self.values(Value::Object(file));
                }
                ToHost::Linear => {
                    let slots = decode(self.link, payload)?;
                    return self.values(Value::object(services.linear(&tensor(&slots, 0)?, &tensor(&slots, 1)?)?));
                }
                _ => Err(Error::new("this is no question")),
            }
            .map(|answer| (answer, Payload::default()))
        });
        answered.unwrap_or_else(|error| (Answer::Failed(error.into()), Payload::default()))
    }

    /// A model by its name below the models folders, which the process may then have the host read. The host takes paths of
    /// files for names, too: these need a permission, wherever they come from.
    fn model(&self, services: &dyn Services, kind: &str, name: &str) -> Result<PathBuf> {
        let given = Path::new(name);
        let is_name = !name.is_empty() && given.components().all(|part| matches!(part, Component::Normal(_)));
        // Before it is looked for: the host would say what there is instead.
        if !is_name {
            self.link.readable(given)?;
        }
        let path = services.model(kind, name)?;
        if path == given {
            self.link.readable(given)?;
        } else {
            self.link.permit(&path);
        }
        Ok(path)
    }

    fn values(&self, value: Value) -> Result<(Answer, Payload)> {
        Ok((Answer::Object(Reply::Values), encode(self.link, &[Slot::Value(value)])?))
    }

    fn image(&self, payload: Payload) -> Result<Arc<Image>> {
        let mut decoder = Decoder::new(self.link, &payload.bytes, payload.memory)?;
        let value: Value = decoder.value()?;
        value.downcast().ok_or_else(|| Error::new(format!("{value} as a preview")))
    }

    fn save(&self, services: &dyn Services, name: &str, extension: &str, payload: Payload) -> Result<Answer> {
        let mut decoder = Decoder::new(self.link, &payload.bytes, payload.memory)?;
        let contents = decoder.blob()?;
        services.save(name, extension, &mut |out| Ok(out.write_all(contents)?)).and_then(text)
    }

    /// What is looked at now and then while the process works: whether it still may.
    fn look(&self) -> io::Result<()> {
        if self.looked.get().is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        self.looked.set(Some(Instant::now()));
        self.show_output();
        let limits = &self.link.limits;
        if self.cancelled.get().is_none() && self.services.is_some_and(Services::is_cancelled) {
            self.cancelled.set(Some(Instant::now()));
            self.link.tell(&Control::Cancel { channel: self.channel.number, call: self.call }, None);
        }
        if self.cancelled.get().is_some_and(|since| since.elapsed() > limits.cancel) {
            let why = format!("it did not end within {:?} after the run was cancelled", limits.cancel);
            return Err(self.kill(&why));
        }
        // Outside of the call of a node nobody could cancel it.
        let limit = if self.services.is_some() { limits.call } else { Some(limits.start) };
        if let Some(limit) = limit.filter(|limit| self.started.get().elapsed() > *limit) {
            return Err(self.kill(&format!("the call took longer than {limit:?}, the limit of time")));
        }
        if self.measured.get().elapsed() > MEASURE_EVERY {
            self.measured.set(Instant::now());
            let limit = limits.memory_bytes;
            if self.link.memory_in_use().is_some_and(|bytes| bytes > limit) {
                return Err(self.kill(&format!("it took more than {}, the limit of memory", Bytes(limit))));
            }
            if self.link.threads().is_some_and(|threads| threads > limits.threads) {
                return Err(self.kill(&format!("it started more than {} threads", limits.threads)));
            }
        }
        Ok(())
    }

    fn kill(&self, why: &str) -> io::Error {
        self.killed.set(true);
        self.link.kill(why);
        io::ErrorKind::TimedOut.into()
    }

    /// Shows what the process has written, though not all if it is very much.
    fn show_output(&self) {
        let (lines, dropped) = lock(&self.link.output).take();
        let mut shown = self.lines.borrow_mut();
        let (now, later) = lines.split_at(lines.len().min(MAX_LINES - shown.0.min(MAX_LINES)));
        now.iter().for_each(|line| self.log(Level::Info, &format!("output: {line}")));
        shown.0 += now.len();
        shown.1 += later.len() as u64 + dropped;
    }
}

fn nonsense(error: Error) -> io::Error {
    io::Error::other(error.message)
}

fn text(path: PathBuf) -> Result<Answer> {
    let text = path.to_str().map(|text| Answer::Text(text.to_owned()));
    text.ok_or_else(|| {
        let path = path.display();
        Error::new(format!("the path {path} is not Unicode, so that no plugin can be given it"))
    })
}
