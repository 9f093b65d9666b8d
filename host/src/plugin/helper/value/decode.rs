//! Values read.

use super::super::sealed;
use super::{Kind, Objects, Place, Wire};
use memmap2::Mmap;
use selfsame_sdk::ffi::{Blob, Struct, named_struct, named_tensor, type_of_plugin};
use selfsame_sdk::{Error, Result, Slot, Tensor, Value};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How deeply lists and structs may nest.
const MAX_DEPTH: usize = 32;
/// The most values in one message.
const MAX_VALUES: u64 = 10_000_000;

/// Reads values, none of which is trusted.
pub struct Decoder<'a> {
    objects: &'a dyn Objects,
    rest: &'a [u8],
    memory: Option<Arc<Mmap>>,
    /// How many values more there may be, with names and dimensions.
    left: u64,
    /// How many bytes more of the memory may be copied: several values may say that they lie at the same place.
    copies: u64,
    /// The most bytes of the memory, if the other side is not trusted.
    limit: Option<u64>,
}

impl<'a> Decoder<'a> {
    /// # Errors
    /// If the memory is none that can be read safely.
    pub fn new(objects: &'a dyn Objects, bytes: &'a [u8], memory: Option<OwnedFd>) -> Result<Self> {
        let limit = objects.limit();
        let memory = memory.map(|memory| sealed::open(memory, limit)).transpose()?;
        let copies = memory.as_ref().map_or(0, |memory| memory.len() as u64);
        Ok(Decoder { objects, rest: bytes, memory, left: MAX_VALUES, copies, limit })
    }

    /// # Errors
    /// If it is none.
    pub fn slot(&mut self) -> Result<Slot> {
        Ok(match self.get()? {
            Wire::Unset => Slot::Unset,
            Wire::Pending => Slot::Pending,
            wire => Slot::Value(self.rest_of(wire, 0)?),
        })
    }

    /// # Errors
    /// If it is none.
    pub fn value(&mut self) -> Result<Value> {
        self.deep(0)
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// If it is none.
    pub fn blob(&mut self) -> Result<&[u8]> {
        match self.get()? {
            Wire::Blob(_, place) => self.data(place),
            _ => Err(Error::new("another value instead of bytes")),
        }
    }

    /// Whether there is nothing more.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn get(&mut self) -> Result<Wire<'a>> {
        let (wire, rest) = postcard::take_from_bytes(self.rest)?;
        self.rest = rest;
        let parts = match &wire {
            Wire::Tensor(_, shape, _) => shape.len(),
            Wire::Struct(_, names) => names.len(),
            _ => 0,
        };
        let left = self.left.checked_sub(1 + parts as u64);
        self.left = left.ok_or_else(|| Error::new(format!("more than {MAX_VALUES} values")))?;
        Ok(wire)
    }

    fn deep(&mut self, depth: usize) -> Result<Value> {
        let wire = self.get()?;
        self.rest_of(wire, depth)
    }

    /// The value that begins with this.
    fn rest_of(&mut self, wire: Wire<'a>, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(Error::new(format!("values that nest deeper than {MAX_DEPTH}")));
        }
        Ok(match wire {
            Wire::Unset | Wire::Pending => return Err(Error::new("nothing instead of a value")),
            Wire::Bool(truth) => Value::Bool(truth),
            Wire::Int(number) => Value::Int(number),
            Wire::Float(number) if self.limit.is_some() && !number.is_finite() => {
                return Err(Error::new(format!("a FLOAT of {number}; expected a finite number")));
            }
            Wire::Float(number) => Value::Float(number),
            Wire::Text(text) => Value::Text(text.into()),
            Wire::List(count) => {
                (0..count).map(|_| self.deep(depth + 1)).collect::<Result<Vec<_>>>().map(Value::list)?
            }
            Wire::Tensor(kind, shape, place) => {
                let name = match kind {
                    Kind::Tensor => "TENSOR",
                    Kind::Image => "IMAGE",
                    Kind::Mask => "MASK",
                };
                named_tensor(name, self.tensor(&shape, place)?)?
            }
            Wire::Latent(has_mask) => {
                let samples = ("samples".to_owned(), Some(self.deep(depth + 1)?));
                let mask = if has_mask { Some(self.deep(depth + 1)?) } else { None };
                named_struct("LATENT", vec![samples, ("noise_mask".to_owned(), mask)])?
            }
            Wire::Struct(type_name, names) => {
                let type_name = type_of_plugin(type_name)?;
                let field = |name: &str| Ok((name.to_owned(), self.deep(depth + 1)?));
                let fields = names.into_iter().map(field).collect::<Result<Vec<_>>>()?;
                Value::object(Struct { type_name, fields })
            }
            Wire::Blob(type_name, place) => {
                let type_name = type_of_plugin(type_name)?;
                if let Place::Shared { length, .. } = place {
                    let left = self.copies.checked_sub(length);
                    self.copies = left.ok_or_else(|| Error::new("more bytes than there are in shared memory"))?;
                }
                Value::object(Blob { type_name, data: self.data(place)?.into() })
            }
            Wire::Object(handle) => Value::Object(self.objects.take(handle)?),
        })
    }

    fn tensor(&mut self, shape: &[u64], place: Place) -> Result<Tensor> {
        match (place, &self.memory) {
            (Place::Shared { at, .. }, Some(memory)) => sealed::tensor(memory, at, shape),
            (place, _) => {
                let dims = shape.iter().map(|dim| *dim as usize).collect::<Vec<_>>();
                let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                Tensor::new(dims, self.data(place)?.chunks_exact(4).map(number).collect())
            }
        }
    }

    fn data(&mut self, place: Place) -> Result<&[u8]> {
        let (from, at, length) = match (place, &self.memory) {
            (Place::Inside(length), _) => (self.rest, 0, length),
            (Place::Shared { at, length }, Some(memory)) => (&memory[..], at, length),
            (Place::Shared { .. }, None) => return Err(Error::new("data in shared memory that did not come")),
        };
        let end = at.checked_add(length).and_then(|end| usize::try_from(end).ok());
        let data = end.and_then(|end| from.get(at as usize..end));
        let data = data.ok_or_else(|| Error::new(format!("{length} bytes at {at} of {}", from.len())))?;
        if let Place::Inside(_) = place {
            self.rest = &self.rest[data.len()..];
        }
        Ok(data)
    }
}
