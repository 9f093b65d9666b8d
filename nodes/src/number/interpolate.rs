//! Between two numbers.

use super::finite;
use selfsame_sdk::prelude::*;

/// Goes a part of the way from one number to another.
#[node(id = "core.number.lerp", category = "number/calculate", search = ["interpolate", "mix", "blend"])]
#[output(value = "`from + (to - from) * t`")]
pub fn lerp(
    /// The number at `t` = 0.
    #[param(default = 0.0)]
    from: f64,
    /// The number at `t` = 1.
    #[param(default = 1.0)]
    to: f64,
    /// Which part of the way; below 0 and above 1 it goes on beyond the ends.
    #[param(default = 0.5, soft = 0.0..=1.0, step = 0.05)]
    t: f64,
) -> Result<f64> {
    // Exact at both ends, unlike `from + (to - from) * t`.
    finite(from * (1.0 - t) + to * t, || format!("the number between {from:e} and {to:e} at {t:e}"))
}

/// Carries a number from one range over to another: 5 in 0..10 becomes 50 in 0..100.
#[node(id = "core.number.map_range", category = "number/calculate", search = ["remap", "rescale", "normalize"])]
#[output(value = "the number in the other range")]
pub fn map_range(
    /// The number.
    number: f64,
    /// One end of its range.
    #[param(default = 0.0)]
    from_start: f64,
    /// The other end of its range.
    #[param(default = 1.0)]
    from_end: f64,
    /// What `from_start` becomes.
    #[param(default = 0.0)]
    to_start: f64,
    /// What `from_end` becomes.
    #[param(default = 1.0)]
    to_end: f64,
    /// Numbers beyond their range stop at its ends.
    #[param(default = false)]
    clamp: bool,
) -> Result<f64> {
    if from_start == from_end {
        return Err(Error::input("from_end", format!("the range from {from_start} to {from_end} is empty")));
    }
    let t = (number - from_start) / (from_end - from_start);
    lerp(to_start, to_end, if clamp { t.clamp(0.0, 1.0) } else { t })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_way() {
        assert_eq!([0.0, 0.5, 1.0, 2.0].map(|t| lerp(2.0, 4.0, t).unwrap()), [2.0, 3.0, 4.0, 6.0]);
        assert!(lerp(1e308, -1e308, 10.0).is_err());
    }

    #[test]
    fn from_range_to_range() {
        assert_eq!(map_range(5.0, 0.0, 10.0, 0.0, 100.0, false).unwrap(), 50.0);
        assert_eq!(map_range(0.25, 0.0, 1.0, 1.0, 0.0, false).unwrap(), 0.75);
        assert_eq!(map_range(20.0, 0.0, 10.0, 0.0, 100.0, false).unwrap(), 200.0);
        assert_eq!(map_range(20.0, 0.0, 10.0, 0.0, 100.0, true).unwrap(), 100.0);
        assert_eq!(map_range(1.0, 2.0, 2.0, 0.0, 1.0, true).unwrap_err().port.unwrap(), "from_end");
    }
}
