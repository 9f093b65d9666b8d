//! Saving files: the one place that writes into the output folder.

use selfsame_sdk::{Error, Result, Status, WriteFile};
use std::collections::HashMap;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

/// The folder that saved files go to.
pub(crate) struct Output {
    root: PathBuf,
    /// The last number given to each name, so that a thousand pictures are not a thousand listings of the folder.
    numbers: Mutex<HashMap<PathBuf, u32>>,
}

impl Output {
    pub fn new(root: PathBuf) -> Self {
        Output { root, numbers: Mutex::default() }
    }

    /// Saves `name_0001.extension`, with the next free number. See [`selfsame_sdk::Ctx::save`].
    pub fn save(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf> {
        let (folder, stem) = self.place(name, extension)?;
        let path = |number: u32| folder.join(format!("{stem}_{number:04}.{extension}"));
        let mut file = tempfile::Builder::new()
            .prefix(".selfsame-")
            .tempfile_in(&folder)
            .map_err(|error| Error::new(format!("cannot write into {}: {error}", folder.display())))?;
        let mut writer = BufWriter::new(file.as_file_mut());
        write(&mut writer)?;
        let failed = |error: std::io::Error| Error::new(format!("cannot write {}: {error}", path(1).display()));
        writer.flush().map_err(failed)?;
        drop(writer);
        file.as_file().sync_all().map_err(failed)?;

        let key = folder.join(format!("{stem}.{extension}"));
        let mut numbers = crate::lock(&self.numbers);
        let number = match numbers.get(&key) {
            Some(last) => last + 1,
            None => last_number(&folder, &stem, extension) + 1,
        };
        for number in number.. {
            match file.persist_noclobber(path(number)) {
                Ok(_) => {
                    numbers.insert(key, number);
                    return Ok(path(number));
                }
                Err(error) if error.error.kind() == ErrorKind::AlreadyExists => file = error.file,
                Err(error) => return Err(failed(error.error)),
            }
        }
        Err(Error::new(format!("there is no free number for {name} in {}", folder.display())))
    }

    /// Writes a file that belongs to this run alone, over an older one: `preview/node.png`.
    pub fn replace(&self, name: &str, extension: &str, write: WriteFile) -> Result<PathBuf> {
        let (folder, stem) = self.place(name, extension)?;
        let path = folder.join(format!("{stem}.{extension}"));
        let failed = |error: std::io::Error| Error::new(format!("cannot write {}: {error}", path.display()));
        let mut file = aside().tempfile_in(&folder).map_err(failed)?;
        let mut writer = BufWriter::new(file.as_file_mut());
        write(&mut writer)?;
        writer.flush().map_err(failed)?;
        drop(writer);
        file.persist(&path).map_err(|error| failed(error.error))?;
        Ok(path)
    }

    /// The folder, made if need be, and the stem of the file name.
    fn place(&self, name: &str, extension: &str) -> Result<(PathBuf, String)> {
        let refuse = |why: &str| {
            let error = Error::with(Status::InvalidArgument, format!("cannot save as {name:?}: {why}"));
            Err(error.hint("give a name such as portrait, or portraits/ada for a folder below the output folder"))
        };
        if extension.is_empty() || !extension.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return refuse(&format!("{extension:?} is not the ending of a file name"));
        }
        let mut parts = Vec::new();
        for component in Path::new(name).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
                Component::CurDir => {}
                _ => return refuse("it leads out of the output folder"),
            }
        }
        // What other systems read as something else than a name.
        let odd = |part: &String| {
            part.starts_with('.')
                || part.ends_with([' ', '.'])
                || part.chars().any(|c| c.is_control() || r#"\:*?"<>|"#.contains(c))
        };
        if let Some(part) = parts.iter().find(|part| odd(part)) {
            return refuse(&format!("{part:?} is not a name that every system takes"));
        }
        let Some(stem) = parts.pop().filter(|_| !name.ends_with('/')) else { return refuse("there is no file name") };
        let failed = |path: &Path, error: std::io::Error| {
            Error::new(format!("cannot make the folder {}: {error}", path.display()))
        };
        std::fs::create_dir_all(&self.root).map_err(|error| failed(&self.root, error))?;
        let root = self.root.canonicalize().map_err(|error| failed(&self.root, error))?;
        let mut folder = root.clone();
        for part in parts {
            let next = folder.join(part);
            match std::fs::create_dir(&next) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(&next, error)),
                _ => {}
            }
            // A link among the folders may lead anywhere.
            folder = next.canonicalize().map_err(|error| failed(&next, error))?;
            if !folder.starts_with(&root) {
                return refuse("it leads out of the output folder");
            }
        }
        Ok((folder, stem))
    }
}

/// The highest number among files `stem_NUMBER.extension`.
fn last_number(folder: &Path, stem: &str, extension: &str) -> u32 {
    let numbers = std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name();
        let rest = name.to_str()?.strip_prefix(stem)?.strip_prefix('_')?;
        let digits = rest.strip_suffix(extension)?.strip_suffix('.')?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    });
    numbers.max().unwrap_or(0)
}

/// Makes files to write aside. Temporary files are private; a saved one is like any other new file, as far as the user's
/// mask allows.
fn aside() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".selfsame-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// Those of any new file.
#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> impl FnMut(&mut dyn Write) -> Result<()> {
        move |out| Ok(out.write_all(text.as_bytes())?)
    }

    #[test]
    fn numbers_go_on_and_nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a_0007.txt"), "old").unwrap();
        let output = Output::new(folder.path().to_owned());
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(name(output.save("a", "txt", &mut text("8")).unwrap()), "a_0008.txt");
        // Somebody else takes the next number meanwhile.
        std::fs::write(folder.path().join("a_0009.txt"), "other").unwrap();
        assert_eq!(name(output.save("a", "txt", &mut text("10")).unwrap()), "a_0010.txt");
        assert_eq!(name(output.save("a_b", "txt", &mut text("1")).unwrap()), "a_b_0001.txt");
        assert_eq!(name(output.save("deep/er/a", "txt", &mut text("1")).unwrap()), "a_0001.txt");
        assert_eq!(std::fs::read_to_string(folder.path().join("a_0009.txt")).unwrap(), "other");
        assert_eq!(std::fs::read_to_string(folder.path().join("deep/er/a_0001.txt")).unwrap(), "1");
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::new(folder.path().to_owned());
        let mut half = |out: &mut dyn Write| {
            out.write_all(b"half")?;
            Err(Error::new("no more"))
        };
        assert_eq!(output.save("a", "txt", &mut half).unwrap_err().message, "no more");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn names_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let output = Output::new(folder.path().join("out"));
        for name in ["../a", "/a", "a/../../b", "", ".", "a/", ".hidden", "a:b", "nul\0", "x/.../y", "C:\\a"] {
            let error = output.save(name, "txt", &mut text("x")).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{name:?}: {error}");
        }
        assert!(output.save("a", "t/x", &mut text("x")).is_err());
        #[cfg(unix)]
        {
            std::fs::create_dir_all(folder.path().join("out")).unwrap();
            std::os::unix::fs::symlink(folder.path(), folder.path().join("out/link")).unwrap();
            let error = output.save("link/a", "txt", &mut text("x")).unwrap_err();
            assert!(error.message.contains("leads out of the output folder"), "{error}");
        }
    }
}
