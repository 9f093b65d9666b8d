//! The connection to a process, for everybody who needs to say something to it or know how it is.

use super::super::frame::{self, Payload};
use super::super::message::Control;
use super::super::settings::Limits;
use super::ended::Ended;
use super::objects::Lent;
use super::output::Output;
use crate::lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, pidfd_send_signal};
use selfsame_sdk::{Error, Status};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The connection to a process.
pub struct Link {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    pub control: UnixStream,
    /// Nobody else writes to the control connection meanwhile.
    pub telling: Mutex<()>,
    pub limits: Limits,
    /// What it may have the host read for it: what it is permitted to read, and model files that it was told of.
    pub readable: Mutex<Vec<PathBuf>>,
    /// `acme-filters 1.0.0`, once it is known.
    pub plugin: OnceLock<String>,
    /// Channels that no call uses, and how many there are in all.
    pub free: Mutex<Vec<Channel>>,
    pub channels: AtomicU64,
    /// The objects that it was lent.
    pub lent: Lent,
    pub output: Mutex<Output>,
    pub state: Mutex<State>,
    /// It has ended.
    pub over: Condvar,
}

/// How a process is.
#[derive(Default)]
pub struct State {
    /// Why it was killed, if it was.
    pub killed: Option<String>,
    pub ended: Option<Ended>,
}

/// A connection for one call at a time.
pub struct Channel {
    pub number: u64,
    pub socket: UnixStream,
}

/// Whether there is something to be read now; of a process, whether it has ended.
pub fn has_event(of: impl AsFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(&of, PollFlags::IN)], Some(&at_once)), Ok(1))
}

impl Link {
    /// A channel for a call.
    ///
    /// # Errors
    /// If the system gives none.
    pub fn channel(&self) -> io::Result<Channel> {
        if let Some(free) = lock(&self.free).pop() {
            return Ok(free);
        }
        let (socket, theirs) = UnixStream::pair()?;
        let number = self.channels.fetch_add(1, Ordering::Relaxed);
        self.tell(&Control::Open(number), Some(theirs.into()));
        Ok(Channel { number, socket })
    }

    /// Takes a channel back whose call is over.
    pub fn give_back(&self, channel: Channel) {
        lock(&self.free).push(channel);
    }

    /// The process was told of a model file.
    pub fn permit(&self, path: &Path) {
        let mut readable = lock(&self.readable);
        if !readable.iter().any(|known| known == path) {
            readable.push(path.to_owned());
        }
    }

    /// Where a file lies that the process wants the host to read: this is to be opened, since links may change.
    ///
    /// # Errors
    /// If it may not be read, or is not there.
    pub fn readable(&self, path: &Path) -> Result<PathBuf, Error> {
        let place = path.canonicalize();
        let is_below = |known: &PathBuf| match &place {
            Ok(place) => known.canonicalize().is_ok_and(|known| place.starts_with(known)),
            // What is not there leads nowhere, unless it says so itself.
            Err(_) => path.starts_with(known) && !path.components().any(|part| part == Component::ParentDir),
        };
        if lock(&self.readable).iter().any(is_below) {
            return place
                .map_err(|error| Error::with(Status::NotFound, format!("cannot read {}: {error}", path.display())));
        }
        let message = format!("{} cannot be read: the plugin is isolated, and not permitted to", path.display());
        Err(Error::with(Status::Unsupported, message).hint(
            "permit it, for instance with `--plugins-read FOLDER` or `--permit read_files`, if you trust the plugin with what is there",
        ))
    }

    /// An error of this side, with where it comes from.
    pub fn named(&self, error: Error) -> Error {
        let plugin = self.plugin.get().map(String::as_str).unwrap_or_default();
        Error { message: format!("{} (plugin {plugin})", error.message), ..error }
    }

    /// Says something on the control connection. A process that does not listen is killed.
    pub fn tell(&self, control: &Control, socket: Option<OwnedFd>) {
        let telling = lock(&self.telling);
        // It always listens there, unless it is up to something.
        let give_up = Instant::now() + Duration::from_secs(5);
        let mut patience = || if Instant::now() < give_up { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) };
        let payload = Payload { bytes: Vec::new(), memory: socket };
        let told = frame::send(&self.control, control, &payload, Some(&mut patience));
        drop(telling);
        if let Err(error) = told {
            // If it has ended already, that is why.
            if error.kind() == io::ErrorKind::TimedOut {
                self.kill("it does not listen any more");
            }
        }
    }

    /// Kills the process with all that it has started, unless it has ended or was killed already.
    pub fn kill(&self, why: &str) {
        let mut state = lock(&self.state);
        if state.ended.is_none() && state.killed.is_none() {
            state.killed = Some(why.to_owned());
            // They can only fail if the process has ended meanwhile. Its number is its own until it is known to have ended.
            let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Fails once the process has ended and has left nothing to be read: its connections may be open nevertheless, since a
    /// process can send their ends away.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`].
    pub fn expect_words(&self, socket: &UnixStream) -> io::Result<()> {
        // In this order: what it says comes before its end.
        let has_ended = has_event(&self.pidfd);
        if has_ended && !has_event(socket) { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Fails once the process has ended, so that nobody listens any more.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`].
    pub fn expect_listener(&self) -> io::Result<()> {
        if has_event(&self.pidfd) { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    /// Whether it has ended, or will in a moment.
    pub fn is_gone(&self) -> bool {
        let is_known = {
            let state = lock(&self.state);
            state.ended.is_some() || state.killed.is_some()
        };
        // The thread beside it may not have come to it yet.
        is_known || has_event(&self.pidfd)
    }

    /// A process that has closed its connection has a second to end, then it is killed.
    pub fn expect_end(&self) {
        let second = Timespec { tv_sec: 1, tv_nsec: 0 };
        loop {
            match poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&second)) {
                Ok(0) => return self.kill("it has closed its connection"),
                Err(Errno::INTR) => {}
                _ => return,
            }
        }
    }

    /// How it ended; waits for that. Only for a process that was killed, or whose connection is closed.
    pub fn wait(&self) -> Ended {
        self.expect_end();
        let mut state = lock(&self.state);
        loop {
            if let Some(ended) = &state.ended {
                return ended.clone();
            }
            state = self.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How much memory it has in use, in bytes, with what it shares with this side.
    pub fn memory_in_use(&self) -> Option<u64> {
        let pages = std::fs::read_to_string(format!("/proc/{}/statm", self.pid.as_raw_nonzero())).ok()?;
        let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    /// How many threads it has, the first one included.
    pub fn threads(&self) -> Option<u64> {
        // The system limits threads by user, not by process, so that they are counted. The plugin names its process as it
        // likes, not only by Unicode.
        let status = std::fs::read(format!("/proc/{}/status", self.pid.as_raw_nonzero())).ok()?;
        let status = String::from_utf8_lossy(&status);
        status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
    }
}
