//! How calls that need a host find it, in both directions.
//!
//! A side that is called gets a context and looks up the host behind it: a plugin makes one of the context's table, the host
//! knows its own ([`enter_by`]). A side that calls has a host in hand and needs a context: a plugin hands on the one that it
//! was given, the host opens one for the plugin that it calls ([`Caller`]).

use super::abi::*;
use super::plugin::ctx::HostServices;
use super::plugin::node::guard;
use crate::{Ctx, Error, Result, Status};
use std::sync::OnceLock;

/// Calls a function with the host behind a context. Refuses contexts that are closed; errors and panics become a status, and the
/// other side can learn their words.
///
/// # Safety
/// The pointer is null or that of a context.
pub type Enter = unsafe fn(ctx: *mut SsCtx, call: &mut dyn FnMut(Ctx) -> Result<()>) -> SsStatus;

static ENTER: OnceLock<Enter> = OnceLock::new();

/// Says that this side is a host, and how it finds its own contexts. The first time counts.
pub fn enter_by(enter: Enter) {
    ENTER.get_or_init(|| enter);
}

/// # Safety
/// The pointer is null or that of a context.
pub(super) unsafe fn enter(ctx: *mut SsCtx, mut call: impl FnMut(Ctx) -> Result<()>) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        match ENTER.get() {
            Some(enter) => enter(ctx, &mut call),
            None => guard(ctx, |services| call(Ctx::new(services))),
        }
    }
}

/// How functions of a plugin's objects are called.
pub trait Caller: Send + Sync {
    /// Calls a function with a context for a host.
    ///
    /// # Errors
    /// If the function fails, as it says.
    fn call(&self, ctx: Ctx, function: &mut dyn FnMut(*mut SsCtx) -> SsStatus) -> Result<()>;
}

/// The context of a call, in the hands of the plugin that was called.
pub struct RawCtx(pub(super) *mut SsCtx);

/// Calls a function of the host's with the context that this plugin was given.
pub(super) fn call_host(ctx: Ctx, what: &str, function: &mut dyn FnMut(*mut SsCtx) -> SsStatus) -> Result<()> {
    let Some(RawCtx(raw)) = ctx.services().raw() else {
        let message = format!("`{what}` belongs to the other side of a plugin's boundary, and this host leads to none");
        return Err(Error::with(Status::Unsupported, message));
    };
    let status = function(raw);
    // SAFETY: only services of a call give its context, and they do not outlive it.
    match unsafe { HostServices::new(raw) } {
        Some(services) => services.succeeded(what, status),
        None => Err(Error::new("the context of the call has no host")),
    }
}
