//! The node that runs models with a picture in and a picture out.

use crate::proto::{self, Node, Value, model, single};
use crate::{real, start};
use selfsame_host::onnx::runtime;
use selfsame_nodes::Compute;
use selfsame_nodes::control::onnx_image::onnx_image;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Error, Image, NodeType, Value as Wire};
use std::sync::Arc;

/// A host with a model in its folder for annotators.
fn host(bytes: &[u8]) -> TestHost {
    start();
    let host = TestHost::new().offer(runtime()).offer(Compute::cpu());
    let folder = host.folder().join("annotators");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("m.onnx"), bytes).unwrap();
    host
}

fn node() -> Arc<dyn NodeType> {
    selfsame_sdk::nodes![onnx_image].remove(0)
}

fn run(host: &TestHost, image: &Image, settings: &[(&str, Wire)]) -> Result<Image, Error> {
    let mut inputs = vec![("image", Wire::object(image.clone())), ("model", text("m.onnx"))];
    inputs.extend(settings.iter().cloned());
    let outputs = host.run(&*node(), &inputs)?;
    Ok(Image::clone(&outputs[0].downcast::<Image>().unwrap()))
}

fn text(text: &str) -> Wire {
    Wire::Text(text.into())
}

/// A picture of whole levels, so that bytes carry it.
fn picture(height: usize, width: usize, channels: usize) -> Image {
    let count = height * width * channels;
    let data = (0..count).map(|i| ((i * 37 + i / 5 * 11) % 256) as f32 / 255.0).collect();
    Image::new([1, height, width, channels], data).unwrap()
}

fn assert_near(got: &Image, wanted: &Image) {
    assert_eq!(got.dims(), wanted.dims());
    let off = got.data().iter().zip(wanted.data()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 1e-5, "{off}");
}

/// A model that gives what it takes.
fn identity(element: u64, dims: &[i64]) -> Vec<u8> {
    single("Identity", &[], &[("x", element, dims)], &[("y", element, dims)])
}

#[test]
fn a_model_that_changes_nothing_gives_the_picture() {
    let rgb = picture(64, 32, 3);
    let shapes: [&[i64]; 5] = [&[1, 3, -1, -1], &[-1, -1, -1, 3], &[1, 3, 64, 32], &[3, -1, -1], &[-1, 64, 32, 3]];
    for dims in shapes {
        let host = host(&identity(proto::F32, dims));
        assert_near(&run(&host, &rgb, &[]).unwrap(), &rgb);
        for values in ["unit", "symmetric", "bytes"] {
            for order in ["rgb", "bgr"] {
                let settings = [("values", text(values)), ("meaning", text(values)), ("order", text(order))];
                assert_near(&run(&host, &rgb, &settings).unwrap(), &rgb);
            }
        }
    }
    let bytes = host(&identity(proto::U8, &[1, -1, -1, 3]));
    assert_near(&run(&bytes, &rgb, &[("values", text("bytes")), ("meaning", text("bytes"))]).unwrap(), &rgb);
    // Two gray pictures, one after the other.
    let host = host(&identity(proto::F16, &[-1, 1, -1, -1]));
    let gray = picture(32, 32, 1);
    let two =
        Image::new([2, 32, 32, 1], gray.data().iter().copied().chain(gray.data().iter().rev().copied()).collect());
    let out = run(&host, &two.clone().unwrap(), &[]).unwrap();
    assert_eq!(out.dims(), [2, 32, 32, 1]);
    assert!(out.data().iter().zip(two.unwrap().data()).all(|(a, b)| (a - b).abs() < 1e-3), "f16 rounds");
    assert!(host.said().progress.contains(&(1, 2, "pictures".to_owned())));
}

#[test]
fn sizes_of_the_model_and_of_the_picture() {
    // What it sees is the mean of two pixels, and the result has the size of the picture again.
    let stripes = Image::new([1, 4, 8, 1], [0.0, 1.0].repeat(16)).unwrap();
    let small = host(&identity(proto::F32, &[1, 1, 4, 4]));
    let out = run(&small, &stripes, &[]).unwrap();
    assert_eq!(out.dims(), [1, 4, 8, 1]);
    assert!(out.data().iter().all(|x| (0.2..0.8).contains(x)), "{:?}", out.data());
    let own = run(&small, &stripes, &[("keep_size", Wire::Bool(true))]).unwrap();
    assert_eq!(own.dims(), [1, 4, 4, 1]);
    let error = run(&small, &stripes, &[("width", Wire::Int(8))]).unwrap_err();
    assert_eq!(error.to_string(), "input `width`: the model looks at 4 px only, not at 8");
    // A model for any size is told one, or gets multiples.
    let free = host(&identity(proto::F32, &[1, 1, -1, -1]));
    let keep = ("keep_size", Wire::Bool(true));
    let told = [("width", Wire::Int(5)), ("height", Wire::Int(3)), keep.clone()];
    assert_eq!(run(&free, &stripes, &told).unwrap().dims(), [1, 3, 5, 1]);
    assert_eq!(run(&free, &stripes, std::slice::from_ref(&keep)).unwrap().dims(), [1, 32, 32, 1]);
    assert_eq!(run(&free, &stripes, &[("multiple_of", Wire::Int(3)), keep]).unwrap().dims(), [1, 3, 9, 1]);
}

#[test]
fn a_model_that_upscales() {
    let nodes = [
        Node { op: "Concat", domain: "", inputs: &["x", "x", "x", "x"], outputs: &["four"], ints: &[("axis", 1)] },
        Node { op: "DepthToSpace", domain: "", inputs: &["four"], outputs: &["y"], ints: &[("blocksize", 2)] },
    ];
    let value = |name| -> Value { (name, proto::F32, &[1, 3, -1, -1]) };
    let host = host(&model(&nodes, &[value("x")], &[value("y")]));
    let rgb = picture(32, 32, 3);
    let large = run(&host, &rgb, &[("keep_size", Wire::Bool(true))]).unwrap();
    assert_eq!(large.dims(), [1, 64, 64, 3]);
    assert_eq!(
        large.data()[..6],
        [rgb.data()[0], rgb.data()[1], rgb.data()[2], rgb.data()[0], rgb.data()[1], rgb.data()[2]]
    );
    assert_eq!(run(&host, &rgb, &[]).unwrap().dims(), [1, 32, 32, 3]);
}

#[test]
fn classes_and_measures() {
    let red = Image::new([1, 1, 3, 3], vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]).unwrap();
    let colors = Wire::list(["#102030", "#ff0000", "#0000ff"].map(text));
    let settings = [("meaning", text("classes")), ("palette", colors), ("multiple_of", Wire::Int(1))];
    let wanted = [16.0, 32.0, 48.0, 255.0, 0.0, 0.0, 0.0, 0.0, 255.0].map(|x: f32| x / 255.0);
    // Scores of three classes, and their numbers.
    let output: [Value; 1] = [("y", proto::I64, &[1, 1, -1, -1])];
    let input: [Value; 1] = [("x", proto::F32, &[1, 3, -1, -1])];
    for bytes in [identity(proto::F32, &[1, 3, -1, -1]), single("ArgMax", &[("axis", 1)], &input, &output)] {
        assert_eq!(run(&host(&bytes), &red, &settings).unwrap().data(), wanted);
    }
    let negative = single("Neg", &[], &[("x", proto::F32, &[1, 1, -1, -1])], &[("y", proto::F32, &[1, 1, -1, -1])]);
    let gray = Image::new([1, 1, 3, 1], vec![0.25, 0.5, 0.75]).unwrap();
    let measured = run(&host(&negative), &gray, &[("meaning", text("normalized")), ("multiple_of", Wire::Int(1))]);
    assert_near(&measured.unwrap(), &Image::new([1, 1, 3, 1], vec![1.0, 0.5, 0.0]).unwrap());
}

#[test]
fn an_output_by_its_name() {
    let nodes = [
        Node { op: "Neg", domain: "", inputs: &["x"], outputs: &["minus"], ints: &[] },
        Node { op: "Identity", domain: "", inputs: &["x"], outputs: &["same"], ints: &[] },
    ];
    let value = |name| -> Value { (name, proto::F32, &[1, 3, -1, -1]) };
    let host = host(&model(&nodes, &[value("x")], &[value("minus"), value("same")]));
    let rgb = picture(32, 32, 3);
    assert_near(&run(&host, &rgb, &[("output", text("same"))]).unwrap(), &rgb);
    assert!(run(&host, &rgb, &[]).unwrap().data().iter().all(|x| *x == 0.0));
    let error = run(&host, &rgb, &[("output", text("sane"))]).unwrap_err();
    assert!(error.to_string().ends_with("it has no output `sane`: expected one of minus, same"), "{error}");
}

#[test]
fn models_that_are_not_for_pictures() {
    let rgb = picture(32, 32, 3);
    let fails = |bytes: &[u8], settings: &[(&str, Wire)]| run(&host(bytes), &rgb, settings).unwrap_err().to_string();
    let two: [Value; 2] = [("a", proto::F32, &[1, 3, 4, 4]), ("b", proto::F32, &[1, 3, 4, 4])];
    let error = fails(&single("Add", &[], &two, &[("y", proto::F32, &[1, 3, 4, 4])]), &[]);
    assert!(error.ends_with("m.onnx: it takes 2 inputs (a, b): expected one picture"), "{error}");
    let error = fails(&identity(proto::F32, &[1, 512]), &[]);
    assert!(error.contains("its input `x` is f32 [1,512]: expected a picture"), "{error}");
    let error = fails(&identity(proto::F32, &[1, 4, 8, 8]), &[]);
    assert!(error.contains("of 1 or 3 channels"), "{error}");
    let error = fails(&identity(proto::U8, &[1, 3, -1, -1]), &[]);
    assert_eq!(error, "input `values`: the model takes whole numbers: expected `bytes`");
    let split = single(
        "SpaceToDepth",
        &[("blocksize", 2)],
        &[("x", proto::F32, &[1, 3, -1, -1])],
        &[("y", proto::F32, &[1, 12, -1, -1])],
    );
    let error = fails(&split, &[]);
    assert!(error.contains("the model gave f32 [1, 12, 16, 16]: expected a picture"), "{error}");
    let error = fails(b"no model", &[]);
    assert!(error.starts_with("input `model`: "), "{error}");
}

/// A network of tf2onnx that repeats each pixel, from ONNX Runtime's own tests.
#[test]
fn a_published_model_enlarges() {
    let Some(folder) = real::folder() else { return };
    let host = host(&std::fs::read(folder.join("onnx_edge/ort_upsample.onnx")).unwrap());
    let rgb = picture(2, 3, 3);
    let settings = [("multiple_of", Wire::Int(1)), ("keep_size", Wire::Bool(true))];
    let large = run(&host, &rgb, &settings).unwrap();
    assert_eq!(large.dims(), [1, 4, 6, 3]);
    for (i, pixel) in large.data().chunks(3).enumerate() {
        let (y, x) = (i / 6, i % 6);
        assert_eq!(pixel, &rgb.data()[(y / 2 * 3 + x / 2) * 3..][..3]);
    }
}
