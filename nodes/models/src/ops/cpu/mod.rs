//! f32 kernels for the CPU.
//!
//! Everything runs on rayon's global thread pool. Unsafe code is one call into the gemm crate ([`gemm`]) and outputs that
//! several threads write without zeroing them first ([`buffer`]); the kernels state there why their pieces do not overlap
//! and why they cover the output.

mod activation;
mod attention;
mod buffer;
mod conv;
mod gemm;
mod linear;
mod norm;
mod resample;
mod simd;
#[cfg(test)]
mod testing;
mod transpose;

pub use activation::{geglu, gelu, quick_gelu, silu};
pub use attention::attention;
pub use conv::conv2d;
pub use linear::{linear, linear_geglu};
pub use norm::{group_norm, layer_norm};
pub use resample::upsample_nearest;
pub use transpose::transpose;
