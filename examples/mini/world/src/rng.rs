//! Random numbers that are the same everywhere, from a seed.
//!
//! **Source**: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed for a purpose: streams of different purposes have nothing in common.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut rng = Rng(seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17));
        rng.bits();
        rng
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In 0..1, all alike.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Between two numbers, all alike.
    pub fn range(&mut self, from: f32, to: f32) -> f32 {
        from + (to - from) * self.unit()
    }

    /// Within `radius` of `centre`, near it more often.
    pub fn near(&mut self, centre: f32, radius: f32) -> f32 {
        centre + radius * (self.unit() + self.unit() - 1.0)
    }

    /// True in a share of cases.
    pub fn chance(&mut self, share: f32) -> bool {
        self.unit() < share
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f32) as usize
    }

    /// The place of one of `weights`, each as often as its weight says.
    pub fn weighted(&mut self, weights: &[f32]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f32>();
        for (i, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return i;
            }
        }
        weights.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_known_and_apart() {
        assert_eq!(Rng(0).bits(), 0xe220_a839_7b1d_cdaf);
        assert_ne!(Rng::new(7, 1).bits(), Rng::new(7, 2).bits());
        let mut rng = Rng::new(1, 1);
        let counts = (0..3000).fold([0; 3], |mut counts, _| {
            counts[rng.weighted(&[1.0, 2.0, 0.0])] += 1;
            counts
        });
        assert!(counts[0] > 800 && counts[1] > 1800 && counts[2] == 0, "{counts:?}");
    }
}
