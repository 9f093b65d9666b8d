//! Whether an input takes a value of the right type: bounds, choices, colours.

use crate::{InputPort, Literal, Range, Widget};

/// Why an input refuses a value of the right type.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueProblem {
    /// A number beyond the hard range.
    #[error("{got} is not {range}")]
    OutOfRange {
        /// What is allowed.
        range: Range,
        /// The number.
        got: Literal,
    },
    /// An integer of more than 63 bits where no seed is expected.
    #[error("{got} does not fit into 64 bits with a sign")]
    TooLarge {
        /// The integer.
        got: Literal,
    },
    /// A seed below 0.
    #[error("{got} is not a seed: seeds go from 0 to 18446744073709551615")]
    NotASeed {
        /// The integer.
        got: Literal,
    },
    /// A number that is infinite or not a number.
    #[error("{got} is not finite")]
    NotFinite {
        /// The number.
        got: Literal,
    },
    /// A string that is none of the choices.
    #[error("{got} is not one of {}", .choices.join(", "))]
    NotAChoice {
        /// The choices.
        choices: Vec<String>,
        /// The string.
        got: Literal,
    },
    /// A string that is not a colour.
    #[error("{got} is not a colour like \"#ff8800\" or \"#ff8800ff\"")]
    NotAColor {
        /// The string.
        got: Literal,
    },
}

impl InputPort {
    /// Whether this input takes `value`, which has been converted with
    /// [`Literal::for_type`] to its [`value_type`](InputPort::value_type). The elements of a list are checked one by one.
    ///
    /// # Errors
    /// The first thing that is wrong. Whether a file or model exists is not looked at here.
    pub fn check_value(&self, value: &Literal) -> Result<(), ValueProblem> {
        let got = || value.clone();
        match value {
            Literal::List(items) => items.iter().try_for_each(|item| self.check_value(item)),
            Literal::Bool(_) => Ok(()),
            Literal::Int(i) if self.widget == Widget::Seed && (*i < 0 || *i > i128::from(u64::MAX)) => {
                Err(ValueProblem::NotASeed { got: got() })
            }
            Literal::Int(i) if !self.hard.contains(*i as f64) => {
                Err(ValueProblem::OutOfRange { range: self.hard, got: got() })
            }
            Literal::Int(i) if self.widget != Widget::Seed && i64::try_from(*i).is_err() => {
                Err(ValueProblem::TooLarge { got: got() })
            }
            Literal::Int(_) => Ok(()),
            Literal::Float(x) if !x.is_finite() => Err(ValueProblem::NotFinite { got: got() }),
            Literal::Float(x) if !self.hard.contains(*x) => {
                Err(ValueProblem::OutOfRange { range: self.hard, got: got() })
            }
            Literal::Float(_) => Ok(()),
            Literal::Str(s) if !self.choices.is_empty() && !self.choices.contains(s) => {
                Err(ValueProblem::NotAChoice { choices: self.choices.clone(), got: got() })
            }
            Literal::Str(s) if self.widget == Widget::Color && !is_color(s) => {
                Err(ValueProblem::NotAColor { got: got() })
            }
            Literal::Str(_) => Ok(()),
        }
    }
}

fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| matches!(digits.len(), 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Type;

    fn problem(port: InputPort, value: impl Into<Literal>) -> String {
        port.check_value(&value.into()).map_or_else(|e| e.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn bounds_belong_to_the_range() {
        let steps = || InputPort::new("steps", Type::INT).hard(1..=100);
        assert_eq!(problem(steps(), 1), "fine");
        assert_eq!(problem(steps(), 100), "fine");
        assert_eq!(problem(steps(), 101), "101 is not between 1 and 100");
        assert_eq!(problem(steps(), vec![5, 0]), "0 is not between 1 and 100");
        let open = InputPort::new("x", Type::FLOAT).hard(0.5..);
        assert_eq!(problem(open, 0.25), "0.25 is not at least 0.5");
        assert_eq!(problem(InputPort::new("x", Type::FLOAT).hard(..=1.0), f64::NAN), "NaN is not finite");
    }

    #[test]
    fn only_seeds_use_the_upper_half_of_64_bits() {
        let top = Literal::Int(u64::MAX.into());
        let seed = || InputPort::new("seed", Type::INT).widget(Widget::Seed);
        assert_eq!(problem(seed(), top.clone()), "fine");
        assert!(problem(seed(), -1).starts_with("-1 is not a seed"));
        assert!(problem(InputPort::new("n", Type::INT), top).contains("does not fit"));
    }

    #[test]
    fn strings() {
        let choice = || InputPort::new("sampler", Type::STRING).choices(["euler", "ddim"]);
        assert_eq!(problem(choice(), "ddim"), "fine");
        assert_eq!(problem(choice(), "Euler"), "\"Euler\" is not one of euler, ddim");
        let color = || InputPort::new("c", Type::STRING).widget(Widget::Color);
        assert_eq!(problem(color(), "#FF8800"), "fine");
        assert!(problem(color(), "red").contains("not a colour"));
        assert!(problem(color(), "#ff880").contains("not a colour"));
    }
}
