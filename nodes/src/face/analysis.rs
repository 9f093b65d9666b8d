//! Faces in a picture: where they are, and who.

use super::align::to_crop;
use super::detect::{Thresholds, detect, fixed_side, is_scrfd};
use super::select::{By, select};
use super::warp::{Rounding, affine};
use crate::Compute;
use crate::compute::measure;
use crate::image::bytes::Bytes;
use crate::onnx::{Options, Provider, Session};
use crate::wires::Face;
use selfsame_models::Work;
use selfsame_sdk::prelude::*;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The sides of the canvas that are tried, in this order: the usual one, smaller ones for faces that fill the picture, larger
/// ones for small faces.
///
/// Source: cubiq/ComfyUI_InstantID tries 640 down to 192; the larger ones find faces that are small in a large picture.
const SIDES: [usize; 10] = [640, 576, 512, 448, 384, 320, 256, 192, 1024, 1280];

/// Finds the faces in a picture: boxes, key points, and the embeddings that say who they are.
///
/// It works with packs of insightface: a folder with an SCRFD detector and an ArcFace-like recogniser in ONNX format. InstantID
/// needs those of `antelopev2`. The detector looks at 640 px; if it finds nothing, at other sizes, and last at the picture with
/// a border around it.
#[node(
    id = "core.face.analysis",
    name = "FaceAnalysis",
    title = "Face analysis",
    category = "face",
    search = ["detect", "insightface", "antelopev2", "scrfd", "arcface"]
)]
#[output(
    face = "the face that was chosen",
    faces = "all faces, best first",
    count = "how many there are",
    det_size = "the size in pixels at which they were found"
)]
pub fn face_analysis(
    ctx: Ctx,
    /// The picture; of a batch the first. Alpha is left out.
    image: Image,
    /// The folder with the networks.
    #[param(model = "insightface")]
    pack: String,
    /// Which face is chosen if there are several.
    #[param(default = "largest")]
    choose: By,
    /// Which one, from the left, if `choose` is `left_to_right`.
    #[param(default = 0, hard = -1000..=1000)]
    index: i64,
    /// A face that the chosen one should be like, if `choose` is `similar`.
    like: Option<Face>,
    /// The lowest score of a face.
    #[param(default = 0.5, hard = 0.01..=1.0, step = 0.05)]
    threshold: f32,
    /// The only size in pixels at which the detector looks; several are tried if not set.
    #[param(hard = 32..=4096, step = 32.0)]
    det_size: Option<usize>,
) -> Result<(Face, Vec<Face>, i64, i64)> {
    let networks = Networks::open(ctx, &ctx.model("insightface", &pack).input("pack")?).input("pack")?;
    let frames = Bytes::frames(image, 3)?;
    let Some(picture) = frames.first() else { return Err(Error::input("image", "there is no picture")) };
    let thresholds = Thresholds { score: threshold, ..Thresholds::default() };
    let (faces, side) = measure(ctx, Work::FaceAnalysis, || {
        let (mut faces, side) = networks.find(ctx, picture, det_size, thresholds)?;
        for face in &mut faces {
            ctx.check_cancelled()?;
            face.embedding = Some(networks.embed(picture, face)?.into());
        }
        Ok((faces, side))
    })?;
    let chosen = select(&faces, choose, index, None, like.as_ref())?;
    let count = faces.len() as i64;
    Ok((faces[chosen].clone(), faces, count, side as i64))
}

/// A detector and a recogniser.
struct Networks {
    detector: Arc<Session>,
    recogniser: Arc<Session>,
}

impl Networks {
    /// Opens the networks of a pack, told apart by their inputs and outputs: their names differ from pack to pack.
    fn open(ctx: Ctx, folder: &Path) -> Result<Self> {
        let compute: &Compute = ctx.get()?;
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let options = Options { provider: Provider::of(compute), threads };
        let (mut detector, mut recogniser) = (None, None);
        for path in models_in(folder)? {
            if detector.is_some() && recogniser.is_some() {
                break;
            }
            let session = Session::open(ctx, &path, options)?;
            if detector.is_none() && is_scrfd(&session) {
                detector = Some(session);
            } else if recogniser.is_none() && is_recogniser(&session) {
                recogniser = Some(session);
            }
        }
        let missing = |what: &str, file: &str| {
            Error::with(Status::NotFound, format!("there is no {what} in {}", folder.display()))
                .hint(format!("antelopev2 has one, {file}; `selfsame models pull antelopev2` fetches it"))
        };
        Ok(Networks {
            detector: detector.ok_or_else(|| missing("face detector (SCRFD)", "scrfd_10g_bnkps.onnx"))?,
            recogniser: recogniser.ok_or_else(|| missing("face recogniser (ArcFace)", "glintr100.onnx"))?,
        })
    }

    /// The faces, and the size of the canvas on which they were found.
    fn find(
        &self,
        ctx: Ctx,
        picture: &Bytes,
        side: Option<usize>,
        thresholds: Thresholds,
    ) -> Result<(Vec<Face>, usize)> {
        let sides = match (side, fixed_side(&self.detector)?) {
            (Some(wanted), Some(fixed)) if wanted != fixed => {
                return Err(Error::input(
                    "det_size",
                    format!("the detector looks at {fixed} px only, not at {wanted}"),
                ));
            }
            (_, Some(fixed)) => vec![fixed],
            (Some(wanted), None) => vec![wanted.next_multiple_of(32)],
            (None, None) => SIDES.to_vec(),
        };
        for side in &sides {
            ctx.check_cancelled()?;
            let faces = detect(&self.detector, picture, *side, thresholds)?;
            if !faces.is_empty() {
                return Ok((faces, *side));
            }
        }
        // A face that fills the picture may be found when there is something around it.
        let [width, height] = picture.size();
        let border = [width / 2, height / 2];
        let side = sides.first().copied().unwrap_or(640);
        let mut faces = detect(&self.detector, &bordered(picture, border)?, side, thresholds)?;
        for face in &mut faces {
            let [x, y] = border.map(|pixels| pixels as f32);
            face.picture = picture.size();
            face.bbox = [face.bbox[0] - x, face.bbox[1] - y, face.bbox[2] - x, face.bbox[3] - y];
            face.kps = face.kps.map(|[kx, ky]| [kx - x, ky - y]);
        }
        if faces.is_empty() {
            let tried: Vec<String> = sides.iter().map(ToString::to_string).collect();
            let message = format!(
                "no face was found in {width} x {height} px, at {} px and with a border around it",
                tried.join(", "),
            );
            return Err(Error::input("image", message)
                .hint("take a picture in which the face is seen from the front, or lower the threshold"));
        }
        Ok((faces, side))
    }

    /// What the recogniser says of a face, not normalised.
    fn embed(&self, picture: &Bytes, face: &Face) -> Result<Vec<f32>> {
        let side = recogniser_side(&self.recogniser).unwrap_or(112);
        let crop = affine(picture, to_crop(&face.kps, side)?, [side, side], Rounding::Coarse)?;
        // RGB planes in (x - 127.5) / 127.5.
        let mut input = vec![0f32; 3 * side * side];
        for (i, pixel) in crop.data().chunks_exact(3).enumerate() {
            for (channel, value) in pixel.iter().enumerate() {
                input[channel * side * side + i] = (f32::from(*value) - 127.5) / 127.5;
            }
        }
        let outputs = self.recogniser.run(&[Tensor::new([1, 3, side, side], input)?])?;
        match outputs.first() {
            Some(embedding) if !embedding.data().is_empty() => Ok(embedding.data().to_vec()),
            _ => Err(Error::new(format!("{} gave no embedding", self.recogniser.path().display()))),
        }
    }
}

/// The side of the square pictures that a recogniser takes, if it is one.
///
/// Source: insightface 0.7.3, `model_zoo.py`: square inputs of at least 112 px in multiples of 16.
fn recogniser_side(session: &Session) -> Option<usize> {
    let [port] = session.inputs() else { return None };
    match port.dims[..] {
        [_, Some(3), Some(height), Some(width)] if height == width && height >= 112 && height % 16 == 0 => Some(height),
        _ => None,
    }
}

fn is_recogniser(session: &Session) -> bool {
    // Networks for landmarks take 192 px.
    session.outputs().len() == 1 && recogniser_side(session).is_some_and(|side| side != 192)
}

/// The ONNX files of a pack, sorted: in the folder, or in a folder of its name inside, as its archive has it.
fn models_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let in_folder = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))?;
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))).collect();
        paths.sort();
        Ok(paths)
    };
    let direct = in_folder(folder)?;
    if !direct.is_empty() {
        return Ok(direct);
    }
    let nested = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    let mut nested: Vec<PathBuf> = nested.collect();
    nested.sort();
    for folder in &nested {
        let found = in_folder(folder)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(Error::with(Status::NotFound, format!("there are no ONNX files in {}", folder.display())))
}

/// A picture with a black border.
fn bordered(picture: &Bytes, [x, y]: [usize; 2]) -> Result<Bytes> {
    let [width, height] = picture.size();
    let mut out = Bytes::black([width + 2 * x, height + 2 * y], picture.channels())?;
    let channels = picture.channels();
    let stride = (width + 2 * x) * channels;
    for row in 0..height {
        let start = (row + y) * stride + x * channels;
        out.data_mut()[start..start + width * channels].copy_from_slice(picture.row(row));
    }
    Ok(out)
}
