//! Where bundles are looked for.

use crate::platform::{self, Variable};
use std::path::{Path, PathBuf};

/// The environment variable that lists folders of bundles, separated as in `PATH`.
pub const VARIABLE: &str = "SELFSAME_PLUGIN_PATH";

/// Folders of bundles, in the order in which they are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    folders: Vec<Folder>,
}

/// A folder of bundles: each is a folder `NAME.selfsame` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The folder. It need not exist.
    pub path: PathBuf,
    /// Who named it.
    pub origin: Origin,
}

/// Who named a folder, or a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line names the bundle itself.
    Named,
    /// The command line.
    Flag,
    /// The environment variable [`VARIABLE`].
    Environment,
    /// The settings file.
    Settings,
    /// Nobody: it is the folder for the user's data on this platform.
    User,
    /// Nobody: it is a folder for all users of this machine.
    System,
    /// Nobody: the bundle lies in no folder that is searched, and is only looked at.
    Elsewhere,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Named => "--plugin",
            Self::Flag => "--plugin-dir",
            Self::Environment => VARIABLE,
            Self::Settings => "settings file",
            Self::User => "user folder",
            Self::System => "system folder",
            Self::Elsewhere => "nothing: it lies in no folder that is searched",
        })
    }
}

impl Folders {
    /// `flags` first, then [`VARIABLE`], the folders that the `settings` name, the user's, and those of the system. A folder
    /// that is named twice counts where it is named first.
    pub fn new(flags: impl IntoIterator<Item = PathBuf>, settings: impl IntoIterator<Item = PathBuf>) -> Self {
        Self::with_environment(flags, settings, &platform::variable)
    }

    fn with_environment(
        flags: impl IntoIterator<Item = PathBuf>,
        settings: impl IntoIterator<Item = PathBuf>,
        variable: Variable,
    ) -> Self {
        let listed = variable(VARIABLE).unwrap_or_default();
        let user = platform::data(variable).map(|data| data.join("selfsame").join("plugins"));
        let all = (flags.into_iter().map(|path| (path, Origin::Flag)))
            .chain(std::env::split_paths(&listed).map(|path| (path, Origin::Environment)))
            .chain(settings.into_iter().map(|path| (path, Origin::Settings)))
            .chain(user.map(|path| (path, Origin::User)))
            .chain(platform::system_data(variable).into_iter().map(|path| (path.join("plugins"), Origin::System)));
        let folders = all.map(|(path, origin)| Folder { path, origin });
        Folders { folders: platform::distinct(folders, |folder| &folder.path) }
    }

    /// No folder at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The folders in their order.
    pub fn all(&self) -> &[Folder] {
        &self.folders
    }

    /// The bundles in them, by folder and then by name.
    pub(super) fn bundles(&self) -> Vec<(PathBuf, Origin)> {
        self.folders
            .iter()
            .flat_map(|folder| in_folder(&folder.path).into_iter().map(|path| (path, folder.origin)))
            .collect()
    }
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_bundle = |path: &PathBuf| path.extension().is_some_and(|it| it == super::ENDING) && path.is_dir();
    let mut bundles: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_bundle).collect();
    bundles.sort();
    bundles
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn the_order_of_the_folders() {
        let variables = [(VARIABLE, "/p1:/p2:/flag::"), ("HOME", "/home/ada")];
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
        let folders = Folders::with_environment(["/flag".into()], ["/set".into(), "/p1".into()], &variable);
        let found: Vec<_> = folders.all().iter().map(|folder| (folder.path.to_str().unwrap(), folder.origin)).collect();
        let expected = [
            ("/flag", Origin::Flag),
            ("/p1", Origin::Environment),
            ("/p2", Origin::Environment),
            ("/set", Origin::Settings),
            ("/home/ada/.local/share/selfsame/plugins", Origin::User),
            ("/usr/local/lib/selfsame/plugins", Origin::System),
            ("/usr/lib/selfsame/plugins", Origin::System),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn bundles_are_folders_of_this_ending_and_nothing_deeper() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["b.selfsame", "a.selfsame/c.selfsame", "deep/d.selfsame", "other"] {
            std::fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        std::fs::write(folder.path().join("file.selfsame"), "").unwrap();
        let names: Vec<PathBuf> = in_folder(folder.path());
        assert_eq!(names, ["a.selfsame", "b.selfsame"].map(|name| folder.path().join(name)));
        assert_eq!(in_folder(Path::new("/nowhere")), Vec::<PathBuf>::new());
    }
}
