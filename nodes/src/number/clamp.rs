//! Numbers kept within bounds.

use selfsame_sdk::prelude::*;

/// Keeps a number within bounds: what is below becomes the lower one, what is above the upper one.
#[node(id = "core.number.clamp", category = "number/calculate", search = ["limit", "bounds"])]
#[output(value = "the number within the bounds")]
pub fn clamp(
    /// What is kept within the bounds.
    number: f64,
    /// The lower bound.
    #[param(default = 0.0)]
    min: f64,
    /// The upper bound.
    #[param(default = 1.0)]
    max: f64,
) -> Result<f64> {
    within(number, min, max)
}

/// Keeps a whole number within bounds: what is below becomes the lower one, what is above the upper one.
#[node(id = "core.number.clamp_int", category = "number/calculate", search = ["limit", "bounds", "integer"])]
#[output(value = "the number within the bounds")]
pub fn clamp_int(
    /// What is kept within the bounds.
    number: i64,
    /// The lower bound.
    #[param(default = 0)]
    min: i64,
    /// The upper bound.
    #[param(default = 100)]
    max: i64,
) -> Result<i64> {
    within(number, min, max)
}

fn within<N: PartialOrd + std::fmt::Display>(number: N, min: N, max: N) -> Result<N> {
    if min > max {
        return Err(Error::input("min", format!("the lower bound {min} is above the upper one, {max}")));
    }
    Ok(if number < min {
        min
    } else if number > max {
        max
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold() {
        assert_eq!([-1.0, 0.25, 9.0].map(|x| clamp(x, 0.0, 1.0).unwrap()), [0.0, 0.25, 1.0]);
        assert_eq!([-1, 5, 9].map(|x| clamp_int(x, 0, 8).unwrap()), [0, 5, 8]);
    }

    #[test]
    fn bounds_in_the_wrong_order_are_an_error() {
        let message = clamp_int(1, 5, 4).unwrap_err().to_string();
        assert_eq!(message, "input `min`: the lower bound 5 is above the upper one, 4");
    }
}
