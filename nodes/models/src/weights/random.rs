//! Random weights in the shapes of a network: for measuring without a download. What such a network computes means nothing, but it
//! takes the time and memory of a trained one.
//!
//! Numbers are uniform with the variance `1 / fan_in`, which keeps activations of the size of their inputs; factors of
//! normalisations are 1. The same seed gives the same numbers everywhere.

use super::{FileProblem, WeightProblem, Weights};
use crate::splitmix::SplitMix64;
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The shapes of tensors by name.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// The tensors that a network asks for while it is built. The network that is given too has none of them: only its structure
/// means something.
///
/// # Errors
/// What `build` gives; a network that asks for something else than tensors of certain shapes.
pub fn shapes<T>(build: impl FnOnce(&Weights) -> Result<T>) -> Result<(T, Shapes)> {
    let empty = Weights::from_tensors(HashMap::new(), DType::F32, &Device::Cpu);
    let network = build(&empty)?;
    let mut shapes = Shapes::new();
    if let Err(Error::Weights(report)) = empty.finish("a network without weights") {
        for problem in report.problems.clone() {
            match problem {
                WeightProblem::Missing { name, expected } => drop(shapes.insert(name, expected)),
                _ => return Err(Error::Weights(report)),
            }
        }
    }
    Ok((network, shapes))
}

/// A network with random weights in f32 on the CPU.
///
/// # Errors
/// What `build` gives.
pub fn random<T>(seed: u64, build: impl Fn(&Weights) -> Result<T>) -> Result<T> {
    let (_, shapes) = shapes(&build)?;
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let numbers = numbers(&name, &shape, seed);
        let tensor = Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(DType::F32)?;
        Ok((name, tensor))
    };
    let tensors = shapes.into_iter().map(tensor).collect::<Result<_>>()?;
    build(&Weights::from_tensors(tensors, DType::F32, &Device::Cpu))
}

/// Writes a safetensors file of random weights in f16. Only one tensor is in memory at a time.
///
/// # Errors
/// If the file cannot be written.
pub fn write_random(path: &Path, shapes: &Shapes, seed: u64) -> Result<()> {
    let tensors = shapes.iter().map(|(name, shape)| (name, Random { name, shape, seed }));
    let fail = |error: safetensors::SafeTensorError| Error::file(path, FileProblem::Io(error.to_string()));
    safetensors::serialize_to_file(tensors, None, path).map_err(fail)
}

/// A tensor that is made when it is written.
struct Random<'a> {
    name: &'a str,
    shape: &'a [usize],
    seed: u64,
}

impl View for Random<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F16
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        let numbers = numbers(self.name, self.shape, self.seed);
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * size_of::<f16>()
    }
}

/// How many numbers are drawn from one sequence.
const CHUNK: usize = 1 << 14;

/// Biases are up to this far from 0.
const BIAS: f32 = 0.05;

/// The numbers of one tensor.
fn numbers(name: &str, shape: &[usize], seed: u64) -> Vec<f16> {
    let mut numbers = vec![f16::ONE; shape.iter().product()];
    let spread = match shape {
        [_] if name.ends_with("weight") => return numbers, // of a normalisation
        [_] => BIAS,
        // The variance of uniform numbers from -s to s is s²/3.
        _ => (3.0 / shape[1..].iter().product::<usize>().max(1) as f32).sqrt(),
    };
    let first = SplitMix64::new(seed ^ fnv1a(name)).next();
    numbers.par_chunks_mut(CHUNK).enumerate().for_each(|(index, chunk)| {
        let mut random = SplitMix64::new(first.wrapping_add(index as u64));
        let mut values = vec![0f32; chunk.len()];
        for four in values.chunks_mut(4) {
            let bits = random.next();
            for (lane, value) in four.iter_mut().enumerate() {
                let number = f32::from((bits >> (16 * lane)) as u16); // 0..65536
                *value = ((number + 0.5) / 32768.0 - 1.0) * spread;
            }
        }
        chunk.convert_from_f32_slice(&values);
    });
    numbers
}

/// A seed out of a name: FNV-1a (Fowler, Noll, Vo).
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{LayerNorm, Linear};
    use crate::weights::open;

    fn network(weights: &Weights) -> Result<(Linear, LayerNorm)> {
        Ok((Linear::load(&weights.pp("up"), 300, 200)?, LayerNorm::load(&weights.pp("norm"), 200, 1e-5)?))
    }

    #[test]
    fn a_network_says_what_it_needs() {
        let (_, shapes) = shapes(network).unwrap();
        let names: Vec<_> = shapes.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
        let wanted: [(&str, &[usize]); 4] =
            [("norm.bias", &[200]), ("norm.weight", &[200]), ("up.bias", &[200]), ("up.weight", &[200, 300])];
        assert_eq!(names, wanted);
    }

    #[test]
    fn activations_keep_their_size_and_a_seed_its_numbers() {
        let draw = |seed| {
            let numbers = numbers("up.weight", &[200, 300], seed);
            numbers.into_iter().map(f32::from).collect::<Vec<_>>()
        };
        let (first, again, other) = (draw(1), draw(1), draw(2));
        assert_eq!(first, again);
        assert_ne!(first, other);
        // The standard error of the mean of 60000 squares is 0.9 / sqrt(60000), 0.4 %.
        let variance = first.iter().map(|x| x * x).sum::<f32>() / first.len() as f32 * 300.0;
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!(random(1, network).is_ok());
    }

    #[test]
    fn a_file_of_them_can_be_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("random.safetensors");
        let (_, shapes) = shapes(network).unwrap();
        write_random(&path, &shapes, 7).unwrap();
        let source = open(&path).unwrap();
        let weights = Weights::new(source.clone(), DType::F32, &Device::Cpu);
        network(&weights).unwrap();
        weights.finish("network").unwrap();
        let stored: Vec<f32> = source.load("up.bias", DType::F32, &Device::Cpu).unwrap().to_vec1().unwrap();
        let made: Vec<f32> = numbers("up.bias", &[200], 7).into_iter().map(f32::from).collect();
        assert_eq!(stored, made);
        assert!(write_random(&folder.path().join("no/such/folder"), &shapes, 7).is_err());
    }
}
