//! The system calls that a plugin may make. What is not named here is refused with EPERM: other programs and processes, the
//! network, the terminal, the kernel's settings, and whatever is invented later.

use libc::*;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Its memory.
#[rustfmt::skip]
const MEMORY: &[c_long] = &[
    SYS_brk, SYS_madvise, SYS_membarrier, SYS_memfd_create, SYS_mincore, SYS_mlock, SYS_mlock2, SYS_mlockall,
    SYS_mmap, SYS_mprotect, SYS_mremap, SYS_msync, SYS_munlock, SYS_munlockall, SYS_munmap, SYS_pkey_alloc,
    SYS_pkey_free, SYS_pkey_mprotect, SYS_get_mempolicy,
];

/// Files, as far as it can open them. Landlock decides on paths, but not of all of these: so none changes modes or owners.
#[rustfmt::skip]
const FILES: &[c_long] = &[
    SYS_chdir, SYS_close, SYS_close_range, SYS_copy_file_range, SYS_dup, SYS_dup3, SYS_faccessat, SYS_faccessat2,
    SYS_fadvise64, SYS_fallocate, SYS_fchdir, SYS_fdatasync, SYS_flock, SYS_fstat, SYS_fstatfs, SYS_fsync,
    SYS_ftruncate, SYS_getcwd, SYS_getdents64, SYS_linkat, SYS_lseek, SYS_mkdirat, SYS_newfstatat, SYS_openat,
    SYS_openat2, SYS_pipe2, SYS_pread64, SYS_preadv, SYS_preadv2, SYS_pwrite64, SYS_pwritev, SYS_pwritev2, SYS_read,
    SYS_readahead, SYS_readlinkat, SYS_readv, SYS_renameat2, SYS_sendfile, SYS_splice, SYS_statfs,
    SYS_statx, SYS_symlinkat, SYS_sync_file_range, SYS_tee, SYS_umask, SYS_unlinkat, SYS_write,
    SYS_writev,
];

/// Threads of its own, and itself. `clone3` is refused elsewhere.
#[rustfmt::skip]
const PROCESS: &[c_long] = &[
    SYS_clone3, SYS_exit, SYS_exit_group, SYS_futex, SYS_futex_waitv, SYS_get_robust_list, SYS_getcpu, SYS_getegid,
    SYS_geteuid, SYS_getgid, SYS_getgroups, SYS_getpgid, SYS_getpid, SYS_getppid, SYS_getpriority, SYS_getresgid,
    SYS_getresuid, SYS_getrusage, SYS_getsid, SYS_gettid, SYS_getuid, SYS_restart_syscall, SYS_rseq,
    SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_sched_getaffinity, SYS_sched_getattr,
    SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_yield, SYS_set_robust_list, SYS_set_tid_address,
    SYS_sysinfo, SYS_times, SYS_uname, SYS_wait4, SYS_waitid,
];

/// Signals to itself, and time.
#[rustfmt::skip]
const SIGNALS_AND_TIME: &[c_long] = &[
    SYS_clock_getres, SYS_clock_gettime, SYS_clock_nanosleep, SYS_getitimer, SYS_gettimeofday, SYS_nanosleep,
    SYS_rt_sigaction, SYS_rt_sigpending, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
    SYS_setitimer, SYS_sigaltstack, SYS_signalfd4, SYS_timer_create, SYS_timer_delete, SYS_timer_getoverrun,
    SYS_timer_gettime, SYS_timer_settime, SYS_timerfd_create, SYS_timerfd_gettime, SYS_timerfd_settime,
];

/// Waiting, and talking over the connections that it has.
#[rustfmt::skip]
const CONNECTIONS: &[c_long] = &[
    SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_eventfd2, SYS_getpeername, SYS_getrandom,
    SYS_getsockname, SYS_getsockopt, SYS_ppoll, SYS_pselect6, SYS_recvfrom, SYS_recvmmsg, SYS_recvmsg, SYS_sendmmsg,
    SYS_sendmsg, SYS_sendto, SYS_setsockopt, SYS_shutdown,
];

/// Older forms of the same, which newer architectures do not have.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLDER: &[c_long] = &[
    SYS_access, SYS_alarm, SYS_arch_prctl, SYS_creat, SYS_dup2, SYS_epoll_create, SYS_epoll_wait, SYS_eventfd,
    SYS_getdents, SYS_getpgrp, SYS_getrlimit, SYS_link, SYS_lstat, SYS_mkdir, SYS_open, SYS_pause, SYS_pipe, SYS_poll,
    SYS_readlink, SYS_rename, SYS_renameat, SYS_rmdir, SYS_select, SYS_signalfd, SYS_stat, SYS_symlink, SYS_time, SYS_unlink,
];
#[cfg(target_arch = "aarch64")]
const OLDER: &[c_long] = &[SYS_renameat];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OLDER: &[c_long] = &[];

/// What `fcntl` is asked for when a file shall send signals, to whatever process; not all of it is in `libc`.
const SIGNALS_OF_FILES: [c_int; 3] = [F_SETOWN, 15 /* F_SETOWN_EX */, 10 /* F_SETSIG */];

/// Connecting to other machines, and to other programs of this one.
const NETWORK: &[c_long] = &[SYS_bind, SYS_connect, SYS_socket];

/// Restricts this thread, and all that it starts, for good.
///
/// # Errors
/// If the system has no filters for system calls, or this architecture is not known.
pub fn restrict(network: bool) -> Result<()> {
    // glibc takes ENOSYS as "not invented yet" and uses `clone`, whose flags a filter can read. Of two filters the stricter
    // one decides.
    let clone3 = Rules::from([(SYS_clone3, vec![])]);
    seccompiler::apply_filter(&filter(clone3, SeccompAction::Allow, SeccompAction::Errno(ENOSYS as u32))?)?;
    let allowed = filter(rules(network)?, SeccompAction::Errno(EPERM as u32), SeccompAction::Allow)?;
    Ok(seccompiler::apply_filter(&allowed)?)
}

fn filter(rules: Rules, otherwise: SeccompAction, then: SeccompAction) -> Result<BpfProgram> {
    Ok(SeccompFilter::new(rules, otherwise, then, std::env::consts::ARCH.try_into()?)?.try_into()?)
}

fn rules(network: bool) -> Result<Rules> {
    let all = [MEMORY, FILES, PROCESS, SIGNALS_AND_TIME, CONNECTIONS, OLDER];
    let mut rules: Rules = all.into_iter().flatten().map(|call| (*call, vec![])).collect();
    if network {
        rules.extend(NETWORK.iter().map(|call| (*call, vec![])));
    }
    let is = |argument: u8, length: SeccompCmpArgLen, value: u64| {
        SeccompCondition::new(argument, length, SeccompCmpOp::Eq, value)
    };
    let (word, long) = (SeccompCmpArgLen::Dword, SeccompCmpArgLen::Qword);
    let one_of = |argument: u8, values: &[u64]| {
        values
            .iter()
            .map(|value| SeccompRule::new(vec![is(argument, word.clone(), *value)?]))
            .collect::<std::result::Result<Vec<_>, _>>()
    };
    // Threads, no processes.
    let thread = CLONE_THREAD as u64;
    let threads = SeccompCondition::new(0, long.clone(), SeccompCmpOp::MaskedEq(thread), thread)?;
    rules.insert(SYS_clone, vec![SeccompRule::new(vec![threads])?]);
    // Signals to itself only.
    let itself = u64::from(std::process::id());
    for call in [SYS_kill, SYS_tgkill] {
        rules.insert(call, one_of(0, &[itself])?);
    }
    let is_not = |value: c_int| SeccompCondition::new(1, word.clone(), SeccompCmpOp::Ne, value as u64);
    let quiet = SIGNALS_OF_FILES.into_iter().map(is_not).collect::<std::result::Result<_, _>>()?;
    rules.insert(SYS_fcntl, vec![SeccompRule::new(quiet)?]);
    // Connections to itself. Those that carry no stream can be turned to other programs.
    let kind = SeccompCmpOp::MaskedEq(!((SOCK_CLOEXEC | SOCK_NONBLOCK) as u64));
    let stream = SeccompCondition::new(1, word.clone(), kind, SOCK_STREAM as u64)?;
    rules.insert(SYS_socketpair, vec![SeccompRule::new(vec![stream])?]);
    // Its own limits, to be read.
    let limits = SeccompRule::new(vec![is(0, word.clone(), 0)?, is(2, long, 0)?])?;
    rules.insert(SYS_prlimit64, vec![limits]);
    // Names of threads and of memory. Not that it outlives the host.
    let names = [PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_DUMPABLE, PR_CAPBSET_READ];
    rules.insert(SYS_prctl, one_of(0, &names.map(|name| name as u64))?);
    // Whether something is a terminal, how much there is to read, and whether to wait for it.
    rules.insert(SYS_ioctl, one_of(1, &[TCGETS, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX].map(|request| request as _))?);
    Ok(rules)
}
