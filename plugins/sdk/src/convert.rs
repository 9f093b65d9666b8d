//! Between values on wires and Rust types.

use crate::{Error, InputPort, Inputs, Literal, ObjectType, Result, Slot, Type, Value, Widget};
use std::marker::PhantomData;
use std::sync::Arc;

/// A Rust type that a single value becomes.
pub trait FromValue: Sized {
    /// The type of the values.
    fn ty() -> Type;

    /// What the type itself says about an input of it: choices, a widget.
    fn port(port: InputPort) -> InputPort {
        port
    }

    /// The value as this type.
    ///
    /// # Errors
    /// If it is of another type or out of range.
    fn from_value(value: &Value) -> Result<Self>;
}

/// A Rust type that an input of a node can have: any [`FromValue`], `Option` of one, `Vec` of one, [`Lazy`], or `Option`
/// of that.
pub trait Input: Sized {
    /// The port of such an input.
    fn port(name: &str) -> InputPort;

    /// Takes the input of this index.
    ///
    /// # Errors
    /// If it is not set though it must be, or of another type.
    fn take(inputs: &Inputs, index: usize) -> Result<Self>;
}

/// The port of an input of a Rust type, with more said about it. What the type says of itself ends the documentation.
pub fn input_port<T: Input>(name: &str, describe: impl FnOnce(InputPort) -> InputPort) -> InputPort {
    let port = T::port(name);
    let own = port.doc.clone();
    let port = describe(port.doc(""));
    let doc = format!("{}{own}", port.doc);
    port.doc(doc)
}

/// A Rust type that becomes a single value.
pub trait IntoValue {
    /// The type of the value.
    fn ty() -> Type;

    /// As a value.
    fn into_value(self) -> Value;
}

/// What a node's function may return inside its `Result`: nothing, a value, or a tuple of values.
pub trait IntoOutputs {
    /// The types of the outputs.
    fn types() -> Vec<Type>;

    /// The outputs.
    fn into_outputs(self) -> Vec<Value>;
}

fn mismatch(expected: &Type, got: &Value) -> Error {
    Error::new(format!("expected {expected}, got {got}"))
}

impl<T: FromValue> Input for T {
    fn port(name: &str) -> InputPort {
        <T as FromValue>::port(InputPort::new(name, T::ty()))
    }

    fn take(inputs: &Inputs, index: usize) -> Result<Self> {
        match <Option<T> as Input>::take(inputs, index)? {
            Some(value) => Ok(value),
            None => Err(Error::input(&inputs.slot(index)?.0.name, "it is not set")),
        }
    }
}

impl<T: FromValue> Input for Option<T> {
    fn port(name: &str) -> InputPort {
        <T as Input>::port(name).optional()
    }

    fn take(inputs: &Inputs, index: usize) -> Result<Self> {
        let Some(value) = inputs.value(index)? else { return Ok(None) };
        let named = |error: Error| Error::input(inputs.slot(index).map_or("", |slot| &slot.0.name), error.message);
        T::from_value(value).map(Some).map_err(named)
    }
}

impl<T: FromValue> Input for Vec<T> {
    fn port(name: &str) -> InputPort {
        InputPort { list: true, ..<T as Input>::port(name) }
    }

    fn take(inputs: &Inputs, index: usize) -> Result<Self> {
        let name = &inputs.slot(index)?.0.name;
        match inputs.value(index)? {
            None => Ok(Vec::new()),
            Some(Value::List(items)) => {
                let items = items.iter().enumerate().map(|(i, item)| {
                    T::from_value(item).map_err(|e| Error::input(name, format!("element {i}: {}", e.message)))
                });
                items.collect()
            }
            Some(other) => Err(Error::input(name, mismatch(&Type::list(T::ty()), other).message)),
        }
    }
}

/// An input that is computed only when [`get`](Lazy::get) asks for it.
///
/// Ask before anything else: the first time, the call ends there (hand the error on with `?`), the host computes the
/// value, and calls the node again from the start.
#[derive(Clone, Debug)]
pub struct Lazy<T> {
    slot: Slot,
    name: String,
    ty: PhantomData<fn() -> T>,
}

impl<T: FromValue> Lazy<T> {
    /// The value.
    ///
    /// # Errors
    /// [`Status::NeedsInput`](crate::Status::NeedsInput) the first time; if it is of another type.
    pub fn get(&self) -> Result<T> {
        match &self.slot {
            Slot::Value(value) => T::from_value(value).map_err(|error| Error::input(&self.name, error.message)),
            Slot::Pending => Err(Error::needs(&self.name)),
            Slot::Unset => Err(Error::input(&self.name, "it is not set")),
        }
    }
}

impl<T: FromValue> Input for Lazy<T> {
    fn port(name: &str) -> InputPort {
        <T as Input>::port(name).lazy()
    }

    fn take(inputs: &Inputs, index: usize) -> Result<Self> {
        let (port, slot) = inputs.slot(index)?;
        Ok(Lazy { slot: slot.clone(), name: port.name.clone(), ty: PhantomData })
    }
}

/// A list that a graph may leave out, which is not the same as an empty one.
impl<T: FromValue> Input for Option<Vec<T>> {
    fn port(name: &str) -> InputPort {
        <Vec<T> as Input>::port(name).optional()
    }

    fn take(inputs: &Inputs, index: usize) -> Result<Self> {
        match inputs.value(index)? {
            None => Ok(None),
            Some(_) => <Vec<T> as Input>::take(inputs, index).map(Some),
        }
    }
}

/// A lazy input that a graph may leave out.
impl<T: FromValue> Input for Option<Lazy<T>> {
    fn port(name: &str) -> InputPort {
        <Lazy<T> as Input>::port(name).optional()
    }

    fn take(inputs: &Inputs, index: usize) -> Result<Self> {
        match inputs.slot(index)? {
            (_, Slot::Unset) => Ok(None),
            _ => <Lazy<T> as Input>::take(inputs, index).map(Some),
        }
    }
}

macro_rules! scalar {
    ($($rust:ty, $constant:ident, $variant:ident, $from:expr, $into:expr;)*) => {$(
        impl FromValue for $rust {
            fn ty() -> Type {
                Type::$constant
            }

            fn from_value(value: &Value) -> Result<Self> {
                match value {
                    Value::$variant(inner) => {
                        let from: fn(_) -> Option<$rust> = $from;
                        from(inner).ok_or_else(|| Error::new(format!("{value} is not a {}", stringify!($rust))))
                    }
                    other => Err(mismatch(&Type::$constant, other)),
                }
            }
        }

        impl IntoValue for $rust {
            fn ty() -> Type {
                Type::$constant
            }

            fn into_value(self) -> Value {
                let into: fn($rust) -> _ = $into;
                Value::$variant(into(self))
            }
        }
    )*};
}
scalar! {
    bool, BOOL, Bool, |b: &bool| Some(*b), |b| b;
    i64, INT, Int, |i: &i64| Some(*i), |i| i;
    f64, FLOAT, Float, |x: &f64| Some(*x), |x| x;
    f32, FLOAT, Float, |x: &f64| Some(*x as f32), f64::from;
    u32, INT, Int, |i: &i64| u32::try_from(*i).ok(), i64::from;
    String, STRING, Text, |text: &Arc<str>| Some(text.as_ref().to_owned()), |text| Arc::from(text);
}

impl FromValue for usize {
    fn ty() -> Type {
        Type::INT
    }

    fn from_value(value: &Value) -> Result<Self> {
        let number = i64::from_value(value)?;
        usize::try_from(number).map_err(|_| Error::new(format!("expected a number of at least 0, got {number}")))
    }
}

/// A seed: 64 bits from which noise is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl FromValue for Seed {
    fn ty() -> Type {
        Type::INT
    }

    fn port(port: InputPort) -> InputPort {
        port.widget(Widget::Seed)
    }

    fn from_value(value: &Value) -> Result<Self> {
        i64::from_value(value).map(|bits| Seed(bits as u64))
    }
}

impl IntoValue for Seed {
    fn ty() -> Type {
        Type::INT
    }

    fn into_value(self) -> Value {
        Value::Int(self.0 as i64)
    }
}

/// A colour: red, green, blue, alpha, 0..1, sRGB; on wires a STRING `#rrggbb` or `#rrggbbaa`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color(pub [f32; 4]);

impl FromValue for Color {
    fn ty() -> Type {
        Type::STRING
    }

    fn port(port: InputPort) -> InputPort {
        port.widget(Widget::Color)
    }

    fn from_value(value: &Value) -> Result<Self> {
        let text = String::from_value(value)?;
        let digits = text.strip_prefix('#').filter(|digits| matches!(digits.len(), 6 | 8) && digits.is_ascii());
        let channel = |i: usize| u8::from_str_radix(digits?.get(2 * i..2 * i + 2)?, 16).ok();
        let alpha = if digits.is_some_and(|digits| digits.len() == 6) { Some(255) } else { channel(3) };
        match (channel(0), channel(1), channel(2), alpha) {
            (Some(r), Some(g), Some(b), Some(a)) => Ok(Color([r, g, b, a].map(|c| f32::from(c) / 255.0))),
            _ => Err(Error::new(format!("expected a colour such as #ff8800, got {}", Literal::Str(text)))),
        }
    }
}

impl FromValue for Value {
    fn ty() -> Type {
        Type::Any
    }

    fn from_value(value: &Value) -> Result<Self> {
        Ok(value.clone())
    }
}

impl IntoValue for Value {
    fn ty() -> Type {
        Type::Any
    }

    fn into_value(self) -> Value {
        self
    }
}

impl<T: ObjectType + Clone> FromValue for T {
    fn ty() -> Type {
        T::TYPE
    }

    fn from_value(value: &Value) -> Result<Self> {
        <Arc<T>>::from_value(value).map(Arc::unwrap_or_clone)
    }
}

impl<T: ObjectType> FromValue for Arc<T> {
    fn ty() -> Type {
        T::TYPE
    }

    fn from_value(value: &Value) -> Result<Self> {
        value.downcast().ok_or_else(|| mismatch(&T::TYPE, value))
    }
}

impl<T: ObjectType> IntoValue for T {
    fn ty() -> Type {
        T::TYPE
    }

    fn into_value(self) -> Value {
        Value::object(self)
    }
}

impl<T: ObjectType> IntoValue for Arc<T> {
    fn ty() -> Type {
        T::TYPE
    }

    fn into_value(self) -> Value {
        Value::Object(self)
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn ty() -> Type {
        Type::list(T::ty())
    }

    fn into_value(self) -> Value {
        Value::list(self.into_iter().map(T::into_value))
    }
}

/// A value, or nothing: an empty list, whatever the type of the output is. What takes single values from it does not run then, and
/// what takes lists goes without it.
impl<T: IntoValue> IntoValue for Option<T> {
    fn ty() -> Type {
        T::ty()
    }

    fn into_value(self) -> Value {
        self.map_or_else(Value::nothing, T::into_value)
    }
}

impl<T: IntoValue> IntoOutputs for T {
    fn types() -> Vec<Type> {
        vec![T::ty()]
    }

    fn into_outputs(self) -> Vec<Value> {
        vec![self.into_value()]
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => {$(
        impl<$($name: IntoValue),*> IntoOutputs for ($($name,)*) {
            fn types() -> Vec<Type> {
                vec![$($name::ty()),*]
            }

            fn into_outputs(self) -> Vec<Value> {
                vec![$(self.$index.into_value()),*]
            }
        }
    )*};
}
tuples! {
    ()
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
