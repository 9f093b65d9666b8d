//! Changes laid over weights: the arithmetic of LoRA and its kin.
//!
//! A [`Delta`] keeps the small factors as they are stored and multiplies them out only while a weight is being read, in f32,
//! on the weight's device; nothing large is kept.

use super::TensorSource;
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// The change `ΔW` of one weight before any scaling, seen as a matrix `[out, everything else]`.
#[derive(Debug, Clone)]
pub enum Change {
    /// `up · down` with `up [out, r, 1..]` and `down [r, in, ..]` (LoRA, arXiv 2106.09685).
    LowRank {
        /// The second factor.
        up: Tensor,
        /// The first factor.
        down: Tensor,
    },
    /// The difference itself, in the weight's own shape.
    Full(Tensor),
    /// The element-wise product of two changes (LoHa: FedPara, arXiv 2108.06098).
    Hadamard(Box<[Change; 2]>),
    /// The Kronecker product of two changes, the first without a kernel (LoKr: LyCORIS, arXiv 2309.14859).
    Kronecker(Box<[Change; 2]>),
}

impl Change {
    /// Rows and columns of the matrix; `None` when the factors do not fit each other.
    pub fn matrix_shape(&self) -> Option<(usize, usize)> {
        match self {
            Self::Full(diff) => Some(rows_and_columns(diff.dims())),
            Self::LowRank { up, down } => {
                let (rows, rank) = rows_and_columns(up.dims());
                let (inner, columns) = rows_and_columns(down.dims());
                (rank == inner).then_some((rows, columns))
            }
            Self::Hadamard(pair) => {
                let shape = pair[0].matrix_shape()?;
                (pair[1].matrix_shape()? == shape).then_some(shape)
            }
            Self::Kronecker(pair) => {
                let ((a, b), (c, d)) = (pair[0].matrix_shape()?, pair[1].matrix_shape()?);
                Some((a * c, b * d))
            }
        }
    }

    /// The matrix, f32 on `device`.
    fn matrix(&self, device: &Device) -> Result<Tensor> {
        match self {
            Self::Full(diff) => as_matrix(diff, device),
            Self::LowRank { up, down } => Ok(as_matrix(up, device)?.matmul(&as_matrix(down, device)?)?),
            Self::Hadamard(pair) => Ok((pair[0].matrix(device)? * pair[1].matrix(device)?)?),
            Self::Kronecker(pair) => {
                let (left, right) = (pair[0].matrix(device)?, pair[1].matrix(device)?);
                let ((a, b), (c, d)) = (left.dims2()?, right.dims2()?);
                let product = left.reshape((a, 1, b, 1))?.broadcast_mul(&right.reshape((1, c, 1, d))?)?;
                Ok(product.reshape((a * c, b * d))?)
            }
        }
    }
}

/// A change of one weight tensor with its factors: `W' = W + strength · (merged − W)`, `merged = W + scale · ΔW`.
///
/// With a magnitude `m` (DoRA, arXiv 2402.09353, formula 5) `merged` is rescaled to `m · merged / ‖merged‖`. Without one the
/// formula is the familiar `W + strength · scale · ΔW`.
#[derive(Debug, Clone)]
pub struct Delta {
    /// `ΔW`.
    pub change: Change,
    /// What the file asks for: alpha / rank.
    pub scale: f64,
    /// What the user asks for; 1 is the file's own effect, 0 none, negative values invert it.
    pub strength: f64,
    /// DoRA's magnitudes: one for every output (`[out]` or `[out, 1, ..]`) or every input (`[1, in, ..]`).
    pub magnitude: Option<Tensor>,
}

impl Delta {
    /// `strength · up · down`, e.g. a LoRA without alpha.
    pub fn low_rank(up: Tensor, down: Tensor, strength: f64) -> Self {
        Self { change: Change::LowRank { up, down }, scale: 1.0, strength, magnitude: None }
    }

    /// Whether it can be laid over a weight of shape `dims`.
    pub fn fits(&self, dims: &[usize]) -> bool {
        let magnitude_fits = |m: &Tensor| m.elem_count() == magnitude_axis(m, dims).0.iter().product::<usize>();
        self.change.matrix_shape() == Some(rows_and_columns(dims)) && self.magnitude.as_ref().is_none_or(magnitude_fits)
    }

    /// The changed `weight`, both f32.
    fn apply(&self, weight: &Tensor) -> Result<Tensor> {
        let change = self.change.matrix(weight.device())?.reshape(weight.dims())?;
        let Some(magnitude) = &self.magnitude else {
            return Ok((weight + (change * (self.scale * self.strength))?)?);
        };
        let (shape, summed) = magnitude_axis(magnitude, weight.dims());
        let magnitude = magnitude.to_device(weight.device())?.to_dtype(DType::F32)?.reshape(&shape)?;
        let (rows, inputs) = (weight.dim(0)?, weight.dims().get(1).copied().unwrap_or(1));
        let merged = (weight + (change * self.scale)?)?.reshape((rows, inputs, ()))?; // [out, in, kh·kw]
        // LyCORIS keeps an all-zero row from dividing by zero the same way.
        let norm = (merged.sqr()?.sum_keepdim(summed.as_slice())?.sqrt()? + f64::from(f32::EPSILON))?;
        let merged = merged.broadcast_mul(&(magnitude / norm)?)?.reshape(weight.dims())?;
        Ok((weight + ((merged - weight)? * self.strength)?)?)
    }
}

/// `[out, in, kh, kw]` seen as `[out, in·kh·kw]`.
fn rows_and_columns(dims: &[usize]) -> (usize, usize) {
    (dims.first().copied().unwrap_or(1), dims.iter().skip(1).product())
}

fn as_matrix(tensor: &Tensor, device: &Device) -> Result<Tensor> {
    let shape = rows_and_columns(tensor.dims());
    Ok(tensor.to_device(device)?.to_dtype(DType::F32)?.reshape(shape)?)
}

/// How DoRA's magnitudes lie along a weight `[out, in, kh·kw]`, and the dimensions whose norm they replace: peft keeps one for
/// every output, LyCORIS may keep one for every input, which its leading 1 tells.
fn magnitude_axis(magnitude: &Tensor, dims: &[usize]) -> ([usize; 3], [usize; 2]) {
    let rows = dims.first().copied().unwrap_or(1);
    match magnitude.dims() {
        [first, ..] if *first == rows => ([rows, 1, 1], [1, 2]),
        _ => ([1, dims.get(1).copied().unwrap_or(1), 1], [0, 2]),
    }
}

/// Deltas by full weight name; several on one weight are laid on in order.
#[derive(Debug, Clone, Default)]
pub struct Deltas(BTreeMap<String, Vec<Delta>>);

impl Deltas {
    /// Adds a delta to `weight` (a full name ending in `.weight` or `.bias`).
    pub fn push(&mut self, weight: impl Into<String>, delta: Delta) {
        self.0.entry(weight.into()).or_default().push(delta);
    }

    /// Lays all of `other` over these.
    pub fn merge(&mut self, other: Self) {
        for (weight, deltas) in other.0 {
            self.0.entry(weight).or_default().extend(deltas);
        }
    }

    /// The same deltas with every strength multiplied by `factor`.
    pub fn scaled(mut self, factor: f64) -> Self {
        self.0.values_mut().flatten().for_each(|delta| delta.strength *= factor);
        self
    }

    /// The names that have a delta.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The names that `source` does not hold: their deltas would change nothing.
    pub fn unmatched<'a>(&'a self, source: &dyn TensorSource) -> Vec<&'a str> {
        self.names().filter(|name| !source.tensors().contains_key(*name)).collect()
    }

    /// How many weights have a delta.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `tensor` with the deltas of `name`: computed in f32, returned in the tensor's dtype; the same tensor if there are none.
    ///
    /// # Errors
    /// [`Error::Input`] when a delta has another shape than the tensor.
    pub fn apply(&self, name: &str, tensor: &Tensor) -> Result<Tensor> {
        let Some(deltas) = self.0.get(name) else { return Ok(tensor.clone()) };
        let mut weight = tensor.to_dtype(DType::F32)?;
        for delta in deltas {
            if !delta.fits(tensor.dims()) {
                let got = format!("{:?} as a matrix", delta.change.matrix_shape());
                return Err(Error::input(format!("the change of {name}"), format!("{:?}", tensor.dims()), got));
            }
            weight = delta.apply(&weight)?;
        }
        Ok(weight.to_dtype(tensor.dtype())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor<S: candle_core::shape::ShapeWithOneHole>(values: &[f32], shape: S) -> Tensor {
        Tensor::from_vec(values.to_vec(), shape, &Device::Cpu).unwrap()
    }

    fn applied(delta: Delta, weight: &Tensor) -> Vec<f32> {
        let mut deltas = Deltas::default();
        deltas.push("w", delta);
        deltas.apply("w", weight).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn low_rank_over_a_linear_layer_stored_as_convolution() {
        let weight = tensor(&[1., 2., 3., 4.], (2, 2, 1, 1));
        let delta =
            Delta { scale: 0.5, ..Delta::low_rank(tensor(&[1., 2.], (2, 1)), tensor(&[10., 20.], (1, 2)), 2.0) };
        assert_eq!(applied(delta, &weight), [11., 22., 23., 44.]);
    }

    #[test]
    fn products_of_changes() {
        let a = || Change::Full(tensor(&[1., 2., 3., 4.], (2, 2)));
        let plain = |change| Delta { change, scale: 1.0, strength: 1.0, magnitude: None };
        let hadamard = plain(Change::Hadamard(Box::new([a(), a()])));
        assert_eq!(applied(hadamard, &tensor(&[0.; 4], (2, 2))), [1., 4., 9., 16.]);
        let row = Change::Full(tensor(&[1., 10.], (1, 2)));
        let kronecker = plain(Change::Kronecker(Box::new([a(), row])));
        assert_eq!(applied(kronecker, &tensor(&[0.; 8], (2, 4))), [1., 10., 2., 20., 3., 30., 4., 40.]);
    }

    /// Rows (3, 4) and (0, 5) both have norm 5; the update makes the first (6, 8).
    #[test]
    fn magnitude_replaces_the_norm_of_each_output() {
        let weight = tensor(&[3., 4., 0., 5.], (2, 2));
        let mut delta = Delta::low_rank(tensor(&[1., 0.], (2, 1)), tensor(&[3., 4.], (1, 2)), 1.0);
        delta.magnitude = Some(tensor(&[5., 10.], (2, 1)));
        for (got, want) in applied(delta.clone(), &weight).iter().zip([3., 4., 0., 10.]) {
            assert!((got - want).abs() < 1e-5, "{got} {want}");
        }
        delta.strength = 0.5; // half the way from (0, 5) to (0, 10)
        assert!((applied(delta, &weight)[3] - 7.5).abs() < 1e-5);
    }

    #[test]
    fn magnitude_of_each_input() {
        let weight = tensor(&[3., 0., 4., 1.], (2, 2)); // columns (3, 4) and (0, 1)
        let mut delta = Delta::low_rank(tensor(&[0., 0.], (2, 1)), tensor(&[0., 0.], (1, 2)), 1.0);
        delta.magnitude = Some(tensor(&[10., 3.], (1, 2)));
        for (got, want) in applied(delta, &weight).iter().zip([6., 0., 8., 3.]) {
            assert!((got - want).abs() < 1e-5, "{got} {want}");
        }
    }

    #[test]
    fn a_wrong_shape_is_named() {
        let mut deltas = Deltas::default();
        deltas.push("a.weight", Delta::low_rank(tensor(&[1., 2.], (2, 1)), tensor(&[1., 2., 3.], (1, 3)), 1.0));
        let error = deltas.apply("a.weight", &tensor(&[0.; 4], (2, 2))).unwrap_err().to_string();
        assert!(error.contains("a.weight") && error.contains("[2, 2]"), "{error}");
        assert_eq!(deltas.unmatched(&super::super::InMemory::default()), ["a.weight"]);
    }
}
