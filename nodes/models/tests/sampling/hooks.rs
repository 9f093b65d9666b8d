//! Adapters and ControlNets: what they must not change, and what they must.

use super::tiny::*;
use candle_core::{Device, IndexOp, Tensor};
use selfsame_models::Cancel;
use selfsame_models::controlnet::ControlInput;
use selfsame_models::sampling::{AdapterUse, Condition, Control, GuidedModel};
use selfsame_models::unet::{AdapterKv, MaskResize, SpatialMask, UNetInput};
use std::cell::RefCell;

fn with_adapters(adapters: Vec<AdapterUse>, x: &Tensor) -> Tensor {
    predict(model(adapters), vec![condition(1)], vec![], x).cond
}

fn with_control(control: Control, x: &Tensor) -> Tensor {
    answer(vec![controlled(condition(1), vec![(control, Some(context(31, 16)))])], x)
}

#[test]
fn what_is_off_changes_no_bit() {
    let x = latents(7, 1, 8);
    let base = with_adapters(vec![], &x);
    assert_differ(&with_adapters(vec![adapter(0.8)], &x), &base);
    assert_same(&with_adapters(vec![adapter(0.0)], &x), &base);
    assert_same(&with_adapters(vec![masked(adapter(0.8), halves(0.0, 0.0, 8))], &x), &base);
    assert_same(&with_adapters(vec![AdapterUse { window: CLOSED, ..adapter(0.8) }], &x), &base);

    assert_differ(&with_control(control(41, 0.8, 8), &x), &base);
    assert_same(&with_control(control(41, 0.0, 8), &x), &base);
    assert_same(&with_control(Control { mask: Some(halves(0.0, 0.0, 8)), ..control(41, 0.8, 8) }, &x), &base);
    assert_same(&with_control(Control { window: CLOSED, ..control(41, 0.8, 8) }, &x), &base);
}

#[test]
fn full_masks_are_no_masks() {
    let x = latents(7, 1, 8);
    let whole = masked(adapter(0.8), halves(1.0, 1.0, 8));
    assert_same(&with_adapters(vec![whole], &x), &with_adapters(vec![adapter(0.8)], &x));
    let whole = Control { mask: Some(halves(1.0, 1.0, 64)), ..control(41, 0.8, 8) };
    assert_same(&with_control(whole, &x), &with_control(control(41, 0.8, 8), &x));
}

#[test]
fn adapters_add_up() {
    let x = latents(7, 1, 8);
    let twice = with_adapters(vec![adapter(0.4), adapter(0.3)], &x);
    assert_close(&twice, &with_adapters(vec![adapter(0.7)], &x));
}

#[test]
fn swapping_faces_swaps_pictures() {
    let one = latents(7, 1, 8);
    let x = Tensor::cat(&[&one, &one], 0).unwrap();
    let (a, b) = (context(51, 16), context(52, 16));
    let run = |first: &Tensor, second: &Tensor| {
        let tokens = Tensor::cat(&[first, second], 0).unwrap();
        with_adapters(vec![AdapterUse { tokens, ..adapter(0.8) }], &x)
    };
    let (ab, ba) = (run(&a, &b), run(&b, &a));
    assert_differ(&ab.i(..1).unwrap(), &ab.i(1..).unwrap());
    assert_close(&ab.i(..1).unwrap(), &ba.i(1..).unwrap());
    assert_close(&ab.i(1..).unwrap(), &ba.i(..1).unwrap());
}

#[test]
fn each_side_of_guidance_has_its_own_face_tokens() {
    let x = latents(7, 1, 8);
    let sides = |tokens: u64, negative: u64| AdapterUse {
        tokens: context(tokens, 16),
        negative_tokens: context(negative, 16),
        ..adapter(0.8)
    };
    let run = |adapter: AdapterUse| predict(model(vec![adapter]), vec![condition(1)], vec![condition(1)], &x);
    let (a, b) = (run(sides(51, 52)), run(sides(52, 51)));
    assert_close(&a.cond, b.uncond.as_ref().unwrap());
    assert_close(a.uncond.as_ref().unwrap(), &b.cond);
    assert_differ(&a.cond, &b.cond);
}

#[test]
fn the_order_of_tokens_does_not_matter() {
    let x = latents(7, 1, 8);
    let reversed = |tokens: &Tensor| {
        let count = tokens.dim(1).unwrap() as u32;
        let order = Tensor::from_iter((0..count).rev(), &Device::Cpu).unwrap();
        tokens.index_select(&order, 1).unwrap()
    };
    let adapter = adapter(0.8);
    let turned = AdapterUse { tokens: reversed(&adapter.tokens), ..adapter.clone() };
    assert_close(&with_adapters(vec![adapter], &x), &with_adapters(vec![turned], &x));
    let face = context(31, 16);
    let run =
        |face: &Tensor| answer(vec![controlled(condition(1), vec![(control(41, 0.8, 8), Some(face.clone()))])], &x);
    assert_close(&run(&face), &run(&reversed(&face)));
}

/// The output of the first transformer that has adapters, with an adapter in its last layer only.
fn first_transformer(x: &Tensor, mask: Option<Tensor>) -> Tensor {
    let unet = &NETS.unet;
    let layers = unet.cross_layers();
    let (path, _) = layers[0].path.split_once(".transformer_blocks").unwrap();
    let last = layers.iter().rposition(|layer| layer.path.starts_with(&format!("{path}."))).unwrap();
    let weights: Vec<f64> = (0..layers.len()).map(|i| if i == last { 0.8 } else { 0.0 }).collect();
    let kv = NETS.adapter.project_weighted(&context(31, 16), &weights).unwrap();
    let mask = mask.map(|mask| SpatialMask::new(&mask, MaskResize::Bilinear).unwrap());
    let condition = condition(1);
    let seen = RefCell::new(None);
    unet.forward(&UNetInput {
        sample: x,
        timesteps: &Tensor::new(&[600f32], &Device::Cpu).unwrap(),
        context: &unet.project_context(&condition.context).unwrap(),
        added: condition.added.as_ref(),
        guidance: None,
        adapters: &[&AdapterKv { mask, ..kv }],
        residuals: None,
        hook: None,
        cancel: &Cancel::default(),
        observe: Some(&|name, output| {
            if name == path {
                seen.replace(Some(output.clone()));
            }
        }),
    })
    .unwrap();
    seen.take().unwrap()
}

#[test]
fn outside_of_its_mask_an_adapter_adds_nothing_to_a_layer() {
    let x = latents(7, 1, 8);
    let (none, half) = (first_transformer(&x, Some(halves(0., 0., 8))), first_transformer(&x, Some(halves(0., 1., 8))));
    let all = first_transformer(&x, None);
    let middle = half.dim(3).unwrap() / 2;
    let (left, right) =
        (|x: &Tensor| x.i((.., .., .., ..middle)).unwrap(), |x: &Tensor| x.i((.., .., .., middle..)).unwrap());
    assert_same(&left(&half), &left(&none));
    assert_same(&right(&half), &right(&all));
    assert_differ(&right(&half), &right(&none));
}

#[test]
fn control_nets_add_up_and_each_reads_its_own_context() {
    let x = latents(7, 1, 8);
    let (first, second, face) = (control(41, 0.8, 8), control(42, 0.5, 8), context(31, 16));
    let base = condition(1);
    let both = vec![(first.clone(), Some(face.clone())), (second.clone(), None)];
    let got = answer(vec![controlled(base.clone(), both)], &x);

    let (cancel, timesteps) = (Cancel::default(), Tensor::new(&[600f32], &Device::Cpu).unwrap());
    let ask = |control: &Control, context: &Tensor| {
        let input = ControlInput {
            sample: &x,
            timesteps: &timesteps,
            context: &control.net.project_context(context).unwrap(),
            added: base.added.as_ref(),
            hint: &control.net.embed_hint(&control.image, &cancel).unwrap(),
            strength: control.strength,
            cancel: &cancel,
        };
        control.net.forward(&input).unwrap()
    };
    let residuals = ask(&first, &face).sum(&ask(&second, &base.context)).unwrap();
    let expected = NETS.unet.forward(&UNetInput {
        sample: &x,
        timesteps: &timesteps,
        context: &NETS.unet.project_context(&base.context).unwrap(),
        added: base.added.as_ref(),
        guidance: None,
        adapters: &[],
        residuals: Some(&residuals),
        hook: None,
        cancel: &cancel,
        observe: None,
    });
    assert_same(&got, &expected.unwrap());
    let faces = vec![(first, Some(face.clone())), (second, Some(face))];
    assert_differ(&got, &answer(vec![controlled(base, faces)], &x));
}

#[test]
fn what_does_not_fit_is_named() {
    let x = latents(7, 2, 8);
    let refuse = |adapters: Vec<AdapterUse>, positive: Condition| {
        let mut model = GuidedModel::new(model(adapters), vec![positive], vec![], Cancel::default()).unwrap();
        model.predict(&x, &Plain::default(), &MOMENT, false, None).unwrap_err().to_string()
    };
    let three = Tensor::cat(&[context(1, 16), context(2, 16), context(3, 16)], 0).unwrap();
    let tokens = AdapterUse { tokens: three, ..adapter(0.8) };
    assert_eq!(refuse(vec![tokens], condition(1)), "adapter tokens: expected 1 row or 2 (the batch), got 3");
    let mask = Tensor::cat(&[halves(0., 1., 8), halves(0., 1., 8), halves(0., 1., 8)], 0).unwrap();
    assert_eq!(refuse(vec![masked(adapter(0.8), mask)], condition(1)), "mask: expected 1 row or 2 (the batch), got 3");
    let wrong = refuse(vec![], controlled(condition(1), vec![(control(41, 0.8, 4), None)]));
    assert_eq!(wrong, "control image: expected 64 × 64 pixels (height × width), got 32 × 32");
    let weights = AdapterUse { layer_weights: vec![1.0], ..adapter(0.8) };
    assert!(refuse(vec![weights], condition(1)).starts_with("layer weights: expected"));
}
