//! What can be wrong with an adapter file, in words.

/// Why a file cannot be used as an IP-Adapter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterProblem {
    /// A known kind of file that works otherwise.
    #[error("this is {name}, which cannot be used: {reason}")]
    Unsupported {
        /// The kind.
        name: String,
        /// Why not.
        reason: String,
    },
    /// None of the known image projections.
    #[error(
        "no image projection of InstantID or the IP-Adapter family: expected `latents`, `proj.weight`, `proj.0.weight` or \
         `perceiver_resampler.*` under {looked_under:?}"
    )]
    NoProjection {
        /// The prefix in the file.
        looked_under: String,
    },
    /// It has keys and values for more or fewer layers than the model has.
    #[error("it has keys and values for {found} layers, the model has {expected} cross-attention layers{hint}")]
    LayerCount {
        /// In the file.
        found: usize,
        /// In the model.
        expected: usize,
        /// Which base models these are, where the widths tell.
        hint: String,
    },
    /// A layer is as wide as another model's.
    #[error("{name}: expected {expected:?} for the model's layer {path}, got {found:?}{hint}")]
    LayerWidth {
        /// The tensor.
        name: String,
        /// The layer it would belong to.
        path: String,
        /// The shape that the layer needs.
        expected: [usize; 2],
        /// The shape in the file.
        found: Vec<usize>,
        /// Which base models these are, where the widths tell.
        hint: String,
    },
}
