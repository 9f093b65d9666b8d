//! From the tensors of one layer in a LoRA file to its change.

use super::keys::Part;
use crate::weights::{Change, Delta, TensorSource};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// The parts of one layer: where each is found in the file.
#[derive(Debug, Default)]
pub(super) struct Layer(pub(super) BTreeMap<Part, String>);

/// What a layer changes.
#[derive(Debug, Default)]
pub(super) struct LayerDeltas {
    pub(super) weight: Option<Delta>,
    pub(super) bias: Option<Delta>,
}

impl Layer {
    /// A name in the file whose counterpart is missing, e.g. an `up` without its `down`.
    pub(super) fn lacks_a_part(&self, deltas: &LayerDeltas) -> Option<&str> {
        let factor = |part: &Part| !matches!(part, Part::Alpha | Part::DiffBias);
        let name = self.0.iter().find(|(part, _)| factor(part)).map(|(_, name)| name.as_str());
        if deltas.weight.is_none() { name } else { None }
    }

    /// Reads the parts; see [`Self::lacks_a_part`] for what a missing weight means.
    ///
    /// The scale is alpha / rank, and 1 without an alpha (then `up` and `down` already hold it). Sources: kohya-ss/sd-scripts
    /// `networks/lora.py`; LyCORIS `modules/{locon,loha,lokr,full}.py`.
    pub(super) fn read(&self, file: &dyn TensorSource, strength: f64, alpha: Option<f64>) -> Result<LayerDeltas> {
        let reader = Reader { layer: self, file };
        let alpha = match reader.find(Part::Alpha)? {
            Some(alpha) => alpha.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?.first().copied(),
            None => alpha,
        };
        let magnitude = reader.find(Part::Magnitude)?;
        let delta = |(change, rank): (Change, Option<usize>)| {
            let scale = alpha.zip(rank).map_or(1.0, |(alpha, rank)| alpha / rank as f64);
            Delta { change, scale, strength, magnitude: magnitude.clone() }
        };
        let full = |diff: Tensor| Delta { change: Change::Full(diff), scale: 1.0, strength, magnitude: None };
        let change = match reader.find(Part::Diff)? {
            Some(diff) => Some((Change::Full(diff), None)),
            None => reader.low_rank()?.or(reader.hadamard()?).or(reader.kronecker()?),
        };
        Ok(LayerDeltas { weight: change.map(delta), bias: reader.find(Part::DiffBias)?.map(full) })
    }
}

struct Reader<'a> {
    layer: &'a Layer,
    file: &'a dyn TensorSource,
}

/// A change, and the rank that its alpha is divided by.
type Ranked = (Change, Option<usize>);

impl Reader<'_> {
    /// The tensor of `part`, as it is stored.
    fn find(&self, part: Part) -> Result<Option<Tensor>> {
        let Some(name) = self.layer.0.get(&part) else { return Ok(None) };
        let stored = self.file.tensors().get(name).map_or(DType::F32, |info| info.dtype);
        let tensor = self.file.load(name, stored, &Device::Cpu)?;
        if tensor.elem_count() == 0 {
            return Err(Error::input(name, "numbers", format!("shape {:?}", tensor.dims())));
        }
        Ok(Some(tensor))
    }

    fn pair(&self, first: Part, second: Part) -> Result<Option<(Tensor, Tensor)>> {
        Ok(self.find(first)?.zip(self.find(second)?))
    }

    /// LoRA, also of convolutions (LoCon).
    fn low_rank(&self) -> Result<Option<Ranked>> {
        let Some((up, down)) = self.pair(Part::Up, Part::Down)? else { return Ok(None) };
        let rank = down.dim(0)?;
        let down = match self.find(Part::Mid)? {
            Some(core) => tucker(&core, &down)?,
            None => down,
        };
        Ok(Some((Change::LowRank { up, down }, Some(rank))))
    }

    /// LoHa: the element-wise product of two low-rank changes.
    fn hadamard(&self) -> Result<Option<Ranked>> {
        let first = self.pair(Part::HadaW1A, Part::HadaW1B)?;
        let Some(((w1a, w1b), (w2a, w2b))) = first.zip(self.pair(Part::HadaW2A, Part::HadaW2B)?) else {
            return Ok(None);
        };
        let rank = w1b.dim(0)?;
        let first = factors(w1a, w1b, self.find(Part::HadaT1)?)?;
        let second = factors(w2a, w2b, self.find(Part::HadaT2)?)?;
        Ok(Some((Change::Hadamard(Box::new([first, second])), Some(rank))))
    }

    /// LoKr: the Kronecker product of two matrices, each whole or low-rank; two whole ones have no rank and ignore alpha.
    fn kronecker(&self) -> Result<Option<Ranked>> {
        let matrix = |whole: Part, a: Part, b: Part, core: Option<Tensor>| -> Result<Option<Ranked>> {
            if let Some(whole) = self.find(whole)? {
                return Ok(Some((Change::Full(whole), None)));
            }
            let Some((a, b)) = self.pair(a, b)? else { return Ok(None) };
            let rank = b.dim(0)?;
            Ok(Some((factors(a, b, core)?, Some(rank))))
        };
        let first = matrix(Part::LokrW1, Part::LokrW1A, Part::LokrW1B, None)?;
        let second = matrix(Part::LokrW2, Part::LokrW2A, Part::LokrW2B, self.find(Part::LokrT2)?)?;
        let Some(((w1, rank1), (w2, rank2))) = first.zip(second) else { return Ok(None) };
        Ok(Some((Change::Kronecker(Box::new([w1, w2])), rank2.or(rank1))))
    }
}

/// `a · b`, or with a Tucker core the change whose up factor is `aᵀ` (LyCORIS stores `a` as `[r, out]` then).
fn factors(a: Tensor, b: Tensor, core: Option<Tensor>) -> Result<Change> {
    Ok(match core {
        None => Change::LowRank { up: a, down: b },
        Some(core) => Change::LowRank { up: a.t()?, down: tucker(&core, &b)? },
    })
}

/// Contracts a Tucker core with the input factor: `core [i, j, kh, kw]`, `factor [j, in, ..1]` -> `[i, in, kh, kw]`, f32.
fn tucker(core: &Tensor, factor: &Tensor) -> Result<Tensor> {
    let (i, j, kh, kw) = core.dims4()?;
    let factor = factor.to_dtype(DType::F32)?.flatten_from(1)?; // [j, in]
    let inputs = factor.dim(1)?;
    let core = core.to_dtype(DType::F32)?.permute((0, 2, 3, 1))?.reshape((i * kh * kw, j))?;
    Ok(core.matmul(&factor)?.reshape((i, kh, kw, inputs))?.permute((0, 3, 1, 2))?)
}
