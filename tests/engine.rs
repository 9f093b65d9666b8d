//! The engine against what it promises: nodes that count, wait, fail and panic, in graphs made to go wrong.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "engine/caching.rs"]
mod caching;
#[path = "engine/cancel.rs"]
mod cancel;
#[path = "engine/disk_cache.rs"]
mod disk_cache;
#[path = "engine/explain.rs"]
mod explain;
#[path = "engine/failures.rs"]
mod failures;
#[path = "engine/files.rs"]
mod files;
#[path = "engine/kit.rs"]
mod kit;
#[path = "engine/lazies.rs"]
mod lazies;
#[path = "engine/lists.rs"]
mod lists;
#[path = "engine/memory.rs"]
mod memory;
#[path = "engine/panics.rs"]
mod panics;
#[path = "engine/parallel.rs"]
mod parallel;
#[path = "engine/random.rs"]
mod random;
#[path = "engine/saving.rs"]
mod saving;
