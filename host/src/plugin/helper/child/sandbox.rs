//! What this process gives up before any code of the plugin runs.

use super::super::settings::{Permissions, Sandbox};
use super::system_calls;
use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use std::path::{Path, PathBuf};

/// What is known of Landlock here. A system that knows less restricts less; what it restricts is told.
const KNOWN: ABI = ABI::V6;

/// Where libraries lie, and what libraries look at: the machine, the language, the time. None of it is the user's.
const SYSTEM: &[&str] = &[
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/locale",
    "/usr/share/zoneinfo",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/self",
    "/sys/devices/system/cpu",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];

/// What finding other machines and trusting them takes.
const NETWORK: &[&str] = &[
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/run/systemd/resolve",
    "/usr/share/ca-certificates",
];

/// Gives up everything but what is permitted; gives what the system sees to.
pub fn enter(library: &Path, folder: &Path, permissions: &Permissions) -> Sandbox {
    let files = restrict_files(library, folder, permissions);
    Sandbox { files: files.unwrap_or(false), system_calls: system_calls::restrict(permissions.network).is_ok() }
}

/// Whether the system sees to opening and truncating files; older ones do not see to signals.
fn restrict_files(library: &Path, folder: &Path, permissions: &Permissions) -> Result<bool, RulesetError> {
    let read: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let own = read
        | make_bitflags!(AccessFs::{
            WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir | MakeSym | Refer
        });
    let mut readable: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    readable.extend(
        std::env::split_paths(&std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default()).filter(|path| is_whole(path)),
    );
    // For the names of functions in reports of panics.
    readable.extend(std::env::current_exe());
    readable.push(library.to_owned());
    readable.extend(permissions.read.iter().cloned());
    if permissions.network {
        readable.extend(NETWORK.iter().map(PathBuf::from));
    }
    let rules = Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?.scope(Scope::from_all(KNOWN))?;
    // What is not there needs no rule.
    let status = rules
        .create()?
        .add_rules(path_beneath_rules(readable, read))?
        .add_rules(path_beneath_rules([folder], own))?
        .add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?
        .restrict_self()?;
    let is_complete =
        matches!(status.landlock, LandlockStatus::Available { effective_abi, .. } if effective_abi >= ABI::V3);
    Ok(is_complete && status.ruleset != RulesetStatus::NotEnforced)
}

/// Relative paths mean another place here, and `/` is everything.
fn is_whole(path: &Path) -> bool {
    path.is_absolute() && path.parent().is_some()
}
