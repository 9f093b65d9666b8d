//! A type of value of the plugin's own, which flows from one of its nodes to another. The host carries and keeps it, and
//! never looks inside.

use selfsame_sdk::prelude::*;
use std::borrow::Cow;

/// A few colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// Red, green, blue, 0..1, sRGB.
    pub colors: Vec<[f32; 3]>,
}

impl Object for Palette {
    fn type_name(&self) -> Cow<'_, str> {
        "com.example.PALETTE/1".into()
    }

    fn bytes(&self) -> u64 {
        self.colors.len() as u64 * 12
    }

    fn summary(&self) -> String {
        format!("{} colours", self.colors.len())
    }
}

impl ObjectType for Palette {
    const TYPE: Type = Type::Named(Cow::Borrowed("com.example.PALETTE/1"));
}

/// Takes colours from a picture, evenly spaced over its pixels.
#[node(id = "com.example.find_palette", category = "samples")]
#[output(palette = "the colours")]
pub fn find_palette(
    /// Where the colours are taken from; of several pictures, the first.
    image: Image,
    /// How many colours.
    #[param(default = 8, hard = 1..=256)]
    count: usize,
) -> Result<Palette> {
    if image.channels() < 3 {
        return Err(Error::input("image", format!("expected a picture in colour, got {image:?}")));
    }
    let pixels = image.height() * image.width();
    let at = |i: usize| i * pixels / count * image.channels();
    let color = |i: usize| [image.data()[at(i)], image.data()[at(i) + 1], image.data()[at(i) + 2]];
    Ok(Palette { colors: (0..count.min(pixels)).map(color).collect() })
}

/// Gives every pixel the nearest colour of a palette.
#[node(id = "com.example.apply_palette", category = "samples")]
#[output(image = "the picture in these colours, without alpha")]
pub fn apply_palette(
    /// What is changed.
    image: Image,
    /// The colours.
    palette: Palette,
) -> Result<Image> {
    let [b, h, w, c] = image.dims();
    let nearest = |pixel: &[f32]| {
        let rgb = if c < 3 { [pixel[0]; 3] } else { [pixel[0], pixel[1], pixel[2]] };
        let distance = |color: &[f32; 3]| color.iter().zip(rgb).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        palette.colors.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied()
    };
    let pixels = image.data().chunks_exact(c).map(nearest).collect::<Option<Vec<_>>>();
    let pixels = pixels.ok_or_else(|| Error::input("palette", "it has no colours"))?;
    Image::new([b, h, w, 3], pixels.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_get_the_nearest_of_the_colours_that_were_found() {
        let image = Image::new([1, 1, 2, 3], vec![0.0, 0.0, 0.0, 1.0, 0.5, 0.0]).unwrap();
        let palette = find_palette(image, 2).unwrap();
        assert_eq!(palette.colors, [[0.0, 0.0, 0.0], [1.0, 0.5, 0.0]]);
        let gray = Image::new([1, 1, 2, 1], vec![0.2, 0.9]).unwrap();
        assert_eq!(apply_palette(gray, palette).unwrap().data(), [0.0, 0.0, 0.0, 1.0, 0.5, 0.0]);
    }
}
