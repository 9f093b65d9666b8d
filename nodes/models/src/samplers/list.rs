//! The samplers by name.

use super::names::find;
use super::{
    Deis, Dpm2, Dpm2Ancestral, DpmAdaptive, DpmFast, DpmPp2M, DpmPp2MSde, DpmPp2SAncestral, DpmPp3MSde, DpmPpSde, ErSde, Euler,
    EulerAncestral, GradientEstimation, Heun, HeunPp2, Ipndm, IpndmV, Lcm, Lms, Method, ResMultistep, Run, SdeCorrection, Seeds2,
    Seeds3, UniPc, UniPcVariant, sample,
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

    const fn drops_penultimate_sigma(mut self) -> Self {
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
    Sampler::new("dpm_2", &Dpm2::DEFAULT, Silent, "second order midpoint, two model calls a step").drops_penultimate_sigma(),
    Sampler::new("dpm_2_ancestral", &Dpm2Ancestral::DEFAULT, Fresh, "midpoint with fresh noise at every step").drops_penultimate_sigma(),
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
    Sampler::new("uni_pc", &UniPc { variant: UniPcVariant::Bh1 }, Silent, "predictor-corrector of order 3").drops_penultimate_sigma(),
    Sampler::new("uni_pc_bh2", &UniPc { variant: UniPcVariant::Bh2 }, Silent, "predictor-corrector of order 3, variant B2").drops_penultimate_sigma(),
];

static HEUN_SDE: DpmPp2MSde = DpmPp2MSde { correction: SdeCorrection::Heun, ..DpmPp2MSde::DEFAULT };
