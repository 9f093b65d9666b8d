//! Textual inversion: learned vectors that a prompt calls by a name.
//!
//! **Source**: Gal et al., "An Image is Worth One Word" (arXiv 2208.01618).
//!
//! **Weights**, `n` vectors of the encoder's width `D`, by the names of their tensors:
//!
//! | names | who writes them |
//! |---|---|
//! | `emb_params [n, D]` | trainers in safetensors |
//! | `clip_l [n, 768]` and `clip_g [n, 1280]` | SDXL trainers |
//! | `string_to_param.* [n, D]` (the `*` is the name) | A1111, a pickle of a dictionary in a dictionary |
//! | any other, `[D]` or `[n, D]` | diffusers' `learned_embeds`: the name is the word to use in prompts |

use crate::weights::{FileProblem, TensorInfo, open};
use crate::{Error, Result};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::path::Path;

/// Which of a model's text encoders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncoderRole {
    /// CLIP-L: SD1.5's only one, SDXL's first.
    ClipL,
    /// OpenCLIP bigG: SDXL's second.
    ClipG,
}

impl EncoderRole {
    /// What files call it.
    fn key(self) -> &'static str {
        match self {
            Self::ClipL => CLIP_L,
            Self::ClipG => CLIP_G,
        }
    }
}

const CLIP_L: &str = "clip_l";
const CLIP_G: &str = "clip_g";
const EMB_PARAMS: &str = "emb_params";
const STRING_TO_PARAM: &str = "string_to_param";

/// Learned vectors with the names that prompts call them by.
#[derive(Debug, Clone)]
pub struct TextualInversion {
    name: String,
    token: Option<String>,
    vectors: Vectors,
}

/// Each `[n, D]`.
#[derive(Debug, Clone)]
enum Vectors {
    /// For whichever encoder has their width.
    Any(Tensor),
    /// For the encoder of that role.
    PerRole { clip_l: Option<Tensor>, clip_g: Option<Tensor> },
}

impl TextualInversion {
    /// Reads a safetensors file or a torch pickle; its name without the ending becomes the embedding's name.
    ///
    /// One embedding for most files; as many as there are words in a file of diffusers.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read or holds no embedding.
    pub fn load(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        let path = path.as_ref();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        Self::from_tensors(&name, read_tensors(path)?)
            .map_err(|why| Error::file(path, FileProblem::TextualInversion(why)))
    }

    /// Makes embeddings of the tensors of one file; see the module's table. The error says what is wrong with them.
    pub fn from_tensors(name: &str, mut tensors: BTreeMap<String, Tensor>) -> Result<Vec<Self>, String> {
        let new = |token: Option<String>, vectors| Self { name: name.to_string(), token, vectors };
        let mut take = |key: &str| tensors.remove(key).map(|tensor| rows(key, &tensor)).transpose();
        let (clip_l, clip_g) = (take(CLIP_L)?, take(CLIP_G)?);
        if clip_l.is_some() || clip_g.is_some() {
            return Ok(vec![new(None, Vectors::PerRole { clip_l, clip_g })]);
        }
        if let Some(vectors) = take(EMB_PARAMS)? {
            return Ok(vec![new(None, Vectors::Any(vectors))]);
        }
        let mut found = Vec::new();
        for (key, tensor) in &tensors {
            let word = key.strip_prefix(STRING_TO_PARAM).and_then(|rest| rest.strip_prefix('.')).unwrap_or(key);
            let token = (word != "*").then(|| word.to_string());
            found.push((token, rows(key, tensor)?));
        }
        let widths: Vec<usize> = found.iter().filter_map(|(_, rows)| rows.dims().last().copied()).collect();
        match widths.as_slice() {
            [] => Err("no tensors where an embedding has them".into()),
            [first, rest @ ..] if rest.iter().any(|width| width != first) => {
                Err(format!("its {} tensors differ in width (is this a LoRA or a model?)", widths.len()))
            }
            _ => Ok(found.into_iter().map(|(token, vectors)| new(token, Vectors::Any(vectors))).collect()),
        }
    }

    /// The file's name, without its ending: what ComfyUI's `embedding:name` and A1111 call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The word that the file itself gives, e.g. `<birb-style>`.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The vectors `[n, width]` for one encoder.
    ///
    /// # Errors
    /// [`Error::Input`] when there are none for that encoder, or they have another width.
    pub fn vectors(&self, role: EncoderRole, width: usize) -> Result<&Tensor> {
        let vectors = match (&self.vectors, role) {
            (Vectors::Any(vectors), _) => Some(vectors),
            (Vectors::PerRole { clip_l, .. }, EncoderRole::ClipL) => clip_l.as_ref(),
            (Vectors::PerRole { clip_g, .. }, EncoderRole::ClipG) => clip_g.as_ref(),
        };
        let what = || format!("textual inversion {:?}", self.name);
        let key = role.key();
        let Some(vectors) = vectors else {
            return Err(Error::input(what(), format!("vectors for the text encoder {key}"), "a file without them"));
        };
        match vectors.dims() {
            [_, got] if *got == width => Ok(vectors),
            dims => {
                let expected = format!("vectors of width {width} for the text encoder {key}");
                let got = format!("width {} (was it trained for another model?)", dims.last().copied().unwrap_or(0));
                Err(Error::input(what(), expected, got))
            }
        }
    }
}

/// `[D]` or `[n, D]` numbers to `[n, D]`.
fn rows(key: &str, tensor: &Tensor) -> Result<Tensor, String> {
    let rows = match tensor.dims() {
        [width] => tensor.reshape((1, *width)),
        [_, _] => Ok(tensor.clone()),
        dims => return Err(format!("{key}: expected shape [vectors, width], got {dims:?}")),
    };
    let rows = rows.map_err(|e| e.to_string())?;
    if rows.elem_count() == 0 || !rows.dtype().is_float() {
        return Err(format!("{key}: expected float vectors, got {:?} {:?}", rows.dtype(), rows.dims()));
    }
    Ok(rows)
}

/// Every tensor of the file, as stored, on the CPU; a pickle's nested dictionaries come as dotted names.
fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let source = open(path)?;
    let load = |(name, info): (&String, &TensorInfo)| Ok((name.clone(), source.load(name, info.dtype, &Device::Cpu)?));
    source.tensors().iter().map(load).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    fn of(tensors: &[(&str, &[usize])]) -> Result<Vec<TextualInversion>, String> {
        let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
        TextualInversion::from_tensors("file", tensors.iter().map(|(k, dims)| (k.to_string(), zeros(dims))).collect())
    }

    #[test]
    fn every_layout_is_recognised() {
        for key in [EMB_PARAMS, "string_to_param.*"] {
            let found = of(&[(key, &[5, 8])]).unwrap();
            assert_eq!((found.len(), found[0].token()), (1, None), "{key}");
            assert_eq!(found[0].vectors(EncoderRole::ClipL, 8).unwrap().dims(), [5, 8]);
        }
        let found = of(&[("<a>", &[8]), ("<b>", &[2, 8])]).unwrap();
        assert_eq!(found.iter().map(|e| e.token().unwrap()).collect::<Vec<_>>(), ["<a>", "<b>"]);
        let found = of(&[("clip_l", &[3, 8]), ("clip_g", &[2, 12])]).unwrap();
        assert_eq!(found[0].vectors(EncoderRole::ClipL, 8).unwrap().dims(), [3, 8]);
        assert_eq!(found[0].vectors(EncoderRole::ClipG, 12).unwrap().dims(), [2, 12]);
    }

    #[test]
    fn a_wrong_width_names_both() {
        let found = of(&[(EMB_PARAMS, &[1, 768])]).unwrap();
        let error = found[0].vectors(EncoderRole::ClipG, 1280).unwrap_err().to_string();
        assert!(error.contains("768") && error.contains("1280") && error.contains("clip_g"), "{error}");
        let only_g = of(&[("clip_g", &[1, 1280])]).unwrap();
        assert!(only_g[0].vectors(EncoderRole::ClipL, 768).unwrap_err().to_string().contains("clip_l"));
    }

    #[test]
    fn other_files_are_refused() {
        assert!(of(&[]).is_err());
        assert!(of(&[("lora_up", &[8, 4]), ("lora_down", &[4, 16])]).unwrap_err().contains("width"));
        assert!(of(&[("conv", &[8, 4, 3, 3])]).is_err());
    }
}
