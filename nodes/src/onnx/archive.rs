//! Models in zip archives, read without unpacking anything else.

use selfsame_models::weights::{FileProblem, check_onnx};
use selfsame_sdk::{Error, ErrorExt, Result, Status, bail};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::ZipArchive;
use zip::result::ZipError;

/// The longest model: protobuf, in which ONNX files are written, allows no more.
const MAX_BYTES: u64 = (1 << 31) - 1;

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path in the archive, with `/` between the parts.
    pub path: String,
    /// How long it is unpacked, in bytes, as the archive has it.
    pub bytes: u64,
}

/// The files of an archive in its order, without those that macOS adds.
///
/// # Errors
/// If it cannot be read, or is no zip archive, or a part of one.
pub fn entries(archive: &Path) -> Result<Vec<Entry>> {
    let mut zip = open(archive)?;
    let mut entries = Vec::new();
    for i in 0..zip.len() {
        let file = zip.by_index_raw(i).map_err(|error| failed(archive, &error))?;
        let path = file.name().map_err(|error| failed(archive, &error))?.into_owned();
        if file.is_file() && !path.starts_with("__MACOSX/") {
            entries.push(Entry { path, bytes: file.size() });
        }
    }
    Ok(entries)
}

/// One file of an archive, unpacked into memory and checked against its checksum.
///
/// # Errors
/// As [`entries`]; if there is no such file, or it is damaged, encrypted, longer than it says, or packed in a way that is not known.
pub fn read(archive: &Path, entry: &str) -> Result<Vec<u8>> {
    let mut zip = open(archive)?;
    let file = zip.by_name(entry).map_err(|error| failed(&archive.join(entry), &error))?;
    let bytes = file.size();
    if bytes > MAX_BYTES {
        bail!("{}: it has {bytes} bytes, no ONNX file has more than {MAX_BYTES}", archive.join(entry).display());
    }
    let mut data = Vec::new();
    let unpacked = file.take(bytes + 1).read_to_end(&mut data);
    unpacked.map_err(|error| failed(&archive.join(entry), &ZipError::Io(error)))?;
    if data.len() as u64 != bytes {
        bail!("{}: expected {bytes} bytes, got {}", archive.join(entry).display(), data.len());
    }
    Ok(data)
}

fn open(archive: &Path) -> Result<ZipArchive<BufReader<File>>> {
    let file = File::open(archive).context(|| format!("cannot read {}", archive.display()))?;
    let mut head = [0; 2];
    let is_zip = File::open(archive).and_then(|mut file| file.read_exact(&mut head)).is_ok() && &head == b"PK";
    if !is_zip {
        // What else it may be, such as a web page or the pointer to a large file, the other check knows.
        let what = match check_onnx(archive) {
            Err(selfsame_models::Error::File { problem: FileProblem::NotOnnx { what }, .. }) => {
                format!(", it is {what}")
            }
            Err(error) => return Err(error.into()),
            Ok(()) => String::new(),
        };
        let message = format!("{} is no zip archive{what}", archive.display());
        return Err(Error::with(Status::InvalidArgument, message).hint("fetch it again"));
    }
    ZipArchive::new(BufReader::new(file)).map_err(|error| failed(archive, &error))
}

fn failed(path: &Path, error: &ZipError) -> Error {
    let message = format!("{}: it is damaged or cut off, or no file of this archive: {error}", path.display());
    Error::with(Status::InvalidArgument, message).hint("fetch the archive again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::path::PathBuf;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    fn archive(folder: &Path, method: CompressionMethod) -> PathBuf {
        let path = folder.join("pack.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        let options = SimpleFileOptions::default().compression_method(method);
        zip.add_directory("pack/", options).unwrap();
        for (name, byte) in [("pack/b.onnx", 2u8), ("__MACOSX/pack/._b.onnx", 0), ("a.onnx", 1)] {
            zip.start_file(name, options).unwrap();
            zip.write_all(&[byte; 1000]).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    #[test]
    fn stored_and_deflated() {
        let folder = tempfile::tempdir().unwrap();
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let path = archive(folder.path(), method);
            let names: Vec<String> = entries(&path).unwrap().into_iter().map(|entry| entry.path).collect();
            assert_eq!(names, ["pack/b.onnx", "a.onnx"]);
            assert_eq!(read(&path, "pack/b.onnx").unwrap(), [2; 1000]);
            assert!(read(&path, "c.onnx").unwrap_err().message.contains("pack.zip/c.onnx: "));
        }
    }

    #[test]
    fn damaged_archives_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(folder.path(), CompressionMethod::Stored);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(entries(&path).unwrap_err().message.contains("damaged or cut off"));
        let mut changed = whole.clone();
        let at = whole.windows(8).position(|bytes| bytes == [2; 8]).unwrap();
        changed[at] = 3;
        std::fs::write(&path, &changed).unwrap();
        assert_eq!(read(&path, "a.onnx").unwrap(), [1; 1000]);
        assert!(read(&path, "pack/b.onnx").unwrap_err().message.contains("pack.zip/pack/b.onnx: it is damaged"));
        for (bytes, what) in [
            (&b"<!DOCTYPE html><html>"[..], "HTML"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "LFS"),
            (b"something else entirely", "no zip archive"),
            (b"", "empty"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = entries(&path).unwrap_err();
            assert!(error.message.contains(what), "{error}");
        }
        assert!(entries(&folder.path().join("gone.zip")).unwrap_err().message.contains("gone.zip"));
    }

    #[test]
    fn every_cut_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = archive(folder.path(), CompressionMethod::Deflated);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(entries(&path).is_err(), "{length}");
        }
    }
}
