//! Lists of conditions: where, when and how strongly each counts, and which run together.

use super::tiny::*;
use candle_core::{IndexOp, Tensor};
use selfsame_models::sampling::{Area, Condition, Moment, Window};

#[test]
fn complementary_masks_divide_the_picture() {
    let x = latents(7, 1, 8);
    let (a, b) = (condition(1), condition(2));
    let (left, right) = (halves(1., 0., 64), halves(0., 1., 64));
    let both =
        answer(vec![Condition { mask: Some(left), ..a.clone() }, Condition { mask: Some(right), ..b.clone() }], &x);
    assert_close(&both.i((.., .., .., ..4)).unwrap(), &answer(vec![a], &x).i((.., .., .., ..4)).unwrap());
    assert_close(&both.i((.., .., .., 4..)).unwrap(), &answer(vec![b], &x).i((.., .., .., 4..)).unwrap());
}

#[test]
fn strengths_weigh() {
    let x = latents(7, 1, 8);
    let (a, b) = (condition(1), condition(2));
    let both = answer(vec![a.clone(), Condition { strength: 3.0, ..b.clone() }], &x);
    let expected = ((answer(vec![a.clone()], &x) + (answer(vec![b], &x) * 3.0).unwrap()).unwrap() / 4.0).unwrap();
    assert_close(&both, &expected);
    // Alone, a condition's strength changes nothing.
    assert_close(&answer(vec![Condition { strength: 0.3, ..a.clone() }], &x), &answer(vec![a], &x));
}

#[test]
fn areas_see_their_part_and_fade_at_inner_edges() {
    let x = latents(7, 1, 16);
    let (a, b) = (condition(1), condition(2));
    let area = Area { height: 8, width: 8, y: 8, x: 8 };
    let both = answer(vec![a.clone(), Condition { area: Some(area), strength: 2.0, ..b.clone() }], &x);
    let whole = answer(vec![a], &x);
    let part = answer(vec![b], &x.i((.., .., 8.., 8..)).unwrap().contiguous().unwrap());
    assert_same(&both.i((.., .., ..8, ..)).unwrap(), &whole.i((.., .., ..8, ..)).unwrap());
    let at = |x: &Tensor, row: usize, column: usize| x.i((0, 2, row, column)).unwrap().to_scalar::<f32>().unwrap();
    // Half the weight at the inner edges, all of it at the picture's.
    for (row, column, weight) in [(8, 8, 0.5), (8, 12, 1.0), (15, 8, 1.0), (15, 15, 2.0), (9, 9, 2.0)] {
        let (whole, part) = (at(&whole, row, column), at(&part, row - 8, column - 8));
        let expected = (whole + weight * part) / (1.0 + weight);
        let got = at(&both, row, column);
        assert!((got - expected).abs() < 3e-5, "({row}, {column}): {got} {expected}");
    }
}

#[test]
fn controls_adapters_and_masks_are_cropped_to_the_area() {
    let x = latents(7, 1, 16);
    let (face, window) = (context(31, 16), Window::Always);
    let steered = |picture: &Tensor, mask: Tensor| {
        let mut control = control(41, 0.8, 16);
        control.image = picture.clone();
        control.window = window;
        let condition = controlled(condition(1), vec![(control, Some(face.clone()))]);
        (model(vec![masked(adapter(0.8), mask)]), condition)
    };
    let picture = control(41, 0.8, 16).image;
    let (model_whole, condition) = steered(&picture, halves(0.0, 1.0, 16));
    let area = Some(Area { height: 8, width: 16, y: 8, x: 0 });
    let got = predict(model_whole, vec![Condition { area, ..condition }], vec![], &x).cond;
    let (part, part_picture) = (x.i((.., .., 8.., ..)).unwrap(), picture.i((.., .., 64.., ..)).unwrap());
    let mask = halves(0.0, 1.0, 16).i((.., 8.., ..)).unwrap().contiguous().unwrap();
    let (model_part, condition) = steered(&part_picture.contiguous().unwrap(), mask);
    let expected = predict(model_part, vec![condition], vec![], &part.contiguous().unwrap()).cond;
    assert_close(&got.i((.., .., 8.., ..)).unwrap(), &expected);
    assert_eq!(flat(&got.i((.., .., ..8, ..)).unwrap()), [0.0; 4 * 8 * 16]);
}

#[test]
fn windows_change_the_prompt_on_the_way() {
    let x = latents(7, 1, 8);
    let (early, late) = (Window::Steps { start: 0.0, end: 0.5 }, Window::Steps { start: 0.5, end: 1.0 });
    let list = vec![Condition { window: early, ..condition(1) }, Condition { window: late, ..condition(2) }];
    let mut model = guided(model(vec![]), list, vec![]);
    let mut at = |index| {
        let moment = Moment { index, total: 10, sigma: 1.0 };
        model.predict(&x, &Plain::default(), &moment, false, None).unwrap().cond
    };
    assert_same(&at(0), &answer(vec![condition(1)], &x));
    assert_same(&at(4), &answer(vec![condition(1)], &x));
    assert_same(&at(5), &answer(vec![condition(2)], &x));
    assert_same(&at(9), &answer(vec![condition(2)], &x));
}

#[test]
fn contexts_of_77_and_154_tokens_run_together_and_other_lengths_apart() {
    let x = latents(7, 1, 8);
    let long = Condition { context: context(3, 154), ..condition(2) };
    let odd = Condition { context: context(4, 100), ..condition(2) };
    for (other, passes) in [(long, 1), (odd, 2)] {
        let plain = Plain::default();
        let mut model = guided(model(vec![]), vec![condition(1)], vec![other.clone()]);
        let both = model.predict(&x, &plain, &MOMENT, true, None).unwrap();
        assert_eq!(plain.calls.get(), passes);
        assert_close(&both.cond, &answer(vec![condition(1)], &x));
        assert_close(both.uncond.as_ref().unwrap(), &answer(vec![other], &x));
    }
}

#[test]
fn control_nets_in_common_keep_one_pass() {
    let x = latents(7, 1, 8);
    let shared = controlled(condition(1), vec![(control(41, 0.8, 8), None)]);
    let negative = Condition { controls: shared.controls.clone(), ..condition(2) };
    let own = controlled(condition(2), vec![(control(41, 0.8, 8), None)]);
    for (negative, passes) in [(negative, 1), (own, 2), (condition(2), 2)] {
        let plain = Plain::default();
        let mut model = guided(model(vec![]), vec![shared.clone()], vec![negative.clone()]);
        let both = model.predict(&x, &plain, &MOMENT, true, None).unwrap();
        assert_eq!(plain.calls.get(), passes);
        assert_close(both.uncond.as_ref().unwrap(), &answer(vec![negative], &x));
    }
}

#[test]
fn tokens_can_be_appended() {
    let x = latents(7, 1, 8);
    let joined = condition(1).concat_tokens(&context(3, 77)).unwrap();
    assert_eq!(joined.context.dims(), [1, 154, width()]);
    let by_hand = Tensor::cat(&[context(1, 77), context(3, 77)], 1).unwrap();
    assert_same(&answer(vec![joined], &x), &answer(vec![Condition { context: by_hand, ..condition(1) }], &x));
    assert!(condition(1).concat_tokens(&noise(1, &[1, 77, width() + 1])).is_err());
}

#[test]
fn two_pictures_at_once_are_two_pictures() {
    let x = latents(7, 2, 8);
    let steered = |seed| controlled(condition(seed), vec![(control(41, 0.8, 8), Some(context(31, 16)))]);
    let run = |x: &Tensor| predict(model(vec![adapter(0.8)]), vec![steered(1), condition(3)], vec![condition(2)], x);
    let both = run(&x);
    for row in 0..2 {
        let one = run(&x.i(row..=row).unwrap());
        assert_close(&both.cond.i(row..=row).unwrap(), &one.cond);
        assert_close(&both.uncond.as_ref().unwrap().i(row..=row).unwrap(), one.uncond.as_ref().unwrap());
    }
}

#[test]
fn one_model_serves_runs_of_different_sizes() {
    let mut model = guided(model(vec![masked(adapter(0.8), halves(0., 1., 8))]), vec![condition(1)], vec![]);
    let mut ask = |x: &Tensor| model.predict(x, &Plain::default(), &MOMENT, false, None).unwrap().cond;
    let (small, wide) = (latents(7, 1, 8), latents(7, 2, 16));
    let first = ask(&small);
    assert_eq!(ask(&wide).dims(), [2, 4, 16, 16]);
    assert_same(&ask(&small), &first);
}

#[test]
fn impossible_conditions_are_refused() {
    let x = latents(7, 1, 8);
    let refuse = |condition: Condition, with_negative: bool| {
        let mut model = guided(model(vec![]), vec![condition], vec![]);
        model.predict(&x, &Plain::default(), &MOMENT, with_negative, None).unwrap_err().to_string()
    };
    assert!(refuse(condition(1), true).starts_with("negative conditioning: expected at least one entry"));
    for area in [
        Area { height: 4, width: 4, y: 6, x: 0 },
        Area { height: 0, width: 4, y: 0, x: 0 },
        Area { height: 4, width: usize::MAX, y: 0, x: 1 },
    ] {
        let error = refuse(Condition { area: Some(area), ..condition(1) }, false);
        assert!(error.starts_with("area: expected a part of 8 × 8"), "{error}");
    }
    let concat = Some(noise(1, &[1, 5, 4, 4]));
    let error = refuse(Condition { concat, ..condition(1) }, false);
    assert!(error.starts_with("inpaint channels: expected [1 or B, C, 8, 8]"), "{error}");
    let flat = Condition { context: noise(1, &[77, width()]), ..condition(1) };
    let cancel = Default::default();
    let error = selfsame_models::sampling::GuidedModel::new(model(vec![]), vec![flat], vec![], cancel).err().unwrap();
    assert!(error.to_string().starts_with("context: expected [1 or B,"), "{error}");
}
