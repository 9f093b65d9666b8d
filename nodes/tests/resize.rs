//! Resizing against what Pillow computes; the file of its numbers says how they were made.

use selfsame_nodes::image::resample::{Filter, resample};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{FromValue, Image, Value};

/// The picture that the numbers were made of.
fn source(width: usize, height: usize) -> Image {
    let data = (0..width * height).map(|i| ((i * i * 7 + i * 31 + 5) % 251) as f32 / 256.0).collect();
    Image::new([1, height, width, 1], data).expect("the sizes fit")
}

fn numbers<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
    text.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

#[test]
fn agrees_with_pillow() {
    let host = TestHost::new();
    let lines = include_str!("data/pillow-resize.txt").lines().filter(|line| !line.starts_with('#'));
    let mut cases = 0;
    for line in lines {
        let (what, wanted) = line.split_once(" : ").expect("a case has values");
        let (filter, sizes) = what.split_once(' ').expect("a case names its filter");
        let filter = Filter::from_value(&Value::Text(filter.into())).expect("a filter");
        let [width, height, seen @ .., to_width, to_height] = &numbers::<f64>(sizes)[..] else { panic!("{sizes}") };
        let seen: [f64; 4] = seen.try_into().expect("a box has four sides");
        let [width, height, to_width, to_height] = [width, height, to_width, to_height].map(|side| *side as usize);

        let out = resample(host.ctx(), source(width, height), [to_width, to_height], Some(seen), filter);
        let out = out.expect("it can be resized");
        assert_eq!(out.dims(), [1, to_height, to_width, 1]);
        let wanted: Vec<f32> = numbers(wanted);
        assert_eq!(out.data().len(), wanted.len());
        for (i, (got, wanted)) in out.data().iter().zip(wanted).enumerate() {
            // Both passes add up to 20 products of values around 1 in f32: a few units in the last place.
            assert!((got - wanted).abs() < 1e-6, "{what}, value {i}: {got}, Pillow has {wanted}");
        }
        cases += 1;
    }
    assert_eq!(cases, 23);
}
