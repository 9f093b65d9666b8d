//! A denoiser: everything that steers a sampling, as the one function that a sampler calls.

use super::errors::told;
use super::guided::{Preview, mask_to_device, noise, prepare, sigma_window};
use super::sessions::{Session, Sessions};
use crate::Compute;
use crate::wires::{Conditioning, Model, from_device, to_device};
use selfsame_models::samplers::{Denoiser as _, ModelSigmas};
use selfsame_models::sampling::{DenoiserSettings, Guidance, GuidedDenoiser, Hooks, Inpaint};
use selfsame_sdk::prelude::*;
use selfsame_sdk::{Denoiser, DenoiserInfo, Estimate};
use std::sync::atomic::{AtomicU64, Ordering};

/// Puts all that steers a sampling into one function, the estimate of the clean latents, for samplers that are nodes themselves.
///
/// Such a node also takes noise levels (`Sigmas`) and noisy latents (`AddNoise`).
#[node(id = "core.sampling.denoiser", category = "sampling", search = ["guider", "CFGGuider", "model function"])]
#[output(denoiser = "the function")]
pub fn denoiser(
    /// The denoising network.
    model: Model,
    /// What the picture should show.
    positive: Conditioning,
    /// What it should not show.
    negative: Conditioning,
    /// How much more the picture follows the positive than the negative prompt; up to 1 the negative one is not used.
    #[param(default = 5.0, hard = 0.0..=100.0, soft = 1.0..=20.0, step = 0.1, aliases = ["cfg"])]
    guidance_scale: f64,
    /// Latents whose noise mask says what is redrawn, the rest being kept; all is redrawn if not set.
    latent: Option<Latent>,
    /// Where the noise of the kept part is drawn from: the seed of `AddNoise`.
    #[param(default = 0)]
    seed: Seed,
    /// Noise to use instead of that of the seed, of the shape of the latents and of unit strength.
    noise_latent: Option<Latent>,
) -> Result<DenoiserValue> {
    let keep = latent.filter(|latent| latent.noise_mask.is_some()).map(|latent| Keep { latent, seed, noise_latent });
    Ok(DenoiserValue::new(ModelDenoiser::new(model, positive, negative, guidance_scale, keep)))
}

/// Latents of which a part is kept, and its noise.
pub(super) struct Keep {
    pub latent: Latent,
    pub seed: Seed,
    pub noise_latent: Option<Latent>,
}

/// Channels of the latents of SD1.5 and SDXL: `latent_channels` of their VAEs' configurations.
const CHANNELS: usize = 4;

/// A model under its conditions.
pub(super) struct ModelDenoiser {
    /// Which one it is of all that were ever made, for the sessions of a call.
    id: u64,
    model: Model,
    model_sigmas: ModelSigmas,
    /// The same numbers.
    sigmas: Vec<f64>,
    positive: Conditioning,
    negative: Conditioning,
    guidance: Guidance,
    keep: Option<Keep>,
}

impl ModelDenoiser {
    pub fn new(
        model: Model,
        positive: Conditioning,
        negative: Conditioning,
        guidance_scale: f64,
        keep: Option<Keep>,
    ) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let model_sigmas = model.sigmas();
        ModelDenoiser {
            id: COUNT.fetch_add(1, Ordering::Relaxed),
            sigmas: model_sigmas.sigmas().iter().copied().map(f64::from).collect(),
            guidance: Guidance { scale: guidance_scale, rescale: model.rescale },
            model,
            model_sigmas,
            positive,
            negative,
            keep,
        }
    }

    fn session(&self, ctx: Ctx, shape: [usize; 4]) -> Result<Session> {
        let compute: &Compute = ctx.get()?;
        let window = sigma_window(&self.model_sigmas);
        let prepared = prepare(ctx, &self.model, &self.positive, &self.negative, shape, &window)?;
        let inpaint = match &self.keep {
            Some(Keep { latent: Latent { samples, noise_mask: Some(mask) }, seed, noise_latent }) => {
                let latents = to_device(samples, &compute.device)?;
                if latents.dims() != shape {
                    let message =
                        format!("expected latents {:?}, as those that are kept, got {shape:?}", latents.dims());
                    return Err(Error::with(Status::InvalidArgument, message));
                }
                let noise = noise(*seed, noise_latent.as_ref(), &latents)?;
                Some(Inpaint::new(&mask_to_device(mask, &compute.device)?, &latents, &noise)?)
            }
            _ => None,
        };
        Ok(Session { shape, prepared, inpaint, preview: Preview::new(self.model.family) })
    }
}

impl Denoiser for ModelDenoiser {
    fn info(&self) -> DenoiserInfo {
        DenoiserInfo { prediction: self.model.told_prediction(), channels: CHANNELS }
    }

    fn sigmas(&self) -> &[f64] {
        &self.sigmas
    }

    fn predict(&self, ctx: Ctx, x: &Tensor, sigma: f64, with_uncond: bool) -> Result<Estimate> {
        ctx.check_cancelled()?;
        let invalid = |message: String| Error::with(Status::InvalidArgument, message);
        let sessions: &Sessions = ctx.get()?;
        let mut open = sessions.enter()?;
        if !(sigma > 0.0 && sigma.is_finite()) {
            return Err(invalid(format!("expected a noise level above 0, got {sigma}")));
        }
        let shape: [usize; 4] = x.dims("[B,C,H,W]").map_err(|error| invalid(error.message))?;
        if shape[1] != CHANNELS || shape.contains(&0) {
            return Err(invalid(format!("expected latents of {CHANNELS} channels, [B,{CHANNELS},H,W], got {shape:?}")));
        }
        let mut session = match open.remove(&self.id) {
            Some(session) if session.shape == shape => session,
            _ => self.session(ctx, shape)?,
        };
        let compute: &Compute = ctx.get()?;
        let hooks = session.prepared.patches.asked_in(ctx);
        let settings = DenoiserSettings {
            model_sigmas: &self.model_sigmas,
            prediction: self.model.prediction,
            guidance: self.guidance,
            inpaint: session.inpaint.as_ref(),
            hooks: hooks.as_ref().map(|hooks| hooks as &dyn Hooks),
        };
        let mut denoiser = GuidedDenoiser::new(&mut session.prepared.guided, settings);
        let x = to_device(x, &compute.device)?;
        let (denoised, uncond) = match with_uncond {
            true => {
                let guided = denoiser.denoise_guided(&x, sigma).map_err(told)?;
                (guided.denoised, Some(from_device(&guided.uncond)?))
            }
            false => (denoiser.denoise(&x, sigma).map_err(told)?, None),
        };
        // A preview that fails is no reason to stop.
        let _ = session.preview.show(ctx, &denoised);
        open.insert(self.id, session);
        Ok(Estimate { denoised: from_device(&denoised)?, uncond })
    }

    fn bytes(&self) -> u64 {
        let latent = |latent: &Latent| Object::bytes(latent);
        let keep = |keep: &Keep| latent(&keep.latent) + keep.noise_latent.as_ref().map_or(0, latent);
        let conditions = Object::bytes(&self.positive) + Object::bytes(&self.negative);
        Object::bytes(&self.model) + conditions + self.keep.as_ref().map_or(0, keep)
    }

    fn is_lost(&self) -> bool {
        Object::is_lost(&self.model)
    }
}
