//! What the world promises to whoever learns from it.

use mini_world::identity::Identity;
use mini_world::render::{Picture, render};
use mini_world::scene::{Pose, Scene};
use mini_world::split::Split;
use mini_world::style::Style;

/// FNV-1a of bytes.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn turned(identity: Identity, yaw: f32) -> Scene {
    let mut scene = Scene::plain(identity, Style::Photo);
    scene.people[0].pose = Pose { yaw, ..scene.people[0].pose };
    scene
}

/// Mean distance of two pictures, 0..255.
fn distance(a: &Picture, b: &Picture) -> f32 {
    let distances: u64 = a.rgb.iter().zip(&b.rgb).map(|(x, y)| u64::from(x.abs_diff(*y))).sum();
    distances as f32 / a.rgb.len() as f32
}

/// The same over the pixels that show a face in the first.
fn distance_of_faces(a: &Picture, b: &Picture) -> f32 {
    let pairs = a.rgb.iter().zip(&b.rgb).enumerate().filter(|(i, _)| a.faces[i / 3] > 0);
    let distances: Vec<f32> = pairs.map(|(_, (x, y))| f32::from(x.abs_diff(*y))).collect();
    distances.iter().sum::<f32>() / distances.len() as f32
}

/// The recorded numbers are the same on every machine; what changes them changes every network that has learned from the world.
#[test]
fn pictures_are_the_same_bytes_everywhere() {
    let digests: Vec<u64> = (0..Style::ALL.len() as u64)
        .map(|i| {
            let scene = Scene::sample(&[Split::Train.identity(i), Split::Train.identity(i + 100)], i);
            digest(&render(&Scene { style: Style::ALL[i as usize], ..scene }, 64).rgb)
        })
        .collect();
    let wanted = [
        0x408d_f025_32b3_2aaa,
        0xa30f_a354_88a1_852c,
        0x6eca_f665_0896_0b75,
        0x465a_6386_711d_d9a8,
        0x8ca3_6306_26a0_035e,
        0xbbcf_4cca_d4bc_ca69,
    ];
    assert_eq!(digests, wanted, "{digests:#x?}");
}

#[test]
fn key_points_lie_where_features_are() {
    for place in 0..40 {
        let picture = render(&turned(Split::Train.identity(place), [-25.0, 0.0, 25.0][place as usize % 3]), 128);
        let truth = &picture.people[0];
        let [left, top, right, bottom] = truth.bbox;
        for [x, y] in truth.kps {
            assert!(x > left && x < right && y > top && y < bottom, "person {place}: {truth:?}");
            assert_eq!(picture.faces[y as usize * 128 + x as usize], 1, "person {place}: {truth:?}");
        }
        let [[left_eye, eyes], [right_eye, _], [_, nose], [left_corner, mouth], [right_corner, _]] = truth.kps;
        assert!(left_eye < right_eye && left_corner < right_corner && eyes < nose && nose < mouth);
        // Most of the box is face or the hair over it, and no face is outside.
        for (i, _) in picture.faces.iter().enumerate().filter(|(_, face)| **face > 0) {
            let (x, y) = ((i % 128) as f32, (i / 128) as f32);
            assert!(
                y > top - 26.0 && x > left - 6.0 && x < right + 6.0 && y < bottom + 9.0,
                "person {place}: {x} {y} of {truth:?}"
            );
        }
    }
}

#[test]
fn features_move_the_way_a_head_turns() {
    let identity = Split::Train.identity(3);
    let nose = |yaw: f32| render(&turned(identity, yaw), 64).people[0].kps[2][0];
    assert!(nose(-30.0) + 4.0 < nose(0.0) && nose(0.0) + 4.0 < nose(30.0));
    // The eye that turns away gets nearer to the nose.
    let kps = render(&turned(identity, 30.0), 128).people[0].kps;
    assert!(kps[1][0] - kps[2][0] < kps[2][0] - kps[0][0]);
}

#[test]
fn people_differ_more_than_pictures_of_one() {
    let picture = |place: u64, seed: u64| {
        let mut scene = Scene::plain(Split::Train.identity(place), Style::Photo);
        let other = Scene::sample(&[Split::Train.identity(place)], seed);
        scene.people[0].expression = other.people[0].expression;
        scene.people[0].clothes = other.people[0].clothes;
        render(&scene, 64)
    };
    for place in 0..12 {
        let here = picture(place, 1);
        let again = distance_of_faces(&here, &picture(place, 2));
        let others = (20..32).map(|other| distance_of_faces(&here, &picture(other, 1))).fold(f32::MAX, f32::min);
        assert!(again < others, "person {place}: {again} from the same, {others} from another");
    }
}

#[test]
fn styles_are_apart() {
    let draw = |style| render(&Scene { style, ..Scene::sample(&[Split::Train.identity(1)], 9) }, 64);
    let pictures = Style::ALL.map(draw);
    for (i, a) in pictures.iter().enumerate() {
        for (j, b) in pictures.iter().enumerate().filter(|(j, _)| *j != i) {
            assert!(distance(a, b) > 10.0, "{:?} and {:?}: {}", Style::ALL[i], Style::ALL[j], distance(a, b));
        }
    }
}

#[test]
fn two_people_have_a_face_each() {
    let picture = render(&Scene::sample(&[Split::Val.identity(1), Split::Val.identity(2)], 4), 128);
    assert_eq!(picture.people.len(), 2);
    assert!(picture.people[0].bbox[2] < picture.people[1].bbox[0] + 8.0);
    for person in [1, 2] {
        assert!(picture.faces.iter().filter(|face| **face == person).count() > 300);
    }
}

#[test]
fn larger_pictures_show_the_same() {
    let scene = Scene::sample(&[Split::Train.identity(5)], 3);
    let (small, large) = (render(&scene, 64), render(&scene, 128));
    for (a, b) in small.people[0].kps.iter().zip(large.people[0].kps) {
        assert!((a[0] * 2.0 - b[0]).abs() < 0.01 && (a[1] * 2.0 - b[1]).abs() < 0.01);
    }
}
