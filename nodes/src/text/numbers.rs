//! Between texts and numbers.

use crate::number::Number;
use selfsame_sdk::Literal;
use selfsame_sdk::prelude::*;

/// The most digits after the point. An f64 near 1 has no more than 17.
pub(super) const MAX_DECIMALS: usize = 17;
/// The most characters that a number is filled up to with zeros.
pub(super) const MAX_WIDTH: usize = 64;

/// Writes a number as text. FormatText does so inside of a longer text.
#[node(id = "core.text.number_to_text", category = "text/number", search = ["string", "convert", "zero padding"])]
#[output(text = "the number as text")]
pub fn number_to_text(
    /// The number.
    number: Number,
    /// How many digits stand after the point; rounded to so many. Not set, as many as the number has.
    #[param(hard = 0..=17)]
    decimals: Option<usize>,
    /// Zeros before the number fill it up to so many characters: 4 gives `0012`.
    #[param(default = 0, hard = 0..=64)]
    width: usize,
) -> Result<String> {
    Ok(written(number, decimals.map(|decimals| decimals.min(MAX_DECIMALS)), width.min(MAX_WIDTH)))
}

/// Reads a text as a whole number. White space around it does not matter.
#[node(id = "core.text.text_to_int", category = "text/number", search = ["parse", "convert", "integer"])]
#[output(number = "the number")]
pub fn text_to_int(
    /// Such as `-12`.
    text: String,
) -> Result<i64> {
    text.trim().parse().map_err(|_| not_a("whole number of 64 bits", text))
}

/// Reads a text as a number. White space around it does not matter.
#[node(id = "core.text.text_to_float", category = "text/number", search = ["parse", "convert", "decimal"])]
#[output(number = "the number")]
pub fn text_to_float(
    /// Such as `-0.5` or `1e-3`.
    text: String,
) -> Result<f64> {
    match text.trim().parse() {
        Ok(number) if f64::is_finite(number) => Ok(number),
        _ => Err(not_a("finite number", text)),
    }
}

fn not_a(what: &str, text: String) -> Error {
    Error::input("text", format!("expected a {what}, got {}", Literal::Str(text).in_words()))
}

/// A number as text, rounded to some digits after the point, filled up with zeros after its sign.
pub(super) fn written(number: Number, decimals: Option<usize>, width: usize) -> String {
    match (number, decimals) {
        (Number::Int(i), None | Some(0)) => format!("{i:0width$}"),
        // Not as an f64, which would change large ones.
        (Number::Int(i), Some(decimals)) => {
            let whole = width.saturating_sub(decimals + 1);
            format!("{i:0whole$}.{:0decimals$}", 0)
        }
        (Number::Float(x), None) => format!("{x:0width$}"),
        (Number::Float(x), Some(decimals)) => format!("{x:0width$.decimals$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Number::{Float, Int};
    use super::*;

    #[test]
    fn numbers_as_text() {
        for (number, decimals, width, wanted) in [
            (Int(12), None, 4, "0012"),
            (Int(-12), None, 4, "-012"),
            (Int(i64::MAX), Some(2), 0, "9223372036854775807.00"),
            (Int(5), Some(1), 5, "005.0"),
            (Float(0.1), None, 0, "0.1"),
            (Float(30.0), None, 0, "30"),
            (Float(2.345), Some(1), 0, "2.3"),
            (Float(-2.0), Some(2), 7, "-002.00"),
        ] {
            assert_eq!(number_to_text(number, decimals, width).unwrap(), wanted);
        }
    }

    #[test]
    fn texts_as_numbers() {
        assert_eq!(text_to_int(" -12\n".into()).unwrap(), -12);
        assert_eq!(text_to_float("1e-3".into()).unwrap(), 0.001);
        let message = text_to_int("1.5".into()).unwrap_err().to_string();
        assert_eq!(message, "input `text`: expected a whole number of 64 bits, got the string \"1.5\"");
        for text in ["", "NaN", "inf", "1e999", "0,5"] {
            assert_eq!(text_to_float(text.into()).unwrap_err().port.unwrap(), "text");
        }
    }
}
