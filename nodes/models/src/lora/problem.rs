//! What can be wrong with a LoRA file, in words.

/// Why a file cannot be laid over a model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoraProblem {
    /// The tensors of a layer cannot be read, or do not fit together.
    #[error("layer {layer} is damaged: {why}; get the file again")]
    Damaged {
        /// The layer, as the file names it.
        layer: String,
        /// What reading or combining its tensors said.
        why: String,
    },
    /// No tensor of the file is part of a LoRA.
    #[error("this is not a LoRA: expected names like `….lora_up.weight` or `….lora_A.weight`, got e.g. {example}")]
    NotLora {
        /// A name from the file.
        example: String,
    },
    /// It is one, but of other networks.
    #[error(
        "none of its {layers} layers is in the model: the file has e.g. {example}; use a LoRA made for this base model"
    )]
    NothingMatches {
        /// How many layers the file holds.
        layers: usize,
        /// The name of one.
        example: String,
    },
    /// Its layers have the names of the model's, but not their shapes.
    #[error(
        "{count} of its layers have another shape than the model's{hint}, e.g. {weight}: expected {expected:?}, \
         got {found:?} (rows, columns)"
    )]
    OtherModel {
        /// How many layers do not fit.
        count: usize,
        /// Which base models these are, where the widths tell.
        hint: String,
        /// The weight of one.
        weight: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// Rows and columns of the change; `None` when its own factors do not fit each other.
        found: Option<(usize, usize)>,
    },
    /// A tensor without the one that belongs to it.
    #[error("{name} is there without its counterpart: the file is incomplete")]
    Incomplete {
        /// The name that is there.
        name: String,
    },
    /// A kind of change that is not implemented.
    #[error("{name} is {kind}, which is not supported; LoRA, LoHa, LoKr, DoRA and whole differences are")]
    Unsupported {
        /// The tensor that says so.
        name: String,
        /// The kind.
        kind: String,
    },
}
