//! InstantID's networks with random weights, in SDXL's structure, as files that graphs load like any others.

use clap::ValueEnum;
use selfsame_models::adapter::{PerceiverConfig, Resampler};
use selfsame_models::controlnet::{ControlNet, ControlNetConfig};
use selfsame_models::text::{ClipConfig, ClipText};
use selfsame_models::unet::{UNet, UNetConfig};
use selfsame_models::vae::{AutoencoderKl, AutoencoderKlConfig};
use selfsame_models::weights::{Shapes, Weights, shapes, write_random};
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};

/// How large the networks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Size {
    /// A few million parameters: whether everything works
    Tiny,
    /// About 250 million parameters: SDXL's structure at a third of its widths
    Medium,
    /// The full 5.1 billion parameters of SDXL and InstantID: 10 GB of files
    Sdxl,
}

/// The sizes that differ. Names are those of diffusers' and transformers' configurations.
struct Widths {
    block_out_channels: [usize; 3],
    transformer_layers: [usize; 3],
    heads: [usize; 3],
    time_embed: usize,
    /// Width, layers and heads of the two text encoders. The context is both side by side, the pooled text the second's.
    text: [[usize; 3]; 2],
    vae_channels: [usize; 4],
    vae_layers: usize,
    /// Width and layers of the Resampler.
    resampler: [usize; 2],
    resampler_heads: usize,
}

impl Size {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Size::Tiny => "tiny",
            Size::Medium => "medium",
            Size::Sdxl => "sdxl",
        }
    }

    /// Side of the picture, in pixels, and steps that are measured unless something else is asked for.
    pub fn usual(self) -> (usize, usize) {
        match self {
            Size::Tiny => (128, 4),
            Size::Medium => (512, 8),
            Size::Sdxl => (1024, 30),
        }
    }

    fn widths(self) -> Widths {
        match self {
            Size::Tiny => Widths {
                block_out_channels: [32, 32, 64],
                transformer_layers: [1, 1, 2],
                heads: [2, 2, 4],
                time_embed: 16,
                text: [[32, 2, 2], [48, 2, 3]],
                vae_channels: [32, 32, 64, 64],
                vae_layers: 1,
                resampler: [64, 2],
                resampler_heads: 8,
            },
            Size::Medium => Widths {
                block_out_channels: [96, 192, 384],
                transformer_layers: [1, 2, 4],
                heads: [3, 6, 12],
                time_embed: 64,
                text: [[192, 6, 3], [320, 8, 5]],
                vae_channels: [64, 128, 256, 256],
                vae_layers: 2,
                resampler: [640, 4],
                resampler_heads: 10,
            },
            // Source: the configurations of stabilityai/stable-diffusion-xl-base-1.0 and InstantX/InstantID.
            Size::Sdxl => Widths {
                block_out_channels: [320, 640, 1280],
                transformer_layers: [1, 2, 10],
                heads: [5, 10, 20],
                time_embed: 256,
                text: [[768, 12, 12], [1280, 32, 20]],
                vae_channels: [128, 256, 512, 512],
                vae_layers: 2,
                resampler: [1280, 4],
                resampler_heads: 20,
            },
        }
    }
}

impl Widths {
    fn context(&self) -> usize {
        self.text[0][0] + self.text[1][0]
    }

    fn unet(&self) -> Value {
        json!({
            "_class_name": "UNet2DConditionModel",
            "sample_size": 128,
            "in_channels": 4,
            "out_channels": 4,
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
        })
        .merged(self.encoder())
    }

    fn controlnet(&self) -> Value {
        json!({
            "_class_name": "ControlNetModel",
            "in_channels": 4,
            "conditioning_channels": 3,
            "conditioning_embedding_out_channels": [16, 32, 96, 256],
        })
        .merged(self.encoder())
    }

    /// What a UNet and its ControlNets have in common.
    fn encoder(&self) -> Value {
        json!({
            "block_out_channels": self.block_out_channels,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "layers_per_block": 2,
            "transformer_layers_per_block": self.transformer_layers,
            "attention_head_dim": self.heads,
            "cross_attention_dim": self.context(),
            "use_linear_projection": true,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": self.time_embed,
            "projection_class_embeddings_input_dim": self.text[1][0] + 6 * self.time_embed,
        })
    }

    fn text(&self, encoder: usize) -> Value {
        let [width, layers, heads] = self.text[encoder];
        let (class, activation) = [("CLIPTextModel", "quick_gelu"), ("CLIPTextModelWithProjection", "gelu")][encoder];
        json!({
            "architectures": [class],
            "model_type": "clip_text_model",
            "vocab_size": 49408,
            "max_position_embeddings": 77,
            "hidden_size": width,
            "intermediate_size": 4 * width,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "hidden_act": activation,
            "projection_dim": width,
            "eos_token_id": 2,
        })
    }

    fn vae(&self) -> Value {
        json!({
            "_class_name": "AutoencoderKL",
            "block_out_channels": self.vae_channels,
            "down_block_types": vec!["DownEncoderBlock2D"; 4],
            "up_block_types": vec!["UpDecoderBlock2D"; 4],
            "layers_per_block": self.vae_layers,
            "latent_channels": 4,
            "scaling_factor": 0.13025,
            "sample_size": 1024,
        })
    }

    /// Source: InstantID's `ip-adapter.bin`: 512 numbers of a face become 16 tokens; heads of 64 channels.
    fn resampler(&self) -> PerceiverConfig {
        let [dim, depth] = self.resampler;
        PerceiverConfig {
            dim,
            depth,
            heads: self.resampler_heads,
            inner: dim,
            hidden: 4 * dim,
            embedding_dim: 512,
            output_dim: self.context(),
        }
    }
}

/// One JSON object with the entries of another.
trait Merged {
    fn merged(self, other: Value) -> Value;
}

impl Merged for Value {
    fn merged(mut self, other: Value) -> Value {
        if let (Value::Object(all), Value::Object(other)) = (&mut self, other) {
            all.extend(other);
        }
        self
    }
}

/// The files of a set of networks.
pub struct RandomModels {
    /// A folder in diffusers' layout.
    pub checkpoint: PathBuf,
    /// The Resampler and the Image Adapter.
    pub instantid: PathBuf,
    /// A folder with IdentityNet.
    pub identitynet: PathBuf,
}

/// What is written last, and says what the folder holds.
const MARKER: &str = "random-models.json";

/// Tokens of a face.
const TOKENS: usize = 16;

impl RandomModels {
    /// Writes networks of a size into a folder, unless they are there already.
    pub fn write(folder: &Path, size: Size, seed: u64) -> Result<Self, Box<dyn Error>> {
        let models = RandomModels {
            checkpoint: folder.join("checkpoint"),
            instantid: folder.join("ip-adapter.safetensors"),
            identitynet: folder.join("identitynet"),
        };
        let widths = size.widths();
        let (unet, net) = (widths.unet(), widths.controlnet());
        // Other structures by the same name are other networks.
        let marker = json!({ "unet": unet, "controlnet": net, "vae": widths.vae(), "seed": seed }).to_string();
        match std::fs::read_to_string(folder.join(MARKER)) {
            Ok(found) if found == marker => return Ok(models),
            Ok(_) => return Err(format!("{} holds random models of another size or seed", folder.display()).into()),
            Err(_) => {}
        }
        if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(
                format!("{} is not empty: expected a new folder, or one of an earlier call", folder.display()).into()
            );
        }
        std::fs::create_dir_all(&models.checkpoint)?;
        let index = json!({ "_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": true });
        std::fs::write(models.checkpoint.join("model_index.json"), index.to_string())?;

        let part = |name: &str, config: &Value, shapes: &Shapes| {
            write_part(&models.checkpoint.join(name), config, shapes, seed)
        };
        let config = UNetConfig::from_json(&unet)?;
        let (network, wanted) = shapes(|weights| UNet::new(&config, weights))?;
        part("unet", &unet, &wanted)?;
        let config = AutoencoderKlConfig::from_json(&widths.vae())?;
        part("vae", &widths.vae(), &shapes(|weights| AutoencoderKl::new(&config, weights))?.1)?;
        for (encoder, name) in ["text_encoder", "text_encoder_2"].into_iter().enumerate() {
            let json = widths.text(encoder);
            let config = ClipConfig::from_json(&json)?;
            part(name, &json, &shapes(|weights| ClipText::new(&config, weights))?.1)?;
        }
        let config = ControlNetConfig::from_json(&net)?;
        write_part(&models.identitynet, &net, &shapes(|weights| ControlNet::new(&config, weights))?.1, seed)?;
        write_random(&models.instantid, &adapter(&widths, &network)?, seed)?;
        std::fs::write(folder.join(MARKER), marker)?;
        Ok(models)
    }
}

/// A network in a folder of its own, under the names that diffusers and transformers look for.
fn write_part(folder: &Path, config: &Value, shapes: &Shapes, seed: u64) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("config.json"), config.to_string())?;
    let name = if config.get("_class_name").is_some() { "diffusion_pytorch_model" } else { "model" };
    write_random(&folder.join(format!("{name}.safetensors")), shapes, seed)?;
    Ok(())
}

/// The tensors of an adapter file: see [`selfsame_models::adapter::ImageAdapter`] for the numbers.
fn adapter(widths: &Widths, unet: &UNet) -> Result<Shapes, Box<dyn Error>> {
    let resampler = |weights: &Weights| Resampler::new(widths.resampler(), TOKENS, &weights.pp("image_proj"));
    let (_, mut wanted) = shapes(resampler)?;
    for (layer, at) in unet.cross_layers().iter().zip((1..).step_by(2)) {
        for name in ["to_k_ip", "to_v_ip"] {
            wanted.insert(format!("ip_adapter.{at}.{name}.weight"), vec![layer.hidden, layer.context]);
        }
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(shapes: &Shapes) -> usize {
        shapes.values().map(|shape| shape.iter().product::<usize>()).sum()
    }

    /// Source: the released files: their tensors' sizes added up.
    #[test]
    fn the_full_size_is_that_of_the_released_models() {
        let widths = Size::Sdxl.widths();
        let config = UNetConfig::from_json(&widths.unet()).unwrap();
        let (unet, wanted) = shapes(|weights| UNet::new(&config, weights)).unwrap();
        assert_eq!((wanted.len(), parameters(&wanted)), (1680, 2_567_463_684));
        assert_eq!(parameters(&adapter(&widths, &unet).unwrap()), 422_765_824);
        let config = ControlNetConfig::from_json(&widths.controlnet()).unwrap();
        let (_, wanted) = shapes(|weights| ControlNet::new(&config, weights)).unwrap();
        assert_eq!((wanted.len(), parameters(&wanted)), (844, 1_251_014_160));
        let config = AutoencoderKlConfig::from_json(&widths.vae()).unwrap();
        assert_eq!(parameters(&shapes(|weights| AutoencoderKl::new(&config, weights)).unwrap().1), 83_653_863);
        let text = [0, 1].map(|encoder| {
            let config = ClipConfig::from_json(&widths.text(encoder)).unwrap();
            parameters(&shapes(|weights| ClipText::new(&config, weights)).unwrap().1)
        });
        assert_eq!(text, [123_060_480, 694_659_840]);
    }

    #[test]
    fn a_folder_is_used_again_and_nothing_else_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("models");
        let models = RandomModels::write(&at, Size::Tiny, 1).unwrap();
        let written = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
        let before = written(&models.instantid);
        RandomModels::write(&at, Size::Tiny, 1).unwrap();
        assert_eq!(written(&models.instantid), before);
        let no = |folder: &Path, seed| RandomModels::write(folder, Size::Tiny, seed).err().unwrap().to_string();
        assert!(no(&at, 2).ends_with("holds random models of another size or seed"));
        assert!(no(folder.path(), 1).contains("is not empty"));
    }
}
