//! A thread for each call that is in progress.

use super::super::frame::{self, Payload};
use super::super::message::{Answer, Callee, Run, ToHost, ToPlugin};
use super::super::object::{self, Reply};
use super::super::value::{decode, encode};
use super::services::Remote;
use super::{Process, end};
use crate::lock;
use selfsame_sdk::{Ctx, Error, Inputs, Result, Slot, panics};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

/// The most bytes of the stack of a call: that of main threads on Linux.
const STACK: usize = 8 << 20;

/// A connection to the host. One thread at a time says something there, and hears the answer.
pub struct Line {
    socket: Mutex<UnixStream>,
    /// Who runs the calls of this connection, if it is a channel.
    thread: ThreadId,
}

impl Line {
    /// The connection, of the thread that calls this.
    pub fn new(socket: UnixStream) -> Self {
        Line { socket: Mutex::new(socket), thread: thread::current().id() }
    }

    /// Whether the call is run by another thread than this.
    pub fn is_of_another_thread(&self) -> bool {
        self.thread != thread::current().id()
    }

    /// Says something that has no answer.
    pub fn tell(&self, message: &ToHost, payload: &Payload) {
        self.said(frame::send(&*lock(&self.socket), message, payload, None))
    }

    /// Says something that may be too long.
    ///
    /// # Errors
    /// If it is.
    fn try_tell(&self, socket: &UnixStream, message: &ToHost, payload: &Payload) -> Result<()> {
        match frame::send(socket, message, payload, None) {
            Err(error) if frame::is_too_long(&error) => Err(Error::new(error.to_string())),
            sent => {
                self.said(sent);
                Ok(())
            }
        }
    }

    /// Asks something.
    ///
    /// # Errors
    /// What the host answers; if it is too long.
    pub fn ask(&self, message: &ToHost, payload: &Payload) -> Result<(Answer, Payload)> {
        let socket = lock(&self.socket);
        self.try_tell(&socket, message, payload)?;
        match self.said(frame::receive(&*socket, None)) {
            (ToPlugin::Answer(Answer::Failed(failed)), _) => Err(failed.into()),
            (ToPlugin::Answer(answer), payload) => Ok((answer, payload)),
            _ => end(),
        }
    }

    /// Without a host this process has no purpose. A message to people that is too long is the plugin's mistake, which ends it too.
    fn said<T>(&self, result: std::io::Result<T>) -> T {
        result.unwrap_or_else(|error| {
            eprintln!("the connection to the host is broken: {error}");
            end()
        })
    }
}

/// Runs the calls of a channel, one after the other.
pub fn start(process: Arc<Process>, socket: UnixStream, cancelled: Arc<AtomicU64>) {
    let work = move || {
        let line = Line::new(socket);
        let mut given = Vec::new();
        loop {
            // Without a host this process ends, by the control connection.
            let Ok((message, payload)) = frame::receive(&*lock(&line.socket), None) else { return };
            // The host has taken what the last call gave.
            panics::discard(std::mem::take(&mut given));
            match message {
                ToPlugin::Run(run) => given = answer(&process, &line, &cancelled, run, payload),
                ToPlugin::Taken => {}
                ToPlugin::Answer(_) => end(),
            }
        }
    };
    if thread::Builder::new().name("call".to_owned()).stack_size(STACK).spawn(work).is_err() {
        eprintln!("there is no thread for another call");
        end();
    }
}

/// Does what was called and says what it gave, which must be held until the host has it.
fn answer(process: &Arc<Process>, line: &Line, cancelled: &AtomicU64, run: Run, payload: Payload) -> Vec<Slot> {
    let Run { call, is_cancelled, what, node_id } = run;
    if is_cancelled {
        cancelled.fetch_max(call, Ordering::Relaxed);
    }
    let services = node_id.as_deref().map(|node_id| Remote::new(process, line, cancelled, call, node_id));
    let ctx = services.as_ref().map(|services| Ctx::new(services));
    let called = panics::catch(|| match what {
        Callee::Node { node_type, node } => run_node(process, ctx, node_type, node, payload),
        Callee::Object { number, call } => {
            object::perform(&*process.own.get(number)?, ctx, call, &decode(process, payload)?)
        }
    });
    let given = called.and_then(|(reply, values)| {
        line.try_tell(&lock(&line.socket), &ToHost::Done(reply), &encode(process, &values)?)?;
        Ok(values)
    });
    given.unwrap_or_else(|error| {
        line.tell(&ToHost::Failed(error.into()), &Payload::default());
        Vec::new()
    })
}

fn run_node(
    process: &Arc<Process>,
    ctx: Option<Ctx>,
    node_type: u64,
    node: u64,
    payload: Payload,
) -> Result<(Reply, Vec<Slot>)> {
    let unknown = || Error::new(format!("the host calls a node type {node_type}, which there is not"));
    let node_type = process.plugin.nodes().get(node_type as usize).ok_or_else(unknown)?;
    let ctx = ctx.ok_or_else(|| Error::new("the host calls a node without saying which"))?;
    let slots = decode(process, payload)?;
    let inputs = Inputs::new(&node_type.descriptor().inputs, &slots)?;
    let node = lock(&process.nodes).entry(node).or_insert_with(|| Arc::new(Mutex::new(node_type.create()))).clone();
    let values = lock(&node).run(ctx, &inputs)?;
    Ok((Reply::Values, values.into_iter().map(Slot::Value).collect()))
}
