//! Matrix products on the calling thread; the kernels cut their work into blocks and hand those to the thread pool.

use std::marker::PhantomData;

/// A matrix in memory: element `(i, j)` at `i * stride[0] + j * stride[1]`.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    data: &'a [f32],
    shape: [usize; 2],
    stride: [usize; 2],
}

/// Whether a matrix of these strides ends inside of `len` elements.
pub fn fits(len: usize, shape: [usize; 2], stride: [usize; 2]) -> bool {
    let [Some(rows), Some(cols)] = shape.map(|n| n.checked_sub(1)) else { return true };
    let last = rows.checked_mul(stride[0]).zip(cols.checked_mul(stride[1])).and_then(|(a, b)| a.checked_add(b));
    last.is_some_and(|last| last < len)
}

impl<'a> Mat<'a> {
    /// A matrix over `data`.
    pub fn new(data: &'a [f32], shape: [usize; 2], stride: [usize; 2]) -> Self {
        assert!(fits(data.len(), shape, stride), "matrix outside of its data");
        Self { data, shape, stride }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        let ([rows, cols], [down, right]) = (self.shape, self.stride);
        Self { data: self.data, shape: [cols, rows], stride: [right, down] }
    }
}

/// A matrix that can be written; its elements may be uninitialised.
pub struct MatMut<'a> {
    start: *mut f32,
    shape: [usize; 2],
    stride: [usize; 2],
    borrowed: PhantomData<&'a mut [f32]>,
}

impl<'a> MatMut<'a> {
    /// A matrix over `data`.
    pub fn new(data: &'a mut [f32], shape: [usize; 2], stride: [usize; 2]) -> Self {
        assert!(fits(data.len(), shape, stride), "matrix outside of its data");
        // SAFETY: all elements lie inside `data` (just checked), which is borrowed for as long as the matrix lives.
        unsafe { Self::from_raw(data.as_mut_ptr(), shape, stride) }
    }

    /// A matrix at an address.
    ///
    /// # Safety
    /// All its elements must lie in one allocation that outlives it, and nobody else may access them meanwhile.
    pub unsafe fn from_raw(start: *mut f32, shape: [usize; 2], stride: [usize; 2]) -> Self {
        Self { start, shape, stride, borrowed: PhantomData }
    }

    /// Sets every row to `row`.
    pub fn set_rows(&mut self, row: &[f32]) {
        let [rows, columns] = self.shape;
        assert!(row.len() == columns && self.stride[1] == 1, "row of another length than the matrix's");
        for i in 0..rows {
            // SAFETY: row `i` lies inside the matrix, and `row` elsewhere, since this matrix is exclusively borrowed.
            unsafe { self.start.add(i * self.stride[0]).copy_from_nonoverlapping(row.as_ptr(), columns) }
        }
    }
}

/// What becomes of the destination of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// It is overwritten.
    Set,
    /// The product is added; the destination must be initialised.
    Add,
}

/// Longest sum that is taken in one go: sums of sums round less than one long sum, about `√(n / 2)` times the last place.
const DEPTH: usize = 64;

/// `dst (+)= a · b` on the calling thread.
pub fn multiply(dst: &mut MatMut, a: Mat, b: Mat, update: Update) {
    let ([rows, cols], [rows_a, depth], [depth_b, cols_b]) = (dst.shape, a.shape, b.shape);
    assert!((rows, cols, depth) == (rows_a, cols_b, depth_b), "matrices of different shapes");
    let [dst_down, dst_right] = dst.stride.map(|s| s as isize);
    let [a_down, a_right] = a.stride.map(|s| s as isize);
    let [b_down, b_right] = b.stride.map(|s| s as isize);
    let step = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).max(1);
    for start in (0..depth.max(1)).step_by(step) {
        let (a, b) = (&a.data[start * a.stride[1]..], &b.data[start * b.stride[0]..]);
        // SAFETY: the shapes agree, and every `Mat` and `MatMut` holds all the elements its shape and strides reach, of which
        // this part of the depth is a part. The destination is exclusively borrowed, so it overlaps neither operand; it is
        // read only when `Add` says that it is initialised, or when the first part has set it.
        unsafe {
            gemm::gemm(
                rows,
                cols,
                step.min(depth - start),
                dst.start,
                dst_right,
                dst_down,
                update == Update::Add || start > 0,
                a.as_ptr(),
                a_right,
                a_down,
                b.as_ptr(),
                b_right,
                b_down,
                1.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            )
        }
    }
}
