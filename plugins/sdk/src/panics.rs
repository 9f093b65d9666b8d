//! A panic inside a node is a failure of the node: for hosts, and for plugins, which must not unwind into a host.

use crate::{Error, Result, Status};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

thread_local! {
    static IN_NODE: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Calls a function; a panic becomes an error with its message and place, and is not printed.
///
/// # Errors
/// What the function gives, and [`Status::Panic`].
pub fn catch<T>(function: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !note(info) {
                before(info)
            }
        }));
    });
    let was_in_node = IN_NODE.replace(true);
    // What a node leaves half done is its own and is thrown away with it.
    let result = catch_unwind(AssertUnwindSafe(function)).unwrap_or_else(|payload| {
        let place = PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
        let message = message(&*payload);
        // Dropping what was panicked with may panic again, with something that does so too.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
        Err(Error::with(Status::Panic, format!("the node panicked{place}: {message}"))
            .hint("this is a mistake in the node; please report it to its author"))
    });
    IN_NODE.set(was_in_node);
    result
}

/// Drops what belongs to a node. If that panics, nobody is there any more who could be told.
pub fn discard<T>(of_node: T) {
    let _ = catch(|| {
        drop(of_node);
        Ok(())
    });
}

/// Notes the place of a panic inside a node; false if it is none.
fn note(info: &PanicHookInfo) -> bool {
    let in_node = IN_NODE.try_with(Cell::get).unwrap_or(false);
    if in_node {
        let place = info.location().map(ToString::to_string);
        // The thread may be ending already; then there is no place.
        let _ = PLACE.try_with(|slot| slot.replace(place));
    }
    in_node
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
