//! Where something may be added inside of the network.

use crate::Result;
use candle_core::Tensor;
use std::fmt;

/// Gives a tensor with what is added at a place.
pub type Hook<'a> = dyn Fn(HookSite<'_>, Tensor) -> Result<Tensor> + 'a;

/// A place inside of the network. Written out, blocks have the names of the original checkpoints (`output_blocks.3`), and attention
/// layers their path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookSite<'a> {
    /// A tensor `[B, C, h, w]` that the way down hands to the way up, after the residuals of ControlNets; 0 is the shallowest.
    Input(usize),
    /// What the middle block gives, `[B, C, h, w]`, after the residuals of ControlNets.
    Middle,
    /// What enters a layer of the way up, `[B, C, h, w]`, beside the tensor of the way down; 0 is the deepest.
    Output(usize),
    /// Inside of an attention layer, `[B, tokens, hidden]`.
    Attention {
        /// Where there.
        part: AttentionPart,
        /// The number of the cross-attention layer in the same transformer block.
        layer: usize,
        /// Its name: `down_blocks.1.attentions.0.transformer_blocks.0.attn1`.
        path: &'a str,
        /// How many heads it has.
        heads: usize,
    },
}

/// A place in an attention layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttentionPart {
    /// The queries.
    Query,
    /// The keys.
    Key,
    /// The values.
    Value,
    /// What it gives, before the output projection and with what adapters add.
    Out,
}

impl fmt::Display for HookSite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(block) => write!(f, "input_blocks.{block}"),
            Self::Middle => f.write_str("middle_block"),
            Self::Output(block) => write!(f, "output_blocks.{block}"),
            Self::Attention { path, .. } => f.write_str(path),
        }
    }
}
