//! A number of either kind.

use selfsame_sdk::{Error, FromValue, Result, Type, Value};
use std::cmp::Ordering;

/// An INT or a FLOAT, for inputs that take both and must not turn a large INT into the nearest FLOAT.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// INT
    Int(i64),
    /// FLOAT
    Float(f64),
}

impl FromValue for Number {
    fn ty() -> Type {
        Type::union([Type::INT, Type::FLOAT])
    }

    fn from_value(value: &Value) -> Result<Self> {
        match value {
            Value::Int(i) => Ok(Number::Int(*i)),
            Value::Float(x) => Ok(Number::Float(*x)),
            other => Err(Error::new(format!("expected {}, got {other}", Self::ty()))),
        }
    }
}

impl Number {
    /// Which of two numbers is the larger, exactly, whatever their kinds; none if one of them is NaN.
    pub fn compare(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
            (Number::Int(a), Number::Float(b)) => compare_mixed(a, b),
            (Number::Float(a), Number::Int(b)) => compare_mixed(b, a).map(Ordering::reverse),
        }
    }
}

fn compare_mixed(int: i64, float: f64) -> Option<Ordering> {
    // 2^63, the first f64 that is above every i64.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() {
        None
    } else if float >= END {
        Some(Ordering::Less)
    } else if float < -END {
        Some(Ordering::Greater)
    } else {
        // The floor fits into an i64 now; between it and the next integer only the fraction decides.
        let floor = float.floor();
        let above_floor = if float > floor { Ordering::Less } else { Ordering::Equal };
        Some(int.cmp(&(floor as i64)).then(above_floor))
    }
}

#[cfg(test)]
mod tests {
    use super::Number::{Float, Int};
    use std::cmp::Ordering::{Equal, Greater, Less};

    #[test]
    fn integers_and_floats_compare_exactly() {
        let cases = [
            (Int(2), Float(2.0), Equal),
            (Int(2), Float(2.5), Less),
            (Int(-2), Float(-2.5), Greater),
            // As f64 these two would be equal.
            (Int(9_007_199_254_740_993), Float(9_007_199_254_740_992.0), Greater),
            (Int(i64::MAX), Float(9_223_372_036_854_775_808.0), Less),
            (Int(i64::MIN), Float(-9_223_372_036_854_775_808.0), Equal),
            (Int(i64::MIN), Float(-1e19), Greater),
        ];
        for (a, b, wanted) in cases {
            assert_eq!(a.compare(b), Some(wanted), "{a:?} {b:?}");
            assert_eq!(b.compare(a), Some(wanted.reverse()), "{b:?} {a:?}");
        }
        assert_eq!(Int(1).compare(Float(f64::NAN)), None);
    }
}
