//! Values on the wires while a graph runs.

use crate::{Denoiser, Fields, Literal, Model, ModelPatch, Sampler, Type};
use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A value that goes from node to node. Clones are cheap: they share what is large.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Value {
    /// BOOL
    Bool(bool),
    /// INT; a seed is the i64 of the same bits.
    Int(i64),
    /// FLOAT
    Float(f64),
    /// STRING
    Text(Arc<str>),
    /// LIST of values
    List(Arc<[Value]>),
    /// Anything else.
    Object(Arc<dyn Object>),
}

/// A value of any other type: immutable, shared, and known to the host only by what this trait tells.
pub trait Object: Any + Send + Sync {
    /// The name of its type, such as `IMAGE` or `com.acme.FACE_MESH/1`.
    fn type_name(&self) -> Cow<'_, str>;

    /// How much memory it holds, in bytes; shared weights count where they are kept, not here.
    fn bytes(&self) -> u64;

    /// What it is, in a few words for messages: `f32 [1,512,512,3]`.
    fn summary(&self) -> String {
        self.type_name().into_owned()
    }

    /// Whether it was lost with the process that had it: nothing can be done with it any more, and it is made again when it
    /// is needed.
    fn is_lost(&self) -> bool {
        false
    }

    /// What it shows of itself by name, if anything.
    fn as_fields(&self) -> Option<&dyn Fields> {
        None
    }

    /// The denoiser that it is, if it is one.
    fn as_denoiser(&self) -> Option<&dyn Denoiser> {
        None
    }

    /// The stepping rule that it is, if it is one.
    fn as_sampler(&self) -> Option<&dyn Sampler> {
        None
    }

    /// The patch that it is, if it is one.
    fn as_model_patch(&self) -> Option<&dyn ModelPatch> {
        None
    }

    /// The model that it is, if it is one.
    fn as_model(&self) -> Option<&dyn Model> {
        None
    }
}

/// An [`Object`] whose type is known when a node is compiled, so that a node can have inputs and outputs of it.
pub trait ObjectType: Object {
    /// The type of its values on wires.
    const TYPE: Type;
}

impl Value {
    /// An object as a value.
    pub fn object(object: impl Object) -> Self {
        Value::Object(Arc::new(object))
    }

    /// A list of values.
    pub fn list(values: impl IntoIterator<Item = Value>) -> Self {
        Value::List(values.into_iter().collect())
    }

    /// Nothing: what an output gives that has no value, an empty list.
    pub fn nothing() -> Self {
        Value::list([])
    }

    /// Whether it is [`nothing`](Self::nothing).
    pub fn is_nothing(&self) -> bool {
        matches!(self, Value::List(items) if items.is_empty())
    }

    /// Its type. A list of several types is a list of their union, an empty list one of anything.
    pub fn ty(&self) -> Type {
        match self {
            Value::Bool(_) => Type::BOOL,
            Value::Int(_) => Type::INT,
            Value::Float(_) => Type::FLOAT,
            Value::Text(_) => Type::STRING,
            Value::List(items) => Type::list(Type::union(items.iter().map(Value::ty))),
            Value::Object(object) => Type::Named(Cow::Owned(object.type_name().into_owned())),
        }
    }

    /// Whether it, or a part of it, [is lost](Object::is_lost).
    pub fn is_lost(&self) -> bool {
        match self {
            Value::List(items) => items.iter().any(Value::is_lost),
            Value::Object(object) => object.is_lost(),
            _ => false,
        }
    }

    /// How much memory it holds, in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => 16,
            Value::Text(text) => 16 + text.len() as u64,
            Value::List(items) => 16 + items.iter().map(Value::bytes).sum::<u64>(),
            Value::Object(object) => 16 + object.bytes(),
        }
    }

    /// The object, if it is one of this Rust type.
    pub fn downcast<T: Object>(&self) -> Option<Arc<T>> {
        match self {
            Value::Object(object) => {
                let any: Arc<dyn Any + Send + Sync> = object.clone();
                any.downcast().ok()
            }
            _ => None,
        }
    }
}

/// Type and value in a few words, for messages.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(b) => write!(f, "the bool {b}"),
            Value::Int(i) => write!(f, "the integer {i}"),
            Value::Float(x) => write!(f, "the number {x:?}"),
            Value::Text(text) => f.write_str(&Literal::from(&**text).in_words()),
            Value::List(items) => write!(f, "a list of {} values", items.len()),
            Value::Object(object) => write!(f, "{} ({})", object.type_name(), object.summary()),
        }
    }
}

impl From<&Literal> for Value {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Bool(b) => Value::Bool(*b),
            // Seeds of 2^63 and more travel as the i64 of the same bits; everything else fits as it is.
            Literal::Int(i) => Value::Int(*i as i64),
            Literal::Float(x) => Value::Float(*x),
            Literal::Str(text) => Value::Text(text.as_str().into()),
            Literal::List(items) => Value::list(items.iter().map(Value::from)),
        }
    }
}

impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary())
    }
}
