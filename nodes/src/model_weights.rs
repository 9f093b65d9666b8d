//! A model file as an object that shows its tensors by name.

use crate::wires::from_device;
use candle_core::{DType, Device};
use selfsame_models::weights::{self, TensorSource};
use selfsame_sdk::{Fields, Object, Result, Value};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

struct ModelWeights(Arc<dyn TensorSource>);

/// Opens a model file; its tensors are read, as f32, when they are asked for.
///
/// # Errors
/// If this is no model file.
pub fn open(path: &Path) -> Result<Arc<dyn Object>> {
    Ok(Arc::new(ModelWeights(weights::open(path)?)))
}

impl Object for ModelWeights {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed("selfsame.WEIGHTS/1")
    }

    /// Files are mapped, not read.
    fn bytes(&self) -> u64 {
        0
    }

    fn summary(&self) -> String {
        self.0.describe()
    }

    fn as_fields(&self) -> Option<&dyn Fields> {
        Some(self)
    }
}

impl Fields for ModelWeights {
    fn names(&self) -> Vec<String> {
        self.0.tensors().keys().cloned().collect()
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        if !self.0.tensors().contains_key(name) {
            return Ok(None);
        }
        let tensor = self.0.load(name, DType::F32, &Device::Cpu)?;
        Ok(Some(Value::object(from_device(&tensor)?)))
    }
}
