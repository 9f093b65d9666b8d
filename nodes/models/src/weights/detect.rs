//! What a file holds, told by the names and shapes of its tensors and never by the file's name.

use super::{TensorSource, WeightProblem, WeightsReport, names};
use crate::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// A family of models whose parts fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1.x: context 768, no pooled text.
    Sd15,
    /// Stable Diffusion 2.x: context 1024, linear projections.
    Sd2,
    /// SDXL: context 2048, pooled text and sizes in the time embedding.
    Sdxl,
    /// The SDXL refiner: context 1280.
    SdxlRefiner,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sd15 => "SD1.5",
            Self::Sd2 => "SD2.x",
            Self::Sdxl => "SDXL",
            Self::SdxlRefiner => "SDXL refiner",
        })
    }
}

/// What sort of network or addition a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// UNet, VAE and text encoders in one.
    Checkpoint,
    /// The denoising network alone.
    Unet,
    /// A ControlNet, IdentityNet included.
    ControlNet,
    /// AutoencoderKL.
    Vae,
    /// TAESD or one half of it.
    TinyVae,
    /// A CLIP text encoder.
    TextEncoder,
    /// Depth Anything, with its backbone.
    DepthAnything,
    /// A LoRA in any naming.
    Lora,
    /// InstantID's `ip-adapter`: a Resampler of face embeddings and K/V layers.
    InstantId,
    /// An IP-Adapter of CLIP image embeddings.
    IpAdapter,
    /// An IP-Adapter of face embeddings.
    FaceId,
    /// Embeddings for new words.
    TextualInversion,
    /// Something known by name that this crate cannot run.
    Unsupported(&'static str),
    /// Nothing known.
    Unknown,
}

impl Kind {
    /// The name without an article.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Unet => "UNet",
            Self::ControlNet => "ControlNet",
            Self::Vae => "VAE",
            Self::TinyVae => "TAESD (tiny VAE)",
            Self::TextEncoder => "CLIP text encoder",
            Self::DepthAnything => "Depth Anything model",
            Self::Lora => "LoRA",
            Self::InstantId => "InstantID adapter",
            Self::IpAdapter => "IP-Adapter",
            Self::FaceId => "IP-Adapter FaceID",
            Self::TextualInversion => "textual inversion embedding",
            Self::Unsupported(name) => name,
            Self::Unknown => "file of no network known here",
        }
    }
}

/// What a file was recognised as; `Display` gives it with its article: `an SD1.5 ControlNet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Architecture {
    /// What sort of network.
    pub kind: Kind,
    /// Which family, where the file tells (a VAE is the same in all).
    pub family: Option<Family>,
    /// Input channels of a UNet: 4, 9 for inpainting, 8 for instruct-pix2pix.
    pub in_channels: Option<usize>,
    /// Whether the file says that the UNet predicts v rather than noise.
    pub v_prediction: bool,
    /// Whether the file says that its noise schedule ends in pure noise.
    pub zero_terminal_snr: bool,
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.family.map(|family| family.to_string()));
        words.extend(match self.in_channels {
            Some(9) => Some("inpaint".to_string()),
            Some(8) => Some("instruct-pix2pix".to_string()),
            _ => None,
        });
        words.push(self.kind.name().to_string());
        let text = words.join(" ");
        // `SD` is read letter by letter; `UNet` starts with a consonant.
        let vowel = text.starts_with("SD") || text.starts_with(['A', 'E', 'I', 'O', 'i']);
        write!(f, "{} {text}", if vowel { "an" } else { "a" })?;
        match (self.v_prediction, self.zero_terminal_snr) {
            (true, true) => f.write_str(" (v-prediction, zero terminal SNR)"),
            (true, false) => f.write_str(" (v-prediction)"),
            (false, true) => f.write_str(" (zero terminal SNR)"),
            (false, false) => Ok(()),
        }
    }
}

/// Answers questions about a source's names and shapes.
struct Keys<'a>(&'a dyn TensorSource);

impl Keys<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.tensors().contains_key(name)
    }

    fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.0.tensors().keys().any(|name| test(name))
    }

    fn contains(&self, part: &str) -> bool {
        self.any(|name| name.contains(part))
    }

    fn starts(&self, prefix: &str) -> bool {
        self.any(|name| name.starts_with(prefix))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        self.0.tensors().get(name).map(|info| info.shape.as_slice())
    }

    /// The shape of the first tensor whose name ends so.
    fn shape_ending(&self, end: &str) -> Option<&[usize]> {
        self.0.tensors().iter().find(|(name, _)| name.ends_with(end)).map(|(_, info)| info.shape.as_slice())
    }
}

/// Tells what `source` holds.
pub fn recognise(source: &Arc<dyn TensorSource>) -> Architecture {
    let keys = Keys(source.as_ref());
    let kind = kind(&keys);
    let network = match kind {
        Kind::ControlNet => names::controlnet(source.clone()),
        _ => names::unet(source.clone()),
    };
    let network = Keys(network.as_ref());
    let family = match kind {
        Kind::Checkpoint | Kind::Unet | Kind::ControlNet => unet_family(&keys, &network),
        Kind::Lora => lora_family(&keys),
        Kind::InstantId | Kind::IpAdapter | Kind::FaceId => adapter_family(&keys),
        Kind::TextualInversion => inversion_family(&keys),
        _ => None,
    };
    let is_unet = matches!(kind, Kind::Checkpoint | Kind::Unet);
    let in_channels = network.shape("conv_in.weight").and_then(|s| s.get(1)).copied().filter(|_| is_unet);
    Architecture {
        kind,
        family,
        in_channels,
        v_prediction: is_unet && (keys.has("v_pred") || keys.has("edm_vpred.sigma_max")),
        zero_terminal_snr: is_unet && keys.has("ztsnr"),
    }
}

/// Parts of names that only one kind of file has, for kinds that cannot be run. More special ones come first.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("scaled_fp8", "model in scaled 8-bit floats"),
    ("lora_controlnet", "Control-LoRA"),
    ("control_add_embedding.", "ControlNet Union"),
    ("motion_modules.", "AnimateDiff motion module"),
    ("double_blocks.0.", "Flux model"),
    ("joint_blocks.0.", "SD3 model"),
    ("id_adapter_attn_layers.", "PuLID adapter"),
    ("id_encoder.", "PhotoMaker adapter"),
    ("position_net.", "GLIGEN model"),
    ("adapter.body.", "T2I adapter"),
];

fn kind(keys: &Keys) -> Kind {
    if let Some((_, name)) = UNSUPPORTED.iter().find(|(part, _)| keys.contains(part)) {
        return Kind::Unsupported(name);
    }
    if keys.has("body.0.block1.weight") || keys.has("body.0.resnets.0.block1.weight") {
        return Kind::Unsupported("T2I adapter");
    }
    if keys.has("depth_head.scratch.output_conv1.weight") || keys.has("neck.fusion_stage.layers.0.projection.weight") {
        return Kind::DepthAnything;
    }
    if keys.starts("image_proj.") || keys.contains(".to_k_ip.") || keys.has("latents") {
        return adapter_kind(keys);
    }
    let marks = [
        "lora_down.",
        "lora_up.",
        ".lora_A.",
        ".lora_B.",
        "lora.down.",
        "lora.up.",
        "lora_linear_layer.",
        ".hada_w1_a", // LoHa
        ".lokr_w1",   // LoKr
    ];
    // The last: the pairs of cloneofsimo's trainer, `unet:0:down`.
    if marks.iter().any(|mark| keys.contains(mark)) || keys.any(|n| n.contains("_lora.") || n.ends_with(":down")) {
        return Kind::Lora;
    }
    if keys.contains("controlnet_cond_embedding.conv_in.weight") || keys.contains("input_hint_block.0.weight") {
        return Kind::ControlNet;
    }
    let vae = ["first_stage_model.", "vae.", ""]
        .iter()
        .any(|p| ["encoder", "decoder"].iter().any(|half| keys.has(&format!("{p}{half}.conv_in.weight"))));
    if keys.contains("input_blocks.0.0.weight")
        || (keys.contains("conv_in.weight") && keys.contains("time_embedding.linear_1.weight"))
    {
        let text = keys.starts("cond_stage_model.") || keys.starts("conditioner.") || keys.starts("text_encoder.");
        return if vae || text { Kind::Checkpoint } else { Kind::Unet };
    }
    if vae {
        return Kind::Vae;
    }
    if keys.contains("embeddings.token_embedding.weight") || keys.contains("transformer.resblocks.0.ln_1.weight") {
        return Kind::TextEncoder;
    }
    if keys.contains("vision_model.encoder.") || keys.contains("visual.transformer.") {
        return Kind::Unsupported("CLIP vision encoder");
    }
    // TAESD is a stack of blocks of three convolutions; a plain encoder-decoder has nothing alike.
    let tiny = |name: &str| name.ends_with(".conv.4.weight") || name.ends_with("layers.3.conv.0.weight");
    if keys.any(tiny) {
        return Kind::TinyVae;
    }
    if is_inversion(keys) { Kind::TextualInversion } else { Kind::Unknown }
}

fn adapter_kind(keys: &Keys) -> Kind {
    // Face embeddings of ArcFace have 512 numbers, image embeddings of CLIP 1024 or more.
    let input =
        ["image_proj.proj_in.weight", "proj_in.weight"].iter().find_map(|name| keys.shape(name)?.get(1).copied());
    if input == Some(512) {
        Kind::InstantId
    } else if keys.starts("image_proj.proj.0.")
        || keys.starts("image_proj.perceiver_resampler.")
        || keys.contains("_lora.")
    {
        Kind::FaceId
    } else {
        Kind::IpAdapter
    }
}

/// A few rows of token embeddings, under the names that trainers give them.
fn is_inversion(keys: &Keys) -> bool {
    let known = |n: &str| {
        n == "emb_params" || n == "clip_l" || n == "clip_g" || n.starts_with("string_to_param.") || n.starts_with('<')
    };
    let rows = |shape: &[usize]| matches!(shape, [_] | [_, _]);
    let width = |shape: &[usize]| shape.last().is_some_and(|w| matches!(w, 768 | 1024 | 1280));
    // A1111 keeps the token's id beside its rows.
    let tensors = || keys.0.tensors().iter().filter(|(n, _)| !n.starts_with("string_to_token."));
    let all = tensors().all(|(n, info)| rows(&info.shape) && (known(n) || width(&info.shape)));
    all && (1..=16).contains(&tensors().count())
}

/// `network` is the UNet or ControlNet in diffusers names.
fn unet_family(keys: &Keys, network: &Keys) -> Option<Family> {
    let context = network.shape_ending(".attn2.to_k.weight").and_then(|s| s.get(1)).copied();
    if network.has("add_embedding.linear_1.weight") {
        let refiner = keys.starts("conditioner.embedders.0.model.") || context == Some(1280);
        return Some(if refiner { Family::SdxlRefiner } else { Family::Sdxl });
    }
    match network.shape_ending(".proj_in.weight")? {
        [_, _] => Some(Family::Sd2),
        _ => Some(Family::Sd15),
    }
}

/// Widths of the text that attention looks at, which no other input of that family has.
fn context_family(width: usize) -> Option<Family> {
    match width {
        768 => Some(Family::Sd15),
        1024 => Some(Family::Sd2),
        2048 => Some(Family::Sdxl),
        _ => None,
    }
}

fn lora_family(keys: &Keys) -> Option<Family> {
    if keys.any(|n| n.starts_with("lora_te1_") || n.starts_with("lora_te2_") || n.starts_with("text_encoder_2.")) {
        return Some(Family::Sdxl);
    }
    let is_down = |n: &str| n.contains("down") || n.contains("lora_A");
    let inputs = keys.0.tensors().iter().filter(|(n, _)| is_down(n)).filter_map(|(_, info)| info.shape.get(1)).copied();
    // SDXL's own widths include 768 (its first text encoder); the largest context decides.
    inputs.filter(|w| context_family(*w).is_some()).max().and_then(context_family)
}

fn adapter_family(keys: &Keys) -> Option<Family> {
    let width = keys.shape_ending(".to_k_ip.weight").and_then(|s| s.get(1)).copied();
    width.and_then(context_family)
}

fn inversion_family(keys: &Keys) -> Option<Family> {
    if keys.has("clip_g") {
        return Some(Family::Sdxl);
    }
    let width = keys.0.tensors().values().next().and_then(|info| info.shape.last()).copied();
    width.and_then(context_family)
}

/// Checks that `source` holds a `kind` for models of `family` before any of its tensors is looked at.
///
/// # Errors
/// [`Error::Weights`] that says what the file is and what was expected, also for what is known and not supported.
pub fn expect(source: &Arc<dyn TensorSource>, kind: Kind, family: Option<Family>) -> Result<Architecture> {
    let found = recognise(source);
    let problem = match (found.kind, found.family, family) {
        (Kind::Unsupported(_), ..) => WeightProblem::Unsupported { found: found.to_string() },
        (other, ..) if other != kind => {
            let expected =
                Architecture { kind, family, in_channels: None, v_prediction: false, zero_terminal_snr: false };
            WeightProblem::Kind { found: describe(source.as_ref(), found), expected: expected.to_string() }
        }
        (_, Some(is), Some(model)) if is != model => WeightProblem::Family { found, model },
        _ => return Ok(found),
    };
    Err(Error::Weights(Box::new(WeightsReport::of(source.describe(), kind.name(), problem))))
}

/// The architecture in words; for an unknown one, what the file holds.
fn describe(source: &dyn TensorSource, found: Architecture) -> String {
    if found.kind != Kind::Unknown {
        return found.to_string();
    }
    let tensors = source.tensors();
    let some: Vec<String> = tensors.iter().take(3).map(|(name, info)| format!("{name} {:?}", info.shape)).collect();
    let more = match tensors.len() - some.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{found} (it holds {}{more})", some.join(", "))
}
