//! Values of the other side, taken.

use super::abi::*;
use super::export::{Exported, LATENT_FIELDS, own};
use super::object::{Foreign, ObjRef};
use super::plain::Struct;
use super::tensor;
use super::text::text;
use crate::{Error, Image, Latent, Mask, Result, Tensor, Type, Value};

/// How deeply lists and structs may nest.
const MAX_DEPTH: usize = 16;
/// The most values in one, through all its lists.
const MAX_VALUES: u64 = 10_000_000;

/// A value that the other side lends; none for SS_NULL.
///
/// # Errors
/// If it is no value, or its object is not what it says.
///
/// # Safety
/// If it is an object, the caller holds it.
pub unsafe fn import(value: SsValue) -> Result<Option<Value>> {
    // SAFETY: as above.
    unsafe { Import { left: MAX_VALUES }.value(value, 0) }
}

/// A value that the other side gave; it is given up if it is none.
///
/// # Errors
/// As [`import`].
pub fn import_owned(value: Exported) -> Result<Option<Value>> {
    // SAFETY: `value` holds the object.
    unsafe { import(value.as_raw()) }
}

struct Import {
    /// How many values more there may be.
    left: u64,
}

impl Import {
    /// # Safety
    /// If it is an object, the caller holds it.
    unsafe fn value(&mut self, value: SsValue, depth: usize) -> Result<Option<Value>> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Error::new(format!("more than {MAX_VALUES} values")))?;
        // SAFETY: the tag says which field is there, and all 64 bits are a number of any kind.
        unsafe {
            match (value.tag, value.v.i) {
                (SS_NULL, _) => Ok(None),
                (SS_BOOL, truth @ (0 | 1)) => Ok(Some(Value::Bool(truth == 1))),
                (SS_BOOL, number) => Err(Error::new(format!("a BOOL of {number}; expected 0 or 1"))),
                (SS_INT, number) => Ok(Some(Value::Int(number))),
                (SS_FLOAT, _) if !value.v.f.is_finite() => {
                    Err(Error::new(format!("a FLOAT of {}; expected a finite number", value.v.f)))
                }
                (SS_FLOAT, _) => Ok(Some(Value::Float(value.v.f))),
                (SS_OBJ, _) => self.object(ObjRef::retain(value.v.o)?, depth).map(Some),
                (tag, _) => Err(Error::new(format!("a value with the unknown tag {tag}"))),
            }
        }
    }

    fn object(&mut self, object: ObjRef, depth: usize) -> Result<Value> {
        if let Some(own) = own(&object) {
            return Ok(own.clone());
        }
        let name = object.type_name()?.to_owned();
        if depth > MAX_DEPTH {
            return Err(Error::new(format!("{name} {depth} values deep in another")));
        }
        match &*name {
            "STRING" => string(&object),
            "LIST" => self.list(&object, depth),
            "TENSOR" | "IMAGE" | "MASK" => {
                let found = tensor::of_object(&object)?.ok_or_else(|| lacks(&name, SS_TENSOR))?;
                check_image(&object)?;
                named_tensor(&name, found)
            }
            "LATENT" => {
                let mut field = |name: &str| self.field(&object, name, depth);
                named_struct(
                    "LATENT",
                    vec![
                        (LATENT_FIELDS[0].to_owned(), field(LATENT_FIELDS[0])?),
                        (LATENT_FIELDS[1].to_owned(), field(LATENT_FIELDS[1])?),
                    ],
                )
            }
            _ => match name.parse() {
                Ok(Type::Named(_)) => Ok(Value::object(Foreign::new(object, &name))),
                _ => Err(Error::new(format!(
                    "an object whose type is called {name:?}; expected a name such as com.acme.MESH/1"
                ))),
            },
        }
    }

    fn list(&mut self, object: &ObjRef, depth: usize) -> Result<Value> {
        let table: *const SsList = object.interface(SS_LIST).cast();
        // SAFETY: an interface of this name is such a table.
        let found = unsafe { field!(table, SsList, len).flatten().zip(field!(table, SsList, get).flatten()) };
        let (len, get) = found.ok_or_else(|| lacks("LIST", SS_LIST))?;
        // SAFETY: the object is alive.
        let len = unsafe { len(object.as_ptr()) };
        if len > self.left {
            return Err(Error::new(format!("a list of {len} values; expected at most {MAX_VALUES}")));
        }
        let item = |index: u64| {
            let mut out = SsValue::NULL;
            // SAFETY: the object is alive, and the value can be written.
            let status = unsafe { get(object.as_ptr(), index, &mut out) };
            // SAFETY: it was given.
            let item = unsafe { Exported::from_raw(out) };
            if status != SS_STATUS_OK {
                return Err(Error::new(format!(
                    "a list of {len} values does not give number {index} (status {status})"
                )));
            }
            // SAFETY: `item` holds it.
            unsafe { self.value(item.as_raw(), depth + 1) }?
                .ok_or_else(|| Error::new(format!("a list of {len} values with nothing as number {index}")))
        };
        (0..len).map(item).collect::<Result<Vec<_>>>().map(Value::list)
    }

    /// A field of a struct; none if there is nothing of this name.
    fn field(&mut self, object: &ObjRef, name: &str, depth: usize) -> Result<Option<Value>> {
        let table: *const SsStruct = object.interface(SS_STRUCT).cast();
        // SAFETY: an interface of this name is such a table.
        let get = unsafe { field!(table, SsStruct, get).flatten() };
        let get = get.ok_or_else(|| lacks(object.type_name().unwrap_or_default(), SS_STRUCT))?;
        let mut out = SsValue::NULL;
        // SAFETY: the object is alive, and the value can be written.
        let status = unsafe { get(object.as_ptr(), SsStr::new(name), &mut out) };
        // SAFETY: it was given.
        let field = unsafe { Exported::from_raw(out) };
        match status {
            // SAFETY: `field` holds it.
            SS_STATUS_OK => unsafe { self.value(field.as_raw(), depth + 1) },
            SS_STATUS_NOT_FOUND => Ok(None),
            status => Err(Error::new(format!("a struct does not give its field `{name}` (status {status})"))),
        }
    }
}

fn lacks(type_name: &str, interface: &str) -> Error {
    Error::new(format!("an object that says it is {type_name}, but lacks the interface {interface}"))
}

fn string(object: &ObjRef) -> Result<Value> {
    let table: *const SsString = object.interface(SS_STRING).cast();
    // SAFETY: an interface of this name is such a table.
    let view = unsafe { field!(table, SsString, view).flatten() }.ok_or_else(|| lacks("STRING", SS_STRING))?;
    // SAFETY: the object is alive, and so is its text.
    Ok(Value::Text(unsafe { text(view(object.as_ptr())) }?.into()))
}

/// Whether an image is meant as all others are.
fn check_image(object: &ObjRef) -> Result<()> {
    let table: *const SsImage = object.interface(SS_IMAGE).cast();
    // SAFETY: an interface of this name is such a table, and the object is alive.
    let (color, alpha) = unsafe {
        let color = field!(table, SsImage, color_space).flatten().map(|color| color(object.as_ptr()));
        (color, field!(table, SsImage, alpha).flatten().map(|alpha| alpha(object.as_ptr())))
    };
    match (color.unwrap_or(SS_COLOR_SRGB), alpha.unwrap_or(SS_ALPHA_STRAIGHT)) {
        (SS_COLOR_SRGB, SS_ALPHA_STRAIGHT) => Ok(()),
        (color, alpha) => Err(Error::new(format!(
            "an IMAGE of colour space {color} with alpha {alpha}; expected sRGB (0), straight (0)"
        ))),
    }
}

/// A tensor as a value of type TENSOR, IMAGE or MASK.
///
/// # Errors
/// If the type is another, or no such value has its shape.
pub fn named_tensor(type_name: &str, tensor: Tensor) -> Result<Value> {
    match type_name {
        "TENSOR" => Ok(Value::object(tensor)),
        "IMAGE" => Image::from_tensor(tensor).map(Value::object),
        "MASK" => Mask::from_tensor(tensor).map(Value::object),
        other => Err(Error::new(format!("a tensor as {other}; expected TENSOR, IMAGE or MASK"))),
    }
}

/// Named values as a value of type LATENT, or of a type that the host does not know.
///
/// # Errors
/// If the type is one of the host's besides LATENT, no name of a type, or the values are not those of its type.
pub fn named_struct(type_name: &str, fields: Vec<(String, Option<Value>)>) -> Result<Value> {
    if type_name == "LATENT" {
        let find = |name: &str| fields.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.as_ref());
        let samples = find(LATENT_FIELDS[0]).and_then(Value::downcast::<Tensor>);
        let samples = samples.ok_or_else(|| Error::new("a LATENT without a TENSOR `samples`"))?;
        let noise_mask = find(LATENT_FIELDS[1]).map(|value| {
            let mask = value.downcast::<Mask>();
            mask.ok_or_else(|| Error::new(format!("a LATENT whose `noise_mask` is {value}; expected a MASK")))
        });
        let latent = Latent::new(Tensor::clone(&samples))?;
        return Ok(Value::object(Latent {
            noise_mask: noise_mask.transpose()?.map(|mask| Mask::clone(&mask)),
            ..latent
        }));
    }
    let type_name = type_of_plugin(type_name)?;
    let given = |(name, value): (String, Option<Value>)| Some((name, value?));
    Ok(Value::object(Struct { type_name, fields: fields.into_iter().filter_map(given).collect() }))
}

/// The name of a type of which plugins may make values as they like.
///
/// # Errors
/// If it is one of the host's, or no name.
pub fn type_of_plugin(name: &str) -> Result<String> {
    match name.parse() {
        Ok(Type::Named(_)) if matches!(name, "STRING" | "LIST") => {}
        Ok(ty @ Type::Named(_)) if !Type::BUILT_IN.contains(&ty) => return Ok(name.to_owned()),
        _ => {}
    }
    Err(Error::new(format!("expected the name of a type of the plugin's, such as com.acme.MESH/1, got {name:?}")))
}
