//! Texts of the other side.

use super::abi::{SsBytes, SsStr, SsStrs};
use crate::{Error, Result};

/// No text or list of the boundary is longer; a greater length is a mistake.
const MAX_LEN: u64 = 1 << 40;

/// A text of the other side.
///
/// # Errors
/// If its pointer is null though it has a length, or it is not UTF-8.
///
/// # Safety
/// If the pointer is not null, it points at as many bytes, which stay as they are for `'a`.
pub unsafe fn text<'a>(text: SsStr) -> Result<&'a str> {
    // SAFETY: as above.
    let bytes = unsafe { bytes(SsBytes { ptr: text.ptr.cast(), len: text.len }) }?;
    std::str::from_utf8(bytes).map_err(|_| Error::new("a text is not UTF-8"))
}

/// Texts of the other side.
///
/// # Errors
/// If a pointer is null though it has a length, or a text is not UTF-8.
///
/// # Safety
/// As for [`text`], for the list and for each text in it.
pub unsafe fn texts<'a>(texts: SsStrs) -> Result<Vec<&'a str>> {
    // SAFETY: as above.
    let texts = unsafe { slice(texts.ptr, texts.len) }?;
    // SAFETY: as above.
    texts.iter().map(|one| unsafe { text(*one) }).collect()
}

/// Bytes of the other side.
///
/// # Safety
/// As for [`text`].
pub(super) unsafe fn bytes<'a>(bytes: SsBytes) -> Result<&'a [u8]> {
    // SAFETY: as above.
    unsafe { slice(bytes.ptr, bytes.len) }
}

/// An array of the other side.
///
/// # Errors
/// If the pointer is null or not aligned though there is a length, or the length is beyond all measure.
///
/// # Safety
/// If the pointer is not null, it points at as many elements, which stay as they are for `'a`.
pub unsafe fn slice<'a, T>(ptr: *const T, len: u64) -> Result<&'a [T]> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() || !ptr.is_aligned() || len > MAX_LEN / size_of::<T>().max(1) as u64 {
        return Err(Error::new(format!("{len} elements at the address {ptr:p}")));
    }
    // SAFETY: it is neither null nor misaligned, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(ptr, len as usize) })
}
