//! Seeds: 64 bits from which noise is drawn.

use crate::splitmix::SplitMix64;
use selfsame_sdk::prelude::*;
use std::hash::{BuildHasher, RandomState};

/// A seed, to be used in several places.
#[node(id = "core.number.seed", category = "number/seed", search = ["constant", "noise", "random"])]
#[output(seed = "the seed")]
pub fn seed(
    /// The seed: the same one gives the same picture.
    #[param(default = 0)]
    seed: Seed,
) -> Result<Seed> {
    Ok(seed)
}

/// Draws another seed in every run. The picture that comes of it can be repeated with the seed that it was saved with.
#[node(id = "core.number.random_seed", category = "number/seed", not_deterministic, search = ["noise", "surprise"])]
#[output(seed = "64 random bits")]
pub fn random_seed(ctx: Ctx) -> Result<Seed> {
    // Rust's hash maps draw their keys from the operating system's random numbers; the hash of anything under such keys
    // is one itself.
    let seed = RandomState::new().hash_one("selfsame");
    ctx.log(Level::Info, format!("the seed is {seed}"));
    Ok(Seed(seed))
}

/// Counts on from a seed: the seed plus a number. After the largest seed comes 0.
#[node(id = "core.number.next_seed", category = "number/seed", search = ["increment", "offset", "variation"])]
#[output(seed = "`seed + step`")]
pub fn next_seed(
    /// The seed to count from.
    seed: Seed,
    /// How far; below 0 it counts back.
    #[param(default = 1)]
    step: i64,
) -> Result<Seed> {
    Ok(Seed(seed.0.wrapping_add_signed(step)))
}

/// Mixes two seeds into a third, such as that of a graph with the number of a picture.
///
/// The order matters. The seed is the first number of SplitMix64 from `b` plus the first number of SplitMix64 from `a`.
#[node(id = "core.number.combine_seeds", category = "number/seed", search = ["mix", "hash", "derive"])]
#[output(seed = "a seed that depends on both")]
pub fn combine_seeds(
    /// The first seed.
    a: Seed,
    /// The second seed, or any number.
    b: Seed,
) -> Result<Seed> {
    let mixed = SplitMix64::new(a.0).next();
    Ok(Seed(SplitMix64::new(mixed.wrapping_add(b.0)).next()))
}

/// Makes a list of seeds out of one. A node that is linked to it runs once for each seed.
///
/// They are the first numbers of SplitMix64, so a longer list begins with the shorter one.
#[node(id = "core.number.seed_sequence", category = "number/seed", search = ["batch", "variations", "for each"])]
#[output(seeds = "the seeds")]
pub fn seed_sequence(
    /// The seed they come from.
    seed: Seed,
    /// How many there are.
    #[param(default = 4, hard = 1..=100_000, soft = 1..=64)]
    count: usize,
) -> Result<Vec<Seed>> {
    let count = crate::list::check_length(count as i128)?;
    let mut random = SplitMix64::new(seed.0);
    Ok((0..count).map(|_| Seed(random.next())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn seeds_have_64_bits() {
        let node = &selfsame_sdk::nodes![super::seed][0];
        assert_eq!(node.descriptor().inputs[0].widget, selfsame_sdk::Widget::Seed);
        assert_eq!(seed(Seed(u64::MAX)).unwrap(), Seed(u64::MAX));
        assert_eq!(next_seed(Seed(u64::MAX), 1).unwrap(), Seed(0));
        assert_eq!(next_seed(Seed(0), -1).unwrap(), Seed(u64::MAX));
    }

    #[test]
    fn a_sequence_is_splitmix64_and_begins_the_same() {
        let three = seed_sequence(Seed(1_234_567), 3).unwrap();
        assert_eq!(three[..2], [Seed(6_457_827_717_110_365_317), Seed(3_203_168_211_198_807_973)]);
        assert_eq!(seed_sequence(Seed(1_234_567), 2).unwrap(), three[..2]);
    }

    #[test]
    fn combining_depends_on_both_and_on_their_order() {
        let combine = |a, b| combine_seeds(Seed(a), Seed(b)).unwrap().0;
        assert_eq!(combine(1, 2), combine(1, 2));
        assert_ne!(combine(1, 2), combine(2, 1));
        assert_ne!(combine(1, 2), combine(1, 3));
    }

    #[test]
    fn random_seeds_differ() {
        let host = TestHost::new();
        assert_ne!(random_seed(host.ctx()).unwrap(), random_seed(host.ctx()).unwrap());
    }
}
