//! Memory that one side writes and the other reads: sealed, so that nobody can change it any more once it is handed over.

use crate::Bytes;
use crate::plugin::copy::add_seals;
use memmap2::Mmap;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_get_seals, fstat, memfd_create};
use selfsame_sdk::ffi::abi::*;
use selfsame_sdk::ffi::adopt;
use selfsame_sdk::{Error, Result, Tensor};
use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Where data begin in the memory: at multiples of this, in bytes.
pub const ALIGN: u64 = 64;

const SEALS: SealFlags = SealFlags::WRITE.union(SealFlags::SHRINK).union(SealFlags::GROW);

/// New memory with these data at these places.
///
/// # Errors
/// If the system gives none.
pub fn seal(parts: &[(u64, &[u8])]) -> io::Result<OwnedFd> {
    let memory = memfd_create("selfsame", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let file = File::from(memory);
    for (place, part) in parts {
        file.write_all_at(part, *place)?;
    }
    add_seals(&file, SEALS)?;
    Ok(file.into())
}

/// The memory of the other side, to be read; at most so many bytes.
///
/// # Errors
/// If it is not sealed, too much, or not memory at all.
pub fn open(memory: OwnedFd, limit: Option<u64>) -> Result<Arc<Mmap>> {
    // Only memory of this kind has seals, so that nothing else is ever mapped.
    let seals = fcntl_get_seals(&memory).map_err(|_| Error::new("a file instead of shared memory"))?;
    if !seals.contains(SEALS) {
        return Err(Error::new("shared memory that is not sealed"));
    }
    if let Some(limit) = limit {
        let file = fstat(&memory)?;
        let (length, there) = (file.st_size as u64, (file.st_blocks as u64).saturating_mul(512));
        if length > limit {
            return Err(Error::new(format!("{} of shared memory; expected at most {}", Bytes(length), Bytes(limit))));
        }
        // Reading what is not there yet would take memory of this side.
        if there < length {
            return Err(Error::new("shared memory with gaps"));
        }
    }
    // SAFETY: the seals see to it that its contents and its length stay as they are.
    Ok(Arc::new(unsafe { Mmap::map(&File::from(memory)) }?))
}

/// A tensor whose numbers lie in such memory, which it keeps.
///
/// # Errors
/// If they do not lie in it, or the shape is none.
pub fn tensor(memory: &Arc<Mmap>, place: u64, shape: &[u64]) -> Result<Tensor> {
    let wrong = || Error::new(format!("a tensor of the shape {shape:?} at {place} of {} bytes", memory.len()));
    let dims = shape.iter().map(|dim| i64::try_from(*dim).ok()).collect::<Option<Box<[i64]>>>();
    let dims = dims.filter(|dims| dims.len() <= SS_MAX_DIMS as usize).ok_or_else(wrong)?;
    let bytes = shape.iter().try_fold(4u64, |bytes, dim| bytes.checked_mul(*dim)).ok_or_else(wrong)?;
    let end = place.checked_add(bytes).ok_or_else(wrong)?;
    if !place.is_multiple_of(4) || end > memory.len() as u64 {
        return Err(wrong());
    }
    let mut held = Box::new(Held {
        dims,
        managed: SsDLManagedTensor {
            version: SsDLPackVersion { major: 1, minor: 0 },
            manager_ctx: std::ptr::null_mut(),
            deleter: Some(release),
            flags: SS_DL_READ_ONLY,
            dl_tensor: SsDLTensor {
                // Nobody may write to the memory of a value.
                data: memory.as_ptr().wrapping_add(place as usize).cast_mut().cast::<c_void>(),
                device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
                ndim: shape.len() as i32,
                dtype: SsDLDataType::F32,
                shape: std::ptr::null_mut(),
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            },
        },
        _memory: memory.clone(),
    });
    held.managed.dl_tensor.shape = held.dims.as_mut_ptr();
    let held = Box::into_raw(held);
    // SAFETY: `held` lives until `release`, and with it the memory and the shape; all that is described lies in the memory.
    unsafe {
        (*held).managed.manager_ctx = held.cast();
        adopt(&raw mut (*held).managed)
    }
}

/// What keeps a tensor's memory.
struct Held {
    dims: Box<[i64]>,
    managed: SsDLManagedTensor,
    _memory: Arc<Mmap>,
}

unsafe extern "C" fn release(tensor: *mut SsDLManagedTensor) {
    // SAFETY: `tensor` made it of a box, and its receiver gives it up once.
    drop(unsafe { Box::from_raw((*tensor).manager_ctx.cast::<Held>()) });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(numbers: &[f32]) -> Arc<Mmap> {
        open(seal(&[(64, bytemuck::cast_slice(numbers))]).unwrap(), Some(1 << 20)).unwrap()
    }

    #[test]
    fn numbers_arrive_without_a_copy() {
        let memory = sealed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let tensor = tensor(&memory, 64, &[2, 3]).unwrap();
        assert_eq!((tensor.shape(), tensor.data()), (&[2, 3][..], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]));
        assert_eq!(tensor.data().as_ptr().cast::<u8>(), memory[64..].as_ptr());
        drop(memory);
        assert_eq!(tensor.data()[5], 6.0);
    }

    #[test]
    fn what_does_not_lie_in_the_memory_is_refused() {
        let memory = sealed(&[0.0; 6]);
        for (place, shape) in [
            (64, vec![7]),
            (68, vec![6]),
            (2, vec![1]),
            (u64::MAX - 3, vec![1]),
            (0, vec![1 << 62, 4]),
            (0, vec![1; 9]),
        ] {
            assert!(tensor(&memory, place, &shape).unwrap_err().message.starts_with("a tensor of the shape"));
        }
        assert_eq!(tensor(&memory, 64, &[0, 5]).unwrap().shape(), [0, 5]);
    }

    #[test]
    fn only_sealed_memory_is_read() {
        let file = File::open("/proc/self/exe").unwrap();
        assert_eq!(open(file.into(), None).unwrap_err().message, "a file instead of shared memory");
        let memory = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        assert_eq!(open(memory, None).unwrap_err().message, "shared memory that is not sealed");
        let file = File::from(seal(&[(0, b"abc")]).unwrap());
        assert!(file.write_all_at(b"x", 0).is_err() && file.set_len(0).is_err());
        let said = |memory: OwnedFd| open(memory, Some(1 << 20)).unwrap_err().message;
        assert_eq!(said(seal(&[(1 << 20, b"abc")]).unwrap()), "1 MiB of shared memory; expected at most 1 MiB");
        assert_eq!(said(seal(&[(1 << 19, b"abc")]).unwrap()), "shared memory with gaps");
    }
}
