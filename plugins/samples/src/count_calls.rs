//! A node with a memory: the host keeps one for each node of a graph while it runs.

use selfsame_sdk::prelude::*;

/// What a node of this type remembers.
#[derive(Default)]
pub struct Calls {
    count: i64,
}

/// Counts how often it was called in this run, for instance how many elements a list had so far.
#[node(id = "com.example.count_calls", category = "samples", not_deterministic, serial)]
#[output(count = "1 for the first call of a run", value = "what came in")]
pub fn count_calls(
    calls: &mut Calls,
    /// Anything.
    value: Value,
) -> Result<(i64, Value)> {
    calls.count += 1;
    Ok((calls.count, value))
}
