//! Files are recognised by what is in them, and the wrong one is refused by its name.

use crate::Source;
use candle_core::{DType, Device, Tensor};
use selfsame_models::controlnet::ControlNetConfig;
use selfsame_models::unet::MidConfig;
use selfsame_models::weights::{Checkpoint, Family, InMemory, Kind, Weights, expect, infer, recognise};
use std::collections::HashMap;
use std::sync::Arc;

/// A source with these shapes.
fn shaped(tensors: &[(&str, &[usize])]) -> Source {
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
    Arc::new(InMemory::new(
        tensors.iter().map(|(name, shape)| (name.to_string(), zeros(shape))).collect::<HashMap<_, _>>(),
    ))
}

#[test]
fn files_are_recognised_by_names_and_shapes() {
    type Case<'a> = (&'a [(&'a str, &'a [usize])], &'a str);
    let cases: &[Case] = &[
        (
            &[
                ("control_model.input_hint_block.0.weight", &[1]),
                ("control_model.input_blocks.0.0.weight", &[8, 4, 3, 3]),
                ("control_model.middle_block.1.proj_in.weight", &[8, 8, 1, 1]),
            ],
            "an SD1.5 ControlNet",
        ),
        (
            &[
                ("controlnet_cond_embedding.conv_in.weight", &[1]),
                ("conv_in.weight", &[8, 4, 3, 3]),
                ("add_embedding.linear_1.weight", &[1]),
            ],
            "an SDXL ControlNet",
        ),
        (
            &[
                ("model.diffusion_model.input_blocks.0.0.weight", &[8, 9, 3, 3]),
                ("model.diffusion_model.label_emb.0.0.weight", &[1]),
                ("first_stage_model.decoder.conv_in.weight", &[1]),
            ],
            "an SDXL inpaint checkpoint",
        ),
        (
            &[
                ("model.diffusion_model.input_blocks.0.0.weight", &[8, 4, 3, 3]),
                ("model.diffusion_model.label_emb.0.0.weight", &[1]),
                ("conditioner.embedders.0.model.ln_final.weight", &[1]),
            ],
            "an SDXL refiner checkpoint",
        ),
        (&[("depth_head.scratch.output_conv1.weight", &[1]), ("pretrained.cls_token", &[1])], "a Depth Anything model"),
        (&[("neck.fusion_stage.layers.0.projection.weight", &[1])], "a Depth Anything model"),
        (
            &[
                ("input_blocks.0.0.weight", &[8, 4, 3, 3]),
                ("middle_block.1.proj_in.weight", &[8, 8]),
                ("v_pred", &[0]),
                ("ztsnr", &[0]),
            ],
            "an SD2.x UNet (v-prediction, zero terminal SNR)",
        ),
        (
            &[
                ("conv_in.weight", &[8, 8, 3, 3]),
                ("time_embedding.linear_1.weight", &[1]),
                ("mid_block.attentions.0.proj_in.weight", &[8, 8, 1, 1]),
            ],
            "an SD1.5 instruct-pix2pix UNet",
        ),
        (&[("encoder.conv_in.weight", &[1]), ("decoder.conv_in.weight", &[1])], "a VAE"),
        (&[("1.weight", &[64, 4, 3, 3]), ("3.conv.4.weight", &[1])], "a TAESD (tiny VAE)"),
        (&[("text_model.embeddings.token_embedding.weight", &[1])], "a CLIP text encoder"),
        (&[("transformer.resblocks.0.ln_1.weight", &[1])], "a CLIP text encoder"),
        (
            &[("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight", &[4, 768])],
            "an SD1.5 LoRA",
        ),
        (&[("lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", &[4, 768])], "an SDXL LoRA"),
        (&[("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight", &[4, 2048])], "an SDXL LoRA"),
        (
            &[("image_proj.proj_in.weight", &[8, 512]), ("ip_adapter.1.to_k_ip.weight", &[8, 2048])],
            "an SDXL InstantID adapter",
        ),
        (&[("image_proj.proj.weight", &[8, 8]), ("ip_adapter.1.to_k_ip.weight", &[8, 768])], "an SD1.5 IP-Adapter"),
        (
            &[("image_proj.proj.0.weight", &[8, 8]), ("ip_adapter.1.to_k_ip.weight", &[8, 768])],
            "an SD1.5 IP-Adapter FaceID",
        ),
        (&[("emb_params", &[5, 768])], "an SD1.5 textual inversion embedding"),
        (&[("string_to_param.*", &[2, 768]), ("string_to_token.*", &[])], "an SD1.5 textual inversion embedding"),
        (&[("clip_l", &[2, 768]), ("clip_g", &[2, 1280])], "an SDXL textual inversion embedding"),
        (&[("adapter.body.0.resnets.0.block1.weight", &[1])], "a T2I adapter"),
        (&[("double_blocks.0.img_attn.qkv.weight", &[1])], "a Flux model"),
        (&[("w", &[3])], "a file of no network known here"),
    ];
    for (tensors, expected) in cases {
        assert_eq!(recognise(&shaped(tensors)).to_string(), *expected);
    }
}

#[test]
fn the_wrong_file_is_refused_by_name() {
    let controlnet = shaped(&[
        ("controlnet_cond_embedding.conv_in.weight", &[1]),
        ("conv_in.weight", &[8, 4, 3, 3]),
        ("mid_block.attentions.0.proj_in.weight", &[8, 8, 1, 1]),
    ]);
    let refused = |source: &Source, kind, family| expect(source, kind, family).unwrap_err().to_string();
    assert!(expect(&controlnet, Kind::ControlNet, Some(Family::Sd15)).is_ok());
    let said = refused(&controlnet, Kind::ControlNet, Some(Family::Sdxl));
    assert!(said.ends_with("this is an SD1.5 ControlNet, the model is SDXL"), "{said}");
    let said = refused(&controlnet, Kind::Lora, None);
    assert!(said.ends_with("this is an SD1.5 ControlNet, expected a LoRA"), "{said}");
    let said = refused(&shaped(&[("w", &[3])]), Kind::Vae, None);
    assert!(said.ends_with("this is a file of no network known here (it holds w [3]), expected a VAE"), "{said}");
    let said = refused(&shaped(&[("adapter.body.0.x", &[1])]), Kind::ControlNet, None);
    assert!(said.ends_with("this is a T2I adapter, which is not supported"), "{said}");

    let said = Checkpoint::from_source(controlnet.clone()).err().unwrap().to_string();
    assert!(said.ends_with("this is an SD1.5 ControlNet, expected a checkpoint"), "{said}");
    let refiner = shaped(&[
        ("model.diffusion_model.input_blocks.0.0.weight", &[8, 4, 3, 3]),
        ("model.diffusion_model.label_emb.0.0.weight", &[1]),
        ("conditioner.embedders.0.model.ln_final.weight", &[1]),
    ]);
    let said = Checkpoint::from_source(refiner).err().unwrap().to_string();
    assert!(said.ends_with("this is an SDXL refiner checkpoint, which is not supported"), "{said}");

    let weights = Weights::new(controlnet, DType::F32, &Device::Cpu);
    weights.get("conv_out.weight", (4, 8, 3, 3)).unwrap();
    let said = weights.finish("SDXL UNet").unwrap_err().to_string();
    for words in [
        "cannot be read as SDXL UNet: 1 missing, 3 unexpected",
        "missing conv_out.weight",
        "looks like an SD1.5 ControlNet",
    ] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn a_configuration_that_shapes_do_not_tell_is_asked_for() {
    let source = shaped(&[
        ("text_model.embeddings.token_embedding.weight", &[10, 12]),
        ("text_model.embeddings.position_embedding.weight", &[7, 12]),
        ("text_model.encoder.layers.0.mlp.fc1.weight", &[48, 12]),
    ]);
    let said = infer::text_encoder_config(source.as_ref()).unwrap_err().to_string();
    assert!(said.contains("width 12 does not divide into heads of 64; give its config.json"), "{said}");
}

/// The middle block of a ControlNet without cross-attention is residual, or has an attention of no layers.
#[test]
fn a_network_without_cross_attention_is_told_by_its_middle_block() {
    let mut tensors: Vec<(&str, &[usize])> = vec![
        ("conv_in.weight", &[64, 4, 3, 3]),
        ("controlnet_cond_embedding.conv_in.weight", &[16, 3, 3, 3]),
        ("down_blocks.0.resnets.0.conv1.weight", &[64, 64, 3, 3]),
        ("mid_block.resnets.0.conv1.weight", &[64, 64, 3, 3]),
    ];
    let middle = |tensors: &[(&str, &[usize])]| {
        let config = infer::controlnet_config(shaped(tensors).as_ref()).unwrap();
        ControlNetConfig::from_json(&config).unwrap().encoder.mid
    };
    assert_eq!(middle(&tensors), MidConfig::Residual);
    tensors.push(("mid_block.attentions.0.proj_in.weight", &[64, 64]));
    assert_eq!(middle(&tensors), MidConfig::CrossAttention(0));
}
