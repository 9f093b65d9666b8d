//! Objects of the other side.

use super::abi::*;
use super::calls::Caller;
use super::text::{bytes, text};
use crate::{Denoiser, Error, Fields, Model, ModelPatch, Object, Result, Sampler};
use std::borrow::Cow;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;

/// No object lies on the first page of memory, where null pointers point at with a little added.
const LOWEST: usize = 4096;

/// No object holds more: what it says counts among the bytes of all others.
pub const MOST_BYTES: u64 = 1 << 40;

/// A holder of a counted object.
pub struct ObjRef {
    object: NonNull<SsObj>,
}

// SAFETY: by the rules of the boundary, objects never change and all that they offer may be called from any thread.
unsafe impl Send for ObjRef {}
// SAFETY: as above.
unsafe impl Sync for ObjRef {}

impl ObjRef {
    /// Takes over one count of an object.
    ///
    /// # Errors
    /// If the pointer is null, or the table of the object lacks what every object has.
    ///
    /// # Safety
    /// If the pointer is not null, it is that of an object with a count to give.
    pub unsafe fn from_raw(object: *mut SsObj) -> Result<Self> {
        let broken = |what: &str| Error::new(format!("an object is broken: {what}"));
        let object = NonNull::new(object).ok_or_else(|| broken("a null pointer"))?;
        if !object.is_aligned() || object.addr().get() < LOWEST {
            return Err(broken("its address is none"));
        }
        // SAFETY: it is an object.
        let vt = unsafe { object.as_ref().vt };
        if vt.is_null() || !vt.is_aligned() {
            return Err(broken("it has no table"));
        }
        // SAFETY: the table starts with its size.
        let is_whole = unsafe {
            field!(vt, SsObjVt, retain).flatten().is_some()
                && field!(vt, SsObjVt, release).flatten().is_some()
                && field!(vt, SsObjVt, type_name).flatten().is_some()
                && field!(vt, SsObjVt, get_interface).flatten().is_some()
        };
        if is_whole { Ok(ObjRef { object }) } else { Err(broken("its table lacks a function")) }
    }

    /// Holds an object besides whoever holds it already.
    ///
    /// # Errors
    /// As [`from_raw`](Self::from_raw).
    ///
    /// # Safety
    /// If the pointer is not null, it is that of an object.
    pub unsafe fn retain(object: *mut SsObj) -> Result<Self> {
        // SAFETY: as above; the count that is not taken over is not given up either.
        let borrowed = std::mem::ManuallyDrop::new(unsafe { Self::from_raw(object) }?);
        Ok(ObjRef::clone(&borrowed))
    }

    /// The object; it stays counted by this.
    pub fn as_ptr(&self) -> *mut SsObj {
        self.object.as_ptr()
    }

    /// The object and its count.
    pub fn into_raw(self) -> *mut SsObj {
        std::mem::ManuallyDrop::new(self).as_ptr()
    }

    pub(super) fn vt(&self) -> *const SsObjVt {
        // SAFETY: it is an object.
        unsafe { self.object.as_ref().vt }
    }

    /// The name of its type.
    ///
    /// # Errors
    /// If it is not a name.
    pub fn type_name(&self) -> Result<&str> {
        // SAFETY: `from_raw` has seen that the function is there; the text lives as long as the object.
        let name = unsafe {
            match (*self.vt()).type_name {
                Some(type_name) => text(type_name(self.as_ptr())),
                None => Ok(""),
            }
        };
        name.map_err(|error| Error::new(format!("the type of an object: {}", error.message)))
    }

    /// The interface of this name; null if there is none.
    pub fn interface(&self, id: &str) -> *const c_void {
        // SAFETY: `from_raw` has seen that the function is there.
        unsafe {
            match (*self.vt()).get_interface {
                Some(get_interface) => get_interface(self.as_ptr(), SsStr::new(id)),
                None => std::ptr::null(),
            }
        }
    }

    fn info(&self) -> *const SsObjectInfo {
        self.interface(SS_OBJECT_INFO).cast()
    }

    /// How much memory it says it holds; at most a terabyte.
    pub fn bytes(&self) -> u64 {
        // SAFETY: an interface of this name is such a table.
        let bytes = unsafe { field!(self.info(), SsObjectInfo, bytes).flatten().map(|bytes| bytes(self.as_ptr())) };
        bytes.unwrap_or(0).min(MOST_BYTES)
    }

    /// What it says it is.
    pub fn summary(&self) -> Option<String> {
        unsafe extern "C" fn add(user: *mut c_void, more: SsBytes) -> SsStatus {
            // SAFETY: `user` is the vector below, and nobody else has it.
            let (all, more) = unsafe { (&mut *user.cast::<Vec<u8>>(), bytes(more)) };
            let Ok(more) = more else { return SS_STATUS_ABI };
            // It is for a line of a message.
            all.extend(more.iter().take(1000_usize.saturating_sub(all.len())));
            SS_STATUS_OK
        }
        let mut all: Vec<u8> = Vec::new();
        let sink = SsSink { user: (&raw mut all).cast(), write: Some(add) };
        // SAFETY: an interface of this name is such a table; the sink lives until the call is over.
        let status = unsafe { field!(self.info(), SsObjectInfo, summary).flatten()?(self.as_ptr(), &sink) };
        (status == SS_STATUS_OK).then(|| String::from_utf8_lossy(&all).into_owned())
    }
}

impl Clone for ObjRef {
    fn clone(&self) -> Self {
        // SAFETY: `from_raw` has seen that the function is there.
        unsafe {
            if let Some(retain) = (*self.vt()).retain {
                retain(self.as_ptr());
            }
        }
        ObjRef { object: self.object }
    }
}

impl Drop for ObjRef {
    fn drop(&mut self) {
        // SAFETY: `from_raw` has seen that the function is there; this holds one count.
        unsafe {
            if let Some(release) = (*self.vt()).release {
                release(self.as_ptr());
            }
        }
    }
}

/// An object that only another side of the boundary knows. It is kept, handed on, and compared by the name of its type. What it
/// offers there, such as a stepping rule, it is here too.
pub struct Foreign {
    object: ObjRef,
    type_name: Box<str>,
    /// How its functions are called; those of the host by the context of whoever asks.
    pub(super) caller: Option<Arc<dyn Caller>>,
}

impl Foreign {
    pub(super) fn new(object: ObjRef, type_name: &str) -> Self {
        Foreign { type_name: type_name.into(), object, caller: None }
    }

    /// The same object with functions that are called in some way.
    pub fn called_by(&self, caller: Arc<dyn Caller>) -> Self {
        Foreign { object: self.object.clone(), type_name: self.type_name.clone(), caller: Some(caller) }
    }

    /// The object.
    pub fn object(&self) -> &ObjRef {
        &self.object
    }
}

impl Object for Foreign {
    fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.type_name)
    }

    fn bytes(&self) -> u64 {
        self.object.bytes()
    }

    fn summary(&self) -> String {
        self.object.summary().unwrap_or_else(|| "of a plugin".to_owned())
    }

    fn as_fields(&self) -> Option<&dyn Fields> {
        self.has_fields().then_some(self)
    }

    fn as_denoiser(&self) -> Option<&dyn Denoiser> {
        self.predict_function().map(|_| self as &dyn Denoiser)
    }

    fn as_sampler(&self) -> Option<&dyn Sampler> {
        self.sample_function().map(|_| self as &dyn Sampler)
    }

    fn as_model_patch(&self) -> Option<&dyn ModelPatch> {
        self.call_function().map(|_| self as &dyn ModelPatch)
    }

    fn as_model(&self) -> Option<&dyn Model> {
        self.info_function().map(|_| self as &dyn Model)
    }
}
