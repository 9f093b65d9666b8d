//! Values of types that a plugin in C can make without code of its own.

use crate::{Fields, Object, Result, Value};
use std::borrow::Cow;

/// Values with names, of a type that only those who use it know.
#[derive(Debug)]
pub struct Struct {
    /// The name of the type.
    pub type_name: String,
    /// The values, in the order of whoever made it.
    pub fields: Vec<(String, Value)>,
}

impl Object for Struct {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.type_name)
    }

    fn bytes(&self) -> u64 {
        self.fields.iter().map(|(name, value)| name.len() as u64 + value.bytes()).sum()
    }

    fn is_lost(&self) -> bool {
        self.fields.iter().any(|(_, value)| value.is_lost())
    }

    fn summary(&self) -> String {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| &**name).collect();
        format!("with {}", names.join(", "))
    }

    fn as_fields(&self) -> Option<&dyn Fields> {
        Some(self)
    }
}

impl Fields for Struct {
    fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.clone()).collect()
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        Ok(self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()))
    }
}

/// Bytes, of a type that only those who use it know.
#[derive(Debug)]
pub struct Blob {
    /// The name of the type.
    pub type_name: String,
    /// The bytes.
    pub data: Box<[u8]>,
}

impl Object for Blob {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.type_name)
    }

    fn bytes(&self) -> u64 {
        self.data.len() as u64
    }

    fn summary(&self) -> String {
        format!("{} bytes", self.data.len())
    }
}
