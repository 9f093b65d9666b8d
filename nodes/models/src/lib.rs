//! The networks and samplers of Selfsame, on candle: text in, latents out, pictures back.
//!
//! Nothing here knows of nodes or graphs. The parts, in the order a picture passes through them:
//!
//! | module | what it holds |
//! |---|---|
//! | [`weights`] | files to named tensors, architecture recognition, changes laid over them |
//! | [`text`] | CLIP tokenizer, prompt weights, textual inversion, the two text encoders |
//! | [`unet`] | the denoising network of SD1.5 and SDXL with its hook points |
//! | [`controlnet`] | ControlNet, and IdentityNet, which is one |
//! | [`adapter`] | InstantID's Resampler and Image Adapter, and the IP-Adapter family |
//! | [`lora`] | LoRA files matched against a model |
//! | [`schedulers`] | diffusers' schedulers: timesteps and the rule to step along them |
//! | [`samplers`] | k-diffusion's samplers and ComfyUI's sigma schedules |
//! | [`sampling`] | guidance, conditioning lists, masks, and the denoising loop |
//! | [`vae`] | AutoencoderKL and TAESD, tiled for large pictures |
//! | [`depth`] | Depth Anything: how near each pixel of a picture is |
//! | [`rng`], [`noise`] | torch's random numbers for the same seed; the sources of noise that samplers draw from |
//! | [`splitmix`] | random numbers that need not be torch's |
//! | [`layers`] | named weights plus one call into `ops` |
//! | [`ops`] | every heavy operation, so that a faster kernel replaces it in one place |

pub mod adapter;
mod beta;
mod cancel;
pub mod controlnet;
pub mod depth;
mod device;
mod error;
pub mod layers;
pub mod lora;
mod meter;
pub mod noise;
pub mod ops;
pub mod rng;
pub mod samplers;
pub mod sampling;
pub mod schedulers;
pub mod splitmix;
pub mod text;
pub mod unet;
pub mod vae;
pub mod weights;

pub use cancel::Cancel;
pub use device::{best_device, cuda_device};
pub use error::{Error, Result};
pub use meter::{Done, Meter, Work};
