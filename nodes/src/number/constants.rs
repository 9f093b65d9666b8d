//! Numbers and truth values that a graph sets.

use selfsame_sdk::prelude::*;

/// A whole number, to be used in several places.
#[node(id = "core.number.int", category = "number", search = ["constant", "integer"])]
#[output(value = "the number")]
pub fn int(
    /// The number.
    #[param(default = 0)]
    value: i64,
) -> Result<i64> {
    Ok(value)
}

/// A number, to be used in several places.
#[node(id = "core.number.float", category = "number", search = ["constant", "decimal"])]
#[output(value = "the number")]
pub fn float(
    /// The number.
    #[param(default = 0.0)]
    value: f64,
) -> Result<f64> {
    Ok(value)
}

/// True or false, to be used in several places.
#[node(id = "core.number.bool", category = "number", name = "Bool", title = "Bool", search = ["constant", "toggle"])]
#[output(value = "true or false")]
pub fn boolean(
    /// True or false.
    #[param(default = false)]
    value: bool,
) -> Result<bool> {
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_give_what_they_are() {
        assert_eq!(int(i64::MIN).unwrap(), i64::MIN);
        assert_eq!(float(0.1).unwrap(), 0.1);
        assert!(boolean(true).unwrap());
    }
}
