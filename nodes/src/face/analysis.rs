//! Faces in a picture: where they are, and who.

use super::detect::{Settings, detect, fixed_size, has_key_points};
use super::pack::{Pack, remedy};
use super::recognise::{Preparation, embed};
use super::select::{By, select};
use super::warp::Rounding;
use crate::compute::measure;
use crate::image::bytes::Bytes;
use crate::onnx::{Device, Options, Session};
use crate::wires::Face;
use selfsame_models::Work;
use selfsame_sdk::prelude::*;

/// The sides of the canvas that are tried, in this order: the usual one, smaller ones for faces that fill the picture, larger
/// ones for small faces.
///
/// Source: cubiq/ComfyUI_InstantID tries 640 down to 192; the larger ones find faces that are small in a large picture.
const SIDES: [usize; 10] = [640, 576, 512, 448, 384, 320, 256, 192, 1024, 1280];

/// What is added on each side of the picture in the end, as a share of its own side.
const BORDERS: [f64; 2] = [0.25, 0.5];

/// The outputs in their order.
type Outputs = (Option<Face>, Vec<Face>, i64, i64, f64);

/// Finds the faces in a picture: boxes, key points, and the embeddings that say who they are.
///
/// It works with packs of insightface: a folder or zip archive with an SCRFD detector and an ArcFace-like recogniser in ONNX format.
/// InstantID needs those of `antelopev2`. The detector looks at 640 px; if it finds nothing, at other sizes, and last at the picture
/// with a border around it.
///
/// A detector without key points gives boxes only: nobody can be recognised then, and nothing drawn.
#[node(
    id = "core.face.analysis",
    name = "FaceAnalysis",
    title = "Face analysis",
    category = "face",
    device,
    search = ["detect", "insightface", "antelopev2", "scrfd", "arcface"]
)]
#[output(
    face = "the face that was chosen; nothing, if there is none and it is not required",
    faces = "all faces, best first",
    count = "how many there are",
    det_size = "the size in pixels at which they were found; 0 if there are none",
    border = "how wide the border was with which they were found, as a share of the picture's sides; 0 if there was none"
)]
pub fn face_analysis(
    ctx: Ctx,
    /// The picture; of a batch the first. Alpha is left out.
    image: Image,
    /// The folder or zip archive with the networks.
    #[param(model = "insightface")]
    pack: String,
    /// Which face is chosen if there are several.
    #[param(default = "largest")]
    choose: By,
    /// Which one in that order: 1 is the second largest, second from the left, second nearest and so on. -1 is the last.
    #[param(default = 0, hard = -1000..=1000)]
    index: i64,
    /// For `nearest`: the point, from the left, as a fraction of the picture.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.01, slider)]
    x: f64,
    /// For `nearest`: the point, from above, as a fraction of the picture.
    #[param(default = 0.5, hard = 0.0..=1.0, step = 0.01, slider)]
    y: f64,
    /// For `similar`: the face to look for.
    like: Option<Face>,
    /// Whether it is an error if there is no such face. Otherwise `face` is nothing then: what needs it does not run.
    #[param(default = true)]
    required: bool,
    /// The lowest score of a face.
    #[param(default = 0.5, hard = 0.01..=1.0, step = 0.05)]
    threshold: f32,
    /// The only size in pixels at which the detector looks, a multiple of 32; several are tried if not set.
    #[param(hard = 32..=4096, step = 32.0)]
    det_size: Option<usize>,
    /// The height of what it looks at, if that is not the same as `det_size`.
    #[param(hard = 32..=4096, step = 32.0)]
    det_height: Option<usize>,
    /// How pixels between pixels are found when a face is cut out for the recogniser.
    #[param(default = "coarse")]
    rounding: Rounding,
    /// What computes.
    #[param(default = "auto")]
    provider: Device,
    /// How the recogniser wants its pictures, for packs that are not insightface's.
    #[param(default = "arcface")]
    preparation: Preparation,
    /// The learned scale of boxes at each stride, for detectors that were exported without it: maps of `[1,A*k,H,W]`.
    #[param(default = Vec::<f64>::new(), hard = 0.0..=1000.0)]
    box_scales: Vec<f64>,
    /// Whether the detector takes blue, green, red, as some exports for other frameworks do.
    #[param(default = false)]
    detector_bgr: bool,
) -> Result<Outputs> {
    let options = Options::of(provider, ctx.get()?);
    let path = ctx.model("insightface", &pack).input("pack")?;
    let pack = Pack::open(ctx, &path, options).input("pack")?;
    let frames = Bytes::frames_as_read(image, 3)?;
    let Some(picture) = frames.first() else { return Err(Error::input("image", "there is no picture")) };
    let box_scales = box_scales.into_iter().map(|scale| scale as f32).collect();
    let settings = Settings { score: threshold, box_scales, is_bgr: detector_bgr, ..Settings::default() };
    let looks = looks(&pack.detector, det_size, det_height)?;
    let has_key_points = has_key_points(&pack.detector);
    let found = measure(ctx, Work::FaceAnalysis, || {
        let mut found = find(ctx, &pack.detector, picture, &looks, &settings)?;
        for face in found.iter_mut().flat_map(|(faces, _)| faces).filter(|_| has_key_points) {
            ctx.check_cancelled()?;
            face.embedding = Some(embed(&pack.recogniser, picture, face, rounding, preparation)?.into());
        }
        Ok(found)
    })?;
    let Some((faces, look)) = found else {
        let nothing = nothing(picture, &looks, threshold, remedy(&path));
        if required {
            return Err(nothing);
        }
        ctx.warn(nothing.message);
        return Ok((None, Vec::new(), 0, 0, 0.0));
    };
    if !has_key_points {
        let detector = pack.detector.path().display();
        ctx.warn(format!("{detector} gives no key points: the faces have boxes only, and nobody is recognised"));
    }
    let chosen = match select(&faces, choose, index, Some([x, y]), like.as_ref()) {
        // So many faces there are not.
        Err(error) if !required && error.port.as_deref() == Some("index") => None,
        at => Some(faces[at?].clone()),
    };
    let count = faces.len() as i64;
    Ok((chosen, faces, count, look.canvas[0].max(look.canvas[1]) as i64, look.border))
}

/// One way to look at a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    /// Width and height of what the detector is given.
    canvas: [usize; 2],
    /// How wide the border is, as a share of the picture's sides.
    border: f64,
}

/// All ways in which a detector is to look, in their order.
fn looks(detector: &Session, det_size: Option<usize>, det_height: Option<usize>) -> Result<Vec<Look>> {
    ways(fixed_size(detector)?, det_size, det_height)
}

fn ways(fixed: [Option<usize>; 2], det_size: Option<usize>, det_height: Option<usize>) -> Result<Vec<Look>> {
    let plain = |canvas| Look { canvas, border: 0.0 };
    if det_size.is_none() && det_height.is_some() {
        return Err(Error::input("det_height", "it is set, but `det_size` is not"));
    }
    if let Some(width) = det_size {
        let wanted = [width, det_height.unwrap_or(width)];
        for (name, wanted, fixed) in [("det_size", wanted[0], fixed[0]), ("det_height", wanted[1], fixed[1])] {
            if let Some(fixed) = fixed.filter(|fixed| *fixed != wanted) {
                let name = if det_height.is_none() { "det_size" } else { name };
                let message = format!("the detector looks at {fixed} px only, not at {wanted}");
                return Err(Error::input(name, message).hint("leave it out"));
            }
        }
        let side = |axis: usize| fixed[axis].unwrap_or(wanted[axis].next_multiple_of(32));
        return Ok(vec![plain([side(0), side(1)])]);
    }
    let canvas = |side: usize| fixed.map(|fixed| fixed.unwrap_or(side));
    let mut looks: Vec<Look> = SIDES.iter().map(|side| plain(canvas(*side))).collect();
    looks.dedup();
    // A face that fills the picture may be found when there is something around it.
    looks.extend(BORDERS.map(|border| Look { canvas: canvas(SIDES[0]), border }));
    Ok(looks)
}

/// The faces, and how they were found; none if there are none.
fn find(
    ctx: Ctx,
    detector: &Session,
    picture: &Bytes,
    looks: &[Look],
    settings: &Settings,
) -> Result<Option<(Vec<Face>, Look)>> {
    for look in looks {
        ctx.check_cancelled()?;
        let border = picture.size().map(|side| (side as f64 * look.border).round() as usize);
        let faces = if border == [0, 0] {
            detect(detector, picture, look.canvas, settings)?
        } else {
            // The largest pictures leave no room for a border.
            let Ok(bordered) = bordered(picture, border) else { continue };
            let faces = detect(detector, &bordered, look.canvas, settings)?;
            faces.into_iter().map(|face| without(face, border, picture.size())).collect()
        };
        if !faces.is_empty() {
            return Ok(Some((faces, *look)));
        }
    }
    Ok(None)
}

/// A face from a picture with a border, in pixels of the picture without.
fn without(face: Face, border: [usize; 2], picture: [usize; 2]) -> Face {
    let [x, y] = border.map(|pixels| pixels as f32);
    let [left, top, right, bottom] = face.bbox;
    let kps = face.kps.map(|points| points.map(|[px, py]| [px - x, py - y]));
    Face { picture, bbox: [left - x, top - y, right - x, bottom - y], kps, ..face }
}

fn nothing(picture: &Bytes, looks: &[Look], threshold: f32, remedy: &str) -> Error {
    let size = |[width, height]: [usize; 2]| match width == height {
        true => width.to_string(),
        false => format!("{width} x {height}"),
    };
    let (plain, with_border): (Vec<&Look>, Vec<&Look>) = looks.iter().partition(|look| look.border == 0.0);
    let sizes: Vec<String> = plain.iter().map(|look| size(look.canvas)).collect();
    let [width, height] = picture.size();
    let mut message = format!(
        "no face was found in {width} x {height} px, at {} px with a score of {threshold} or more",
        sizes.join(", ")
    );
    if !with_border.is_empty() {
        let borders: Vec<String> = with_border.iter().map(|look| format!("{:.0}", look.border * 100.0)).collect();
        message += &format!(", nor with a border of {} %", borders.join(" or "));
    }
    Error::input("image", message).hint(remedy)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::testing::face;

    #[test]
    fn sizes_that_are_tried() {
        let any = ways([None, None], None, None).unwrap();
        assert_eq!(any[..2].iter().map(|look| look.canvas).collect::<Vec<_>>(), [[640, 640], [576, 576]]);
        assert_eq!(any.iter().map(|look| look.border).filter(|border| *border > 0.0).collect::<Vec<_>>(), [0.25, 0.5]);
        assert_eq!(any.len(), SIDES.len() + 2);
        let fixed = ways([Some(320), Some(240)], None, None).unwrap();
        assert!(fixed.len() == 3 && fixed.iter().all(|look| look.canvas == [320, 240]), "{fixed:?}");
        assert_eq!(ways([Some(320), None], None, None).unwrap()[1].canvas, [320, 576]);
    }

    #[test]
    fn the_only_size() {
        let one = |fixed, width, height| {
            ways(fixed, width, height).map(|looks| looks.iter().map(|l| l.canvas).collect::<Vec<_>>())
        };
        assert_eq!(one([None; 2], Some(300), None).unwrap(), vec![[320, 320]]);
        assert_eq!(one([None; 2], Some(640), Some(480)).unwrap(), vec![[640, 480]]);
        assert_eq!(one([Some(640), Some(480)], Some(640), Some(480)).unwrap(), vec![[640, 480]]);
        let no = |fixed, width, height| one(fixed, width, height).map(drop).unwrap_err().to_string();
        assert!(no([Some(640); 2], Some(320), None).starts_with("input `det_size`: the detector looks at 640 px only"));
        assert!(no([Some(640), Some(480)], Some(640), Some(640)).starts_with("input `det_height`: "));
        assert!(no([None; 2], None, Some(640)).starts_with("input `det_height`: "));
    }

    #[test]
    fn a_border_is_taken_off_again() {
        let picture = Bytes::new([2, 1], 1, vec![1, 2]).unwrap();
        assert_eq!(bordered(&picture, [1, 1]).unwrap().data(), [0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0]);
        let found = face([30.0, 40.0, 50.0, 70.0]);
        let moved = without(found.clone(), [10, 20], [80, 60]);
        assert_eq!((moved.picture, moved.bbox), ([80, 60], [20.0, 20.0, 40.0, 50.0]));
        let nose = |face: &Face| face.kps.unwrap()[2];
        assert_eq!(nose(&moved), [nose(&found)[0] - 10.0, nose(&found)[1] - 20.0]);
    }

    #[test]
    fn what_was_tried_is_said() {
        let picture = Bytes::black([30, 20], 3).unwrap();
        let said = |looks: Vec<Look>| nothing(&picture, &looks, 0.5, "look again").message;
        let wanted = "no face was found in 30 x 20 px, at 320 x 240 px with a score of 0.5 or more, nor with a border of 25 or 50 %";
        assert_eq!(said(ways([Some(320), Some(240)], None, None).unwrap()), wanted);
        let wanted = "no face was found in 30 x 20 px, at 320 px with a score of 0.5 or more";
        assert_eq!(said(ways([None; 2], Some(320), None).unwrap()), wanted);
    }
}
