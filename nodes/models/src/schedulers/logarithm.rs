//! The natural logarithm in f32 as numpy computes it.
//!
//! **Source**: the vector code of numpy's `log` for float32 on x86 (`loops_exponent_log.dispatch.c.src`, numpy 2.4; the method is
//! Cephes's): a rational approximation of log(1 + y) around 1. It differs from the correctly rounded logarithm in the last
//! bit for one number in eight, and diffusers puts its results through differences that magnify that bit: the third-order
//! DEIS step by 10^4, and the truncation of a timestep to a whole number.

/// Coefficients of the numerator, from the constant one up.
const NUMERATOR: [f32; 6] = [0.0, 1.0, 2.112_677_5, 1.480_000_6, 0.380_883_77, 0.025_899_792];
/// Coefficients of the denominator, from the constant one up.
const DENOMINATOR: [f32; 6] = [1.0, 2.612_677_6, 2.453_006, 0.986_494_3, 0.154_647_63, 0.005_875_095_3];

/// `ln(x)` as `numpy.log(numpy.float32(x))`.
pub(super) fn numpy_ln(x: f32) -> f32 {
    if !x.is_normal() || x < 0.0 {
        return x.ln();
    }
    // x = mantissa * 2^exponent with the mantissa in sqrt(1/2)..sqrt(2).
    const MANTISSA_BITS: u32 = 23;
    let mut exponent = (x.to_bits() >> MANTISSA_BITS) as i32 - 126;
    let half = 0.5f32.to_bits();
    let mut mantissa = f32::from_bits(x.to_bits() & ((1 << MANTISSA_BITS) - 1) | half);
    if mantissa < std::f32::consts::FRAC_1_SQRT_2 {
        mantissa *= 2.0;
        exponent -= 1;
    }
    let y = mantissa - 1.0;
    let polynomial = |c: &[f32; 6]| c.iter().rev().copied().reduce(|sum, c| sum.mul_add(y, c)).unwrap_or_default();
    (exponent as f32).mul_add(std::f32::consts::LN_2, polynomial(&NUMERATOR) / polynomial(&DENOMINATOR))
}

#[cfg(test)]
mod tests {
    use super::numpy_ln;

    #[test]
    fn bits_of_numpy() {
        // numpy.log(numpy.float32(x)).view("uint32")
        for (x, bits) in [
            (1.0, 0x0000_0000),
            (14.614_647, 0x402b_a649),
            (0.029_167_159, 0xc062_38b8),
            (0.614_251_4, 0xbef9_8612),
            (0.792_812_94, 0xbe6d_bd70),
            (0.608_805_4, 0xbefe_1558),
            (21.680_288, 0x4044_e3cc),
        ] {
            assert_eq!(numpy_ln(x).to_bits(), bits, "{x}: {} {}", numpy_ln(x), f32::from_bits(bits));
        }
        assert_eq!(numpy_ln(0.0), f32::NEG_INFINITY);
    }
}
