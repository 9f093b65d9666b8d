//! Where something may be added between the blocks of the network.

use crate::Result;
use candle_core::Tensor;
use std::fmt;

/// Gives `x [B, C, h, w]` with what is added at a place.
pub type BlockHook<'a> = dyn Fn(BlockSite, Tensor) -> Result<Tensor> + 'a;

/// A place between blocks. Written out it has the name that the place has in the original checkpoints (`output_blocks.3`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockSite {
    /// A tensor that the way down hands to the way up, after the residuals of ControlNets; 0 is the shallowest.
    Input(usize),
    /// What the middle block gives, after the residuals of ControlNets.
    Middle,
    /// What enters a layer of the way up, beside the tensor of the way down; 0 is the deepest.
    Output(usize),
}

impl fmt::Display for BlockSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(block) => write!(f, "input_blocks.{block}"),
            Self::Middle => f.write_str("middle_block"),
            Self::Output(block) => write!(f, "output_blocks.{block}"),
        }
    }
}
