//! Seeded tensors and f64 comparisons for the kernels' tests.

use candle_core::{Device, Shape, Tensor};

/// Numbers in -1..1 from a linear congruential generator (constants: Numerical Recipes, 3rd ed., 7.1).
pub fn random(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let shape = shape.into();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let numbers: Vec<f32> = (0..shape.elem_count())
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(numbers, shape, &Device::Cpu).expect("as many numbers as the shape holds")
}

/// The elements in row-major order, widened.
pub fn doubles(x: &Tensor) -> Vec<f64> {
    let flat = x.flatten_all().and_then(|x| x.to_vec1::<f32>()).expect("an f32 tensor");
    flat.into_iter().map(f64::from).collect()
}

/// Fails when an element differs from `expected` by more than `tolerance`.
pub fn assert_close(got: &Tensor, expected: &[f64], tolerance: f64, what: &str) {
    let got = doubles(got);
    assert_eq!(got.len(), expected.len(), "{what}: number of elements");
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got - expected).abs();
        assert!(error <= tolerance, "{what}: element {i} is {got}, expected {expected}, off by {error:e}");
    }
}
