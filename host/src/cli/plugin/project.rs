//! The source of a plugin as a folder: how it is built.

use crate::cli::exit::{Exit, Stop};
use crate::cli::output::tell;
use serde_json::Value;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The source of a plugin.
pub struct Project {
    folder: PathBuf,
    language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    /// A package of cargo.
    Rust,
    /// All `.c` files of the folder.
    C,
}

impl Project {
    /// The project in a folder, if one is there.
    pub fn at(folder: &Path) -> Option<Self> {
        let language = match () {
            () if folder.join("Cargo.toml").is_file() => Language::Rust,
            () if !sources(folder).is_empty() => Language::C,
            () => return None,
        };
        Some(Project { folder: folder.to_owned(), language })
    }

    /// The project in a folder, which must be there.
    pub fn open(folder: &Path) -> Result<Self, Stop> {
        Self::at(folder).ok_or_else(|| {
            let text = format!("{} is no source of a plugin: it has no Cargo.toml and no .c file", folder.display());
            Stop::new(Exit::Usage, format!("{text}\n  = hint: `selfsame plugin new NAME` makes one"))
        })
    }

    /// Builds the library, and gives its path. The compiler says on standard error what is wrong.
    pub fn build(&self, offline: bool) -> Result<PathBuf, Stop> {
        match self.language {
            Language::Rust => self.cargo(offline),
            Language::C => self.cc(),
        }
    }

    fn cargo(&self, offline: bool) -> Result<PathBuf, Stop> {
        let manifest = self.folder.join("Cargo.toml");
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command.args(["build", "--release", "--message-format", "json-render-diagnostics", "--manifest-path"]);
        command.arg(&manifest).args(offline.then_some("--offline"));
        let output = run(command.stdout(Stdio::piped()))?;
        let manifest = manifest.canonicalize().unwrap_or(manifest);
        let libraries =
            String::from_utf8_lossy(&output).lines().filter_map(|line| library(line, &manifest)).next_back();
        libraries.ok_or_else(|| {
            let text = format!("{} is the package of no dynamic library", manifest.display());
            Stop::new(Exit::Wrong, format!("{text}\n  = hint: a plugin needs `[lib] crate-type = [\"cdylib\"]`"))
        })
    }

    fn cc(&self) -> Result<PathBuf, Stop> {
        let wrong = |error: std::io::Error| Stop::new(Exit::Wrong, format!("{}: {error}", self.folder.display()));
        let folder = self.folder.canonicalize().map_err(wrong)?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().replace(['-', ' ', '.'], "_");
        let build = self.folder.join("build");
        std::fs::create_dir_all(&build).map_err(wrong)?;
        let library = build.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
        let mut command = Command::new(std::env::var_os("CC").unwrap_or("cc".into()));
        command.args(["-shared", "-fPIC", "-fvisibility=hidden", "-std=c11", "-O2", "-Wall", "-Wextra", "-I"]);
        command.arg(self.folder.join("include")).arg("-o").arg(&library).args(sources(&self.folder)).arg("-lm");
        run(&mut command)?;
        Ok(library)
    }
}

/// The C files of a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut sources: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "c")).collect();
    sources.sort();
    sources
}

/// The dynamic library that a message of cargo names, if it is one of this package.
fn library(message: &str, manifest: &Path) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_library = message["target"]["crate_types"].as_array()?.iter().any(|kind| kind == "cdylib");
    let is_ours = Path::new(message["manifest_path"].as_str()?) == manifest;
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    let ending = DLL_SUFFIX.trim_start_matches('.');
    let mut files = files.filter(|file| file.extension().is_some_and(|it| it == ending));
    files.next().filter(|_| is_library && is_ours)
}

/// Runs a compiler; gives what it wrote to standard output.
fn run(command: &mut Command) -> Result<Vec<u8>, Stop> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let child = command.stdin(Stdio::null()).stderr(Stdio::inherit()).spawn();
    let output = child.and_then(|child| child.wait_with_output()).map_err(|error| {
        let hint = match &*shown {
            "cc" => "a C compiler is needed: gcc or clang; CC names another one",
            _ => "Rust is needed: https://rustup.rs",
        };
        Stop::new(Exit::Usage, format!("cannot run {shown}: {error}\n  = hint: {hint}"))
    })?;
    if !output.status.success() {
        tell("");
        return Err(Stop::new(Exit::Wrong, format!("the plugin was not built: {shown} failed ({})", output.status)));
    }
    Ok(output.stdout)
}
