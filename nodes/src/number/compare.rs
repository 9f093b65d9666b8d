//! Which of two numbers is the larger.

use super::Number;
use selfsame_sdk::prelude::*;

/// What is asked about two numbers.
#[derive(Clone, Copy, Choice)]
pub enum Comparison {
    /// a = b
    Equal,
    /// a and b are different
    NotEqual,
    /// a < b
    Less,
    /// a <= b
    LessOrEqual,
    /// a > b
    Greater,
    /// a >= b
    GreaterOrEqual,
}

/// Compares two numbers, exactly. CompareText compares texts.
#[node(id = "core.number.compare", category = "number/calculate", search = ["equal", "less", "greater", "condition"])]
#[output(result = "whether it is so")]
pub fn compare(
    /// The first number.
    a: Number,
    /// The second number.
    b: Number,
    /// What is asked about them.
    #[param(default = "equal")]
    comparison: Comparison,
) -> Result<bool> {
    let order = a.compare(b).ok_or_else(|| Error::new("one of the numbers is NaN, which compares with nothing"))?;
    Ok(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

#[cfg(test)]
mod tests {
    use super::Comparison::*;
    use super::*;

    #[test]
    fn every_question() {
        let all = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual];
        let ask = |a, b| all.map(|comparison| compare(a, b, comparison).unwrap());
        assert_eq!(ask(Number::Int(1), Number::Float(1.5)), [false, true, true, true, false, false]);
        assert_eq!(ask(Number::Int(2), Number::Float(2.0)), [true, false, false, true, false, true]);
        assert_eq!(ask(Number::Float(3.0), Number::Int(2)), [false, true, false, false, true, true]);
        assert!(compare(Number::Float(f64::NAN), Number::Int(2), Equal).is_err());
    }
}
