//! The one way in which a graph file is laid out.
//!
//! - Four spaces a level; lines of at most 120 characters where strings and names allow it.
//! - The graph itself and its maps have one entry a line. Everything deeper stays on one line if it fits and has no
//!   comment inside, and has one item a line with a final comma if not.
//! - The values of a map stand in one column, for each block of entries between blank lines or comments.
//! - Comments, the order of everything, the spelling of numbers and strings, and single blank lines stay.
//!
//! Formatting what has been formatted changes nothing.

use crate::problem::Report;
use crate::source::Source;
use crate::syntax::{self, Brackets, Comment, File, Group, Item, Key, Kind, Value, spell_identifier};
use std::borrow::Cow;

const WIDTH: usize = 120;
const INDENT: usize = 4;
/// Maps whose groups stand at these depths have one entry a line even if they are short: the graph, its maps.
const ALWAYS_OPEN_DEPTH: usize = 1;
/// A key longer than this does not push the values of its block to the right.
const MAX_ALIGNED_KEY: usize = 24;

/// Lays out the text of a graph file. Only its syntax is looked at, so that it works for graphs with unknown nodes and
/// with mistakes.
///
/// # Errors
/// Every place where the text is not RON, or not the part of it that graphs use. `name` is what they call the file.
pub fn format(name: &str, text: &str) -> Result<String, Report> {
    match syntax::parse(text) {
        Ok(file) => Ok(print(&file)),
        Err(errors) => Err(Report::of_syntax(&Source::new(name, text), errors)),
    }
}

/// The text of a file.
pub(crate) fn print(file: &File) -> String {
    let mut printer = Printer { out: String::new() };
    printer.comments(&file.lead, 0, true);
    printer.line_start(0, file.blank_before && !file.lead.is_empty());
    printer.value(&file.value, 0, 0, 0);
    printer.out.push('\n');
    printer.comments(&file.tail, 0, false);
    printer.out
}

struct Printer {
    out: String,
}

impl Printer {
    /// Comments on lines of their own. `first` says that nothing stands before them in their group.
    fn comments(&mut self, comments: &[Comment], indent: usize, first: bool) {
        for (i, comment) in comments.iter().enumerate() {
            self.line_start(indent, comment.blank_before && !(first && i == 0));
            self.out.push_str(&comment.text);
            self.out.push('\n');
        }
    }

    fn line_start(&mut self, indent: usize, blank_before: bool) {
        if blank_before {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    /// A value whose first character stands at `column` of a line that is indented by `indent`.
    fn value(&mut self, value: &Value, depth: usize, indent: usize, column: usize) {
        let Kind::Group(group) = &value.kind else {
            return self.out.push_str(&spelling(value));
        };
        if group.items.is_empty() && group.tail.is_empty() {
            let mut inline = Inline { out: String::new(), room: usize::MAX };
            inline.value(value);
            return self.out.push_str(&inline.out);
        }
        if !stays_open(group, depth) {
            // The comma after it needs a column too.
            let mut inline = Inline { out: String::new(), room: WIDTH.saturating_sub(column + 1) };
            if inline.value(value).is_some() {
                return self.out.push_str(&inline.out);
            }
        }
        if let Some(name) = &group.name {
            self.out.push_str(&spell_identifier(&name.value));
        }
        self.out.push(group.brackets.open());
        self.out.push('\n');
        let inner = indent + INDENT;
        let columns = key_columns(group);
        for (i, (item, column)) in group.items.iter().zip(columns).enumerate() {
            self.comments(&item.lead, inner, i == 0);
            self.line_start(inner, item.blank_before && !(i == 0 && item.lead.is_empty()));
            let mut at = inner;
            if let Some(key) = &item.key {
                let key = format!("{}:", spell_key(key));
                at += column;
                self.out.push_str(&key);
                self.out.extend(std::iter::repeat_n(' ', column.saturating_sub(width(&key))));
            }
            self.value(&item.value, depth + 1, inner, at);
            self.out.push(',');
            if let Some(trail) = &item.trail {
                self.out.push(' ');
                self.out.push_str(trail);
            }
            self.out.push('\n');
        }
        self.comments(&group.tail, inner, group.items.is_empty());
        self.line_start(indent, false);
        self.out.push(group.brackets.close());
    }
}

/// Whether a group has one item a line in any case.
fn stays_open(group: &Group, depth: usize) -> bool {
    depth <= ALWAYS_OPEN_DEPTH && group.items.iter().any(|item| item.key.is_some())
}

/// For each item, how many columns its key takes with its colon and the spaces after it.
fn key_columns(group: &Group) -> Vec<usize> {
    let own: Vec<usize> =
        group.items.iter().map(|item| item.key.as_ref().map_or(0, |key| width(&spell_key(key)) + 2)).collect();
    if group.brackets != Brackets::Curly {
        return own;
    }
    let mut columns = Vec::with_capacity(own.len());
    let starts_block = |item: &Item| item.blank_before || !item.lead.is_empty();
    let mut start = 0;
    while start < own.len() {
        let len = 1 + group.items[start + 1..].iter().take_while(|item| !starts_block(item)).count();
        let block = &own[start..start + len];
        let widest = block.iter().copied().filter(|&w| w <= MAX_ALIGNED_KEY).max().unwrap_or(0);
        columns.extend(block.iter().map(|&own| own.max(widest)));
        start += len;
    }
    columns
}

/// Writes a value on the current line, as long as there is room.
struct Inline {
    out: String,
    room: usize,
}

impl Inline {
    /// None if it does not fit or must not stand on one line.
    fn value(&mut self, value: &Value) -> Option<()> {
        let Kind::Group(group) = &value.kind else {
            return self.push(&spelling(value));
        };
        if !group.tail.is_empty() {
            return None;
        }
        if let Some(name) = &group.name {
            self.push(&spell_identifier(&name.value))?;
        }
        self.push(group.brackets.open().encode_utf8(&mut [0; 4]))?;
        for (i, item) in group.items.iter().enumerate() {
            if !item.lead.is_empty() || item.trail.is_some() {
                return None;
            }
            if i > 0 {
                self.push(", ")?;
            }
            if let Some(key) = &item.key {
                self.push(&spell_key(key))?;
                self.push(": ")?;
            }
            self.value(&item.value)?;
        }
        self.push(group.brackets.close().encode_utf8(&mut [0; 4]))
    }

    fn push(&mut self, text: &str) -> Option<()> {
        if text.contains('\n') {
            return None;
        }
        self.room = self.room.checked_sub(width(text))?;
        self.out.push_str(text);
        Some(())
    }
}

fn spelling(value: &Value) -> Cow<'_, str> {
    match &value.kind {
        Kind::Scalar { spelling, .. } => Cow::Borrowed(spelling),
        Kind::Word(word) => Cow::Owned(spell_identifier(word)),
        Kind::Group(_) => Cow::Borrowed(""),
    }
}

fn spell_key(key: &Key) -> Cow<'_, str> {
    match key {
        Key::Name(name) => Cow::Owned(spell_identifier(&name.value)),
        Key::Value(value) => spelling(value),
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}
