//! Contact sheets: what an experiment looks like.

use super::judges::SIDE;
use crate::cli::exit::{Exit, Stop};
use mini_world::sheet::write_png;
use selfsame_nodes::image::bytes::Bytes;
use std::path::Path;

/// Pixels between pictures.
const GAP: usize = 4;

/// What is seen between pictures, and in place of those that are missing.
const PAPER: u8 = 255;

/// Pictures in a row; none where one is missing.
pub type Strip = Vec<Option<Bytes>>;

/// Rows of pictures of [`SIDE`] px.
#[derive(Default)]
pub struct Sheet(Vec<Strip>);

impl Sheet {
    /// How many people are shown, one in a row.
    pub const PEOPLE: usize = 6;

    /// Puts a row below the others.
    pub fn add(&mut self, row: impl IntoIterator<Item = Option<Bytes>>) {
        self.0.push(row.into_iter().collect());
    }

    /// Whether there is nothing on it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes it as a PNG file, if there is something on it.
    pub fn write(&self, path: &Path) -> Result<(), Stop> {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or_default();
        if columns == 0 {
            return Ok(());
        }
        let [width, height] = [columns, self.0.len()].map(|count| count * (SIDE + GAP) - GAP);
        let mut rgb = vec![PAPER; width * height * 3];
        for (y, row) in self.0.iter().enumerate() {
            for (x, picture) in row.iter().enumerate() {
                let Some(picture) = picture.as_ref().filter(|picture| picture.size() == [SIDE; 2]) else { continue };
                for line in 0..SIDE {
                    let at = ((y * (SIDE + GAP) + line) * width + x * (SIDE + GAP)) * 3;
                    rgb[at..at + SIDE * 3].copy_from_slice(picture.row(line));
                }
            }
        }
        let cannot = |error| Stop::new(Exit::Wrong, format!("cannot write {}: {error}", path.display()));
        write_png(path, [width, height], &rgb).map_err(cannot)
    }
}
