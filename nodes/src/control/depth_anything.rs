//! Depth for a ControlNet.

use crate::Compute;
use crate::image::color::with_channels;
use crate::image::resample::{Filter, resample};
use crate::networks;
use crate::wires::{ModelFile, from_device, image_to_device};
use selfsame_models::Cancel;
use selfsame_models::depth::resize_depth;
use selfsame_sdk::prelude::*;

/// The most patches that a picture may become: attention takes the square of them.
const MAX_PATCHES: usize = 16384;

/// Estimates how near everything in a picture is, as ControlNets for depth read it: white is near, black far.
///
/// It works with Depth Anything V2 in sizes Small, Base and Large; `selfsame models pull depth-anything-small` fetches the first,
/// the only one that may be used commercially. Nearness is relative to the picture: its nearest point is white, its
/// farthest black.
///
/// **Source**: Depth Anything V2 (arXiv 2406.09414), its rule for sizes; the picture is resized by an antialiased bicubic, as
/// transformers does it.
#[node(
    id = "core.control.depth_anything",
    category = "control",
    search = ["depth map", "DepthAnythingV2Preprocessor", "MiDaS", "3D", "distance"]
)]
#[output(image = "gray pictures of the same size with three channels: 1 where it is nearest, 0 where it is farthest")]
pub fn depth_anything(
    ctx: Ctx,
    /// What is looked at. Alpha is left out.
    image: Image,
    /// The network: a file, or a folder as the hub has it.
    #[param(model = "depth")]
    model: String,
    /// The shorter side of what the network sees, up to the next multiple of 14. 518 is what it was trained on; more shows finer
    /// detail and takes longer.
    #[param(default = 518, hard = 14..=4096, soft = 224..=1036, step = 14.0, unit = "px")]
    resolution: usize,
) -> Result<Image> {
    let compute: &Compute = ctx.get()?;
    let cancel: &Cancel = ctx.get()?;
    let file = ModelFile::read(ctx, "depth", &model).input("model")?;
    let network = networks::depth_anything(ctx, &file).input("model")?;
    let [batch, height, width, _] = image.dims();
    let seen = seen_size([width, height], resolution, network.patch())?;
    let mut data = Vec::with_capacity(image.data().len());
    for (i, frame) in image.frames().enumerate() {
        ctx.check_cancelled()?;
        ctx.progress(i as u64, batch as u64, "pictures");
        let frame = Image::new([1, height, width, image.channels()], frame.to_vec())?;
        let small = resample(ctx, with_channels(frame, 3)?, seen, None, Filter::Bicubic)?.map(|x| x.clamp(0.0, 1.0));
        let depth = network.forward(&image_to_device(&small, &compute.device)?, cancel)?;
        let depth = from_device(&resize_depth(&depth, height, width)?)?;
        data.extend(normalised(depth.data()).flat_map(|x| [x; 3]));
    }
    ctx.progress(batch as u64, batch as u64, "pictures");
    Image::new([batch, height, width, 3], data)
}

/// The `[width, height]` that the network sees: the shorter side is `resolution`, both are multiples of `patch`.
fn seen_size(size: [usize; 2], resolution: usize, patch: usize) -> Result<[usize; 2]> {
    let shorter = resolution.next_multiple_of(patch);
    let scale = shorter as f64 / size[0].min(size[1]) as f64;
    let patches =
        size.map(|side| ((side as f64 * scale / patch as f64).round_ties_even() as usize).max(shorter / patch));
    if patches[0].saturating_mul(patches[1]) > MAX_PATCHES {
        let [width, height] = size;
        let message = format!(
            "{width} x {height} px with a shorter side of {shorter} px would be {} x {} patches, more than {MAX_PATCHES}",
            patches[0], patches[1]
        );
        return Err(Error::input("resolution", message).hint("set a lower one, or cut the picture"));
    }
    Ok(patches.map(|n| n * patch))
}

/// Values from the smallest at 0 to the largest at 1; all 0 if they are equal.
fn normalised(values: &[f32]) -> impl Iterator<Item = f32> {
    let (low, high) = values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let range = high - low;
    values.iter().map(move |x| if range > 0.0 { ((x - low) / range).clamp(0.0, 1.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `Resize(518, 518, keep_aspect_ratio, ensure_multiple_of=14, "lower_bound")` of the original code gives.
    #[test]
    fn sizes() {
        let of = |width, height| seen_size([width, height], 518, 14).unwrap();
        assert_eq!(of(518, 518), [518, 518]);
        assert_eq!(of(1024, 768), [686, 518]);
        assert_eq!(of(768, 1024), [518, 686]);
        assert_eq!(of(100, 75), [686, 518]);
        assert_eq!(of(1920, 1080), [924, 518]);
        assert_eq!(seen_size([50, 50], 100, 14).unwrap(), [112, 112]);
        let error = seen_size([16384, 100], 518, 14).unwrap_err();
        assert!(
            error.message.starts_with("16384 x 100 px with a shorter side of 518 px would be 6062 x 37 patches"),
            "{error}"
        );
    }

    #[test]
    fn from_black_to_white() {
        assert_eq!(normalised(&[2.0, 4.0, 3.0]).collect::<Vec<_>>(), [0.0, 1.0, 0.5]);
        assert_eq!(normalised(&[2.0, 2.0]).collect::<Vec<_>>(), [0.0, 0.0]);
    }
}
