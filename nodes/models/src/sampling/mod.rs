//! Guidance, conditioning lists, and the denoising loops.

mod conditioning;
mod guidance;
mod guided;
mod window;

pub use conditioning::{AdapterUse, Area, Condition, Control, ControlUse};
pub use guidance::{Guidance, Rescale};
pub use guided::{Guided, Model, Parameterization, Prediction};
pub use window::{Moment, Window};
