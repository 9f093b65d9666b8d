//! Formulas: read and calculated in one go, by recursive descent.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = sign (("*" | "/" | "%") sign)*
//! sign    = ("-" | "+") sign | power
//! power   = atom ("^" sign)?            so that -2^2 is -4, and 2^3^2 is 2^9
//! atom    = number | name | name "(" sum ("," sum)* ")" | "(" sum ")"
//! ```

use super::arithmetic::{Operation, arithmetic};
use super::interpolate::lerp;
use super::{clamp::clamp, finite};
use selfsame_sdk::{Error, ErrorExt, Result};

/// How deeply parentheses, signs and powers may nest.
const MAX_DEPTH: usize = 100;

/// The value of a formula. Variables that are not set may be there as long as the formula does not use them.
///
/// # Errors
/// If it is no formula, or has no finite value.
pub fn evaluate(formula: &str, variables: &[(&str, Option<f64>)]) -> Result<f64> {
    let mut parser = Parser { formula, at: 0, depth: 0, variables };
    let value = parser.sum()?;
    match parser.peek() {
        None => Ok(value),
        Some(other) => Err(parser.wrong(&format!("expected an operator, got `{other}`"))),
    }
}

struct Parser<'a> {
    formula: &'a str,
    /// How many bytes have been read.
    at: usize,
    depth: usize,
    variables: &'a [(&'a str, Option<f64>)],
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<f64> {
        let mut value = self.product()?;
        while let Some(sign) = self.take_any(&['+', '-']) {
            let right = self.product()?;
            value = self.apply(value, sign, right)?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<f64> {
        let mut value = self.sign()?;
        while let Some(sign) = self.take_any(&['*', '/', '%']) {
            let right = self.sign()?;
            value = self.apply(value, sign, right)?;
        }
        Ok(value)
    }

    fn sign(&mut self) -> Result<f64> {
        // Everything that nests comes through here.
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(&format!("it nests deeper than {MAX_DEPTH}")));
        }
        let value = match self.take_any(&['-', '+']) {
            Some('-') => -self.sign()?,
            Some(_) => self.sign()?,
            None => self.power()?,
        };
        self.depth -= 1;
        Ok(value)
    }

    fn power(&mut self) -> Result<f64> {
        let base = self.atom()?;
        match self.take_any(&['^']) {
            Some(sign) => {
                let exponent = self.sign()?;
                self.apply(base, sign, exponent)
            }
            None => Ok(base),
        }
    }

    fn atom(&mut self) -> Result<f64> {
        match self.peek() {
            Some('(') => {
                let mut inner = self.arguments()?;
                match (inner.pop(), inner.pop()) {
                    (Some(value), None) => Ok(value),
                    _ => Err(self.wrong("expected one number in the parentheses, got several")),
                }
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.name(),
            Some(other) => Err(self.wrong(&format!("expected a number, got `{other}`"))),
            None => Err(self.wrong("expected a number, got the end")),
        }
    }

    fn number(&mut self) -> Result<f64> {
        let rest = self.rest();
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut end = digits(rest);
        // An exponent only where digits follow, as `2e` could also be a forgotten `*`.
        if let Some(exponent) = rest[end..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if unsigned.starts_with(|c: char| c.is_ascii_digit()) {
                end = rest.len() - unsigned.len() + digits(unsigned);
            }
        }
        let text = &rest[..end];
        let value = text.parse().map_err(|_| self.wrong(&format!("expected a number, got `{text}`")))?;
        self.at += end;
        finite(value, || format!("the number {text}")).input("expression")
    }

    fn name(&mut self) -> Result<f64> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        if rest[end..].trim_start().starts_with('(') {
            return self.call(name, end);
        }
        let value = match (name, self.variables.iter().find(|(known, _)| *known == name)) {
            (_, Some((_, Some(value)))) => *value,
            (_, Some((_, None))) => return Err(Error::input(name, "the expression uses it, but it is not set")),
            ("pi", _) => std::f64::consts::PI,
            ("tau", _) => std::f64::consts::TAU,
            ("e", _) => std::f64::consts::E,
            _ => return Err(self.wrong(&format!("there is no number called `{name}`"))),
        };
        self.at += end;
        Ok(value)
    }

    fn call(&mut self, name: &str, length: usize) -> Result<f64> {
        let start = self.at;
        self.at += length;
        let arguments = self.arguments()?;
        let value = match call(name, &arguments) {
            Some(value) => value.input("expression")?,
            None => {
                self.at = start;
                let count = arguments.len();
                return Err(self.wrong(&format!("there is no function `{name}` of {count} numbers")));
            }
        };
        let listed = || arguments.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        finite(value, || format!("{name}({})", listed())).input("expression")
    }

    /// What stands in parentheses, which come next.
    fn arguments(&mut self) -> Result<Vec<f64>> {
        self.take_any(&['(']);
        let mut arguments = vec![self.sum()?];
        while self.take_any(&[',']).is_some() {
            arguments.push(self.sum()?);
        }
        match (self.take_any(&[')']), self.peek()) {
            (Some(_), _) => Ok(arguments),
            (None, Some(other)) => Err(self.wrong(&format!("expected `)`, got `{other}`"))),
            (None, None) => Err(self.wrong("expected `)`, got the end")),
        }
    }

    fn apply(&self, a: f64, sign: char, b: f64) -> Result<f64> {
        let operation = match sign {
            '+' => Operation::Add,
            '-' => Operation::Subtract,
            '*' => Operation::Multiply,
            '/' => Operation::Divide,
            '%' => Operation::Modulo,
            _ => Operation::Power,
        };
        arithmetic(a, b, operation).map_err(|error| self.wrong(&format!("{a} {sign} {b}: {}", error.message)))
    }

    fn rest(&self) -> &'a str {
        self.formula.get(self.at..).unwrap_or_default()
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        self.at = self.formula.len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    fn take_any(&mut self, wanted: &[char]) -> Option<char> {
        let next = self.peek().filter(|c| wanted.contains(c))?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn wrong(&self, what: &str) -> Error {
        let read = self.formula.get(..self.at).unwrap_or_default();
        let more = if self.formula.chars().count() > 80 { "..." } else { "" };
        let shown: String = self.formula.chars().take(80).collect();
        Error::input("expression", format!("{what} (at character {} of `{shown}{more}`)", read.chars().count() + 1))
    }
}

/// A function of some numbers; none if there is no such function of so many.
fn call(name: &str, arguments: &[f64]) -> Option<Result<f64>> {
    let value = match (name, arguments) {
        ("abs", [x]) => x.abs(),
        ("sign", [x]) if *x == 0.0 => 0.0,
        ("sign", [x]) => x.signum(),
        ("sqrt", [x]) => x.sqrt(),
        ("exp", [x]) => x.exp(),
        ("ln", [x]) => x.ln(),
        ("log2", [x]) => x.log2(),
        ("log10", [x]) => x.log10(),
        ("sin", [x]) => x.sin(),
        ("cos", [x]) => x.cos(),
        ("tan", [x]) => x.tan(),
        ("asin", [x]) => x.asin(),
        ("acos", [x]) => x.acos(),
        ("atan", [x]) => x.atan(),
        ("atan2", [y, x]) => y.atan2(*x),
        ("floor", [x]) => x.floor(),
        ("ceil", [x]) => x.ceil(),
        ("round", [x]) => x.round(),
        ("trunc", [x]) => x.trunc(),
        ("min", xs) => xs.iter().copied().fold(f64::INFINITY, f64::min),
        ("max", xs) => xs.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ("clamp", [x, low, high]) => return Some(clamp(*x, *low, *high)),
        ("lerp", [from, to, t]) => return Some(lerp(*from, *to, *t)),
        _ => return None,
    };
    Some(Ok(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(formula: &str) -> f64 {
        evaluate(formula, &[("a", Some(2.0)), ("b", None)]).unwrap_or_else(|error| panic!("{formula}: {error}"))
    }

    fn message(formula: &str) -> String {
        evaluate(formula, &[("a", Some(2.0)), ("b", None)]).map(|x| panic!("{formula} is {x}")).unwrap_err().to_string()
    }

    #[test]
    fn operators_bind_as_in_mathematics() {
        for (formula, wanted) in [
            ("1 + 2 * 3", 7.0),
            ("(1 + 2) * 3", 9.0),
            ("10 - 4 - 3", 3.0),
            ("-2^2", -4.0),
            ("2^-1", 0.5),
            ("2^3^2", 512.0),
            ("--a", 2.0),
            ("+3", 3.0),
            ("-7 % 3", 2.0),
            (" 1.5e1*a ", 30.0),
            (".5 + 2.", 2.5),
            ("1e+2 - 1E-2", 99.99),
        ] {
            assert_eq!(value(formula), wanted, "{formula}");
        }
    }

    #[test]
    fn functions_and_constants() {
        for (formula, wanted) in [
            ("sqrt(9) + abs(-1)", 4.0),
            ("max(1, a, -3) + min(5)", 7.0),
            ("clamp(7, 0, 1)", 1.0),
            ("lerp(0, 10, 0.25)", 2.5),
            ("round(2.5) + floor(-0.5) + ceil(0.5) + trunc(-1.9)", 2.0),
            ("sign(-3) + sign(0)", -1.0),
            ("cos(pi) + sin (0) + ln(e) + log2(8) + log10(100)", 5.0),
            ("tau / pi", 2.0),
        ] {
            assert_eq!(value(formula), wanted, "{formula}");
        }
        assert_eq!(value("atan2(1, 1)"), 1f64.atan2(1.0));
    }

    #[test]
    fn mistakes_say_where() {
        for (formula, wanted) in [
            ("", "expected a number, got the end (at character 1 of ``)"),
            ("1 +", "expected a number, got the end (at character 4 of `1 +`)"),
            ("(1", "expected `)`, got the end (at character 3 of `(1`)"),
            ("2a", "expected an operator, got `a` (at character 2 of `2a`)"),
            ("2e", "expected an operator, got `e` (at character 2 of `2e`)"),
            ("1..2", "expected a number, got `1..2` (at character 1 of `1..2`)"),
            ("ü", "expected a number, got `ü` (at character 1 of `ü`)"),
            ("1 + foo", "there is no number called `foo` (at character 5 of `1 + foo`)"),
            ("foo(1)", "there is no function `foo` of 1 numbers (at character 1 of `foo(1)`)"),
            ("sin(1, 2)", "there is no function `sin` of 2 numbers (at character 1 of `sin(1, 2)`)"),
            ("(1, 2)", "expected one number in the parentheses, got several (at character 7 of `(1, 2)`)"),
        ] {
            assert_eq!(message(formula), format!("input `expression`: {wanted}"));
        }
        assert_eq!(message("b"), "input `b`: the expression uses it, but it is not set");
    }

    #[test]
    fn what_has_no_value_is_an_error() {
        for formula in ["1/0", "0/0", "5 % 0", "sqrt(-1)", "ln(0)", "1e999", "9^9^9", "exp(1000)", "clamp(1, 3, 2)"] {
            message(formula);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert_eq!(value(&format!("{}1{}", "(".repeat(99), ")".repeat(99))), 1.0);
        for deep in ["(", "-", "2^", "abs("] {
            assert!(message(&deep.repeat(100_000)).contains("nests deeper than 100"), "{deep}");
        }
    }
}
