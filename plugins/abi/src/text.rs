//! Text and status codes.

use core::ffi::c_char;

/// UTF-8 text: a pointer and a length in bytes, without a final NUL. An empty text may have a null pointer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SsStr {
    /// The first byte.
    pub ptr: *const c_char,
    /// How many bytes there are.
    pub len: u64,
}

/// Several texts.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SsStrs {
    /// The first one; may be null if there are none.
    pub ptr: *const SsStr,
    /// How many there are.
    pub len: u64,
}

/// Bytes of any kind.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SsBytes {
    /// The first byte; may be null if there are none.
    pub ptr: *const u8,
    /// How many there are.
    pub len: u64,
}

impl SsStr {
    /// No text.
    pub const EMPTY: SsStr = SsStr { ptr: core::ptr::null(), len: 0 };

    /// A text that lives as long as `text`.
    pub const fn new(text: &str) -> SsStr {
        SsStr { ptr: text.as_ptr().cast(), len: text.len() as u64 }
    }
}

impl SsStrs {
    /// No texts.
    pub const EMPTY: SsStrs = SsStrs { ptr: core::ptr::null(), len: 0 };

    /// Texts that live as long as `texts`.
    pub const fn new(texts: &[SsStr]) -> SsStrs {
        SsStrs { ptr: texts.as_ptr(), len: texts.len() as u64 }
    }
}

/// How a call went: one of the `SS_STATUS_*` numbers. Every other number means the same as SS_STATUS_INTERNAL.
pub type SsStatus = i32;

/// All is well.
pub const SS_STATUS_OK: SsStatus = 0;
/// The run was cancelled.
pub const SS_STATUS_CANCELLED: SsStatus = 1;
/// A value that the callee cannot work with.
pub const SS_STATUS_INVALID_ARGUMENT: SsStatus = 2;
/// The callee cannot do this at all.
pub const SS_STATUS_UNSUPPORTED: SsStatus = 3;
/// A file, model or name that is not there.
pub const SS_STATUS_NOT_FOUND: SsStatus = 4;
/// Memory ran out. The host may free some and call once more.
pub const SS_STATUS_OUT_OF_MEMORY: SsStatus = 5;
/// Anything else.
pub const SS_STATUS_INTERNAL: SsStatus = 6;
/// The callee panicked, or caught an exception that it did not expect. What it was called on is broken: the host destroys
/// the node and makes another.
pub const SS_STATUS_PANIC: SsStatus = 7;
/// The caller broke a rule of this boundary.
pub const SS_STATUS_ABI: SsStatus = 8;
/// Not a failure: a node wants a lazy input, which it names as the port of its `fail`. The host computes it and calls the
/// node again.
pub const SS_STATUS_NEEDS_INPUT: SsStatus = 9;
