//! Where the library of ONNX Runtime is.

use super::{OLDEST, QUIET, Version, elf};
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment variable that names the library, or its folder. Nothing else is looked at if it is set.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

/// A library that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Its version, where it can be told without loading it.
    pub version: Option<Version>,
    /// Why it was looked for there.
    pub origin: Origin,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version {
            write!(f, "{version}, ")?;
        }
        write!(f, "{} ({})", self.path.display(), self.origin)
    }
}

/// Why a place is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// [`VARIABLE`] names it.
    Environment,
    /// The program lies there.
    Program,
    /// This program fetched it before.
    Cache,
    /// The system's libraries are there.
    System,
    /// A Python package `onnxruntime` is installed there.
    Python,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Environment => VARIABLE,
            Origin::Program => "beside the program",
            Origin::Cache => "fetched by selfsame",
            Origin::System => "the system's libraries",
            Origin::Python => "a Python package",
        })
    }
}

/// A place without a library that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The folder, or the file.
    pub path: PathBuf,
    /// Why it was looked at.
    pub origin: Origin,
    /// What is wrong with the library that is there, if there is one.
    pub problem: Option<String>,
}

/// There is no library that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// All places.
    pub looked: Vec<Looked>,
}

impl NotFound {
    /// Whether the user named a library that cannot be used: fetching another one is not what they want.
    pub fn is_named(&self) -> bool {
        self.looked.iter().any(|looked| looked.origin == Origin::Environment)
    }
}

impl std::error::Error for NotFound {}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no ONNX Runtime library (1.{} or later)", OLDEST.minor)?;
        let mut unusable = false;
        for looked in &self.looked {
            if let Some(problem) = &looked.problem {
                unusable = true;
                write!(f, "; {} {problem} ({})", looked.path.display(), looked.origin)?;
            }
        }
        if !unusable {
            let folders: Vec<_> = self.looked.iter().map(|looked| looked.path.display().to_string()).collect();
            write!(f, " in {}", folders.join(", "))?;
        }
        Ok(())
    }
}

/// The places to look at, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(Vec<(Origin, PathBuf)>);

impl Places {
    /// The usual ones of this machine, with the folders where this program keeps what it fetched.
    pub fn new(cache: impl IntoIterator<Item = PathBuf>) -> Self {
        let program = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
        Self::with_environment(program, cache, &|name| std::env::var_os(name).filter(|value| !value.is_empty()))
    }

    fn with_environment(
        program: Option<PathBuf>,
        cache: impl IntoIterator<Item = PathBuf>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Self {
        if let Some(path) = variable(VARIABLE) {
            return Places(vec![(Origin::Environment, path.into())]);
        }
        let mut places: Vec<_> = program.into_iter().map(|folder| (Origin::Program, folder)).collect();
        places.extend(cache.into_iter().map(|folder| (Origin::Cache, folder)));
        places.extend(system(variable).into_iter().map(|folder| (Origin::System, folder)));
        places.extend(python(variable).into_iter().map(|folder| (Origin::Python, folder)));
        Places(places)
    }

    /// Exactly these.
    pub fn of(places: impl IntoIterator<Item = (Origin, PathBuf)>) -> Self {
        Places(places.into_iter().collect())
    }
}

/// Finds a library that this program can use: in the first place that has one, the newest.
///
/// # Errors
/// If there is none; with what is wrong with those that are there.
pub fn find(places: &Places) -> Result<Found, NotFound> {
    let mut looked = Vec::new();
    for (origin, place) in &places.0 {
        let files =
            if *origin == Origin::Environment && !place.is_dir() { vec![place.clone()] } else { libraries(place) };
        let (mut best, seen) = (None, looked.len());
        for path in files {
            let path = std::path::absolute(&path).unwrap_or(path);
            match inspect(&path) {
                Ok(version) => {
                    let found = Found { path, version, origin: *origin };
                    if best.as_ref().is_none_or(|best: &Found| best.version < version) {
                        best = Some(found);
                    }
                }
                Err(problem) => looked.push(Looked { path, origin: *origin, problem: Some(problem) }),
            }
        }
        if let Some(best) = best {
            return Ok(best);
        }
        if looked.len() == seen {
            looked.push(Looked { path: place.clone(), origin: *origin, problem: None });
        }
    }
    Err(NotFound { looked })
}

/// Whether a file of this name may be the library on this platform.
pub fn is_library_name(name: &str) -> bool {
    if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll")
    } else if cfg!(target_os = "macos") {
        name.strip_prefix("libonnxruntime.").is_some_and(|rest| {
            rest.strip_suffix("dylib").is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
        })
    } else {
        name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.")
    }
}

/// The files in a folder that may be the library.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_library_name));
    let mut files: Vec<_> = named.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// The version of a library, if it can be told; an error in words that follow the file's name if it cannot be used.
fn inspect(path: &Path) -> Result<Option<Version>, String> {
    if !path.exists() {
        return Err("is not there".to_owned());
    }
    let told = if cfg!(target_os = "linux") { elf::version(path)? } else { None };
    // A link is often called by less of the version than the file.
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let version = told.or_else(|| Version::in_text(real.file_name()?.to_str()?));
    if let Some(version) = version.filter(|version| !version.is_supported()) {
        return Err(format!("is version {version}; expected {OLDEST} or a later one below 2.0"));
    }
    let is_quiet = std::env::var_os(QUIET).is_some_and(|value| value == "1");
    if !is_quiet && version.map_or(!cfg!(windows), Version::reports) {
        let version = version.map_or("of an unknown version".to_owned(), |version| format!("version {version}"));
        return Err(format!(
            "is {version}, which may report what it runs to its makers; set {QUIET}=1 to use it without that"
        ));
    }
    Ok(version)
}

type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The folders of a variable such as `PATH`.
fn listed(variable: Variable, name: &str) -> Vec<PathBuf> {
    let folders = variable(name).map(|list| std::env::split_paths(&list).collect()).unwrap_or_default();
    // A relative folder would mean something else in every working directory.
    Vec::into_iter(folders).filter(|folder| folder.is_absolute()).collect()
}

fn system(variable: Variable) -> Vec<PathBuf> {
    if cfg!(windows) {
        // Windows has a library of this name among its own, far too old.
        let windows = variable("SystemRoot").map(PathBuf::from);
        let mut folders = listed(variable, "PATH");
        folders.retain(|folder| windows.as_ref().is_none_or(|windows| !folder.starts_with(windows)));
        return folders;
    }
    let (name, usual): (_, &[&str]) = if cfg!(target_os = "macos") {
        ("DYLD_LIBRARY_PATH", &["/opt/homebrew/lib", "/usr/local/lib"])
    } else if cfg!(target_arch = "aarch64") {
        ("LD_LIBRARY_PATH", &["/usr/local/lib", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"])
    } else {
        ("LD_LIBRARY_PATH", &["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"])
    };
    let mut folders = listed(variable, name);
    folders.extend(usual.iter().map(PathBuf::from));
    folders
}

/// Where Python packages of the active environments, of the interpreters on the path, and of the user are.
fn python(variable: Variable) -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> =
        ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().filter_map(|name| variable(name)).map(PathBuf::from).collect();
    for folder in listed(variable, "PATH") {
        let programs = ["python3", "python", "python.exe"].map(|name| folder.join(name));
        if let Some(program) = programs.iter().find(|program| program.exists()) {
            // As it stands, and where the link leads to.
            let real = program.canonicalize().ok();
            prefixes.extend([Some(program), real.as_ref()].into_iter().flatten().filter_map(|path| {
                let folder = path.parent()?;
                Some(if cfg!(windows) { folder.to_owned() } else { folder.parent()?.to_owned() })
            }));
        }
    }
    prefixes
        .extend(variable("PYENV_ROOT").into_iter().flat_map(|root| subfolders(&Path::new(&root).join("versions"), "")));
    prefixes.extend(variable("HOME").map(|home| Path::new(&home).join(".local")));
    let mut folders = Vec::new();
    for prefix in prefixes {
        let libraries = subfolders(&prefix.join("lib"), "python3").into_iter().chain([prefix.join("Lib")]);
        for packages in libraries.flat_map(|library| ["site-packages", "dist-packages"].map(|name| library.join(name)))
        {
            let folder = packages.join("onnxruntime").join("capi");
            if folder.is_dir() && !folders.contains(&folder) {
                folders.push(folder);
            }
        }
    }
    folders
}

/// The folders in a folder whose names start with a text.
fn subfolders(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(start)));
    let mut folders: Vec<_> = named.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &Path)], program: &str, cache: &str) -> Vec<(Origin, PathBuf)> {
        let variable =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, path)| path.as_os_str().to_owned());
        Places::with_environment(Some(program.into()), [cache.into()], &variable).0
    }

    #[test]
    fn the_order_of_the_places() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let venv = home.join("venv");
        let packages = |prefix: &Path, kind: &str| prefix.join("lib/python3.12").join(kind).join("onnxruntime/capi");
        for folder in [packages(&venv, "site-packages"), packages(&home.join(".local"), "dist-packages")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let libraries = home.join("lib");
        let variables = [("HOME", home), ("VIRTUAL_ENV", &venv), ("LD_LIBRARY_PATH", &libraries)];
        let found = places(&variables, "/bin", "/cache/1.32.0");
        let before = [
            (Origin::Program, PathBuf::from("/bin")),
            (Origin::Cache, "/cache/1.32.0".into()),
            (Origin::System, libraries.clone()),
            (Origin::System, "/usr/local/lib".into()),
        ];
        assert_eq!(found[..4], before);
        let python = [
            (Origin::Python, packages(&venv, "site-packages")),
            (Origin::Python, packages(&home.join(".local"), "dist-packages")),
        ];
        assert_eq!(found[found.len() - 2..], python);

        let named = [("HOME", home), (VARIABLE, Path::new("/mine/libonnxruntime.so"))];
        assert_eq!(places(&named, "/bin", "/cache"), [(Origin::Environment, "/mine/libonnxruntime.so".into())]);
        // A relative folder would mean another one in every working directory.
        let relative = places(&[("LD_LIBRARY_PATH", Path::new("lib:/abs"))], "/bin", "/cache");
        assert_eq!(relative[2], (Origin::System, "/abs".into()));
    }

    #[test]
    fn the_python_on_the_path_leads_to_its_packages() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().join("python");
        let packages = prefix.join("lib/python3.13/site-packages/onnxruntime/capi");
        for path in [&packages, &prefix.join("bin"), &folder.path().join("bin")] {
            std::fs::create_dir_all(path).unwrap();
        }
        std::fs::write(prefix.join("bin/python3.13"), "").unwrap();
        let link = folder.path().join("bin/python3");
        std::os::unix::fs::symlink(prefix.join("bin/python3.13"), link).unwrap();
        let found = places(&[("PATH", &folder.path().join("bin"))], "/bin", "/cache");
        assert_eq!(found.last(), Some(&(Origin::Python, packages.canonicalize().unwrap())));
    }

    #[test]
    fn names_of_the_library() {
        for name in ["libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.32.0"] {
            assert!(is_library_name(name), "{name}");
        }
        for name in ["libonnxruntime_providers_shared.so", "onnxruntime.so", "libonnxruntime.a", ""] {
            assert!(!is_library_name(name), "{name}");
        }
    }
}
