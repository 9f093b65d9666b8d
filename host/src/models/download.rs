//! Fetching one file, whatever the server and the network do.
//!
//! Nothing that a server says is believed for its own sake. A file is complete when it has the length and the digest
//! that are known beforehand, or else those that the hub states. Everything that can pass by itself is tried again.

use super::digest::BLOCK;
use super::hub::{Answer, number};
use super::part::{Note, Part};
use super::pull::{Checked, Event, Watch};
use super::verify::{Verdict, sniff};
use super::{Hub, PullError};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};
use ureq::http::StatusCode;

/// When a download has come so much further, the failures before are forgotten.
const PROGRESS: u64 = 8 << 20;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A file on a server, and what is known of it beforehand.
pub(crate) struct Remote<'a> {
    /// Where it is.
    pub url: String,
    /// The page where a person can see why it may not be had.
    pub page: String,
    /// Its length.
    pub bytes: Option<u64>,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: Option<&'a str>,
}

/// One file on its way.
struct Job<'a> {
    hub: &'a Hub,
    file: &'a Remote<'a>,
    target: &'a Path,
    watch: &'a Watch<'a>,
}

/// How an attempt failed.
enum Trouble {
    /// It makes no sense to try again.
    Final(PullError),
    /// It may work next time, after a pause; the server may ask for a longer one.
    Again { reason: String, pause: Option<Duration> },
    /// What is on disk cannot be continued, so it is fetched from the start, at once.
    FromStart(String),
}

impl From<PullError> for Trouble {
    fn from(error: PullError) -> Self {
        Self::Final(error)
    }
}

fn again(reason: impl Into<String>) -> Trouble {
    Trouble::Again { reason: reason.into(), pause: None }
}

/// Fetches a file to `target`, continuing what an earlier call left.
pub(crate) fn download(hub: &Hub, file: &Remote<'_>, target: &Path, watch: &Watch<'_>) -> Result<Checked, PullError> {
    let job = Job { hub, file, target, watch };
    let mut part = Part::open(target, watch)?;
    match job.fetch(&mut part) {
        Ok(checked) => part.finish().map(|()| checked),
        Err(error) => {
            // Bytes that are not the file's are of no use to anybody.
            let useless = matches!(error, PullError::WrongDigest { .. } | PullError::NotTheFile { .. });
            if useless || part.have() == 0 {
                part.discard()?;
            }
            Err(error)
        }
    }
}

/// What the complete file is compared with.
struct Facts {
    sha256: Option<(String, Checked)>,
}

impl Job<'_> {
    /// Tries until the file is complete and right.
    fn fetch(&self, part: &mut Part) -> Result<Checked, PullError> {
        self.check_space(part, self.file.bytes)?;
        let patience = self.hub.patience();
        let (mut failures, mut pause, mut furthest) = (0, patience.pause, part.have());
        loop {
            let trouble = match self.attempt(part).and_then(|facts| self.judge(part, facts)) {
                Ok(checked) => return Ok(checked),
                Err(trouble) => trouble,
            };
            let (reason, wait) = match trouble {
                Trouble::Final(error) => return Err(error),
                Trouble::Again { reason, pause: wanted } => (reason, wanted.unwrap_or(pause).min(LONGEST_PAUSE)),
                Trouble::FromStart(reason) => {
                    part.restart()?;
                    (reason, Duration::ZERO)
                }
            };
            if part.have() >= furthest + PROGRESS {
                (failures, pause, furthest) = (0, patience.pause, part.have());
            }
            failures += 1;
            if failures >= patience.attempts {
                return Err(PullError::GaveUp {
                    url: self.file.url.clone(),
                    attempts: failures,
                    reason,
                    kept: part.have(),
                });
            }
            (self.watch.event)(self.target, Event::Retrying { reason: &reason, pause: wait });
            sleep(wait, self.watch)?;
            if wait > Duration::ZERO {
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Asks once, and reads as far as it goes.
    fn attempt(&self, part: &mut Part) -> Result<Facts, Trouble> {
        self.check_cancelled()?;
        let answer = self.hub.get(&self.file.url, part.have()).map_err(again)?;
        self.compare_with_catalogue(answer.digest.as_deref(), answer.linked_size)?;
        let sha256 = match (self.file.sha256, &answer.digest) {
            (Some(known), _) => Some((known.to_owned(), Checked::Catalogue)),
            (None, stated) => stated.clone().map(|digest| (digest, Checked::Hub)),
        };
        let facts = Facts { sha256 };
        let note = Note { etag: answer.etag.clone(), sha256: facts.sha256.as_ref().map(|(digest, _)| digest.clone()) };
        let stated = self.file.bytes.or(answer.linked_size);

        let announced = match answer.status {
            StatusCode::OK => {
                // Also the answer of a server that knows nothing of ranges.
                part.restart()?;
                number(&answer.headers, "content-length")
            }
            StatusCode::PARTIAL_CONTENT => {
                let (start, total) = content_range(&answer)
                    .ok_or_else(|| Trouble::FromStart("the server does not say which part it sends".into()))?;
                if start != part.have() {
                    let asked = part.have();
                    return Err(Trouble::FromStart(format!(
                        "asked for byte {asked} on, the server sends from {start}"
                    )));
                }
                if start > 0 && !part.note.same_file(&note) {
                    return Err(Trouble::FromStart("the file has changed on the hub".into()));
                }
                total
            }
            StatusCode::RANGE_NOT_SATISFIABLE if part.have() > 0 => {
                // Nothing comes after what is there: it is complete, or it is not a part of this file.
                let length = stated.map_or(facts.sha256.is_some(), |length| length == part.have());
                let complete = length && part.note.same_file(&note);
                return match complete {
                    true => Ok(facts),
                    false => Err(Trouble::FromStart("what is on disk is longer than the file".into())),
                };
            }
            _ => return Err(self.refused(&answer)),
        };
        let total = stated.or(announced);
        if let (Some(expected), Some(got), None) = (stated, announced, &facts.sha256)
            && expected != got
        {
            // With a digest it does not matter what the server announces.
            return Err(PullError::WrongSize { url: self.file.url.clone(), expected, got }.into());
        }
        if total.is_none() && facts.sha256.is_none() {
            let problem = "the server states neither length nor digest, so nobody can tell whether a file is whole";
            return Err(PullError::Server { url: self.file.url.clone(), problem: problem.into() }.into());
        }
        self.check_space(part, total)?;
        part.set_note(note)?;
        self.read(answer, part, total)?;
        Ok(facts)
    }

    /// Reads a body to its end, but not beyond `total`.
    fn read(&self, answer: Answer, part: &mut Part, total: Option<u64>) -> Result<(), Trouble> {
        let mut body = answer.body.into_reader();
        let mut block = vec![0; BLOCK];
        loop {
            (self.watch.event)(self.target, Event::Fetching { done: part.have(), total });
            self.check_cancelled()?;
            let left = total.map_or(u64::MAX, |total| total.saturating_sub(part.have()));
            let room = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
            let read = match body.read(block.get_mut(..room).expect("at most a block")) {
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.map_err(|e| again(format!("{} after {} bytes", e, part.have())))?,
            };
            let bytes = block.get(..read).expect("a reader gives no more than the buffer holds");
            if part.have() == 0
                && let Some(other) = sniff(bytes)
            {
                let what = if other == Verdict::HtmlPage { "a web page" } else { "a Git-LFS pointer" };
                return Err(PullError::NotTheFile { url: self.file.url.clone(), what }.into());
            }
            part.append(bytes)?;
            if read == 0 {
                break;
            }
        }
        match total {
            Some(total) if part.have() < total => {
                Err(again(format!("the server stopped after {} of {total} bytes", part.have())))
            }
            _ => Ok(()),
        }
    }

    /// Whether the complete part is the file.
    fn judge(&self, part: &mut Part, facts: Facts) -> Result<Checked, Trouble> {
        let Some((expected, checked)) = facts.sha256 else { return Ok(Checked::Length) };
        let got = part.digest();
        if got == expected {
            return Ok(checked);
        }
        if part.resumed > 0 {
            // What an earlier call left may be the cause.
            return Err(Trouble::FromStart(format!("expected SHA-256 {expected}, got {got}")));
        }
        Err(PullError::WrongDigest { url: self.file.url.clone(), expected, got }.into())
    }

    /// Before gigabytes are fetched: whether the hub means the file that the catalogue means.
    fn compare_with_catalogue(&self, digest: Option<&str>, length: Option<u64>) -> Result<(), PullError> {
        if let (Some(expected), Some(got)) = (self.file.bytes, length)
            && expected != got
        {
            return Err(PullError::WrongSize { url: self.file.url.clone(), expected, got });
        }
        match (self.file.sha256, digest) {
            (Some(expected), Some(got)) if expected != got => Err(PullError::WrongDigest {
                url: self.file.url.clone(),
                expected: expected.to_string(),
                got: got.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// An answer that is neither the file nor a part of it.
    fn refused(&self, answer: &Answer) -> Trouble {
        let status = answer.status.as_u16();
        match status {
            401 | 403 if answer.from_hub => {
                PullError::Gated { page: self.file.page.clone(), status, token: self.hub.has_token() }.into()
            }
            404 | 410 => PullError::NotFound { url: self.file.url.clone() }.into(),
            // 401 and 403 from elsewhere: the signed address that the hub gave us is too old.
            401 | 403 | 408 | 416 | 425 | 429 | 500.. => Trouble::Again {
                reason: format!("the server answers {}", answer.status),
                pause: number(&answer.headers, "retry-after").map(Duration::from_secs),
            },
            _ => {
                let problem = format!("the server answers {}", answer.status);
                PullError::Server { url: self.file.url.clone(), problem }.into()
            }
        }
    }

    fn check_space(&self, part: &Part, total: Option<u64>) -> Result<(), PullError> {
        let Some(folder) = self.target.parent() else { return Ok(()) };
        let needed = total.map_or(0, |total| total.saturating_sub(part.have()));
        let free = fs4::available_space(folder).map_err(PullError::storage(folder, "cannot tell the free space"))?;
        match needed > free {
            true => Err(PullError::NoSpace { path: folder.to_path_buf(), needed, free }),
            false => Ok(()),
        }
    }

    fn check_cancelled(&self) -> Result<(), PullError> {
        if (self.watch.cancelled)() { Err(PullError::Cancelled) } else { Ok(()) }
    }
}

/// `bytes 100-199/200` or `bytes 100-199/*`: where it starts, and how long the whole is.
fn content_range(answer: &Answer) -> Option<(u64, Option<u64>)> {
    let (range, total) = answer.headers.get("content-range")?.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.trim().parse().ok()?, total.trim().parse().ok()))
}

/// Sleeps, but not through a cancellation.
fn sleep(pause: Duration, watch: &Watch<'_>) -> Result<(), PullError> {
    let end = Instant::now() + pause;
    loop {
        if (watch.cancelled)() {
            return Err(PullError::Cancelled);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}
