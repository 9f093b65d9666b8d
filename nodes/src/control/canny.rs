//! Edges for a ControlNet.
//!
//! **Source**: OpenCV 4.9 to 5.0, `modules/imgproc/src/canny.cpp`: the same edges to the pixel.

use crate::image::bytes::Bytes;
use rayon::prelude::*;
use selfsame_sdk::prelude::*;

/// How many pixels a Sobel filter is wide and high.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aperture {
    /// 3 pixels.
    #[choice("3")]
    Three,
    /// 5 pixels.
    #[choice("5")]
    Five,
}

impl Aperture {
    /// The weights that take a difference, and those that smooth across it.
    fn kernels(self) -> (&'static [i32], &'static [i32]) {
        match self {
            Aperture::Three => (&[-1, 0, 1], &[1, 2, 1]),
            Aperture::Five => (&[-1, -2, 0, 2, 1], &[1, 4, 6, 4, 1]),
        }
    }
}

/// Finds edges, as ControlNets for canny read them: white lines on black.
#[node(id = "core.control.canny", category = "control", search = ["edges", "lines", "outline", "Canny"])]
#[output(image = "gray pictures of the same size: 1 on edges, 0 elsewhere")]
pub fn canny(
    ctx: Ctx,
    /// Where edges are looked for. Alpha is left out.
    image: Image,
    /// Weaker steps than this are no edges.
    #[param(default = 100.0, hard = 0.0..=32767.0, soft = 0.0..=255.0)]
    low_threshold: f64,
    /// Stronger steps than this are edges; those between count where they touch one.
    #[param(default = 200.0, hard = 0.0..=32767.0, soft = 0.0..=255.0)]
    high_threshold: f64,
    /// Looks at gray only. Otherwise at each pixel's strongest colour, as InstantID's demo does.
    #[param(default = false)]
    gray: bool,
    /// Measures steps by their true length instead of the sum of both directions.
    #[param(default = false)]
    precise: bool,
    /// How far around a pixel steps are measured. Five pixels smooth more, and their steps are about 4 times as strong.
    #[param(default = "3")]
    aperture: Aperture,
) -> Result<Image> {
    let frames = Bytes::frames(image, 3)?;
    let edges = frames.iter().map(|frame| {
        ctx.check_cancelled()?;
        let frame = if gray { to_gray(frame)? } else { frame.clone() };
        edges(&frame, [low_threshold, high_threshold], precise, aperture)
    });
    Bytes::into_image(edges.collect::<Result<_>>()?)
}

/// Gray as `cvtColor` gives it: Rec. 601 luma in 15 bits.
///
/// # Errors
/// Never for a picture of three channels.
pub fn to_gray(picture: &Bytes) -> Result<Bytes> {
    let luma = |pixel: &[u8]| {
        let sum: u32 = pixel.iter().zip([9798, 19235, 3735]).map(|(value, weight)| u32::from(*value) * weight).sum();
        ((sum + (1 << 14)) >> 15) as u8
    };
    Bytes::new(picture.size(), 1, picture.data().chunks_exact(picture.channels()).map(luma).collect())
}

/// A step: how strong it is, and how it goes along both axes.
#[derive(Clone, Copy, Default)]
struct Step {
    strength: i32,
    x: i32,
    y: i32,
}

/// What is known of a pixel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    Possible,
    Edge,
}

/// The edges of a picture, 255 on them and 0 elsewhere, by a Sobel filter. `thresholds` are low and high; `is_precise` measures
/// by the Euclidean norm. Of several channels the strongest counts at each pixel.
///
/// # Errors
/// If there is no memory.
pub fn edges(picture: &Bytes, thresholds: [f64; 2], is_precise: bool, aperture: Aperture) -> Result<Bytes> {
    let [low, high] = match thresholds {
        [low, high] if low > high => [high, low],
        other => other,
    };
    let threshold = |value: f64| {
        let value = if is_precise { value.min(32767.0) } else { value };
        (if is_precise { value * value } else { value }).floor() as i32
    };
    let [low, high] = [low, high].map(threshold);
    let [width, height] = picture.size();
    let rows = (0..height).into_par_iter();
    let steps: Vec<Step> = rows.flat_map_iter(|y| steps(picture, y, is_precise, aperture)).collect();
    let mut marks = vec![Mark::Nothing; width * height];
    marks.par_chunks_exact_mut(width).enumerate().for_each(|(y, line)| {
        for (x, mark) in line.iter_mut().enumerate() {
            let step = steps[y * width + x];
            if step.strength > low && is_ridge(&steps, [width, height], [x, y]) {
                *mark = if step.strength > high { Mark::Edge } else { Mark::Possible };
            }
        }
    });
    follow(&mut marks, width);
    Bytes::new([width, height], 1, marks.into_iter().map(|mark| if mark == Mark::Edge { 255 } else { 0 }).collect())
}

/// The strongest step of each pixel of a row.
fn steps(picture: &Bytes, y: usize, is_precise: bool, aperture: Aperture) -> Vec<Step> {
    let [width, height] = picture.size();
    let channels = picture.channels();
    let (difference, smooth) = aperture.kernels();
    // Beyond the borders the last pixels go on.
    let near = |at: usize, offset: usize, size: usize| (at + offset).saturating_sub(smooth.len() / 2).min(size - 1);
    let rows: Vec<&[u8]> = (0..smooth.len()).map(|offset| picture.row(near(y, offset, height))).collect();
    let step = |x: usize, channel: usize| {
        let (mut across, mut down) = (0, 0);
        for i in 0..smooth.len() {
            let column = near(x, i, width) * channels + channel;
            for (j, row) in rows.iter().enumerate() {
                let value = i32::from(row[column]);
                across += difference[i] * smooth[j] * value;
                down += smooth[i] * difference[j] * value;
            }
        }
        let strength = if is_precise { across * across + down * down } else { across.abs() + down.abs() };
        Step { strength, x: across, y: down }
    };
    let strongest = |x: usize| {
        let first = step(x, 0);
        (1..channels)
            .map(|channel| step(x, channel))
            .fold(first, |best, step| if step.strength > best.strength { step } else { best })
    };
    (0..width).map(strongest).collect()
}

/// Whether a step is stronger than its neighbours across the edge.
fn is_ridge(steps: &[Step], [width, height]: [usize; 2], [x, y]: [usize; 2]) -> bool {
    let here = steps[y * width + x];
    let strength = |right: isize, down: isize| {
        let x = x.checked_add_signed(right).filter(|x| *x < width);
        let y = y.checked_add_signed(down).filter(|y| *y < height);
        x.zip(y).map_or(0, |(x, y)| steps[y * width + x].strength)
    };
    let m = here.strength;
    // The tangent of 22.5 degrees in 15 bits; that of 67.5 degrees is 2 more.
    const TANGENT: i32 = 13573;
    let (across, down) = (here.x.abs(), here.y.abs() << 15);
    if down < across * TANGENT {
        m > strength(-1, 0) && m >= strength(1, 0)
    } else if down > across * TANGENT + (across << 16) {
        m > strength(0, -1) && m >= strength(0, 1)
    } else {
        let side = if (here.x ^ here.y) < 0 { -1 } else { 1 };
        m > strength(-side, -1) && m > strength(side, 1)
    }
}

/// Makes every possible edge that touches an edge one too.
fn follow(marks: &mut [Mark], width: usize) {
    let height = marks.len() / width;
    let mut open: Vec<usize> = (0..marks.len()).filter(|at| marks[*at] == Mark::Edge).collect();
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let neighbour = y * width + x;
                if marks[neighbour] == Mark::Possible {
                    marks[neighbour] = Mark::Edge;
                    open.push(neighbour);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    /// Black on the left, `value` on the right.
    fn step(value: f32, channels: usize) -> Image {
        let row = [0.0, 0.0, 0.0, value, value, value].map(|value| vec![value; channels]).concat();
        Image::new([1, 4, 6, channels], row.repeat(4)).unwrap()
    }

    #[test]
    fn a_step_is_one_line() {
        let host = TestHost::new();
        for channels in [1, 3, 4] {
            let out = canny(host.ctx(), step(1.0, channels), 100.0, 200.0, false, false, Aperture::Three).unwrap();
            assert_eq!((out.dims(), &out.data()[..6]), ([1, 4, 6, 1], &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0][..]));
        }
    }

    #[test]
    fn thresholds() {
        let host = TestHost::new();
        // 4 times 51 is the strength of the step.
        let count = |low, high, precise| {
            let out = canny(host.ctx(), step(0.2, 3), low, high, true, precise, Aperture::Three).unwrap();
            out.data().iter().sum::<f32>()
        };
        assert_eq!(count(100.0, 203.0, false), 4.0);
        assert_eq!(count(100.0, 204.0, false), 0.0);
        assert_eq!(count(203.0, 100.0, true), 4.0);
        assert_eq!(count(203.0, 204.0, true), 0.0);
    }

    #[test]
    fn a_weak_edge_counts_where_it_touches_a_strong_one() {
        let mut data = vec![0.0; 8 * 8];
        for y in 0..8 {
            for x in 4..8 {
                data[y * 8 + x] = if y < 4 { 1.0 } else { 0.2 };
            }
        }
        let host = TestHost::new();
        let image = Image::new([1, 8, 8, 1], data).unwrap();
        let out = canny(host.ctx(), image, 100.0, 500.0, false, false, Aperture::Three).unwrap();
        assert_eq!((out.data()[7 * 8 + 3], out.data()[3]), (1.0, 1.0));
    }
}
