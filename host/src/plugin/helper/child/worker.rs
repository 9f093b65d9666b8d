//! A thread for each call that is in progress.

use super::super::frame::{self, Payload};
use super::super::message::{Answer, Run, ToHost, ToPlugin};
use super::super::value::{Decoder, Encoder};
use super::services::Remote;
use super::{Process, end};
use crate::lock;
use selfsame_sdk::{Ctx, Error, Inputs, Result, Value, panics};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// The most bytes of the stack of a call: that of main threads on Linux.
const STACK: usize = 8 << 20;

/// A channel to the host. One thread at a time says something there, and hears the answer.
pub struct Line(Mutex<UnixStream>);

impl Line {
    pub fn new(socket: UnixStream) -> Self {
        Line(Mutex::new(socket))
    }

    /// Says something that has no answer.
    pub fn tell(&self, message: &ToHost, payload: &Payload) {
        self.said(frame::send(&*lock(&self.0), message, payload, None))
    }

    /// Asks something.
    ///
    /// # Errors
    /// What the host answers.
    pub fn ask(&self, message: &ToHost, payload: &Payload) -> Result<Answer> {
        let socket = lock(&self.0);
        self.said(frame::send(&*socket, message, payload, None));
        match self.said(frame::receive(&*socket, None)) {
            (ToPlugin::Answer(Answer::Failed(failed)), _) => Err(failed.into()),
            (ToPlugin::Answer(answer), _) => Ok(answer),
            _ => end(),
        }
    }

    fn hear(&self) -> (ToPlugin, Payload) {
        self.said(frame::receive(&*lock(&self.0), None))
    }

    /// Without a host this process has no purpose. What is too long for a message is the plugin's mistake, which ends it too.
    fn said<T>(&self, result: std::io::Result<T>) -> T {
        result.unwrap_or_else(|error| {
            eprintln!("the connection to the host is broken: {error}");
            end()
        })
    }
}

/// Runs the calls of a channel, one after the other.
pub fn start(process: Arc<Process>, line: Line, cancelled: Arc<AtomicU64>) {
    let work = move || {
        let mut given = Vec::new();
        loop {
            let (message, payload) = line.hear();
            // The host has taken what the last call gave.
            panics::discard(std::mem::take(&mut given));
            match message {
                ToPlugin::Run(run) => given = answer(&process, &line, &cancelled, run, payload),
                ToPlugin::Taken => {}
                ToPlugin::Answer(_) => end(),
            }
        }
    };
    if std::thread::Builder::new().name("call".to_owned()).stack_size(STACK).spawn(work).is_err() {
        eprintln!("there is no thread for another call");
        end();
    }
}

/// Runs a node and says what it gave, which must be held until the host has it.
fn answer(process: &Arc<Process>, line: &Line, cancelled: &AtomicU64, call: Run, payload: Payload) -> Vec<Value> {
    let services = Remote::new(process, line, cancelled, call.call, &call.node_id);
    let called = panics::catch(|| run(process, &services, &call, payload));
    let encoded = called.and_then(|values| {
        let mut encoder = Encoder::new(process);
        values.iter().try_for_each(|value| encoder.value(value))?;
        Ok((encoder.finish()?, values))
    });
    match encoded {
        Ok((payload, values)) => {
            line.tell(&ToHost::Done, &payload);
            values
        }
        Err(error) => {
            line.tell(&ToHost::Failed(error.into()), &Payload::default());
            Vec::new()
        }
    }
}

fn run(process: &Arc<Process>, services: &Remote, call: &Run, payload: Payload) -> Result<Vec<Value>> {
    let unknown = || Error::new(format!("the host calls a node type {}, which there is not", call.node_type));
    let node_type = process.plugin.nodes().get(call.node_type as usize).ok_or_else(unknown)?;
    let mut decoder = Decoder::new(process, &payload.bytes, payload.memory)?;
    let ports = &node_type.descriptor().inputs;
    let slots = ports.iter().map(|_| decoder.slot()).collect::<Result<Vec<_>>>()?;
    let node =
        lock(&process.nodes).entry(call.node).or_insert_with(|| Arc::new(Mutex::new(node_type.create()))).clone();
    let mut node = lock(&node);
    node.run(Ctx::new(services), &Inputs::new(ports, &slots)?)
}
