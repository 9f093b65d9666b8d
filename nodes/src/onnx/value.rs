//! Tensors on their way into a model and out of it.

use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType};
use selfsame_sdk::{Error, Result, Tensor};
use std::fmt;
use std::ops::Range;

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the file.
    pub name: String,
    /// The type of its values there; outside they are f32.
    pub element: Element,
    /// Its dimensions; none for those that may have any length.
    pub dims: Vec<Option<usize>>,
}

/// Types of values in a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point.
    F16,
    /// 64-bit floating point; comes out rounded to f32.
    F64,
    /// Bytes.
    U8,
    /// Signed bytes.
    I8,
    /// 32-bit integers; those above 2^24 come out rounded.
    I32,
    /// 64-bit integers; those above 2^24 come out rounded.
    I64,
    /// 0 or 1.
    Bool,
    /// One that cannot be exchanged: texts, sequences, maps and rare numbers. Its name in ONNX Runtime.
    Other(String),
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::F32 => "f32",
            Element::F16 => "f16",
            Element::F64 => "f64",
            Element::U8 => "u8",
            Element::I8 => "i8",
            Element::I32 => "i32",
            Element::I64 => "i64",
            Element::Bool => "bool",
            Element::Other(name) => name,
        })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<_> = self.dims.iter().map(|dim| dim.map_or("?".to_owned(), |dim| dim.to_string())).collect();
        write!(f, "{} [{}]", self.element, dims.join(","))
    }
}

impl Port {
    pub(super) fn of(outlet: &Outlet) -> Self {
        let (element, dims) = match outlet.dtype() {
            ValueType::Tensor { ty, shape, .. } => {
                (Element::of(*ty), shape.iter().map(|dim| usize::try_from(*dim).ok()).collect())
            }
            other => (Element::Other(other.to_string()), Vec::new()),
        };
        Port { name: outlet.name().to_owned(), element, dims }
    }

    /// Whether a tensor of this shape may go in.
    fn takes(&self, shape: &[usize]) -> bool {
        let fits = |(want, got): (&Option<usize>, &usize)| want.is_none_or(|want| want == *got);
        self.dims.len() == shape.len() && self.dims.iter().zip(shape).all(fits)
    }

    /// A tensor as this input wants it.
    ///
    /// # Errors
    /// If its shape is another one, or its values cannot be told in the model's type.
    pub(super) fn input<'t>(&self, tensor: &'t Tensor) -> Result<SessionInputValue<'t>> {
        let fail = |message: String| Error::new(format!("input `{}`: {message}", self.name));
        let (shape, data) = (tensor.shape(), tensor.data());
        if !self.takes(shape) {
            return Err(fail(format!("expected {self}, got {tensor:?}")));
        }
        if data.is_empty() {
            return Err(fail(format!("expected values, got none: {tensor:?}")));
        }
        let whole = |range: Range<f64>| {
            let fits = |x: f32| range.contains(&f64::from(x)) && x.fract() == 0.0;
            match data.iter().find(|x| !fits(**x)) {
                Some(x) => Err(fail(format!("expected values of type {}, got {x}", self.element))),
                None => Ok(()),
            }
        };
        match &self.element {
            Element::F32 => Ok(TensorRef::from_array_view((shape, data))?.into()),
            Element::F16 => owned(shape, data, f16::from_f32),
            Element::F64 => owned(shape, data, f64::from),
            Element::U8 => whole(0.0..256.0).and_then(|()| owned(shape, data, |x| x as u8)),
            Element::I8 => whole(-128.0..128.0).and_then(|()| owned(shape, data, |x| x as i8)),
            Element::I32 => whole(-(2f64.powi(31))..2f64.powi(31)).and_then(|()| owned(shape, data, |x| x as i32)),
            Element::I64 => whole(-(2f64.powi(63))..2f64.powi(63)).and_then(|()| owned(shape, data, |x| x as i64)),
            Element::Bool => whole(0.0..2.0).and_then(|()| owned(shape, data, |x| x == 1.0)),
            Element::Other(name) => Err(fail(format!("values of type {name} cannot be given to a model here"))),
        }
    }

    /// What came out here.
    ///
    /// # Errors
    /// If it is of a type that cannot be exchanged.
    pub(super) fn output(&self, value: &DynValue) -> Result<Tensor> {
        match &self.element {
            Element::F32 => extract(value, |x: f32| x),
            Element::F16 => extract(value, f16::to_f32),
            Element::F64 => extract(value, |x: f64| x as f32),
            Element::U8 => extract(value, |x: u8| f32::from(x)),
            Element::I8 => extract(value, |x: i8| f32::from(x)),
            Element::I32 => extract(value, |x: i32| x as f32),
            Element::I64 => extract(value, |x: i64| x as f32),
            Element::Bool => extract(value, |x: bool| f32::from(u8::from(x))),
            Element::Other(name) => Err(Error::new(format!(
                "output `{}`: values of type {name} cannot be taken from a model here",
                self.name
            ))),
        }
    }
}

impl Element {
    fn of(ty: TensorElementType) -> Self {
        match ty {
            TensorElementType::Float32 => Element::F32,
            TensorElementType::Float16 => Element::F16,
            TensorElementType::Float64 => Element::F64,
            TensorElementType::Uint8 => Element::U8,
            TensorElementType::Int8 => Element::I8,
            TensorElementType::Int32 => Element::I32,
            TensorElementType::Int64 => Element::I64,
            TensorElementType::Bool => Element::Bool,
            other => Element::Other(other.to_string()),
        }
    }
}

fn owned<T>(shape: &[usize], data: &[f32], convert: impl Fn(f32) -> T) -> Result<SessionInputValue<'static>>
where
    T: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
{
    let data: Vec<T> = data.iter().map(|x| convert(*x)).collect();
    Ok(ort::value::Tensor::from_array((shape, data))?.into())
}

fn extract<T: PrimitiveTensorElementType + Copy>(value: &DynValue, convert: impl Fn(T) -> f32) -> Result<Tensor> {
    let (shape, data) = value.try_extract_tensor::<T>()?;
    let shape: Result<Vec<usize>, _> = shape.iter().map(|dim| usize::try_from(*dim)).collect();
    Tensor::new(shape?, data.iter().map(|x| convert(*x)).collect())
}
