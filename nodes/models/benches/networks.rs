//! One step of each network, with seeded random weights in the shapes of real ones.
//!
//! `cargo bench -p selfsame-models --bench networks`. The medium UNet is SDXL's structure at 116 M parameters, so that a step
//! takes seconds, not minutes, on two cores; the VAE is full size.

use candle_core::{Device, Tensor};
use criterion::{Criterion, criterion_group, criterion_main};
use selfsame_models::controlnet::{ControlInput, ControlNet, ControlNetConfig, ControlStrength};
use selfsame_models::noise::TorchNoise;
use selfsame_models::samplers::{Denoiser, ModelSigmas, Run, Sampler, Schedule};
use selfsame_models::text::{ClipConfig, ClipText, Token, Tokenizer};
use selfsame_models::unet::{AddedConditions, UNet, UNetConfig, UNetInput};
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig};
use selfsame_models::weights::Weights;
use selfsame_models::{Cancel, Result};
use serde_json::json;
use std::hint::black_box;
use std::time::Duration;

fn randn(shape: impl Into<candle_core::Shape>, scale: f32) -> Tensor {
    Tensor::randn(0f32, scale, shape, &Device::Cpu).expect("a CPU tensor")
}

/// A network with random weights, always the same.
fn random<T>(build: impl Fn(&Weights) -> Result<T>) -> T {
    selfsame_models::weights::random(0, build).expect("a valid structure")
}

const POOLED: usize = 320;
const CONTEXT: usize = 512;

fn medium_config() -> serde_json::Value {
    json!({
        "block_out_channels": [96, 192, 384],
        "layers_per_block": 2,
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        "transformer_layers_per_block": [1, 2, 4],
        "attention_head_dim": [3, 6, 12],
        "cross_attention_dim": CONTEXT,
        "use_linear_projection": true,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 64,
        "projection_class_embeddings_input_dim": POOLED + 6 * 64,
    })
}

fn added(batch: usize) -> AddedConditions {
    AddedConditions { text_embeds: randn((batch, POOLED), 1.0), time_ids: randn((batch, 6), 512.0) }
}

fn unet(c: &mut Criterion) {
    let config = UNetConfig::from_json(&medium_config()).expect("a valid config");
    let unet = random(|w| UNet::new(&config, w));
    let cancel = Cancel::default();
    for (batch, size) in [(1, 32), (2, 32), (2, 64)] {
        let sample = randn((batch, 4, size, size), 1.0);
        let timesteps = Tensor::full(500f32, batch, &Device::Cpu).expect("a CPU tensor");
        let context = unet.project_context(&randn((batch, 77, CONTEXT), 1.0)).expect("the right width");
        let added = added(batch);
        c.bench_function(&format!("unet_medium/step_b{batch}_{size}x{size}"), |b| {
            b.iter(|| {
                black_box(unet.forward(&UNetInput {
                    sample: &sample,
                    timesteps: &timesteps,
                    context: &context,
                    added: Some(&added),
                    guidance: None,
                    adapters: &[],
                    residuals: None,
                    hook: None,
                    cancel: &cancel,
                    observe: None,
                }))
                .expect("one step")
            })
        });
    }
}

fn controlnet(c: &mut Criterion) {
    let config = ControlNetConfig::from_json(&medium_config()).expect("a valid config");
    let net = random(|w| ControlNet::new(&config, w));
    let cancel = Cancel::default();
    let (batch, size) = (2, 32);
    let hint = net.embed_hint(&randn((1, 3, size * 8, size * 8), 0.3), &cancel).expect("a picture");
    let context = net.project_context(&randn((batch, 16, CONTEXT), 1.0)).expect("the right width");
    let sample = randn((batch, 4, size, size), 1.0);
    let timesteps = Tensor::full(500f32, batch, &Device::Cpu).expect("a CPU tensor");
    let added = added(batch);
    c.bench_function("controlnet_medium/step_b2_32x32", |b| {
        b.iter(|| {
            black_box(net.forward(&ControlInput {
                sample: &sample,
                timesteps: &timesteps,
                context: &context,
                added: Some(&added),
                hint: &hint,
                strength: ControlStrength::Constant(0.8),
                cancel: &cancel,
            }))
            .expect("one step")
        })
    });
}

/// Full size: the decoder of SD1.5 and SDXL.
fn vae(c: &mut Criterion) {
    let config = AutoencoderKlConfig::sdxl();
    let vae = random(|w| AutoencoderKl::new(&config, w));
    let cancel = Cancel::default();
    for pixels in [256, 512] {
        let latents = randn((1, 4, pixels / 8, pixels / 8), 1.0);
        c.bench_function(&format!("vae_full/decode_{pixels}"), |b| {
            b.iter(|| black_box(vae.decode(&latents, &cancel)).expect("a picture"))
        });
    }
}

/// Full-size CLIP-L on two prompts, as guidance needs them.
fn text(c: &mut Criterion) {
    let tokenizer = Tokenizer::clip_l();
    let prompt = "analog film photo of a man, faded film, desaturated, 35mm photo, grainy, vignette";
    c.bench_function("text/tokenize", |b| b.iter(|| black_box(tokenizer.encode_padded(prompt, 77)).expect("ids")));
    let clip = random(|w| ClipText::new(&ClipConfig::clip_l(), w));
    let ids = tokenizer.encode_padded(prompt, 77).expect("ids");
    let batch: Vec<Vec<Token>> = vec![ids.into_iter().map(Token::Id).collect(); 2];
    let cancel = Cancel::default();
    c.bench_function("text/clip_l_b2", |b| b.iter(|| black_box(clip.forward(&batch, &cancel)).expect("features")));
}

/// What a sampler costs beside the network, per run of 20 steps on an SDXL latent of 1024 pixels.
fn samplers(c: &mut Criterion) {
    struct Free;
    impl Denoiser for Free {
        fn denoise(&mut self, x: &Tensor, _sigma: f64) -> Result<Tensor> {
            Ok(x.clone())
        }
    }
    let sigmas = Schedule::from_name("karras").and_then(|s| s.sigmas(&ModelSigmas::stable_diffusion(), 20));
    let sigmas = sigmas.expect("20 steps");
    let x = randn((1, 4, 128, 128), 14.6);
    for name in ["euler", "dpmpp_2m", "uni_pc"] {
        let sampler = Sampler::from_name(name).expect("a known sampler");
        c.bench_function(&format!("sampler/{name}_20_steps"), |b| {
            b.iter(|| {
                let mut noise = TorchNoise::comfyui(0);
                let mut run = Run {
                    denoiser: &mut Free,
                    noise: &mut noise,
                    sigmas: &sigmas,
                    on_step: &mut |_| Ok(()),
                    cancel: &Cancel::default(),
                };
                black_box(sampler.sample(&mut run, &x)).expect("latents")
            })
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(8));
    targets = text, samplers, unet, controlnet, vae
}
criterion_main!(benches);
