//! Reading a `scheduler_config.json`: every class asks for its own keys, with its own defaults.
//!
//! A key that a class never asks for is ignored, as diffusers does: files carry keys of the class they were saved from. A
//! key that is asked for and holds something impossible is an error that names it. `null` counts as not given.

use crate::{Error, Result};
use serde_json::Value;

/// Parses the text of a `scheduler_config.json`.
///
/// Python writes infinities that JSON has no word for (`"lambda_min_clipped": -Infinity`); they come as `null`, which
/// means the default, and that is what those keys' infinities are.
///
/// # Errors
/// When the text is not JSON, [`Error::Config`] with the place.
pub fn parse(text: &str) -> Result<Value> {
    let mut json = String::with_capacity(text.len());
    // Outside of strings are the even parts between quotes; the names and values of these files hold no escaped quotes.
    for (part, piece) in text.split('"').enumerate() {
        if part > 0 {
            json.push('"');
        }
        if part % 2 == 0 {
            json.push_str(&piece.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null"));
        } else {
            json.push_str(piece);
        }
    }
    serde_json::from_str(&json).map_err(|e| Error::config("scheduler config", format!("not valid JSON: {e}")))
}

/// The settings of one scheduler class.
pub(super) struct Config<'a> {
    /// The class, as diffusers calls it.
    pub class: &'static str,
    values: &'a Value,
}

impl<'a> Config<'a> {
    /// Settings for `class`; `values` is a JSON object or null.
    pub fn new(class: &'static str, values: &'a Value) -> Result<Self> {
        if values.is_object() || values.is_null() {
            Ok(Self { class, values })
        } else {
            Err(Error::config(class, format!("expected a JSON object of settings, got {values}")))
        }
    }

    /// An error about `key`.
    pub fn error(&self, key: &str, message: impl std::fmt::Display) -> Error {
        Error::config(self.class, format!("{key}: {message}"))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key).filter(|v| !v.is_null())
    }

    /// The value of `key` as `T`, if it is given.
    fn read<T>(&self, key: &str, expected: &str, convert: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match convert(value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(key, format!("expected {expected}, got {value}"))),
        }
    }

    pub fn flag(&self, key: &str, default: bool) -> Result<bool> {
        Ok(self.read(key, "true or false", Value::as_bool)?.unwrap_or(default))
    }

    pub fn number(&self, key: &str, default: f64) -> Result<f64> {
        Ok(self.optional_number(key)?.unwrap_or(default))
    }

    pub fn optional_number(&self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a number", Value::as_f64)
    }

    pub fn integer(&self, key: &str, default: i64) -> Result<i64> {
        Ok(self.read(key, "a whole number", Value::as_i64)?.unwrap_or(default))
    }

    /// A whole number of at least 1.
    pub fn count(&self, key: &str, default: usize) -> Result<usize> {
        let convert = |v: &Value| v.as_u64().filter(|n| *n > 0).and_then(|n| usize::try_from(n).ok());
        Ok(self.read(key, "a whole number from 1 up", convert)?.unwrap_or(default))
    }

    pub fn numbers(&self, key: &str) -> Result<Option<Vec<f64>>> {
        self.read(key, "a list of numbers", |v| v.as_array()?.iter().map(Value::as_f64).collect())
    }

    /// One of the words in `table`.
    pub fn choice<T: Copy>(&self, key: &str, table: &[(&str, T)], default: T) -> Result<T> {
        let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        let convert = |v: &Value| table.iter().find(|(word, _)| v.as_str() == Some(word)).map(|(_, value)| *value);
        Ok(self.read(key, &format!("one of {}", words.join(", ")), convert)?.unwrap_or(default))
    }

    /// Fails when `key` is given as anything but off.
    pub fn refuse(&self, key: &str, why: &str) -> Result<()> {
        match self.get(key) {
            None | Some(Value::Bool(false)) => Ok(()),
            Some(value) => Err(self.error(key, format!("{value} is not supported: {why}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn python_infinities_are_read() {
        let config = parse(r#"{"lambda_min_clipped": -Infinity, "name": "Infinity"}"#).unwrap();
        assert_eq!(config, json!({"lambda_min_clipped": null, "name": "Infinity"}));
    }

    #[test]
    fn errors_name_class_key_and_choices() {
        let values = json!({"spacing": "leeding", "on": 1});
        let config = Config::new("SomeScheduler", &values).unwrap();
        let error = config.choice("spacing", &[("leading", 1), ("trailing", 2)], 1).unwrap_err().to_string();
        assert_eq!(error, r#"SomeScheduler: spacing: expected one of leading, trailing, got "leeding""#);
        assert!(config.flag("on", false).is_err());
        assert!(config.flag("off", true).unwrap());
    }
}
