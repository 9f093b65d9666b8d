//! An image filter that tells how far it is, can be cancelled, and shows what it makes.

use selfsame_sdk::prelude::*;

/// How a value between two levels is decided.
#[derive(Choice)]
pub enum Rounding {
    /// To the nearest level.
    Nearest,
    /// To the level below.
    Down,
}

/// Leaves only a few levels of brightness in each channel.
#[node(id = "com.example.posterize", category = "samples", search = ["levels", "poster"])]
#[output(image = "the picture with fewer levels")]
pub fn posterize(
    ctx: Ctx,
    /// What is changed; alpha stays as it is.
    image: Image,
    /// How many levels each channel has.
    #[param(default = 4, hard = 2..=256, soft = 2..=16, slider)]
    levels: u32,
    /// How a value between two levels is decided:
    #[param(default = "nearest")]
    rounding: Rounding,
) -> Result<Image> {
    let (dims, top) = (image.dims(), (levels - 1) as f32);
    let channels = dims[3];
    let mut data = Vec::with_capacity(image.data().len());
    for (i, frame) in image.frames().enumerate() {
        ctx.check_cancelled()?;
        data.extend(frame.iter().enumerate().map(|(i, x)| match rounding {
            _ if i % channels == 3 => *x,
            Rounding::Nearest => (x * top).round() / top,
            Rounding::Down => (x * top).floor() / top,
        }));
        ctx.progress(i as u64 + 1, dims[0] as u64, "frames");
    }
    if levels > 64 {
        ctx.warn(format!("{levels} levels can hardly be seen"));
    }
    let image = Image::new(dims, data)?;
    ctx.preview(&image);
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn levels_are_evenly_spaced_and_alpha_stays() {
        let host = TestHost::new();
        let image = Image::new([1, 1, 2, 4], vec![0.1, 0.4, 0.6, 0.35, 0.0, 1.0, 0.5, 0.1]).unwrap();
        let near = posterize(host.ctx(), image.clone(), 3, Rounding::Nearest).unwrap();
        assert_eq!(near.data(), [0.0, 0.5, 0.5, 0.35, 0.0, 1.0, 0.5, 0.1]);
        let down = posterize(host.ctx(), image, 2, Rounding::Down).unwrap();
        assert_eq!(down.data(), [0.0, 0.0, 0.0, 0.35, 0.0, 1.0, 0.0, 0.1]);
        assert_eq!(host.said().progress.len(), 2);
    }
}
