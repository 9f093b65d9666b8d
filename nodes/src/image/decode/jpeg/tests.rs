//! Files that Pillow wrote, and what it reads from them: see `tests/images/jpeg/make.py`.

use super::*;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Name, bytes, and the digest of the RGB pixels.
fn files() -> Vec<(String, Vec<u8>, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/images/jpeg");
    let sums = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let lines = sums.lines().map(|line| line.split_once("  ").unwrap());
    lines.map(|(sum, name)| (name.to_owned(), std::fs::read(folder.join(name)).unwrap(), sum.to_owned())).collect()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_kind_is_what_pillow_reads() {
    let files = files();
    assert!(files.len() > 10);
    for (name, bytes, sum) in files {
        assert!(scans::read(&bytes).is_some(), "{name}");
        let raw = decode(&bytes).unwrap();
        assert_eq!((digest(raw.pixels.to_rgb8().as_raw()), raw.damage), (sum, None), "{name}");
    }
}

#[test]
fn cut_files_are_never_taken_for_whole_ones() {
    for (name, bytes, _) in files() {
        for length in 0..bytes.len() - 1 {
            assert!(scans::read(&bytes[..length]).is_none(), "{name} of {length} bytes");
        }
    }
}

/// Whatever comes out is as large as the picture; most of it is refused.
#[test]
fn damaged_files_never_panic() {
    for (name, bytes, _) in files() {
        for at in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                // A changed length may ask for a large picture, which takes its time and is refused by `decode`.
                let Some(picture) = read_small(&damaged) else { continue };
                let count = picture.size[0] * picture.size[1];
                if let Some(samples) = pixels::pixels(&picture) {
                    let channels = if picture.components.len() == 1 { 1 } else { 3 };
                    assert_eq!(samples.len(), count * channels, "{name} changed at {at}");
                }
            }
        }
    }
}

fn read_small(bytes: &[u8]) -> Option<scans::Picture> {
    let frame = bytes.windows(2).position(|pair| matches!(pair, [0xff, 0xc0..=0xc2]))?;
    let [h1, h0, w1, w0] = *bytes.get(frame + 5..)?.first_chunk()?;
    let count = usize::from(u16::from_be_bytes([h1, h0])) * usize::from(u16::from_be_bytes([w1, w0]));
    if count > 1 << 16 { None } else { scans::read(bytes) }
}
