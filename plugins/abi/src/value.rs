//! Values on wires: scalars by themselves, everything else as counted objects that never change.

use crate::{SsBytes, SsStatus, SsStr};
use core::ffi::c_void;

/// Nothing. An input that is not set has `v.bits` 0, a lazy input that is not computed yet SS_PENDING.
pub const SS_NULL: u32 = 0;
/// `v.i` is 0 or 1.
pub const SS_BOOL: u32 = 1;
/// `v.i`; a seed is the i64 of the same bits.
pub const SS_INT: u32 = 2;
/// `v.f`, finite.
pub const SS_FLOAT: u32 = 3;
/// `v.o`, never null: STRING, LIST, IMAGE and everything else.
pub const SS_OBJ: u32 = 16;
/// The bits of a SS_NULL for a lazy input that is not computed yet: a node that wants it returns SS_STATUS_NEEDS_INPUT.
pub const SS_PENDING: u64 = 1;

/// What is in a SsValue.
#[repr(C)]
#[derive(Clone, Copy)]
pub union SsPayload {
    /// Of SS_BOOL and SS_INT.
    pub i: i64,
    /// Of SS_FLOAT.
    pub f: f64,
    /// Of SS_OBJ.
    pub o: *mut SsObj,
    /// Of SS_NULL, and of all others as bits.
    pub bits: u64,
}

/// A value of 16 bytes. There will be no other tags than these: SS_NULL, SS_BOOL, SS_INT, SS_FLOAT, SS_OBJ.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SsValue {
    /// What it is.
    pub tag: u32,
    /// 0.
    pub zero: u32,
    /// The value.
    pub v: SsPayload,
}

impl SsValue {
    /// Nothing.
    pub const NULL: SsValue = SsValue { tag: SS_NULL, zero: 0, v: SsPayload { bits: 0 } };
    /// A lazy input that is not computed yet.
    pub const PENDING: SsValue = SsValue { tag: SS_NULL, zero: 0, v: SsPayload { bits: SS_PENDING } };

    /// A truth value.
    pub const fn bool(value: bool) -> SsValue {
        SsValue { tag: SS_BOOL, zero: 0, v: SsPayload { i: value as i64 } }
    }

    /// An integer.
    pub const fn int(value: i64) -> SsValue {
        SsValue { tag: SS_INT, zero: 0, v: SsPayload { i: value } }
    }

    /// A number.
    pub const fn float(value: f64) -> SsValue {
        SsValue { tag: SS_FLOAT, zero: 0, v: SsPayload { f: value } }
    }

    /// An object.
    pub const fn object(object: *mut SsObj) -> SsValue {
        SsValue { tag: SS_OBJ, zero: 0, v: SsPayload { o: object } }
    }
}

/// A counted object. It never changes once another can see it, and all that it offers may be called from any thread.
/// Its maker lays out what comes after this.
#[repr(C)]
pub struct SsObj {
    /// What it can do; never null.
    pub vt: *const SsObjVt,
}

/// What every object can do.
#[repr(C)]
pub struct SsObjVt {
    /// sizeof(SsObjVt).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Counts one holder more.
    pub retain: Option<unsafe extern "C" fn(o: *mut SsObj)>,
    /// Counts one holder less; the last one frees it.
    pub release: Option<unsafe extern "C" fn(o: *mut SsObj)>,
    /// The name of its type: `STRING`, `LIST`, `IMAGE`, or one of its maker's such as `com.acme.FACE_MESH/1`. Valid as long
    /// as the object.
    pub type_name: Option<unsafe extern "C" fn(o: *mut SsObj) -> SsStr>,
    /// The interface of this name, or null. Valid as long as the object.
    pub get_interface: Option<unsafe extern "C" fn(o: *mut SsObj, id: SsStr) -> *const c_void>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsObjVt {}

/// Where bytes are written to.
#[repr(C)]
pub struct SsSink {
    /// Handed to `write`.
    pub user: *mut c_void,
    /// Takes some bytes. A status other than OK is handed on to whoever gave the sink.
    pub write: Option<unsafe extern "C" fn(user: *mut c_void, bytes: SsBytes) -> SsStatus>,
}

/// What any object may tell of itself: a SsObjectInfo.
pub const SS_OBJECT_INFO: &str = "selfsame.object_info/1";

/// What any object may tell of itself.
#[repr(C)]
pub struct SsObjectInfo {
    /// sizeof(SsObjectInfo).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// How many bytes of memory it holds. An object that does not tell counts as nothing.
    pub bytes: Option<unsafe extern "C" fn(o: *mut SsObj) -> u64>,
    /// Writes what it is in a few words, for messages: `f32 [1,512,512,3]`.
    pub summary: Option<unsafe extern "C" fn(o: *mut SsObj, sink: *const SsSink) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsObjectInfo {}

/// Text, of type STRING: a SsString.
pub const SS_STRING: &str = "selfsame.string/1";

/// Text.
#[repr(C)]
pub struct SsString {
    /// sizeof(SsString).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The text; valid as long as the object.
    pub view: Option<unsafe extern "C" fn(o: *mut SsObj) -> SsStr>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsString {}

/// Bytes, of any type: a SsBlob.
pub const SS_BYTES: &str = "selfsame.bytes/1";

/// Bytes.
#[repr(C)]
pub struct SsBlob {
    /// sizeof(SsBlob).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The bytes; valid as long as the object.
    pub view: Option<unsafe extern "C" fn(o: *mut SsObj) -> SsBytes>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsBlob {}

/// Several values, of type LIST: a SsList.
pub const SS_LIST: &str = "selfsame.list/1";

/// Several values.
#[repr(C)]
pub struct SsList {
    /// sizeof(SsList).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// How many there are.
    pub len: Option<unsafe extern "C" fn(o: *mut SsObj) -> u64>,
    /// Gives a value; the caller releases it. SS_STATUS_NOT_FOUND beyond the end.
    pub get: Option<unsafe extern "C" fn(o: *mut SsObj, index: u64, out: *mut SsValue) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsList {}

/// Values with names, of any type: a SsStruct. LATENT has `samples`, a TENSOR f32 [B,C,H/8,W/8], and `noise_mask`, a MASK or
/// SS_NULL. ID has `tokens` and `negative_tokens`, TENSORs f32 [1 or B,T,D].
pub const SS_STRUCT: &str = "selfsame.struct/1";

/// Values with names.
#[repr(C)]
pub struct SsStruct {
    /// sizeof(SsStruct).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// How many there are.
    pub len: Option<unsafe extern "C" fn(o: *mut SsObj) -> u64>,
    /// The name of a value, valid as long as the object; empty beyond the end.
    pub name: Option<unsafe extern "C" fn(o: *mut SsObj, index: u64) -> SsStr>,
    /// Gives the value of a name; the caller releases it. SS_STATUS_NOT_FOUND if there is none.
    pub get: Option<unsafe extern "C" fn(o: *mut SsObj, name: SsStr, out: *mut SsValue) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsStruct {}
