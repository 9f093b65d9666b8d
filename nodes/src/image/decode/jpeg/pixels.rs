//! Coefficients to pixels, to the bit as libjpeg does it, which Pillow, OpenCV and browsers use: what a detector finds and a
//! recogniser says then is what it says elsewhere.
//!
//! **Source**: the decoder of libjpeg-turbo 3 with its default settings: the accurate integer transform (after Loeffler, Ligtenberg and
//! Moschytz, ICASSP 1989) with constants of 13 bits, "fancy" upsampling by triangles, and colours with constants of 16 bits.

use super::scans::{Block, Component, Picture};
use rayon::prelude::*;

/// Cosines times 2^13: what even coefficients 0, 2, 4 and 6 add to the first four samples.
const EVEN: [[i32; 4]; 4] =
    [[8192, 10703, 8192, 4433], [8192, 4433, -8192, -10704], [8192, -4433, -8192, 10704], [8192, -10703, 8192, -4433]];

/// The same for odd coefficients 1, 3, 5 and 7. The last four samples have them subtracted.
const ODD: [[i32; 4]; 4] =
    [[11363, 9633, 6437, 2260], [9633, -2259, -11362, -6436], [6437, -11362, 2261, 9633], [2260, -6436, 9633, -11363]];

/// One component at its own size.
struct Plane {
    /// Width and height of what is used.
    size: [usize; 2],
    /// How far rows are apart.
    stride: usize,
    data: Vec<u8>,
}

impl Plane {
    fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.stride..][..self.size[0]]
    }
}

/// The samples, interleaved: gray, or red, green and blue.
pub fn pixels(picture: &Picture) -> Option<Vec<u8>> {
    let planes = picture.components.iter().map(|component| {
        let plane = transformed(component, picture)?;
        upsampled(&plane, component, picture)
    });
    let planes: Vec<Vec<u8>> = planes.collect::<Option<_>>()?;
    let transform = has_transform(picture);
    Some(match &planes[..] {
        [gray] => gray.clone(),
        [a, b, c] => interleave(a.len(), |i| if transform { rgb(a[i], b[i], c[i]) } else { [a[i], b[i], c[i]] }),
        // Inverted, as Adobe's programs write it: black and colours are brightness.
        [a, b, c, k] => interleave(a.len(), |i| {
            let inverted = if transform { rgb(a[i], b[i], c[i]).map(|x| 255 - x) } else { [a[i], b[i], c[i]] };
            inverted.map(|x| k[i] - product(255 - x, k[i]))
        }),
        _ => return None,
    })
}

/// Whether the colours are brightness and two differences. As libjpeg guesses it.
fn has_transform(picture: &Picture) -> bool {
    match (picture.components.len(), picture.is_jfif, picture.adobe) {
        (3, true, _) => true,
        (3, false, Some(transform)) => transform != 0,
        (3, false, None) => picture.ids() != *b"RGB",
        (4, _, Some(transform)) => transform != 0,
        _ => false,
    }
}

fn interleave(count: usize, pixel: impl Fn(usize) -> [u8; 3] + Sync) -> Vec<u8> {
    let mut out = vec![0; count * 3];
    out.par_chunks_mut(3 * 4096).enumerate().for_each(|(chunk, out)| {
        for (i, to) in out.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            *to = pixel(chunk * 4096 + i);
        }
    });
    out
}

/// `a * b / 255`, rounded as Pillow does it.
fn product(a: u8, b: u8) -> u8 {
    let value = u32::from(a) * u32::from(b) + 128;
    (((value >> 8) + value) >> 8) as u8
}

/// Red, green and blue of brightness and two differences: JFIF's factors times 2^16.
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let [y, cb, cr] = [i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128];
    let red = y + ((91_881 * cr + HALF) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let blue = y + ((116_130 * cb + HALF) >> 16);
    [red, green, blue].map(|value| value.clamp(0, 255) as u8)
}

/// The samples of a component.
fn transformed(component: &Component, picture: &Picture) -> Option<Plane> {
    let quantisation = component.quantisation?;
    let [across, down] = component.blocks;
    let stride = across * 8;
    let mut data = vec![0; stride * down * 8];
    data.par_chunks_exact_mut(stride * 8).zip(component.coefficients.par_chunks_exact(across)).for_each(
        |(rows, blocks)| {
            for (x, block) in blocks.iter().enumerate() {
                for (row, samples) in rows.chunks_exact_mut(stride).zip(inverse(block, &quantisation)) {
                    row[x * 8..x * 8 + 8].copy_from_slice(&samples);
                }
            }
        },
    );
    let most = picture.most();
    let size = [0, 1].map(|axis| (picture.size[axis] * component.sampling[axis]).div_ceil(most[axis]));
    Some(Plane { size, stride, data })
}

/// The samples of a block: columns, rounded to 1/4, then rows.
fn inverse(block: &Block, quantisation: &[u16; 64]) -> [[u8; 8]; 8] {
    // A damaged file may ask for more than 32 bits; its pixels are of no value then.
    let mut columns = [[0i32; 8]; 8];
    for x in 0..8 {
        let column: [i32; 8] =
            std::array::from_fn(|y| i32::from(block[y * 8 + x]).wrapping_mul(i32::from(quantisation[y * 8 + x])));
        for (y, value) in line(column).into_iter().enumerate() {
            columns[y][x] = value.wrapping_add(1 << 10) >> 11;
        }
    }
    columns
        .map(|row| line(row).map(|value| ((value.wrapping_add(1 << 17) >> 18).saturating_add(128)).clamp(0, 255) as u8))
}

/// Eight samples times 2^13 of eight coefficients.
fn line(c: [i32; 8]) -> [i32; 8] {
    let sum = |factors: &[i32; 4], first: usize| {
        (0..4).fold(0i32, |sum, i| sum.wrapping_add(factors[i].wrapping_mul(c[2 * i + first])))
    };
    let mut out = [0; 8];
    for i in 0..4 {
        let (even, odd) = (sum(&EVEN[i], 0), sum(&ODD[i], 1));
        out[i] = even.wrapping_add(odd);
        out[7 - i] = even.wrapping_sub(odd);
    }
    out
}

/// A component at the size of the picture.
fn upsampled(plane: &Plane, component: &Component, picture: &Picture) -> Option<Vec<u8>> {
    let [width, height] = picture.size;
    let most = picture.most();
    if (0..2).any(|axis| !most[axis].is_multiple_of(component.sampling[axis])) {
        return None;
    }
    let factors = [0, 1].map(|axis| most[axis] / component.sampling[axis]);
    // Others are rare, and have not been compared with libjpeg.
    if !matches!(factors, [1, 1] | [2, 1] | [2, 2]) {
        return None;
    }
    let is_wide = plane.size[0] > 2;
    let mut out = vec![0; width * height];
    out.par_chunks_exact_mut(width).enumerate().for_each(|(y, row)| match factors {
        [1, 1] => row.copy_from_slice(&plane.row(y)[..width]),
        [2, 1] if is_wide => {
            let from = plane.row(y);
            double(row, from.len(), |x| i32::from(from[x]), [1, 2], 4);
        }
        [2, 2] if is_wide => {
            let (near, far) = neighbours(plane, y);
            double(row, near.len(), |x| 3 * i32::from(near[x]) + i32::from(far[x]), [8, 7], 16);
        }
        [across, down] => {
            let from = plane.row(y / down);
            row.iter_mut().enumerate().for_each(|(x, to)| *to = from[x / across]);
        }
    });
    Some(out)
}

/// The row of the plane in which row `y` of one twice as high lies, and the next nearest; at the borders, again the same.
fn neighbours(plane: &Plane, y: usize) -> (&[u8], &[u8]) {
    let near = y / 2;
    let far = if y.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(plane.size[1] - 1) };
    (plane.row(near), plane.row(far))
}

/// Twice as many samples: three parts of the nearest and one of the next, each in quarters of `unit`.
/// What is added before cutting off alternates, so that errors even out.
fn double(row: &mut [u8], count: usize, sample: impl Fn(usize) -> i32, bias: [i32; 2], unit: i32) {
    for (x, to) in row.iter_mut().enumerate() {
        let near = x / 2;
        // At the borders both are the same sample.
        let far = if x.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(count - 1) };
        *to = ((3 * sample(near) + sample(far) + bias[x % 2]) / unit) as u8;
    }
}
