//! Contexts: a plugin's way to the host, open only while a call lasts.
//!
//! A plugin may keep the pointer and use it later, or from a thread that it did not join. So the memory of a context is
//! never freed, only used again for other calls of the same plugin, and every function of the host first looks whether
//! the context is open.

use super::float_mode::FloatMode;
use crate::lock;
use selfsame_sdk::ffi::abi::*;
use selfsame_sdk::{Error, Services, Status};
use std::cell::UnsafeCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

/// How many calls later a context is used again at the earliest: so long, one that was kept is refused for sure.
const REST: usize = 64;

/// The contexts of a plugin.
pub struct Pool {
    /// What it may ask.
    host: &'static SsHost,
    /// Those of calls that are over, the latest last.
    free: Mutex<VecDeque<&'static Slot>>,
    /// Ids of nodes, which a plugin may keep too.
    ids: Mutex<HashSet<&'static str>>,
}

/// A context; `table` first, the rest is ours.
#[repr(C)]
pub struct Slot {
    table: UnsafeCell<SsCtx>,
    state: Mutex<State>,
    /// Nobody uses it any more.
    idle: Condvar,
}

// SAFETY: the table is only written while the slot is in nobody's hands but the pool's; the plugin reads it while it runs.
unsafe impl Sync for Slot {}
// SAFETY: as above.
unsafe impl Send for Slot {}

#[derive(Default)]
struct State {
    /// The call that it is open for.
    open: Option<Open>,
    /// How many functions of the host are using that call right now.
    users: usize,
    failure: Option<Failure>,
    last_error: Option<Error>,
    /// Tensors that are being made, by the number that the plugin has for them.
    builders: HashMap<usize, Building>,
    next_builder: usize,
}

/// What a call offers, without its lifetime: it is used only while the context is open.
#[derive(Clone, Copy)]
struct Open {
    services: *const dyn Services,
    plugin: *const str,
}

// SAFETY: services are `Sync`.
unsafe impl Send for Open {}

/// What is known of failures when a call is over.
#[derive(Debug, Default)]
pub struct Told {
    /// Why the call failed, if the plugin said so.
    pub failure: Option<Failure>,
    /// The last failure of a function of the host.
    pub last_error: Option<Error>,
}

/// Why a call fails, as the plugin says.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub message: String,
    pub port: Option<String>,
    pub hint: Option<String>,
}

/// A tensor that a plugin fills.
pub struct Building {
    pub shape: Vec<i64>,
    pub data: Vec<f32>,
}

impl Pool {
    /// Contexts with this table of the host.
    pub fn new(host: &'static SsHost) -> Self {
        Pool { host, free: Mutex::default(), ids: Mutex::default() }
    }

    /// Calls a function of a plugin with a context that is open until it returns. Gives what it gives, and what is known of
    /// failures.
    pub fn call<R>(&self, plugin: &str, services: &dyn Services, function: impl FnOnce(*mut SsCtx) -> R) -> (R, Told) {
        let mut free = lock(&self.free);
        let used = if free.len() > REST { free.pop_front() } else { None };
        drop(free);
        let slot = used.unwrap_or_else(|| Slot::leak(self.host));
        // SAFETY: nobody but the pool had it. The lifetimes end when the slot is closed.
        unsafe {
            (*slot.table.get()).node_id = SsStr::new(self.keep(services.node_id()));
            let services: *const (dyn Services + '_) = services;
            let services = std::mem::transmute::<*const (dyn Services + '_), *const (dyn Services + 'static)>(services);
            lock(&slot.state).open = Some(Open { services, plugin });
        }
        let opened = Opened { pool: self, slot };
        let float_mode = FloatMode::now();
        let result = function(slot.table.get());
        drop(float_mode);
        let mut state = lock(&slot.state);
        let told = Told { failure: state.failure.take(), last_error: state.last_error.take() };
        drop(state);
        drop(opened);
        (result, told)
    }

    /// A text that is there for good.
    fn keep(&self, id: &str) -> &'static str {
        let mut ids = lock(&self.ids);
        if let Some(known) = ids.get(id) {
            return known;
        }
        let kept: &'static str = id.to_owned().leak();
        ids.insert(kept);
        kept
    }
}

struct Opened<'a> {
    pool: &'a Pool,
    slot: &'static Slot,
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.slot.state);
        state.open = None;
        while state.users > 0 {
            state = self.slot.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        *state = State { next_builder: state.next_builder, ..State::default() };
        drop(state);
        lock(&self.pool.free).push_back(self.slot);
    }
}

impl Slot {
    fn leak(host: &'static SsHost) -> &'static Slot {
        let table = SsCtx {
            struct_size: size_of::<SsCtx>() as u32,
            flags: 0,
            host,
            host_data: std::ptr::null_mut(),
            node_id: SsStr::EMPTY,
            device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
            cu_context: std::ptr::null_mut(),
            cu_stream: std::ptr::null_mut(),
        };
        Box::leak(Box::new(Slot { table: UnsafeCell::new(table), state: Mutex::default(), idle: Condvar::new() }))
    }
}

/// What a function of the host works with while a plugin waits for it.
pub struct Lent<'a> {
    slot: &'a Slot,
    /// The host of the node.
    pub services: &'a dyn Services,
    /// The id of the plugin.
    pub plugin: &'a str,
    /// That of the plugin, set again when the function is done.
    _float_mode: FloatMode,
}

impl<'a> Lent<'a> {
    /// The call of a context; none if it is over.
    ///
    /// # Safety
    /// The pointer is null or that of a context of a [`Pool`].
    pub unsafe fn of(ctx: *mut SsCtx) -> Option<Self> {
        // SAFETY: the caller promises it; contexts are never freed.
        let slot: &'static Slot = unsafe { ctx.cast::<Slot>().as_ref() }?;
        let mut state = lock(&slot.state);
        let open = state.open?;
        state.users += 1;
        drop(state);
        // SAFETY: the call waits until `users` is 0 before it goes.
        unsafe {
            Some(Lent { slot, services: &*open.services, plugin: &*open.plugin, _float_mode: FloatMode::of_plugin() })
        }
    }

    /// Keeps why the call fails, for when it is over.
    pub fn set_failure(&self, failure: Failure) {
        lock(&self.slot.state).failure = Some(failure);
    }

    /// Keeps why a function failed, for when the plugin asks.
    pub fn set_last_error(&self, error: Error) {
        lock(&self.slot.state).last_error = Some(error);
    }

    pub fn last_error(&self) -> Option<Error> {
        lock(&self.slot.state).last_error.clone()
    }

    /// Keeps a tensor that the plugin fills; gives its number, and where to write.
    pub fn add_builder(&self, mut building: Building) -> (usize, *mut i64, *mut f32) {
        let mut state = lock(&self.slot.state);
        // Never the same number twice, so that one which is used up is known as such.
        state.next_builder += 1;
        let number = state.next_builder;
        // Both stay where they are when the vectors are moved.
        let (shape, data) = (building.shape.as_mut_ptr(), building.data.as_mut_ptr());
        state.builders.insert(number, building);
        (number, shape, data)
    }

    /// Takes a tensor that the plugin has filled.
    ///
    /// # Errors
    /// If there is none of this number any more.
    pub fn take_builder(&self, number: usize) -> Result<Building, Error> {
        lock(&self.slot.state).builders.remove(&number).ok_or_else(|| {
            let message = "the tensor is finished or dropped already, or of another call";
            Error::with(Status::InvalidArgument, message)
        })
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.slot.state);
        state.users -= 1;
        if state.users == 0 {
            self.slot.idle.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::services::HOST;
    use super::*;
    use selfsame_sdk::testing::TestHost;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    /// A pointer that a plugin takes to another thread.
    struct Taken(*mut SsCtx);
    // SAFETY: contexts are never freed.
    unsafe impl Send for Taken {}

    #[test]
    fn a_context_is_open_only_while_the_call_lasts() {
        let (host, pool) = (TestHost::new(), Pool::new(&HOST));
        let (kept, told) = pool.call("acme", &host, |ctx| {
            // SAFETY: it is the context of the call.
            let lent = unsafe { Lent::of(ctx) }.unwrap();
            assert_eq!((lent.services.node_id(), lent.plugin), ("test", "acme"));
            lent.set_failure(Failure { message: "why".to_owned(), ..Failure::default() });
            ctx
        });
        assert_eq!(told.failure.unwrap().message, "why");
        // SAFETY: contexts are never freed.
        assert!(unsafe { Lent::of(kept) }.is_none());
        // SAFETY: null is allowed.
        assert!(unsafe { Lent::of(std::ptr::null_mut()) }.is_none());
        for _ in 0..REST {
            let (another, told) = pool.call("acme", &host, |ctx| ctx);
            assert!(another != kept && told.failure.is_none());
        }
        assert_eq!(pool.call("acme", &host, |ctx| ctx).0, kept);
    }

    #[test]
    fn a_call_waits_for_the_threads_that_use_it() {
        static DONE: AtomicBool = AtomicBool::new(false);
        let (host, pool) = (TestHost::new(), Pool::new(&HOST));
        let (thread, _) = pool.call("acme", &host, |ctx| {
            let taken = Taken(ctx);
            let (tell, told) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                let taken = taken;
                // SAFETY: contexts are never freed.
                let lent = unsafe { Lent::of(taken.0) }.unwrap();
                tell.send(()).unwrap();
                std::thread::sleep(Duration::from_millis(50));
                assert_eq!(lent.services.node_id(), "test");
                DONE.store(true, Ordering::SeqCst);
            });
            told.recv().unwrap();
            thread
        });
        assert!(DONE.load(Ordering::SeqCst));
        thread.join().unwrap();
    }
}
