//! What there is to say about a list of numbers.

use super::finite;
use selfsame_sdk::prelude::*;

/// Gives the sum, mean, smallest and largest of some numbers.
#[node(id = "core.number.statistics", category = "number/list", search = ["sum", "average", "minimum", "maximum"])]
#[output(sum = "all of them together", mean = "their mean", min = "the smallest", max = "the largest")]
pub fn statistics(
    /// The numbers, at least one.
    numbers: Vec<f64>,
) -> Result<(f64, f64, f64, f64)> {
    if numbers.is_empty() {
        return Err(Error::input("numbers", "expected at least one number, got an empty list"));
    }
    let sum = finite(numbers.iter().sum(), || format!("the sum of {} numbers", numbers.len()))?;
    let min = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let max = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok((sum, sum / numbers.len() as f64, min, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_some_and_of_none() {
        assert_eq!(statistics(vec![1.0, 6.0, -1.0]).unwrap(), (6.0, 2.0, -1.0, 6.0));
        assert_eq!(statistics(vec![]).unwrap_err().port.unwrap(), "numbers");
        assert!(statistics(vec![f64::MAX, f64::MAX]).is_err());
    }
}
