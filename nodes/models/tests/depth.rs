//! Depth Anything against transformers 5.24, on a tiny random model.
//!
//! `depth/model.safetensors` and `config.json` are what `DepthAnythingForDepthEstimation.save_pretrained` wrote, its weights rounded to
//! f16; `original.safetensors` are the same in the original code's names, with which that code gives the same depth for a picture of
//! the size it was trained on. `expected.safetensors` holds pictures of bytes and their depth.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use candle_core::{DType, Device, Tensor};
use selfsame_models::depth::{DepthAnything, DepthAnythingConfig};
use selfsame_models::weights::{InMemory, TensorSource, Weights, config_of, names, open};
use selfsame_models::{Cancel, Error};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/depth")
}

fn network(file: &str) -> DepthAnything {
    let source = names::depth_anything(open(folder().join(file)).unwrap());
    let config = DepthAnythingConfig::new(&*source, config_of(folder()).unwrap().as_ref()).unwrap();
    let weights = Weights::new(source, DType::F32, &Device::Cpu);
    let network = DepthAnything::new(&config, &weights).unwrap();
    let report = weights.finish("Depth Anything model").unwrap();
    // Of training; nothing else may be left over.
    assert_eq!(report.unexpected, ["backbone.embeddings.mask_token"]);
    network
}

fn expected() -> HashMap<String, Tensor> {
    candle_core::safetensors::load(folder().join("expected.safetensors"), &Device::Cpu).unwrap()
}

#[test]
fn depth_is_that_of_transformers() {
    let expected = expected();
    for file in ["model.safetensors", "original.safetensors"] {
        let network = network(file);
        // As in training, and with other numbers of patches and pictures.
        for name in ["square", "wide", "tall"] {
            let picture = (expected[&format!("{name}.in")].to_dtype(DType::F32).unwrap() / 255.0).unwrap();
            let depth = network.forward(&picture, &Cancel::default()).unwrap();
            let wanted = &expected[&format!("{name}.out")];
            assert_eq!(depth.dims(), wanted.dims());
            let off = (depth - wanted).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
            let off = off.to_scalar::<f32>().unwrap();
            // On values up to 20 the reference in f32 is 2.3e-5 from itself in f64; ten times that may be.
            assert!(off < 2.3e-4, "{file}, {name}: {off}");
            println!("{file}, {name}: {off:.1e}");
        }
    }
}

#[test]
fn pictures_of_other_shapes_are_refused() {
    let network = network("model.safetensors");
    let of =
        |dims: &[usize]| network.forward(&Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap(), &Cancel::default());
    let message = of(&[1, 3, 70, 71]).unwrap_err().to_string();
    assert_eq!(message, "picture: expected [B, 3, H, W], sides in multiples of 14, got [1, 3, 70, 71]");
    assert!(of(&[1, 1, 70, 70]).is_err() && of(&[3, 70, 70]).is_err() && of(&[1, 3, 0, 70]).is_err());
    let cancel = Cancel::default();
    cancel.cancel();
    let picture = Tensor::zeros((1, 3, 70, 70), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(network.forward(&picture, &cancel), Err(Error::Cancelled)));
}

/// The sizes of the published models, which come without a configuration beside them.
#[test]
fn sizes_are_read_off_shapes() {
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F16, &Device::Cpu).unwrap();
    let shaped = |width: usize, layers: usize, levels: [usize; 4], fused: usize| -> Arc<dyn TensorSource> {
        let mut tensors: HashMap<String, Tensor> = HashMap::from([
            ("pretrained.cls_token".to_owned(), zeros(&[1, 1, width])),
            ("pretrained.pos_embed".to_owned(), zeros(&[1, 1 + 37 * 37, width])),
            ("pretrained.patch_embed.proj.weight".to_owned(), zeros(&[width, 3, 14, 14])),
            ("depth_head.scratch.layer1_rn.weight".to_owned(), zeros(&[fused, levels[0], 3, 3])),
            ("depth_head.scratch.output_conv2.0.weight".to_owned(), zeros(&[32, fused / 2, 3, 3])),
            ("pretrained.blocks.0.mlp.fc1.weight".to_owned(), zeros(&[4 * width, 1])),
        ]);
        for layer in 0..layers {
            tensors.insert(format!("pretrained.blocks.{layer}.norm1.weight"), zeros(&[width]));
        }
        for (i, level) in levels.iter().enumerate() {
            tensors.insert(format!("depth_head.projects.{i}.weight"), zeros(&[*level, width, 1, 1]));
        }
        names::depth_anything(Arc::new(InMemory::new(tensors)))
    };
    let of = |source: Arc<dyn TensorSource>| DepthAnythingConfig::new(&*source, None).unwrap();
    let small = of(shaped(384, 12, [48, 96, 192, 384], 64));
    assert_eq!((small.heads, small.taps, small.grid, small.patch), (6, [3, 6, 9, 12], 37, 14));
    assert_eq!((small.levels, small.fused, small.head, small.hidden), ([48, 96, 192, 384], 64, 32, 1536));
    let large = of(shaped(1024, 24, [256, 512, 1024, 1024], 256));
    assert_eq!((large.heads, large.taps), (16, [5, 12, 18, 24]));

    let metric = serde_json::json!({"model_type": "depth_anything", "depth_estimation_type": "metric"});
    let error = DepthAnythingConfig::new(&*shaped(64, 4, [8; 4], 8), Some(&metric)).unwrap_err();
    assert!(error.to_string().contains("a model for metric depth"), "{error}");
    let empty: Arc<dyn TensorSource> = Arc::new(InMemory::new(HashMap::new()));
    let error = DepthAnythingConfig::new(&*empty, None).unwrap_err();
    assert!(error.to_string().contains("it has no backbone.embeddings.cls_token"), "{error}");
}
