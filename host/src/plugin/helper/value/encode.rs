//! Values written.

use super::super::frame::{MAX_BYTES, Payload};
use super::super::sealed;
use super::{Kind, Objects, Owner, Place, Wire};
use selfsame_sdk::ffi::{Blob, Struct};
use selfsame_sdk::{Error, Image, Latent, Mask, Object, Result, Slot, Tensor, Value};
use std::any::Any;
use std::sync::Arc;

/// The most bytes of a tensor that is written into the message.
const INSIDE: usize = 16 << 10;
/// The most bytes of all those together.
const ALL_INSIDE: usize = 1 << 20;

/// The most bytes of values in one message, which leaves room for what is said of them.
const MOST: usize = MAX_BYTES - (1 << 20);

/// Writes values. What was lent for them is taken back unless they are finished.
pub struct Encoder<'a> {
    objects: &'a dyn Objects,
    bytes: Vec<u8>,
    shared: Vec<(u64, &'a [u8])>,
    end: u64,
    lent: Vec<(Owner, u64)>,
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        for (owner, number) in self.lent.drain(..) {
            self.objects.take_back(owner, number);
        }
    }
}

impl<'a> Encoder<'a> {
    pub fn new(objects: &'a dyn Objects) -> Self {
        Encoder { objects, bytes: Vec::new(), shared: Vec::new(), end: 0, lent: Vec::new() }
    }

    pub fn slot(&mut self, slot: &'a Slot) -> Result<()> {
        match slot {
            Slot::Value(value) => self.value(value),
            Slot::Unset => self.put(&Wire::Unset),
            Slot::Pending => self.put(&Wire::Pending),
        }
    }

    pub fn value(&mut self, value: &'a Value) -> Result<()> {
        match value {
            Value::Bool(truth) => self.put(&Wire::Bool(*truth)),
            Value::Int(number) => self.put(&Wire::Int(*number)),
            Value::Float(number) => self.put(&Wire::Float(*number)),
            Value::Text(text) => self.put(&Wire::Text(text)),
            Value::List(items) => {
                self.put(&Wire::List(items.len() as u64))?;
                items.iter().try_for_each(|item| self.value(item))
            }
            Value::Object(object) => self.object(object),
            other => Err(Error::new(format!("{other} cannot be given to another process"))),
        }
    }

    fn object(&mut self, object: &'a Arc<dyn Object>) -> Result<()> {
        let any: &dyn Any = &**object;
        if let Some(tensor) = any.downcast_ref::<Tensor>() {
            self.tensor(Kind::Tensor, tensor)
        } else if let Some(image) = any.downcast_ref::<Image>() {
            self.tensor(Kind::Image, image.tensor())
        } else if let Some(mask) = any.downcast_ref::<Mask>() {
            self.tensor(Kind::Mask, mask.tensor())
        } else if let Some(latent) = any.downcast_ref::<Latent>() {
            self.put(&Wire::Latent(latent.noise_mask.is_some()))?;
            self.tensor(Kind::Tensor, &latent.samples)?;
            latent.noise_mask.as_ref().map_or(Ok(()), |mask| self.tensor(Kind::Mask, mask.tensor()))
        } else if let Some(Struct { type_name, fields }) = any.downcast_ref() {
            self.put(&Wire::Struct(type_name, fields.iter().map(|(name, _)| &**name).collect()))?;
            fields.iter().try_for_each(|(_, value)| self.value(value))
        } else if let Some(Blob { type_name, data }) = any.downcast_ref() {
            self.blob(type_name, data)
        } else {
            let handle = self.objects.lend(object)?;
            self.lent.push((handle.owner, handle.number));
            self.put(&Wire::Object(handle))
        }
    }

    pub fn image(&mut self, image: &'a Image) -> Result<()> {
        self.tensor(Kind::Image, image.tensor())
    }

    pub fn blob(&mut self, type_name: &'a str, data: &'a [u8]) -> Result<()> {
        self.data(data, |place| Wire::Blob(type_name, place))
    }

    fn tensor(&mut self, kind: Kind, tensor: &'a Tensor) -> Result<()> {
        let shape = tensor.shape().iter().map(|dim| *dim as u64).collect();
        self.data(bytemuck::cast_slice(tensor.data()), |place| Wire::Tensor(kind, shape, place))
    }

    fn data(&mut self, data: &'a [u8], wire: impl FnOnce(Place) -> Wire<'a>) -> Result<()> {
        let length = data.len() as u64;
        if data.len() <= INSIDE && self.bytes.len() + data.len() <= ALL_INSIDE {
            self.put(&wire(Place::Inside(length)))?;
            self.bytes.extend_from_slice(data);
            return Ok(());
        }
        let at = self.end.next_multiple_of(sealed::ALIGN);
        self.end = at + length;
        self.shared.push((at, data));
        self.put(&wire(Place::Shared { at, length }))
    }

    fn put(&mut self, wire: &Wire) -> Result<()> {
        postcard::to_io(wire, &mut self.bytes)?;
        Ok(())
    }

    /// What is sent.
    ///
    /// # Errors
    /// If they are too many for a message; if the system gives no memory.
    pub fn finish(mut self) -> Result<Payload> {
        let length = self.bytes.len();
        if length > MOST {
            return Err(Error::new(format!("values of {length} bytes in one message; expected at most {MOST}")));
        }
        let memory = if self.shared.is_empty() { None } else { Some(sealed::seal(&self.shared)?) };
        self.lent.clear();
        Ok(Payload { bytes: std::mem::take(&mut self.bytes), memory })
    }
}
