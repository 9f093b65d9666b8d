//! Where the random numbers of a sampling run come from.

use crate::Result;
use candle_core::Tensor;

/// Gives the noise that ancestral and SDE samplers add between steps.
///
/// The sampler asks for one tensor per call, in a fixed order; an implementation decides what it is (torch's generator,
/// a Brownian path, or noise recorded from a reference run).
pub trait NoiseSource {
    /// Unit-variance noise with the shape, dtype and device of `like`, for a step from `sigma_from` to `sigma_to`.
    ///
    /// # Errors
    /// When the noise cannot be made, e.g. a recorded sequence is exhausted.
    fn next(&mut self, like: &Tensor, sigma_from: f64, sigma_to: f64) -> Result<Tensor>;
}
