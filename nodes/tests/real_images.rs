//! Photographs and edge cases, named by `SELFSAME_REAL_DATA`; what Pillow reads from them is in `expected/images.json`.

use selfsame_nodes::image::decode::{Decoded, decode};
use selfsame_sdk::Image;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

#[derive(serde::Deserialize)]
struct Expected {
    mode: Option<String>,
    width: Option<usize>,
    height: Option<usize>,
    rgb_sha256: Option<String>,
    error: Option<String>,
}

/// The folder, if it is there. Tests that cannot run say so past the test harness, which would swallow a print.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("SELFSAME_REAL_DATA").map(PathBuf::from);
    if folder.is_none() {
        let test = std::thread::current().name().unwrap_or("test").to_owned();
        let line = format!("{test} does not run: SELFSAME_REAL_DATA names no folder\n");
        // A closed terminal is no reason to fail.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    folder
}

/// What an error should be: Pillow reads AVIF, whatever the name of the file says, and this program says that it does not.
fn is_refused(file: &[u8], expected: &Expected) -> bool {
    expected.error.is_some() || file.get(4..12) == Some(b"ftypavif")
}

/// Pillow takes the upper half of 16 bits where this program rounds.
fn upper_halves(image: &Image) -> Vec<u8> {
    image.data().iter().map(|value| ((value * 65_535.0).round() as u16 >> 8) as u8).collect()
}

fn digest(bytes: &[u8]) -> Option<String> {
    Some(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn bytes(image: &Image) -> Vec<u8> {
    image.data().iter().map(|value| (value * 255.0).round() as u8).collect()
}

/// Mean difference of two pictures, in steps of 8 bits.
fn difference(a: &Image, b: &Image) -> f64 {
    assert_eq!(a.dims(), b.dims());
    let sum: f64 = bytes(a).iter().zip(&bytes(b)).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    sum / a.data().len() as f64
}

#[test]
fn every_file_is_read_as_pillow_reads_it() {
    let Some(folder) = folder() else { return };
    let text = std::fs::read_to_string(folder.join("expected/images.json")).unwrap();
    let all: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let mut problems = Vec::new();
    for (name, expected) in &all {
        let file = std::fs::read(folder.join("images").join(name)).unwrap();
        let result = decode(&file);
        let problem = match (result, is_refused(&file, expected)) {
            (Err(_), true) => None,
            (Ok(_), true) => Some("was read".to_owned()),
            (Err(error), false) => Some(error.to_string()),
            (Ok(Decoded { image, alpha, warnings }), false) => {
                let mode = expected.mode.as_deref().unwrap_or_default();
                let pixels = if name.contains("rgb16") { upper_halves(&image) } else { bytes(&image) };
                if (Some(image.width()), Some(image.height())) != (expected.width, expected.height) {
                    Some(format!("is {} x {}", image.width(), image.height()))
                } else if alpha.is_some() != mode.ends_with('A') {
                    Some(format!("has alpha: {}, mode {mode}", alpha.is_some()))
                } else if digest(&pixels) != expected.rgb_sha256 {
                    Some("has other pixels".to_owned())
                } else if warnings.iter().any(|warning| warning.contains("damaged")) {
                    Some(format!("{warnings:?}"))
                } else {
                    None
                }
            }
        };
        problems.extend(problem.map(|problem| format!("{name}: {problem}")));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn lossy_copies_are_near_the_photograph() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| decode(&std::fs::read(folder.join("images").join(name)).unwrap()).unwrap().image;
    let astronaut = read("clear/astronaut.png");
    // Qualities of 85 to 92; the CMYK copy has lost nothing but what JPEG loses.
    let copies =
        ["exif3.jpg", "exif6.jpg", "exif8.jpg", "progressive.jpg", "cmyk.jpg"].map(|end| format!("astro_{end}"));
    for name in copies.iter().map(String::as_str).chain(["astro.webp"]) {
        let mean = difference(&read(&format!("derived/{name}")), &astronaut);
        assert!(mean < 4.0, "{name}: {mean}");
    }
}

#[test]
fn eight_orientations_are_the_same_picture() {
    let Some(folder) = folder() else { return };
    let read =
        |name: String| decode(&std::fs::read(folder.join("images/pd_believed").join(name)).unwrap()).unwrap().image;
    let upright = read("hopper_128.jpg".to_owned());
    for orientation in 2..=8 {
        let mean = difference(&read(format!("hopper_exif{orientation}.jpg")), &upright);
        assert!(mean < 6.0, "orientation {orientation}: {mean}");
    }
}
