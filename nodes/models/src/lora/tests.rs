//! What the files of real trainers at hand do not show: refusals, rare kinds, stacking.

use super::*;
use crate::weights::{InMemory, Weights};
use candle_core::{DType, Device, Tensor};
use std::sync::Arc;

const FULL: LoraStrength = LoraStrength { unet: 1.0, text: 1.0 };

/// Names and shapes.
type Shapes<'a> = &'a [(&'a str, &'a [usize])];

fn file(tensors: Shapes) -> InMemory {
    let tensor = |dims: &[usize]| Tensor::ones(dims, DType::F32, &Device::Cpu).unwrap();
    InMemory::new(tensors.iter().map(|(name, dims)| (name.to_string(), tensor(dims))).collect())
}

/// A UNet with one cross-attention block and one convolution.
fn unet(text_width: usize) -> InMemory {
    file(&[
        ("mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight", &[4, text_width]),
        ("mid_block.attentions.0.proj_in.weight", &[4, 4, 1, 1]),
        ("mid_block.resnets.0.conv1.weight", &[4, 2, 3, 3]),
        ("mid_block.resnets.0.conv1.bias", &[4]),
    ])
}

fn matched(file: &InMemory, unet: &InMemory) -> Result<LoraMatch> {
    match_lora(file, &LoraTargets { unet: Some(unet.tensors()), ..Default::default() }, FULL)
}

fn message(file: &InMemory, text_width: usize) -> String {
    matched(file, &unet(text_width)).unwrap_err().to_string()
}

const TO_K: &str = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";
const CONV: &str = "lora_unet_middle_block_0_in_layers_2";

#[test]
fn another_base_model_is_named() {
    let lora = file(&[(&format!("{TO_K}.lora_down.weight"), &[2, 2048]), (&format!("{TO_K}.lora_up.weight"), &[4, 2])]);
    let error = message(&lora, 768);
    assert!(error.contains("made for SDXL, the model is SD1.5") && error.contains("[4, 768]"), "{error}");
}

#[test]
fn refusals_say_why() {
    assert!(message(&file(&[("conv_in.weight", &[1])]), 8).contains("not a LoRA"));
    let flux = file(&[("transformer.x.lora_A.weight", &[1, 2]), ("transformer.x.lora_B.weight", &[2, 1])]);
    assert!(message(&flux, 8).contains("none of its 1 layers"), "{}", message(&flux, 8));
    assert!(message(&file(&[(&format!("{CONV}.oft_blocks"), &[1])]), 8).contains("OFT"));
    assert!(message(&file(&[(&format!("{CONV}.lora_up.weight"), &[4, 2])]), 8).contains("counterpart"));
}

#[test]
fn what_does_not_match_is_listed() {
    let lora = file(&[
        ("unet.mid_block.resnets.0.conv1.diff_b", &[4]),
        ("unet.mid_block.resnets.9.conv1.diff_b", &[4]),
        ("something.else", &[4]),
        ("<s1>", &[4]),
    ]);
    let found = matched(&lora, &unet(8)).unwrap();
    assert_eq!(found.unet.names().collect::<Vec<_>>(), ["mid_block.resnets.0.conv1.bias"]);
    assert_eq!(found.ignored, ["something.else", "unet.mid_block.resnets.9.conv1"]);
    assert_eq!((found.matched, found.embeddings), (1, vec!["<s1>".to_string()]));
}

/// All-ones tensors make every entry of a change the number of its terms times alpha / rank.
#[test]
fn kinds_of_change_on_a_convolution() {
    let kinds: &[(Shapes, f32)] = &[
        (&[("lora_down.weight", &[2, 2, 3, 3]), ("lora_up.weight", &[4, 2, 1, 1])], 2.0),
        (&[("lora_down.weight", &[2, 2, 3, 3]), ("lora_up.weight", &[4, 2, 1, 1]), ("alpha", &[])], 1.0),
        (
            &[
                ("lora_down.weight", &[2, 2, 1, 1]),
                ("lora_mid.weight", &[5, 2, 3, 3]),
                ("lora_up.weight", &[4, 5, 1, 1]),
            ],
            10.0,
        ),
        (&[("hada_w1_a", &[4, 2]), ("hada_w1_b", &[2, 18]), ("hada_w2_a", &[4, 3]), ("hada_w2_b", &[3, 18])], 6.0),
        (
            &[
                ("hada_t1", &[2, 2, 3, 3]),
                ("hada_w1_a", &[2, 4]),
                ("hada_w1_b", &[2, 2]),
                ("hada_t2", &[2, 2, 3, 3]),
                ("hada_w2_a", &[2, 4]),
                ("hada_w2_b", &[2, 2]),
            ],
            16.0,
        ),
        (&[("lokr_w1", &[2, 2]), ("lokr_w2", &[2, 1, 3, 3]), ("alpha", &[])], 1.0),
        (&[("lokr_w1", &[2, 2]), ("lokr_w2_a", &[2, 5]), ("lokr_w2_b", &[5, 9]), ("alpha", &[])], 1.0),
        (&[("diff", &[4, 2, 3, 3])], 1.0),
    ];
    let unet = unet(8);
    let weights = Weights::new(Arc::new(self::unet(8)), DType::F32, &Device::Cpu);
    for (parts, want) in kinds {
        let named: Vec<(String, &[usize])> = parts.iter().map(|(p, dims)| (format!("{CONV}.{p}"), *dims)).collect();
        let named: Vec<(&str, &[usize])> = named.iter().map(|(name, dims)| (name.as_str(), *dims)).collect();
        let found = matched(&file(&named), &unet).unwrap();
        let changed = weights.with_deltas(Arc::new(found.unet));
        let got = changed.get("mid_block.resnets.0.conv1.weight", (4, 2, 3, 3)).unwrap();
        assert_eq!(got.flatten_all().unwrap().to_vec1::<f32>().unwrap(), vec![1.0 + want; 72], "{parts:?}");
    }
}

#[test]
fn files_stack_and_come_off_again() {
    let lora = file(&[("unet.mid_block.resnets.0.conv1.diff_b", &[4])]);
    let targets = unet(8);
    let mut stack = matched(&lora, &targets).unwrap();
    let half = LoraStrength { unet: 0.5, text: 0.0 };
    let targets_of = LoraTargets { unet: Some(targets.tensors()), ..Default::default() };
    stack.merge(match_lora(&lora, &targets_of, half).unwrap());
    let weights = Weights::new(Arc::new(unet(8)), DType::F32, &Device::Cpu);
    let bias = |deltas: Deltas| -> Vec<f32> {
        weights.with_deltas(Arc::new(deltas)).get("mid_block.resnets.0.conv1.bias", 4).unwrap().to_vec1().unwrap()
    };
    assert_eq!(bias(stack.unet), [2.5; 4]);
    assert_eq!(bias(Deltas::default()), [1.0; 4]);
    let nothing = match_lora(&lora, &targets_of, LoraStrength { unet: 0.0, text: 0.0 }).unwrap();
    assert!(nothing.unet.is_empty() && nothing.matched == 1);
}

#[test]
fn text_encoders_with_and_without_text_model() {
    let text = file(&[("text_model.encoder.layers.0.mlp.fc1.weight", &[3, 2])]);
    for name in [
        "lora_te_text_model_encoder_layers_0_mlp_fc1",
        "lora_te1_text_model_encoder_layers_0_mlp_fc1",
        "text_encoder.encoder.layers.0.mlp.fc1",
    ] {
        let lora = file(&[(&format!("{name}.lora_A.weight"), &[1, 2]), (&format!("{name}.lora_B.weight"), &[3, 1])]);
        let targets = LoraTargets { text_encoder: Some(text.tensors()), ..Default::default() };
        let found = match_lora(&lora, &targets, FULL).unwrap();
        assert_eq!((found.text_encoder.len(), found.ignored.len()), (1, 0), "{name}");
    }
}
