//! What every layer of one forward pass can look at.

use super::cross_attention::{AdapterKv, ContextKv};
use super::hook::Hook;
use crate::Cancel;
use candle_core::Tensor;

/// Hears of a block's output, by the block's dotted name.
pub type Observer<'a> = dyn Fn(&str, &Tensor) + 'a;

/// The surroundings of one forward pass.
pub(crate) struct Pass<'a> {
    /// The time embedding, already through SiLU: `[B, 4·C]`.
    pub time: &'a Tensor,
    /// Keys and values of the text (or, in IdentityNet, of the face).
    pub context: &'a ContextKv,
    /// What adds to cross-attention.
    pub adapters: &'a [&'a AdapterKv],
    /// What else adds to blocks and attention.
    pub hook: Option<&'a Hook<'a>>,
    /// Looked at between layers.
    pub cancel: &'a Cancel,
    /// Shown every block's output, by name.
    pub observe: &'a Observer<'a>,
}
