//! Model patches.

use crate::{Ctx, Mask, Result, Tensor};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// What steers a network from inside, at places that it names. The weights of the network are never changed.
///
/// What several patches add at one place adds up; each sees what those before it have made, by [`Hook::priority`] and then in the
/// order of the graph.
pub trait ModelPatch: Any + Send + Sync {
    /// Where it works; always the same.
    ///
    /// # Errors
    /// If it cannot say so.
    fn hooks(&self) -> Result<Vec<Hook>>;

    /// Answers at a place: the outputs of its [`Site`], or nothing, which adds nothing.
    ///
    /// # Errors
    /// When it cannot, which ends the sampling. So do outputs of another shape or with numbers that are not finite.
    fn call(&self, ctx: Ctx, call: &HookCall) -> Result<Vec<Tensor>>;

    /// How much memory it holds, in bytes.
    fn bytes(&self) -> u64 {
        0
    }

    /// Whether something that it is made of [is lost](crate::Object::is_lost).
    fn is_lost(&self) -> bool {
        false
    }
}

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Site {
    /// Keys and values beside those of the text in a cross-attention layer, with a softmax of their own (IP-Adapter, InstantID):
    /// `softmax(Q Kᵀ/√d) V`, times [`Hook::weights`] and [`Hook::mask`], is added to what the text gives.
    ///
    /// No inputs; outputs K and V, each `[rows, tokens, hidden]`. It is asked once for each layer and batch of a sampling, not in
    /// every step. Places are called by the path of the layer: `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
    AttentionAdd,
    /// The tensors that the way down hands to the way up. Input and output `[rows, channels, h, w]`; the output is added. Places
    /// are called `input_blocks.0`, `input_blocks.1`, ...
    Input,
    /// What the middle block gives, as above. Its place is called `middle_block`.
    Middle,
    /// What enters a layer of the way up beside the tensor of the way down, as above. Places are called `output_blocks.0`,
    /// `output_blocks.1`, ...
    Output,
    /// The queries of an attention layer. Input and output `[rows, tokens, hidden]`; the output is added, in every step. Places are
    /// called by the path of the layer: `attn1` at its end is attention of the picture to itself, `attn2` to the text.
    Query,
    /// The keys of an attention layer, as above.
    Key,
    /// The values of an attention layer, as above.
    Value,
    /// What an attention layer gives before its output projection, with what adapters add, as above.
    Attention,
}

/// A place, or several, where a patch works.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// What kind of place.
    pub site: Site,
    /// The names of the places; `*` stands for any letters.
    pub places: String,
    /// Hooks of one place run from low to high; equal ones in the order of the graph.
    pub priority: i32,
    /// Where it begins to work, as a fraction 0..1 of the sampling.
    pub start: f64,
    /// Where it stops.
    pub end: f64,
    /// For [`Site::AttentionAdd`]: a factor on what it adds, or one for each layer in the order down, up, middle; 1 if there is
    /// none. Layers of 0 are not asked.
    pub weights: Vec<f64>,
    /// For [`Site::AttentionAdd`]: where in the picture it works; everywhere if absent.
    pub mask: Option<Mask>,
    /// How the mask is brought to the size of a layer.
    pub resize: MaskResize,
}

impl Hook {
    /// A hook for the whole sampling at all places of a site.
    pub fn new(site: Site) -> Self {
        Hook {
            site,
            places: "*".to_owned(),
            priority: 0,
            start: 0.0,
            end: 1.0,
            weights: Vec::new(),
            mask: None,
            resize: MaskResize::Bilinear,
        }
    }
}

/// How a mask is brought to the size of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaskResize {
    /// Linearly between the middles of pixels.
    Bilinear,
    /// By the nearest pixel.
    Nearest,
}

/// One question to a patch.
#[derive(Clone, Copy, Debug)]
pub struct HookCall<'a> {
    /// The number of the hook among those of the patch.
    pub hook: usize,
    /// Its site.
    pub site: Site,
    /// The number of the block, or of the cross-attention layer (down, up, middle) in the same transformer block.
    pub layer: usize,
    /// The name of the place.
    pub place: &'a str,
    /// Heads of the attention layer; 0 at blocks.
    pub heads: usize,
    /// Width of its queries, keys and values; 0 at blocks.
    pub hidden: usize,
    /// Width of the tokens of text that the cross-attention layer reads; 0 at blocks.
    pub context: usize,
    /// Rows and columns of the latents.
    pub latent: [usize; 2],
    /// The noise level; 0 where the answer serves all steps.
    pub sigma: f64,
    /// What the rows of the batch belong to.
    pub rows: &'a [Row],
    /// The inputs of the site.
    pub inputs: &'a [Tensor],
}

/// What a row of a batch belongs to: conditions may be evaluated together or one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Row {
    /// The number of the condition, positive ones first.
    pub condition: usize,
    /// The number of the picture among those that are sampled together.
    pub picture: usize,
    /// Whether the condition is a negative one.
    pub is_negative: bool,
}
