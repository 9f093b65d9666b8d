//! How a processor rounds, and what it does with denormal numbers: a plugin may change it for a thread of the host, and then
//! every number after it would come out a little different.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;

/// The mode of this thread; it is set again when this is dropped.
pub struct FloatMode {
    #[cfg(target_arch = "x86_64")]
    mxcsr: u32,
    #[cfg(target_arch = "aarch64")]
    fpcr: u64,
}

impl FloatMode {
    /// The mode as it is now.
    #[allow(clippy::new_without_default, reason = "it is what it is now")]
    pub fn now() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let mut mxcsr = 0u32;
            // SAFETY: it writes these four bytes, and nothing else.
            unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags)) };
            FloatMode { mxcsr }
        }
        #[cfg(target_arch = "aarch64")]
        {
            let fpcr;
            // SAFETY: it reads a register that every program may read.
            unsafe { asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags)) };
            FloatMode { fpcr }
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        FloatMode {}
    }

    /// The mode as it is now, while the host computes in its own: a plugin may ask for arithmetic after it has changed the mode.
    pub fn of_plugin() -> Self {
        let theirs = Self::now();
        drop(FloatMode::HOST);
        theirs
    }

    /// Rounding to the nearest, denormal numbers as they are, no traps: what every thread starts with.
    const HOST: FloatMode = FloatMode {
        #[cfg(target_arch = "x86_64")]
        mxcsr: 0x1f80,
        #[cfg(target_arch = "aarch64")]
        fpcr: 0,
    };
}

impl Drop for FloatMode {
    fn drop(&mut self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the value comes from this register, or is the mode that all code of this program is compiled for.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const self.mxcsr, options(nostack, preserves_flags, readonly));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        unsafe {
            asm!("msr fpcr, {}", in(reg) self.fpcr, options(nomem, nostack, preserves_flags));
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn the_mode_is_set_again() {
        let denormal = || black_box(f32::MIN_POSITIVE) / black_box(4.0);
        assert!(denormal() > 0.0);
        let before = FloatMode::now();
        let flush = before.mxcsr | 0x8040;
        // SAFETY: only the mode of denormal numbers is changed, and it is set again below.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const flush, options(nostack, preserves_flags, readonly)) };
        assert_eq!(denormal(), 0.0);
        let theirs = FloatMode::of_plugin();
        assert!(denormal() > 0.0);
        drop(theirs);
        assert_eq!(denormal(), 0.0);
        drop(before);
        assert!(denormal() > 0.0);
    }
}
