//! Problems as text: the line, a caret under the place, and what to do.
//!
//! ```text
//! error[unknown-input]: node `id` (IDEmbed) has no input `face`
//!   --> portrait.ron:12:24
//!    |
//! 12 |         "id": IDEmbed(face: Out("faces.faces")),
//!    |                       ^^^^
//!    = hint: did you mean `faces`?
//! ```

use crate::problem::{Problem, Report, Severity};
use crate::source::Location;
use std::fmt::{self, Write};

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        let places = self.at.iter().chain(self.related.iter().map(|related| &related.at));
        let gutter = places.map(|at| at.line.to_string().len()).max().unwrap_or(1);
        if let Some(at) = &self.at {
            write!(f, "\n{:gutter$}--> {at}", "")?;
            snippet(f, at, gutter, "")?;
        }
        for related in &self.related {
            write!(f, "\n{:gutter$}::: {}", "", related.at)?;
            snippet(f, &related.at, gutter, &related.message)?;
        }
        let mut note = |what: &str, text: &str| {
            // Further lines of a note stand under its first one.
            let text = text.replace('\n', &format!("\n{:gutter$}   {:len$}  ", "", "", len = what.len()));
            write!(f, "\n{:gutter$} = {what}: {text}", "")
        };
        for (what, text) in [("expected", &self.expected), ("got", &self.got)] {
            if let Some(text) = text.as_ref().filter(|text| !mentions(&self.message, text)) {
                note(what, text)?;
            }
        }
        if !self.looked.is_empty() {
            note("looked in", &self.looked.join("\n"))?;
        }
        if let Some(hint) = &self.hint {
            note("hint", hint)?;
        }
        Ok(())
    }
}

/// Whether a message names something, and not only something longer: `VAEDecode` does not name VAE.
fn mentions(message: &str, text: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    message.match_indices(text).any(|(at, _)| {
        let (before, after) = (&message[..at], &message[at + text.len()..]);
        !is_word(before.chars().next_back()) && !is_word(after.chars().next())
    })
}

fn snippet(f: &mut fmt::Formatter<'_>, at: &Location, gutter: usize, label: &str) -> fmt::Result {
    let printable = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let line: String = at.text.chars().map(printable).collect();
    let column = at.text_column;
    // Tabs stay tabs under tabs, so that the caret stands right whatever their width.
    let indent: String = line.chars().take(column - 1).map(blank).collect();
    let carets: usize = line.chars().skip(column - 1).take(at.width).map(columns).sum();
    write!(f, "\n{:gutter$} |\n{:>gutter$} |{}\n{:gutter$} | {indent}", "", at.line, spaced(&line), "")?;
    f.write_str(&"^".repeat(carets.max(1)))?;
    if !label.is_empty() {
        f.write_char(' ')?;
        f.write_str(label)?;
    }
    Ok(())
}

fn spaced(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!(" {line}") }
}

/// What stands under a character to the left of the caret.
fn blank(c: char) -> &'static str {
    match (c, columns(c)) {
        ('\t', _) => "\t",
        (_, 0) => "",
        (_, 1) => " ",
        _ => "  ",
    }
}

/// How many columns of a terminal a character takes: two for those of East Asia and emoji, none for what combines.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe4f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// All problems with a blank line between two, and a last line that counts them.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}\n")?;
        }
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        match (self.errors(), self.warnings()) {
            (0, 0) => f.write_str("no problems"),
            (errors, 0) => f.write_str(&count(errors, "error")),
            (0, warnings) => f.write_str(&count(warnings, "warning")),
            (errors, warnings) => write!(f, "{}, {}", count(errors, "error"), count(warnings, "warning")),
        }
    }
}
