//! CLIP's text encoder: token ids to one vector a token, and one for the whole text.
//!
//! **Source**: `transformers/models/clip/modeling_clip.py` (5.23), after Radford et al., "Learning Transferable Visual Models
//! From Natural Language Supervision" (arXiv 2103.00020). A pre-norm transformer with causal attention.
//!
//! **Shapes**: `B` sequences of `L` tokens, `D` features: `[B, L] -> [B, L, D]`, pooled `[B, D]`, projected `[B, P]`.
//!
//! **Weights**: `text_model.*` and, with a projection, `text_projection.weight`, in transformers' names.

use super::clip_config::{ClipActivation, ClipConfig, LEGACY_EOS};
use crate::layers::{LayerNorm, Linear};
use crate::ops::{self, Mask};
use crate::weights::Weights;
use crate::{Cancel, Error, Result};
use candle_core::Tensor;

/// What the encoder reads at one position.
#[derive(Debug, Clone)]
pub enum Token {
    /// An entry of the vocabulary.
    Id(u32),
    /// A learned vector `[D]` in place of a token's embedding (textual inversion).
    Vector(Tensor),
}

/// What the encoder makes of a batch of sequences.
#[derive(Debug, Clone)]
pub struct ClipOutput {
    /// `num_hidden_layers + 1` times `[B, L, D]`: the embedded tokens, then what each block made of them, not normalised.
    pub hidden_states: Vec<Tensor>,
    /// `[B, L, D]`: the last of [`Self::hidden_states`] after the final layer norm.
    pub last_hidden_state: Tensor,
    /// `[B, D]`: [`Self::last_hidden_state`] where the sequence ends.
    ///
    /// That is at the first `eos_token_id`; if that is 2, at the highest id, as transformers keeps for old files. A
    /// [`Token::Vector`] counts as no id at all, so textual inversion does not move the end.
    pub pooled: Tensor,
    /// `[B, P]`: [`Self::pooled`] projected, for encoders with a projection.
    pub text_embeds: Option<Tensor>,
}

impl ClipOutput {
    /// `hidden_states[-n]` in Python's counting: 1 is the last block's output, 2 the penultimate's.
    ///
    /// # Errors
    /// [`Error::Input`] when there are not so many.
    pub fn from_end(&self, n: usize) -> Result<&Tensor> {
        let count = self.hidden_states.len();
        let found = count.checked_sub(n).and_then(|i| self.hidden_states.get(i));
        found.ok_or_else(|| Error::input("clip skip", format!("a layer among the last {count}"), format!("layer -{n}")))
    }
}

/// A CLIP text encoder.
pub struct ClipText {
    config: ClipConfig,
    /// `[vocab, D]`
    tokens: Tensor,
    /// `[77, D]`
    positions: Tensor,
    blocks: Vec<Block>,
    final_norm: LayerNorm,
    projection: Option<Linear>,
}

impl ClipText {
    /// Takes the weights; call [`Weights::finish`] before using the encoder.
    ///
    /// # Errors
    /// When reading the file fails.
    pub fn new(config: &ClipConfig, weights: &Weights) -> Result<Self> {
        let width = config.hidden_size;
        let model = weights.pp("text_model");
        let embeddings = model.pp("embeddings");
        let layers = model.pp("encoder").pp("layers");
        let blocks = (0..config.num_hidden_layers).map(|i| Block::new(config, &layers.pp(i))).collect::<Result<_>>()?;
        let projection = if config.has_projection() {
            Some(Linear::load_no_bias(&weights.pp("text_projection"), width, config.projection_dim)?)
        } else {
            None
        };
        Ok(Self {
            config: config.clone(),
            tokens: embeddings.pp("token_embedding").get("weight", (config.vocab_size, width))?,
            positions: embeddings.pp("position_embedding").get("weight", (config.max_position_embeddings, width))?,
            blocks,
            final_norm: LayerNorm::load(&model.pp("final_layer_norm"), width, config.layer_norm_eps)?,
            projection,
        })
    }

    /// The configuration that the encoder was made from.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// Encodes sequences of equal length, at least one token and at most `max_position_embeddings` long.
    ///
    /// # Errors
    /// [`Error::Input`] for an id beyond the vocabulary, a vector of another width, or a wrong length; [`Error::Cancelled`].
    pub fn forward(&self, batch: &[Vec<Token>], cancel: &Cancel) -> Result<ClipOutput> {
        let mut x = self.embed(batch)?;
        let mut hidden_states = Vec::with_capacity(self.blocks.len() + 1);
        for block in &self.blocks {
            cancel.check()?;
            let next = block.forward(&x)?;
            hidden_states.push(std::mem::replace(&mut x, next));
        }
        let last_hidden_state = self.final_norm.forward(&x)?;
        hidden_states.push(x);
        let ends = batch.iter().enumerate().map(|(row, tokens)| {
            let end = self.end_of(tokens);
            last_hidden_state.narrow(0, row, 1)?.narrow(1, end, 1)?.squeeze(1) // [1, D]
        });
        let pooled = Tensor::cat(&ends.collect::<candle_core::Result<Vec<_>>>()?, 0)?;
        let text_embeds = self.projection.as_ref().map(|p| p.forward(&pooled)).transpose()?;
        Ok(ClipOutput { hidden_states, last_hidden_state, pooled, text_embeds })
    }

    /// The final layer norm, which SD1.5 also lays over the layers that clip skip picks.
    ///
    /// # Errors
    /// When the shape does not end in `D`.
    pub fn final_norm(&self, x: &Tensor) -> Result<Tensor> {
        self.final_norm.forward(x)
    }

    /// `[B, L, D]`: token plus position embeddings.
    fn embed(&self, batch: &[Vec<Token>]) -> Result<Tensor> {
        let (width, vocab, longest) =
            (self.config.hidden_size, self.config.vocab_size, self.config.max_position_embeddings);
        let length = batch.first().map_or(0, Vec::len);
        let count = batch.len() * length;
        if length == 0 || length > longest || batch.iter().any(|tokens| tokens.len() != length) {
            let lengths: Vec<usize> = batch.iter().map(Vec::len).collect();
            let expected = format!("sequences of one length, 1 to {longest} tokens");
            return Err(Error::input("text encoder tokens", expected, format!("lengths {lengths:?}")));
        }
        // Rows of a table that holds the looked-up embeddings first and the given vectors behind them.
        let (mut ids, mut rows, mut vectors) = (Vec::with_capacity(count), Vec::with_capacity(count), Vec::new());
        for token in batch.iter().flatten() {
            match token {
                Token::Id(id) if (*id as usize) < vocab => {
                    rows.push(ids.len() as u32);
                    ids.push(*id);
                }
                Token::Id(id) => {
                    return Err(Error::input("token id", format!("less than {vocab}"), id.to_string()));
                }
                Token::Vector(vector) if vector.dims() == [width] => {
                    rows.push((count + vectors.len()) as u32);
                    ids.push(0);
                    vectors.push(vector.to_device(self.tokens.device())?.to_dtype(self.tokens.dtype())?);
                }
                Token::Vector(vector) => {
                    return Err(Error::input(
                        "token vector",
                        format!("shape [{width}]"),
                        format!("{:?}", vector.dims()),
                    ));
                }
            }
        }
        let device = self.tokens.device();
        let mut x = self.tokens.index_select(&Tensor::from_vec(ids, count, device)?, 0)?; // [B·L, D]
        if !vectors.is_empty() {
            let table = Tensor::cat(&[x, Tensor::stack(&vectors, 0)?], 0)?;
            x = table.index_select(&Tensor::from_vec(rows, count, device)?, 0)?;
        }
        let x = x.reshape((batch.len(), length, width))?;
        Ok(x.broadcast_add(&self.positions.narrow(0, 0, length)?)?)
    }

    /// Where a sequence ends; its first position if it has no end.
    fn end_of(&self, tokens: &[Token]) -> usize {
        let ids = tokens.iter().enumerate().filter_map(|(i, token)| match token {
            Token::Id(id) => Some((i, *id)),
            Token::Vector(_) => None,
        });
        let end = if self.config.eos_token_id == LEGACY_EOS {
            ids.rev().max_by_key(|(_, id)| *id) // of equals the last one visited, so the first in the sequence
        } else {
            ids.into_iter().find(|(_, id)| *id == self.config.eos_token_id)
        };
        end.map_or(0, |(i, _)| i)
    }
}

/// Attention and a two-layer perceptron, each behind a layer norm and added to its input.
struct Block {
    norm1: LayerNorm,
    q: Linear,
    k: Linear,
    v: Linear,
    out: Linear,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    heads: usize,
    activation: ClipActivation,
}

impl Block {
    fn new(config: &ClipConfig, weights: &Weights) -> Result<Self> {
        let (width, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let (attention, mlp) = (weights.pp("self_attn"), weights.pp("mlp"));
        let projection = |name: &str| Linear::load(&attention.pp(name), width, width);
        Ok(Self {
            norm1: LayerNorm::load(&weights.pp("layer_norm1"), width, eps)?,
            q: projection("q_proj")?,
            k: projection("k_proj")?,
            v: projection("v_proj")?,
            out: projection("out_proj")?,
            norm2: LayerNorm::load(&weights.pp("layer_norm2"), width, eps)?,
            fc1: Linear::load(&mlp.pp("fc1"), width, inner)?,
            fc2: Linear::load(&mlp.pp("fc2"), inner, width)?,
            heads: config.num_attention_heads,
            activation: config.hidden_act,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.norm1.forward(x)?;
        let (q, k, v) = (self.q.forward(&y)?, self.k.forward(&y)?, self.v.forward(&y)?);
        let x = (x + self.out.forward(&ops::attention(&q, &k, &v, self.heads, Mask::Causal)?)?)?;
        let y = self.fc1.forward(&self.norm2.forward(&x)?)?;
        let y = match self.activation {
            ClipActivation::QuickGelu => ops::quick_gelu(&y)?,
            ClipActivation::Gelu => ops::gelu(&y)?,
        };
        Ok((x + self.fc2.forward(&y)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};
    use std::collections::HashMap;

    const TINY: &str = r#"{"vocab_size": 20, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 6, "hidden_act": "gelu", "projection_dim": 4,
        "eos_token_id": 19, "architectures": ["CLIPTextModelWithProjection"]}"#;

    /// A tiny encoder whose weights are fixed wave patterns.
    fn tiny(eos: u32, dtype: DType) -> ClipText {
        let config = ClipConfig { eos_token_id: eos, ..ClipConfig::from_json(&TINY.parse().unwrap()).unwrap() };
        let mut tensors = HashMap::new();
        let mut add = |name: &str, dims: &[usize]| {
            let (count, phase) = (dims.iter().product::<usize>(), tensors.len() as f32);
            let wave: Vec<f32> = (0..count).map(|i| ((i as f32) * 0.7 + phase).sin()).collect();
            tensors.insert(name.to_string(), Tensor::from_vec(wave, dims, &Device::Cpu).unwrap());
        };
        add("text_model.embeddings.token_embedding.weight", &[20, 8]);
        add("text_model.embeddings.position_embedding.weight", &[6, 8]);
        for i in 0..2 {
            for (layer, out, inp) in
                [("mlp.fc1", 16, 8), ("mlp.fc2", 8, 16)].into_iter().chain(["q", "k", "v", "out"].map(|n| (n, 8, 8)))
            {
                let layer = if layer.contains('.') { layer.to_string() } else { format!("self_attn.{layer}_proj") };
                add(&format!("text_model.encoder.layers.{i}.{layer}.weight"), &[out, inp]);
                add(&format!("text_model.encoder.layers.{i}.{layer}.bias"), &[out]);
            }
            for (norm, part) in [("1", "weight"), ("1", "bias"), ("2", "weight"), ("2", "bias")] {
                add(&format!("text_model.encoder.layers.{i}.layer_norm{norm}.{part}"), &[8]);
            }
        }
        add("text_model.final_layer_norm.weight", &[8]);
        add("text_model.final_layer_norm.bias", &[8]);
        add("text_projection.weight", &[4, 8]);
        let weights = Weights::from_tensors(tensors, dtype, &Device::Cpu);
        let clip = ClipText::new(&config, &weights).unwrap();
        assert!(weights.finish("CLIP text encoder").unwrap().unexpected.is_empty());
        clip
    }

    fn ids(ids: &[u32]) -> Vec<Token> {
        ids.iter().copied().map(Token::Id).collect()
    }

    fn max_diff(a: &Tensor, b: &Tensor) -> f32 {
        let diff = (a.to_dtype(DType::F32).unwrap() - b.to_dtype(DType::F32).unwrap()).unwrap();
        diff.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
    }

    fn run(clip: &ClipText, batch: &[Vec<Token>]) -> ClipOutput {
        clip.forward(batch, &Cancel::default()).unwrap()
    }

    #[test]
    fn a_batch_is_its_rows() {
        let clip = tiny(19, DType::F32);
        let rows = [ids(&[1, 2, 3, 19]), ids(&[1, 7, 19, 19])];
        let (both, second) = (run(&clip, &rows), run(&clip, &rows[1..]));
        assert_eq!((both.hidden_states.len(), both.text_embeds.as_ref().unwrap().dims()), (3, &[2, 4][..]));
        assert!(max_diff(&both.last_hidden_state.narrow(0, 1, 1).unwrap(), &second.last_hidden_state) < 1e-5);
        assert!(max_diff(&both.pooled.narrow(0, 1, 1).unwrap(), &second.pooled) < 1e-5);
    }

    #[test]
    fn tokens_see_only_what_stands_before_them() {
        let clip = tiny(19, DType::F32);
        let (a, b) = (run(&clip, &[ids(&[1, 2, 3, 19])]), run(&clip, &[ids(&[1, 2, 9, 5])]));
        let start = |output: &ClipOutput| output.last_hidden_state.narrow(1, 0, 2).unwrap();
        assert!(max_diff(&start(&a), &start(&b)) < 1e-6);
        assert!(max_diff(&a.last_hidden_state, &b.last_hidden_state) > 1e-2);
    }

    #[test]
    fn a_vector_takes_a_tokens_place() {
        let clip = tiny(19, DType::F32);
        let vector = Token::Vector(clip.tokens.get(5).unwrap());
        let given = vec![Token::Id(1), vector, Token::Id(19)];
        assert_eq!(max_diff(&run(&clip, &[given]).pooled, &run(&clip, &[ids(&[1, 5, 19])]).pooled), 0.0);
    }

    #[test]
    fn the_end_is_the_first_eos_or_the_highest_id() {
        let position = |eos, row: &[u32]| tiny(eos, DType::F32).end_of(&ids(row));
        assert_eq!(position(19, &[1, 5, 19, 19]), 2);
        assert_eq!(position(7, &[1, 7, 19, 7]), 1);
        assert_eq!(position(LEGACY_EOS, &[1, 7, 18, 18, 2]), 2);
    }

    #[test]
    fn f16_stays_near_f32() {
        let rows = [ids(&[1, 2, 3, 19])];
        let (half, full) = (run(&tiny(19, DType::F16), &rows), run(&tiny(19, DType::F32), &rows));
        assert_eq!(half.last_hidden_state.dtype(), DType::F16);
        assert!(max_diff(&half.last_hidden_state, &full.last_hidden_state) < 2e-2);
    }

    #[test]
    fn bad_input_is_refused_with_both_sides_named() {
        let clip = tiny(19, DType::F32);
        let refused = |batch: &[Vec<Token>]| clip.forward(batch, &Cancel::default()).unwrap_err().to_string();
        assert!(refused(&[ids(&[20])]).contains("less than 20, got 20"));
        assert!(refused(&[ids(&[1; 7])]).contains("1 to 6 tokens"));
        assert!(refused(&[ids(&[1]), ids(&[1, 2])]).contains("[1, 2]"));
        assert!(refused(&[]).contains("one length"));
        let narrow = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
        assert!(refused(&[vec![Token::Vector(narrow)]]).contains("shape [8], got [3]"));
        let cancel = Cancel::default();
        cancel.cancel();
        assert!(matches!(clip.forward(&[ids(&[1])], &cancel), Err(Error::Cancelled)));
        assert!(run(&clip, &[ids(&[1])]).from_end(4).is_err());
    }
}
