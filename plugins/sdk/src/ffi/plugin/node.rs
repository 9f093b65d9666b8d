//! A node type of this crate behind the functions that the host calls.

use super::super::abi::*;
use super::super::error::to_status;
use super::super::export::{Exported, export};
use super::super::import::import;
use super::super::text::slice;
use super::ctx::HostServices;
use super::describe;
use crate::{Ctx, Error, Inputs, Node, NodeType, Result, Slot, Status, panics};
use std::ffi::c_void;
use std::sync::{Arc, Mutex, TryLockError};

/// `table` first, the rest is ours.
#[repr(C)]
struct Leaked {
    table: SsNodeType,
    node_type: Arc<dyn NodeType>,
}

struct Instance {
    node_type: Arc<dyn NodeType>,
    /// Locked while a call lasts, so that one from inside of it is refused.
    node: Mutex<Box<dyn Node>>,
}

/// A node type for the host; it lives as long as the process.
pub fn leak(node_type: Arc<dyn NodeType>) -> *const SsNodeType {
    let table = SsNodeType {
        struct_size: size_of::<SsNodeType>() as u32,
        flags: 0,
        descriptor: describe::leak(node_type.descriptor()),
        create: Some(create),
        run: Some(run),
        destroy: Some(destroy),
        get_interface: None,
    };
    (&raw const *Box::leak(Box::new(Leaked { table, node_type }))).cast()
}

/// The one place where the host calls into a plugin: null pointers and panics become failures, failures are told to the host.
///
/// # Safety
/// If `ctx` is not null, it is that of the call.
pub unsafe fn guard(ctx: *mut SsCtx, call: impl FnOnce(&HostServices) -> Result<()>) -> SsStatus {
    // SAFETY: the caller promises it.
    let Some(services) = (unsafe { HostServices::new(ctx) }) else { return SS_STATUS_ABI };
    match panics::catch(|| call(&services)) {
        Ok(()) => SS_STATUS_OK,
        Err(error) => {
            services.fail(&error);
            to_status(error.status)
        }
    }
}

unsafe extern "C" fn create(node_type: *const SsNodeType, ctx: *mut SsCtx, out: *mut *mut c_void) -> SsStatus {
    let make = |_: &HostServices| {
        if node_type.is_null() || out.is_null() {
            return Err(broken("gave a null pointer"));
        }
        // SAFETY: it is a table that `leak` made, and a pointer can be written.
        unsafe {
            let node_type = (*node_type.cast::<Leaked>()).node_type.clone();
            let node = Mutex::new(node_type.create());
            let instance = Instance { node_type, node };
            out.write(Box::into_raw(Box::new(instance)).cast());
        }
        Ok(())
    };
    // SAFETY: the host lends its context.
    unsafe { guard(ctx, make) }
}

unsafe extern "C" fn run(
    node: *mut c_void,
    ctx: *mut SsCtx,
    inputs: *const SsValue,
    n_inputs: u64,
    outputs: *mut SsValue,
    n_outputs: u64,
) -> SsStatus {
    let run = |services: &HostServices| {
        // SAFETY: it is a node of `create`; arrays are as long as stated.
        let (instance, inputs) = unsafe {
            let instance = node.cast::<Instance>().as_ref().ok_or_else(|| broken("gave a null pointer"))?;
            (instance, slice(inputs, n_inputs).map_err(|_| broken("gave inputs that are not there"))?)
        };
        let mut node = match instance.node.try_lock() {
            Ok(node) => node,
            // A node that panicked is called again only by a host that does not know better.
            Err(TryLockError::Poisoned(node)) => node.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(broken("called a node whose call has not ended")),
        };
        let descriptor = instance.node_type.descriptor();
        let wanted = descriptor.outputs.len();
        if inputs.len() != descriptor.inputs.len() || n_outputs != wanted as u64 || (outputs.is_null() && wanted > 0) {
            return Err(broken("gave other inputs or outputs than the node has"));
        }
        let slots = inputs.iter().zip(&descriptor.inputs).map(|(value, port)| {
            // SAFETY: the host lends its values.
            let value = unsafe { slot(*value) };
            value.map_err(|error| Error::input(&port.name, error.message))
        });
        let slots = slots.collect::<Result<Vec<_>>>()?;
        let given = node.run(Ctx::new(services), &Inputs::new(&descriptor.inputs, &slots)?)?;
        if given.len() != wanted {
            return Err(Error::new(format!("the node gave {} outputs instead of {wanted}", given.len())));
        }
        // A panic must not leave half of them with the host.
        let given: Vec<Exported> = given.iter().map(export).collect();
        for (i, value) in given.into_iter().enumerate() {
            // SAFETY: there are as many.
            unsafe { outputs.add(i).write(value.into_raw()) };
        }
        Ok(())
    };
    // SAFETY: the host lends its context.
    unsafe { guard(ctx, run) }
}

unsafe extern "C" fn destroy(node: *mut c_void) {
    if !node.is_null() {
        // SAFETY: it is a node of `create`, which the host gives up.
        panics::discard(unsafe { Box::from_raw(node.cast::<Instance>()) });
    }
}

/// # Safety
/// If it is an object, the caller holds it.
unsafe fn slot(value: SsValue) -> Result<Slot> {
    // SAFETY: all 64 bits are a number of any kind.
    if value.tag == SS_NULL && unsafe { value.v.bits } == SS_PENDING {
        return Ok(Slot::Pending);
    }
    // SAFETY: as above.
    Ok(unsafe { import(value) }?.map_or(Slot::Unset, Slot::Value))
}

fn broken(what: &str) -> Error {
    Error::with(Status::Internal, format!("the host broke the rules of the plugin boundary: it {what}"))
}
