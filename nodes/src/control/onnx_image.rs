//! Pictures through an ONNX model.

use super::picture_model::{Meaning, Order, PictureInput, Values, picture};
use crate::Compute;
use crate::image::color::with_channels;
use crate::image::resample::{Filter, resample};
use crate::onnx::{Options, Provider, Session};
use selfsame_sdk::prelude::*;

/// Runs an ONNX model that turns a picture into a picture: poses, line art, normals, segmentation, mattes, styles, upscaling.
///
/// How the model takes pictures (size, colours or gray, channels first or last) is read off its input. What cannot be read off is
/// set here: which values it takes, what those that it gives mean. Its author says so; `imagenet` in, `unit` or `normalized`
/// out are the most common.
#[node(
    id = "core.control.onnx_image",
    category = "control",
    search = ["annotator", "preprocessor", "openpose", "lineart", "segmentation", "style transfer", "upscale", "matting"]
)]
#[output(image = "what the model makes of each picture, gray or RGB")]
pub fn onnx_image(
    ctx: Ctx,
    /// What is looked at. Alpha is left out.
    image: Image,
    /// The model.
    #[param(model = "annotators")]
    model: String,
    /// Width of what the model sees; 0 is the model's own, or that of the picture.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    width: usize,
    /// Height of what the model sees; 0 is the model's own, or that of the picture.
    #[param(default = 0, hard = 0..=16384, unit = "px")]
    height: usize,
    /// For a model that takes any size: the sides of the picture go to the nearest multiples of this number.
    #[param(default = 32, hard = 1..=1024, unit = "px")]
    multiple_of: usize,
    /// The order of colours in the model, in and out.
    #[param(default = "rgb")]
    order: Order,
    /// What the model takes for black and white.
    #[param(default = "unit")]
    values: Values,
    /// What the values that it gives mean.
    #[param(default = "unit")]
    meaning: Meaning,
    /// The name of the output that is taken; the first one if empty.
    #[param(default = "")]
    output: String,
    /// The colours of classes, from the first on; without any those of PASCAL VOC. ControlNets for segmentation know those of
    /// ADE20K.
    palette: Option<Vec<Color>>,
    /// Leaves the result at the size that the model gives, for models that upscale; otherwise it is resized to the picture's.
    #[param(default = false)]
    keep_size: bool,
) -> Result<Image> {
    let compute: &Compute = ctx.get()?;
    let options = Options { provider: Provider::of(compute), ..Options::default() };
    let path = ctx.model("annotators", &model).input("model")?;
    let session = Session::open(ctx, &path, options).input("model")?;
    let file = || path.display().to_string();
    let input = PictureInput::of(&session).context(file).input("model")?;
    let index = output_index(&session, &output).context(file).input("output")?;
    let [batch, from_height, from_width, channels] = image.dims();
    let seen = input.seen([from_width, from_height], [width, height], multiple_of)?;
    let mut frames = Vec::with_capacity(batch);
    for (i, frame) in image.frames().enumerate() {
        ctx.check_cancelled()?;
        ctx.progress(i as u64, batch as u64, "pictures");
        let frame = Image::new([1, from_height, from_width, channels], frame.to_vec())?;
        let frame = with_channels(with_channels(frame, 3)?, input.channels)?;
        let frame = resample(ctx, frame, seen, None, Filter::Bilinear)?;
        let outputs = session.run(&[input.tensor(&frame, values, order)?])?;
        let Some(given) = outputs.get(index) else { bail!("{} gave no output", path.display()) };
        let made =
            picture(given, seen, input.layout, meaning, order, palette.as_deref().unwrap_or_default()).context(file)?;
        // Between two classes lies no third one.
        let filter = if meaning == Meaning::Classes { Filter::Nearest } else { Filter::Bilinear };
        let size = if keep_size { [made.width(), made.height()] } else { [from_width, from_height] };
        frames.push(resample(ctx, made, size, None, filter)?);
    }
    ctx.progress(batch as u64, batch as u64, "pictures");
    stacked(frames)
}

/// Which output has this name; the first if it is empty.
fn output_index(session: &Session, name: &str) -> Result<usize> {
    let names: Vec<&str> = session.outputs().iter().map(|port| port.name.as_str()).collect();
    let found = if name.is_empty() { Some(0) } else { names.iter().position(|other| *other == name) };
    found.ok_or_else(|| Error::new(format!("it has no output `{name}`: expected one of {}", names.join(", "))))
}

/// Pictures of one size and as many channels as a batch.
fn stacked(frames: Vec<Image>) -> Result<Image> {
    let Some([_, height, width, channels]) = frames.first().map(Image::dims) else { bail!("there is no picture") };
    if frames.iter().any(|frame| frame.dims() != [1, height, width, channels]) {
        bail!("the model gave pictures of different sizes");
    }
    let batch = frames.len();
    Image::new([batch, height, width, channels], frames.into_iter().flat_map(|f| f.into_tensor().into_data()).collect())
}
