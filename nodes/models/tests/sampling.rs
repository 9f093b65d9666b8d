//! What must hold of sampling whatever the weights are, on the tiny SDXL of the small reference set.

#[allow(dead_code)]
#[path = "goldens/case.rs"]
mod case;
#[path = "sampling/conditions.rs"]
mod conditions;
#[path = "sampling/hooks.rs"]
mod hooks;
#[allow(dead_code)]
#[path = "goldens/nets.rs"]
mod nets;
#[path = "sampling/runs.rs"]
mod runs;
#[path = "sampling/tiny.rs"]
mod tiny;
