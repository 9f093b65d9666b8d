//! Tells of calls that do not end though their run was cancelled. In the host nothing can end them but the end of the program,
//! so whoever waits should know for whom.

use super::context::{Lent, Slot};
use crate::lock;
use selfsame_sdk::Level;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

/// How long a call is waited for after its run was cancelled.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(250);

static CALLS: Mutex<Calls> = Mutex::new(Calls { all: Vec::new(), last: 0 });
/// There is a call again.
static SOME: Condvar = Condvar::new();
static IS_OFF: AtomicBool = AtomicBool::new(false);

struct Calls {
    all: Vec<Call>,
    last: u64,
}

#[derive(Clone, Copy)]
struct Call {
    number: u64,
    slot: &'static Slot,
    cancelled: Option<Instant>,
    is_told: bool,
}

/// A call that is watched until this is dropped.
pub struct Watched(u64);

/// Nobody is told in this process: somebody else watches it.
pub fn turn_off() {
    IS_OFF.store(true, Ordering::Relaxed);
}

/// Watches a call, by its context.
pub fn watch(slot: &'static Slot) -> Watched {
    static THREAD: Once = Once::new();
    if !IS_OFF.load(Ordering::Relaxed) {
        // Without a thread nobody is told, and nothing else is different.
        THREAD.call_once(|| drop(std::thread::Builder::new().name("watchdog".to_owned()).spawn(look)));
    }
    let mut calls = lock(&CALLS);
    calls.last += 1;
    let number = calls.last;
    calls.all.push(Call { number, slot, cancelled: None, is_told: false });
    SOME.notify_one();
    Watched(number)
}

impl Drop for Watched {
    fn drop(&mut self) {
        lock(&CALLS).all.retain(|call| call.number != self.0);
    }
}

fn look() {
    loop {
        let is_idle = |calls: &mut Calls| calls.all.is_empty();
        let calls = SOME.wait_while(lock(&CALLS), is_idle).unwrap_or_else(PoisonError::into_inner).all.clone();
        // Without the lock: hosts may take their time to hear of it.
        for mut call in calls {
            call.look();
            if let Some(known) = lock(&CALLS).all.iter_mut().find(|known| known.number == call.number) {
                *known = call;
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

impl Call {
    fn look(&mut self) {
        // SAFETY: it is a context, which is never freed.
        let Some(lent) = (unsafe { Lent::of(self.slot.as_ctx()) }) else { return };
        if self.is_told || !lent.services.is_cancelled() {
            return;
        }
        let since = *self.cancelled.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            self.is_told = true;
            let message = format!(
                "plugin {} does not stop though the run was cancelled; only in a process of its own it could be made to",
                lent.plugin
            );
            lent.services.log(Level::Warn, &message);
        }
    }
}
