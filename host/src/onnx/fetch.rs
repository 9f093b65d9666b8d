//! Getting the library out of a wheel.

use super::wheel::PYTHON;
use super::{Error, Found, Origin, Places, Wheel};
use crate::models::{self, Event, Hub, Lock, PullError, Remote, download, hash, hex};
use selfsame_nodes::onnx::is_library_name;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The server that holds the files of the Python package index.
const SERVER: &str = "https://files.pythonhosted.org";

/// How the caller follows what happens, and stops it.
pub struct Watch<'a> {
    /// Is told what begins, in words for the user.
    pub say: &'a dyn Fn(&str),
    /// Is told how many bytes of how many are there.
    pub progress: &'a dyn Fn(u64, u64),
    /// Says whether to stop.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Where wheels come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// Programs that are `pip`, with the arguments that make them so: the first one that can be started is asked first.
    pub pip: Vec<Vec<String>>,
    /// The server to ask where there is no `pip`, or it does not find the wheel.
    pub server: String,
}

impl Sources {
    /// The `pip` of the active Python, and the files of the Python package index.
    pub fn usual() -> Self {
        let pip = ["python3 -m pip", "python -m pip", "pip3", "pip"];
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        Sources { pip: pip.into_iter().map(words).collect(), server: SERVER.to_owned() }
    }
}

/// Fetches a wheel and puts the library that it holds into a folder of its own below `folder`. The folder appears with
/// everything in it, or not at all. Two processes that fetch the same do it one after the other; the second finds it done.
///
/// # Errors
/// If it cannot be fetched or written, or is not what it should be.
pub fn fetch(wheel: &Wheel, sources: &Sources, folder: &Path, watch: &Watch<'_>) -> Result<Found, Error> {
    std::fs::create_dir_all(folder).map_err(Error::storage(folder, "cannot be made"))?;
    // Also shows whether anything can be written here at all.
    let work = tempfile::tempdir_in(folder).map_err(Error::storage(folder, "cannot be written"))?;
    let target = folder.join(wheel.name());
    let event = |_: &Path, event: Event| match event {
        Event::Waiting => (watch.say)("another program fetches ONNX Runtime; waiting for it"),
        Event::Fetching { done, .. } => (watch.progress)(done, wheel.bytes),
        Event::Retrying { reason, .. } => (watch.say)(&format!("trying again: {reason}")),
        Event::Checking { .. } => {}
    };
    let models_watch = models::Watch { event: &event, cancelled: watch.cancelled };
    let lock = Lock::acquire(&target, &models_watch).map_err(|error| failed(None, error))?;
    let places = Places::of([(Origin::Cache, target.clone())]);
    // Whoever held the lock has perhaps fetched it.
    if let Ok(found) = selfsame_nodes::onnx::find(&places) {
        lock.done();
        return Ok(found);
    }

    (watch.say)(&format!("fetching {} {} ({} MB)", wheel.package, wheel.version, wheel.bytes.div_ceil(1_000_000)));
    let file = match with_pip(wheel, sources, work.path(), watch)? {
        Ok(file) => file,
        Err(reason) => {
            // Beside the target, so that a later call continues with what is there.
            let file = folder.join(wheel.file());
            over_https(wheel, &sources.server, &file, &models_watch).map_err(|error| failed(reason, error))?;
            file
        }
    };
    let unpacked = work.path().join("unpacked");
    let done = unpack(wheel, &file, &unpacked);
    // The wheel has served, or is of no use.
    let _ = std::fs::remove_file(&file);
    done?;
    // A library that cannot be used must not get there.
    selfsame_nodes::onnx::find(&Places::of([(Origin::Cache, unpacked.clone())]))?;
    if target.exists() {
        // Something damaged it.
        std::fs::remove_dir_all(&target).map_err(Error::storage(&target, "is damaged and cannot be deleted"))?;
    }
    std::fs::rename(&unpacked, &target).map_err(Error::storage(&target, "cannot be given its name"))?;
    let found = selfsame_nodes::onnx::find(&places)?;
    lock.done();
    Ok(found)
}

fn failed(pip: Option<String>, error: PullError) -> Error {
    match error {
        PullError::Cancelled => Error::Cancelled,
        source => Error::Fetch { pip, source },
    }
}

/// The wheel from the first `pip` there is. If that does not give it: why, or nothing where there is none.
fn with_pip(
    wheel: &Wheel,
    sources: &Sources,
    folder: &Path,
    watch: &Watch<'_>,
) -> Result<Result<PathBuf, Option<String>>, Error> {
    let log = folder.join("pip.log");
    for pip in &sources.pip {
        let Some((program, arguments)) = pip.split_first() else { continue };
        let errors = File::create(&log).map_err(Error::storage(&log, "cannot be written"))?;
        let started = Command::new(program)
            .args(arguments)
            .args([
                "download",
                "--quiet",
                "--no-input",
                "--retries=1",
                "--no-deps",
                "--only-binary=:all:",
                "--implementation=cp",
            ])
            .args(["--python-version", PYTHON, "--abi", &format!("cp{PYTHON}")])
            .args(wheel.platform.split('.').flat_map(|platform| ["--platform", platform]))
            .arg("--dest")
            .arg(folder)
            .arg(format!("{}=={}", wheel.package, wheel.version))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn();
        let Ok(mut child) = started else { continue };
        let status = loop {
            if let Some(status) = child.try_wait().map_err(Error::storage(program, "cannot be waited for"))? {
                break status;
            }
            if (watch.cancelled)() {
                // If it has just ended by itself, all the better.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::Cancelled);
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let file = folder.join(wheel.file());
        if status.success() && file.is_file() {
            check(wheel, &file, "pip", watch)?;
            return Ok(Ok(file));
        }
        let said = std::fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        if said.contains("No module named pip") {
            continue;
        }
        let last = said.lines().rev().find(|line| line.starts_with("ERROR:")).or(said.lines().last());
        return Ok(Err(Some(last.map_or_else(|| format!("it ended with {status}"), str::to_owned))));
    }
    Ok(Err(None))
}

fn over_https(wheel: &Wheel, server: &str, target: &Path, watch: &models::Watch<'_>) -> Result<(), PullError> {
    let server = server.trim_end_matches('/');
    let hub = Hub::through_env(server, None)?;
    let url = format!("{server}/{}", wheel.path());
    let remote = Remote { page: url.clone(), url, bytes: Some(wheel.bytes), sha256: Some(&wheel.sha256) };
    download(&hub, &remote, target, watch).map(drop)
}

/// Whether a file is the wheel; if not, it is deleted with its folder by whoever made that.
fn check(wheel: &Wheel, file: &Path, from: &'static str, watch: &Watch<'_>) -> Result<(), Error> {
    let digest = File::open(file).and_then(|mut file| hash(&mut file, &|_| !(watch.cancelled)()));
    let got = hex(digest.map_err(Error::storage(file, "cannot be read"))?.ok_or(Error::Cancelled)?);
    match got == wheel.sha256 {
        true => Ok(()),
        false => Err(Error::WrongDigest { from, file: wheel.file(), expected: wheel.sha256.clone(), got }),
    }
}

/// Takes the library, and those that it loads itself, out of a wheel.
fn unpack(wheel: &Wheel, file: &Path, folder: &Path) -> Result<(), Error> {
    let wrong = |reason: String| Error::Wheel { file: wheel.file(), reason };
    std::fs::create_dir_all(folder).map_err(Error::storage(folder, "cannot be made"))?;
    let archive = File::open(file).map_err(Error::storage(file, "cannot be read"))?;
    let mut archive = zip::ZipArchive::new(archive).map_err(|error| wrong(error.to_string()))?;
    let mut is_there = false;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| wrong(error.to_string()))?;
        let name = entry.name().map_err(|error| wrong(error.to_string()))?;
        let Some(name) = name.strip_prefix("onnxruntime/capi/").filter(|name| is_wanted(name)) else { continue };
        is_there |= is_library_name(name);
        let path = folder.join(name);
        let written = File::create_new(&path).and_then(|mut out| {
            io::copy(&mut entry, &mut out)?;
            out.sync_all()
        });
        written.map_err(Error::storage(&path, "cannot be written"))?;
    }
    if is_there { Ok(()) } else { Err(wrong("there is no ONNX Runtime library in it".to_owned())) }
}

/// The library, and those with the execution providers that it loads from its folder.
fn is_wanted(name: &str) -> bool {
    let provider = name.strip_prefix("lib").unwrap_or(name).starts_with("onnxruntime_providers_");
    // A plain name: nothing in an archive decides where files are written.
    !name.contains(['/', '\\']) && (is_library_name(name) || provider)
}
