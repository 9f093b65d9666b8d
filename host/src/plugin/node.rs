//! A node type of a plugin as one of ours.

use super::MISTAKE;
use super::context::{Failure, Pool, Told};
use super::strikes::Strikes;
use selfsame_sdk::ffi::abi::{self, *};
use selfsame_sdk::ffi::{Caller, Exported, Foreign, export, from_status, import_owned};
use selfsame_sdk::{
    Ctx, Error, Inputs, Node, NodeDescriptor, NodeType, Object, OutputPort, Result, Slot, Status, Type, Value,
};
use std::ffi::c_void;
use std::sync::Arc;

/// Where a node comes from.
pub struct Origin {
    pub id: String,
    pub version: String,
    /// Both, as people read them.
    pub name: String,
    pub digest: String,
    pub contexts: Pool,
}

impl Origin {
    /// An error with where it comes from.
    fn named(&self, error: Error) -> Error {
        match error.status {
            Status::NeedsInput | Status::Cancelled => error,
            _ => Error { message: format!("{} (plugin {})", error.message, self.name), ..error },
        }
    }
}

/// How functions of objects that the plugin made are called.
impl Caller for Origin {
    fn call(&self, ctx: Ctx, function: &mut dyn FnMut(*mut SsCtx) -> SsStatus) -> Result<()> {
        match self.contexts.call(&self.id, ctx.services(), function) {
            (SS_STATUS_OK, _) => Ok(()),
            (status, told) => Err(self.named(failure("its object", status, told))),
        }
    }
}

/// A node type of a plugin.
pub struct ForeignType {
    descriptor: NodeDescriptor,
    functions: Functions,
    origin: Arc<Origin>,
    strikes: Arc<Strikes>,
}

type Create = unsafe extern "C" fn(*const SsNodeType, *mut SsCtx, *mut *mut c_void) -> SsStatus;
type Run = unsafe extern "C" fn(*mut c_void, *mut SsCtx, *const SsValue, u64, *mut SsValue, u64) -> SsStatus;

#[derive(Clone, Copy)]
struct Functions {
    table: *const SsNodeType,
    create: Option<Create>,
    run: Run,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: the table is static and read only, and its functions may be called from any thread.
unsafe impl Send for Functions {}
// SAFETY: as above.
unsafe impl Sync for Functions {}

impl ForeignType {
    /// # Errors
    /// If it cannot be run.
    ///
    /// # Safety
    /// The pointer is that of a node type, which lives as long as the process.
    pub unsafe fn new(
        table: *const SsNodeType,
        descriptor: NodeDescriptor,
        origin: Arc<Origin>,
    ) -> Result<Self, String> {
        // SAFETY: the table starts with its size.
        let functions = unsafe {
            Functions {
                table,
                create: abi::field!(table, SsNodeType, create).flatten(),
                run: abi::field!(table, SsNodeType, run).flatten().ok_or("it has no function `run`")?,
                destroy: abi::field!(table, SsNodeType, destroy).flatten(),
            }
        };
        Ok(ForeignType { descriptor, functions, origin, strikes: Arc::default() })
    }
}

impl NodeType for ForeignType {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        Box::new(ForeignNode {
            outputs: self.descriptor.outputs.clone(),
            functions: self.functions,
            origin: self.origin.clone(),
            strikes: self.strikes.clone(),
            node: None,
        })
    }

    fn fingerprint(&self) -> &str {
        &self.origin.digest
    }

    fn plugin(&self) -> &str {
        &self.origin.name
    }
}

struct ForeignNode {
    outputs: Vec<OutputPort>,
    functions: Functions,
    origin: Arc<Origin>,
    strikes: Arc<Strikes>,
    /// Made at the first call.
    node: Option<Handle>,
}

struct Handle(*mut c_void);

// SAFETY: a node may be called from any thread, by one at a time.
unsafe impl Send for Handle {}

impl Node for ForeignNode {
    fn run(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>> {
        let origin = self.origin.clone();
        let result = self.strikes.check().and_then(|()| self.call(ctx, inputs));
        result.map_err(|error| origin.named(error))
    }
}

impl ForeignNode {
    fn call(&mut self, ctx: Ctx, inputs: &Inputs) -> Result<Vec<Value>> {
        let node = self.node(ctx)?;
        let slots = (0..inputs.ports().len()).map(|i| Ok(inputs.slot(i)?.1)).collect::<Result<Vec<&Slot>>>()?;
        let given = slots.iter().map(|slot| {
            match slot {
                Slot::Value(value) => export(value),
                // SAFETY: neither is an object.
                Slot::Unset => unsafe { Exported::from_raw(SsValue::NULL) },
                // SAFETY: as above.
                Slot::Pending => unsafe { Exported::from_raw(SsValue::PENDING) },
            }
        });
        let given: Vec<Exported> = given.collect();
        let ports = inputs.ports();
        let inputs: Vec<SsValue> = given.iter().map(Exported::as_raw).collect();
        let mut outputs = vec![SsValue::NULL; self.outputs.len()];
        let run = self.functions.run;
        let (status, told) = self.origin.contexts.call(&self.origin.id, ctx.services(), |ctx| {
            // SAFETY: the node is one of `create` and in no other call; the arrays are as long as stated.
            unsafe { run(node, ctx, inputs.as_ptr(), inputs.len() as u64, outputs.as_mut_ptr(), outputs.len() as u64) }
        });
        // SAFETY: what the plugin has written there is ours, whatever the status.
        let outputs: Vec<Exported> = outputs.into_iter().map(|value| unsafe { Exported::from_raw(value) }).collect();
        if let Some((port, _)) = ports.iter().zip(&given).find(|(_, given)| given.was_over_released()) {
            let message = "the node has released it more often than it has retained it";
            return Err(self.broke_a_rule(format!("input `{}`: {message}", port.name)));
        }
        match status {
            SS_STATUS_OK => self.take(outputs, &slots),
            status => Err(self.failed(ctx, status, told)),
        }
    }

    fn node(&mut self, ctx: Ctx) -> Result<*mut c_void> {
        if let Some(Handle(node)) = self.node {
            return Ok(node);
        }
        let mut node = std::ptr::null_mut();
        if let Some(create) = self.functions.create {
            let table = self.functions.table;
            let (status, told) = self.origin.contexts.call(&self.origin.id, ctx.services(), |ctx| {
                // SAFETY: it is the function of this table, and a pointer can be written.
                unsafe { create(table, ctx, &mut node) }
            });
            if status != SS_STATUS_OK {
                return Err(self.failed(ctx, status, told));
            }
        }
        self.node = Some(Handle(node));
        Ok(node)
    }

    /// The values that a call gave, if they are what the node promises.
    fn take(&self, outputs: Vec<Exported>, inputs: &[&Slot]) -> Result<Vec<Value>> {
        let take = |(port, value): (&OutputPort, Exported)| {
            let value = import_owned(value)?.ok_or_else(|| Error::new("it was not set"))?;
            let value = adopted(value, &self.origin, inputs);
            if let Some(made_up) = made_up(&value) {
                return Err(Error::new(format!("a {made_up} that is not the host's: only the host makes those")));
            }
            // The engine checks it too, but would not know whose mistake it is.
            match port.ty.accepts(&value.ty()) {
                true => Ok(value),
                false => Err(Error::new(format!("expected {}, got {value}", port.ty))),
            }
        };
        let named = |(port, value): (&OutputPort, Exported)| {
            take((port, value)).map_err(|error| format!("output `{}`: {}", port.name, error.message))
        };
        self.outputs
            .iter()
            .zip(outputs)
            .map(named)
            .collect::<Result<_, _>>()
            .map_err(|message| self.broke_a_rule(message))
    }

    fn broke_a_rule(&self, message: String) -> Error {
        self.strikes.add();
        Error::with(Status::Internal, message).hint(MISTAKE)
    }

    fn failed(&self, ctx: Ctx, status: SsStatus, told: Told) -> Error {
        // A node may hand on what a function of the host has said.
        let was_told = told.last_error.as_ref().is_some_and(|error| error.status == Status::Cancelled);
        let error = failure("the node", status, told);
        if error.status == Status::Panic {
            self.strikes.add();
        }
        if error.status == Status::Cancelled && !was_told && !ctx.is_cancelled() {
            return Error::new("the node says that it was cancelled, which it was not");
        }
        error
    }
}

/// Why a call of something failed.
fn failure(of: &str, status: SsStatus, told: Told) -> Error {
    let known = from_status(status).unwrap_or(Status::Internal);
    // A plugin may hand on how a function of the host failed.
    let handed_on = || {
        let error = told.last_error.filter(|error| error.status == known)?;
        Some(Failure { message: error.message, port: error.port, hint: error.hint })
    };
    let Failure { message, port, hint } = told.failure.or_else(handed_on).unwrap_or_default();
    let message = match (message.is_empty(), known) {
        (false, _) => message,
        (true, Status::Cancelled) => "cancelled".to_owned(),
        (true, _) => format!("{of} failed without saying why (status {status})"),
    };
    Error { status: known, message, port, hint }
}

/// What a plugin gave, with objects that are called as those of that plugin; one that it was given stays what it was.
fn adopted(value: Value, origin: &Arc<Origin>, inputs: &[&Slot]) -> Value {
    if let Value::List(items) = &value {
        return Value::list(items.iter().map(|item| adopted(item.clone(), origin, inputs)));
    }
    let Some(foreign) = value.downcast::<Foreign>() else { return value };
    let is_same = |known: &Value| {
        known.downcast::<Foreign>().is_some_and(|known| known.object().as_ptr() == foreign.object().as_ptr())
    };
    let known = inputs.iter().find_map(|slot| match slot {
        Slot::Value(known) if is_same(known) => Some(known.clone()),
        _ => None,
    });
    known.unwrap_or_else(|| Value::object(foreign.called_by(origin.clone())))
}

/// The type of a value that a plugin has made though only the host can.
fn made_up(value: &Value) -> Option<Type> {
    match value {
        Value::List(items) => items.iter().find_map(made_up),
        value => {
            let foreign = value.downcast::<Foreign>()?;
            let ty = value.ty();
            let is_whole = (ty == Type::DENOISER && foreign.as_denoiser().is_some())
                || (ty == Type::SAMPLER && foreign.as_sampler().is_some())
                || (ty == Type::MODEL_PATCH && foreign.as_model_patch().is_some());
            (Type::BUILT_IN.contains(&ty) && !is_whole).then_some(ty)
        }
    }
}

impl Drop for ForeignNode {
    fn drop(&mut self) {
        if let (Some(Handle(node)), Some(destroy)) = (self.node.take(), self.functions.destroy) {
            // SAFETY: it is a node of `create`, and nobody calls it any more.
            unsafe { destroy(node) };
        }
    }
}
