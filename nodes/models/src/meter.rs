//! What a run computes: how often each kind of network is evaluated and, if asked for, how long that takes.

use crate::device::memory_in_use;
use candle_core::Device;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Finding faces in a picture and recognising them.
    FaceAnalysis,
    /// A face embedding to ID tokens.
    Resampler,
    /// Prompts to features: one evaluation for each batch, whether one or two encoders read it.
    TextEncoder,
    /// A whole denoising loop. What it evaluates is counted by itself too.
    Sampling,
    /// Keys and values of what cross-attention reads: text, or ID tokens in IdentityNet. One for each network.
    ContextKv,
    /// Keys and values of an adapter's tokens: ID tokens for InstantID.
    AdapterKv,
    /// A control picture to features.
    HintEmbedding,
    /// A forward pass of a ControlNet or IdentityNet.
    ControlNet,
    /// A forward pass of the UNet.
    UNet,
    /// Pictures to latents.
    VaeEncode,
    /// Latents to pictures.
    VaeDecode,
}

/// How much of a kind of work was done.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Done {
    /// How often.
    pub count: u64,
    /// How long it took altogether, if it was timed. What runs at the same time counts in full for each.
    pub seconds: f64,
}

/// Counts work, and times it if it was made by [`Meter::timing`]. Clones share what was counted.
///
/// ```
/// use selfsame_models::{Meter, Work};
/// let meter = Meter::default();
/// let answer = meter.measure(Work::UNet, &candle_core::Device::Cpu, || 42);
/// assert_eq!((answer, meter.done(Work::UNet).count, meter.done(Work::VaeDecode).count), (42, 1, 0));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Meter {
    is_timing: bool,
    total: Arc<Mutex<Total>>,
}

#[derive(Debug, Default)]
struct Total {
    done: BTreeMap<Work, Done>,
    device_bytes: Option<u64>,
}

impl Meter {
    /// A meter that also times. A CUDA device works behind the program's back, so each measured piece of work then waits for it
    /// to come to rest before and after: a run under such a meter may be a little slower.
    pub fn timing() -> Self {
        Self { is_timing: true, ..Self::default() }
    }

    /// Does `work` and counts it.
    pub fn measure<T>(&self, work: Work, device: &Device, run: impl FnOnce() -> T) -> T {
        if !self.is_timing {
            let result = run();
            self.lock().done.entry(work).or_default().count += 1;
            return result;
        }
        // What the device has to complain of, the next operation says too.
        let _ = device.synchronize();
        let started = Instant::now();
        let result = run();
        let _ = device.synchronize();
        let seconds = started.elapsed().as_secs_f64();
        let device_bytes = memory_in_use(device);
        let mut total = self.lock();
        let done = total.done.entry(work).or_default();
        *done = Done { count: done.count + 1, seconds: done.seconds + seconds };
        total.device_bytes = total.device_bytes.max(device_bytes);
        result
    }

    /// What was done of a kind of work since the meter was made.
    pub fn done(&self, work: Work) -> Done {
        self.lock().done.get(&work).copied().unwrap_or_default()
    }

    /// The most memory of a CUDA device that was taken at the end of a timed piece of work, by whatever program; none on the
    /// CPU.
    pub fn device_bytes(&self) -> Option<u64> {
        self.lock().device_bytes
    }

    // A panic elsewhere while the lock was held leaves numbers that are still whole.
    fn lock(&self) -> std::sync::MutexGuard<'_, Total> {
        self.total.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn work_inside_of_work_is_counted_and_timed_by_itself() {
        let meter = Meter::timing();
        meter.clone().measure(Work::Sampling, &Device::Cpu, || {
            for _ in 0..3 {
                meter.measure(Work::UNet, &Device::Cpu, || std::thread::sleep(Duration::from_millis(2)));
            }
        });
        let (sampling, unet) = (meter.done(Work::Sampling), meter.done(Work::UNet));
        assert_eq!((sampling.count, unet.count), (1, 3));
        assert!(0.006 <= unet.seconds && unet.seconds <= sampling.seconds, "{unet:?} {sampling:?}");
        assert_eq!(meter.device_bytes(), None);
    }

    #[test]
    fn nothing_is_timed_unasked() {
        let meter = Meter::default();
        meter.measure(Work::VaeDecode, &Device::Cpu, || std::thread::sleep(Duration::from_millis(2)));
        assert_eq!(meter.done(Work::VaeDecode), Done { count: 1, seconds: 0.0 });
    }
}
