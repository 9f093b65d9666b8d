//! Torch's CPU random generator: the same seed gives the same noise.
//!
//! **Source**: MT19937 is Matsumoto and Nishimura 1998, *Mersenne Twister*; how bits become numbers follows PyTorch's
//! `aten/src/ATen/core/DistributionsHelper.h` and `native/cpu/DistributionTemplates.h` (checked against torch 2.15).
//!
//! **Traps**: only the low 32 bits of a seed count. Below 16 values torch draws normals one by one in f64, keeping the
//! second of each pair for the next call; from 16 values on it fills blocks of 16, and redraws the last 16 when the count
//! is no multiple of 16. So `randn(15)` is no prefix of `randn(16)`, nor is `randn(17)` of `randn(18)`.

use crate::{Error, Result};
use candle_core::{Device, Tensor};
use std::f64::consts::TAU;

const STATE: usize = 624;
/// Values in one block of the vectorised normal fill.
const BLOCK: usize = 16;

/// `torch.Generator().manual_seed(seed)` on the CPU.
///
/// ```
/// let mut generator = selfsame_models::rng::TorchGenerator::new(42);
/// let noise = generator.randn(16);
/// assert!((noise[0] - 1.926_915_3).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct TorchGenerator {
    state: [u32; STATE],
    next: usize,
    /// The second value of the last pair drawn by the one-by-one path.
    spare_normal: Option<f64>,
}

impl TorchGenerator {
    /// A generator as after `manual_seed(seed)`; only the low 32 bits of `seed` count.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut state = [0; STATE];
        let mut word = (seed & u64::from(u32::MAX)) as u32;
        for (i, slot) in state.iter_mut().enumerate() {
            if i > 0 {
                word = 1_812_433_253u32.wrapping_mul(word ^ (word >> 30)).wrapping_add(i as u32);
            }
            *slot = word;
        }
        Self { state, next: STATE, spare_normal: None }
    }

    /// `count` uniform numbers in `[0, 1)` with 24 random bits: `torch.rand(count)`.
    #[must_use]
    pub fn rand(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.uniform_f32()).collect()
    }

    /// `count` standard normal numbers: `torch.randn(count)`. Every shape of `count` elements holds the same numbers.
    #[must_use]
    pub fn randn(&mut self, count: usize) -> Vec<f32> {
        if count < BLOCK {
            return (0..count).map(|_| self.normal() as f32).collect();
        }
        self.randn_blocks(count, Self::uniform_f32, |u1, u2| {
            let (radius, angle) = ((-2.0 * (1.0 - u1).ln()).sqrt(), TAU as f32 * u2);
            (radius * angle.cos(), radius * angle.sin())
        })
    }

    /// `torch.randn(count, dtype=torch.float64)`; other numbers than [`Self::randn`] gives.
    #[must_use]
    pub fn randn_f64(&mut self, count: usize) -> Vec<f64> {
        if count < BLOCK {
            return (0..count).map(|_| self.normal()).collect();
        }
        self.randn_blocks(count, Self::uniform_f64, |u1, u2| {
            let (radius, angle) = ((-2.0 * (1.0 - u1).ln()).sqrt(), TAU * u2);
            (radius * angle.cos(), radius * angle.sin())
        })
    }

    /// `count` integers in `low..high`: `torch.randint(low, high, (count,))`.
    ///
    /// # Errors
    /// When the range is empty.
    pub fn randint(&mut self, low: i64, high: i64, count: usize) -> Result<Vec<i64>> {
        if high <= low {
            return Err(Error::input("randint", format!("an upper bound above {low}"), high.to_string()));
        }
        let range = high.wrapping_sub(low) as u64;
        // Wide ranges take 64 bits, so that the modulo stays nearly fair.
        let offset =
            |g: &mut Self| if range >= 1 << 28 { g.next_u64() % range } else { u64::from(g.next_u32()) % range };
        Ok((0..count).map(|_| low.wrapping_add(offset(self) as i64)).collect())
    }

    /// [`Self::randn`] as an f32 tensor of that shape on `device`; the numbers are made on the CPU.
    ///
    /// # Errors
    /// When the device refuses the tensor.
    pub fn randn_tensor(&mut self, shape: &[usize], device: &Device) -> Result<Tensor> {
        let numbers = self.randn(shape.iter().product());
        Ok(Tensor::from_vec(numbers, shape, device)?)
    }

    /// Box-Muller over blocks of 16: the first eight uniforms give radii, the other eight give angles.
    fn randn_blocks<T: Copy>(
        &mut self,
        count: usize,
        uniform: fn(&mut Self) -> T,
        box_muller: fn(T, T) -> (T, T),
    ) -> Vec<T> {
        let transform = |block: &mut [T]| {
            let (radii, angles) = block.split_at_mut(BLOCK / 2);
            for (a, b) in radii.iter_mut().zip(angles) {
                (*a, *b) = box_muller(*a, *b);
            }
        };
        let mut values: Vec<T> = (0..count).map(|_| uniform(self)).collect();
        values.chunks_exact_mut(BLOCK).for_each(transform);
        if !count.is_multiple_of(BLOCK) {
            let tail = &mut values[count - BLOCK..];
            tail.iter_mut().for_each(|v| *v = uniform(self));
            transform(tail);
        }
        values
    }

    /// One normal of the one-by-one path, which torch computes in f64 whatever the result's type.
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let (u1, u2) = (self.uniform_f64(), self.uniform_f64());
        let (radius, angle) = ((-2.0 * (-u2).ln_1p()).sqrt(), TAU * u1);
        self.spare_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }

    fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() & 0x00ff_ffff) as f32 / 16_777_216.0 // 2^24
    }

    fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() & 0x001f_ffff_ffff_ffff) as f64 / 9_007_199_254_740_992.0 // 2^53
    }

    fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    /// The next word of MT19937.
    fn next_u32(&mut self) -> u32 {
        if self.next == STATE {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..STATE {
            let mixed = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE] & 0x7fff_ffff);
            let feedback = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + 397) % STATE] ^ (mixed >> 1) ^ feedback;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        for (g, e) in got.iter().zip(expected) {
            assert!((g - e).abs() < 2e-6, "{got:?} is not {expected:?}");
        }
    }

    #[test]
    fn the_reference_sequence_of_mt19937() {
        // The first words of the authors' own test with seed 5489.
        let mut generator = TorchGenerator::new(5489);
        assert_eq!([generator.next_u32(), generator.next_u32()], [3_499_211_612, 581_869_302]);
    }

    #[test]
    fn high_seed_bits_do_not_count() {
        assert_eq!(TorchGenerator::new(7).randn(20), TorchGenerator::new(7 + (1 << 32)).randn(20));
    }

    #[test]
    fn a_spare_normal_survives_other_draws() {
        // torch: g.manual_seed(3); randn(1), randn(16), rand(2), randn(2)
        let mut g = TorchGenerator::new(3);
        close(&g.randn(1), &[0.803_276_1]);
        close(&g.randn(16)[..2], &[0.664_839_4, -0.286_780_3]);
        close(&g.rand(2), &[0.648_310_4, 0.214_757_7]);
        close(&g.randn(2), &[0.174_833_4, -0.902_433_8]);
    }

    #[test]
    fn integers_of_narrow_and_wide_ranges() {
        // torch.randint with seed 0
        let draw = |high| TorchGenerator::new(0).randint(0, high, 2).unwrap();
        assert_eq!(draw(1000), [44, 239]);
        assert_eq!(draw((1 << 28) - 1), [209_652_404, 130_329_144]);
        assert_eq!(draw(1 << 28), [130_329_135, 136_432_832]);
        assert_eq!(draw(1 << 40), [741_280_623_151, 506_137_267_392]);
        assert!(TorchGenerator::new(0).randint(3, 3, 1).is_err());
    }
}
