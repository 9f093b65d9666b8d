//! Tensors: DLPack 1.x, under names of our own so that a plugin may include `dlpack.h` beside this.

use crate::{SsObj, SsStatus};
use core::ffi::c_void;

/// Main memory (kDLCPU).
pub const SS_DL_CPU: i32 = 1;
/// Memory of an NVIDIA GPU (kDLCUDA).
pub const SS_DL_CUDA: i32 = 2;
/// Main memory that a GPU can read (kDLCUDAHost).
pub const SS_DL_CUDA_HOST: i32 = 3;

/// Signed integers (kDLInt).
pub const SS_DL_INT: u8 = 0;
/// Unsigned integers (kDLUInt).
pub const SS_DL_UINT: u8 = 1;
/// IEEE numbers (kDLFloat).
pub const SS_DL_FLOAT: u8 = 2;
/// bfloat16 (kDLBfloat).
pub const SS_DL_BFLOAT: u8 = 4;

/// Nobody may write (DLPACK_FLAG_BITMASK_READ_ONLY).
pub const SS_DL_READ_ONLY: u64 = 1;
/// It was copied for the receiver (DLPACK_FLAG_BITMASK_IS_COPIED).
pub const SS_DL_IS_COPIED: u64 = 2;

/// The most dimensions of a tensor.
pub const SS_MAX_DIMS: i32 = 8;

/// DLDevice.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsDLDevice {
    /// SS_DL_CPU, SS_DL_CUDA, ...
    pub device_type: i32,
    /// Which one.
    pub device_id: i32,
}

/// DLDataType.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsDLDataType {
    /// SS_DL_FLOAT, ...
    pub code: u8,
    /// Bits of a number.
    pub bits: u8,
    /// 1.
    pub lanes: u16,
}

impl SsDLDataType {
    /// f32.
    pub const F32: SsDLDataType = SsDLDataType { code: SS_DL_FLOAT, bits: 32, lanes: 1 };
}

/// DLTensor: a view of numbers in memory.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SsDLTensor {
    /// Where the memory starts.
    pub data: *mut c_void,
    /// The device of the memory.
    pub device: SsDLDevice,
    /// How many dimensions there are, at most SS_MAX_DIMS.
    pub ndim: i32,
    /// The type of the numbers.
    pub dtype: SsDLDataType,
    /// The dimensions.
    pub shape: *mut i64,
    /// How many numbers to go on for the next one in each dimension; null for row-major order without gaps.
    pub strides: *mut i64,
    /// How many bytes after `data` the first number is.
    pub byte_offset: u64,
}

/// DLPackVersion.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsDLPackVersion {
    /// 1.
    pub major: u32,
    /// At least 0.
    pub minor: u32,
}

/// DLManagedTensorVersioned: a tensor that its receiver gives up by calling `deleter`, once. If the major is another than
/// 1, that is all that a receiver may do.
#[repr(C)]
pub struct SsDLManagedTensor {
    /// Of DLPack.
    pub version: SsDLPackVersion,
    /// The maker's.
    pub manager_ctx: *mut c_void,
    /// Gives it up; may be null if there is nothing to do.
    pub deleter: Option<unsafe extern "C" fn(tensor: *mut SsDLManagedTensor)>,
    /// SS_DL_READ_ONLY, ...
    pub flags: u64,
    /// The tensor.
    pub dl_tensor: SsDLTensor,
}

/// Numbers, of types TENSOR, IMAGE, MASK and any other: a SsTensor.
///
/// IMAGE is f32 `[B,H,W,C]`, 0..1, sRGB, C of 1 (gray), 3 (RGB) or 4 (RGB and alpha, not premultiplied). MASK is f32 `[B,H,W]`, 0..1.
/// Strides are free.
pub const SS_TENSOR: &str = "selfsame.tensor/1";

/// Numbers. Nobody may write to them: values are shared.
#[repr(C)]
pub struct SsTensor {
    /// sizeof(SsTensor).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Describes it; the description and the memory are valid as long as the object. On a device the numbers are there in
    /// the order of the run's stream, see SsCtx.
    pub describe: Option<unsafe extern "C" fn(o: *mut SsObj, out: *mut SsDLTensor) -> SsStatus>,
    /// The same for other libraries that take DLPack, with SS_DL_READ_ONLY. It holds the object until it is deleted.
    pub export_dlpack: Option<unsafe extern "C" fn(o: *mut SsObj, out: *mut *mut SsDLManagedTensor) -> SsStatus>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsTensor {}

/// sRGB, as pictures are stored and shown.
pub const SS_COLOR_SRGB: u32 = 0;
/// Linear light with the primaries of sRGB.
pub const SS_COLOR_LINEAR: u32 = 1;
/// Alpha is not multiplied into the colours.
pub const SS_ALPHA_STRAIGHT: u32 = 0;
/// Alpha is multiplied into the colours.
pub const SS_ALPHA_PREMULTIPLIED: u32 = 1;

/// How the numbers of an IMAGE are meant: a SsImage. An IMAGE without it is sRGB with straight alpha, and so are all that
/// the host makes.
pub const SS_IMAGE: &str = "selfsame.image/1";

/// How the numbers of an IMAGE are meant.
#[repr(C)]
pub struct SsImage {
    /// sizeof(SsImage).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// SS_COLOR_SRGB or SS_COLOR_LINEAR.
    pub color_space: Option<unsafe extern "C" fn(o: *mut SsObj) -> u32>,
    /// SS_ALPHA_STRAIGHT or SS_ALPHA_PREMULTIPLIED.
    pub alpha: Option<unsafe extern "C" fn(o: *mut SsObj) -> u32>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsImage {}
