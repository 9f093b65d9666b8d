//! A model patch: InstantID's Image Adapter, rebuilt from what the boundary offers. Every cross-attention layer reads the tokens of
//! a face beside the text.

use selfsame_sdk::prelude::*;
use selfsame_sdk::{Hook, HookCall, MaskResize, ModelPatch, ModelValue, ModelWeights, Row, Site};

/// Lets a model see a person, as the host's own `ImageAdapter` does. Its patch goes to `PatchModel`.
#[node(id = "com.example.face_attention", category = "samples", search = ["ip-adapter", "instantid"])]
#[output(patch = "the patch")]
pub fn face_attention(
    ctx: Ctx,
    /// The denoising network that is to be patched.
    model: ModelValue,
    /// The adapter's file.
    #[param(model = "instantid")]
    instantid: String,
    /// The person.
    #[param(ty = "ID")]
    id: Value,
    /// How much the person counts.
    #[param(default = 0.8, hard = -1.0..=5.0, soft = 0.0..=1.5)]
    weight: f64,
    /// A factor on the weight for each cross-attention layer, in the order down, up, middle; all 1 if empty.
    #[param(default = Vec::<f64>::new())]
    layer_weights: Vec<f64>,
    /// Where in the picture the person may be.
    mask: Option<Mask>,
    /// Where it begins to work, as a fraction of the sampling.
    #[param(default = 0.0, hard = 0.0..=1.0)]
    start: f64,
    /// Where it stops.
    #[param(default = 1.0, hard = 0.0..=1.0)]
    end: f64,
) -> Result<ModelPatchValue> {
    let path = ctx.model("instantid", &instantid)?;
    ctx.reads(&path)?;
    let file = ctx.weights(&path)?;
    let layers = model.info(ctx)?.layers;
    let projections = (0..layers.len()).map(|layer| Projections::read(&file, layer)).collect::<Result<Vec<_>>>()?;
    for (layer, projections) in layers.iter().zip(&projections) {
        if projections.to_k.shape() != [layer.hidden, layer.context] {
            let (expected, got) = ([layer.hidden, layer.context], projections.to_k.shape());
            return Err(Error::input("instantid", format!("{}: expected {expected:?}, got {got:?}", layer.path)));
        }
    }
    let weights = match layer_weights.is_empty() {
        true => vec![weight],
        false => layer_weights.iter().map(|factor| factor * weight).collect(),
    };
    let hook = Hook { start, end, weights, mask, resize: MaskResize::Bilinear, ..Hook::new(Site::AttentionAdd) };
    let (tokens, negative_tokens) = (id.tensor_field("tokens")?, id.tensor_field("negative_tokens")?);
    Ok(ModelPatchValue::new(FaceAttention { hook, projections, tokens, negative_tokens }))
}

struct FaceAttention {
    hook: Hook,
    projections: Vec<Projections>,
    /// `[1 or B,T,D]`.
    tokens: Tensor,
    negative_tokens: Tensor,
}

/// What turns tokens into the keys and values of a layer, each `[hidden, D]`.
struct Projections {
    to_k: Tensor,
    to_v: Tensor,
}

impl Projections {
    /// Numbers count all attention layers, and the even ones are self-attention.
    fn read(file: &ModelWeights, layer: usize) -> Result<Self> {
        let tensor = |name: &str| file.tensor(&format!("ip_adapter.{}.{name}_ip.weight", 2 * layer + 1));
        Ok(Projections { to_k: tensor("to_k")?, to_v: tensor("to_v")? })
    }
}

impl ModelPatch for FaceAttention {
    fn hooks(&self) -> Result<Vec<Hook>> {
        Ok(vec![self.hook.clone()])
    }

    fn call(&self, ctx: Ctx, call: &HookCall) -> Result<Vec<Tensor>> {
        let rows = call.rows.iter().map(|row| self.tokens_of(row)).collect::<Result<Vec<_>>>()?;
        let shape = [rows.len(), self.tokens.shape()[1], self.tokens.shape()[2]];
        let tokens = Tensor::new(shape, rows.concat())?;
        let Projections { to_k, to_v } = &self.projections[call.layer];
        Ok(vec![ctx.linear(&tokens, to_k)?, ctx.linear(&tokens, to_v)?])
    }

    fn bytes(&self) -> u64 {
        let projections = self.projections.iter().map(|layer| layer.to_k.bytes() + layer.to_v.bytes());
        projections.sum::<u64>() + self.tokens.bytes() + self.negative_tokens.bytes()
    }
}

impl FaceAttention {
    /// The tokens of a row of a batch: one person serves all pictures, or each picture has its own.
    fn tokens_of(&self, row: &Row) -> Result<&[f32]> {
        let tokens = if row.is_negative { &self.negative_tokens } else { &self.tokens };
        let [people, length, width] = tokens.dims("[1 or B,T,D]")?;
        let person = if people == 1 { 0 } else { row.picture };
        let found = tokens.data().chunks_exact(length * width).nth(person);
        found.ok_or_else(|| Error::new(format!("{people} people for more pictures")))
    }
}
