//! What a file is, judged by its bytes and never by its name.

use super::FileProblem;
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use memmap2::MmapOptions;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// How many bytes are looked at to tell what a file is.
const HEAD: u64 = 1024;

/// The longest header of a safetensors file, in bytes, as in the reference implementation.
const MAX_HEADER: u64 = 100_000_000;

/// The file formats that hold weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Eight bytes of header length, a JSON header, raw numbers.
    Safetensors,
    /// A zip archive, to be looked into for a pickle.
    Zip,
}

/// A tensor's place in a file: contiguous, little endian.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// From the start of the file, in bytes.
    pub offset: u64,
}

/// A file whose parts are mapped into memory one at a time.
///
/// Each tensor gets its own short-lived mapping: once it is converted its pages are given back, so loading a whole
/// checkpoint never holds the file beside the tensors.
#[derive(Debug)]
pub(super) struct WeightFile {
    pub path: PathBuf,
    pub len: u64,
    file: File,
}

impl WeightFile {
    /// Opens `path` and tells what it is.
    pub fn open(path: &Path) -> Result<(Self, Format)> {
        let (file, head, len) = open_head(path)?;
        let format = format_of(&head, len).map_err(|problem| Error::file(path, problem))?;
        Ok((Self { path: path.to_path_buf(), len, file }, format))
    }

    /// An error about this file.
    pub fn problem(&self, problem: FileProblem) -> Error {
        Error::file(&self.path, problem)
    }

    /// The open file, for readers that seek.
    pub fn handle(&self) -> &File {
        &self.file
    }

    /// Maps `len > 0` bytes from `offset`.
    pub fn map(&self, offset: u64, len: usize) -> Result<memmap2::Mmap> {
        let now = self.file.metadata().map_err(|e| self.problem(io_problem(&e)))?.len();
        if offset.checked_add(len as u64).is_none_or(|end| end > now) {
            return Err(
                self.problem(FileProblem::Io(format!("it shrank from {} to {now} bytes while in use", self.len)))
            );
        }
        // SAFETY: the mapping is read-only and lives only while a tensor is copied out of it. Another process that
        // shortens the file in that moment can still fault this one, as with every memory-mapped file; the length was
        // checked just above.
        unsafe { MmapOptions::new().offset(offset).len(len).map(&self.file) }.map_err(|e| self.problem(io_problem(&e)))
    }

    /// Copies a tensor out of the file; floating-point numbers come as `dtype`, integers as they are.
    pub fn tensor(&self, stored: &Stored, dtype: DType, device: &Device) -> Result<Tensor> {
        let target = if stored.dtype.is_float() { dtype } else { stored.dtype };
        let bytes = stored.shape.iter().product::<usize>() * stored.dtype.size_in_bytes();
        if bytes == 0 {
            return Ok(Tensor::zeros(stored.shape.as_slice(), target, device)?);
        }
        let map = self.map(stored.offset, bytes)?;
        // Only the CPU converts 8-bit floats everywhere.
        let first = if stored.dtype == DType::F8E4M3 { &Device::Cpu } else { device };
        let tensor = Tensor::from_raw_buffer(&map, stored.dtype, &stored.shape, first)?;
        drop(map);
        Ok(tensor.to_dtype(target)?.to_device(device)?)
    }
}

/// Opens a file; gives it with its first bytes and its length.
fn open_head(path: &Path) -> Result<(File, Vec<u8>, u64)> {
    let fail = |problem| Error::file(path, problem);
    let mut file = File::open(path).map_err(|e| fail(io_problem(&e)))?;
    let metadata = file.metadata().map_err(|e| fail(io_problem(&e)))?;
    if !metadata.is_file() {
        return Err(fail(FileProblem::Io("it is neither a file nor a folder".into())));
    }
    let mut head = Vec::new();
    (&mut file).take(HEAD).read_to_end(&mut head).map_err(|e| fail(io_problem(&e)))?;
    Ok((file, head, metadata.len()))
}

/// Checks that nothing speaks against the file at `path` being an ONNX model. ONNX has no signature, so a file that
/// passes may still be none.
///
/// # Errors
/// If it cannot be read, or its first bytes show that it is something else.
pub fn check_onnx(path: &Path) -> Result<()> {
    let (_, head, len) = open_head(path)?;
    check_onnx_head(path, &head, len)
}

/// As [`check_onnx`], of a model that lies in an archive or in memory.
///
/// # Errors
/// If its first bytes show that it is something else; the message names it `name`.
pub fn check_onnx_bytes(name: &Path, bytes: &[u8]) -> Result<()> {
    check_onnx_head(name, bytes.get(..HEAD as usize).unwrap_or(bytes), bytes.len() as u64)
}

fn check_onnx_head(path: &Path, head: &[u8], len: u64) -> Result<()> {
    let problem = match format_of(head, len) {
        _ if is_onnx(head) => return Ok(()),
        Ok(Format::Safetensors) => FileProblem::NotOnnx { what: "a safetensors file".into() },
        Ok(Format::Zip) => FileProblem::NotOnnx { what: "a zip archive or a torch checkpoint".into() },
        Err(FileProblem::OtherFormat { what }) => FileProblem::NotOnnx { what },
        Err(FileProblem::Unknown { .. }) => return Ok(()),
        Err(problem) => problem,
    };
    Err(Error::file(path, problem))
}

/// The operating system's refusal in words.
pub(super) fn io_problem(error: &std::io::Error) -> FileProblem {
    match error.kind() {
        ErrorKind::NotFound => FileProblem::NotFound,
        ErrorKind::PermissionDenied => FileProblem::Permission,
        _ => FileProblem::Io(error.to_string()),
    }
}

/// First bytes of formats that are no weights: offset, bytes, what it is.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"GGUF", "a GGUF model"),
    (0, b"ggml", "a GGML model"),
    (0, b"\x89PNG\r\n", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (8, b"WEBP", "a WebP picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftypmif1", "a HEIF picture"),
    (4, b"ftyp", "an MP4 film"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89HDF\r\n", "an HDF5 file"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (4, b"TFL3", "a TensorFlow Lite model"),
];

/// Torch's magic number 0x1950a86a20f9469cfc6c as a pickled long: what every legacy checkpoint starts with.
/// Source: `MAGIC_NUMBER` of torch's `serialization.py`.
const TORCH_LEGACY: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

fn format_of(head: &[u8], len: u64) -> Result<Format, FileProblem> {
    let other = |what: &str| Err(FileProblem::OtherFormat { what: what.into() });
    if head.is_empty() {
        return Err(FileProblem::Empty);
    }
    if let Some(problem) = lfs_pointer(head) {
        return Err(problem);
    }
    // Before all signatures: a header's length may look like any of them.
    if let Some((length, [b'{', b'"' | b'}' | b' ' | b'\n', ..])) = head.split_first_chunk::<8>() {
        let header = u64::from_le_bytes(*length);
        if header <= MAX_HEADER {
            let (expected, found) = (header + 8, len);
            let whole = expected <= found;
            return if whole {
                Ok(Format::Safetensors)
            } else {
                Err(FileProblem::TruncatedSafetensors { expected, found })
            };
        }
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Format::Zip);
    }
    if let Some((_, _, what)) =
        SIGNATURES.iter().find(|(at, bytes, _)| head.get(*at..).is_some_and(|h| h.starts_with(bytes)))
    {
        return other(what);
    }
    // A pickle: protocol 2 to 5, then an opcode.
    if let [0x80, 2..=5, rest @ ..] = head {
        let legacy = rest.starts_with(TORCH_LEGACY) || rest.get(9..).is_some_and(|r| r.starts_with(TORCH_LEGACY));
        return if legacy { Err(FileProblem::LegacyPickle) } else { other("a Python pickle that torch did not write") };
    }
    if let Some(problem) = text(head) {
        return Err(problem);
    }
    if is_onnx(head) {
        return other("an ONNX model");
    }
    let start: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
    Err(FileProblem::Unknown { start: start.join(" ") })
}

/// ONNX is a bare protobuf: field 1 (version), then one of the model's other fields.
fn is_onnx(head: &[u8]) -> bool {
    matches!(head, [0x08, 1..=32, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42, ..])
}

fn lfs_pointer(head: &[u8]) -> Option<FileProblem> {
    let text = head.starts_with(b"version https://git-lfs.github.com/spec/").then(|| String::from_utf8_lossy(head))?;
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_string();
    Some(FileProblem::LfsPointer { oid: field("oid sha256:"), size: field("size ").parse().unwrap_or_default() })
}

/// A complaint about a file that starts with readable text.
fn text(head: &[u8]) -> Option<FileProblem> {
    let readable = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end within a character.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(head.get(..e.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    if readable.is_empty() || readable.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return None;
    }
    let start: String = readable.trim_start_matches('\u{feff}').trim_start().chars().take(40).collect();
    let lower = start.to_ascii_lowercase();
    let what = if lower.starts_with("<!doctype html") || lower.starts_with("<html") || lower.starts_with("<head") {
        return Some(FileProblem::Html);
    } else if lower.starts_with("<?xml") || lower.starts_with('<') {
        "an XML document".to_string()
    } else if lower.starts_with('{') || lower.starts_with('[') {
        "a JSON text".to_string()
    } else {
        format!("a text file starting with {:?}", start.lines().next().unwrap_or_default())
    };
    Some(FileProblem::OtherFormat { what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(head: &[u8]) -> String {
        format_of(head, head.len() as u64).unwrap_err().to_string()
    }

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(format_of(b"\x02\0\0\0\0\0\0\0{}", 10), Ok(Format::Safetensors));
        assert_eq!(format_of(b"PK\x03\x04....", 8), Ok(Format::Zip));
        // Header lengths whose bytes are the marks of a pickle, a gzip archive and a program.
        for start in [b"\x80\x02", b"\x1f\x8b", b"MZ"] {
            assert_eq!(format_of(&[&start[..], b"\0\0\0\0\0\0{\"a\""].concat(), 1 << 20), Ok(Format::Safetensors));
        }
        assert!(words(b"\x08\x07\x12\x07pytorch").contains("an ONNX model"));
        assert!(words(b"  <!DOCTYPE HTML>\n<p>").contains("HTML page"));
        assert!(words(b"{\"error\": \"not found\"}").contains("a JSON text"));
        assert!(words(b"Entry not found").contains("a text file starting with \"Entry not found\""));
        assert!(words(b"\xff\xd8\xff\xe0").contains("a JPEG picture"));
        assert!(words(b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.").contains("legacy format"));
        assert!(words(b"\x80\x04\x95\x01").contains("pickle that torch did not write"));
        assert!(words(&[0, 1, 2, 3]).contains("00 01 02 03"));
        assert!(words(b"\xe8\x03\0\0\0\0\0\0{\"a\"").contains("expected 1008 bytes, got 12"));
        assert!(words(b"").contains("empty"));
    }

    #[test]
    fn an_lfs_pointer_shows_what_it_points_to() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 42\n";
        assert_eq!(format_of(pointer, 70), Err(FileProblem::LfsPointer { oid: "abc".into(), size: 42 }));
    }
}
