//! Numbers and seeds.

pub mod arithmetic;
pub mod clamp;
pub mod compare;
pub mod constants;
pub mod expression;
mod int_or_float;
pub mod interpolate;
mod parse;
pub mod range;
pub mod round;
pub mod seed;
pub mod statistics;

pub use int_or_float::Number;
use selfsame_sdk::{Error, NodeType, Result, nodes};
use std::sync::Arc;

/// The nodes of this family.
pub fn all() -> Vec<Arc<dyn NodeType>> {
    nodes![
        constants::int,
        constants::float,
        constants::boolean,
        arithmetic::arithmetic,
        arithmetic::int_arithmetic,
        expression::math_expression,
        round::round,
        clamp::clamp,
        clamp::clamp_int,
        compare::compare,
        range::range,
        range::float_range,
        range::linspace,
        interpolate::lerp,
        interpolate::map_range,
        statistics::statistics,
        seed::seed,
        seed::random_seed,
        seed::next_seed,
        seed::combine_seeds,
        seed::seed_sequence,
    ]
}

/// A result that must be a finite number; `what` says where it comes from.
///
/// # Errors
/// If it is infinite or not a number.
fn finite(result: f64, what: impl FnOnce() -> String) -> Result<f64> {
    if result.is_finite() {
        return Ok(result);
    }
    let why = if result.is_nan() { "is not a number" } else { "is too large" };
    Err(Error::new(format!("{} {why}", what())))
}
