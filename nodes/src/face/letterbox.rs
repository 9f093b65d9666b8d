//! A picture in the size that a detector wants.
//!
//! **Source**: insightface 0.7.3, `SCRFD.detect`: as large as fits, at the top left of a black canvas.

use crate::image::bytes::Bytes;
use crate::image::cv_resize::linear;
use selfsame_sdk::Result;

/// What [`letterbox`] gives.
pub struct Letterbox {
    /// The canvas.
    pub picture: Bytes,
    /// Width and height of the part that shows the picture.
    pub used: [usize; 2],
    /// Pixels of the canvas for one of the picture. Both axes are divided by it, although their true factors may differ by
    /// less than a pixel.
    pub scale: f64,
}

/// A picture on a canvas of `[width, height]` pixels.
///
/// # Errors
/// If there is no memory for the canvas.
pub fn letterbox(picture: &Bytes, canvas: [usize; 2]) -> Result<Letterbox> {
    let [width, height] = picture.size().map(|side| side as f64);
    let ratio = height / width;
    let used = match ratio > canvas[1] as f64 / canvas[0] as f64 {
        true => [(canvas[1] as f64 / ratio) as usize, canvas[1]],
        false => [canvas[0], (canvas[0] as f64 * ratio) as usize],
    };
    // A picture that is so thin still has a pixel.
    let used = used.map(|side| side.max(1));
    let scale = used[1] as f64 / height;
    let resized = linear(picture, used)?;
    let mut out = Bytes::black(canvas, picture.channels())?;
    let (stride, part) = (canvas[0] * picture.channels(), used[0] * picture.channels());
    for (to, from) in out.data_mut().chunks_exact_mut(stride).zip(resized.data().chunks_exact(part)) {
        to[..part].copy_from_slice(from);
    }
    Ok(Letterbox { picture: out, used, scale })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_and_the_rest_is_black() {
        let white = |size: [usize; 2]| Bytes::new(size, 3, vec![255; size[0] * size[1] * 3]).unwrap();
        let wide = letterbox(&white([300, 100]), [64, 64]).unwrap();
        assert_eq!((wide.used, wide.scale), ([64, 21], 0.21));
        let is_white = |x, y| wide.picture.pixel(x, y) == Some(&[255; 3]);
        assert!(is_white(63, 20) && !is_white(0, 21));
        let tall = letterbox(&white([100, 300]), [64, 64]).unwrap();
        assert_eq!((tall.used, tall.scale), ([21, 64], 64.0 / 300.0));
        let small = letterbox(&white([8, 8]), [64, 32]).unwrap();
        assert_eq!((small.used, small.scale), ([32, 32], 4.0));
        assert_eq!(letterbox(&white([4000, 1]), [64, 64]).unwrap().used, [64, 1]);
    }
}
