//! Contact sheets: many pictures on one.

use crate::identity::Identity;
use crate::render::render;
use crate::rng::Rng;
use crate::scene::{Expression, Pose, Scene};
use crate::split::Split;
use crate::style::Style;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// What a sheet shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sheet {
    /// Somebody else in each picture, from the front.
    People,
    /// Somebody else in each row, a style in each column.
    Styles,
    /// Somebody else in each row, everything else at random.
    Random,
    /// Somebody else in each row, turning from left to right.
    Turning,
    /// Somebody else in each row, an expression in each column.
    Expressions,
    /// Two people in each picture.
    Couples,
}

impl Sheet {
    /// What is shown in a column of a row.
    fn scene(self, split: Split, first: u64, [columns, _]: [usize; 2], column: usize, row: usize) -> Scene {
        let (c, r, wide) = (column as u64, row as u64, columns as u64);
        let of = |place: u64| split.identity(first + place);
        match self {
            Sheet::People => Scene::plain(of(r * wide + c), Style::Photo),
            Sheet::Styles => {
                let style = Style::ALL[column % Style::ALL.len()];
                Scene { style, ..Scene::sample(&[of(r)], first + r) }
            }
            Sheet::Random => Scene::sample(&[of(r)], (first + r) * wide + c),
            Sheet::Turning => {
                let turn = if columns > 1 { 2.0 * column as f32 / (columns - 1) as f32 - 1.0 } else { 0.0 };
                with_pose(of(r), |pose| Pose { yaw: 40.0 * turn, pitch: 8.0 * turn, ..pose })
            }
            Sheet::Expressions => {
                let mut scene = Scene::plain(of(r), Style::Photo);
                let name = column % Expression::NAMES.len();
                scene.people[0].expression = Expression::sample(&mut Rng::new(first, 1), name);
                scene
            }
            Sheet::Couples => {
                let place = 2 * (r * wide + c);
                Scene::sample(&[of(place), of(place + 1)], first + place)
            }
        }
    }

    /// Writes a sheet of `[columns, rows]` pictures of `size` pixels a side as a PNG file; its people begin at `first` of a part.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(self, path: &Path, split: Split, first: u64, cells: [usize; 2], size: usize) -> io::Result<()> {
        let [columns, rows] = cells;
        let width = columns * size;
        let mut sheet = vec![0; width * rows * size * 3];
        for row in 0..rows {
            for column in 0..columns {
                let picture = render(&self.scene(split, first, cells, column, row), size);
                for (y, line) in picture.rgb.chunks_exact(size * 3).enumerate() {
                    let at = ((row * size + y) * width + column * size) * 3;
                    sheet[at..at + size * 3].copy_from_slice(line);
                }
            }
        }
        write_png(path, [width, rows * size], &sheet)
    }
}

fn with_pose(identity: Identity, change: impl Fn(Pose) -> Pose) -> Scene {
    let mut scene = Scene::plain(identity, Style::Photo);
    scene.people[0].pose = change(scene.people[0].pose);
    scene
}

/// Writes RGB of `[width, height]` pixels as a PNG file.
///
/// # Errors
/// If the file cannot be written.
pub fn write_png(path: &Path, [width, height]: [usize; 2], rgb: &[u8]) -> io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
    Ok(writer.finish()?)
}
