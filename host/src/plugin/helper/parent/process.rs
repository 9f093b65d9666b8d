//! The process of a plugin: started, and ended when it is not needed any more.

use super::super::super::PluginError;
use super::super::message::{Control, Start, Told, VERSION};
use super::super::settings::{Isolation, Sandbox};
use super::super::{ARGUMENT, Description};
use super::folder::Folder;
use super::link::Link;
use super::{objects, watch};
use selfsame_sdk::NodeDescriptor;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most node types of a plugin, and the most inputs and outputs of one.
const MAX_TYPES: usize = 10_000;
const MAX_PORTS: usize = 1000;

/// What a process may see of the environment; the rest may hold secrets.
const ENVIRONMENT: &[&str] = &["LANG", "LC_ALL", "LD_LIBRARY_PATH", "OMP_NUM_THREADS", "RAYON_NUM_THREADS", "TZ"];

/// The process of a plugin; it ends with this.
pub struct Process {
    link: Arc<Link>,
    sandbox: Sandbox,
    watcher: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a process that loads the library with this digest; gives what it says of itself.
    ///
    /// # Errors
    /// If there is no process, or no plugin in the library.
    pub fn start(library: &Path, digest: &str, isolation: &Isolation) -> Result<(Self, Description), PluginError> {
        let started = Instant::now();
        let (process, told) = Self::greet(library, digest, isolation)?;
        let description = match process.hear(&told, isolation.limits.start.saturating_sub(started.elapsed()))? {
            Told::Ready(description) => description,
            Told::Unfit(problem) => return Err(PluginError::Process(problem)),
            _ => return Err(process.refused("it says something else than what it is")),
        };
        let description: Description = serde_json::from_str(&description)
            .map_err(|error| process.refused(&format!("its description cannot be read: {error}")))?;
        let has_many = |node: &NodeDescriptor| node.inputs.len().max(node.outputs.len()) > MAX_PORTS;
        if description.nodes.len() > MAX_TYPES || description.nodes.iter().any(has_many) {
            return Err(process.refused("its description is too long"));
        }
        let _ = process.link.plugin.set(format!("{} {}", description.id, description.version));
        process.answer_questions().map_err(not_started)?;
        Ok((process, description))
    }

    /// Starts a process, which goes on with loading a library; gives what it says then.
    ///
    /// # Errors
    /// If there is no process, or it is no helper of this version.
    pub fn greet(library: &Path, digest: &str, isolation: &Isolation) -> Result<(Self, Receiver<Told>), PluginError> {
        let unicode = |path: &Path| {
            let text = path.to_str().map(str::to_owned);
            text.ok_or_else(|| PluginError::Process(format!("the path {} is not Unicode", path.display())))
        };
        let folder = Folder::new().map_err(not_started)?;
        let start = Start {
            library: unicode(library)?,
            digest: digest.to_owned(),
            folder: unicode(folder.path())?,
            limits: isolation.limits.clone(),
            permissions: isolation.permissions.clone(),
        };
        let (control, theirs) = UnixStream::pair().map_err(not_started)?;
        let command = command(isolation, folder.path(), theirs.into());
        let (link, told, watcher) = watch::start(command, control, isolation, folder).map_err(not_started)?;
        let mut process = Process { link, sandbox: NOTHING, watcher: Some(watcher) };
        process.link.tell(&Control::Start(start), None);
        match process.hear(&told, isolation.limits.start)? {
            Told::Hello { version, sandbox } if version == VERSION => process.sandbox = sandbox,
            Told::Hello { version, .. } => {
                let program = isolation.program.display();
                return Err(PluginError::Process(format!("the program {program} is {version}; expected {VERSION}")));
            }
            _ => return Err(process.refused("it does not say who it is")),
        }
        Ok((process, told))
    }

    fn hear(&self, told: &Receiver<Told>, patience: Duration) -> Result<Told, PluginError> {
        told.recv_timeout(patience).map_err(|error| {
            if error == RecvTimeoutError::Timeout {
                let limit = self.link.limits.start;
                self.link.kill(&format!("it was not loaded within {limit:?}, the limit of time"));
            }
            PluginError::Crashed(format!("while it was loaded, {}", self.link.wait().in_words()))
        })
    }

    fn refused(&self, why: &str) -> PluginError {
        self.link.kill(why);
        PluginError::Crashed(format!("while it was loaded, {}", self.link.wait().in_words()))
    }

    /// Starts the thread that answers what is asked outside of calls; it ends with the process.
    fn answer_questions(&self) -> std::io::Result<()> {
        let (socket, theirs) = UnixStream::pair()?;
        self.link.tell(&Control::Objects, Some(theirs.into()));
        let link = self.link.clone();
        let thread = std::thread::Builder::new().name("objects of a plugin".to_owned());
        thread.spawn(move || objects::answer(&link, &socket)).map(drop)
    }

    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// What the system sees to.
    pub fn sandbox(&self) -> Sandbox {
        self.sandbox
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.link.kill("it is not needed any more");
        // It takes the folder of the process away.
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

fn not_started(problem: std::io::Error) -> PluginError {
    PluginError::Process(format!("its process cannot be started: {problem}"))
}

const NOTHING: Sandbox = Sandbox { files: false, system_calls: false };

fn command(isolation: &Isolation, folder: &Path, control: OwnedFd) -> Command {
    let mut command = Command::new(&isolation.program);
    command.arg(ARGUMENT).current_dir(folder);
    // The process moves the connection elsewhere before the plugin is there, who may read from its standard input.
    command.stdin(control).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What interrupts the host from the terminal is the host's business.
    command.process_group(0);
    command.env_clear().env("HOME", folder).env("TMPDIR", folder);
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}
