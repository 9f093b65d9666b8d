//! Turned pictures.

use super::color::{pixel, premultiply, unpremultiply};
use super::pixels::{draw, mask_of, row};
use super::resample::bicubic;
use selfsame_sdk::prelude::*;

/// How pixels between pixels are found.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// From 4 neighbours.
    Bilinear,
    /// From 16 neighbours: sharper.
    Bicubic,
}

impl Interpolation {
    /// The first of four neighbours of a position along one axis, where pixel `i` has its centre at `i + 0.5`, and their
    /// weights.
    fn neighbours(self, position: f64) -> (i64, [f32; 4]) {
        let first = (position - 0.5).floor() - 1.0;
        let distance = position - 0.5 - first;
        let weights = [0.0, 1.0, 2.0, 3.0].map(|i: f64| match self {
            Interpolation::Bilinear => (1.0 - (distance - i).abs()).max(0.0) as f32,
            Interpolation::Bicubic => bicubic((distance - i).abs()) as f32,
        });
        (first as i64, weights)
    }
}

/// Turns pictures about their middle. Multiples of 90 degrees move pixels and change nothing else.
#[node(id = "core.image.rotate", category = "image/transform", search = ["turn", "angle", "straighten"])]
#[output(image = "the turned pictures", mask = "1 where no picture is, 0 in the picture; one mask for all pictures")]
pub fn rotate_image(
    ctx: Ctx,
    /// What is turned.
    image: Image,
    /// How far, clockwise.
    #[param(default = 90.0, hard = -360.0..=360.0, unit = "deg")]
    angle: f64,
    /// Makes room so that nothing is cut off; otherwise the size stays.
    #[param(default = true)]
    expand: bool,
    /// How pixels between pixels are found.
    #[param(default = "bicubic")]
    interpolation: Interpolation,
    /// What is seen where no picture is.
    #[param(default = "#000000")]
    fill: Color,
) -> Result<(Image, Mask)> {
    let [_, height, width, channels] = image.dims();
    // The rest of a tiny angle below 0 is rounded to 360 itself.
    let quarters = angle.rem_euclid(360.0) / 90.0 % 4.0;
    if quarters.fract() == 0.0 && (expand || quarters % 2.0 == 0.0 || width == height) {
        let turned = quarter_turns(ctx, &image, quarters as usize)?;
        let nothing = Mask::new([1, turned.height(), turned.width()], vec![0.0; turned.height() * turned.width()])?;
        return Ok((turned, nothing));
    }
    let (sin, cos) = angle.to_radians().sin_cos();
    let size = if expand { bounds([width, height], [sin, cos]) } else { [width, height] };
    let fill = premultiply(Image::new([1, 1, 1, channels], pixel(fill, channels))?);
    let turn = |image: &Image, fill: &[f32]| {
        let [batch, _, _, channels] = image.dims();
        draw(ctx, [batch, size[1], size[0], channels], |frame, y, out| {
            for (x, to) in out.chunks_exact_mut(channels).enumerate() {
                let right = x as f64 + 0.5 - size[0] as f64 / 2.0;
                let down = y as f64 + 0.5 - size[1] as f64 / 2.0;
                let across = interpolation.neighbours(right * cos + down * sin + width as f64 / 2.0);
                let along = interpolation.neighbours(down * cos - right * sin + height as f64 / 2.0);
                sample(image, frame, across, along, fill, to);
            }
        })
    };
    let turned = unpremultiply(turn(&premultiply(image), fill.data())?);
    let covered = turn(&Image::new([1, height, width, 1], vec![1.0; height * width])?, &[0.0])?;
    let open = covered.map(|covered| 1.0 - covered.clamp(0.0, 1.0));
    Ok((turned.map(|x| x.clamp(0.0, 1.0)), mask_of(open)?))
}

/// The weighted sum of 16 neighbours; beyond the borders is the fill.
fn sample(
    image: &Image,
    frame: usize,
    (first_x, across): (i64, [f32; 4]),
    (first_y, along): (i64, [f32; 4]),
    fill: &[f32],
    sum: &mut [f32],
) {
    let channels = sum.len();
    let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|at| *at < size);
    for (y, weight_y) in (first_y..).zip(along) {
        let line = inside(y, image.height()).map(|y| row(image, frame, y));
        for (x, weight_x) in (first_x..).zip(across) {
            let from = line.zip(inside(x, image.width()));
            let from = from.map_or(fill, |(line, x)| &line[x * channels..][..channels]);
            for (sum, value) in sum.iter_mut().zip(from) {
                *sum += value * weight_x * weight_y;
            }
        }
    }
}

/// The size of the upright rectangle around a turned picture.
fn bounds(size: [usize; 2], [sin, cos]: [f64; 2]) -> [usize; 2] {
    let [width, height] = size.map(|side| side as f64);
    // A rounding error does not deserve a row of pixels.
    let whole = |side: f64| (side - 1e-6).ceil() as usize;
    [whole(width * cos.abs() + height * sin.abs()), whole(width * sin.abs() + height * cos.abs())]
}

fn quarter_turns(ctx: Ctx, image: &Image, quarters: usize) -> Result<Image> {
    let [batch, height, width, channels] = image.dims();
    let [to_height, to_width] = if quarters.is_multiple_of(2) { [height, width] } else { [width, height] };
    draw(ctx, [batch, to_height, to_width, channels], |frame, y, out| {
        for (x, to) in out.chunks_exact_mut(channels).enumerate() {
            let (from_x, from_y) = match quarters {
                0 => (x, y),
                1 => (y, height - 1 - x),
                2 => (width - 1 - x, height - 1 - y),
                _ => (width - 1 - y, x),
            };
            to.copy_from_slice(&row(image, frame, from_y)[from_x * channels..][..channels]);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    const RED: Color = Color([1.0, 0.0, 0.0, 1.0]);

    fn turned(image: &Image, angle: f64, expand: bool) -> (Image, Mask) {
        let host = TestHost::new();
        rotate_image(host.ctx(), image.clone(), angle, expand, Interpolation::Bicubic, RED).unwrap()
    }

    #[test]
    fn a_tiny_angle_to_the_left_is_no_turn() {
        let image = Image::new([1, 1, 2, 1], vec![0.25, 0.75]).unwrap();
        assert_eq!(turned(&image, -1e-300, true).0, image);
    }

    #[test]
    fn quarters_are_permutations() {
        let image = Image::new([1, 2, 3, 1], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        let at = |angle| {
            let (image, mask) = turned(&image, angle, true);
            assert!(mask.data().iter().all(|x| *x == 0.0));
            (image.dims(), image.data().to_vec())
        };
        assert_eq!(at(90.0), ([1, 3, 2, 1], vec![4.0, 1.0, 5.0, 2.0, 6.0, 3.0]));
        assert_eq!(at(180.0), ([1, 2, 3, 1], vec![6.0, 5.0, 4.0, 3.0, 2.0, 1.0]));
        assert_eq!(at(270.0), ([1, 3, 2, 1], vec![3.0, 6.0, 2.0, 5.0, 1.0, 4.0]));
        assert_eq!(at(-90.0), at(270.0));
        assert_eq!(at(360.0), (image.dims(), image.data().to_vec()));
    }

    /// Without room a quarter turn of a picture that is no square goes through interpolation, at exact pixels here.
    #[test]
    fn interpolation_turns_the_same_way() {
        let image = Image::new([1, 1, 3, 1], vec![0.25, 0.5, 0.75]).unwrap();
        let (image, mask) = turned(&image, 90.0, false);
        let red = super::super::color::luma(1.0, 0.0, 0.0);
        for (got, wanted) in image.data().iter().zip([red, 0.5, red]) {
            assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
        }
        for (got, wanted) in mask.data().iter().zip([1.0, 0.0, 1.0]) {
            assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
        }
    }

    /// Linear ramps are kept exactly by both interpolations, so the values follow from geometry.
    #[test]
    fn any_angle_follows_the_geometry() {
        let host = TestHost::new();
        let ramp = |x: f64, y: f64| 0.5 + 0.01 * x + 0.02 * y;
        let data = (0..400).map(|i| ramp(f64::from(i % 20) + 0.5 - 10.0, f64::from(i / 20) + 0.5 - 10.0) as f32);
        let image = Image::new([1, 20, 20, 1], data.collect()).unwrap();
        let (sin, cos) = 30.0_f64.to_radians().sin_cos();
        for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
            let (out, mask) = rotate_image(host.ctx(), image.clone(), 30.0, true, interpolation, RED).unwrap();
            assert_eq!(out.dims(), [1, 28, 28, 1]);
            for (x, y) in [(14, 14), (10, 12), (17, 9)] {
                let (right, down) = (x as f64 + 0.5 - 14.0, y as f64 + 0.5 - 14.0);
                let wanted = ramp(right * cos + down * sin, down * cos - right * sin) as f32;
                let got = out.data()[y * 28 + x];
                assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
                assert!(mask.data()[y * 28 + x].abs() < 1e-6);
            }
            assert_eq!(mask.data()[0], 1.0);
        }
    }

    #[test]
    fn the_fill_keeps_its_alpha() {
        let host = TestHost::new();
        let image = Image::new([1, 8, 8, 4], [0.0, 0.0, 1.0, 1.0].repeat(64)).unwrap();
        let fill = Color([1.0, 0.0, 0.0, 0.5]);
        let (out, _) = rotate_image(host.ctx(), image, 45.0, true, Interpolation::Bilinear, fill).unwrap();
        assert_eq!(out.data()[..4], [1.0, 0.0, 0.0, 0.5]);
    }
}
