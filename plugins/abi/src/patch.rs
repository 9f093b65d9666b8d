//! Model patches: how a plugin steers a network from inside.

use crate::{SsCtx, SsObj, SsStatus, SsStr, SsValue};

/// What steers a network from inside, of type MODEL_PATCH: a SsModelPatch.
pub const SS_MODEL_PATCH: &str = "selfsame.model_patch/1";

/// Keys and values beside those of the text in a cross-attention layer, with a softmax of their own (IP-Adapter,
/// InstantID). No inputs; outputs K and V, each f32 [rows, tokens, hidden]. Asked once for each layer and batch of a
/// sampling, not in every step. Places are called by the path of the layer:
/// `down_blocks.1.attentions.0.transformer_blocks.0.attn2`.
pub const SS_SITE_ATTN2_ADD: u32 = 1;
/// The tensors that the way down hands to the way up. Input and output f32 [rows, channels, h, w]; the output is added.
/// Places are called `input_blocks.0`, `input_blocks.1`, ...
pub const SS_SITE_INPUT: u32 = 2;
/// What the middle block gives, as above. Its place is called `middle_block`.
pub const SS_SITE_MIDDLE: u32 = 3;
/// What enters a layer of the way up beside the tensor of the way down, as above. Places are called `output_blocks.0`,
/// `output_blocks.1`, ...
pub const SS_SITE_OUTPUT: u32 = 4;
/// The queries of an attention layer. Input and output f32 [rows, tokens, hidden]; the output is added, in every step. Places are
/// called by the path of the layer: `attn1` at its end is attention of the picture to itself, `attn2` to the text.
pub const SS_SITE_QUERY: u32 = 5;
/// The keys of an attention layer, as above.
pub const SS_SITE_KEY: u32 = 6;
/// The values of an attention layer, as above.
pub const SS_SITE_VALUE: u32 = 7;
/// What an attention layer gives before its output projection, with what adapters add, as above.
pub const SS_SITE_ATTENTION: u32 = 8;

/// A mask is resized to a layer linearly between the middles of pixels.
pub const SS_RESIZE_BILINEAR: u32 = 0;
/// A mask is resized to a layer by the nearest pixel.
pub const SS_RESIZE_NEAREST: u32 = 1;

/// A place, or several, where a patch works.
#[repr(C)]
pub struct SsHook {
    /// sizeof(SsHook).
    pub struct_size: u32,
    /// SS_SITE_*.
    pub site: u32,
    /// Hooks of one place run from low to high; equal ones in the order of the graph.
    pub priority: i32,
    /// SS_RESIZE_*.
    pub resize: u32,
    /// The names of the places; `*` stands for any letters.
    pub places: SsStr,
    /// Where it begins to work, as a fraction 0..1 of the sampling.
    pub start: f64,
    /// Where it stops.
    pub end: f64,
    /// For SS_SITE_ATTN2_ADD: a factor on what it adds, or one for each layer in the order down, up, middle; 1 if there is
    /// none. Layers of 0 are not asked.
    pub weights: *const f64,
    /// How many there are.
    pub n_weights: u64,
    /// For SS_SITE_ATTN2_ADD: a MASK of where in the picture it works, or SS_NULL.
    pub mask: SsValue,
}

/// What a row of a batch belongs to: conditions may be evaluated together or one by one.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsRow {
    /// The number of the condition, positive ones first.
    pub condition: u32,
    /// The number of the picture among those that are sampled together.
    pub picture: u32,
    /// 1 for a negative condition.
    pub is_negative: u32,
    /// 0.
    pub zero: u32,
}

/// One question to a patch.
#[repr(C)]
pub struct SsHookCall {
    /// sizeof(SsHookCall).
    pub struct_size: u32,
    /// The number of the hook among those of the patch.
    pub hook: u32,
    /// Its SS_SITE_*.
    pub site: u32,
    /// The number of the block, or of the cross-attention layer (down, up, middle) in the same transformer block.
    pub layer: u32,
    /// The name of the place.
    pub place: SsStr,
    /// Heads of the attention layer; 0 at blocks.
    pub heads: u32,
    /// Width of its queries, keys and values; 0 at blocks.
    pub hidden: u32,
    /// Width of the tokens of text that the cross-attention layer reads; 0 at blocks.
    pub context: u32,
    /// Rows of the latents.
    pub latent_height: u32,
    /// Columns of the latents.
    pub latent_width: u32,
    /// 0.
    pub reserved: u32,
    /// The noise level; 0 where the answer serves all steps.
    pub sigma: f64,
    /// What the rows of the batch belong to.
    pub rows: *const SsRow,
    /// How many there are.
    pub n_rows: u64,
    /// The inputs of the site, TENSORs.
    pub inputs: *const SsValue,
    /// How many there are.
    pub n_inputs: u64,
}

/// What steers a network from inside. The weights of the network are never changed.
#[repr(C)]
pub struct SsModelPatch {
    /// sizeof(SsModelPatch).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Gives where it works, always the same; valid as long as the object.
    pub hooks:
        Option<unsafe extern "C" fn(o: *mut SsObj, hooks: *mut *const *const SsHook, n_hooks: *mut u64) -> SsStatus>,
    /// Answers at a place: writes the outputs of the site, `n_outputs` values that are SS_NULL before. Writing none of them
    /// adds nothing.
    pub call: Option<
        unsafe extern "C" fn(
            o: *mut SsObj,
            ctx: *mut SsCtx,
            call: *const SsHookCall,
            outputs: *mut SsValue,
            n_outputs: u64,
        ) -> SsStatus,
    >,
}

// SAFETY: it is read only.
unsafe impl Sync for SsModelPatch {}
