//! The process of a plugin: started, and ended when it is not needed any more.

use super::super::super::{PluginError, is_plugin_id};
use super::super::message::{Control, Start, Told, VERSION};
use super::super::settings::{Isolation, Sandbox};
use super::super::{ARGUMENT, About, Description};
use super::ended::Ended;
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
/// The most bytes of a text.
const MAX_TEXT: usize = 1 << 20;

/// How often it is looked at whether a start should go on.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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
    pub fn start(
        library: &Path,
        digest: &str,
        isolation: &Isolation,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<(Self, Description), PluginError> {
        let (process, told) = Self::greet(library, digest, isolation, is_cancelled)?;
        // From here on code of the plugin runs, whose fault it is.
        let description = match process.hear(&told, is_cancelled) {
            Ok(Told::Ready(description)) => description,
            Ok(Told::Unfit(problem)) => return Err(PluginError::Process(problem)),
            Ok(_) => return Err(process.refused("it says something else than what it is")),
            Err(ended) => return Err(crashed(&ended)),
        };
        let description: Description = serde_json::from_str(&description)
            .map_err(|error| process.refused(&format!("its description cannot be read: {error}")))?;
        let has_many = |node: &NodeDescriptor| node.inputs.len().max(node.outputs.len()) > MAX_PORTS;
        if description.nodes.len() > MAX_TYPES || description.nodes.iter().any(has_many) {
            return Err(process.refused("its description is too long"));
        }
        if !is_plugin_id(&description.id) {
            return Err(process.refused(&format!("it says that its id is {:?}", description.id)));
        }
        let About { title, doc, authors, license, homepage, build_info, .. } = &description.about;
        let of_plugin = [&description.version, title, doc, authors, license, homepage].into_iter().chain(build_info);
        let of_node =
            |node: &NodeDescriptor| [&node.id, &node.name, &node.title, &node.category, &node.doc].map(String::len);
        if of_plugin.map(String::len).chain(description.nodes.iter().flat_map(of_node)).any(|length| length > MAX_TEXT)
        {
            return Err(process.refused("a text of its description is too long"));
        }
        let _ = process.link.plugin.set(format!("{} {}", description.id, description.version));
        process.answer_questions().map_err(not_started)?;
        Ok((process, description))
    }

    /// Starts a process, which goes on with loading a library; gives what it says then.
    ///
    /// # Errors
    /// If there is no process, or it is no helper of this version.
    pub fn greet(
        library: &Path,
        digest: &str,
        isolation: &Isolation,
        is_cancelled: &dyn Fn() -> bool,
    ) -> Result<(Self, Receiver<Told>), PluginError> {
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
        // No code of the plugin has run yet: whatever goes wrong is no fault of it.
        let program = isolation.program.display();
        match process.hear(&told, is_cancelled) {
            Ok(Told::Hello { version, sandbox }) if version == VERSION => process.sandbox = sandbox,
            Ok(Told::Hello { version, .. }) => {
                return Err(PluginError::Process(format!("the program {program} is {version}; expected {VERSION}")));
            }
            Ok(_) => return Err(PluginError::Process(format!("the program {program} does not say who it is"))),
            Err(ended) => return Err(PluginError::Process(format!("its process did not start: {}", ended.in_words()))),
        }
        Ok((process, told))
    }

    /// What the process says next; else how it ended.
    fn hear(&self, told: &Receiver<Told>, is_cancelled: &dyn Fn() -> bool) -> Result<Told, Ended> {
        let (started, limit) = (Instant::now(), self.link.limits.start);
        loop {
            match told.recv_timeout(LOOK_EVERY) {
                Ok(told) => return Ok(told),
                Err(RecvTimeoutError::Timeout) if is_cancelled() => self.link.kill("the run was cancelled"),
                Err(RecvTimeoutError::Timeout) if started.elapsed() < limit => continue,
                Err(RecvTimeoutError::Timeout) => {
                    self.link.kill(&format!("it was not loaded within {limit:?}, the limit of time"));
                }
                Err(RecvTimeoutError::Disconnected) => {}
            }
            return Err(self.link.wait());
        }
    }

    fn refused(&self, why: &str) -> PluginError {
        self.link.kill(why);
        crashed(&self.link.wait())
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

fn crashed(ended: &Ended) -> PluginError {
    PluginError::Crashed(format!("while it was loaded, {}", ended.in_words()))
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
