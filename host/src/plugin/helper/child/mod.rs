//! The other side of isolated plugins: the process that loads a library and runs its nodes for the host.

mod limits;
mod objects;
mod sandbox;
mod services;
mod system_calls;
mod worker;

use super::frame::{self, Payload};
use super::message::{Control, Start, Told, VERSION};
use super::{Description, LibraryBytes, Plugin, PluginError};
use crate::cache::Memory;
use crate::lock;
use objects::Own;
use selfsame_sdk::{Node, panics};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use worker::Line;

/// A node; one call at a time runs it.
type SharedNode = Arc<Mutex<Box<dyn Node>>>;

/// What all calls of this process have in common.
struct Process {
    plugin: Arc<Plugin>,
    control: UnixStream,
    /// Nobody else writes to the control connection meanwhile.
    telling: Mutex<()>,
    /// The nodes of the host's graphs, by its numbers.
    nodes: Mutex<HashMap<u64, SharedNode>>,
    /// Where questions about objects of the host are asked outside of calls.
    objects: OnceLock<Line>,
    /// Objects of the plugin that the host holds.
    own: Own,
    /// What [`Ctx::shared`](selfsame_sdk::Ctx::shared) keeps.
    shared: Mutex<Memory>,
}

/// Serves the host; gives back only what went wrong before the library was loaded.
pub fn serve() -> Result<(), String> {
    let control = take_control().map_err(|error| format!("this is started by a host, not by hand: {error}"))?;
    let told = |error: io::Error| format!("the host cannot be understood: {error}");
    let (Control::Start(start), _) = frame::receive(&control, None).map_err(told)? else {
        return Err("the host does not say what to load".to_owned());
    };
    let Start { library, digest, folder, limits, permissions } = start;
    limits::set(&limits).map_err(|error| format!("a limit cannot be set: {error}"))?;
    let sandbox = sandbox::enter(Path::new(&library), Path::new(&folder), &permissions);
    let tell = |told: &Told| frame::send(&control, told, &Payload::default(), None);
    tell(&Told::Hello { version: VERSION.to_owned(), sandbox }).map_err(told)?;
    let loaded = load(Path::new(&library), &digest).map_err(|error| error.to_string());
    let described = loaded.and_then(|plugin| Ok((describe(&plugin)?, plugin)));
    let (description, plugin) = match described {
        Ok(described) => described,
        Err(problem) => return tell(&Told::Unfit(problem)).map_err(told),
    };
    tell(&Told::Ready(description)).map_err(told)?;
    // Of all that is kept, what nobody uses goes when this is exceeded.
    let shared = Mutex::new(Memory::new(limits.memory_bytes / 4));
    let (telling, nodes, objects, own) = (Mutex::default(), Mutex::default(), OnceLock::new(), Own::default());
    Arc::new(Process { plugin, control, telling, nodes, objects, own, shared }).listen()
}

/// Loads a library if it is the one that was meant, of which no other code runs.
fn load(path: &Path, digest: &str) -> Result<Arc<Plugin>, PluginError> {
    let library = LibraryBytes::read(path).map_err(PluginError::Unreadable)?;
    if library.sha256 == digest { Plugin::load_bytes(&library) } else { Err(PluginError::Changed) }
}

fn describe(plugin: &Plugin) -> Result<String, String> {
    serde_json::to_string(&Description::of(plugin)).map_err(|error| format!("its description: {error}"))
}

/// The connection that the host has given as the standard input, at another place; all other files of the host are closed.
fn take_control() -> io::Result<UnixStream> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    control.peer_addr()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let number = control.as_raw_fd() as u32;
    let close = |first: u32, last: u32| {
        // SAFETY: nothing of this process refers to any of them: it has just begun, and has opened none itself.
        if first <= last && unsafe { libc::close_range(first, last, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    close(3, number - 1)?;
    close(number + 1, u32::MAX)?;
    Ok(control)
}

impl Process {
    /// Hears what the host says beside calls, until the host is gone.
    fn listen(self: Arc<Self>) -> ! {
        let discard = self.discards();
        let mut cancels: HashMap<u64, Arc<AtomicU64>> = HashMap::new();
        while let Ok((control, payload)) = frame::receive(&self.control, None) {
            match control {
                Control::Open(number) => {
                    let Some(socket) = payload.memory else { break };
                    let cancelled = cancels.entry(number).or_default().clone();
                    worker::start(self.clone(), socket.into(), cancelled);
                }
                Control::Objects => {
                    let Some(socket) = payload.memory else { break };
                    let _ = self.objects.set(Line::new(socket.into()));
                }
                Control::Cancel { channel, call } => {
                    if let Some(cancelled) = cancels.get(&channel) {
                        cancelled.fetch_max(call, std::sync::atomic::Ordering::Relaxed);
                    }
                }
                Control::Release(_) | Control::Forget(_) => drop(discard.send(control)),
                Control::Start(_) => break,
            }
        }
        end()
    }

    /// Drops what the host gives up, on a thread of its own: a plugin may take its time.
    fn discards(self: &Arc<Self>) -> Sender<Control> {
        let (discard, discards) = channel();
        let process = self.clone();
        std::thread::spawn(move || {
            for control in discards {
                match control {
                    Control::Release(number) => panics::discard(process.own.remove(number)),
                    Control::Forget(number) => {
                        let node = lock(&process.nodes).remove(&number);
                        panics::discard(node);
                    }
                    _ => {}
                }
            }
        });
        discard
    }

    /// Tells the host something beside calls.
    fn tell(&self, told: &Told) {
        let _telling = lock(&self.telling);
        if frame::send(&self.control, told, &Payload::default(), None).is_err() {
            end();
        }
    }
}

/// Ends the process at once. Nobody is there any more to whom it would matter how.
fn end() -> ! {
    // SAFETY: it only ends the process; what plugins have registered for its end might wait for ever.
    unsafe { libc::_exit(0) }
}
