//! The basic operations on two numbers.

use super::finite;
use selfsame_sdk::prelude::*;

/// What is done with two numbers.
#[derive(Clone, Copy, Choice)]
pub enum Operation {
    /// a + b
    Add,
    /// a - b
    Subtract,
    /// a * b
    Multiply,
    /// a / b; of whole numbers rounded down: 7 / 2 is 3, -7 / 2 is -4.
    Divide,
    /// What is left of a after dividing by b; it has the sign of b: -7 modulo 3 is 2.
    Modulo,
    /// a to the power of b
    Power,
    /// The smaller one.
    Minimum,
    /// The larger one.
    Maximum,
}

/// Calculates with two numbers. Dividing by 0 and results beyond all numbers are errors.
///
/// IntArithmetic calculates with whole numbers, MathExpression a whole formula.
#[node(id = "core.number.arithmetic", category = "number/calculate", search = ["math", "calculate", "add", "multiply"])]
#[output(result = "the result")]
pub fn arithmetic(
    /// The first number.
    a: f64,
    /// The second number.
    b: f64,
    /// What is done with them.
    #[param(default = "add")]
    operation: Operation,
) -> Result<f64> {
    let (result, sign) = match operation {
        Operation::Add => (a + b, "+"),
        Operation::Subtract => (a - b, "-"),
        Operation::Multiply => (a * b, "*"),
        Operation::Divide if b == 0.0 => return Err(division_by_zero()),
        Operation::Divide => (a / b, "/"),
        Operation::Modulo if b == 0.0 => return Err(division_by_zero()),
        Operation::Modulo => (float_modulo(a, b), "modulo"),
        Operation::Power => (a.powf(b), "to the power of"),
        Operation::Minimum => (a.min(b), "or less than"),
        Operation::Maximum => (a.max(b), "or more than"),
    };
    finite(result, || format!("{a} {sign} {b}"))
}

/// Calculates with two whole numbers. Dividing by 0 and results of more than 64 bits are errors.
#[node(id = "core.number.int_arithmetic", category = "number/calculate", search = ["math", "calculate", "integer"])]
#[output(result = "the result")]
pub fn int_arithmetic(
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
    /// What is done with them.
    #[param(default = "add")]
    operation: Operation,
) -> Result<i64> {
    let (result, sign) = match operation {
        Operation::Add => (a.checked_add(b), "+"),
        Operation::Subtract => (a.checked_sub(b), "-"),
        Operation::Multiply => (a.checked_mul(b), "*"),
        Operation::Divide | Operation::Modulo if b == 0 => return Err(division_by_zero()),
        Operation::Divide => {
            let inexact_below_zero = a.wrapping_rem(b) != 0 && (a < 0) != (b < 0);
            (a.checked_div(b).map(|quotient| quotient - i64::from(inexact_below_zero)), "/")
        }
        Operation::Modulo => {
            // Wrapping: i64::MIN modulo -1 is 0, though the division overflows.
            let rest = a.wrapping_rem(b);
            (Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }), "modulo")
        }
        Operation::Power if b < 0 => {
            return Err(
                Error::input("b", format!("{a} to the power of {b} is not a whole number")).hint("use Arithmetic")
            );
        }
        Operation::Power => (int_power(a, b), "to the power of"),
        Operation::Minimum => (Some(a.min(b)), "or less than"),
        Operation::Maximum => (Some(a.max(b)), "or more than"),
    };
    result.ok_or_else(|| {
        Error::new(format!("{a} {sign} {b} does not fit into 64 bits")).hint("use Arithmetic, which gives a FLOAT")
    })
}

fn division_by_zero() -> Error {
    Error::input("b", "expected a number other than 0 to divide by, got 0")
}

fn float_modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

fn int_power(a: i64, b: i64) -> Option<i64> {
    // Powers of -1, 0 and 1 repeat, so that no exponent is too large for them.
    let exponent = if (-1..=1).contains(&a) && b > 2 { 2 - b % 2 } else { b };
    a.checked_pow(u32::try_from(exponent).ok()?)
}

#[cfg(test)]
mod tests {
    use super::Operation::*;
    use super::*;

    #[test]
    fn floats() {
        for (a, operation, b, wanted) in [
            (1.5, Add, 2.0, 3.5),
            (1.5, Subtract, 2.0, -0.5),
            (1.5, Multiply, -2.0, -3.0),
            (1.0, Divide, 4.0, 0.25),
            (-7.0, Modulo, 3.0, 2.0),
            (7.0, Modulo, -3.0, -2.0),
            (6.0, Modulo, 3.0, 0.0),
            (2.0, Power, -1.0, 0.5),
            (1.0, Minimum, 2.0, 1.0),
            (1.0, Maximum, 2.0, 2.0),
        ] {
            assert_eq!(arithmetic(a, b, operation).unwrap(), wanted, "{a} {b}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (a, operation, b, wanted) in [
            (7, Divide, 2, 3),
            (-7, Divide, 2, -4),
            (7, Divide, -2, -4),
            (-6, Divide, 2, -3),
            (-7, Modulo, 3, 2),
            (7, Modulo, -3, -2),
            (i64::MIN, Modulo, -1, 0),
            (2, Power, 62, 1 << 62),
            (-1, Power, i64::MAX, -1),
            (0, Power, 0, 1),
            (3, Minimum, -3, -3),
            (3, Maximum, -3, 3),
        ] {
            assert_eq!(int_arithmetic(a, b, operation).unwrap(), wanted, "{a} {b}");
        }
    }

    #[test]
    fn what_has_no_result_is_an_error() {
        assert_eq!(arithmetic(1.0, 0.0, Divide).unwrap_err().port.unwrap(), "b");
        assert_eq!(arithmetic(1.0, 0.0, Modulo).unwrap_err().port.unwrap(), "b");
        assert_eq!(arithmetic(1e308, 10.0, Multiply).unwrap_err().to_string(), format!("{} * 10 is too large", 1e308));
        assert_eq!(arithmetic(-1.0, 0.5, Power).unwrap_err().to_string(), "-1 to the power of 0.5 is not a number");
        assert_eq!(int_arithmetic(1, 0, Divide).unwrap_err().port.unwrap(), "b");
        for (a, operation, b) in [(i64::MAX, Add, 1), (i64::MIN, Divide, -1), (2, Power, 63), (3, Power, i64::MAX)] {
            assert!(int_arithmetic(a, b, operation).unwrap_err().to_string().ends_with("does not fit into 64 bits"));
        }
        assert!(int_arithmetic(2, -1, Power).unwrap_err().to_string().contains("not a whole number"));
    }
}
