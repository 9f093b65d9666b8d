//! A whole model: UNet, VAE and text encoders from one file or from a diffusers folder.

use super::file::io_problem;
use super::names::{self, Encoder};
use super::open::{config_of, read_json};
use super::{
    Architecture, Family, FileProblem, Kind, TensorSource, WeightProblem, WeightsReport, infer, open, recognise,
};
use crate::{Error, Result};
use candle_core::{DType, Device};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The networks of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The denoising network.
    Unet,
    /// Pictures to latents and back.
    Vae,
    /// CLIP-L (SD1.5 and SDXL), open_clip ViT-H (SD2).
    TextEncoder,
    /// SDXL's open_clip bigG.
    TextEncoder2,
}

impl Part {
    const ALL: [Self; 4] = [Self::Unet, Self::Vae, Self::TextEncoder, Self::TextEncoder2];

    /// The folder's name in diffusers' layout.
    fn folder(self) -> &'static str {
        match self {
            Self::Unet => "unet",
            Self::Vae => "vae",
            Self::TextEncoder => "text_encoder",
            Self::TextEncoder2 => "text_encoder_2",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Unet => "UNet",
            Self::Vae => "VAE",
            Self::TextEncoder => "text encoder",
            Self::TextEncoder2 => "second text encoder",
        }
    }

    /// A tensor that tells whether a source, in diffusers names, has the part.
    fn probe(self) -> &'static str {
        match self {
            Self::Unet => "conv_in.weight",
            Self::Vae => "decoder.conv_in.weight",
            Self::TextEncoder | Self::TextEncoder2 => "text_model.embeddings.token_embedding.weight",
        }
    }

    fn view(self, source: Arc<dyn TensorSource>) -> Arc<dyn TensorSource> {
        match self {
            Self::Unet => names::unet(source),
            Self::Vae => names::vae(source),
            Self::TextEncoder => names::text_encoder(source, Encoder::First),
            Self::TextEncoder2 => names::text_encoder(source, Encoder::Second),
        }
    }
}

/// A model on disk whose networks can be taken one by one. Opening reads names and shapes only.
pub struct Checkpoint {
    path: PathBuf,
    architecture: Architecture,
    parts: BTreeMap<Part, Arc<dyn TensorSource>>,
    configs: BTreeMap<Part, Value>,
    scheduler: Option<Value>,
    model_index: Option<Value>,
}

impl Checkpoint {
    /// Opens a single file (LDM or ComfyUI naming, safetensors or torch) or a diffusers folder.
    ///
    /// # Errors
    /// [`Error::File`] for what cannot be read, [`Error::Weights`] for a file that holds something else, with its name: a LoRA, a
    /// ControlNet, the SDXL refiner.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path.is_dir() { Self::from_folder(path)?.checked() } else { Self::from_source(open(path)?) }
    }

    /// A checkpoint whose networks lie side by side in one source, told apart by their prefixes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_source(source: Arc<dyn TensorSource>) -> Result<Self> {
        let architecture = recognise(&source);
        let view = |part: Part| (part, part.view(source.clone()));
        let has = |(part, view): &(Part, Arc<dyn TensorSource>)| view.tensors().contains_key(part.probe());
        let parts = Part::ALL.into_iter().map(view).filter(has).collect();
        let (configs, scheduler, model_index) = Default::default();
        Self { path: source.describe().into(), architecture, parts, configs, scheduler, model_index }.checked()
    }

    /// Refuses what is no checkpoint or cannot be run, by its name.
    fn checked(mut self) -> Result<Self> {
        let found = self.architecture;
        let problem = match (found.kind, found.family) {
            (_, Some(Family::SdxlRefiner)) | (Kind::Unsupported(_), _) => {
                WeightProblem::Unsupported { found: found.to_string() }
            }
            (Kind::Checkpoint | Kind::Unet, _) => {
                self.architecture.v_prediction |= self.sd2_predicts_v()?;
                return Ok(self);
            }
            _ => WeightProblem::Kind { found: found.to_string(), expected: "a checkpoint".into() },
        };
        let report = WeightsReport::of(self.path.display().to_string(), "checkpoint", problem);
        Err(Error::Weights(Box::new(report)))
    }

    fn from_folder(folder: &Path) -> Result<Self> {
        let (mut parts, mut configs) = (BTreeMap::new(), BTreeMap::new());
        for part in Part::ALL {
            let below = folder.join(part.folder());
            if below.is_dir() {
                parts.insert(part, part.view(open(&below)?));
                configs.extend(config_of(&below)?.map(|config| (part, config)));
            }
        }
        let scheduler = read_json(&folder.join("scheduler").join("scheduler_config.json"))?;
        let model_index = read_json(&folder.join("model_index.json"))?;
        let Some(unet) = parts.get(&Part::Unet) else {
            let wanted = vec!["unet/".to_string()];
            let entries = std::fs::read_dir(folder).map_err(|e| Error::file(folder, io_problem(&e)))?;
            let found = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
            return Err(Error::file(folder, FileProblem::NoWeights { wanted, found }));
        };
        let mut architecture = recognise(unet);
        if architecture.kind == Kind::Unet {
            architecture.kind = Kind::Checkpoint;
        }
        let setting = |key: &str| scheduler.as_ref().and_then(|s| s.get(key));
        architecture.v_prediction |= setting("prediction_type").is_some_and(|v| v == "v_prediction");
        architecture.zero_terminal_snr |= setting("rescale_betas_zero_snr").is_some_and(|v| v == true);
        Ok(Self { path: folder.into(), architecture, parts, configs, scheduler, model_index })
    }

    /// SD2's 512 px models predict noise, its 768 px models v, with the same names and shapes. What tells them apart is the
    /// spread of one bias, which the second training moved. Source: `SD20.model_type` of ComfyUI's `supported_models.py`.
    fn sd2_predicts_v(&self) -> Result<bool> {
        const TELLTALE: &str = "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias";
        // A folder's scheduler configuration says it.
        if self.architecture.family != Some(Family::Sd2) || self.scheduler.is_some() {
            return Ok(false);
        }
        let Some(unet) = self.parts.get(&Part::Unet).filter(|unet| unet.tensors().contains_key(TELLTALE)) else {
            return Ok(false);
        };
        let bias: Vec<f32> = unet.load(TELLTALE, DType::F32, &Device::Cpu)?.flatten_all()?.to_vec1()?;
        let mean = bias.iter().sum::<f32>() / bias.len() as f32;
        let variance = bias.iter().map(|b| (b - mean).powi(2)).sum::<f32>() / bias.len() as f32;
        Ok(variance.sqrt() > 0.09)
    }

    /// The same checkpoint with `config` for `part`, in the form of diffusers' or transformers' `config.json`.
    ///
    /// For single files whose networks are not of a published size, where shapes alone do not tell the number of heads.
    pub fn with_config(mut self, part: Part, config: Value) -> Self {
        self.configs.insert(part, config);
        self
    }

    /// What it is.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has `part`.
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains_key(&part)
    }

    /// The tensors of `part` in the names of diffusers and transformers.
    ///
    /// # Errors
    /// [`FileProblem::NoPart`] if it has none.
    pub fn part(&self, part: Part) -> Result<Arc<dyn TensorSource>> {
        let missing = || FileProblem::NoPart { part: part.name(), found: self.architecture.to_string() };
        self.parts.get(&part).cloned().ok_or_else(|| Error::file(&self.path, missing()))
    }

    /// [`Self::part`] of [`Part::Unet`].
    pub fn unet(&self) -> Result<Arc<dyn TensorSource>> {
        self.part(Part::Unet)
    }

    /// [`Self::part`] of [`Part::Vae`].
    pub fn vae(&self) -> Result<Arc<dyn TensorSource>> {
        self.part(Part::Vae)
    }

    /// [`Self::part`] of [`Part::TextEncoder`].
    pub fn text_encoder(&self) -> Result<Arc<dyn TensorSource>> {
        self.part(Part::TextEncoder)
    }

    /// [`Self::part`] of [`Part::TextEncoder2`].
    pub fn text_encoder_2(&self) -> Result<Arc<dyn TensorSource>> {
        self.part(Part::TextEncoder2)
    }

    /// The configuration of `part`: given by [`Self::with_config`], from the folder, or else read off the tensors.
    ///
    /// # Errors
    /// If it has no such part, or the shapes do not tell.
    pub fn config(&self, part: Part) -> Result<Value> {
        if let Some(config) = self.configs.get(&part) {
            return Ok(config.clone());
        }
        let source = self.part(part)?;
        match part {
            Part::Unet => infer::unet_config(source.as_ref()),
            Part::Vae => infer::vae_config(source.as_ref(), self.architecture.family),
            Part::TextEncoder | Part::TextEncoder2 => infer::text_encoder_config(source.as_ref()),
        }
    }

    /// A folder's `scheduler/scheduler_config.json`.
    pub fn scheduler_config(&self) -> Option<&Value> {
        self.scheduler.as_ref()
    }

    /// A folder's `model_index.json`.
    pub fn model_index(&self) -> Option<&Value> {
        self.model_index.as_ref()
    }
}
