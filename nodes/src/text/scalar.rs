//! Values that can be written as text.

use super::numbers::written;
use crate::number::Number;
use selfsame_sdk::{Error, FromValue, Result, Type, Value};
use std::fmt;

/// A BOOL, INT, FLOAT or STRING.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// BOOL
    Bool(bool),
    /// INT or FLOAT
    Number(Number),
    /// STRING
    Text(String),
}

impl FromValue for Scalar {
    fn ty() -> Type {
        Type::union([Type::BOOL, Number::ty(), Type::STRING])
    }

    fn from_value(value: &Value) -> Result<Self> {
        match value {
            Value::Bool(b) => Ok(Scalar::Bool(*b)),
            Value::Text(text) => Ok(Scalar::Text(text.as_ref().to_owned())),
            Value::Int(_) | Value::Float(_) => Number::from_value(value).map(Scalar::Number),
            other => Err(Error::new(format!("expected {}, got {other}", Self::ty()))),
        }
    }
}

/// As a person writes it: `true`, `30`, `0.5`, the text itself.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(b) => write!(f, "{b}"),
            Scalar::Number(number) => f.write_str(&written(*number, None, 0)),
            Scalar::Text(text) => f.write_str(text),
        }
    }
}
