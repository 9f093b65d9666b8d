//! Tests that cannot run here say so, past the test harness, which would swallow a print.

use std::fmt::Display;
use std::io::Write;

/// Says on the terminal why the running test does nothing.
pub fn not_run(why: impl Display) {
    let test = std::thread::current().name().unwrap_or("test").to_string();
    let line = format!("{test} does not run: {why}\n");
    // A closed terminal is no reason to fail.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
