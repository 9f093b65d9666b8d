//! Where a user's files lie on this platform, without a crate for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Looks up an environment variable.
pub(crate) type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment of this process.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The folder for a user's data; none where the environment does not tell.
pub(crate) fn data(variable: Variable) -> Option<PathBuf> {
    folder(variable, "XDG_DATA_HOME", ".local/share", "Library/Application Support", "LOCALAPPDATA")
}

/// The folders of this program for all users of the machine. They need not exist.
pub(crate) fn system_data(variable: Variable) -> Vec<PathBuf> {
    if cfg!(windows) {
        absolute(variable, "ProgramData").map(|folder| folder.join("selfsame")).into_iter().collect()
    } else if cfg!(target_os = "macos") {
        vec![PathBuf::from("/Library/Application Support/selfsame")]
    } else {
        ["/usr/local/lib/selfsame", "/usr/lib/selfsame"].map(PathBuf::from).into()
    }
}

/// The folder for this program's settings; none where the environment does not tell.
pub fn config_folder() -> Option<PathBuf> {
    config(&variable).map(|config| config.join("selfsame"))
}

/// The folder for what this program can make again; none where the environment does not tell.
pub fn cache_folder() -> Option<PathBuf> {
    cache(&variable).map(|cache| cache.join("selfsame"))
}

/// The user's own folder.
pub fn home() -> Option<PathBuf> {
    absolute(&variable, if cfg!(windows) { "USERPROFILE" } else { "HOME" })
}

fn config(variable: Variable) -> Option<PathBuf> {
    folder(variable, "XDG_CONFIG_HOME", ".config", "Library/Application Support", "APPDATA")
}

/// The folder for what programs can make again; none where the environment does not tell.
pub(crate) fn cache(variable: Variable) -> Option<PathBuf> {
    folder(variable, "XDG_CACHE_HOME", ".cache", "Library/Caches", "LOCALAPPDATA")
}

/// `xdg` is a variable and `unix` what it defaults to below the user's folder
/// (<https://specifications.freedesktop.org/basedir-spec>); `mac` is a folder below the user's; `windows` a variable.
fn folder(variable: Variable, xdg: &str, unix: &str, mac: &str, windows: &str) -> Option<PathBuf> {
    if cfg!(windows) {
        absolute(variable, windows)
    } else if cfg!(target_os = "macos") {
        Some(absolute(variable, "HOME")?.join(mac))
    } else {
        absolute(variable, xdg).or_else(|| Some(absolute(variable, "HOME")?.join(unix)))
    }
}

/// The specification wants relative paths to be ignored.
fn absolute(variable: Variable, name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn variables_of_the_specification_go_before_the_home_folder() {
        let of = |variables: &[(&str, &str)], which: fn(Variable) -> Option<PathBuf>| {
            which(&|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value)))
        };
        let home = ("HOME", "/h");
        assert_eq!(of(&[home], data).as_deref(), Some(Path::new("/h/.local/share")));
        assert_eq!(of(&[home, ("XDG_DATA_HOME", "/data")], data).as_deref(), Some(Path::new("/data")));
        assert_eq!(of(&[home, ("XDG_DATA_HOME", "data")], data).as_deref(), Some(Path::new("/h/.local/share")));
        assert_eq!(of(&[home, ("XDG_CONFIG_HOME", "/c")], config).as_deref(), Some(Path::new("/c")));
        assert_eq!(of(&[home], cache).as_deref(), Some(Path::new("/h/.cache")));
        assert_eq!(of(&[], cache), None);
    }
}

/// Folders in their order, without those that were named before or have no name.
pub(crate) fn distinct<F>(folders: impl IntoIterator<Item = F>, path: impl Fn(&F) -> &Path) -> Vec<F> {
    let mut all: Vec<F> = Vec::new();
    for folder in folders {
        let known = all.iter().any(|other| path(other) == path(&folder));
        if !known && !path(&folder).as_os_str().is_empty() {
            all.push(folder);
        }
    }
    all
}
