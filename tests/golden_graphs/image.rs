//! Drawing, aligning, edges, resizing: what nodes make of recorded pictures. A case is named after what it shows, e.g. `norm_crop_2`.
//!
//! PNG files carry the pictures in and bytes are compared exactly, except where the reference itself computes in f32.

use crate::case::{Case, Outcome};
use crate::graph::{Builder, Written, image, levels, lit, out, path, samples};
use candle_core::{DType, Device, Tensor};
use selfsame_graphs::{Span, Spanned, Value};
use selfsame_nodes::face::files::to_json;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::image::decode::decode;
use selfsame_nodes::wires::Face;

/// CLIP's mean and standard deviation of red, green, blue.
const CLIP: [[f64; 3]; 2] = [[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]];

/// The side of CLIP's pictures.
const CLIP_SIDE: i64 = 224;

pub fn run(case: &Case) -> Outcome {
    let is = |prefix: &str| case.name.starts_with(prefix);
    match () {
        () if is("draw_kps") => draw_kps(case),
        () if is("norm_crop") => norm_crop(case),
        () if is("canny") => canny(case),
        () if is("clip_preprocess") => clip_preprocess(case),
        () if is("preprocess") => preprocess(case),
        () if is("resize_img") => resize_img(case),
        () if is("resize") => resize(case),
        () => Err("no graph is written for this kind of case".into()),
    }
}

/// A picture of a batch of one that the graph gave, in whole levels: `[H,W,C]`, or `[H,W]` if that is what was recorded.
fn picture(outcome: &selfsame_host::Outcome, name: &str, rank: usize) -> Written<Tensor> {
    let picture = levels(&image(outcome, name)?)?.squeeze(0)?;
    Ok(if rank == 2 { picture.squeeze(2)? } else { picture })
}

/// Compares pictures that the graph gave under the names of recorded ones, less `out.`, to the byte.
fn check(case: &Case, outcome: &selfsame_host::Outcome, ids: &[&str]) -> Outcome {
    ids.iter().try_for_each(|id| {
        let name = format!("out.{id}");
        case.check_within(&name, &picture(outcome, id, case.stored(&name)?.rank())?, 0.0)
    })
}

fn draw_kps(case: &Case) -> Outcome {
    let mut graph = Builder::new()?;
    let numbers = case.numbers("in.kps")?;
    let size = case.numbers("in.size_wh")?;
    let inputs = vec![
        ("json", lit(&*format!("{numbers:?}"))),
        ("width", lit(size[0] as i64)),
        ("height", lit(size[1] as i64)),
        ("unit", lit("pixels")),
    ];
    graph.add("points", "KeypointsFromJson", inputs);
    graph.add(
        "drawn",
        "DrawKeypoints",
        vec![("faces", Value::List(vec![Spanned::new(out("points", "keypoints"), Span::default())]))],
    );
    graph.output("drawn", "drawn", "image");
    let got = picture(&graph.run()?, "drawn", 3)?;
    let wanted = decode(&std::fs::read(case.goldens().join(case.text("image")?))?).map_err(|e| e.to_string())?;
    let wanted = Bytes::frames(wanted.image, 3).map_err(|e| e.to_string())?.remove(0);
    let differing = got.flatten_all()?.to_vec1::<u8>()?.iter().zip(wanted.data()).filter(|(a, b)| a != b).count();
    let is_alike = got.dims() == [wanted.size()[1], wanted.size()[0], 3];
    case.push("image", if is_alike { differing as f64 } else { f64::INFINITY }, 0.0);
    for name in ["out.polygon_0", "out.polygon_1", "out.polygon_2", "out.polygon_3"] {
        case.decline(name, "the sticks' corners are no output of a node; the picture shows them");
    }
    Ok(())
}

fn norm_crop(case: &Case) -> Outcome {
    // What an older OpenCV made of the same picture lies in a case of its own, without the picture.
    let is_old = case.meta.get("alternate_of").is_some();
    let whole = if is_old { Some(case.beside(case.text("alternate_of")?)) } else { None };
    let pixels = whole.as_ref().unwrap_or(case).stored("in.image_u8")?;
    let mut graph = Builder::new()?;
    let photo = graph.picture("photo", &pixels)?;
    let points: Vec<f32> = case.numbers("in.landmarks")?.into_iter().map(|x| x as f32).collect();
    let (pairs, []) = points.as_chunks::<2>() else { return Err("in.landmarks has no pairs".into()) };
    let kps: [[f32; 2]; 5] = pairs.try_into()?;
    let face = Face {
        picture: [pixels.dim(1)?, pixels.dim(0)?],
        bbox: [0.0; 4],
        kps: Some(kps),
        det_score: 1.0,
        embedding: None,
    };
    let file = graph.file("face.json", to_json(&face).map_err(|e| e.to_string())?.as_bytes())?;
    graph.add("face", "LoadFace", vec![("path", path(&file))]);
    for (id, size) in [("crop_u8", 112), ("crop224_u8", 224)] {
        let inputs = vec![
            ("image", photo.clone()),
            ("face", out("face", "face")),
            ("size", lit(size)),
            ("rounding", lit(if is_old { "coarse" } else { "fine" })),
        ];
        graph.add(id, "AlignedFace", inputs);
        graph.output(id, id, "image");
    }
    let outcome = graph.run()?;
    for id in ["crop_u8", "crop224_u8"] {
        let name = &format!("out.{id}");
        let (got, wanted) = (picture(&outcome, id, 3)?, case.stored(name)?);
        if got.dims() != wanted.dims() {
            return Err(format!("{name}: expected {:?}, got {:?}", wanted.dims(), got.dims()).into());
        }
        let differing = got.ne(&wanted.to_dtype(DType::U8)?)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
        // The matrix of the older stack is not recorded, and differs in the 7th digit where its BLAS sums in another order.
        // Where a place is rounded to the next 1/32 px then, a pixel changes a little: at most one value of a thousand may.
        let allowed = if is_old { got.elem_count() as f64 / 1000.0 } else { 0.0 };
        case.push(name, f64::from(differing), allowed);
    }
    for name in ["out.M", "out.M224"].into_iter().filter(|name| case.has(name)) {
        case.decline(name, "the matrix is no output of a node; the crops are made by it");
    }
    Ok(())
}

fn canny(case: &Case) -> Outcome {
    let mut graph = Builder::new()?;
    let photo = graph.picture("photo", &case.stored("in.image_u8")?)?;
    let mut ids = Vec::new();
    for name in case.names("out.") {
        // rgb_100_200, gray_100_200_L2, gray_400_900_ap5
        let parts: Vec<&str> = name.trim_start_matches("out.").split('_').collect();
        let threshold = |i: usize| parts.get(i).and_then(|x| x.parse::<f64>().ok());
        let (Some(low), Some(high)) = (threshold(1), threshold(2)) else {
            case.decline(name, "a step on the way; Canny's edges of it are compared");
            continue;
        };
        let inputs = vec![
            ("image", photo.clone()),
            ("low_threshold", lit(low)),
            ("high_threshold", lit(high)),
            ("gray", lit(parts[0] == "gray")),
            ("precise", lit(parts.contains(&"L2"))),
            ("aperture", lit(if parts.contains(&"ap5") { "5" } else { "3" })),
        ];
        let id = name.trim_start_matches("out.");
        graph.add(id, "Canny", inputs);
        graph.output(id, id, "image");
        ids.push(id);
    }
    check(case, &graph.run()?, &ids)
}

/// Adds a node that resizes a picture to `[height, width]`.
fn resized(graph: &mut Builder, id: &str, image: Value, [height, width]: [i64; 2], filter: &str, whole_levels: bool) {
    let inputs = vec![
        ("image", image),
        ("width", lit(width)),
        ("height", lit(height)),
        ("filter", lit(filter)),
        ("whole_levels", lit(whole_levels)),
    ];
    graph.add(id, "ResizeImage", inputs);
    graph.output(id, id, "image");
}

fn resize(case: &Case) -> Outcome {
    let pixels = case.stored("in.image_u8")?;
    let side = |i: usize| case.meta["to_hw"][i].as_i64().ok_or("meta has no to_hw of two sides");
    let to = [side(0)?, side(1)?];
    let mut graph = Builder::new()?;
    let photo = graph.picture("photo", &pixels)?;
    let filters = ["nearest", "box", "bilinear", "bicubic", "lanczos"];
    for filter in filters {
        resized(&mut graph, filter, photo.clone(), to, filter, true);
    }
    // What torch interpolates are tensors; latents are such, whatever they hold.
    let planes = (pixels.to_dtype(DType::F32)?.permute((2, 0, 1))?.unsqueeze(0)? / 255.0)?.contiguous()?;
    let planes = graph.latents("planes", &planes)?;
    let methods = ["nearest_exact", "bilinear", "bicubic", "area"];
    for method in methods {
        let id = format!("torch_{method}");
        let inputs = vec![
            ("latent", planes.clone()),
            ("method", lit(method)),
            ("height", lit(to[0] * 8)),
            ("width", lit(to[1] * 8)),
        ];
        graph.add(&id, "UpscaleLatent", inputs);
        graph.output(&id, &id, "latent");
    }
    let outcome = graph.run()?;
    for filter in filters {
        case.check_within(&format!("out.pil_{filter}"), &picture(&outcome, filter, 3)?, 0.0)?;
    }
    for method in methods {
        let name = format!("out.torch_{method}");
        let got = samples(outcome.output(&format!("torch_{method}")).ok_or("no latents")?)?;
        case.check_within(&name, &got, rounding(case, &name))?;
    }
    case.decline(
        "out.cv2_linear",
        "a step of finding faces, which no node does alone; compared with the nodes' functions",
    );
    case.decline("out.cv2_area", "nothing in InstantID's path uses it");
    case.decline("out.cv2_nearest", "nothing in InstantID's path uses it");
    case.decline("out.torch_nearest", "the nodes have nearest-exact, as ComfyUI does");
    Ok(())
}

/// What f32 itself allows where the index states no tolerance.
fn rounding(case: &Case, name: &str) -> f64 {
    4e-6 * case.max_abs(name).unwrap_or(1.0).max(1.0)
}

/// Diffusers' `VaeImageProcessor`: sides down to a multiple of 8, Lanczos.
fn preprocess(case: &Case) -> Outcome {
    let mut graph = Builder::new()?;
    let photo = graph.picture("photo", &case.stored("in.image_u8")?)?;
    let names = case.names("out.");
    for name in &names {
        let mut inputs = vec![("image", photo.clone()), ("filter", lit("lanczos")), ("whole_levels", lit(true))];
        if name.ends_with("default_size") {
            inputs.extend([("fit", lit("inside")), ("multiple_of", lit(8))]);
        } else {
            let dims = case.stored(name)?.dims().to_vec();
            inputs.extend([("height", lit(dims[2] as i64)), ("width", lit(dims[3] as i64))]);
        }
        let id = name.trim_start_matches("out.");
        graph.add(id, "ResizeImage", inputs);
        graph.output(id, id, "image");
    }
    let outcome = graph.run()?;
    for name in names {
        let planes = image(&outcome, name.trim_start_matches("out."))?.permute((0, 3, 1, 2))?;
        // Encoding a picture begins with this; what a ControlNet reads stays in 0..1.
        let planes = if name.starts_with("out.init") { planes.affine(2.0, -1.0)? } else { planes };
        case.check_within(name, &planes, rounding(case, name))?;
    }
    Ok(())
}

fn resize_img(case: &Case) -> Outcome {
    // The sides are only told in a note: max_side=256,min_side=192.
    let note = case.text("note")?;
    let side = |key: &str| -> Written<i64> {
        let rest = note.split_once(key).ok_or_else(|| format!("the note names no {key}"))?.1;
        Ok(rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse()?)
    };
    let (min, max) = (side("min_side=")?, side("max_side=")?);
    let mut graph = Builder::new()?;
    let photo = graph.picture("photo", &case.stored("in.image_u8")?)?;
    for (id, pad) in [("default_small", false), ("pad", true)] {
        let inputs = vec![("image", photo.clone()), ("min_side", lit(min)), ("max_side", lit(max)), ("pad", lit(pad))];
        graph.add(id, "ResizeReference", inputs);
        graph.output(id, id, "image");
    }
    let dims = case.stored("out.size")?.dims().to_vec();
    resized(&mut graph, "size", photo, [dims[0] as i64, dims[1] as i64], "bilinear", true);
    check(case, &graph.run()?, &["default_small", "pad", "size"])
}

/// Pictures for CLIP's vision network, as transformers and as ComfyUI make them.
fn clip_preprocess(case: &Case) -> Outcome {
    let pixels = case.stored("in.image_u8")?;
    let sides = [pixels.dim(0)?, pixels.dim(1)?];
    let shortest = sides[0].min(sides[1]) as f64;
    let scaled = |round: fn(f64) -> f64| sides.map(|side| round(side as f64 * CLIP_SIDE as f64 / shortest) as i64);
    let mut graph = Builder::new()?;
    let photo = graph.picture("photo", &pixels)?;
    for (id, to, whole_levels) in [("hf", scaled(f64::trunc), true), ("comfy", scaled(f64::round_ties_even), false)] {
        resized(&mut graph, id, photo.clone(), to, "bicubic", whole_levels);
        let inputs = vec![("image", out(id, "image")), ("width", lit(CLIP_SIDE)), ("height", lit(CLIP_SIDE))];
        let crop = format!("{id}_crop");
        graph.add(&crop, "CropCenter", inputs);
        graph.output(&crop, &crop, "image");
    }
    let outcome = graph.run()?;
    let crop = picture(&outcome, "hf_crop", 3)?;
    case.check_within("out.hf_crop_u8", &crop, 0.0)?;
    check_first_rows(case, "out.hf_pixel_values_row0", &crop)?;

    let crop = picture(&outcome, "comfy_crop", 3)?;
    // f32 in another order may round to the other side.
    case.check_within("out.comfy_crop_u8", &crop.permute((2, 0, 1))?, 1.0)?;
    check_first_rows(case, "out.comfy_pixel_values_row0", &crop)
}

/// The first row of each normalised channel. A level of 8 bits is about 0.0146.
fn check_first_rows(case: &Case, name: &str, crop: &Tensor) -> Outcome {
    let [mean, deviation] = CLIP.map(|values| Tensor::new(&values, &Device::Cpu));
    let row = (crop.get(0)?.to_dtype(DType::F64)? / 255.0)?; // [W, 3]
    let values = row.broadcast_sub(&mean?)?.broadcast_div(&deviation?)?.t()?.unsqueeze(1)?; // [3, 1, W]
    let tolerance = if name.contains("comfy") { 1.0 / 255.0 / CLIP[1][1] * 1.001 } else { rounding(case, name) };
    case.check_within(name, &values, tolerance)
}
