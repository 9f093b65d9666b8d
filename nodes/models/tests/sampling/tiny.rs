//! The tiny networks, seeded tensors that fit them, and single evaluations.

use super::nets;
use candle_core::{Device, Tensor};
use selfsame_models::adapter::ImageAdapter;
use selfsame_models::controlnet::{ControlNet, ControlStrength};
use selfsame_models::rng::TorchGenerator;
use selfsame_models::sampling::{
    AdapterUse, Condition, Control, ControlUse, GuidedModel, GuidedPrediction, Model, Moment, Parameterization, Window,
};
use selfsame_models::unet::{AddedConditions, MaskResize, UNet};
use selfsame_models::{Cancel, Result};
use std::cell::Cell;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Tokens of a face.
const FACE_TOKENS: usize = 16;
/// The middle of a run.
pub const MOMENT: Moment = Moment { index: 5, total: 10, sigma: 1.6 };
/// A window that [`MOMENT`] is outside of.
pub const CLOSED: Window = Window::Steps { start: 0.0, end: 0.3 };

pub struct Nets {
    pub unet: Arc<UNet>,
    pub adapter: Arc<ImageAdapter>,
    pub control: Arc<ControlNet>,
}

pub static NETS: LazyLock<Nets> = LazyLock::new(|| {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/small/models");
    Nets {
        unet: Arc::new(nets::unet(&models, "sdxl").unwrap()),
        adapter: Arc::new(nets::adapter(&models, "sdxl").unwrap()),
        control: Arc::new(nets::controlnet(&models, "sdxl_controlnet_identity".to_string()).unwrap()),
    }
});

/// Unit noise.
pub fn noise(seed: u64, dims: &[usize]) -> Tensor {
    TorchGenerator::new(seed).randn_tensor(dims, &Device::Cpu).unwrap()
}

pub fn latents(seed: u64, batch: usize, side: usize) -> Tensor {
    noise(seed, &[batch, 4, side, side])
}

/// Width of the tokens that the UNet reads.
pub fn width() -> usize {
    NETS.unet.cross_layers()[0].context
}

pub fn context(seed: u64, tokens: usize) -> Tensor {
    noise(seed, &[1, tokens, width()])
}

pub fn condition(seed: u64) -> Condition {
    let text = NETS.unet.config().text_time.as_ref().unwrap();
    let pooled = text.input_dim - 6 * text.time_dim;
    let time_ids = Tensor::new(&[[64f32, 64., 0., 0., 64., 64.]], &Device::Cpu).unwrap();
    let added = AddedConditions { text_embeds: noise(seed + 1000, &[1, pooled]), time_ids };
    Condition::new(context(seed, 77), Some(added))
}

pub fn adapter(weight: f64) -> AdapterUse {
    AdapterUse {
        adapter: NETS.adapter.clone(),
        tokens: context(31, FACE_TOKENS),
        negative_tokens: context(32, FACE_TOKENS),
        layer_weights: vec![weight; NETS.adapter.len()],
        window: Window::Always,
        mask: None,
    }
}

/// A mask over a square latent: `left` in its left half, `right` in its right one.
pub fn halves(left: f32, right: f32, side: usize) -> Tensor {
    let row: Vec<f32> = (0..side).map(|x| if x < side / 2 { left } else { right }).collect();
    Tensor::from_vec(row.repeat(side), (1, side, side), &Device::Cpu).unwrap()
}

pub fn masked(adapter: AdapterUse, mask: Tensor) -> AdapterUse {
    AdapterUse { mask: Some((mask, MaskResize::Bilinear)), ..adapter }
}

/// A ControlNet with a picture for latents of `side`.
pub fn control(seed: u64, strength: f64, side: usize) -> Control {
    let image = noise(seed, &[1, 3, 8 * side, 8 * side]).clamp(0f32, 1f32).unwrap();
    let strength = ControlStrength::Constant(strength);
    Control { net: NETS.control.clone(), image, strength, window: Window::Always, mask: None }
}

pub fn controlled(condition: Condition, controls: Vec<(Control, Option<Tensor>)>) -> Condition {
    let uses = controls.into_iter().map(|(control, context)| ControlUse {
        control: Arc::new(control),
        context,
        text_embeds: None,
    });
    Condition { controls: uses.collect(), ..condition }
}

pub fn model(adapters: Vec<AdapterUse>) -> Model {
    Model { adapters, ..Model::new(NETS.unet.clone()) }
}

pub fn guided(model: Model, positive: Vec<Condition>, negative: Vec<Condition>) -> GuidedModel {
    GuidedModel::new(model, positive, negative, Cancel::default()).unwrap()
}

/// The network's own output at timestep 600; counts its calls.
#[derive(Default)]
pub struct Plain {
    pub calls: Cell<usize>,
}

impl Parameterization for Plain {
    fn timestep(&self) -> f64 {
        600.0
    }

    fn input(&self, x: &Tensor) -> Result<Tensor> {
        self.calls.set(self.calls.get() + 1);
        Ok(x.clone())
    }

    fn prediction(&self, _x: &Tensor, output: &Tensor) -> Result<Tensor> {
        Ok(output.clone())
    }
}

/// One evaluation at [`MOMENT`], of the negative conditions too if there are any.
pub fn predict(model: Model, positive: Vec<Condition>, negative: Vec<Condition>, x: &Tensor) -> GuidedPrediction {
    let with_negative = !negative.is_empty();
    guided(model, positive, negative).predict(x, &Plain::default(), &MOMENT, with_negative, None).unwrap()
}

/// One evaluation of positive conditions without adapters.
pub fn answer(positive: Vec<Condition>, x: &Tensor) -> Tensor {
    predict(model(vec![]), positive, vec![], x).cond
}

pub fn flat(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

pub fn distance(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    flat(a)
        .iter()
        .zip(flat(b))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m, d| if d.is_nan() { f32::INFINITY } else { m.max(d) })
}

#[track_caller]
pub fn assert_same(a: &Tensor, b: &Tensor) {
    assert_eq!(distance(a, b), 0.0);
}

/// Equal up to the rounding of f32 in another order of additions.
#[track_caller]
pub fn assert_close(a: &Tensor, b: &Tensor) {
    let distance = distance(a, b);
    assert!(distance < 3e-5, "{distance}");
}

#[track_caller]
pub fn assert_differ(a: &Tensor, b: &Tensor) {
    let distance = distance(a, b);
    assert!(distance > 1e-2, "{distance}");
}
