//! The thread beside each process: it has started it, hears what it says and writes, and knows when and how it ended.

use super::super::frame;
use super::super::message::Told;
use super::super::settings::{Isolation, Limits};
use super::ended::Ended;
use super::folder::Folder;
use super::link::{Link, State, has_event};
use super::objects::Lent;
use super::output::{Output, Stream};
use crate::lock;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Starts a process and the thread beside it. Gives the connection, what the process says while it starts, and the thread,
/// which ends with the process and takes its folder away.
///
/// # Errors
/// If the system does not start it.
pub fn start(
    command: Command,
    control: UnixStream,
    isolation: &Isolation,
    folder: Folder,
) -> io::Result<(Arc<Link>, Receiver<Told>, JoinHandle<()>)> {
    let (limits, readable) = (isolation.limits.clone(), isolation.permissions.read.clone());
    let (started, starts) = channel();
    let (tell, told) = channel();
    // The process is started by this thread because it dies with the thread that has started it.
    let watch = move || {
        let spawned = spawn(command, control, limits, readable);
        match spawned {
            Ok((link, process, outputs)) => {
                let _ = started.send(Ok(link.clone()));
                Watch { link, process, outputs, tell }.run();
            }
            Err(error) => drop(started.send(Err(error))),
        }
        drop(folder);
    };
    let thread = std::thread::Builder::new().name("plugin process".to_owned()).spawn(watch)?;
    let link = starts.recv().map_err(io::Error::other)??;
    Ok((link, told, thread))
}

type Outputs = [(Stream, Option<File>); 2];

fn spawn(
    mut command: Command,
    control: UnixStream,
    limits: Limits,
    readable: Vec<PathBuf>,
) -> io::Result<(Arc<Link>, Child, Outputs)> {
    let mut process = command.spawn()?;
    // Closes the other end of the connection on this side.
    drop(command);
    match connect(&mut process, control, limits, readable) {
        Ok((link, outputs)) => Ok((Arc::new(link), process, outputs)),
        Err(error) => {
            // Nobody else would ever know of it.
            let _ = process.kill().and_then(|()| process.wait());
            Err(error)
        }
    }
}

fn connect(
    process: &mut Child,
    control: UnixStream,
    limits: Limits,
    readable: Vec<PathBuf>,
) -> io::Result<(Link, Outputs)> {
    let pid = Pid::from_child(process);
    let file = |output: Option<OwnedFd>| -> io::Result<Option<File>> {
        let Some(output) = output else { return Ok(None) };
        rustix::io::ioctl_fionbio(&output, true)?;
        Ok(Some(output.into()))
    };
    let outputs = [
        (Stream::Out, file(process.stdout.take().map(OwnedFd::from))?),
        (Stream::Error, file(process.stderr.take().map(OwnedFd::from))?),
    ];
    let link = Link {
        pid,
        pidfd: pidfd_open(pid, PidfdFlags::empty())?,
        control,
        telling: Mutex::default(),
        plugin: OnceLock::new(),
        free: Mutex::default(),
        channels: AtomicU64::new(0),
        limits,
        readable: Mutex::new(readable),
        lent: Lent::default(),
        output: Mutex::new(Output::default()),
        state: Mutex::new(State::default()),
        over: Condvar::new(),
    };
    Ok((link, outputs))
}

struct Watch {
    link: Arc<Link>,
    process: Child,
    /// Those that are still open.
    outputs: Outputs,
    tell: Sender<Told>,
}

impl Watch {
    fn run(mut self) {
        while self.wait() {}
        for _ in 0..16 {
            self.read_outputs();
        }
        let mut output = lock(&self.link.output);
        output.end();
        let last_words = output.last_words();
        drop(output);
        let _ = poll(&mut [PollFd::new(&self.link.pidfd, PollFlags::IN)], None);
        let mut state = lock(&self.link.state);
        // While nobody else may use its number, which is another's from now on. What it has left behind goes with it.
        let _ = kill_process_group(self.link.pid, Signal::KILL);
        let status = self.process.wait().ok();
        state.ended = Some(Ended { killed: state.killed.clone(), status, last_words });
        drop(state);
        self.link.over.notify_all();
        self.link.lent.clear();
    }

    /// Waits for something to happen; false once the process has ended.
    fn wait(&mut self) -> bool {
        let mut descriptors =
            vec![PollFd::new(&self.link.pidfd, PollFlags::IN), PollFd::new(&self.link.control, PollFlags::IN)];
        descriptors
            .extend(self.outputs.iter().filter_map(|(_, file)| Some(PollFd::new(file.as_ref()?, PollFlags::IN))));
        if poll(&mut descriptors, None).is_err() {
            return true;
        }
        let happened: Vec<bool> = descriptors.iter().map(|descriptor| !descriptor.revents().is_empty()).collect();
        self.read_outputs();
        if happened[0] {
            // What it said last may be why.
            while has_event(&self.link.control) && self.hear() {}
            return false;
        }
        if happened[1] && !self.hear() {
            self.link.expect_end();
            return false;
        }
        true
    }

    /// Hears what the process says; false if it has closed the connection, or says nonsense.
    fn hear(&mut self) -> bool {
        let give_up = Instant::now() + Duration::from_secs(5);
        let mut patience = || match Instant::now() < give_up {
            true => self.link.expect_words(&self.link.control),
            false => Err(io::ErrorKind::TimedOut.into()),
        };
        match frame::receive::<Told>(&self.link.control, Some(&mut patience)) {
            Ok((Told::Released(number), _)) => self.link.lent.remove(number),
            // Nobody hears it any more once the process was started.
            Ok((told, _)) => drop(self.tell.send(told)),
            Err(error) if frame::is_closed(&error) => return false,
            Err(error) => self.link.kill(&format!("it says what nobody understands: {error}")),
        }
        true
    }

    fn read_outputs(&mut self) {
        let mut bytes = [0; 1 << 16];
        for (stream, file) in &mut self.outputs {
            let Some(open) = file else { continue };
            match open.read(&mut bytes) {
                Ok(0) => *file = None,
                Ok(count) => lock(&self.link.output).add(*stream, &bytes[..count]),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => *file = None,
            }
        }
    }
}
