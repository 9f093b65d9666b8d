//! Rows and columns exchanged: pictures to tokens and back.

use super::super::check::{expect, shape_of};
use super::buffer::{Output, View, build, for_each};
use crate::Result;
use candle_core::Tensor;

/// Side of the square that is turned at a time: one cache line.
const TILE: usize = 16;

pub fn transpose(x: &Tensor) -> Result<Tensor> {
    expect(x.rank() >= 2, || ("input of transpose".into(), "[.., M, N]".into(), shape_of(x)))?;
    let mut shape = x.dims().to_vec();
    let (rows, columns) = (shape[shape.len() - 2], shape[shape.len() - 1]);
    let last = shape.len() - 1;
    shape.swap(last - 1, last);
    let contiguous = x.contiguous()?;
    let view = View::of(&contiguous)?;
    let data = view.data();
    let bands = columns.div_ceil(TILE);
    let fill = |out: &Output| {
        let matrices = x.elem_count() / (rows * columns).max(1);
        for_each(matrices * bands, |task| {
            let (matrix, first) = (task / bands * rows * columns, task % bands * TILE);
            let width = TILE.min(columns - first);
            // SAFETY: tasks own disjoint bands of rows of the output.
            let out = unsafe { out.slice(matrix + first * rows, width * rows) };
            for start in (0..rows).step_by(TILE) {
                let height = TILE.min(rows - start);
                // By way of a small square: columns far apart in memory would evict each other before their line is used up.
                let mut tile = [[0f32; TILE]; TILE];
                for (row, tile) in tile.iter_mut().take(height).enumerate() {
                    tile[..width].copy_from_slice(&data[matrix + (start + row) * columns + first..][..width]);
                }
                for (column, out) in out.chunks_exact_mut(rows).enumerate() {
                    for (out, tile) in out[start..start + height].iter_mut().zip(&tile) {
                        out.write(tile[column]);
                    }
                }
            }
        });
    };
    // SAFETY: the bands cover all matrices, and the squares a band.
    unsafe { build(shape, fill) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{doubles, random};
    use super::*;

    #[test]
    fn exchanges_the_last_two_dimensions() {
        for shape in [vec![1, 1], vec![3, 17, 33], vec![2, 2, 16, 40], vec![100, 3], vec![2, 0, 4]] {
            let x = random(shape.clone(), 1);
            let expected = x.transpose(shape.len() - 2, shape.len() - 1).unwrap();
            let got = transpose(&x).unwrap();
            assert!(got.is_contiguous());
            assert_eq!((got.dims(), doubles(&got)), (expected.dims(), doubles(&expected)), "{shape:?}");
            assert_eq!(doubles(&transpose(&expected).unwrap()), doubles(&x), "{shape:?} back");
        }
        assert!(transpose(&random(3, 1)).is_err());
    }
}
