//! A stepping rule as a value, which the host's own sampler uses.

use selfsame_sdk::prelude::*;
use selfsame_sdk::{Sampler, Sampling};

/// Gives the midpoint rule for `Sampler`: two estimates for each step, second order. The second one is made at the geometric mean
/// of the noise levels, and the whole step goes along its slope.
#[node(id = "com.example.midpoint_rule", category = "samples", search = ["sampler"])]
#[output(sampler = "the rule, to be linked to `custom_sampler`")]
pub fn midpoint_rule(
    /// Goes by one estimate where a step ends in no noise at all, as there is no mean.
    #[param(default = true)]
    euler_at_the_end: bool,
) -> Result<SamplerValue> {
    Ok(SamplerValue::new(Midpoint { euler_at_the_end }))
}

struct Midpoint {
    euler_at_the_end: bool,
}

impl Sampler for Midpoint {
    fn sample(&self, ctx: Ctx, sampling: Sampling) -> Result<Tensor> {
        let Sampling { denoiser, mut x, sigmas, .. } = sampling;
        for (i, pair) in sigmas.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let denoised = denoiser.denoise(ctx, &x, from)?;
            let middle = if to > 0.0 { (from * to).sqrt() } else { from / 2.0 };
            x = if to == 0.0 && self.euler_at_the_end {
                towards(&x, &denoised, 0.0)?
            } else {
                let half_way = towards(&x, &denoised, middle / from)?;
                let slope = denoiser.denoise(ctx, &half_way, middle)?;
                // x + (to - from) · (half_way - slope) / middle
                let step = ((to - from) / middle) as f32;
                let moved = x.data().iter().zip(half_way.data()).zip(slope.data());
                Tensor::new(x.shape(), moved.map(|((x, half_way), slope)| x + step * (half_way - slope)).collect())?
            };
            ctx.progress(i as u64 + 1, sigmas.len() as u64 - 1, "steps");
        }
        Ok(x)
    }
}

/// x with its noise shrunk by a ratio.
fn towards(x: &Tensor, denoised: &Tensor, ratio: f64) -> Result<Tensor> {
    let (keep, go) = (ratio as f32, (1.0 - ratio) as f32);
    Tensor::new(x.shape(), x.data().iter().zip(denoised.data()).map(|(x, denoised)| x * keep + denoised * go).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{Denoiser, DenoiserInfo, Estimate, Prediction};

    /// Knows that the data is normal: x shrinks to x · √(1 + to²) / √(1 + from²).
    struct Normal;

    impl Denoiser for Normal {
        fn info(&self) -> DenoiserInfo {
            DenoiserInfo { prediction: Prediction::Epsilon, channels: 1 }
        }

        fn sigmas(&self) -> &[f64] {
            &[0.01, 10.0]
        }

        fn predict(&self, _: Ctx, x: &Tensor, sigma: f64, _: bool) -> Result<Estimate> {
            let shrunk = x.data().iter().map(|x| x / (1.0 + sigma * sigma) as f32).collect();
            Ok(Estimate { denoised: Tensor::new(x.shape(), shrunk)?, uncond: None })
        }
    }

    #[test]
    fn it_is_of_second_order() {
        let (host, denoiser) = (TestHost::new(), DenoiserValue::new(Normal));
        let error = |steps: i32| {
            let sigmas: Vec<f64> = (0..=steps).map(|i| 4.0 * 0.25f64.powf(f64::from(i) / f64::from(steps))).collect();
            let x = Tensor::new([1, 1, 1, 1], vec![3.0]).unwrap();
            let rule = Midpoint { euler_at_the_end: true };
            let end = rule.sample(host.ctx(), Sampling { denoiser: &denoiser, x, sigmas: &sigmas, seed: 0 }).unwrap();
            (f64::from(end.data()[0]) - 3.0 * (2.0f64 / 17.0).sqrt()).abs()
        };
        let ratio = error(8) / error(16);
        assert!((3.5..4.5).contains(&ratio), "{ratio}");
    }
}
