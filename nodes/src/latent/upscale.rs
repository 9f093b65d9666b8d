//! Latents of another size.

use super::bislerp::bislerp;
use super::planes::{count, dims, from_pixels, map_planes};
use crate::interpolate::{Interpolation, interpolate};
use selfsame_sdk::prelude::*;

/// How values between the old ones are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Method {
    /// The nearest value, as it is.
    NearestExact,
    /// A straight line between two values.
    Bilinear,
    /// The mean of what a new value covers: for making smaller.
    Area,
    /// A cubic curve through four values; it may overshoot.
    Bicubic,
    /// Directions in the space of channels turn evenly, so that latents keep their strength.
    Bislerp,
}

/// What happens if the proportions change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Crop {
    /// They are stretched.
    Disabled,
    /// As little as possible is cut off, evenly on both sides.
    Center,
}

/// Makes latents larger or smaller, to a size given in pixels of the picture.
///
/// The noise mask goes along. Methods and cropping are those of ComfyUI's LatentUpscale.
#[node(id = "core.latent.upscale", category = "latent/change", search = ["resize", "scale", "hires"])]
#[output(latent = "the latents in their new size")]
pub fn upscale_latent(
    ctx: Ctx,
    /// What is resized.
    latent: Latent,
    /// How values between the old ones are found.
    #[param(default = "nearest_exact")]
    method: Method,
    /// New width, a multiple of 8; 0 keeps the proportions.
    #[param(default = 1024, hard = 0..=16384, step = 8.0, unit = "px")]
    width: usize,
    /// New height, a multiple of 8; 0 keeps the proportions.
    #[param(default = 1024, hard = 0..=16384, step = 8.0, unit = "px")]
    height: usize,
    /// What happens if the proportions change.
    #[param(default = "disabled")]
    crop: Crop,
) -> Result<Latent> {
    let [_, _, h, w] = dims(&latent)?;
    let scaled = |side: usize, other: usize, new: usize| (side as f64 * new as f64 / other as f64).round_ties_even();
    let (height, width) = match (from_pixels(height, "height")?, from_pixels(width, "width")?) {
        (0, 0) => return Err(Error::input("width", "width and height are both 0; expected at least one size")),
        (0, width) => ((scaled(h, w, width) as usize).max(1), width),
        (height, 0) => (height, (scaled(w, h, height) as usize).max(1)),
        sizes => sizes,
    };
    match crop {
        Crop::Disabled => resize(ctx, &latent, method, (height, width)),
        Crop::Center => resize(ctx, &centre(&latent, (height, width))?, method, (height, width)),
    }
}

/// Makes latents larger or smaller by a factor. The noise mask goes along.
#[node(id = "core.latent.upscale_by", category = "latent/change", search = ["resize", "scale", "hires"])]
#[output(latent = "the latents in their new size")]
pub fn upscale_latent_by(
    ctx: Ctx,
    /// What is resized.
    latent: Latent,
    /// How values between the old ones are found.
    #[param(default = "nearest_exact")]
    method: Method,
    /// How many times as wide and high they become.
    #[param(default = 1.5, hard = 0.01..=8.0, soft = 0.5..=4.0, step = 0.01)]
    factor: f64,
) -> Result<Latent> {
    let [_, _, h, w] = dims(&latent)?;
    let [height, width] = [h, w].map(|side| ((side as f64 * factor).round_ties_even() as usize).max(1));
    resize(ctx, &latent, method, (height, width))
}

fn resize(ctx: Ctx, latent: &Latent, method: Method, size: (usize, usize)) -> Result<Latent> {
    let [batch, channels, h, w] = dims(latent)?;
    let plain = match method {
        Method::NearestExact => Some(Interpolation::NearestExact),
        Method::Bilinear => Some(Interpolation::Bilinear),
        Method::Area => Some(Interpolation::Area),
        Method::Bicubic => Some(Interpolation::Bicubic),
        Method::Bislerp => None,
    };
    let new = [batch, channels, size.0, size.1];
    let mut data = Vec::with_capacity(count(new)?);
    for planes in latent.samples.data().chunks_exact(channels * h * w) {
        ctx.check_cancelled()?;
        data.extend(match plain {
            Some(how) => interpolate(planes, (h, w), size, 1, how)?,
            None => bislerp(planes, (h, w), size),
        });
    }
    Ok(Latent { noise_mask: latent.noise_mask.clone(), ..Latent::new(Tensor::new(new, data)?)? })
}

/// The middle of latents, in the proportions of a size, rounded as ComfyUI's `common_upscale` does.
fn centre(latent: &Latent, size: (usize, usize)) -> Result<Latent> {
    let [_, _, h, w] = dims(latent)?;
    let (old, new) = (w as f64 / h as f64, size.1 as f64 / size.0 as f64);
    // Half of what is too much, and at least one value stays.
    let border = |side: usize, share: f64| {
        let border = ((side as f64 - side as f64 * share) / 2.0).round_ties_even().max(0.0) as usize;
        border.min((side - 1) / 2)
    };
    let (x, y) = (border(w, (new / old).min(1.0)), border(h, (old / new).min(1.0)));
    if (x, y) == (0, 0) {
        return Ok(latent.clone());
    }
    map_planes(latent, (h - 2 * y, w - 2 * x), |plane, out| {
        plane.chunks_exact(w).skip(y).take(h - 2 * y).for_each(|row| out.extend_from_slice(&row[x..w - x]));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::planes::testing::{counting, masked};
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn upscale(latent: Latent, method: Method, size: (usize, usize), crop: Crop) -> Result<Latent> {
        upscale_latent(TestHost::new().ctx(), latent, method, size.0, size.1, crop)
    }

    #[test]
    fn methods() {
        let wider = |method: Method| upscale(counting([1, 1, 1, 2]), method, (32, 8), Crop::Disabled).unwrap().samples;
        assert_eq!(wider(Method::NearestExact).data(), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(wider(Method::Area).data(), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(wider(Method::Bilinear).data(), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(wider(Method::Bicubic).data()[0], -0.10546875);
        assert_eq!(wider(Method::Bislerp).shape(), [1, 1, 1, 4]);
    }

    #[test]
    fn proportions_are_kept_where_a_size_is_0() {
        let size = |size| upscale(counting([1, 1, 2, 4]), Method::Area, size, Crop::Disabled).unwrap().samples;
        assert_eq!(size((64, 0)).shape(), [1, 1, 4, 8]);
        assert_eq!(size((0, 8)).shape(), [1, 1, 1, 2]);
        assert!(upscale(counting([1, 1, 2, 4]), Method::Area, (0, 0), Crop::Disabled).is_err());
        let by = |factor| upscale_latent_by(TestHost::new().ctx(), counting([1, 1, 2, 4]), Method::Area, factor);
        assert_eq!(by(1.5).unwrap().samples.shape(), [1, 1, 3, 6]);
        assert_eq!(by(0.01).unwrap().samples.shape(), [1, 1, 1, 1]);
    }

    #[test]
    fn the_middle_is_cut_out_with_its_mask() {
        let latent = masked(counting([1, 1, 1, 4]), [1, 1, 4], &[0.0, 0.1, 0.2, 0.3]);
        let got = upscale(latent, Method::NearestExact, (16, 8), Crop::Center).unwrap();
        assert_eq!(got.samples.data(), [1.0, 2.0]);
        assert_eq!(got.noise_mask.unwrap().data(), [0.1, 0.2]);
        let tall = upscale(counting([1, 1, 3, 1]), Method::NearestExact, (8, 8), Crop::Center).unwrap();
        assert_eq!(tall.samples.data(), [1.0]);
    }

    #[test]
    fn cancelled_in_between() {
        let host = TestHost::new();
        host.cancel();
        let error = upscale_latent_by(host.ctx(), counting([1, 1, 1, 1]), Method::Area, 2.0).unwrap_err();
        assert_eq!(error.status, Status::Cancelled);
    }
}
