//! From numbers to whole numbers.

use selfsame_sdk::prelude::*;

/// Which whole number a number becomes.
#[derive(Clone, Copy, Choice)]
pub enum Rounding {
    /// The nearest one; halves away from zero: 2.5 becomes 3, -2.5 becomes -3.
    Nearest,
    /// The next one below: -2.5 becomes -3.
    Down,
    /// The next one above: -2.5 becomes -2.
    Up,
    /// The one without the digits after the point: -2.5 becomes -2.
    Truncate,
}

/// Rounds a number to a whole number, or to a multiple of one.
#[node(id = "core.number.round", category = "number/calculate", search = ["floor", "ceil", "truncate", "integer"])]
#[output(value = "the whole number")]
pub fn round(
    /// What is rounded.
    number: f64,
    /// Which way.
    #[param(default = "nearest")]
    mode: Rounding,
    /// The result is a multiple of this: 8 for sizes of pictures, say.
    #[param(default = 1, hard = 1..=1_000_000)]
    multiple_of: i64,
) -> Result<i64> {
    let parts = number / multiple_of as f64;
    let parts = match mode {
        Rounding::Nearest => parts.round(),
        Rounding::Down => parts.floor(),
        Rounding::Up => parts.ceil(),
        Rounding::Truncate => parts.trunc(),
    };
    // 2^63 is the first f64 above every i64, and -2^63 the smallest i64.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&parts);
    let whole = if fits { (parts as i64).checked_mul(multiple_of) } else { None };
    whole.ok_or_else(|| Error::input("number", format!("{number:e} does not fit into 64 bits as a whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way() {
        for (mode, wanted) in [
            (Rounding::Nearest, [3, -3, 2]),
            (Rounding::Down, [2, -3, 2]),
            (Rounding::Up, [3, -2, 3]),
            (Rounding::Truncate, [2, -2, 2]),
        ] {
            assert_eq!([2.5, -2.5, 2.4].map(|x| round(x, mode, 1).unwrap()), wanted);
        }
    }

    #[test]
    fn multiples() {
        assert_eq!(round(1021.0, Rounding::Nearest, 8).unwrap(), 1024);
        assert_eq!(round(1021.0, Rounding::Down, 64).unwrap(), 960);
    }

    #[test]
    fn what_is_too_large_is_an_error() {
        for number in [1e19, -1e19, 9_223_372_036_854_775_808.0, f64::NAN] {
            assert_eq!(round(number, Rounding::Nearest, 1).unwrap_err().port.unwrap(), "number");
        }
        assert_eq!(round(-9_223_372_036_854_775_808.0, Rounding::Nearest, 1).unwrap(), i64::MIN);
        assert!(round(-9_223_372_036_854_775_808.0, Rounding::Down, 1000).is_err());
    }
}
