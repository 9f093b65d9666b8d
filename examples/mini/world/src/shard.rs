//! Data sets: folders of shards that NumPy reads without copying.
//!
//! A shard `00000` is three files:
//!
//! | file | what |
//! |---|---|
//! | `00000.pictures.npy` | u8 `[N,size,size,3]`, RGB |
//! | `00000.faces.npy` | u8 `[N,size,size]`: whose face a pixel shows, 0 for nobody's |
//! | `00000.jsonl` | a line for each picture: its captions, its style, and of each person who it is, the box and key points of the face, the pose, the identity |
//!
//! `set.json` beside them is the [`Set`] as a whole; it says of which part its people are.

use crate::caption;
use crate::render::{Picture, Renderer};
use crate::scene::Scene;
use crate::split::Split;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What a data set is made of; the same set is the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Of which part the people are.
    pub split: Split,
    /// The place of the first person in it.
    pub first: u64,
    /// How many people.
    pub people: u64,
    /// Pictures of each person.
    pub pictures: u64,
    /// Every so many pictures there is one of two people, the other one being the next person of the set, or the first after the last.
    /// 0 is never.
    pub pairs: u64,
    /// Pixels a side.
    pub size: usize,
    /// Of everything but people.
    pub seed: u64,
}

/// One picture of a data set.
#[derive(Debug, Serialize)]
struct Row {
    /// Everything that is seen, in words.
    caption: String,
    /// The same with clauses left out at random.
    short_caption: String,
    /// The number of the style, and what captions call it.
    style: usize,
    style_phrase: &'static str,
    people: Vec<RowPerson>,
}

/// Somebody in a picture of a data set.
#[derive(Debug, Serialize)]
struct RowPerson {
    /// The place in the part.
    person: u64,
    bbox: [f32; 4],
    kps: [[f32; 2]; 5],
    /// Yaw, pitch, roll in degrees.
    pose: [f32; 3],
    identity: Vec<f32>,
}

impl Set {
    /// How many pictures there are.
    pub fn len(&self) -> u64 {
        self.people * self.pictures
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The people of a picture, as places in the part, and what it shows. Pictures of a person are `people` apart, so that any
    /// stretch of the set shows many people.
    pub fn scene(&self, picture: u64) -> (Vec<u64>, Scene) {
        let together = if self.pairs > 0 && picture % self.pairs == self.pairs - 1 { 2 } else { 1 };
        let who: Vec<u64> = (0..together).map(|i| self.first + (picture + i) % self.people).collect();
        let identities: Vec<_> = who.iter().map(|place| self.split.identity(*place)).collect();
        let scene = Scene::sample(
            &identities,
            self.seed.wrapping_mul(0x1000_0000_01b3) ^ self.split.seed(picture % Split::PEOPLE),
        );
        (who, scene)
    }

    /// Writes the pictures from `from` to before `to` as a shard into an existing folder.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path, shard: u64, from: u64, to: u64) -> io::Result<()> {
        let file = |what: &str| File::create(folder.join(format!("{shard:05}.{what}"))).map(BufWriter::new);
        let (mut pictures, mut faces, mut rows) = (file("pictures.npy")?, file("faces.npy")?, file("jsonl")?);
        pictures.write_all(&npy_header(&[to - from, self.size as u64, self.size as u64, 3]))?;
        faces.write_all(&npy_header(&[to - from, self.size as u64, self.size as u64]))?;
        let mut renderer = Renderer::new(self.size);
        for picture in from..to {
            let (who, scene) = self.scene(picture);
            let drawn = renderer.render(&scene);
            pictures.write_all(&drawn.rgb)?;
            faces.write_all(&drawn.faces)?;
            serde_json::to_writer(&mut rows, &row(&who, &scene, &drawn, picture))?;
            rows.write_all(b"\n")?;
        }
        pictures.flush()?;
        faces.flush()?;
        rows.flush()
    }
}

fn row(who: &[u64], scene: &Scene, drawn: &Picture, picture: u64) -> Row {
    let people = who.iter().zip(&scene.people).zip(&drawn.people);
    let people = people.map(|((person, shown), truth)| RowPerson {
        person: *person,
        bbox: truth.bbox,
        kps: truth.kps,
        pose: [shown.pose.yaw, shown.pose.pitch, shown.pose.roll],
        identity: shown.identity.vector(),
    });
    Row {
        caption: caption::caption(scene),
        short_caption: caption::some_of_caption(scene, picture),
        style: scene.style.number(),
        style_phrase: scene.style.phrase(),
        people: people.collect(),
    }
}

/// The header of an array of u8 in C order.
///
/// Source: NumPy's format 1.0 (`numpy/lib/format.py`): magic, version, length of the text, the text; 64 bytes or a multiple.
fn npy_header(shape: &[u64]) -> Vec<u8> {
    let shape: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let mut text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
    while (10 + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.into_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_numpys() {
        let header = npy_header(&[2, 8, 8, 3]);
        assert_eq!(header.len(), 128);
        let text = String::from_utf8_lossy(&header[10..]);
        assert!(
            text.starts_with("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 8, 8, 3, ), }")
                && text.ends_with('\n')
        );
    }

    #[test]
    fn pictures_of_a_person_are_apart() {
        let set = Set { split: Split::Val, first: 5, people: 3, pictures: 2, pairs: 2, size: 32, seed: 1 };
        let who: Vec<Vec<u64>> = (0..set.len()).map(|picture| set.scene(picture).0).collect();
        assert_eq!(who, [vec![5], vec![6, 7], vec![7], vec![5, 6], vec![6], vec![7, 5]]);
    }
}
