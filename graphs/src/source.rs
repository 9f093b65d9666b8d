//! A file's text, and places in it.

use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// A piece of a text, as byte offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to but not including `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start, end }
    }

    /// From the start of this one to the end of `last`.
    pub fn to(self, last: Span) -> Span {
        Span { start: self.start, end: last.end }
    }
}

/// Something that was read, and where it stood. A value that was not read from a file has an empty span.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// What was read.
    pub value: T,
    /// Where it stood.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, read at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Spanned { value, span }
    }
}

impl From<&str> for Spanned<String> {
    fn from(text: &str) -> Self {
        Spanned { value: text.to_owned(), span: Span::default() }
    }
}

impl From<String> for Spanned<String> {
    fn from(value: String) -> Self {
        Spanned { value, span: Span::default() }
    }
}

/// A named text that places are looked up in. A clone shares the text.
#[derive(Clone, Debug)]
pub struct Source(Arc<Text>);

#[derive(Debug)]
struct Text {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// `text`, which messages call `name` (its path, as a rule).
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Source(Arc::new(Text { name: name.into(), text, line_starts }))
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Where `span` stands. A span over several lines is cut at the end of its first one.
    pub fn locate(&self, span: Span) -> Location {
        let Text { name, text: whole, line_starts } = &*self.0;
        let start = floor_boundary(whole, span.start);
        let line = line_starts.partition_point(|&line_start| line_start <= start).saturating_sub(1);
        let line_start = line_starts.get(line).copied().unwrap_or(0);
        let next_line = line_starts.get(line + 1).copied().unwrap_or(whole.len());
        let text = whole[line_start..next_line].trim_end_matches(['\n', '\r']);
        let end = floor_boundary(whole, span.end).clamp(start, (line_start + text.len()).max(start));
        let column = whole[line_start..start].chars().count() + 1;
        let (text, text_column) = window(text, column);
        let width = whole[start..end].chars().count().max(1);
        Location { file: name.clone(), line: line + 1, column, width, text, text_column }
    }
}

/// Lines are cut to about this many characters around a place.
const MAX_LINE: usize = 140;

/// The line, cut around a column if it is long, and the column in what is left.
fn window(line: &str, column: usize) -> (String, usize) {
    let len = line.chars().count();
    if len <= MAX_LINE {
        return (line.to_owned(), column);
    }
    let start = (column - 1).saturating_sub(MAX_LINE / 3).min(len - MAX_LINE);
    let cut: String = line.chars().skip(start).take(MAX_LINE).collect();
    let (before, after) = (if start > 0 { "..." } else { "" }, if start + MAX_LINE < len { "..." } else { "" });
    (format!("{before}{cut}{after}"), column - start + before.len())
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// A place in a file, with its line, so that it can be shown when the file is no longer at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters of the line are meant, at least 1.
    pub width: usize,
    /// The line without its end, cut around the place if it is very long.
    pub text: String,
    /// The column of the place in `text`, from 1.
    pub text_column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x.ron", "a\r\nné \"ü\" z\nlast");
        let at = |text: &str| {
            let start = source.text().find(text).unwrap();
            source.locate(Span::new(start, start + text.len()))
        };
        assert_eq!(at("\"ü\"").to_string(), "x.ron:2:4");
        assert_eq!((at("\"ü\"").width, &*at("z").text), (3, "né \"ü\" z"));
        assert_eq!((at("last").line, at("last").column), (3, 1));
        assert_eq!(at("z\nlast").width, 1);
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let source = Source::new("x", "ä".repeat(1000) + "here" + &"ö".repeat(1000));
        let at = source.locate(Span::new(2000, 2004));
        assert_eq!((at.column, at.width), (1001, 4));
        let there: String = at.text.chars().skip(at.text_column - 1).take(4).collect();
        assert_eq!(there, "here");
        assert!(at.text.starts_with("...ä") && at.text.ends_with("ö...") && at.text.chars().count() == 146);
    }

    #[test]
    fn places_beyond_the_text_or_inside_a_character_are_moved_back() {
        let source = Source::new("x.ron", "é");
        assert_eq!(source.locate(Span::new(1, 1)).column, 1);
        assert_eq!(source.locate(Span::new(9, 12)).column, 2);
        assert_eq!(Source::new("x", "").locate(Span::new(0, 0)).to_string(), "x:1:1");
        assert_eq!(Source::new("x", "a\n").locate(Span::new(2, 2)).to_string(), "x:2:1");
    }
}
