//! A view of a source under other names, with tensors reshaped where two namings store them differently.

use super::{TensorInfo, TensorSource};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// How a stored tensor becomes the one that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// As it is.
    Same,
    /// `[a, b] -> [b, a]`.
    Transpose,
    /// `[C, C', 1, 1] -> [C, C']`: a 1×1 convolution as a linear layer.
    Flatten,
    /// Part `index` of `parts` equal ones along the first axis.
    Part {
        /// Which one, from 0.
        index: usize,
        /// How many there are.
        parts: usize,
    },
}

impl Change {
    /// The change if a tensor of this shape allows it. What is not shaped as its naming promises stays as it is, so that the
    /// network finds and reports the shape.
    fn fitting(self, shape: &[usize]) -> Self {
        let fits = match (self, shape) {
            (Self::Same, _) | (Self::Transpose, [_, _]) | (Self::Flatten, [_, _, 1, 1]) => true,
            (Self::Part { parts, .. }, [rows, ..]) => rows % parts == 0,
            _ => false,
        };
        if fits { self } else { Self::Same }
    }

    fn shape(self, shape: &[usize]) -> Vec<usize> {
        match (self, shape) {
            (Self::Transpose, [a, b]) => vec![*b, *a],
            (Self::Flatten, [a, b, ..]) => vec![*a, *b],
            (Self::Part { parts, .. }, [rows, rest @ ..]) => [&[rows / parts], rest].concat(),
            _ => shape.to_vec(),
        }
    }

    fn apply(self, tensor: Tensor) -> Result<Tensor> {
        let shape = self.shape(tensor.dims());
        Ok(match (self, shape.first()) {
            (Self::Transpose, _) => tensor.t()?.contiguous()?,
            (Self::Flatten, _) => tensor.reshape(shape)?,
            // A copy, or each part would keep the whole tensor in memory.
            (Self::Part { index, .. }, Some(rows)) => tensor.narrow(0, index * rows, *rows)?.force_contiguous()?,
            _ => tensor,
        })
    }
}

/// See the module.
pub(super) struct Renamed {
    inner: Arc<dyn TensorSource>,
    infos: BTreeMap<String, TensorInfo>,
    origins: HashMap<String, (String, Change)>,
}

impl Renamed {
    /// Shows `inner` under the names that `rename` gives each of its tensors: none, one or several.
    pub fn view(
        inner: Arc<dyn TensorSource>,
        rename: impl Fn(&str, &TensorInfo) -> Vec<(String, Change)>,
    ) -> Arc<dyn TensorSource> {
        let (mut infos, mut origins) = (BTreeMap::new(), HashMap::new());
        for (stored, info) in inner.tensors() {
            for (name, change) in rename(stored, info) {
                let change = change.fitting(&info.shape);
                infos.insert(name.clone(), TensorInfo { shape: change.shape(&info.shape), dtype: info.dtype });
                origins.insert(name, (stored.clone(), change));
            }
        }
        Arc::new(Self { inner, infos, origins })
    }
}

impl TensorSource for Renamed {
    fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.infos
    }

    fn load(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let origin = self.origins.get(name);
        let (stored, change) =
            origin.ok_or_else(|| Error::input("tensor name", format!("one of {}", self.describe()), name))?;
        change.apply(self.inner.load(stored, dtype, device)?)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

/// Several sources as one; where a name occurs twice, the later source has it.
pub(super) struct Joined {
    parts: Vec<Arc<dyn TensorSource>>,
    infos: BTreeMap<String, TensorInfo>,
    owner: HashMap<String, usize>,
    description: String,
}

impl Joined {
    /// Joins `parts`, to be called `description` in messages.
    pub fn view(parts: Vec<Arc<dyn TensorSource>>, description: String) -> Arc<dyn TensorSource> {
        let (mut infos, mut owner) = (BTreeMap::new(), HashMap::new());
        for (index, part) in parts.iter().enumerate() {
            infos.extend(part.tensors().clone());
            owner.extend(part.tensors().keys().map(|name| (name.clone(), index)));
        }
        Arc::new(Self { parts, infos, owner, description })
    }
}

impl TensorSource for Joined {
    fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.infos
    }

    fn load(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let part = self.owner.get(name).and_then(|index| self.parts.get(*index));
        part.ok_or_else(|| Error::input("tensor name", format!("one of {}", self.describe()), name))?
            .load(name, dtype, device)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}
