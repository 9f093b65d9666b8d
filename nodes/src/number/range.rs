//! Lists of evenly spaced numbers.

use super::finite;
use crate::list::check_length;
use selfsame_sdk::prelude::*;

/// Counts from one whole number towards another, as a list. A node that is linked to it runs once for each number.
#[node(id = "core.number.range", category = "number/list", search = ["count", "loop", "for each", "sequence"])]
#[output(numbers = "`start`, `start + step`, and so on, all before `stop`")]
pub fn range(
    /// The first number.
    #[param(default = 0)]
    start: i64,
    /// Where it ends: this number and what is beyond are not in the list.
    stop: i64,
    /// How far it is from one to the next; below 0 to count down.
    #[param(default = 1)]
    step: i64,
) -> Result<Vec<i64>> {
    if step == 0 {
        return Err(zero_step());
    }
    // In 128 bits no difference of two i64 overflows. Rounded up, as a part of a step gives one more number.
    let (distance, stride) = (i128::from(stop) - i128::from(start), i128::from(step));
    let count =
        if (distance > 0) == (stride > 0) { distance.unsigned_abs().div_ceil(stride.unsigned_abs()) } else { 0 };
    let count = check_length(count as i128)?;
    // All lie between `start` and `stop`, and fit.
    Ok((0..count as i128).map(|i| (i128::from(start) + i * stride) as i64).collect())
}

/// Counts from one number towards another, as a list. Linspace sets how many there are instead of the step.
#[node(id = "core.number.float_range", category = "number/list", search = ["count", "loop", "for each", "sequence"])]
#[output(numbers = "`start`, `start + step`, and so on, all before `stop`")]
pub fn float_range(
    /// The first number.
    #[param(default = 0.0)]
    start: f64,
    /// Where it ends: this number and what is beyond are not in the list, nor what differs from it by rounding only.
    stop: f64,
    /// How far it is from one to the next; below 0 to count down.
    #[param(default = 0.1)]
    step: f64,
) -> Result<Vec<f64>> {
    if step == 0.0 {
        return Err(zero_step());
    }
    let steps = finite((stop - start) / step, || format!("the count of steps of {step:e} from {start:e} to {stop:e}"))?;
    // Steps such as 0.1 are not exact; without this, 0 to 0.3 in steps of 0.1 would hold 0.3 as well.
    let count = (steps - steps.abs().max(1.0) * 1e-12).ceil().max(0.0);
    // Whatever does not fit into an i128 becomes its largest number, which is too many as well.
    let count = check_length(count as i128)?;
    Ok((0..count).map(|i| start + i as f64 * step).collect())
}

/// Divides the way from one number to another into equal steps, as a list that holds both ends.
#[node(id = "core.number.linspace", category = "number/list", search = ["interpolate", "steps", "sequence"])]
#[output(numbers = "`from`, ..., `to`")]
pub fn linspace(
    /// The first number.
    #[param(default = 0.0)]
    from: f64,
    /// The last number.
    #[param(default = 1.0)]
    to: f64,
    /// How many numbers there are. A single one is `from`.
    #[param(default = 5, hard = 1..=100_000, soft = 2..=50)]
    count: usize,
) -> Result<Vec<f64>> {
    let count = check_length(count as i128)?;
    let last = count.saturating_sub(1).max(1) as f64;
    // A weighted mean instead of a difference, which could overflow, and which would miss `to` by a rounding.
    Ok((0..count).map(|i| from * (1.0 - i as f64 / last) + to * (i as f64 / last)).collect())
}

fn zero_step() -> Error {
    Error::input("step", "expected a step other than 0, got 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stop_before_the_end() {
        assert_eq!(range(0, 4, 1).unwrap(), [0, 1, 2, 3]);
        assert_eq!(range(0, 5, 2).unwrap(), [0, 2, 4]);
        assert_eq!(range(3, 0, -1).unwrap(), [3, 2, 1]);
        assert_eq!(range(0, -5, 1).unwrap(), [0; 0]);
        assert_eq!(range(7, 7, -1).unwrap(), [0; 0]);
        assert_eq!(range(i64::MIN, i64::MAX, i64::MAX).unwrap(), [i64::MIN, -1, i64::MAX - 1]);
    }

    #[test]
    fn rounding_adds_no_number() {
        assert_eq!(float_range(0.0, 0.3, 0.1).unwrap(), [0.0, 0.1, 0.2]);
        assert_eq!(float_range(0.0, 1.0, 0.1).unwrap().len(), 10);
        assert_eq!(float_range(1.0, 0.0, -0.5).unwrap(), [1.0, 0.5]);
        assert_eq!(float_range(1.0, 2.0, -0.5).unwrap(), [0.0; 0]);
    }

    #[test]
    fn both_ends_are_in_a_linspace() {
        assert_eq!(linspace(0.0, 1.0, 5).unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(linspace(0.1, 0.3, 2).unwrap(), [0.1, 0.3]);
        assert_eq!(linspace(2.0, 1.0, 1).unwrap(), [2.0]);
        assert_eq!(linspace(-f64::MAX, f64::MAX, 3).unwrap()[1], 0.0);
    }

    #[test]
    fn too_many_numbers_and_no_step_are_errors() {
        assert!(range(0, 100_000, 1).is_ok());
        let message = range(0, 100_001, 1).unwrap_err().to_string();
        assert_eq!(message, "a list of 100001 values: at most 100000 are allowed");
        assert!(range(i64::MIN, i64::MAX, 1).is_err());
        assert!(float_range(0.0, 1e300, 1e-3).is_err());
        assert!(float_range(0.0, 1e300, 1e-300).unwrap_err().to_string().ends_with("is too large"));
        assert_eq!(range(0, 5, 0).unwrap_err().port.unwrap(), "step");
        assert_eq!(float_range(0.0, 5.0, 0.0).unwrap_err().port.unwrap(), "step");
    }
}
