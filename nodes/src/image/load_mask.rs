//! Load a mask from a picture file.

use super::load::{read, transparency};
use crate::image::decode::Decoded;
use selfsame_sdk::prelude::*;

/// What of a picture is a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
pub enum Channel {
    /// 1 where the picture is transparent; 0 everywhere if it has no alpha channel.
    Alpha,
    /// The amount of red.
    Red,
    /// The amount of green.
    Green,
    /// The amount of blue.
    Blue,
    /// The brightness (luma of Rec. 601): white is 1.
    Gray,
}

/// Loads a mask from a channel of a picture file. Files are read as `LoadImage` reads them.
#[node(id = "core.image.load_mask", category = "image/files", search = ["open", "import", "alpha"])]
#[output(mask = "the channel, 0..1")]
pub fn load_mask(
    ctx: Ctx,
    /// The picture file.
    #[param(file = ["png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif"])]
    path: String,
    /// What of the picture is taken.
    #[param(default = "alpha")]
    channel: Channel,
) -> Result<Mask> {
    let Decoded { image, alpha, .. } = read(ctx, &path)?;
    let weights = match channel {
        Channel::Alpha => return transparency(&image, alpha),
        Channel::Red => [1.0, 0.0, 0.0],
        Channel::Green => [0.0, 1.0, 0.0],
        Channel::Blue => [0.0, 0.0, 1.0],
        Channel::Gray => [0.299, 0.587, 0.114],
    };
    let [batch, height, width, _] = image.dims();
    let weigh = |pixel: &[f32]| pixel.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    Mask::new([batch, height, width], image.data().chunks_exact(3).map(weigh).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::encode::{Depth, frames};
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn channels() {
        let host = TestHost::new();
        let pixel = Image::new([1, 1, 1, 4], vec![1.0, 0.2, 0.0, 0.6]).unwrap();
        let file = frames(&pixel).unwrap()[0].png(Depth::Eight, &[]).unwrap();
        std::fs::write(host.folder().join("a.png"), file).unwrap();
        let wanted = [
            (Channel::Alpha, 0.4),
            (Channel::Red, 1.0),
            (Channel::Green, 0.2),
            (Channel::Blue, 0.0),
            (Channel::Gray, 0.299 + 0.2 * 0.587),
        ];
        for (channel, wanted) in wanted {
            let mask = load_mask(host.ctx(), "a.png".to_owned(), channel).unwrap();
            assert!((mask.data()[0] - wanted).abs() < 1e-6, "{channel:?}: {:?}", mask.data());
        }
    }
}
