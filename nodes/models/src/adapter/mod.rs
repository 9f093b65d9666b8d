//! (stub)
mod image_adapter;
pub use image_adapter::ImageAdapter;
