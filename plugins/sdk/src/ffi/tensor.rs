//! Numbers in memory of the other side.

use super::abi::*;
use super::object::ObjRef;
use super::text::slice;
use crate::tensor::Tensor;
use crate::{Error, Result, Status};
use std::ffi::c_void;
use std::ptr::NonNull;

/// f32 numbers in memory that somebody else gives up when this is dropped.
pub struct Shared {
    first: NonNull<f32>,
    len: usize,
    /// Whoever keeps the memory; dropping it gives the memory up.
    owner: Owner,
}

// SAFETY: nobody writes to the memory of a value, and objects may be released by any thread, as may tensors of DLPack.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The numbers.
    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: `read` has seen to it that there are as many, and the owner keeps them as they are.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }

    /// The object of the other side that has them.
    pub(crate) fn origin(&self) -> Option<&ObjRef> {
        match &self.owner {
            Owner::Object(object) => Some(object),
            Owner::Managed(_) => None,
        }
    }
}

/// Who keeps the memory of a tensor.
pub(super) enum Owner {
    Object(ObjRef),
    Managed(#[allow(dead_code, reason = "it is dropped")] Managed),
}

/// A tensor of DLPack that was taken over.
pub(super) struct Managed(NonNull<SsDLManagedTensor>);

impl Drop for Managed {
    fn drop(&mut self) {
        // SAFETY: it was taken over, and this is the only time.
        unsafe {
            if let Some(deleter) = self.0.as_ref().deleter {
                deleter(self.0.as_ptr());
            }
        }
    }
}

/// Takes a tensor of DLPack over; it is given up when nobody needs the numbers any more, or at once if this fails.
///
/// # Errors
/// If it is of another major version, on a device, not of floating-point numbers, or contradicts itself.
///
/// # Safety
/// If the pointer is not null, it is that of a tensor of DLPack that nobody else gives up.
pub unsafe fn adopt(tensor: *mut SsDLManagedTensor) -> Result<Tensor> {
    let tensor = NonNull::new(tensor).ok_or_else(|| Error::new("a null pointer instead of a tensor"))?;
    let owner = Managed(tensor);
    // SAFETY: the version is at the same place in every version.
    let version = unsafe { tensor.as_ref().version };
    if version.major != 1 {
        return Err(Error::new(format!("a tensor of DLPack {}.{}; expected 1", version.major, version.minor)));
    }
    // SAFETY: it is a tensor of DLPack 1, which the owner keeps.
    unsafe { read(&tensor.as_ref().dl_tensor, Owner::Managed(owner)) }
}

/// Whether the tensor of an object has this shape.
pub(super) fn has_shape(object: &ObjRef, shape: &[usize]) -> bool {
    of_object(object).is_ok_and(|tensor| tensor.is_some_and(|tensor| tensor.shape() == shape))
}

/// The numbers of an object, shared where they are f32, row-major without gaps; else converted.
pub(super) fn of_object(object: &ObjRef) -> Result<Option<Tensor>> {
    let table: *const SsTensor = object.interface(SS_TENSOR).cast();
    // SAFETY: an interface of this name is such a table.
    let Some(describe) = (unsafe { field!(table, SsTensor, describe).flatten() }) else { return Ok(None) };
    let mut view = NOTHING;
    // SAFETY: the object is alive, and the view can be written.
    match unsafe { describe(object.as_ptr(), &mut view) } {
        // SAFETY: the description is valid as long as the object, which the tensor holds.
        SS_STATUS_OK => unsafe { read(&view, Owner::Object(object.clone())) }.map(Some),
        status => Err(Error::new(format!("an object does not describe its tensor (status {status})"))),
    }
}

const NOTHING: SsDLTensor = SsDLTensor {
    data: std::ptr::null_mut(),
    device: SsDLDevice { device_type: 0, device_id: 0 },
    ndim: -1,
    dtype: SsDLDataType { code: 0, bits: 0, lanes: 0 },
    shape: std::ptr::null_mut(),
    strides: std::ptr::null_mut(),
    byte_offset: 0,
};

/// # Safety
/// What the view points at is as it says, and stays so while the owner lives.
unsafe fn read(view: &SsDLTensor, owner: Owner) -> Result<Tensor> {
    let SsDLDevice { device_type, device_id } = view.device;
    if !matches!((device_type, device_id), (SS_DL_CPU, 0) | (SS_DL_CUDA_HOST, _)) {
        let message =
            format!("a tensor on the DLPack device ({device_type}, {device_id}); expected main memory (1, 0)");
        return Err(Error::with(Status::Unsupported, message));
    }
    if !(0..=SS_MAX_DIMS).contains(&view.ndim) {
        return Err(Error::new(format!("a tensor of {} dimensions; expected at most {SS_MAX_DIMS}", view.ndim)));
    }
    // SAFETY: the caller promises it.
    let dims = unsafe { slice(view.shape.cast_const(), view.ndim as u64) }?;
    let shape = dims.iter().map(|dim| usize::try_from(*dim).ok()).collect::<Option<Vec<usize>>>();
    let count = |shape: &[usize]| shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
    let sized = shape.and_then(|shape| Some((count(&shape).filter(|n| *n <= isize::MAX as usize / 8)?, shape)));
    let (count, shape) = sized.ok_or_else(|| Error::new(format!("no tensor has the shape {dims:?}")))?;
    if count == 0 {
        return Tensor::new(shape, Vec::new());
    }
    if view.data.is_null() {
        return Err(Error::new("a tensor without memory"));
    }
    let strides = match view.strides.is_null() {
        true => row_major(&shape),
        // SAFETY: the caller promises it.
        false => unsafe { slice(view.strides.cast_const(), view.ndim as u64) }?.to_vec(),
    };
    let (has_gaps, size) = (!is_row_major(&shape, &strides), i64::from(view.dtype.bits / 8));
    let kind = Kind::of(view.dtype)?;
    // The address of the farthest number must be one.
    let reach = shape.iter().zip(&strides).try_fold(0i64, |reach, (dim, stride)| {
        reach.checked_add((*dim as i64 - 1).checked_mul(stride.checked_abs()?)?)
    });
    if reach.and_then(|reach| reach.checked_mul(size)).is_none() || view.byte_offset > isize::MAX as u64 {
        return Err(Error::new(format!("a tensor with the strides {strides:?} for the shape {shape:?}")));
    }
    // SAFETY: the caller promises that the memory is as described.
    let first: *const u8 = unsafe { view.data.cast::<u8>().cast_const().add(view.byte_offset as usize) };
    let aligned = NonNull::new(first.cast_mut().cast::<f32>()).filter(|first| first.as_ptr().is_aligned());
    if let (Kind::F32, false, Some(first)) = (kind, has_gaps, aligned) {
        return Ok(Tensor::shared(shape, Shared { first, len: count, owner }));
    }
    let mut data = Vec::with_capacity(count);
    let mut index = vec![0usize; shape.len()];
    for _ in 0..count {
        let offset: i64 = index.iter().zip(&strides).map(|(i, stride)| *i as i64 * stride).sum();
        // SAFETY: the index is within the shape, so that this is a number of the tensor.
        data.push(unsafe { kind.read(first.offset((offset * size) as isize)) });
        for (i, dim) in index.iter_mut().zip(&shape).rev() {
            *i += 1;
            if *i < *dim {
                break;
            }
            *i = 0;
        }
    }
    drop(owner);
    Tensor::new(shape, data)
}

/// The strides of a tensor in row-major order without gaps.
fn row_major(shape: &[usize]) -> Vec<i64> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i] as i64;
    }
    strides
}

/// Whether the numbers lie one after the other. The stride of a dimension of 1 means nothing.
fn is_row_major(shape: &[usize], strides: &[i64]) -> bool {
    let wanted = row_major(shape);
    shape.iter().zip(strides).zip(wanted).all(|((dim, stride), wanted)| *dim == 1 || *stride == wanted)
}

/// A type of numbers that becomes f32.
#[derive(Clone, Copy)]
enum Kind {
    F16,
    Bf16,
    F32,
    F64,
}

impl Kind {
    fn of(dtype: SsDLDataType) -> Result<Self> {
        match (dtype.code, dtype.bits, dtype.lanes) {
            (SS_DL_FLOAT, 16, 1) => Ok(Kind::F16),
            (SS_DL_BFLOAT, 16, 1) => Ok(Kind::Bf16),
            (SS_DL_FLOAT, 32, 1) => Ok(Kind::F32),
            (SS_DL_FLOAT, 64, 1) => Ok(Kind::F64),
            (code, bits, lanes) => {
                let message = format!(
                    "a tensor of the DLPack type (code {code}, {bits} bits, {lanes} lanes); expected f16, bf16, f32 or f64"
                );
                Err(Error::with(Status::Unsupported, message))
            }
        }
    }

    /// # Safety
    /// There is a number of this type at the address.
    unsafe fn read(self, at: *const u8) -> f32 {
        // SAFETY: the caller promises it.
        unsafe {
            match self {
                Kind::F16 => half_to_f32(at.cast::<u16>().read_unaligned()),
                Kind::Bf16 => f32::from_bits(u32::from(at.cast::<u16>().read_unaligned()) << 16),
                Kind::F32 => at.cast::<f32>().read_unaligned(),
                Kind::F64 => at.cast::<f64>().read_unaligned() as f32,
            }
        }
    }
}

/// IEEE binary16 as f32, which holds all of its numbers.
fn half_to_f32(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 0x1f, bits & 0x3ff);
    let magnitude = match exponent {
        // Multiples of 2^-24.
        0 => f32::from(fraction) / 16_777_216.0,
        0x1f => f32::from_bits(0x7f80_0000 | u32::from(fraction) << 13),
        _ => f32::from_bits((u32::from(exponent) + 112) << 23 | u32::from(fraction) << 13),
    };
    if sign == 1 { -magnitude } else { magnitude }
}

/// The description of a tensor of this side; the shape must outlive it.
pub(super) fn describe(tensor: &Tensor, shape: &[i64]) -> SsDLTensor {
    SsDLTensor {
        // Nobody may write to the memory of a value.
        data: tensor.data().as_ptr().cast_mut().cast::<c_void>(),
        device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
        ndim: shape.len() as i32,
        dtype: SsDLDataType::F32,
        shape: shape.as_ptr().cast_mut(),
        strides: std::ptr::null_mut(),
        byte_offset: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn halves_are_exact() {
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2f32.powi(-24)),
            (0x03ff, 1023.0 * 2f32.powi(-24)),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ];
        for (bits, expected) in cases {
            assert_eq!(half_to_f32(bits).to_bits(), f32::to_bits(expected), "{bits:04x}");
        }
        assert!(half_to_f32(0x7e00).is_nan());
    }

    static DELETED: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" fn count(_: *mut SsDLManagedTensor) {
        DELETED.fetch_add(1, Ordering::SeqCst);
    }

    fn managed(view: SsDLTensor, major: u32) -> SsDLManagedTensor {
        SsDLManagedTensor {
            version: SsDLPackVersion { major, minor: 0 },
            manager_ctx: std::ptr::null_mut(),
            deleter: Some(count),
            flags: 0,
            dl_tensor: view,
        }
    }

    /// A view of some memory; the change makes it another.
    fn adopted(change: impl FnOnce(&mut SsDLTensor)) -> Result<Tensor> {
        let mut numbers: Vec<f32> = (0..6u8).map(f32::from).collect();
        let mut shape = [2i64, 3];
        let mut view = SsDLTensor {
            data: numbers.as_mut_ptr().cast(),
            device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
            ndim: 2,
            dtype: SsDLDataType::F32,
            shape: shape.as_mut_ptr(),
            strides: std::ptr::null_mut(),
            byte_offset: 0,
        };
        change(&mut view);
        let mut managed = managed(view, 1);
        let before = DELETED.load(Ordering::SeqCst);
        // SAFETY: all of it lives until the end.
        let tensor = unsafe { adopt(&mut managed) };
        // What is copied does not need the memory any more.
        let copy = tensor.map(|tensor| Tensor::new(tensor.shape(), tensor.data().to_vec()).unwrap());
        assert_eq!(DELETED.load(Ordering::SeqCst), before + 1);
        copy
    }

    fn strided(shape: &mut [i64], strides: &mut [i64], first: u64) -> Result<Vec<f32>> {
        let tensor = adopted(|view| {
            view.ndim = shape.len() as i32;
            (view.shape, view.strides) = (shape.as_mut_ptr(), strides.as_mut_ptr());
            view.byte_offset = first * 4;
        });
        tensor.map(|tensor| tensor.data().to_vec())
    }

    // One test, since they count together.
    #[test]
    fn tensors_of_dlpack_are_read_as_described_and_deleted_once() {
        assert_eq!(adopted(|_| {}).unwrap().data(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(strided(&mut [3, 2], &mut [1, 3], 0).unwrap(), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(strided(&mut [2, 1, 2], &mut [3, 77, 1], 1).unwrap(), [1.0, 2.0, 4.0, 5.0]);
        assert_eq!(strided(&mut [6], &mut [-1], 5).unwrap(), [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(strided(&mut [2, 2], &mut [0, 1], 0).unwrap(), [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(strided(&mut [], &mut [], 3).unwrap(), [3.0]);
        assert_eq!(strided(&mut [0, 5], &mut [5, 1], 0).unwrap(), [0.0; 0]);

        let says = |change: fn(&mut SsDLTensor)| adopted(change).unwrap_err().message;
        assert_eq!(says(|v| v.ndim = 9), "a tensor of 9 dimensions; expected at most 8");
        assert_eq!(says(|v| v.ndim = -1), "a tensor of -1 dimensions; expected at most 8");
        assert_eq!(says(|v| v.data = std::ptr::null_mut()), "a tensor without memory");
        assert_eq!(
            says(|v| v.device.device_type = SS_DL_CUDA),
            "a tensor on the DLPack device (2, 0); expected main memory (1, 0)"
        );
        assert_eq!(
            says(|v| v.dtype = SsDLDataType { code: SS_DL_UINT, bits: 8, lanes: 1 }),
            "a tensor of the DLPack type (code 1, 8 bits, 1 lanes); expected f16, bf16, f32 or f64"
        );
        assert_eq!(says(|v| v.shape = std::ptr::null_mut()), "2 elements at the address 0x0");
        assert_eq!(
            strided(&mut [i64::MAX, 4], &mut [1, 1], 0).unwrap_err().message,
            format!("no tensor has the shape [{}, 4]", i64::MAX)
        );
        assert_eq!(strided(&mut [-1], &mut [1], 0).unwrap_err().message, "no tensor has the shape [-1]");
        assert!(
            strided(&mut [2, 3], &mut [i64::MIN, 1], 0).unwrap_err().message.starts_with("a tensor with the strides")
        );

        let mut other = managed(NOTHING, 2);
        let before = DELETED.load(Ordering::SeqCst);
        // SAFETY: it is a tensor, though of a version to come.
        let error = unsafe { adopt(&mut other) }.unwrap_err();
        assert_eq!(error.message, "a tensor of DLPack 2.0; expected 1");
        assert_eq!(DELETED.load(Ordering::SeqCst), before + 1);
    }
}
