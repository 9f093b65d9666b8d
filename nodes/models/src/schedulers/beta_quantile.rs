//! Quantiles of the symmetric beta distribution, for the beta schedule.
//!
//! **Source**: the distribution function is the regularised incomplete beta function by its continued fraction (DLMF
//! 8.17.22, <https://dlmf.nist.gov/8.17>), evaluated by Lentz's method; checked against `scipy.stats.beta.ppf`.

/// The `x` in 0..=1 below which a share `p` of Beta(`shape`, `shape`) lies; `shape` > 0, about 12 digits.
///
/// Both shapes being equal, half of the distribution lies below 1/2, which gives its normalisation without a gamma
/// function and leaves only the lower half to search.
pub fn symmetric_beta_quantile(p: f64, shape: f64) -> f64 {
    if p > 0.5 {
        return 1.0 - symmetric_beta_quantile(1.0 - p, shape);
    }
    let target = p.max(0.0) / 0.5 * unnormalised(0.5, shape);
    let (mut low, mut high) = (0.0, 0.5);
    // 64 halvings leave an interval far below the spacing of f64 at any quantile that a schedule asks for.
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if unnormalised(middle, shape) < target {
            low = middle;
        } else {
            high = middle;
        }
    }
    if p <= 0.0 { 0.0 } else { 0.5 * (low + high) }
}

/// The incomplete beta function `B(x; a, a)`, for `x` in 0..=1/2 where its fraction converges fast.
fn unnormalised(x: f64, a: f64) -> f64 {
    const SMALLEST: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < SMALLEST { SMALLEST } else { v };
    let (mut c, mut d) = (1.0, 1.0 / guard(1.0 - 2.0 * a * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..200 {
        let m = f64::from(m);
        let even = m * (a - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (2.0 * a + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    (x * (1.0 - x)).powf(a) * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.beta.ppf(p, 0.6, 0.6)
        let table = [
            (0.001, 1.855873851745199e-5),
            (0.05, 0.012554456873611399),
            (0.3, 0.23401700387523572),
            (0.5, 0.5),
            (0.9, 0.9604155944112192),
        ];
        for (p, expected) in table {
            let got = symmetric_beta_quantile(p, 0.6);
            assert!((got / expected - 1.0).abs() < 1e-11, "{p}: {got} {expected}");
        }
        assert_eq!((symmetric_beta_quantile(0.0, 0.6), symmetric_beta_quantile(1.0, 0.6)), (0.0, 1.0));
    }

    #[test]
    fn shape_one_is_uniform_and_shape_half_is_the_arcsine_law() {
        assert!((symmetric_beta_quantile(0.2, 1.0) - 0.2).abs() < 1e-12);
        let arcsine = (0.2 * std::f64::consts::FRAC_PI_2).sin().powi(2);
        assert!((symmetric_beta_quantile(0.2, 0.5) - arcsine).abs() < 1e-12);
    }
}
