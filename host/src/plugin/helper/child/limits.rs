//! What this process may use up.

use super::super::settings::Limits;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io;

/// Sets the limits that the system sees to. They can only be lowered afterwards.
///
/// # Errors
/// If the system refuses one: it is above a limit of the host's.
pub fn set(limits: &Limits) -> io::Result<()> {
    let set = |resource: Resource, limit: u64| {
        // What the host may not have itself, this process may not either.
        let limit = rustix::process::getrlimit(resource).maximum.map_or(limit, |most| most.min(limit));
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
    };
    // What it asks for and may write to. What it only shares with the host is counted by neither; the host looks at that.
    set(Resource::Data, limits.memory_bytes)?;
    set(Resource::Fsize, limits.memory_bytes)?;
    set(Resource::Nofile, limits.open_files)?;
    set(Resource::Core, 0)?;
    if let Some(cpu) = limits.cpu {
        set(Resource::Cpu, cpu.as_secs().max(1))?;
    }
    // If memory runs out nevertheless, the system had better end this than the host. Without it nothing is worse than before.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    Ok(())
}
