//! Pictures on their way into an ONNX model and out of it.

use crate::onnx::{Element, Port, Session};
use selfsame_models::depth::{MEAN, STD};
use selfsame_sdk::prelude::*;

/// What a model takes for the darkest and the brightest value.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// From 0 to 1.
    Unit,
    /// From -1 to 1.
    Symmetric,
    /// Less ImageNet's mean, by its standard deviation: most networks that were trained on photographs.
    Imagenet,
    /// Whole numbers from 0 to 255.
    Bytes,
}

/// What the values that a model gives mean.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A picture from 0 to 1.
    Unit,
    /// A picture from -1 to 1.
    Symmetric,
    /// A picture from 0 to 255.
    Bytes,
    /// A measure: the smallest value of each picture becomes black, the largest white.
    Normalized,
    /// Scores of classes, or the number of a class, for each pixel: each class becomes a colour.
    Classes,
}

/// The order of colours in a model.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red: models made with OpenCV.
    Bgr,
}

/// Where the channels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[.., C, H, W]`.
    ChannelsFirst,
    /// `[.., H, W, C]`.
    ChannelsLast,
}

/// The input of a model that takes one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureInput {
    /// Where the channels are.
    pub layout: Layout,
    /// 1 or 3.
    pub channels: usize,
    /// Width and height, where the model has fixed ones.
    pub size: [Option<usize>; 2],
    /// Whether a dimension for the batch stands in front.
    has_batch: bool,
    /// Whether it takes whole numbers only.
    is_whole: bool,
}

/// The number of channels, if a dimension may be one for the channels of a picture.
fn channels_of(dim: Option<usize>) -> Option<usize> {
    dim.filter(|n| matches!(n, 1 | 3))
}

impl PictureInput {
    /// Tells from the shape of a model's input how it takes a picture.
    ///
    /// # Errors
    /// If it takes something else.
    pub fn of(session: &Session) -> Result<Self> {
        let [port] = session.inputs() else {
            let names: Vec<&str> = session.inputs().iter().map(|port| port.name.as_str()).collect();
            bail!("it takes {} inputs ({}): expected one picture", names.len(), names.join(", "));
        };
        let (has_batch, dims) = match port.dims[..] {
            [first, a, b, c] if first.is_none_or(|n| n == 1) => (true, [a, b, c]),
            [a, b, c] => (false, [a, b, c]),
            _ => return Err(no_picture(port)),
        };
        let (layout, channels) = match (channels_of(dims[0]), channels_of(dims[2])) {
            (Some(channels), _) => (Layout::ChannelsFirst, channels),
            (None, Some(channels)) => (Layout::ChannelsLast, channels),
            // Nothing is said of the channels.
            (None, None) if dims[0].is_none() => (Layout::ChannelsFirst, 3),
            (None, None) => return Err(no_picture(port)),
        };
        let size = if layout == Layout::ChannelsFirst { [dims[2], dims[1]] } else { [dims[1], dims[0]] };
        let is_whole = !matches!(port.element, Element::F32 | Element::F16 | Element::F64);
        Ok(PictureInput { layout, channels, size, has_batch, is_whole })
    }

    /// The `[width, height]` that the model sees of a picture: what is `wanted`, if not 0; or else the model's own, or the nearest
    /// multiples of a number.
    ///
    /// # Errors
    /// If the model has another size than is wanted.
    pub fn seen(&self, size: [usize; 2], wanted: [usize; 2], multiple_of: usize) -> Result<[usize; 2]> {
        let side = |axis: usize, name: &str| match (self.size[axis], wanted[axis]) {
            (Some(own), wanted) if wanted != 0 && wanted != own => {
                Err(Error::input(name, format!("the model looks at {own} px only, not at {wanted}")))
            }
            (Some(own), _) => Ok(own),
            (None, 0) => Ok(((size[axis] + multiple_of / 2) / multiple_of * multiple_of).max(multiple_of)),
            (None, wanted) => Ok(wanted),
        };
        Ok([side(0, "width")?, side(1, "height")?])
    }

    /// A picture, one of [`Self::channels`] channels in 0..1, as the model takes it.
    ///
    /// # Errors
    /// If the model does not take such values.
    pub fn tensor(&self, picture: &Image, values: Values, order: Order) -> Result<Tensor> {
        if self.is_whole && values != Values::Bytes {
            return Err(Error::input("values", "the model takes whole numbers: expected `bytes`"));
        }
        if self.channels == 1 && values == Values::Imagenet {
            return Err(Error::input(
                "values",
                "the model takes gray, for which ImageNet has no mean: expected another choice",
            ));
        }
        let [_, height, width, channels] = picture.dims();
        let value = |x: f32, channel: usize| match values {
            Values::Unit => x,
            Values::Symmetric => 2.0 * x - 1.0,
            Values::Imagenet => (x - MEAN[channel] as f32) / STD[channel] as f32,
            Values::Bytes => (x * 255.0).round(),
        };
        let mut data = vec![0.0; picture.data().len()];
        for (i, pixel) in picture.data().chunks_exact(channels).enumerate() {
            for (channel, x) in pixel.iter().enumerate() {
                let to = if order == Order::Bgr { channels - 1 - channel } else { channel };
                let at = match self.layout {
                    Layout::ChannelsFirst => to * height * width + i,
                    Layout::ChannelsLast => i * channels + to,
                };
                data[at] = value(x.clamp(0.0, 1.0), channel);
            }
        }
        let dims = match self.layout {
            Layout::ChannelsFirst => [1, channels, height, width],
            Layout::ChannelsLast => [1, height, width, channels],
        };
        Tensor::new(&dims[usize::from(!self.has_batch)..], data)
    }
}

fn no_picture(port: &Port) -> Error {
    Error::new(format!(
        "its input `{}` is {port}: expected a picture, [1,C,H,W] or [1,H,W,C] of 1 or 3 channels",
        port.name
    ))
}

/// What a model gave for a picture of `seen` pixels (`[width, height]`), as a picture of one frame: gray, or RGB, of the same proportions.
/// `layout` is that of the input, for shapes that leave it open; `palette` holds the colours of classes, those beyond its end are black.
///
/// # Errors
/// If it is no picture, or has values that are not numbers.
pub fn picture(
    output: &Tensor,
    seen: [usize; 2],
    layout: Layout,
    meaning: Meaning,
    order: Order,
    palette: &[Color],
) -> Result<Image> {
    let (layout, [height, width, channels]) = shape(output, layout, meaning)?;
    if !is_like([width, height], seen) {
        let [wide, high] = seen;
        return Err(Error::new(format!(
            "the model gave {output:?}: expected a picture of the proportions of the {wide} x {high} px that it saw"
        ))
        .hint("points, boxes and embeddings are no pictures; perhaps another `output` is one"));
    }
    let pixels = height * width;
    let at = |pixel: usize, channel: usize| match layout {
        Layout::ChannelsFirst => output.data()[channel * pixels + pixel],
        Layout::ChannelsLast => output.data()[pixel * channels + channel],
    };
    if output.data().iter().any(|x| !x.is_finite()) {
        bail!("the model gave values that are infinite or not a number");
    }
    if meaning == Meaning::Classes {
        let class = |pixel: usize| match channels {
            1 => at(pixel, 0).round().max(0.0) as usize,
            _ => (1..channels).fold(0, |best, k| if at(pixel, k) > at(pixel, best) { k } else { best }),
        };
        let colors = (0..pixels).flat_map(|pixel| color_of(class(pixel), palette));
        return Image::new([1, height, width, 3], colors.collect());
    }
    let bounds = output.data().iter().fold([f32::MAX, f32::MIN], |[low, high], x| [low.min(*x), high.max(*x)]);
    let value = |x: f32| match meaning {
        Meaning::Symmetric => 0.5 * x + 0.5,
        Meaning::Bytes => x / 255.0,
        Meaning::Normalized if bounds[1] > bounds[0] => (x - bounds[0]) / (bounds[1] - bounds[0]),
        Meaning::Normalized => 0.0,
        Meaning::Unit | Meaning::Classes => x,
    };
    let from = |channel: usize| if order == Order::Bgr { channels - 1 - channel } else { channel };
    let data = (0..pixels).flat_map(|pixel| (0..channels).map(move |channel| (pixel, channel)));
    let data = data.map(|(pixel, channel)| value(at(pixel, from(channel))).clamp(0.0, 1.0));
    Image::new([1, height, width, channels], data.collect())
}

/// Whether two sizes have the same proportions; models that make pictures smaller or larger round by a pixel.
fn is_like([width, height]: [usize; 2], [seen_width, seen_height]: [usize; 2]) -> bool {
    let (across, down) = (width as f64 / seen_width as f64, height as f64 / seen_height as f64);
    (width as f64 - down * seen_width as f64).abs() <= 1.0 || (height as f64 - across * seen_height as f64).abs() <= 1.0
}

/// Where the channels of an output are, and its height, width and channels.
fn shape(output: &Tensor, layout: Layout, meaning: Meaning) -> Result<(Layout, [usize; 3])> {
    let [a, b, c] = match *output.shape() {
        [1, a, b, c] | [a, b, c] => [a, b, c],
        [height, width] => [1, height, width],
        _ => bail!("the model gave {output:?}: expected one picture, [1,C,H,W] or [1,H,W,C]"),
    };
    let (first, last) = (channels_of(Some(a)).is_some(), channels_of(Some(c)).is_some());
    let layout = match (first, last) {
        (true, false) => Layout::ChannelsFirst,
        (false, true) => Layout::ChannelsLast,
        (true, true) => layout,
        (false, false) if meaning == Meaning::Classes => layout,
        (false, false) => {
            let message = format!("the model gave {output:?}: expected a picture of 1 or 3 channels");
            return Err(Error::new(message).hint("set `meaning` to `classes` if it tells a class for each pixel"));
        }
    };
    let dims = if layout == Layout::ChannelsFirst { [b, c, a] } else { [a, b, c] };
    if dims.contains(&0) {
        bail!("the model gave {output:?}: nothing to see");
    }
    Ok((layout, dims))
}

/// The colour of a class; without a palette that of PASCAL VOC: each third bit of its number is one of a colour, the lowest bits
/// count most.
///
/// Source: `VOClabelcolormap` of the VOC development kit.
fn color_of(class: usize, palette: &[Color]) -> [f32; 3] {
    if !palette.is_empty() {
        return palette.get(class).map_or([0.0; 3], |Color([r, g, b, _])| [*r, *g, *b]);
    }
    [0, 1, 2].map(|channel| {
        let bits = (0..8).map(|i| ((class >> (3 * i + channel)) & 1) << (7 - i));
        bits.sum::<usize>() as f32 / 255.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(layout: Layout, channels: usize) -> PictureInput {
        PictureInput { layout, channels, size: [None, Some(64)], has_batch: true, is_whole: false }
    }

    #[test]
    fn sizes() {
        let input = input(Layout::ChannelsFirst, 3);
        assert_eq!(input.seen([100, 50], [0, 0], 32).unwrap(), [96, 64]);
        assert_eq!(input.seen([3, 50], [0, 64], 32).unwrap(), [32, 64]);
        assert_eq!(input.seen([100, 50], [50, 0], 32).unwrap(), [50, 64]);
        let error = input.seen([100, 50], [0, 65], 32).unwrap_err();
        assert_eq!(error.to_string(), "input `height`: the model looks at 64 px only, not at 65");
    }

    #[test]
    fn into_a_model() {
        let picture = Image::new([1, 1, 2, 3], vec![0.0, 0.5, 1.0, 0.25, 0.0, 0.0]).unwrap();
        let of = |layout, values, order| input(layout, 3).tensor(&picture, values, order).unwrap();
        let first = of(Layout::ChannelsFirst, Values::Unit, Order::Rgb);
        assert_eq!((first.shape(), first.data()), (&[1, 3, 1, 2][..], &[0.0, 0.25, 0.5, 0.0, 1.0, 0.0][..]));
        let last = of(Layout::ChannelsLast, Values::Symmetric, Order::Bgr);
        assert_eq!((last.shape(), last.data()), (&[1, 1, 2, 3][..], &[1.0, 0.0, -1.0, -1.0, -1.0, -0.5][..]));
        assert_eq!(of(Layout::ChannelsLast, Values::Bytes, Order::Rgb).data(), [0.0, 128.0, 255.0, 64.0, 0.0, 0.0]);
        // The mean of a colour stays with it.
        let bgr = of(Layout::ChannelsLast, Values::Imagenet, Order::Bgr);
        assert!((bgr.data()[0] - (1.0 - 0.406) / 0.225).abs() < 1e-6);

        let whole = PictureInput { is_whole: true, ..input(Layout::ChannelsFirst, 3) };
        let error = whole.tensor(&picture, Values::Unit, Order::Rgb).unwrap_err();
        assert_eq!(error.to_string(), "input `values`: the model takes whole numbers: expected `bytes`");
        assert!(input(Layout::ChannelsFirst, 1).tensor(&picture, Values::Imagenet, Order::Rgb).is_err());
    }

    #[test]
    fn out_of_a_model() {
        let of = |dims: &[usize], data: &[f32], meaning| {
            let output = Tensor::new(dims, data.to_vec()).unwrap();
            picture(&output, [2, 1], Layout::ChannelsFirst, meaning, Order::Rgb, &[])
        };
        let gray = of(&[1, 2], &[-3.0, 5.0], Meaning::Normalized).unwrap();
        assert_eq!((gray.dims(), gray.data()), ([1, 1, 2, 1], &[0.0, 1.0][..]));
        assert_eq!(of(&[1, 1, 1, 2], &[-1.0, 0.5], Meaning::Symmetric).unwrap().data(), [0.0, 0.75]);
        assert_eq!(
            of(&[3, 1, 2], &[0.0, 1.0, 2.0, 0.5, -1.0, 0.25], Meaning::Unit).unwrap().data(),
            [0.0, 1.0, 0.0, 1.0, 0.5, 0.25]
        );
        assert_eq!(
            of(&[1, 1, 2, 3], &[0.0, 51.0, 255.0, 0.0, 0.0, 0.0], Meaning::Bytes).unwrap().data()[..3],
            [0.0, 0.2, 1.0]
        );
        let error = of(&[1, 4, 2, 2], &[0.0; 16], Meaning::Unit).unwrap_err();
        assert_eq!(error.message, "the model gave f32 [1, 4, 2, 2]: expected a picture of 1 or 3 channels");
        assert!(of(&[2, 1, 2, 2], &[0.0; 8], Meaning::Unit).is_err());
        assert!(of(&[1, 1, 1], &[f32::NAN], Meaning::Unit).unwrap_err().message.contains("not a number"));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for (size, seen) in [([64, 48], [256, 192]), ([13, 7], [100, 50]), ([400, 200], [100, 50]), ([1, 1], [2, 2])] {
            assert!(is_like(size, seen), "{size:?} {seen:?}");
        }
        // An embedding, and scores of anchors.
        for (dims, seen) in [(&[1, 512][..], [112, 112]), (&[1, 4420, 2], [320, 240])] {
            let output = Tensor::new(dims, vec![0.0; dims.iter().product()]).unwrap();
            let error = picture(&output, seen, Layout::ChannelsFirst, Meaning::Unit, Order::Rgb, &[]).unwrap_err();
            assert!(error.message.contains("expected a picture"), "{error}");
        }
    }

    #[test]
    fn classes_become_colors() {
        let scores = Tensor::new([1, 2, 1, 2], vec![0.1, 0.9, 0.3, 0.2]).unwrap();
        let of = |output: &Tensor, palette: &[Color]| {
            picture(output, [2, 1], Layout::ChannelsFirst, Meaning::Classes, Order::Rgb, palette)
                .unwrap()
                .data()
                .to_vec()
        };
        let dark_red = [128.0 / 255.0, 0.0, 0.0];
        assert_eq!(of(&scores, &[]), [dark_red, [0.0; 3]].concat());
        let white = Color([1.0; 4]);
        assert_eq!(of(&scores, &[white]), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        // The tenth class of VOC is a chair; its colour is that of the development kit.
        assert_eq!(of(&Tensor::new([1, 1], vec![9.0]).unwrap(), &[]), [192.0 / 255.0, 0.0, 0.0]);
    }
}
