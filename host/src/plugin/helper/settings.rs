//! What an isolated plugin may use up, and what it may reach.

use crate::device;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How plugins are isolated.
#[derive(Clone, Debug)]
pub struct Isolation {
    /// The program that is started with the argument [`ARGUMENT`](super::ARGUMENT) for each plugin. The default is the running
    /// program, which is right for `selfsame`; one that embeds this library calls [`serve`](super::serve), or names `selfsame`.
    pub program: PathBuf,
    /// What a process may use up.
    pub limits: Limits,
    /// What it may reach besides its library, the system's libraries and a folder of its own.
    pub permissions: Permissions,
}

impl Default for Isolation {
    fn default() -> Self {
        // The running program even if its file was replaced, so that both sides are of one version.
        let program = PathBuf::from("/proc/self/exe");
        Isolation { program, limits: Limits::default(), permissions: Permissions::default() }
    }
}

/// What the process of a plugin may use up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// How many bytes of memory it may ask for; also the length of the largest file that it may write. Half of the machine's memory.
    pub memory_bytes: u64,
    /// How many files it may have open. 256.
    pub open_files: u64,
    /// How many threads it may have, with the few that serve the host. 256. Looked at while it runs a call.
    pub threads: u64,
    /// How long its processors may work for it in all, from the start of the process. No limit.
    pub cpu: Option<Duration>,
    /// How long a call of a node may take. No limit: what takes long shows progress, and can be cancelled.
    pub call: Option<Duration>,
    /// How long loading the library may take, and what is asked of its objects outside of calls of nodes. 30 seconds.
    pub start: Duration,
    /// How soon a call must end after it was cancelled; else the process is killed. 5 seconds.
    pub cancel: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes: device::memory_bytes() / 2,
            open_files: 256,
            threads: 256,
            cpu: None,
            call: None,
            start: Duration::from_secs(30),
            cancel: Duration::from_secs(5),
        }
    }
}

/// What the process of a plugin may reach, besides its library, the system's libraries and a folder of its own for
/// temporary files. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Files that it may read, and folders with all that is in them.
    pub read: Vec<PathBuf>,
    /// It may connect to other machines, and to programs of this one.
    pub network: bool,
}

/// What this system sees to while a plugin is isolated. Limits and crashes hold in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// It opens and truncates no files but those that it may (Landlock, in full since Linux 6.2).
    pub files: bool,
    /// It makes harmless system calls only: no other programs, no other processes, no network unless permitted (seccomp).
    pub system_calls: bool,
}

impl Sandbox {
    /// What this system does not see to, in words; none if it sees to everything.
    pub fn lacks(&self) -> Option<&'static str> {
        match (self.files, self.system_calls) {
            (true, true) => None,
            (false, true) => Some(
                "this system has no Landlock, or that of before Linux 6.2: the plugin can read and write, or empty, all files of yours",
            ),
            (true, false) => {
                Some("this system has no seccomp: the plugin can start programs and use the network with your rights")
            }
            (false, false) => Some(
                "this system has neither Landlock nor seccomp: the plugin cannot crash the host, but has all rights of yours",
            ),
        }
    }
}
