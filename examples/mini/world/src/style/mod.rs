//! How a picture is drawn. Every style sees the same surfaces, light and background, and makes a picture of its own of them.

mod cartoon;
mod frame;
mod neon;
mod pencil;
mod photo;
mod pop_art;
mod watercolour;

pub use frame::{Frame, SAMPLES};

use crate::maths::Vec3;

/// A style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Light and shade.
    Photo,
    /// Washes of colour on white paper, darker at their edges.
    Watercolour,
    /// Lines and hatching.
    Pencil,
    /// Glowing lines in the dark.
    Neon,
    /// Flat colours in two tones with outlines.
    Cartoon,
    /// Strong colours, printed with dots.
    PopArt,
}

impl Style {
    /// All of them; their places here are their numbers.
    pub const ALL: [Style; 6] =
        [Style::Photo, Style::Watercolour, Style::Pencil, Style::Neon, Style::Cartoon, Style::PopArt];

    /// What captions call a picture in it.
    pub fn phrase(self) -> &'static str {
        match self {
            Style::Photo => "photo",
            Style::Watercolour => "watercolour painting",
            Style::Pencil => "pencil drawing",
            Style::Neon => "neon sign",
            Style::Cartoon => "flat cartoon",
            Style::PopArt => "pop art print",
        }
    }

    /// Its place in [`Style::ALL`].
    pub fn number(self) -> usize {
        self as usize
    }

    /// Draws a frame: red, green and blue of each pixel in about 0..1.
    pub fn draw(self, frame: &Frame) -> Vec<Vec3> {
        match self {
            Style::Photo => photo::draw(frame),
            Style::Watercolour => watercolour::draw(frame),
            Style::Pencil => pencil::draw(frame),
            Style::Neon => neon::draw(frame),
            Style::Cartoon => cartoon::draw(frame),
            Style::PopArt => pop_art::draw(frame),
        }
    }
}
