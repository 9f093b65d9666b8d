//! Who somebody is: recognisers like ArcFace (arXiv 1801.07698).
//!
//! **Source**: insightface 0.7.3, `model_zoo/arcface_onnx.py`: the output as it comes.

use super::align::to_crop;
use super::warp::{Rounding, affine};
use crate::image::bytes::Bytes;
use crate::onnx::Session;
use crate::wires::Face;
use selfsame_sdk::prelude::*;

/// How a recogniser wants its pictures, which its file does not say.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preparation {
    /// Red, green and blue in (x - 127.5) / 127.5: insightface's networks, antelopev2's among them.
    Arcface,
    /// The same in the order blue, green, red: PaddlePaddle's.
    ArcfaceBgr,
    /// Red, green and blue less ImageNet's mean, by its deviation: many networks made with torchvision.
    Imagenet,
}

/// ImageNet's mean and standard deviation of red, green and blue in 0..1, as torchvision has them.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

impl Preparation {
    /// The number for a level of a channel (red, green, blue), and the channel of the network that takes it.
    fn prepare(self, channel: usize, level: u8) -> (usize, f32) {
        let level = f32::from(level);
        match self {
            Preparation::Arcface => (channel, (level - 127.5) / 127.5),
            Preparation::ArcfaceBgr => (2 - channel, (level - 127.5) / 127.5),
            Preparation::Imagenet => (channel, (level / 255.0 - IMAGENET[0][channel]) / IMAGENET[1][channel]),
        }
    }
}

/// The side of the square pictures that a network takes, if it is a recogniser.
///
/// Source: insightface 0.7.3, `model_zoo.py`: square inputs of at least 112 px in multiples of 16; those of 192 px find landmarks.
pub fn side(session: &Session) -> Option<usize> {
    let ([port], [_]) = (session.inputs(), session.outputs()) else { return None };
    match port.dims[..] {
        [_, Some(3), Some(height), Some(width)] if height == width => {
            Some(height).filter(|side| *side >= 112 && side.is_multiple_of(16) && *side != 192)
        }
        _ => None,
    }
}

/// What a recogniser says of a face, not normalised. `rounding` is how the face is cut out, `preparation` what is made of its pixels.
///
/// # Errors
/// If the face has no key points, or all in one place; if the network is no recogniser, or fails.
pub fn embed(
    session: &Session,
    picture: &Bytes,
    face: &Face,
    rounding: Rounding,
    preparation: Preparation,
) -> Result<Vec<f32>> {
    let Some(side) = side(session) else { bail!("{} is no recogniser", session.path().display()) };
    let crop = affine(picture, to_crop(&face.key_points()?, side)?, [side, side], rounding)?;
    // Of a batch of fixed size the face is the first, the others are empty.
    let batch = session.inputs().first().and_then(|port| port.dims.first().copied().flatten()).unwrap_or(1).max(1);
    let mut planes = vec![0f32; batch * 3 * side * side];
    for (i, pixel) in crop.data().chunks_exact(3).enumerate() {
        for (channel, level) in pixel.iter().enumerate() {
            let (plane, value) = preparation.prepare(channel, *level);
            planes[plane * side * side + i] = value;
        }
    }
    let outputs = session.run(&[Tensor::new([batch, 3, side, side], planes)?])?;
    let first = outputs.first().and_then(|output| output.data().get(..output.data().len() / batch));
    match first {
        Some(embedding) if !embedding.is_empty() && embedding.iter().all(|x| x.is_finite()) => Ok(embedding.to_vec()),
        _ => Err(Error::new(format!("{} gave no embedding of finite numbers", session.path().display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_become_numbers() {
        assert_eq!(Preparation::Arcface.prepare(0, 255), (0, 1.0));
        assert_eq!(Preparation::ArcfaceBgr.prepare(0, 0), (2, -1.0));
        // As `torchvision.transforms.Normalize` gives them.
        let (plane, value) = Preparation::Imagenet.prepare(2, 255);
        assert!(plane == 2 && (value - 2.64).abs() < 1e-6, "{value}");
    }
}
