//! What is known of a call without its values.

use crate::key::{Key, KeyBuilder};
use selfsame_sdk::{Literal, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::PathBuf;
use std::sync::Arc;

/// What a call did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: f64,
    pub reads: Reads,
}

/// A file that was read, with the digest of its contents.
pub(crate) type FileRead = (PathBuf, Arc<str>);

/// What a call took from the file system.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reads {
    /// The files it read, with the digests of their contents.
    pub files: Vec<FileRead>,
    /// The folder of the graph file, if the call took a path relative to it.
    pub folder: Option<PathBuf>,
}

impl Record {
    /// Roughly how much memory it takes.
    pub fn bytes(&self) -> u64 {
        let outputs = match &self.outcome {
            Outcome::Asks(_) => 0,
            Outcome::Gives(refs) => refs.iter().map(Ref::bytes).sum(),
        };
        let path = |(path, _): &FileRead| path.as_os_str().len() as u64 + 64;
        256 + outputs + self.reads.files.iter().map(path).sum::<u64>()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// It asked for the lazy input of this index.
    Asks(usize),
    /// It gave these outputs.
    Gives(Arc<[Ref]>),
}

/// A value, by content if it is small, else by key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ref {
    #[serde(with = "scalar")]
    Scalar(Value),
    List(Arc<RefList>),
    Object(Arc<RefObject>),
    /// An element of a list that could not be computed, in a run that goes on after failures.
    Missing,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RefList {
    pub key: Key,
    pub items: Vec<Ref>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RefObject {
    pub key: Key,
    pub type_name: String,
}

impl Ref {
    pub fn list(items: Vec<Ref>) -> Self {
        let mut key = KeyBuilder::new("list");
        items.iter().for_each(|item| item.add_to(&mut key));
        Ref::List(Arc::new(RefList { key: key.finish(), items }))
    }

    /// What an output of a call is. `at` identifies the output.
    pub fn of(value: &Value, at: &Key) -> Self {
        match value {
            Value::List(items) => {
                let item = |(i, item)| {
                    let mut key = KeyBuilder::new("element");
                    Ref::of(item, &key.key(at).number(i as u64).finish())
                };
                Ref::list(items.iter().enumerate().map(item).collect())
            }
            Value::Object(object) => {
                Ref::Object(Arc::new(RefObject { key: *at, type_name: object.type_name().into_owned() }))
            }
            scalar => Ref::Scalar(scalar.clone()),
        }
    }

    /// Adds what identifies this value to a key.
    pub fn add_to(&self, key: &mut KeyBuilder) {
        match self {
            Ref::Scalar(Value::Bool(b)) => key.text("b").number(u64::from(*b)),
            Ref::Scalar(Value::Int(i)) => key.text("i").number(*i as u64),
            Ref::Scalar(Value::Float(x)) => key.text("f").number(x.to_bits()),
            Ref::Scalar(Value::Text(text)) => key.text("t").text(text),
            Ref::Scalar(other) => key.text("?").text(&other.to_string()),
            Ref::List(list) => key.text("l").key(&list.key),
            Ref::Object(object) => key.text("o").key(&object.key),
            Ref::Missing => key.text("m"),
        };
    }

    /// As it can be written in a graph file, if it can.
    pub fn literal(&self) -> Option<Literal> {
        match self {
            Ref::Scalar(Value::Bool(b)) => Some(Literal::Bool(*b)),
            Ref::Scalar(Value::Int(i)) => Some(Literal::Int((*i).into())),
            Ref::Scalar(Value::Float(x)) => x.is_finite().then_some(Literal::Float(*x)),
            Ref::Scalar(Value::Text(text)) => Some(Literal::Str(text.as_ref().to_owned())),
            Ref::List(list) => list.items.iter().map(Ref::literal).collect::<Option<_>>().map(Literal::List),
            _ => None,
        }
    }

    /// Whether there is more in it than numbers and texts.
    pub fn has_objects(&self) -> bool {
        match self {
            Ref::Object(_) => true,
            Ref::List(list) => list.items.iter().any(Ref::has_objects),
            Ref::Scalar(_) | Ref::Missing => false,
        }
    }

    /// Roughly how much memory it takes.
    fn bytes(&self) -> u64 {
        let inside = match self {
            Ref::Scalar(value) => value.bytes(),
            Ref::List(list) => list.items.iter().map(Ref::bytes).sum(),
            Ref::Object(object) => object.type_name.len() as u64,
            Ref::Missing => 0,
        };
        32 + inside
    }

    /// Whether an element could not be computed.
    pub fn has_missing(&self) -> bool {
        match self {
            Ref::Missing => true,
            Ref::List(list) => list.items.iter().any(Ref::has_missing),
            Ref::Scalar(_) | Ref::Object(_) => false,
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let text = String::deserialize(deserializer)?;
        Key::parse(&text).ok_or_else(|| serde::de::Error::custom("not a key"))
    }
}

/// Scalars in a record.
mod scalar {
    use selfsame_sdk::Value;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    enum Scalar {
        Bool(bool),
        Int(i64),
        /// The bits, since JSON has neither NaN nor infinities.
        Float(u64),
        Text(String),
    }

    pub fn serialize<S: Serializer>(value: &Value, serializer: S) -> Result<S::Ok, S::Error> {
        let scalar = match value {
            Value::Bool(b) => Scalar::Bool(*b),
            Value::Int(i) => Scalar::Int(*i),
            Value::Float(x) => Scalar::Float(x.to_bits()),
            Value::Text(text) => Scalar::Text(text.as_ref().to_owned()),
            other => return Err(serde::ser::Error::custom(format!("{other} is no scalar"))),
        };
        scalar.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Ok(match Scalar::deserialize(deserializer)? {
            Scalar::Bool(b) => Value::Bool(b),
            Scalar::Int(i) => Value::Int(i),
            Scalar::Float(bits) => Value::Float(f64::from_bits(bits)),
            Scalar::Text(text) => Value::Text(text.into()),
        })
    }
}
