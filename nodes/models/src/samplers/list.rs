//! The samplers by name.

use super::names::find;
use super::{
    Deis, Dpm2, Dpm2Ancestral, DpmAdaptive, DpmFast, DpmPp2M, DpmPp2MSde, DpmPp2SAncestral, DpmPp3MSde, DpmPpSde,
    ErSde, Euler, EulerAncestral, GradientEstimation, Heun, HeunPp2, Ipndm, IpndmV, Lcm, Lms, Method, ResMultistep,
    Run, SdeCorrection, Seeds2, Seeds3, UniPc, UniPcVariant, sample,
};
use crate::Result;
use crate::noise::{BrownianNoise, NoiseSource, TorchNoise};
use candle_core::Tensor;

/// The noise a sampler is meant to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseKind {
    /// It asks for none.
    None,
    /// Independent noise at every call.
    Fresh,
    /// Increments of one Brownian path over sigma.
    Brownian,
}

/// A stepping rule under its ComfyUI name, with k-diffusion's default options.
///
/// For other options make the [`Method`] yourself and call [`sample`].
pub struct Sampler {
    /// ComfyUI's name for it.
    pub name: &'static str,
    /// One line for people.
    pub doc: &'static str,
    /// What noise it is meant to get.
    pub noise: NoiseKind,
    /// Whether KSampler makes one step more and leaves out the last but one sigma, which this sampler handles badly.
    pub drops_penultimate_sigma: bool,
    /// The rule.
    pub method: &'static dyn Method,
}

impl Sampler {
    /// The sampler of that name.
    ///
    /// # Errors
    /// That there is none, with the nearest name.
    pub fn from_name(name: &str) -> Result<&'static Self> {
        find(SAMPLERS, "sampler", name, |s| s.name)
    }

    /// Runs it; see [`sample`].
    ///
    /// # Errors
    /// See [`sample`].
    pub fn sample(&self, run: &mut Run<'_>, x: &Tensor) -> Result<Tensor> {
        sample(self.method, run, x)
    }

    /// The noise ComfyUI would give it for that seed: a generator seeded with `seed + 1`, or a Brownian path over the
    /// positive ones of `sigmas` (which is not torchsde's, see [`BrownianNoise`]).
    ///
    /// # Errors
    /// When a Brownian path cannot span the sigmas because they are not positive numbers.
    pub fn default_noise(&self, seed: u64, sigmas: &[f64]) -> Result<Box<dyn NoiseSource>> {
        let positive = || sigmas.iter().copied().filter(|s| *s > 0.0);
        let (min, max) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
        // A run with a single positive sigma takes no noisy step, so any source will do.
        if self.noise == NoiseKind::Brownian && min < max {
            Ok(Box::new(BrownianNoise::new(seed, min, max)?))
        } else {
            Ok(Box::new(TorchNoise::comfyui(seed)))
        }
    }

    const fn new(name: &'static str, method: &'static dyn Method, noise: NoiseKind, doc: &'static str) -> Self {
        Self { name, doc, noise, drops_penultimate_sigma: false, method }
    }

    const fn without_penultimate_sigma(mut self) -> Self {
        self.drops_penultimate_sigma = true;
        self
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sampler({})", self.name)
    }
}

use NoiseKind::{Brownian, Fresh, None as Silent};

/// All samplers, in ComfyUI's order.
#[rustfmt::skip]
pub static SAMPLERS: &[Sampler] = &[
    Sampler::new("euler", &Euler::DEFAULT, Silent, "first order; the plain one"),
    Sampler::new("euler_cfg_pp", &EulerAncestral { eta: 0.0, cfg_pp: true, ..EulerAncestral::DEFAULT }, Silent, "Euler with CFG++ guidance; use a low guidance scale"),
    Sampler::new("euler_ancestral", &EulerAncestral::DEFAULT, Fresh, "Euler with fresh noise at every step"),
    Sampler::new("euler_ancestral_cfg_pp", &EulerAncestral { cfg_pp: true, ..EulerAncestral::DEFAULT }, Fresh, "ancestral Euler with CFG++ guidance"),
    Sampler::new("heun", &Heun::DEFAULT, Silent, "second order, two model calls a step"),
    Sampler::new("heunpp2", &HeunPp2, Silent, "up to third order, three model calls a step"),
    Sampler::new("dpm_2", &Dpm2::DEFAULT, Silent, "second order midpoint, two model calls a step").without_penultimate_sigma(),
    Sampler::new("dpm_2_ancestral", &Dpm2Ancestral::DEFAULT, Fresh, "midpoint with fresh noise at every step").without_penultimate_sigma(),
    Sampler::new("lms", &Lms::DEFAULT, Silent, "linear multistep of order 4, one model call a step"),
    Sampler::new("dpm_fast", &DpmFast::DEFAULT, Silent, "DPM-Solver of order 3 within the given number of model calls"),
    Sampler::new("dpm_adaptive", &DpmAdaptive::DEFAULT, Silent, "DPM-Solver-23 that chooses its own steps"),
    Sampler::new("dpmpp_2s_ancestral", &DpmPp2SAncestral::DEFAULT, Fresh, "DPM-Solver++(2S) with fresh noise, two model calls a step"),
    Sampler::new("dpmpp_2s_ancestral_cfg_pp", &DpmPp2SAncestral { cfg_pp: true, ..DpmPp2SAncestral::DEFAULT }, Fresh, "DPM-Solver++(2S) with fresh noise and CFG++ guidance"),
    Sampler::new("dpmpp_sde", &DpmPpSde::DEFAULT, Brownian, "stochastic DPM-Solver++, two model calls a step"),
    Sampler::new("dpmpp_sde_gpu", &DpmPpSde::DEFAULT, Brownian, "as dpmpp_sde"),
    Sampler::new("dpmpp_2m", &DpmPp2M::DEFAULT, Silent, "DPM-Solver++(2M): second order, one model call a step"),
    Sampler::new("dpmpp_2m_cfg_pp", &DpmPp2M { cfg_pp: true }, Silent, "DPM-Solver++(2M) with CFG++ guidance"),
    Sampler::new("dpmpp_2m_sde", &DpmPp2MSde::DEFAULT, Brownian, "stochastic DPM-Solver++(2M)"),
    Sampler::new("dpmpp_2m_sde_gpu", &DpmPp2MSde::DEFAULT, Brownian, "as dpmpp_2m_sde"),
    Sampler::new("dpmpp_2m_sde_heun", &HEUN_SDE, Brownian, "stochastic DPM-Solver++(2M) with Heun's correction"),
    Sampler::new("dpmpp_2m_sde_heun_gpu", &HEUN_SDE, Brownian, "as dpmpp_2m_sde_heun"),
    Sampler::new("dpmpp_3m_sde", &DpmPp3MSde::DEFAULT, Brownian, "stochastic DPM-Solver++(3M)"),
    Sampler::new("dpmpp_3m_sde_gpu", &DpmPp3MSde::DEFAULT, Brownian, "as dpmpp_3m_sde"),
    Sampler::new("ddpm", &EulerAncestral::DEFAULT, Fresh, "the posterior of DDPM; in sigma space ancestral Euler"),
    Sampler::new("lcm", &Lcm::DEFAULT, Fresh, "for models distilled to few steps (LCM)"),
    Sampler::new("ipndm", &Ipndm::DEFAULT, Silent, "Adams-Bashforth of order 4"),
    Sampler::new("ipndm_v", &IpndmV::DEFAULT, Silent, "Adams-Bashforth of order 4 for unequal steps"),
    Sampler::new("deis", &Deis::DEFAULT, Silent, "exponential integrator of order 3"),
    Sampler::new("res_multistep", &ResMultistep::DEFAULT, Silent, "exponential multistep of order 2"),
    Sampler::new("res_multistep_cfg_pp", &ResMultistep { cfg_pp: true, ..ResMultistep::DEFAULT }, Silent, "exponential multistep with CFG++ guidance"),
    Sampler::new("res_multistep_ancestral", &ResMultistep { eta: 1.0, ..ResMultistep::DEFAULT }, Fresh, "exponential multistep with fresh noise"),
    Sampler::new("res_multistep_ancestral_cfg_pp", &ResMultistep { eta: 1.0, s_noise: 1.0, cfg_pp: true }, Fresh, "exponential multistep with fresh noise and CFG++ guidance"),
    Sampler::new("gradient_estimation", &GradientEstimation::DEFAULT, Silent, "Euler with an extrapolated slope"),
    Sampler::new("gradient_estimation_cfg_pp", &GradientEstimation { cfg_pp: true, ..GradientEstimation::DEFAULT }, Silent, "extrapolated slope with CFG++ guidance"),
    Sampler::new("er_sde", &ErSde::DEFAULT, Fresh, "extended reverse-time SDE, three stages"),
    Sampler::new("seeds_2", &Seeds2::DEFAULT, Fresh, "stochastic exponential solver, two model calls a step"),
    Sampler::new("seeds_3", &Seeds3::DEFAULT, Fresh, "stochastic exponential solver, three model calls a step"),
    Sampler::new("ddim", &Euler::DEFAULT, Silent, "in sigma space Euler; KSampler gives masked parts noise of their own"),
    Sampler::new("uni_pc", &UniPc { variant: UniPcVariant::Bh1 }, Silent, "predictor-corrector of order 3").without_penultimate_sigma(),
    Sampler::new("uni_pc_bh2", &UniPc { variant: UniPcVariant::Bh2 }, Silent, "predictor-corrector of order 3, variant B2").without_penultimate_sigma(),
];

static HEUN_SDE: DpmPp2MSde = DpmPp2MSde { correction: SdeCorrection::Heun, ..DpmPp2MSde::DEFAULT };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samplers::{Churn, Denoiser, Guided, ModelSigmas, Schedule, StepEvent, ksampler};
    use crate::{Cancel, Error};
    use candle_core::Device;

    /// The data is normal with deviation `0.8`: the best estimate, and the way of every state, are known.
    struct Normal;

    const DEVIATION: f64 = 0.8;

    impl Denoiser for Normal {
        fn denoise(&mut self, x: &Tensor, sigma: f64) -> Result<Tensor> {
            let variance = DEVIATION * DEVIATION;
            Ok((x * (variance / (variance + sigma * sigma)))?)
        }

        fn denoise_guided(&mut self, x: &Tensor, sigma: f64) -> Result<Guided> {
            let denoised = self.denoise(x, sigma)?;
            Ok(Guided { uncond: denoised.clone(), denoised })
        }
    }

    fn walk(method: &dyn Method, sigmas: &[f64], x: &Tensor, noise: &mut dyn NoiseSource) -> Result<Tensor> {
        let (on_step, cancel) = (&mut |_: &StepEvent<'_>| Ok(()), &Cancel::default());
        sample(method, &mut Run { denoiser: &mut Normal, noise, sigmas, on_step, cancel }, x)
    }

    fn start(sigma: f64, count: usize) -> Tensor {
        let noise = crate::rng::TorchGenerator::new(0).randn_tensor(&[1, 4, count / 16, 4], &Device::Cpu).unwrap();
        (noise * (DEVIATION * DEVIATION + sigma * sigma).sqrt()).unwrap()
    }

    fn karras_sigmas(sampler: &Sampler, steps: usize) -> Vec<f64> {
        let karras = Schedule::from_name("karras").unwrap();
        ksampler::sigmas(&ModelSigmas::stable_diffusion(), sampler, karras, steps, 1.0).unwrap()
    }

    /// How far the result's deviation is from the data's, relatively.
    fn deviation_error(x: &Tensor) -> f64 {
        let mean_square = x.sqr().unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
        f64::from(mean_square).sqrt() / DEVIATION - 1.0
    }

    #[test]
    fn every_sampler_arrives_at_the_data() {
        for sampler in SAMPLERS {
            let sigmas = karras_sigmas(sampler, 120);
            let mut noise = sampler.default_noise(3, &sigmas).unwrap();
            let x = walk(sampler.method, &sigmas, &start(sigmas[0], 4096), noise.as_mut()).unwrap();
            let error = deviation_error(&x);
            // LCM forgets its state at every step: its results are the last estimate alone.
            let tolerance = if sampler.name.contains("lcm") { 1.0 } else { 0.05 };
            assert!(error.abs() < tolerance, "{}: {error}", sampler.name);
        }
    }

    #[test]
    fn errors_fall_with_the_order() {
        let orders = [
            ("euler", 1),
            ("ddim", 1),
            ("heun", 2),
            ("dpm_2", 2),
            ("dpmpp_2m", 2),
            ("ipndm_v", 2),
            ("deis", 2),
            ("lms", 2),
        ];
        let more = [("res_multistep", 2), ("heunpp2", 1), ("gradient_estimation", 1)];
        for (name, order) in orders.into_iter().chain(more) {
            let sampler = Sampler::from_name(name).unwrap();
            let error = |steps: usize| {
                // To a positive sigma, where no special last step hides the order.
                let sigmas: Vec<f64> = (0..=steps).map(|i| 10.0 * 0.1f64.powf(i as f64 / steps as f64)).collect();
                let from = start(sigmas[0], 64);
                let x = walk(sampler.method, &sigmas, &from, &mut TorchNoise::comfyui(0)).unwrap();
                let exact = ((DEVIATION * DEVIATION + 1.0) / (DEVIATION * DEVIATION + 100.0)).sqrt();
                let off = (x - (from * exact).unwrap()).unwrap().abs().unwrap();
                f64::from(off.max_all().unwrap().to_scalar::<f32>().unwrap())
            };
            let (coarse, fine) = (error(16), error(32));
            assert!(fine < coarse / 2f64.powi(order) * 1.3, "{name}: {coarse} to {fine}");
        }
    }

    #[test]
    fn churn_keeps_the_noise_level() {
        let sampler = Sampler::from_name("heun").unwrap();
        let sigmas = karras_sigmas(sampler, 40);
        let method = Heun { churn: Churn { amount: 10.0, ..Churn::NONE } };
        let from = start(sigmas[0], 16_384);
        let churned = walk(&method, &sigmas, &from, &mut TorchNoise::comfyui(1)).unwrap();
        let plain = walk(sampler.method, &sigmas, &from, &mut TorchNoise::comfyui(1)).unwrap();
        assert!(deviation_error(&churned).abs() < 0.05);
        assert!((churned - plain).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap() > 0.1);
    }

    #[test]
    fn without_an_unconditional_estimate_cfg_pp_says_so() {
        struct Guided;
        impl Denoiser for Guided {
            fn denoise(&mut self, x: &Tensor, _sigma: f64) -> Result<Tensor> {
                Ok(x.clone())
            }
        }
        let x = start(1.0, 16);
        let mut run = Run {
            denoiser: &mut Guided,
            noise: &mut TorchNoise::comfyui(0),
            sigmas: &[1.0, 0.0],
            on_step: &mut |_| Ok(()),
            cancel: &Cancel::default(),
        };
        let error = Sampler::from_name("euler_cfg_pp").unwrap().sample(&mut run, &x).unwrap_err();
        assert!(error.to_string().contains("unconditional"), "{error}");
    }

    #[test]
    fn cancelling_ends_the_run() {
        for sampler in SAMPLERS {
            let cancel = Cancel::default();
            let sigmas = karras_sigmas(sampler, 8);
            let mut noise = sampler.default_noise(0, &sigmas).unwrap();
            let mut steps = 0;
            let mut on_step = |_: &StepEvent<'_>| {
                steps += 1;
                cancel.cancel();
                Ok(())
            };
            let mut run = Run {
                denoiser: &mut Normal,
                noise: noise.as_mut(),
                sigmas: &sigmas,
                on_step: &mut on_step,
                cancel: &cancel,
            };
            let result = sampler.sample(&mut run, &start(sigmas[0], 16));
            assert!(matches!(result, Err(Error::Cancelled)), "{}", sampler.name);
            assert_eq!(steps, 1, "{}", sampler.name);
        }
    }

    #[test]
    fn one_step_of_kl_optimal_is_refused() {
        let sigmas = Schedule::from_name("kl_optimal").unwrap().sigmas(&ModelSigmas::stable_diffusion(), 1).unwrap();
        let error = walk(&Euler::DEFAULT, &sigmas, &start(1.0, 16), &mut TorchNoise::comfyui(0)).unwrap_err();
        assert!(error.to_string().contains("NaN at position 0"), "{error}");
    }

    #[test]
    fn names() {
        let error = Sampler::from_name("DPM++ 2M").unwrap_err().to_string();
        assert!(error.contains("did you mean dpmpp_2m?"), "{error}");
        assert!(Schedule::from_name("karas").unwrap_err().to_string().contains("did you mean karras?"));
        for (i, sampler) in SAMPLERS.iter().enumerate() {
            assert!(SAMPLERS[..i].iter().all(|other| other.name != sampler.name), "{} twice", sampler.name);
        }
    }
}
