//! Single operations in the shapes of SD1.5, SDXL and their VAE, f32 on the CPU.
//!
//! `cargo bench -p selfsame-models --bench ops`. Throughput is in multiply-adds for products, in elements for the rest.

use candle_core::{Device, Tensor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use selfsame_models::ops::{self, Activation, Mask};
use std::hint::black_box;
use std::time::Duration;

fn randn(shape: impl Into<candle_core::Shape>) -> Tensor {
    Tensor::randn(0f32, 1.0, shape, &Device::Cpu).expect("a CPU tensor")
}

fn bench(c: &mut Criterion, name: &str, work: usize, operation: impl Fn() -> selfsame_models::Result<Tensor>) {
    let mut group = c.benchmark_group("ops");
    group.throughput(Throughput::Elements(work as u64));
    group.bench_function(name, |b| b.iter(|| black_box(operation().expect("operands that fit"))));
    group.finish();
}

fn convolutions(c: &mut Criterion) {
    // Input channels, output channels, side in pixels, kernel, stride.
    let shapes = [
        (4, 320, 64, 3, 1),
        (320, 320, 64, 3, 1),
        (640, 640, 32, 3, 1),
        (1280, 1280, 16, 3, 1),
        (1280, 1280, 8, 3, 1),
        (320, 320, 64, 3, 2),
        (320, 320, 64, 1, 1),
        (320, 4, 64, 3, 1),
        (512, 512, 64, 3, 1),  // VAE
        (256, 256, 128, 3, 1), // VAE
        (128, 128, 256, 3, 1), // VAE
        (128, 3, 256, 3, 1),   // VAE
        (16, 32, 256, 3, 2),   // ControlNet's hint
    ];
    for (inputs, outputs, side, kernel, stride) in shapes {
        let (x, weight) = (randn((1, inputs, side, side)), randn((outputs, inputs, kernel, kernel)));
        let bias = randn(outputs);
        let name = format!("conv2d_{kernel}x{kernel}_s{stride}_{inputs}to{outputs}_{side}px");
        let work = inputs * outputs * kernel * kernel * (side / stride).pow(2);
        bench(c, &name, work, || ops::conv2d(&x, &weight, Some(&bias), stride, kernel / 2));
    }
}

fn linears(c: &mut Criterion) {
    for (rows, inputs, outputs) in
        [(4096, 320, 320), (4096, 1280, 320), (1024, 640, 5120), (77, 768, 3072), (2, 1280, 1280)]
    {
        let (x, weight, bias) = (randn((rows, inputs)), randn((outputs, inputs)), randn(outputs));
        let work = rows * inputs * outputs;
        bench(c, &format!("linear_{rows}x{inputs}to{outputs}"), work, || ops::linear(&x, &weight, Some(&bias)));
    }
    let (x, weight, bias) = (randn((4096, 320)), randn((2560, 320)), randn(2560));
    bench(c, "linear_geglu_4096x320to1280", 4096 * 320 * 2560, || ops::linear_geglu(&x, &weight, Some(&bias)));
}

fn attentions(c: &mut Criterion) {
    // Batch, heads, queries, keys, size of a head.
    let shapes = [(1, 8, 4096, 4096, 40), (1, 10, 1024, 1024, 64), (1, 8, 4096, 77, 40), (1, 1, 4096, 4096, 512)];
    for (batch, heads, queries, keys, dim) in shapes {
        let operand = |len| randn((batch, len, heads * dim));
        let (q, k, v) = (operand(queries), operand(keys), operand(keys));
        let name = format!("attention_{queries}x{keys}_{heads}heads_of_{dim}");
        let work = 2 * batch * heads * queries * keys * dim;
        bench(c, &name, work, || ops::attention(&q, &k, &v, heads, Mask::None));
    }
    let (q, k, v) = (randn((2, 77, 768)), randn((2, 77, 768)), randn((2, 77, 768)));
    bench(c, "attention_causal_77_12heads_of_64", 2 * 77 * 77 * 768, || ops::attention(&q, &k, &v, 12, Mask::Causal));
}

fn passes_over_memory(c: &mut Criterion) {
    for (channels, side) in [(320, 64), (1280, 16), (128, 256)] {
        let (x, weight, bias) = (randn((1, channels, side, side)), randn(channels), randn(channels));
        bench(c, &format!("group_norm_silu_{channels}_{side}px"), x.elem_count(), || {
            ops::group_norm(&x, 32, &weight, &bias, 1e-5, Activation::Silu)
        });
    }
    for (rows, features) in [(4096, 320), (1024, 1280)] {
        let (x, weight, bias) = (randn((rows, features)), randn(features), randn(features));
        bench(c, &format!("layer_norm_{rows}x{features}"), x.elem_count(), || {
            ops::layer_norm(&x, &weight, &bias, 1e-5)
        });
    }
    let x = randn((1024, 5120));
    bench(c, "geglu_1024x5120", x.elem_count(), || ops::geglu(&x));
    let x = randn((77, 3072));
    bench(c, "gelu_77x3072", x.elem_count(), || ops::gelu(&x));
    let x = randn((1, 320, 64, 64));
    bench(c, "silu_320_64px", x.elem_count(), || ops::silu(&x));
    bench(c, "upsample_nearest_320_64px", 4 * x.elem_count(), || ops::upsample_nearest(&x, 128, 128));
    let x = randn((1, 320, 4096));
    bench(c, "transpose_320x4096", x.elem_count(), || ops::transpose(&x));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = convolutions, linears, attentions, passes_over_memory
}
criterion_main!(benches);
