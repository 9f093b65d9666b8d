//! Looking into a library file before the system's loader runs it.
//!
//! The loader of Linux maps a file that was cut off without complaint; the program then dies when it touches the missing
//! part. So a file is looked at first: is it a library for this machine, whole, and ONNX Runtime, of which version?
//!
//! **Source**: System V ABI, "ELF-64 Object File Format"; symbol versions as ONNX Runtime's build gives them
//! (`VERS_1.32.0`, `tools/ci_build/gen_def.py`).

use super::Version;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const NAMES_ADDRESS: u64 = 5;
const NAMES_LENGTH: u64 = 10;

/// No table that is read here is longer in a file that is right.
const MAX_TABLE: u64 = 64 << 20;

/// A part of the file that the loader maps.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    length: u64,
}

/// The version that a library for Linux says it has, if it says one.
///
/// # Errors
/// Words that follow the file's name, if it is no ONNX Runtime library that this machine can load.
pub(super) fn version(path: &Path) -> Result<Option<Version>, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let header = table(&mut file, 0, 64)?;
    if !header.starts_with(b"\x7fELF\x02\x01") {
        return Err("is no library for 64-bit Linux".to_owned());
    }
    let machine = number::<2>(&header, 18);
    let (ours, name) = if cfg!(target_arch = "aarch64") { (183, "ARM") } else { (62, "x86") };
    if machine != Some(ours) {
        return Err(format!("is a library for another processor; expected 64-bit {name}"));
    }

    let segments = segments(&mut file, &header)?;
    for segment in segments.iter().filter(|segment| segment.kind == LOAD) {
        let end = segment.offset.saturating_add(segment.length);
        if end > length {
            return Err(format!("is cut off: expected at least {end} bytes, got {length}"));
        }
    }
    let dynamic = segments.iter().find(|segment| segment.kind == DYNAMIC).ok_or("is a program, not a library")?;
    let entries = table(&mut file, dynamic.offset, dynamic.length)?;
    let entry = |wanted: u64| {
        let mut pairs = entries.chunks_exact(16);
        pairs.find_map(|pair| (number::<8>(pair, 0) == Some(wanted)).then(|| number::<8>(pair, 8)).flatten())
    };
    let names = (entry(NAMES_ADDRESS).zip(entry(NAMES_LENGTH))).and_then(|(address, length)| {
        let within =
            |s: &&Segment| s.kind == LOAD && (s.address..s.address.saturating_add(s.length)).contains(&address);
        let segment = segments.iter().find(within)?;
        Some((segment.offset.checked_add(address - segment.address)?, length))
    });
    let (offset, length) = names.ok_or("is a library without a table of names")?;
    let names = table(&mut file, offset, length)?;
    let mut names = names.split(|byte| *byte == 0);
    if !names.clone().any(|name| name == b"OrtGetApiBase") {
        return Err("is a library, but not ONNX Runtime".to_owned());
    }
    Ok(names.find_map(|name| Version::in_text(std::str::from_utf8(name.strip_prefix(b"VERS_")?).ok()?)))
}

fn segments(file: &mut File, header: &[u8]) -> Result<Vec<Segment>, String> {
    let damaged = || "is damaged".to_owned();
    let at = number::<8>(header, 32).ok_or_else(damaged)?;
    let (size, count) = number::<2>(header, 54).zip(number::<2>(header, 56)).ok_or_else(damaged)?;
    let table = table(file, at, size * count)?;
    let segment = |bytes: &[u8]| {
        Some(Segment {
            kind: u32::try_from(number::<4>(bytes, 0)?).ok()?,
            offset: number::<8>(bytes, 8)?,
            address: number::<8>(bytes, 16)?,
            length: number::<8>(bytes, 32)?,
        })
    };
    let size = usize::try_from(size.max(1)).map_err(|_| damaged())?;
    table.chunks_exact(size).map(segment).collect::<Option<_>>().ok_or_else(damaged)
}

/// Bytes of a file.
fn table(file: &mut File, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    if length > MAX_TABLE {
        return Err("is damaged".to_owned());
    }
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(length).read_to_end(&mut bytes));
    match read {
        Ok(read) if read as u64 == length => Ok(bytes),
        Ok(0) if offset == 0 => Err("is empty".to_owned()),
        Ok(_) => Err("is cut off, or no library".to_owned()),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk::<N>()?;
    Some(bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}
