//! Ctrl-C and a friendly `kill`: once to stop cleanly, twice to stop at once.

use super::exit::{Exit, OrStop, Stop};
use selfsame_models::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A switch that the first signal flips; a second signal ends the process.
pub fn cancel() -> Result<Cancel, Stop> {
    // Not the switch itself: what fails flips that too, and the first signal after it shall not count as the second.
    let asked = Arc::new(AtomicBool::new(false));
    let switch = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds `asked` not set yet.
        flag::register_conditional_shutdown(signal, Exit::Cancelled as i32, asked.clone()).or_stop(Exit::Usage)?;
        flag::register(signal, asked.clone()).or_stop(Exit::Usage)?;
        flag::register(signal, switch.clone()).or_stop(Exit::Usage)?;
    }
    Ok(Cancel::from(switch))
}
