//! Elementary functions that the compiler can vectorise, and the way to let it use the processor's widest registers.

use std::f32::consts::{LN_2, LOG2_E};

/// Floats in the vectors of the commonest target (AVX2); loops over this many at once vectorise well everywhere.
pub const LANES: usize = 8;

/// Runs `work` compiled for the instruction set of this processor.
///
/// Only what is inlined into `work` profits: mark helpers `#[inline(always)]`.
#[inline(always)]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// `eˣ` within 1.1 ulp; 0 below -87.3 (where f32 loses precision), at most `e⁸⁸`.
///
/// `x = n·ln 2 + r` with `|r| <= ln 2 / 2`; then `2ⁿ` goes into the exponent bits and `eʳ` is its Taylor series, of which
/// the first term left out is below 6e-9.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LOWEST: f32 = -87.33;
    const HIGHEST: f32 = 88.0;
    /// `ln 2 - LN_2`, LN_2 being the f32 nearest to it.
    const LN_2_REST: f32 = -1.904_654_3e-9;
    /// Adding 1.5·2²³ rounds to an integer, which then is in the low mantissa bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x > HIGHEST { HIGHEST } else { x }; // `f32::min` would swallow a NaN
    let shifted = clamped.mul_add(LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = (-n).mul_add(LN_2_REST, (-n).mul_add(LN_2, clamped));
    // Pairs of terms side by side: one long chain of additions would wait for itself.
    let r2 = r * r;
    let low = (1.0f32 / 6.0).mul_add(r, 0.5);
    let middle = (1.0f32 / 120.0).mul_add(r, 1.0 / 24.0);
    let high = (1.0f32 / 5040.0).mul_add(r, 1.0 / 720.0);
    let above_one = high.mul_add(r2, middle).mul_add(r2, low).mul_add(r2, r);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < LOWEST { 0.0 } else { above_one.mul_add(power, power) }
}

/// `x * sigmoid(x)`.
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    x / (1.0 + exp(-x))
}

/// `x * sigmoid(1.702 x)`.
#[inline(always)]
pub fn quick_gelu(x: f32) -> f32 {
    x / (1.0 + exp(-1.702 * x))
}

/// How many numbers [`gelu`] takes at most: a few vectors' worth that never leave the first-level cache.
pub const GELU_CHUNK: usize = 128;

/// Writes `x · Φ(x)` of every `x`, Φ being the normal distribution function: the GELU of Hendrycks and Gimpel
/// (arXiv 1606.08415).
///
/// The half `Φ(-|x|)` is `exp(-P(|x|)) / 2`. `P(u) / u` is a polynomial of degree 9 fitted here to `-ln(2Φ(-u)) / u` on
/// `0..=6` (Lawson's weighted least squares for the least largest error of `u·Φ(-u)`, 2e-10). In f32 the result is within
/// 2 ulp for positive x and 4e-8 for negative x.
///
/// Takes at most [`GELU_CHUNK`] numbers and two passes over them: in one pass each number would be a chain of operations
/// too long for the processor to look past.
#[inline(always)]
pub fn gelu(x: &[f32], out: &mut [f32]) {
    for (out, &x) in out.iter_mut().zip(x) {
        *out = half_tail_exponent(x);
    }
    for (out, &x) in out.iter_mut().zip(x) {
        let half = 0.5 * exp(*out);
        *out = x * if x < 0.0 { half } else { 1.0 - half };
    }
}

/// `ln(2Φ(-|x|))`.
#[inline(always)]
fn half_tail_exponent(x: f32) -> f32 {
    /// Where Φ(-u) is far below any f32 that matters, and P is still increasing.
    const FARTHEST: f32 = 14.0;
    let u = if x.abs() > FARTHEST { FARTHEST } else { x.abs() };
    let u2 = u * u;
    let u4 = u2 * u2;
    let p01 = 0.318_309_58f32.mul_add(u, 0.797_884_6);
    let p23 = (-4.781_924e-3f32).mul_add(u, 3.633_649_6e-2);
    let p45 = 2.236_942e-4f32.mul_add(u, -4.233_777e-5);
    let p67 = 1.045_670_6e-5f32.mul_add(u, -6.517_101_4e-5);
    let p89 = 3.838_779e-8f32.mul_add(u, -9.520_731_5e-7);
    p89.mul_add(u4, p67.mul_add(u2, p45)).mul_add(u4, p23.mul_add(u2, p01)) * -u
}

#[cfg(test)]
mod tests {
    use super::{exp, quick_gelu, silu};

    /// The largest error of `f` over `range`, in units of the last place of `reference`.
    fn worst_ulps(range: (f32, f32), f: impl Fn(f32) -> f32, reference: impl Fn(f64) -> f64) -> f64 {
        let steps = 400_000;
        let at = |i: usize| range.0 + (range.1 - range.0) * i as f32 / steps as f32;
        let ulp = |y: f64| f64::from((y.abs() as f32).next_up() - y.abs() as f32);
        let error = |x: f32| (f64::from(f(x)) - reference(f64::from(x))).abs() / ulp(reference(f64::from(x)));
        (0..=steps).map(|i| error(at(i))).fold(0.0, f64::max)
    }

    /// Φ(-u) from its Taylor series around 0 (u <= 4) in f64.
    fn lower_tail(u: f64) -> f64 {
        let (mut term, mut sum) = (u, u);
        for k in 1..200 {
            term *= u * u / (2 * k + 1) as f64;
            sum += term;
        }
        0.5 - sum * (-u * u / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
    }

    fn gelu(x: f32) -> f32 {
        let mut out = [0.0];
        super::gelu(&[x], &mut out);
        out[0]
    }

    #[test]
    fn exp_is_exact_to_an_ulp_and_ends_well() {
        let worst = worst_ulps((-87.0, 87.9), exp, f64::exp);
        assert!(worst < 1.1, "{worst} ulp");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(-100.0), 0.0);
        assert!(exp(1e30) > 1e38 && exp(1e30).is_finite());
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn gelu_keeps_the_digits() {
        let reference = |x: f64| if x < 0.0 { x * lower_tail(-x) } else { x - x * lower_tail(x) };
        let worst = worst_ulps((0.0, 5.0), gelu, reference);
        assert!(worst < 2.0, "{worst} ulp");
        for i in 0..5000 {
            let x = -(i as f32) / 1000.0;
            let error = (f64::from(gelu(x)) - reference(f64::from(x))).abs();
            assert!(error < 5e-8, "gelu({x}) is off by {error}");
        }
        assert_eq!([gelu(-50.0), gelu(50.0), gelu(f32::INFINITY)], [-0.0, 50.0, f32::INFINITY]);
        assert!(gelu(f32::NAN).is_nan());
    }

    #[test]
    fn silu_keeps_the_digits() {
        let worst = worst_ulps((-80.0, 80.0), silu, |x| x / (1.0 + (-x).exp()));
        assert!(worst < 3.0, "{worst} ulp");
        let worst = worst_ulps((0.0, 50.0), quick_gelu, |x| x / (1.0 + (-1.702 * x).exp()));
        assert!(worst < 3.0, "{worst} ulp");
    }
}
