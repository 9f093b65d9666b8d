//! Soft and sharp pictures.

use super::gaussian::blurred;
use super::pixels::{draw, row};
use selfsame_sdk::prelude::*;

/// Blurs pictures by a Gaussian.
#[node(id = "core.image.blur", category = "image/filter", search = ["gaussian", "soften", "smooth"])]
#[output(image = "the blurred pictures")]
pub fn blur_image(
    ctx: Ctx,
    /// What is blurred; transparent pixels do not bleed.
    image: Image,
    /// Standard deviation; 0 changes nothing.
    #[param(default = 3.0, hard = 0.0..=200.0, soft = 0.0..=32.0, step = 0.5, unit = "px")]
    sigma: f64,
) -> Result<Image> {
    Ok(blurred(ctx, image, sigma)?.map(|x| x.clamp(0.0, 1.0)))
}

/// Sharpens pictures by an unsharp mask: what a blur takes away is added again. Alpha stays.
#[node(id = "core.image.sharpen", category = "image/filter", search = ["unsharp mask", "detail", "clarity"])]
#[output(image = "the sharpened pictures")]
pub fn sharpen_image(
    ctx: Ctx,
    /// What is sharpened.
    image: Image,
    /// Standard deviation of the blur: how wide edges are that become stronger.
    #[param(default = 1.0, hard = 0.0..=200.0, soft = 0.0..=10.0, step = 0.1, unit = "px")]
    sigma: f64,
    /// How much is added; 0 changes nothing.
    #[param(default = 0.5, hard = 0.0..=16.0, soft = 0.0..=3.0, step = 0.05)]
    amount: f32,
    /// Differences up to this one are left alone, such as noise.
    #[param(default = 0.0, hard = 0.0..=1.0, soft = 0.0..=0.1, step = 0.005)]
    threshold: f32,
) -> Result<Image> {
    let channels = image.channels();
    let soft = blurred(ctx, image.clone(), sigma)?;
    draw(ctx, image.dims(), |frame, y, out| {
        let pixels = row(&image, frame, y).chunks_exact(channels).zip(row(&soft, frame, y).chunks_exact(channels));
        for (to, (sharp, soft)) in out.chunks_exact_mut(channels).zip(pixels) {
            to.copy_from_slice(sharp);
            for ((to, sharp), soft) in to.iter_mut().zip(sharp).zip(soft).take(3) {
                let edge = sharp - soft;
                if edge.abs() > threshold {
                    *to = (sharp + amount * edge).clamp(0.0, 1.0);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn even_areas_stay() {
        let host = TestHost::new();
        let even = Image::new([2, 4, 5, 3], vec![0.25; 120]).unwrap();
        for out in [
            blur_image(host.ctx(), even.clone(), 3.0).unwrap(),
            sharpen_image(host.ctx(), even.clone(), 3.0, 2.0, 0.0).unwrap(),
        ] {
            assert!(out.data().iter().all(|x| (x - 0.25).abs() < 1e-6));
        }
        assert_eq!(blur_image(host.ctx(), even.clone(), 0.0).unwrap(), even);
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 2, 4], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        let out = blur_image(host.ctx(), image, 1.0).unwrap();
        assert_eq!(out.data()[..3], [1.0, 0.0, 0.0]);
        assert_eq!(out.data()[4..7], [1.0, 0.0, 0.0]);
        assert!(out.data()[7] > 0.3 && out.data()[7] < 0.5);
    }

    #[test]
    fn edges_grow_beyond_a_threshold() {
        let host = TestHost::new();
        let step = Image::new([1, 1, 2, 1], vec![0.25, 0.75]).unwrap();
        let soft = blur_image(host.ctx(), step.clone(), 1.0).unwrap();
        let sharp = sharpen_image(host.ctx(), step.clone(), 1.0, 1.0, 0.0).unwrap();
        for ((x, soft), sharp) in step.data().iter().zip(soft.data()).zip(sharp.data()) {
            assert_eq!(*sharp, (x + (x - soft)).clamp(0.0, 1.0));
        }
        assert_eq!(sharpen_image(host.ctx(), step.clone(), 1.0, 1.0, 0.5).unwrap(), step);
    }
}
