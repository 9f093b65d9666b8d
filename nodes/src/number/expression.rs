//! A formula.

use super::parse::evaluate;
use selfsame_sdk::prelude::*;

/// Calculates a formula such as `(a + 1) / 2` or `max(a, b) ^ 2`. Round makes a whole number of the result.
///
/// - `+ - * / % ^` and parentheses; `^` is the power, `%` what is left after dividing, with the sign of the divisor
/// - `abs sign sqrt exp ln log2 log10 sin cos tan asin acos atan floor ceil round trunc` of one number (angles in radians)
/// - `min max` of any count, `atan2(y, x)`, `clamp(x, low, high)`, `lerp(from, to, t)`
/// - `pi`, `tau`, `e`, and the inputs `a`, `b`, `c`, `d`
///
/// Dividing by 0 and anything else without a result is an error.
#[node(id = "core.number.math_expression", category = "number/calculate", search = ["formula", "calculate", "equation"])]
#[output(result = "the result")]
pub fn math_expression(
    /// The formula.
    expression: String,
    /// What `a` stands for.
    a: Option<f64>,
    /// What `b` stands for.
    b: Option<f64>,
    /// What `c` stands for.
    c: Option<f64>,
    /// What `d` stands for.
    d: Option<f64>,
) -> Result<f64> {
    evaluate(&expression, &[("a", a), ("b", b), ("c", c), ("d", d)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_stand_in_the_formula() {
        assert_eq!(math_expression("a * b - c".into(), Some(2.0), Some(3.0), Some(1.0), None).unwrap(), 5.0);
        let missing = math_expression("d".into(), None, None, None, None).unwrap_err();
        assert_eq!(missing.to_string(), "input `d`: the expression uses it, but it is not set");
    }
}
