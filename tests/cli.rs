//! The program `selfsame` as a process: exit codes, standard output, standard error, files.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "cli/bench.rs"]
mod bench;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/config.rs"]
mod config;
#[path = "cli/graph.rs"]
mod graph;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/models.rs"]
mod models;
#[path = "cli/nodes.rs"]
mod nodes;
#[path = "cli/run.rs"]
mod run;
#[path = "models/server.rs"]
#[allow(dead_code, reason = "the tests of models need more of it")]
mod server;
#[cfg(unix)]
#[path = "cli/signals.rs"]
mod signals;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of its own for a test, which is also the user's folder of the program that runs in it.
struct Scratch {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

/// What a finished program left. The scratch folder reads `[DIR]` in its texts.
#[derive(Debug)]
struct Done {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Scratch {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        Scratch { _folder: folder, path }
    }

    /// A scratch folder with a file in it.
    fn with(name: &str, text: &str) -> Self {
        let scratch = Self::new();
        scratch.write(name, text);
        scratch
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path.join(name)).unwrap()
    }

    /// The files below a folder, sorted.
    fn files(&self, folder: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.path.join(folder)];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { found.push(self.relative(&path)) }
            }
        }
        found.sort();
        found
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.path).unwrap().display().to_string()
    }

    /// The program, in this folder and with nothing of this process's environment.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_selfsame"));
        command.args(args).current_dir(&self.path).env_clear().env("HOME", &self.path);
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        self.finish(&mut self.command(args))
    }

    fn finish(&self, command: &mut Command) -> Done {
        self.done(command.output().unwrap())
    }

    fn done(&self, output: Output) -> Done {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(self.path.to_str().unwrap(), "[DIR]");
        // Without a code a signal has ended it.
        Done { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Done {
    /// This exit code, and nothing that no user should see.
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        for text in [&self.stdout, &self.stderr] {
            assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
        }
        self
    }
}

/// Sends a signal to a program that runs.
#[cfg(unix)]
fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap().success());
}

/// The pixels of a PNG file.
fn pixels(bytes: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert!(info.width > 0);
    pixels
}
