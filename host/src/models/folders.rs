//! Where model files are looked for.

use crate::platform::{self, Variable};
use std::path::{Path, PathBuf};

/// The environment variable that lists models folders, separated as in `PATH`.
pub const VARIABLE: &str = "SELFSAME_MODELS";

/// The models folders in the order in which they are searched. Downloads go into the first one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    folders: Vec<Folder>,
}

/// A models folder: it has a sub-folder for each [kind](super::Kind) (`checkpoints`, `loras` ...).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The folder. It need not exist.
    pub path: PathBuf,
    /// Who named it.
    pub origin: Origin,
}

/// Who named a models folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment variable [`VARIABLE`].
    Environment,
    /// The settings file.
    Settings,
    /// Nobody: it is the folder for the user's data on this platform.
    User,
    /// The settings name a ComfyUI installation.
    ComfyUi,
    /// The models that are part of the program.
    Bundled,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Flag => "--models",
            Self::Environment => VARIABLE,
            Self::Settings => "settings file",
            Self::User => "user folder",
            Self::ComfyUi => "ComfyUI",
            Self::Bundled => "part of the program",
        })
    }
}

impl Folders {
    /// `flags` first, then [`VARIABLE`], the folders that the `settings` name, the user's data folder, the `comfyui`
    /// installations (or their `models` folders), and last the models that are part of the program. A folder that is named
    /// twice counts where it is named first.
    pub fn new(
        flags: impl IntoIterator<Item = PathBuf>,
        settings: impl IntoIterator<Item = PathBuf>,
        comfyui: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        Self::with_environment(flags, settings, comfyui, &platform::variable)
    }

    fn with_environment(
        flags: impl IntoIterator<Item = PathBuf>,
        settings: impl IntoIterator<Item = PathBuf>,
        comfyui: impl IntoIterator<Item = PathBuf>,
        variable: Variable,
    ) -> Self {
        let listed = variable(VARIABLE).unwrap_or_default();
        // Without a cache folder, the one for temporary files will do.
        let cache = platform::cache(variable).unwrap_or_else(std::env::temp_dir);
        let bundled = cache.join("selfsame").join("bundled");
        let user = platform::data(variable).map(|data| data.join("selfsame").join("models"));
        let all = (flags.into_iter().map(|path| (path, Origin::Flag)))
            .chain(std::env::split_paths(&listed).map(|path| (path, Origin::Environment)))
            .chain(settings.into_iter().map(|path| (path, Origin::Settings)))
            .chain(user.map(|path| (path, Origin::User)))
            .chain(comfyui.into_iter().map(|path| (comfyui_models(path), Origin::ComfyUi)))
            .chain([(bundled, Origin::Bundled)]);
        Self::of(all.map(|(path, origin)| Folder { path, origin }))
    }

    /// Exactly these folders.
    pub fn of(folders: impl IntoIterator<Item = Folder>) -> Self {
        Self { folders: platform::distinct(folders, |folder| &folder.path) }
    }

    /// The folders in their order.
    pub fn all(&self) -> &[Folder] {
        &self.folders
    }

    /// The folder that downloads go into. None only where the platform has no folder for user data and none is named.
    pub fn destination(&self) -> Option<&Path> {
        self.folders.iter().find(|folder| folder.origin != Origin::Bundled).map(|folder| folder.path.as_path())
    }
}

/// Users name the installation, or its models folder.
fn comfyui_models(path: PathBuf) -> PathBuf {
    let models = path.join("models");
    if models.is_dir() { models } else { path }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn folders(
        variables: &[(&str, &str)],
        flags: &[&str],
        settings: &[&str],
        comfyui: &[&Path],
    ) -> Vec<(PathBuf, Origin)> {
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        let flags = flags.iter().map(PathBuf::from);
        let settings = settings.iter().map(PathBuf::from);
        let comfyui = comfyui.iter().map(|path| path.to_path_buf());
        let folders = Folders::with_environment(flags, settings, comfyui, &variable);
        folders.all().iter().map(|folder| (folder.path.clone(), folder.origin)).collect()
    }

    #[test]
    fn the_order_of_the_folders() {
        let comfy = tempfile::tempdir().unwrap();
        std::fs::create_dir(comfy.path().join("models")).unwrap();
        let variables = [(VARIABLE, "/m1:/m2:/flag::"), ("HOME", "/home/ada")];
        let found = folders(&variables, &["/flag"], &["/set", "/m1"], &[comfy.path()]);
        let expected = [
            ("/flag".into(), Origin::Flag),
            ("/m1".into(), Origin::Environment),
            ("/m2".into(), Origin::Environment),
            ("/set".into(), Origin::Settings),
            ("/home/ada/.local/share/selfsame/models".into(), Origin::User),
            (comfy.path().join("models"), Origin::ComfyUi),
            ("/home/ada/.cache/selfsame/bundled".into(), Origin::Bundled),
        ];
        assert_eq!(found, expected);
    }
}
