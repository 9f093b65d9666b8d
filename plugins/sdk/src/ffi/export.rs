//! Values of this side, lent to the other.

use super::abi::*;
use super::error::to_status;
use super::hooks::HookTables;
use super::object::{Foreign, ObjRef};
use super::plain::Blob;
use super::text::text;
use super::{model, tensor};
use crate::{Error, Fields, Image, Mask, Object, Result, Tensor, Value, panics};
use std::any::Any;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// A value in the form of the boundary; it is given up when this is dropped.
pub struct Exported {
    value: SsValue,
    /// It was made by this side and never given away: the other side only borrows it.
    lent: bool,
}

impl Exported {
    /// Takes over a value of the other side, whatever it may be.
    ///
    /// # Safety
    /// If it is an object, it has a count to give.
    pub unsafe fn from_raw(value: SsValue) -> Self {
        Exported { value, lent: false }
    }

    /// The value; it stays counted by this.
    pub fn as_raw(&self) -> SsValue {
        self.value
    }

    /// The value and its count, for the receiver to release.
    pub fn into_raw(self) -> SsValue {
        if let Some(lent) = self.lent() {
            lent.held.fetch_add(1, Ordering::Relaxed);
        }
        std::mem::ManuallyDrop::new(self).value
    }

    /// Whether the other side has released a value that it only borrowed more often than it has retained it.
    pub fn was_over_released(&self) -> bool {
        self.lent().is_some_and(|lent| lent.over_released.load(Ordering::Relaxed))
    }

    fn lent(&self) -> Option<&Lent> {
        // SAFETY: `lend` made it, and this holds a count.
        self.lent.then(|| unsafe { lent(self.value.v.o) })
    }
}

impl Drop for Exported {
    fn drop(&mut self) {
        if self.value.tag != SS_OBJ {
            return;
        }
        // SAFETY: it is an object, and this holds a count. A broken one cannot be given up.
        unsafe {
            match self.lent {
                true => give_up(self.value.v.o),
                false => drop(ObjRef::from_raw(self.value.v.o)),
            }
        }
    }
}

/// A value for the other side. What came from there is handed back as it was.
pub fn export(value: &Value) -> Exported {
    let theirs = match value {
        Value::Bool(value) => return Exported { value: SsValue::bool(*value), lent: false },
        Value::Int(value) => return Exported { value: SsValue::int(*value), lent: false },
        Value::Float(value) => return Exported { value: SsValue::float(*value), lent: false },
        Value::Text(_) | Value::List(_) => None,
        Value::Object(object) => downcast::<Foreign>(&**object).map(Foreign::object).or_else(|| origin(value)),
    };
    match theirs {
        Some(theirs) => Exported { value: SsValue::object(theirs.clone().into_raw()), lent: false },
        None => Exported { value: SsValue::object(lend(value.clone())), lent: true },
    }
}

/// What the other side sees of a value: `header` first, the rest is ours.
#[repr(C)]
pub(super) struct Lent {
    header: SsObj,
    value: Value,
    type_name: Box<str>,
    /// Of its tensor, if it has one.
    shape: Box<[i64]>,
    /// How many of its holders are on the other side. Those of this side do not depend on how well the other side counts.
    held: AtomicU64,
    over_released: AtomicBool,
    /// Of what it shows by name, once they were asked for.
    names: OnceLock<Vec<String>>,
    /// Of its patch, once they were asked for.
    hooks: OnceLock<HookTables>,
}

// SAFETY: the pointer in the header is to a static table.
unsafe impl Send for Lent {}
// SAFETY: as above; values are `Sync`.
unsafe impl Sync for Lent {}

fn lend(value: Value) -> *mut SsObj {
    let type_name = match &value {
        Value::List(_) => "LIST".into(),
        value => value.ty().to_string().into(),
    };
    let shape = tensor_of(&value).map_or(&[][..], Tensor::shape).iter().map(|dim| *dim as i64).collect();
    let lent = Lent {
        header: SsObj { vt: &VT },
        value,
        type_name,
        shape,
        held: AtomicU64::new(0),
        over_released: AtomicBool::new(false),
        names: OnceLock::new(),
        hooks: OnceLock::new(),
    };
    Arc::into_raw(Arc::new(lent)).cast_mut().cast()
}

/// Gives up a count of this side.
///
/// # Safety
/// The object was made by [`lend`], and the caller holds the count.
unsafe fn give_up(object: *mut SsObj) {
    // SAFETY: the caller promises it.
    panics::discard(unsafe { Arc::from_raw(object.cast::<Lent>().cast_const()) });
}

/// The value behind an object that this side has lent.
pub(super) fn own(object: &ObjRef) -> Option<&Value> {
    // SAFETY: only `lend` makes objects with this table.
    std::ptr::eq(object.vt(), &VT).then(|| unsafe { &lent(object.as_ptr()).value })
}

/// # Safety
/// The object was made by [`lend`], and lives for `'a`.
pub(super) unsafe fn lent<'a>(object: *mut SsObj) -> &'a Lent {
    // SAFETY: the caller promises it.
    unsafe { &*object.cast::<Lent>() }
}

impl Lent {
    /// What it is to this side, if it is an object.
    pub fn object(&self) -> Option<&dyn Object> {
        match &self.value {
            Value::Object(object) => Some(&**object),
            _ => None,
        }
    }

    fn fields(&self) -> Option<&dyn Fields> {
        self.object()?.as_fields()
    }

    fn names(&self) -> &[String] {
        self.names.get_or_init(|| {
            let names = || Ok(self.fields().map(Fields::names).unwrap_or_default());
            panics::catch(names).unwrap_or_default()
        })
    }

    /// Where its patch works.
    ///
    /// # Errors
    /// If the patch does not say so.
    pub fn hooks(&self) -> Result<&HookTables> {
        if let Some(known) = self.hooks.get() {
            return Ok(known);
        }
        let patch = self.object().and_then(Object::as_model_patch).ok_or_else(|| Error::new("it is no patch"))?;
        let hooks = panics::catch(|| patch.hooks())?;
        Ok(self.hooks.get_or_init(|| HookTables::new(&hooks)))
    }
}

fn downcast<T: Object>(object: &dyn Object) -> Option<&T> {
    let any: &dyn Any = object;
    any.downcast_ref()
}

/// The Rust object in a value.
fn object_of<T: Object>(value: &Value) -> Option<&T> {
    match value {
        Value::Object(object) => downcast(&**object),
        _ => None,
    }
}

/// The object of the other side that a picture, mask or tensor is no more than a view of.
fn origin(value: &Value) -> Option<&ObjRef> {
    let tensor = tensor_of(value)?;
    let origin = tensor.origin()?;
    let is_same = origin.type_name().is_ok_and(|name| value.ty().to_string() == name);
    (is_same && tensor::has_shape(origin, tensor.shape())).then_some(origin)
}

fn tensor_of(value: &Value) -> Option<&Tensor> {
    let image = || object_of::<Image>(value).map(Image::tensor);
    let mask = || object_of::<Mask>(value).map(Mask::tensor);
    object_of::<Tensor>(value).or_else(image).or_else(mask)
}

// A `static`, so that it has one address, by which this side knows its own objects.
static VT: SsObjVt = SsObjVt {
    struct_size: size_of::<SsObjVt>() as u32,
    flags: 0,
    retain: Some(retain),
    release: Some(release),
    type_name: Some(type_name),
    get_interface: Some(get_interface),
};

unsafe extern "C" fn retain(object: *mut SsObj) {
    // SAFETY: `lend` made it of an `Arc`, and the caller holds it.
    unsafe {
        lent(object).held.fetch_add(1, Ordering::Relaxed);
        Arc::increment_strong_count(object.cast::<Lent>().cast_const());
    }
}

unsafe extern "C" fn release(object: *mut SsObj) {
    let one_less = |held: u64| held.checked_sub(1);
    // SAFETY: the caller holds the object, or at least borrows it.
    unsafe {
        let lent = lent(object);
        match lent.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
            Ok(_) => give_up(object),
            // This is the count of this side.
            Err(_) => lent.over_released.store(true, Ordering::Relaxed),
        }
    }
}

unsafe extern "C" fn type_name(object: *mut SsObj) -> SsStr {
    // SAFETY: the caller holds the object.
    SsStr::new(unsafe { &lent(object).type_name })
}

unsafe extern "C" fn get_interface(object: *mut SsObj, id: SsStr) -> *const c_void {
    // SAFETY: the caller holds the object, and lends the text.
    let (lent, id) = unsafe { (lent(object), text(id)) };
    let value = &lent.value;
    match id.unwrap_or_default() {
        SS_OBJECT_INFO => (&raw const INFO).cast(),
        SS_STRING if matches!(value, Value::Text(_)) => (&raw const STRING).cast(),
        SS_LIST if matches!(value, Value::List(_)) => (&raw const LIST).cast(),
        SS_TENSOR if tensor_of(value).is_some() => (&raw const TENSOR).cast(),
        SS_IMAGE if object_of::<Image>(value).is_some() => (&raw const IMAGE).cast(),
        SS_STRUCT if lent.fields().is_some() => (&raw const STRUCT).cast(),
        SS_BYTES if object_of::<Blob>(value).is_some() => (&raw const BLOB).cast(),
        other => lent.object().map_or(std::ptr::null(), |object| model::interface(object, other)),
    }
}

static INFO: SsObjectInfo = SsObjectInfo {
    struct_size: size_of::<SsObjectInfo>() as u32,
    flags: 0,
    bytes: Some(object_bytes),
    summary: Some(object_summary),
};

unsafe extern "C" fn object_bytes(object: *mut SsObj) -> u64 {
    // SAFETY: the caller holds the object.
    let value = unsafe { &lent(object).value };
    let bytes = || match value {
        Value::Object(object) => object.bytes(),
        other => other.bytes(),
    };
    panics::catch(|| Ok(bytes())).unwrap_or(0)
}

unsafe extern "C" fn object_summary(object: *mut SsObj, sink: *const SsSink) -> SsStatus {
    // SAFETY: the caller holds the object.
    let value = unsafe { &lent(object).value };
    let summary = panics::catch(|| {
        Ok(match value {
            Value::Object(object) => object.summary(),
            other => other.to_string(),
        })
    });
    let Ok(summary) = summary else { return SS_STATUS_PANIC };
    let bytes = SsBytes { ptr: summary.as_ptr(), len: summary.len() as u64 };
    // SAFETY: the caller lends a sink.
    unsafe {
        match sink.as_ref().and_then(|sink| Some((sink.write?, sink.user))) {
            Some((write, user)) => write(user, bytes),
            None => SS_STATUS_ABI,
        }
    }
}

static STRING: SsString = SsString { struct_size: size_of::<SsString>() as u32, flags: 0, view: Some(string_view) };

unsafe extern "C" fn string_view(object: *mut SsObj) -> SsStr {
    // SAFETY: the caller holds the object.
    match unsafe { &lent(object).value } {
        Value::Text(text) => SsStr::new(text),
        _ => SsStr::EMPTY,
    }
}

static BLOB: SsBlob = SsBlob { struct_size: size_of::<SsBlob>() as u32, flags: 0, view: Some(blob_view) };

unsafe extern "C" fn blob_view(object: *mut SsObj) -> SsBytes {
    // SAFETY: the caller holds the object.
    let data = object_of::<Blob>(unsafe { &lent(object).value }).map_or(&[][..], |blob| &blob.data);
    SsBytes { ptr: data.as_ptr(), len: data.len() as u64 }
}

static LIST: SsList =
    SsList { struct_size: size_of::<SsList>() as u32, flags: 0, len: Some(list_len), get: Some(list_get) };

/// # Safety
/// The caller holds the object.
unsafe fn items<'a>(object: *mut SsObj) -> &'a [Value] {
    // SAFETY: as above.
    match unsafe { &lent(object).value } {
        Value::List(items) => items,
        _ => &[],
    }
}

unsafe extern "C" fn list_len(object: *mut SsObj) -> u64 {
    // SAFETY: the caller holds the object.
    unsafe { items(object) }.len() as u64
}

unsafe extern "C" fn list_get(object: *mut SsObj, index: u64, out: *mut SsValue) -> SsStatus {
    // SAFETY: the caller holds the object.
    let item = usize::try_from(index).ok().and_then(|index| unsafe { items(object) }.get(index));
    // SAFETY: the caller can take a value.
    unsafe { give(item.map(export), out) }
}

static STRUCT: SsStruct = SsStruct {
    struct_size: size_of::<SsStruct>() as u32,
    flags: 0,
    len: Some(struct_len),
    name: Some(struct_name),
    get: Some(struct_get),
};

unsafe extern "C" fn struct_len(object: *mut SsObj) -> u64 {
    // SAFETY: the caller holds the object.
    unsafe { lent(object) }.names().len() as u64
}

unsafe extern "C" fn struct_name(object: *mut SsObj, index: u64) -> SsStr {
    // SAFETY: the caller holds the object.
    let names = unsafe { lent(object) }.names();
    let name = usize::try_from(index).ok().and_then(|index| names.get(index));
    name.map_or(SsStr::EMPTY, |name| SsStr::new(name))
}

pub(super) const LATENT_FIELDS: [&str; 2] = ["samples", "noise_mask"];

unsafe extern "C" fn struct_get(object: *mut SsObj, name: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: the caller holds the object, and lends the text.
    let (lent, name) = unsafe { (lent(object), text(name).unwrap_or_default()) };
    let field = panics::catch(|| lent.fields().map_or(Ok(None), |fields| fields.field(name)));
    let field = match field {
        Ok(Some(field)) => Some(export(&field)),
        // A name with nothing behind it is there all the same.
        Ok(None) => {
            lent.names().iter().any(|known| known == name).then_some(Exported { value: SsValue::NULL, lent: false })
        }
        Err(error) => return to_status(error.status),
    };
    // SAFETY: the caller can take a value.
    unsafe { give(field, out) }
}

/// # Safety
/// A value can be written to `out` unless it is null.
unsafe fn give(value: Option<Exported>, out: *mut SsValue) -> SsStatus {
    match value {
        _ if out.is_null() => SS_STATUS_ABI,
        None => SS_STATUS_NOT_FOUND,
        Some(value) => {
            // SAFETY: the caller promises it.
            unsafe { out.write(value.into_raw()) };
            SS_STATUS_OK
        }
    }
}

static IMAGE: SsImage =
    SsImage { struct_size: size_of::<SsImage>() as u32, flags: 0, color_space: Some(srgb), alpha: Some(straight) };

unsafe extern "C" fn srgb(_: *mut SsObj) -> u32 {
    SS_COLOR_SRGB
}

unsafe extern "C" fn straight(_: *mut SsObj) -> u32 {
    SS_ALPHA_STRAIGHT
}

static TENSOR: SsTensor = SsTensor {
    struct_size: size_of::<SsTensor>() as u32,
    flags: 0,
    describe: Some(describe),
    export_dlpack: Some(export_dlpack),
};

unsafe extern "C" fn describe(object: *mut SsObj, out: *mut SsDLTensor) -> SsStatus {
    // SAFETY: the caller holds the object.
    let lent = unsafe { lent(object) };
    match tensor_of(&lent.value) {
        Some(found) if !out.is_null() => {
            // SAFETY: the caller can take a description.
            unsafe { out.write(tensor::describe(found, &lent.shape)) };
            SS_STATUS_OK
        }
        _ => SS_STATUS_ABI,
    }
}

unsafe extern "C" fn export_dlpack(object: *mut SsObj, out: *mut *mut SsDLManagedTensor) -> SsStatus {
    let mut view = std::mem::MaybeUninit::uninit();
    // SAFETY: the caller holds the object; the description is as valid as the object, which the tensor holds.
    unsafe {
        if out.is_null() || describe(object, view.as_mut_ptr()) != SS_STATUS_OK {
            return SS_STATUS_ABI;
        }
        retain(object);
        *out = Box::into_raw(Box::new(SsDLManagedTensor {
            version: SsDLPackVersion { major: 1, minor: 0 },
            manager_ctx: object.cast(),
            deleter: Some(delete_dlpack),
            flags: SS_DL_READ_ONLY,
            dl_tensor: view.assume_init(),
        }));
    }
    SS_STATUS_OK
}

unsafe extern "C" fn delete_dlpack(tensor: *mut SsDLManagedTensor) {
    // SAFETY: `export_dlpack` made it, and its receiver gives it up.
    unsafe {
        let tensor = Box::from_raw(tensor);
        release(tensor.manager_ctx.cast());
    }
}
