//! A depth map of a whole picture, against Pillow and transformers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use candle_core::{DType, Device, Tensor};
use selfsame_models::Cancel;
use selfsame_nodes::Compute;
use selfsame_nodes::control::depth_anything::depth_anything;
use selfsame_sdk::Image;
use selfsame_sdk::testing::TestHost;
use std::path::{Path, PathBuf};

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/tests/depth")
}

/// A host with the tiny model in its folder for depth: weights and configuration in a folder, as the hub has them.
fn host() -> TestHost {
    let host = TestHost::new().offer(Compute::cpu()).offer(Cancel::default());
    let folder = host.folder().join("depth/tiny");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["model.safetensors", "config.json"] {
        std::fs::copy(reference().join(name), folder.join(name)).unwrap();
    }
    host
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_picture_from_black_to_white() {
    let host = host();
    let expected = candle_core::safetensors::load(reference().join("expected.safetensors"), &Device::Cpu).unwrap();
    let wanted = numbers(&expected["picture.out"]);
    let (height, width) = expected["picture.out"].dims2().unwrap();
    let pixels: Vec<f32> = numbers(&expected["picture.in"]).into_iter().map(|x| x / 255.0).collect();
    // A batch of two, the second turned around.
    let turned = pixels.chunks(3).rev().flatten().copied();
    let image = Image::new([2, height, width, 3], pixels.iter().copied().chain(turned).collect()).unwrap();
    let depth = depth_anything(host.ctx(), image, "tiny".to_owned(), 70).unwrap();
    assert_eq!(depth.dims(), [2, height, width, 3]);
    let first = &depth.data()[..wanted.len() * 3];
    assert!(first.chunks(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    let off = first.iter().step_by(3).zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off < 2e-5, "{off}");
    // Each picture has its own black and white.
    for frame in depth.frames() {
        let bounds = frame.iter().fold([1f32, 0.0], |[low, high], x| [low.min(*x), high.max(*x)]);
        assert_eq!(bounds, [0.0, 1.0]);
    }
    assert!(host.said().progress.contains(&(1, 2, "pictures".to_owned())));
}

#[test]
fn gray_alpha_and_wrong_files() {
    let host = host();
    let gray = Image::new([1, 20, 30, 1], (0..600).map(|i| (i % 30) as f32 / 30.0).collect()).unwrap();
    let with_alpha = Image::new([1, 20, 30, 4], gray.data().iter().flat_map(|x| [*x, *x, *x, 0.3]).collect()).unwrap();
    let of = |image: &Image| depth_anything(host.ctx(), image.clone(), "tiny".to_owned(), 70).unwrap();
    assert_eq!(of(&gray), of(&with_alpha));

    let wrong = host.folder().join("depth/vae.safetensors");
    let tensors = std::collections::HashMap::from([(
        "decoder.conv_in.weight",
        Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap(),
    )]);
    candle_core::safetensors::save(&tensors, wrong).unwrap();
    let error = depth_anything(host.ctx(), gray.clone(), "vae.safetensors".to_owned(), 70).unwrap_err();
    assert_eq!(error.port.as_deref(), Some("model"));
    assert!(error.message.contains("VAE") && error.message.contains("Depth Anything"), "{error}");
    assert!(depth_anything(host.ctx(), gray.clone(), "none".to_owned(), 70).is_err());
    host.cancel();
    let error = depth_anything(host.ctx(), gray, "tiny".to_owned(), 70).unwrap_err();
    assert_eq!(error.status, selfsame_sdk::Status::Cancelled);
}
