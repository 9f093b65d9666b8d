//! Tensors read as slices, and outputs that are written once, by several threads, without being zeroed first.

use super::super::check::{expect, shape_of};
use super::gemm::MatMut;
use crate::{Error, Result};
use candle_core::{CpuStorage, DType, Device, Layout, Shape, Storage, StorageRef, Tensor};
use rayon::prelude::*;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Read access to the elements of an f32 tensor on the CPU.
pub struct View<'a> {
    storage: StorageRef<'a>,
    layout: &'a Layout,
}

impl<'a> View<'a> {
    /// Borrows the tensor whatever its strides are.
    ///
    /// # Errors
    /// When it is not f32 on the CPU.
    pub fn of(x: &'a Tensor) -> Result<Self> {
        let (storage, layout) = x.storage_and_layout();
        match &*storage {
            Storage::Cpu(CpuStorage::F32(_)) => Ok(Self { storage, layout }),
            _ => {
                let got = format!("{:?} on {:?}", x.dtype(), x.device().location());
                Err(Error::input("operand of a CPU kernel", "an f32 tensor on the CPU", got))
            }
        }
    }

    /// Everything from the tensor's first element on; of a contiguous tensor the first `elem_count` elements are its own.
    pub fn data(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(data)) => data.get(self.layout.start_offset()..).unwrap_or_default(),
            _ => unreachable!("checked when the view was made"),
        }
    }

    /// Steps between neighbours along each dimension.
    pub fn stride(&self) -> &[usize] {
        self.layout.stride()
    }
}

/// The tensor as the kernels want their weights: f32, row-major.
pub fn contiguous(x: &Tensor) -> Result<Tensor> {
    Ok(x.to_dtype(DType::F32)?.contiguous()?)
}

/// The elements of an optional bias, none when there is no bias.
pub fn optional_bias(bias: Option<&Tensor>, len: usize, what: &str) -> Result<Option<Tensor>> {
    let Some(bias) = bias else { return Ok(None) };
    expect(bias.elem_count() == len, || (format!("bias of {what}"), format!("{len} elements"), shape_of(bias)))?;
    contiguous(bias).map(Some)
}

/// The f32 elements of a tensor to be, each written once.
///
/// Zeroing an output costs as much as a whole normalisation, so it starts uninitialised.
pub struct Output<'a> {
    start: *mut f32,
    len: usize,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: an output is only an address and a length; every access goes through `block` or `slice`, whose callers promise
// that no two threads touch the same element.
unsafe impl Sync for Output<'_> {}

impl Output<'_> {
    /// The matrix at `start` with the given strides.
    ///
    /// # Safety
    /// No two matrices or slices that are alive at once may share an element.
    pub unsafe fn block(&self, start: usize, shape: [usize; 2], stride: [usize; 2]) -> MatMut<'_> {
        assert!(super::gemm::fits(self.len.saturating_sub(start), shape, stride), "block outside of its output");
        // SAFETY: all elements lie inside the allocation (just checked) and are not shared (promised by the caller).
        unsafe { MatMut::from_raw(self.start.add(start), shape, stride) }
    }

    /// The `len` elements from `start` on.
    ///
    /// # Safety
    /// As of [`Self::block`].
    // Handing out `&mut` from `&self` is the purpose: tasks write disjoint parts of one output.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn slice(&self, start: usize, len: usize) -> &mut [MaybeUninit<f32>] {
        assert!(start <= self.len && len <= self.len - start, "slice outside of its output");
        // SAFETY: inside the allocation (just checked), not shared (promised), and `MaybeUninit` needs no initial value.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start).cast(), len) }
    }
}

/// `len` floats that `fill` writes through an [`Output`].
///
/// # Safety
/// `fill` must write every element.
pub unsafe fn filled(len: usize, fill: impl FnOnce(&Output)) -> Vec<f32> {
    let mut data: Vec<f32> = Vec::with_capacity(len);
    prefer_huge_pages(&mut data);
    fill(&Output { start: data.as_mut_ptr(), len, borrowed: PhantomData });
    // SAFETY: the capacity is `len`, and the caller promises that `fill` has written all of it.
    unsafe { data.set_len(len) };
    data
}

/// Asks the system for large pages under a large buffer, if it has not been touched yet.
///
/// The allocator maps buffers of this size afresh every time, and the 8192 faults of 32 MiB in small pages take longer than most
/// operations on it. A refusal changes nothing but the time.
#[cfg(target_os = "linux")]
fn prefer_huge_pages(data: &mut Vec<f32>) {
    const LARGE: usize = 32 << 20;
    const HUGE_PAGE: usize = 2 << 20;
    let spare = data.spare_capacity_mut();
    let (start, bytes) = (spare.as_mut_ptr().cast::<u8>(), size_of_val(spare));
    let offset = start.align_offset(HUGE_PAGE);
    if bytes >= LARGE && offset < bytes {
        // SAFETY: the whole pages from `start + offset` on belong to the buffer, and the advice leaves their content alone.
        unsafe {
            libc::madvise(start.add(offset).cast(), (bytes - offset) / HUGE_PAGE * HUGE_PAGE, libc::MADV_HUGEPAGE)
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn prefer_huge_pages(_: &mut Vec<f32>) {}

/// Builds a tensor whose elements `fill` writes through an [`Output`].
///
/// # Safety
/// `fill` must write every element.
pub unsafe fn build(shape: impl Into<Shape>, fill: impl FnOnce(&Output)) -> Result<Tensor> {
    let shape = shape.into();
    // SAFETY: as promised by the caller.
    let data = unsafe { filled(shape.elem_count(), fill) };
    Ok(Tensor::from_vec(data, shape, &Device::Cpu)?)
}

/// Builds a tensor of `rows` rows of `width` elements; `fill(first, rows)` writes all of `rows`, the first being number `first`.
///
/// # Safety
/// `fill` must write every element.
pub unsafe fn build_rows(
    shape: impl Into<Shape>,
    width: usize,
    fill: impl Fn(usize, &mut [MaybeUninit<f32>]) + Sync + Send,
) -> Result<Tensor> {
    /// Enough for one task to be worth its start (about 20 µs of memory traffic).
    const CHUNK: usize = 1 << 16;
    let rows_each = (CHUNK / width.max(1)).max(1);
    let shape = shape.into();
    let rows = shape.elem_count() / width.max(1);
    let fill = |out: &Output| {
        for_each(rows.div_ceil(rows_each), |task| {
            let first = task * rows_each;
            let count = rows_each.min(rows - first);
            // SAFETY: tasks own disjoint ranges of rows.
            fill(first, unsafe { out.slice(first * width, count * width) });
        });
    };
    // SAFETY: the tasks cover all rows, and the caller promises that `fill` writes all of each.
    unsafe { build(shape, fill) }
}

/// Runs `task(0) .. task(count - 1)` on the threads of the pool.
pub fn for_each(count: usize, task: impl Fn(usize) + Sync + Send) {
    match count {
        0 => (),
        1 => task(0), // a trip to the pool costs more than most small operations
        _ => (0..count).into_par_iter().with_max_len(1).for_each(task),
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Lends `len` floats of arbitrary content that stay allocated with the thread.
pub fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with(|scratch| {
        let mut scratch = scratch.borrow_mut();
        if scratch.len() < len {
            scratch.resize(len, 0.0);
        }
        work(&mut scratch[..len])
    })
}
