//! Values that can be written in a graph file, and which types take them.

use crate::Type;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A value that can be written down.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits, from `i64::MIN` to `u64::MAX`. The upper half is for seeds, which use all 64 bits.
    Int(i128),
    /// A finite number written with a point or an exponent.
    Float(f64),
    /// Text.
    Str(String),
    /// Several literals.
    List(Vec<Literal>),
}

/// Why a type does not take a literal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got}")]
pub struct LiteralMismatch {
    /// The type that was asked for.
    pub expected: Type,
    /// What was written, in words: `the string "5"`.
    pub got: String,
    /// What to do about it, where that can be told.
    pub hint: Option<String>,
}

/// The largest integer up to which every integer is an f64.
const MAX_EXACT: i128 = 1 << 53;

impl Literal {
    /// This literal as the value that an input of type `ty` receives: `5` becomes `5.0` for a FLOAT, and a single
    /// value a list of one for a `LIST<T>`, by the rules of [`Type::accepts`].
    ///
    /// # Errors
    /// If the type takes no such literal. Types other than BOOL, INT, FLOAT, STRING, lists of these and `*` take none.
    pub fn for_type(&self, ty: &Type) -> Result<Literal, LiteralMismatch> {
        self.as_element(ty)
            .or_else(|| {
                let mut elements = ty.members().iter().filter_map(Type::element);
                elements.find_map(|element| self.as_element(element)).map(|one| Literal::List(vec![one]))
            })
            .ok_or_else(|| LiteralMismatch { expected: ty.clone(), got: self.in_words(), hint: self.hint_for(ty) })
    }

    /// The value for a type, without making a list of one. An exact member of a union goes before a conversion.
    fn as_element(&self, ty: &Type) -> Option<Literal> {
        let exact = ty.members().iter().any(|member| match (member, self) {
            (Type::Any, _) => true,
            (Type::List(element), Literal::List(items)) => {
                items.iter().all(|item| item.as_element(element).as_ref() == Some(item))
            }
            (member, literal) => literal.scalar_type().as_ref() == Some(member),
        });
        if exact {
            return Some(self.clone());
        }
        ty.members().iter().find_map(|member| match (member, self) {
            (member, Literal::Int(i)) if *member == Type::FLOAT && (-MAX_EXACT..=MAX_EXACT).contains(i) => {
                Some(Literal::Float(*i as f64))
            }
            (Type::List(element), Literal::List(items)) => {
                items.iter().map(|item| item.as_element(element)).collect::<Option<Vec<_>>>().map(Literal::List)
            }
            _ => None,
        })
    }

    fn scalar_type(&self) -> Option<Type> {
        match self {
            Literal::Bool(_) => Some(Type::BOOL),
            Literal::Int(_) => Some(Type::INT),
            Literal::Float(_) => Some(Type::FLOAT),
            Literal::Str(_) => Some(Type::STRING),
            Literal::List(_) => None,
        }
    }

    /// Kind and value in words, shortened: `the string "watercolour..."`.
    pub fn in_words(&self) -> String {
        match self {
            Literal::Bool(_) => format!("the bool {self}"),
            Literal::Int(_) => format!("the integer {self}"),
            Literal::Float(_) => format!("the number {self}"),
            Literal::Str(s) if s.chars().count() > 40 => {
                format!("the string {}", Literal::Str(format!("{}...", s.chars().take(37).collect::<String>())))
            }
            Literal::Str(_) => format!("the string {self}"),
            Literal::List(items) => match items.len() {
                0 => "an empty list".to_owned(),
                1 => "a list of 1 value".to_owned(),
                n => format!("a list of {n} values"),
            },
        }
    }

    fn hint_for(&self, ty: &Type) -> Option<String> {
        let takes = |wanted: &Type| ty.members().contains(wanted);
        match self {
            Literal::Str(s) if takes(&Type::BOOL) && matches!(&**s, "true" | "false") => {
                Some(format!("write {s} without quotes"))
            }
            Literal::Str(s) if takes(&Type::INT) && s.parse::<i64>().is_ok() => {
                Some(format!("write {s} without quotes"))
            }
            Literal::Str(s) if takes(&Type::FLOAT) && s.parse::<f64>().is_ok_and(f64::is_finite) => {
                Some(format!("write {s} without quotes"))
            }
            Literal::Float(x) if takes(&Type::INT) && x.fract() == 0.0 && x.abs() < 1e15 => {
                Some(format!("write {}", *x as i64))
            }
            Literal::Float(_) if takes(&Type::INT) => Some("write a whole number".to_owned()),
            Literal::Int(i @ (0 | 1)) if takes(&Type::BOOL) => {
                Some(format!("write {}", if *i == 1 { "true" } else { "false" }))
            }
            Literal::Int(_) if takes(&Type::FLOAT) => Some("a FLOAT holds integers exactly only up to 2^53".to_owned()),
            Literal::Bool(_) | Literal::Int(_) | Literal::Float(_) if takes(&Type::STRING) => {
                Some(format!("write \"{self}\" in quotes"))
            }
            _ => None,
        }
    }
}

/// As it is written in a graph file.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(b) => write!(f, "{b}"),
            Literal::Int(i) => write!(f, "{i}"),
            // Debug, because it keeps the point that tells a float from an integer.
            Literal::Float(x) => write!(f, "{x:?}"),
            Literal::Str(s) => write_quoted(f, s),
            Literal::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    use fmt::Write;
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Literal::Bool(value)
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Literal::Int(value.into())
    }
}

impl From<i32> for Literal {
    fn from(value: i32) -> Self {
        Literal::Int(value.into())
    }
}

impl From<f64> for Literal {
    fn from(value: f64) -> Self {
        Literal::Float(value)
    }
}

impl From<&str> for Literal {
    fn from(value: &str) -> Self {
        Literal::Str(value.to_owned())
    }
}

impl<T: Into<Literal>> From<Vec<T>> for Literal {
    fn from(values: Vec<T>) -> Self {
        Literal::List(values.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Literal::Bool(b) => serializer.serialize_bool(*b),
            Literal::Int(i) => match (i64::try_from(*i), u64::try_from(*i)) {
                (Ok(i), _) => serializer.serialize_i64(i),
                (_, Ok(u)) => serializer.serialize_u64(u),
                _ => Err(serde::ser::Error::custom(format!("{i} does not fit into 64 bits"))),
            },
            Literal::Float(x) => serializer.serialize_f64(*x),
            Literal::Str(s) => serializer.serialize_str(s),
            Literal::List(items) => items.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Literal, D::Error> {
        deserializer.deserialize_any(LiteralVisitor)
    }
}

struct LiteralVisitor;

impl<'de> Visitor<'de> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bool, a number, a string or a list of these")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Literal, E> {
        Ok(Literal::Int(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Literal, E> {
        Ok(Literal::Int(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Literal, E> {
        Ok(Literal::Float(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Literal, E> {
        Ok(Literal::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Literal, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Literal::List(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(literal: impl Into<Literal>, ty: &str) -> Result<String, String> {
        let ty: Type = ty.parse().unwrap();
        literal.into().for_type(&ty).map(|l| l.to_string()).map_err(|e| match &e.hint {
            Some(hint) => format!("{e}; {hint}"),
            None => e.to_string(),
        })
    }

    #[test]
    fn conversions_lose_nothing() {
        assert_eq!(admitted(5, "FLOAT").unwrap(), "5.0");
        assert_eq!(admitted(5, "INT|FLOAT").unwrap(), "5");
        assert_eq!(admitted(5, "LIST<FLOAT>").unwrap(), "[5.0]");
        assert_eq!(admitted(vec![1, 2], "LIST<FLOAT>").unwrap(), "[1.0, 2.0]");
        assert_eq!(admitted(vec![1, 2], "*").unwrap(), "[1, 2]");
        assert_eq!(admitted(Vec::<i64>::new(), "LIST<FLOAT>").unwrap(), "[]");
        assert_eq!(admitted(1i64 << 53, "FLOAT").unwrap(), "9007199254740992.0");
        assert!(admitted((1i64 << 53) + 1, "FLOAT").unwrap_err().contains("up to 2^53"));
    }

    #[test]
    fn mismatches_say_what_to_write() {
        assert_eq!(admitted("5", "INT").unwrap_err(), "expected INT, got the string \"5\"; write 5 without quotes");
        assert_eq!(
            admitted("true", "BOOL").unwrap_err(),
            "expected BOOL, got the string \"true\"; write true without quotes"
        );
        assert_eq!(admitted(5.0, "INT").unwrap_err(), "expected INT, got the number 5.0; write 5");
        assert_eq!(admitted(5.5, "INT").unwrap_err(), "expected INT, got the number 5.5; write a whole number");
        assert_eq!(admitted(1, "BOOL").unwrap_err(), "expected BOOL, got the integer 1; write true");
        assert_eq!(
            admitted(true, "STRING").unwrap_err(),
            "expected STRING, got the bool true; write \"true\" in quotes"
        );
        assert_eq!(admitted("x.png", "IMAGE").unwrap_err(), "expected IMAGE, got the string \"x.png\"");
        assert_eq!(admitted(vec![1, 2], "INT").unwrap_err(), "expected INT, got a list of 2 values");
        let long = "x".repeat(50);
        assert!(admitted(&*long, "INT").unwrap_err().ends_with("xxx...\""));
    }

    #[test]
    fn json_keeps_the_difference_between_5_and_5_point_0() {
        let all = Literal::List(vec![
            true.into(),
            5.into(),
            5.0.into(),
            "a\"b".into(),
            Literal::Int(u64::MAX.into()),
            i64::MIN.into(),
        ]);
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(json, r#"[true,5,5.0,"a\"b",18446744073709551615,-9223372036854775808]"#);
        assert_eq!(serde_json::from_str::<Literal>(&json).unwrap(), all);
    }

    #[test]
    fn strings_are_quoted() {
        assert_eq!(Literal::from("a\"\\\n\t\u{7}é").to_string(), r#""a\"\\\n\t\u{7}é""#);
    }
}
