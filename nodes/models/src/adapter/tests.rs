//! Tiny adapter files of every kind.

use super::*;
use crate::unet::CrossLayers;
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;

type Shapes<'a> = &'a [(&'a str, &'a [usize])];

/// Deterministic small numbers, different in every tensor.
fn weights(tensors: Shapes) -> Weights {
    let tensor = |seed: usize, dims: &[usize]| {
        let count: usize = dims.iter().product();
        let values: Vec<f32> = (0..count).map(|i| ((i * 7 + seed * 13) % 11) as f32 / 10.0 - 0.5).collect();
        Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
    };
    let named = tensors.iter().enumerate().map(|(i, (name, dims))| (name.to_string(), tensor(i, dims)));
    Weights::from_tensors(named.collect::<HashMap<_, _>>(), DType::F32, &Device::Cpu)
}

/// The cross-attention of `count` blocks, with text of the given width.
fn layers(count: usize, context: usize) -> Vec<CrossLayer> {
    let mut layers = CrossLayers::default();
    for i in 0..count {
        let path = format!("mid_block.attentions.{i}.attn2");
        let (to_k, to_v) = (format!("{path}.to_k.weight"), format!("{path}.to_v.weight"));
        let weights = weights(&[(&to_k, &[4, context]), (&to_v, &[4, context])]);
        layers.load(&weights.pp(path), 1, 4, context).unwrap();
    }
    layers.as_slice().to_vec()
}

fn values(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("an error").to_string()
}

const LINEAR: Shapes = &[
    ("image_proj.proj.weight", &[6, 5]),
    ("image_proj.proj.bias", &[6]),
    ("image_proj.norm.weight", &[3]),
    ("image_proj.norm.bias", &[3]),
    ("ip_adapter.1.to_k_ip.weight", &[4, 3]),
    ("ip_adapter.1.to_v_ip.weight", &[4, 3]),
];

const FACE_MLP: Shapes = &[
    ("proj.0.weight", &[10, 5]),
    ("proj.0.bias", &[10]),
    ("proj.2.weight", &[6, 10]),
    ("proj.2.bias", &[6]),
    ("norm.weight", &[3]),
    ("norm.bias", &[3]),
];

const PERCEIVER: Shapes = &[
    ("perceiver_resampler.proj_in.weight", &[3, 7]),
    ("perceiver_resampler.proj_in.bias", &[3]),
    ("perceiver_resampler.layers.0.0.norm1.weight", &[3]),
    ("perceiver_resampler.layers.0.0.norm1.bias", &[3]),
    ("perceiver_resampler.layers.0.0.norm2.weight", &[3]),
    ("perceiver_resampler.layers.0.0.norm2.bias", &[3]),
    ("perceiver_resampler.layers.0.0.to_q.weight", &[8, 3]),
    ("perceiver_resampler.layers.0.0.to_kv.weight", &[16, 3]),
    ("perceiver_resampler.layers.0.0.to_out.weight", &[3, 8]),
    ("perceiver_resampler.layers.0.1.0.weight", &[3]),
    ("perceiver_resampler.layers.0.1.0.bias", &[3]),
    ("perceiver_resampler.layers.0.1.1.weight", &[12, 3]),
    ("perceiver_resampler.layers.0.1.3.weight", &[3, 12]),
    ("perceiver_resampler.proj_out.weight", &[3, 3]),
    ("perceiver_resampler.proj_out.bias", &[3]),
    ("perceiver_resampler.norm_out.weight", &[3]),
    ("perceiver_resampler.norm_out.bias", &[3]),
];

fn with(more: Shapes<'static>) -> Vec<(&'static str, &'static [usize])> {
    LINEAR.iter().chain(more).copied().collect()
}

#[test]
fn ip_adapter_cuts_one_vector_into_normalised_tokens() {
    let file = AdapterFile::load(&weights(&with(&[("extra", &[1])])), &layers(1, 3), None).unwrap();
    assert_eq!(file.adapter.len(), 1);
    assert_eq!((file.projection.output_dim(), file.lora.len(), file.ignored), (3, 0, vec!["extra".to_string()]));
    let ImageProjection::Linear(net) = file.projection else { panic!("not recognised") };
    let input = Tensor::new(&[[[1f32, -1., 0.5, 2., 0.]]], &Device::Cpu).unwrap();
    let tokens = net.forward(&input).unwrap();
    assert_eq!(tokens.dims(), [1, 2, 3]);
    assert!(message(net.forward(&input.narrow(2, 0, 4).unwrap())).contains("[B, n, 5]"));
}

#[test]
fn face_id_brings_a_lora_of_self_and_cross_attention() {
    let lora = with(&[
        ("ip_adapter.0.to_k_lora.down.weight", &[2, 4]),
        ("ip_adapter.0.to_k_lora.up.weight", &[4, 2]),
        ("ip_adapter.1.to_k_lora.down.weight", &[2, 3]),
        ("ip_adapter.1.to_k_lora.up.weight", &[4, 2]),
        ("ip_adapter.1.to_out_lora.down.weight", &[2, 4]),
        ("ip_adapter.1.to_out_lora.up.weight", &[4, 2]),
    ]);
    let file = AdapterFile::load(&weights(&lora), &layers(1, 3), None).unwrap();
    let names: Vec<&str> = file.lora.names().collect();
    let path = "mid_block.attentions.0";
    assert_eq!(
        names,
        [
            format!("{path}.attn1.to_k.weight"),
            format!("{path}.attn2.to_k.weight"),
            format!("{path}.attn2.to_out.0.weight")
        ]
    );
    assert!(file.ignored.is_empty());
}

#[test]
fn mlp_projections_differ_by_their_norm() {
    let full: Vec<(String, &[usize])> =
        FACE_MLP.iter().map(|(name, dims)| (name.replace("norm", "proj.3"), *dims)).collect();
    let full: Vec<(&str, &[usize])> = full.iter().map(|(name, dims)| (name.as_str(), *dims)).collect();
    let input = Tensor::ones((2, 3, 5), DType::F32, &Device::Cpu).unwrap();
    let tokens = |shapes: Shapes| {
        let ImageProjection::Mlp(net) = ImageProjection::load(&weights(shapes), None).unwrap() else {
            panic!("not recognised")
        };
        net.forward(&input).unwrap()
    };
    let (face, full) = (tokens(FACE_MLP), tokens(&full));
    assert_eq!(face.dims(), [2, 6, 3]); // two tokens of each of three faces
    assert_eq!(values(&face), values(&full));
}

#[test]
fn face_plus_adds_the_face_tokens_in_version_two() {
    let shapes: Vec<_> = FACE_MLP.iter().chain(PERCEIVER).copied().collect();
    let weights = weights(&shapes);
    let ImageProjection::FacePlus(net) = ImageProjection::load(&weights, Some(2)).unwrap() else {
        panic!("not recognised")
    };
    weights.finish("FaceID Plus").unwrap();
    let face = Tensor::ones((1, 1, 5), DType::F32, &Device::Cpu).unwrap();
    let patches = Tensor::ones((1, 9, 7), DType::F32, &Device::Cpu).unwrap();
    let tokens = |shortcut| values(&net.forward(&face, &patches, shortcut).unwrap());
    let (seen, face_only, both) = (tokens(None), tokens(Some(0.0)), tokens(Some(0.5)));
    assert_eq!(seen.len(), 6);
    for i in 0..6 {
        assert!((both[i] - face_only[i] - 0.5 * seen[i]).abs() < 1e-6);
    }
}

#[test]
fn layers_named_by_path() {
    let weights = weights(&[
        ("state_dict.mid_block.attentions.0.attn2.processor.to_k_ip.weight", &[4, 3]),
        ("state_dict.mid_block.attentions.0.attn2.processor.to_v_ip.weight", &[4, 3]),
    ]);
    assert_eq!(ImageAdapter::new(&layers(1, 3), &weights.pp("state_dict")).unwrap().len(), 1);
    assert!(weights.finish("layers").unwrap().unexpected.is_empty());
}

#[test]
fn another_base_model_is_named() {
    let wide = weights(&[("ip_adapter.1.to_k_ip.weight", &[4, 2048]), ("ip_adapter.1.to_v_ip.weight", &[4, 2048])]);
    let error = |layers: &[CrossLayer]| message(ImageAdapter::new(layers, &wide.pp("ip_adapter")));
    let one = error(&layers(1, 768));
    assert!(one.contains("made for SDXL, the model is SD1.5") && one.contains("[4, 768]"), "{one}");
    let two = error(&layers(2, 768));
    assert!(two.contains("1 layers") && two.contains("2 cross-attention") && two.contains("SDXL"), "{two}");
}

#[test]
fn other_kinds_are_refused_by_name() {
    for (tensor, kind) in [("id_encoder.x", "PhotoMaker"), ("id_adapter.x", "PuLID"), ("double_blocks.0.x", "Flux")] {
        let error = message(AdapterFile::load(&weights(&[(tensor, &[1])]), &layers(1, 3), None));
        assert!(error.contains(kind), "{error}");
    }
    let error = message(AdapterFile::load(&weights(&[("conv_in.weight", &[1])]), &layers(1, 3), None));
    assert!(error.contains("no image projection") && error.contains("image_proj"), "{error}");
}

#[test]
fn every_missing_tensor_is_reported() {
    let mut shapes = LINEAR.to_vec();
    shapes.retain(|(name, _)| !name.ends_with("to_v_ip.weight") && *name != "image_proj.norm.bias");
    let error = message(AdapterFile::load(&weights(&shapes), &layers(1, 3), None));
    assert!(error.contains("ip_adapter.1.to_v_ip.weight") && error.contains("image_proj.norm.bias"), "{error}");
}
