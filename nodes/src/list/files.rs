//! The files of a folder.

use super::{MAX_LENGTH, glob, natural};
use selfsame_sdk::prelude::*;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// How many folders deep it looks.
const MAX_DEPTH: usize = 64;
/// Extensions of files that some program has not finished writing.
const UNFINISHED: [&str; 5] = ["crdownload", "download", "part", "partial", "tmp"];

/// Lists the files of a folder. A node that is linked to it runs once for each file:
/// `LoadImage(path: Out("files.paths"))` loads every picture, and what is linked to that runs for every picture too.
///
/// The files are sorted by their names as people do it: `a2` before `a10`. Hidden files are left out, and so are unfinished
/// ones (`.part`, `.tmp` and the like).
#[node(
    id = "core.list.files",
    category = "list",
    not_deterministic, // the files come and go
    search = ["folder", "directory", "batch", "for each", "glob", "images", "load"]
)]
#[output(
    paths = "the full path of each file",
    names = "the name of each file without its extension, for saving what comes of it under the same name"
)]
pub fn list_files(
    ctx: Ctx,
    /// The folder.
    #[param(folder)]
    folder: String,
    /// Which files: `*` stands for any characters, `?` for one, `;` stands between several patterns, as in `*.png;*.jpg`.
    #[param(default = "*")]
    pattern: String,
    /// The files of the folders inside it as well. Links to folders are not followed.
    #[param(default = false)]
    recursive: bool,
    /// No more than so many, the first ones in their order. Not set, all of them.
    #[param(hard = 1..=100_000)]
    limit: Option<usize>,
) -> Result<(Vec<String>, Vec<String>)> {
    let root = std::path::absolute(ctx.path(&folder)).input("folder")?;
    if !root.is_dir() {
        return Err(Error {
            port: Some("folder".into()),
            ..Error::with(Status::NotFound, format!("there is no folder {}", root.display()))
        });
    }
    let mut found = Vec::new();
    let depth = if recursive { MAX_DEPTH } else { 0 };
    collect(ctx, &root, &pattern, depth, &mut found).input("folder")?;

    let mut files = Vec::new();
    for path in found {
        match path.to_str() {
            Some(text) => files.push(text.to_owned()),
            None => ctx.warn(format!("{} is left out, as its name is not UTF-8", path.display())),
        }
    }
    files.sort_by(|a, b| natural::compare(a, b));
    files.truncate(limit.unwrap_or(MAX_LENGTH));
    if files.is_empty() {
        ctx.warn(format!("no file in {} matches {pattern}", root.display()));
    }
    let stem = |path: &String| Path::new(path).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names = files.iter().map(stem).collect();
    Ok((files, names))
}

/// Adds the files of a folder that match.
fn collect(ctx: Ctx, folder: &Path, pattern: &str, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<DirEntry>>>);
    let entries = entries.context(|| format!("reading the folder {}", folder.display()))?;
    for entry in entries {
        ctx.check_cancelled()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        // Of the entry itself, so that a link to a folder is no folder, and none is walked around in circles.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                collect(ctx, &path, pattern, depth - 1, found)?;
            }
        } else if glob::matches(pattern, &name) && !is_unfinished(&path) && path.is_file() {
            if found.len() >= MAX_LENGTH {
                bail!("more than {MAX_LENGTH} files match {pattern}");
            }
            found.push(path);
        }
    }
    Ok(())
}

fn is_unfinished(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    UNFINISHED.contains(&&*extension) || path.to_string_lossy().ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn folder_of(files: &[&str]) -> TestHost {
        let host = TestHost::new();
        for file in files {
            let path = host.folder().join("in").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        host
    }

    fn names(host: &TestHost, pattern: &str, recursive: bool, limit: Option<usize>) -> Vec<String> {
        list_files(host.ctx(), "in".into(), pattern.into(), recursive, limit).unwrap().1
    }

    #[test]
    fn sorted_and_without_what_is_hidden_or_unfinished() {
        let host = folder_of(&["a10.png", "a2.PNG", "b.jpg", ".h.png", "c.png.part", "d.png~", "e.tmp", "sub/a3.png"]);
        assert_eq!(names(&host, "*", false, None), ["a2", "a10", "b"]);
        assert_eq!(names(&host, "*.png", false, None), ["a2", "a10"]);
        assert_eq!(names(&host, "*.png;*.jpg", true, None), ["a2", "a10", "b", "a3"]);
        assert_eq!(names(&host, "*", true, Some(1)), ["a2"]);
        let (paths, _) = list_files(host.ctx(), "in".into(), "b*".into(), false, None).unwrap();
        assert_eq!(paths, [host.folder().join("in/b.jpg").to_str().unwrap()]);
        assert!(Path::new(&paths[0]).is_absolute());
    }

    #[test]
    fn nothing_found_is_a_warning_and_no_folder_an_error() {
        let host = folder_of(&["a.png"]);
        assert!(names(&host, "*.jpg", true, None).is_empty());
        assert!(matches!(&host.said().logs[..], [(Level::Warn, message)] if message.ends_with("matches *.jpg")));
        let missing = list_files(host.ctx(), "out".into(), "*".into(), false, None).unwrap_err();
        assert_eq!((missing.status, missing.port.as_deref()), (Status::NotFound, Some("folder")));
        assert!(list_files(host.ctx(), "in/a.png".into(), "*".into(), false, None).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_not_followed() {
        let host = folder_of(&["sub/a.png"]);
        std::os::unix::fs::symlink(host.folder().join("in"), host.folder().join("in/sub/round")).unwrap();
        std::os::unix::fs::symlink(host.folder().join("in/sub/a.png"), host.folder().join("in/link.png")).unwrap();
        assert_eq!(names(&host, "*", true, None), ["link", "a"]);
    }
}
