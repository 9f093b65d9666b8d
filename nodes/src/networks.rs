//! From descriptions on wires to networks on a device: loaded once, shared by all that need the same one.

use crate::Compute;
use crate::wires::{Clip, ControlNet, Embedding, Lora, Model, ModelFile, Vae};
use candle_core::DType;
use selfsame_models::adapter::{AdapterFile, ImageProjection, Resampler};
use selfsame_models::controlnet::{self, ControlNetConfig};
use selfsame_models::depth::{DepthAnything, DepthAnythingConfig};
use selfsame_models::lora::{LoraStrength, LoraTargets, match_lora};
use selfsame_models::text::{ClipConfig, ClipText, PadInPrompt, TextEncoder, TextualInversion, Tokenizer};
use selfsame_models::unet::{UNet, UNetConfig};
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig, AutoencoderTinyConfig, TaesdDecoder, TaesdEncoder};
use selfsame_models::weights::{
    self, Checkpoint, Deltas, Family, Kind, Part, TensorSource, Weights, config_of, infer, names,
};
use selfsame_sdk::prelude::*;
use std::sync::Arc;

/// A key for a resource made from files: what, on which device, of what contents.
fn key(what: &str, compute: &Compute, files: &[&ModelFile], rest: &str) -> String {
    let digests: Vec<&str> = files.iter().map(|file| &*file.digest).collect();
    format!("{what} {:?} {:?} {rest} {}", compute.device.location(), compute.dtype, digests.join(" "))
}

/// How many bytes a source's tensors take in a dtype.
fn size(source: &dyn TensorSource, dtype: DType) -> u64 {
    let elements: usize = source.tensors().values().map(|info| info.shape.iter().product::<usize>()).sum();
    (elements * dtype.size_in_bytes()) as u64
}

/// A denoising network.
pub struct Denoiser {
    /// The network.
    pub unet: Arc<UNet>,
    /// Its tensors, which networks with LoRAs share.
    pub weights: Arc<Weights>,
}

/// The denoising network of a model, with its LoRAs.
///
/// # Errors
/// If a file does not fit, or memory runs out.
pub fn denoiser(ctx: Ctx, model: &Model) -> Result<Arc<Denoiser>> {
    let compute: &Compute = ctx.get()?;
    let base = ctx.shared(&key("unet", compute, &[&model.file], ""), || {
        let (source, config) = unet_source(&model.file)?;
        let bytes = size(&*source, compute.dtype);
        let weights = Weights::new(source, compute.dtype, &compute.device);
        let unet = UNet::new(&UNetConfig::from_json(&config)?, &weights)?;
        weights.finish("UNet")?;
        Ok((Denoiser { unet: Arc::new(unet), weights: Arc::new(weights) }, bytes))
    })?;
    if model.loras.is_empty() {
        return Ok(base);
    }
    let files: Vec<&ModelFile> = std::iter::once(&model.file).chain(model.loras.iter().map(|l| &l.file)).collect();
    let strengths: Vec<f64> = model.loras.iter().map(|lora| lora.unet).collect();
    ctx.shared(&key("unet with LoRAs", compute, &files, &format!("{strengths:?}")), || {
        let mut deltas = Deltas::default();
        for lora in &model.loras {
            let targets = LoraTargets { unet: Some(base.weights.source().tensors()), ..LoraTargets::default() };
            deltas.merge(lora_match(lora, &targets)?.unet);
        }
        let changed: usize = (deltas.names())
            .filter_map(|name| Some(base.weights.source().tensors().get(name)?.shape.iter().product::<usize>()))
            .sum();
        let weights = base.weights.with_deltas(Arc::new(deltas));
        let unet = UNet::new(&UNetConfig::from_json(&unet_source(&model.file)?.1)?, &weights)?;
        weights.finish("UNet with LoRAs")?;
        let denoiser = Denoiser { unet: Arc::new(unet), weights: base.weights.clone() };
        Ok((denoiser, (changed * compute.dtype.size_in_bytes()) as u64))
    })
}

fn lora_match(lora: &Lora, targets: &LoraTargets) -> Result<selfsame_models::lora::LoraMatch> {
    let file = weights::open(&lora.file.path)?;
    Ok(match_lora(&*file, targets, LoraStrength { unet: lora.unet, text: lora.text })?)
}

/// The tensors and the configuration of a checkpoint's denoising network, or of one in a file of its own.
pub fn unet_source(file: &ModelFile) -> Result<(Arc<dyn TensorSource>, serde_json::Value)> {
    if !is_bare(file, Kind::Unet)? {
        let checkpoint = Checkpoint::open(&file.path)?;
        return Ok((checkpoint.unet()?, checkpoint.config(Part::Unet)?));
    }
    let source = names::unet(weights::open(&file.path)?);
    let config = match config_of(&file.path)? {
        Some(config) => config,
        None => infer::unet_config(&*source)?,
    };
    Ok((source, config))
}

/// Whether a file holds one network of this kind and no more.
fn is_bare(file: &ModelFile, kind: Kind) -> Result<bool> {
    if file.path.join("model_index.json").is_file() {
        return Ok(false);
    }
    Ok(weights::recognise(&weights::open(&file.path)?).kind == kind)
}

/// The text encoders of a checkpoint.
pub struct TextEncoders {
    /// CLIP-L.
    pub first: TextEncoder,
    /// SDXL's OpenCLIP bigG.
    pub second: Option<TextEncoder>,
    /// Textual inversions.
    pub embeddings: Vec<TextualInversion>,
}

/// The text encoders of a CLIP, with its LoRAs and embeddings.
///
/// # Errors
/// If a file does not fit, or memory runs out.
pub fn text_encoders(ctx: Ctx, clip: &Clip) -> Result<Arc<TextEncoders>> {
    let compute: &Compute = ctx.get()?;
    let loras = clip.loras.iter().map(|lora| &lora.file);
    let embeddings = clip.embeddings.iter().map(|embedding| &embedding.file);
    let files: Vec<&ModelFile> = std::iter::once(&clip.file).chain(loras).chain(embeddings).collect();
    let strengths: Vec<f64> = clip.loras.iter().map(|lora| lora.text).collect();
    ctx.shared(&key("text encoders", compute, &files, &format!("{strengths:?}")), || {
        let checkpoint = Checkpoint::open(&clip.file.path)?;
        let first = checkpoint.text_encoder()?;
        let second = if clip.family == Family::Sdxl { Some(checkpoint.text_encoder_2()?) } else { None };
        let (mut first_deltas, mut second_deltas) = (Deltas::default(), Deltas::default());
        for lora in &clip.loras {
            let targets = LoraTargets {
                unet: None,
                text_encoder: Some(first.tensors()),
                text_encoder_2: second.as_ref().map(|second| second.tensors()),
            };
            // Most LoRAs leave the text alone, and say so by having nothing for it.
            if let Ok(found) = lora_match(lora, &targets) {
                first_deltas.merge(found.text_encoder);
                second_deltas.merge(found.text_encoder_2);
            }
        }
        let bytes = size(&*first, compute.dtype) + second.as_ref().map_or(0, |s| size(&**s, compute.dtype));
        let encoder = |part, source, deltas, tokenizer| -> Result<TextEncoder> {
            let weights = Weights::new(source, compute.dtype, &compute.device).with_deltas(Arc::new(deltas));
            let clip = ClipText::new(&ClipConfig::from_json(&checkpoint.config(part)?)?, &weights)?;
            weights.finish("text encoder")?;
            Ok(TextEncoder { tokenizer, clip })
        };
        // A folder brings its own; a single file is used as ComfyUI uses it.
        let tokenizer = |folder: &str, usual: fn() -> Tokenizer| -> Result<Tokenizer> {
            let folder = clip.file.path.join(folder);
            if folder.is_dir() { Ok(Tokenizer::from_dir(folder, PadInPrompt::Special)?) } else { Ok(usual()) }
        };
        let second = match second {
            None => None,
            Some(source) => {
                let tokenizer = tokenizer("tokenizer_2", || Tokenizer::clip_g(PadInPrompt::Ordinary))?;
                Some(encoder(Part::TextEncoder2, source, second_deltas, tokenizer)?)
            }
        };
        let first = encoder(Part::TextEncoder, first, first_deltas, tokenizer("tokenizer", Tokenizer::clip_l)?)?;
        let embeddings = load_embeddings(&clip.embeddings)?;
        Ok((TextEncoders { first, second, embeddings }, bytes))
    })
}

fn load_embeddings(files: &[Embedding]) -> Result<Vec<TextualInversion>> {
    let loaded = files.iter().map(|embedding| Ok(TextualInversion::load(&embedding.file.path)?));
    Ok(loaded.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// An autoencoder.
pub enum Autoencoder {
    /// AutoencoderKL.
    Kl(Box<AutoencoderKl>),
    /// TAESD, with the halves that the file has.
    Tiny {
        /// Pictures to latents.
        encoder: Option<TaesdEncoder>,
        /// Latents to pictures.
        decoder: Option<TaesdDecoder>,
    },
}

/// The autoencoder of a VAE. It computes in f32: the published ones overflow f16.
///
/// # Errors
/// If the file does not fit, or memory runs out.
pub fn autoencoder(ctx: Ctx, vae: &Vae) -> Result<Arc<Autoencoder>> {
    let compute: &Compute = ctx.get()?;
    ctx.shared(&key("vae", compute, &[&vae.file], ""), || {
        if vae.is_tiny {
            return tiny_autoencoder(&vae.file, compute);
        }
        let (source, config) = vae_source(vae)?;
        let bytes = size(&*source, DType::F32);
        let weights = Weights::new(source, DType::F32, &compute.device);
        let network = AutoencoderKl::new(&AutoencoderKlConfig::from_json(&config)?, &weights)?;
        weights.finish("VAE")?;
        Ok((Autoencoder::Kl(Box::new(network)), bytes))
    })
}

fn vae_source(vae: &Vae) -> Result<(Arc<dyn TensorSource>, serde_json::Value)> {
    if !is_bare(&vae.file, Kind::Vae)? {
        let checkpoint = Checkpoint::open(&vae.file.path)?;
        return Ok((checkpoint.vae()?, checkpoint.config(Part::Vae)?));
    }
    let source = names::vae(weights::open(&vae.file.path)?);
    let config = match config_of(&vae.file.path)? {
        Some(config) => config,
        None => infer::vae_config(&*source, vae.family)?,
    };
    Ok((source, config))
}

fn tiny_autoencoder(file: &ModelFile, compute: &Compute) -> Result<(Autoencoder, u64)> {
    let source = names::tiny_vae(&[weights::open(&file.path)?]);
    let config = match config_of(&file.path)? {
        Some(config) => config,
        None => infer::tiny_vae_config(&*source)?,
    };
    let config = AutoencoderTinyConfig::from_json(&config)?;
    let bytes = size(&*source, DType::F32);
    let weights = Weights::new(source, DType::F32, &compute.device);
    let half = |name: &str| weights.source().tensors().keys().any(|tensor| tensor.starts_with(name));
    let encoder = if half("encoder.") { Some(TaesdEncoder::new(&config, &weights)?) } else { None };
    let decoder = if half("decoder.") { Some(TaesdDecoder::new(&config, &weights)?) } else { None };
    weights.finish("TAESD")?;
    Ok((Autoencoder::Tiny { encoder, decoder }, bytes))
}

/// A ControlNet.
///
/// # Errors
/// If the file does not fit, or memory runs out.
pub fn control_net(ctx: Ctx, net: &ControlNet) -> Result<Arc<controlnet::ControlNet>> {
    let compute: &Compute = ctx.get()?;
    let loaded = ctx.shared(&key("controlnet", compute, &[&net.file], ""), || {
        let source = names::controlnet(weights::open(&net.file.path)?);
        let config = match config_of(&net.file.path)? {
            Some(config) => config,
            None => infer::controlnet_config(&*source)?,
        };
        let bytes = size(&*source, compute.dtype);
        let weights = Weights::new(source, compute.dtype, &compute.device);
        let network = controlnet::ControlNet::new(&ControlNetConfig::from_json(&config)?, &weights)?;
        weights.finish("ControlNet")?;
        Ok((Arc::new(network), bytes))
    })?;
    Ok(Arc::unwrap_or_clone(loaded))
}

/// Depth Anything. It computes in f32: it runs once, and the largest values of its backbone are too much for f16.
///
/// # Errors
/// If the file holds something else, or memory runs out.
pub fn depth_anything(ctx: Ctx, file: &ModelFile) -> Result<Arc<DepthAnything>> {
    let compute: &Compute = ctx.get()?;
    ctx.shared(&key("depth", compute, &[file], ""), || {
        let source = weights::open(&file.path)?;
        weights::expect(&source, Kind::DepthAnything, None)?;
        let source = names::depth_anything(source);
        let config = DepthAnythingConfig::new(&*source, config_of(&file.path)?.as_ref())?;
        let bytes = size(&*source, DType::F32);
        let weights = Weights::new(source, DType::F32, &compute.device);
        let network = DepthAnything::new(&config, &weights)?;
        weights.finish("Depth Anything model")?;
        Ok((network, bytes))
    })
}

/// The projections of an adapter file for a denoising network.
///
/// # Errors
/// If the file does not fit the network, or memory runs out.
pub fn adapter(ctx: Ctx, file: &ModelFile, model: &ModelFile, unet: &UNet) -> Result<Arc<AdapterFile>> {
    let compute: &Compute = ctx.get()?;
    ctx.shared(&key("adapter", compute, &[file, model], ""), || {
        let source = weights::open(&file.path)?;
        let bytes = size(&*source, compute.dtype);
        let weights = Weights::new(source, compute.dtype, &compute.device);
        Ok((AdapterFile::load(&weights, unet.cross_layers(), None)?, bytes))
    })
}

/// InstantID's Resampler out of an adapter file.
///
/// # Errors
/// If the file holds another projection, or memory runs out.
pub fn resampler(ctx: Ctx, file: &ModelFile) -> Result<Arc<Resampler>> {
    let compute: &Compute = ctx.get()?;
    ctx.shared(&key("resampler", compute, &[file], ""), || {
        let source = weights::open(&file.path)?;
        let projection = source.tensors().iter().filter(|(name, _)| name.starts_with("image_proj."));
        let elements: usize = projection.map(|(_, info)| info.shape.iter().product::<usize>()).sum();
        // In f32 everywhere: it runs once, and what it gives is used in every step.
        let weights = Weights::new(source, DType::F32, &compute.device);
        match ImageProjection::load(&weights.pp("image_proj"), None)? {
            ImageProjection::Resampler(resampler) => Ok((resampler, elements as u64 * 4)),
            _ => Err(Error::new(format!("{file} makes no tokens of a face alone: expected InstantID's ip-adapter"))),
        }
    })
}
