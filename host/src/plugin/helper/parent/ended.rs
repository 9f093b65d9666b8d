//! How a process ended, in words.

use super::super::super::MISTAKE;
use rustix::process::Signal;
use selfsame_sdk::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a process ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Why this side has killed it, if it has.
    pub killed: Option<String>,
    /// How it ended, if the system could tell.
    pub status: Option<ExitStatus>,
    /// What it wrote last to its standard error output.
    pub last_words: Option<String>,
}

impl Ended {
    /// `its process was ended by SIGSEGV (a wrong address in memory)`
    pub fn in_words(&self) -> String {
        let how = match (&self.killed, self.status) {
            (Some(why), _) => return format!("its process was killed: {why}"),
            (None, Some(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("its process was ended by {}", name(signal)),
                (None, Some(code)) => format!("it ended its process itself, with exit code {code}"),
                (None, None) => "its process ended".to_owned(),
            },
            (None, None) => "its process ended".to_owned(),
        };
        match &self.last_words {
            Some(words) => format!("{how}; it last wrote: {words}"),
            None => how,
        }
    }

    /// What a call fails with that was in progress.
    pub fn error(&self) -> Error {
        let words = self.in_words();
        match self.killed {
            Some(_) => Error::new(format!("the plugin was stopped, and the host goes on: {words}")),
            None => Error::new(format!("the plugin crashed, and the host goes on: {words}")).hint(MISTAKE),
        }
    }
}

fn name(signal: i32) -> String {
    let known = [
        (Signal::SEGV, "SIGSEGV (a wrong address in memory, or no stack left)"),
        (Signal::BUS, "SIGBUS (a wrong address in memory)"),
        (Signal::ABORT, "SIGABRT (it gave up itself)"),
        (Signal::ILL, "SIGILL (an instruction that this processor lacks)"),
        (Signal::FPE, "SIGFPE (a division by zero)"),
        (Signal::KILL, "SIGKILL (by the system, for lack of memory, or by somebody)"),
        (Signal::TERM, "SIGTERM (by somebody)"),
        (Signal::TRAP, "SIGTRAP (it gave up itself)"),
        (Signal::SYS, "SIGSYS (a system call that it may not make)"),
        (Signal::XCPU, "SIGXCPU (its limit of processor time)"),
        (Signal::XFSZ, "SIGXFSZ (a file larger than its limit of memory)"),
    ];
    let known = known.iter().find(|(known, _)| known.as_raw() == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_words() {
        let ended = |status: Option<i32>, killed: Option<&str>, last_words: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            let (status, killed, last_words) = (status.map(ExitStatus::from_raw), own(killed), own(last_words));
            Ended { status, killed, last_words }.in_words()
        };
        assert_eq!(
            ended(Some(11), None, None),
            "its process was ended by SIGSEGV (a wrong address in memory, or no stack left)"
        );
        assert_eq!(ended(Some(3 << 8), None, None), "it ended its process itself, with exit code 3");
        assert_eq!(ended(Some(62), None, Some("oh")), "its process was ended by signal 62; it last wrote: oh");
        assert_eq!(ended(Some(9), Some("it was too slow"), Some("oh")), "its process was killed: it was too slow");
        assert_eq!(ended(None, None, None), "its process ended");
    }
}
