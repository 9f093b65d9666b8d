//! Values with names inside an object.

use crate::{Error, Object, Result, Status, Tensor, Value};
use std::sync::Arc;

/// What an object shows of itself by name: LATENT its `samples` and `noise_mask`, ID its `tokens` and `negative_tokens`.
pub trait Fields {
    /// The names; always the same.
    fn names(&self) -> Vec<String>;

    /// The value of a name; none if there is no such name, or nothing behind it.
    ///
    /// # Errors
    /// If it cannot be read.
    fn field(&self, name: &str) -> Result<Option<Value>>;
}

impl Value {
    /// What an object shows under a name: `id.field("tokens")`.
    ///
    /// # Errors
    /// [`Status::NotFound`] if it shows nothing of this name; if it cannot be read.
    pub fn field(&self, name: &str) -> Result<Value> {
        let fields = match self {
            Value::Object(object) => object.as_fields(),
            _ => None,
        };
        let found = fields.map(|fields| fields.field(name)).transpose()?.flatten();
        found.ok_or_else(|| Error::with(Status::NotFound, format!("{self} has no `{name}`")))
    }

    /// The tensor that an object shows under a name.
    ///
    /// # Errors
    /// As [`field`](Self::field); if it is something else.
    pub fn tensor_field(&self, name: &str) -> Result<Tensor> {
        let field = self.field(name)?;
        let tensor = field.downcast::<Tensor>();
        tensor.map(Arc::unwrap_or_clone).ok_or_else(|| Error::new(format!("`{name}` is {field}; expected a TENSOR")))
    }
}

/// An open model file: see [`Ctx::weights`](crate::Ctx::weights).
#[derive(Clone, Debug)]
pub struct ModelWeights(Value);

impl ModelWeights {
    pub(crate) fn new(file: Arc<dyn Object>) -> Self {
        ModelWeights(Value::Object(file))
    }

    /// The names of its tensors.
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Value::Object(file) => file.as_fields().map(Fields::names).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// A tensor as f32; it is read now.
    ///
    /// # Errors
    /// [`Status::NotFound`] if there is none of this name; if it cannot be read.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        self.0.tensor_field(name)
    }
}
