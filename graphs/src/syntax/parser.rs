//! From text to the tree.

use super::recover::{End, Open};
use super::scalar::{identifier_len, number, string};
use super::{Brackets, Comment, File, Group, Item, Key, Kind, SyntaxError, Value};
use crate::source::{Span, Spanned};
use selfsame_sdk::Literal;

/// How deeply brackets may nest; the `ron` crate stops at 128.
const MAX_DEPTH: usize = 64;

type Result<T> = std::result::Result<T, SyntaxError>;

/// Reads a whole file. A byte order mark at its start is skipped.
///
/// # Errors
/// Every mistake, in the order in which they were met.
pub(crate) fn parse(text: &str) -> std::result::Result<File, Vec<SyntaxError>> {
    let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut parser = Parser {
        text,
        at,
        stray: Vec::new(),
        open: Vec::new(),
        errors: Vec::new(),
        silent: false,
        lost_line: None,
        forced_end: None,
        long_string: None,
    };
    let file = parser.file().map_err(|error| parser.report(error)).ok();
    match file {
        Some(file) if parser.errors.is_empty() => Ok(file),
        _ => Err(parser.errors),
    }
}

/// Methods that give an error leave it to their caller to go on; [`group`](Parser::group) does so for its items.
pub(super) struct Parser<'a> {
    pub text: &'a str,
    pub at: usize,
    /// Comments at places where the tree has no room, such as between a name and its colon; the next item takes them.
    stray: Vec<Comment>,
    /// The brackets that are being read, from the outside in.
    pub open: Vec<Open>,
    pub errors: Vec<SyntaxError>,
    /// What is still found follows from what has been reported.
    pub silent: bool,
    /// Where a line starts whose end was skipped, with the closing brackets that stood there.
    pub lost_line: Option<usize>,
    /// The place where brackets were taken to end that are not closed, so that it is no mistake of those around them.
    pub forced_end: Option<usize>,
    /// The last string over several lines.
    pub long_string: Option<Span>,
}

/// What stands between two tokens.
pub(super) struct Trivia {
    comments: Vec<Comment>,
    blank_before_next: bool,
}

impl<'a> Parser<'a> {
    fn file(&mut self) -> Result<File> {
        let before = self.trivia();
        let value = self.value()?;
        let mut lead = before.comments;
        lead.append(&mut self.stray);
        let after = self.trivia();
        // After brackets that were taken to end too early, what follows is no further mistake.
        if self.peek().is_some() && self.forced_end.is_none() {
            let message = format!("expected the end of the file, found {}", self.found());
            return Err(self.error_here(message, Some("a graph file holds one `Graph(...)` and nothing else")));
        }
        Ok(File { lead, blank_before: before.blank_before_next, value, tail: after.comments })
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    pub fn error_here(&self, message: String, hint: Option<&str>) -> SyntaxError {
        let len = identifier_len(self.rest()).max(self.peek().map_or(0, char::len_utf8));
        SyntaxError { span: Span::new(self.at, self.at + len), message, hint: hint.map(str::to_owned) }
    }

    /// Skips white space and collects comments.
    pub fn trivia(&mut self) -> Trivia {
        let mut found = Trivia { comments: Vec::new(), blank_before_next: false };
        let mut line_ends = 0;
        loop {
            let rest = self.rest();
            let space = rest.find(|c: char| !is_space(c)).unwrap_or(rest.len());
            line_ends += rest[..space].matches('\n').count();
            self.at += space;
            let Some(len) = self.comment_len() else { break };
            let text = comment_text(&rest[space..space + len]);
            found.comments.push(Comment { text, blank_before: line_ends > 1 });
            line_ends = 0;
            self.at += len;
        }
        found.blank_before_next = line_ends > 1;
        found
    }

    /// The length of the comment that starts here. One that is never closed is reported when it is taken.
    pub fn comment_len(&mut self) -> Option<usize> {
        let rest = self.rest();
        if rest.starts_with("//") {
            return Some(rest.find('\n').unwrap_or(rest.len()));
        }
        if !rest.starts_with("/*") {
            return None;
        }
        let (mut depth, mut at) = (0usize, 0);
        while let Some(next) = rest[at..].find(['/', '*']) {
            at += next;
            if rest[at..].starts_with("/*") {
                depth += 1;
                at += 2;
            } else if rest[at..].starts_with("*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Some(at);
                }
            } else {
                at += 1;
            }
        }
        let span = Span::new(self.at, self.at + 2);
        let message = "this comment is never closed: `*/` is missing".to_owned();
        self.report(SyntaxError { span, message, hint: None });
        self.silent = true; // The rest of the file is part of it.
        Some(rest.len())
    }

    /// Trivia at a place where the tree has no room for comments.
    fn skip(&mut self) {
        let found = self.trivia();
        self.stray.extend(found.comments);
    }

    fn value(&mut self) -> Result<Value> {
        let start = self.at;
        let Some(c) = self.peek() else {
            return Err(self.error_here("expected a value, found the end of the file".to_owned(), None));
        };
        let kind = match c {
            '(' => self.group(None, Brackets::Round)?,
            '[' => self.group(None, Brackets::Square)?,
            '{' => self.group(None, Brackets::Curly)?,
            '"' => self.string()?,
            'r' if self.rest()[1..].trim_start_matches('#').starts_with('"') => self.string()?,
            '0'..='9' | '+' | '-' | '.' => self.number()?,
            _ if identifier_len(self.rest()) > 0 => self.word()?,
            '\'' => {
                return Err(self.error_here(
                    "expected a value, found `'`".to_owned(),
                    Some("strings are written in double quotes"),
                ));
            }
            _ => return Err(self.error_here(format!("expected a value, found {}", self.found()), None)),
        };
        Ok(Value { span: Span::new(start, self.at), kind })
    }

    fn string(&mut self) -> Result<Kind> {
        let start = self.at;
        let Some((value, end, mistake)) = string(self.text, start) else {
            let rest = self.rest();
            let hashes = rest.bytes().skip(1).take_while(|&b| b == b'#').count();
            let message = format!("this string is never closed: `\"{}` is missing", "#".repeat(hashes));
            // It is missing somewhere on this line, not at the end of the file.
            self.lose_line(start);
            return Err(SyntaxError { span: Span::new(start, start + 1), message, hint: None });
        };
        self.at = end;
        if let Some(mistake) = mistake {
            self.report(mistake);
        }
        let spelling = &self.text[start..end];
        if spelling.contains('\n') {
            self.long_string = Some(Span::new(start, end));
        }
        Ok(Kind::Scalar { literal: Literal::Str(value), spelling: spelling.to_owned() })
    }

    fn number(&mut self) -> Result<Kind> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        // A sign belongs to the number at its start and after an exponent's e.
        let len = (0..bytes.len())
            .find(|&i| match bytes[i] {
                b'+' | b'-' => i > 0 && !matches!(bytes[i - 1], b'e' | b'E'),
                b => !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')),
            })
            .unwrap_or(bytes.len());
        let span = Span::new(self.at, self.at + len);
        self.at = span.end;
        let literal = number(&rest[..len], span)?;
        Ok(Kind::Scalar { literal, spelling: rest[..len].to_owned() })
    }

    fn word(&mut self) -> Result<Kind> {
        let name = self.identifier();
        let literal = match &*name.value {
            "true" => true,
            "false" => false,
            "inf" | "NaN" => return Err(unused_word(name, "write a finite number")),
            "Some" | "None" => return Err(unused_word(name, "write the value alone, or leave the field out")),
            _ => {
                let end = self.at;
                let found = self.trivia();
                if self.peek() == Some('(') {
                    self.stray.extend(found.comments);
                    return self.group(Some(name), Brackets::Round);
                }
                self.at = end;
                return Ok(Kind::Word(name.value));
            }
        };
        Ok(Kind::Scalar { literal: Literal::Bool(literal), spelling: name.value })
    }

    /// An identifier without the `r#` of a raw one; the caller has seen that there is one.
    fn identifier(&mut self) -> Spanned<String> {
        let len = identifier_len(self.rest());
        let text = &self.rest()[..len];
        let span = Span::new(self.at, self.at + len);
        self.at = span.end;
        Spanned::new(text.strip_prefix("r#").unwrap_or(text).to_owned(), span)
    }

    fn group(&mut self, name: Option<Spanned<String>>, brackets: Brackets) -> Result<Kind> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.error_here(format!("brackets nest deeper than {MAX_DEPTH}"), None));
        }
        self.open.push(Open { brackets, at: Span::new(self.at, self.at + 1) });
        self.at += 1;
        let mut items: Vec<Item> = Vec::new();
        let outer_stray = std::mem::take(&mut self.stray);
        let tail = loop {
            let before = self.trivia();
            if self.ends_with_lost_line() || self.take(brackets.close()) {
                break before.comments;
            }
            match self.ends_wrongly() {
                End::Here => break before.comments,
                End::Skipped => continue,
                End::No => {}
            }
            let named = items.first().map(|first| first.key.is_some());
            match self.item(before, brackets, named) {
                Ok(item) => {
                    // Most brackets hold one item, and items are large.
                    items.reserve_exact(usize::from(items.is_empty()));
                    items.push(item);
                }
                Err(error) => {
                    let error = self.blame_string(error);
                    self.report(error);
                    self.synchronise();
                }
            }
        };
        self.stray = outer_stray;
        self.open.pop();
        Ok(Kind::Group(Group { name, brackets, items, tail }))
    }

    /// An item, from behind the comments before it to behind its comma and the comments that end its line.
    fn item(&mut self, before: Trivia, brackets: Brackets, named: Option<bool>) -> Result<Item> {
        let key = self.key(brackets, named)?;
        let value = self.value()?;
        let mut trail = self.trailing_comments(brackets);
        let end = self.at;
        let after = self.trivia();
        if self.take(',') {
            self.stray.extend(after.comments);
            let more = self.trailing_comments(brackets);
            // Nothing can follow a line comment on its line; what came after the comma moves before the item.
            if trail.last().is_some_and(|last| last.starts_with("//")) {
                self.stray.extend(more.into_iter().map(|text| Comment { text, blank_before: false }));
            } else {
                trail.extend(more);
            }
        } else if self.peek().is_none_or(|c| c == brackets.close()) {
            self.at = end;
        } else if self.forced_end != Some(self.at) && !self.outer_entry_ahead() {
            return Err(self.missing_comma(brackets, end));
        }
        let mut lead = before.comments;
        lead.append(&mut self.stray);
        let trail = if trail.is_empty() { None } else { Some(trail.join(" ")) };
        Ok(Item { lead, blank_before: before.blank_before_next, key, value, trail })
    }

    /// The comments that end this line. One with another item after it on the same line belongs to that item.
    fn trailing_comments(&mut self, brackets: Brackets) -> Vec<String> {
        let start = self.at;
        let mut found = Vec::new();
        loop {
            let rest = self.rest();
            let space = rest.find(|c: char| c == '\n' || !is_space(c)).unwrap_or(rest.len());
            self.at += space;
            let Some(len) = self.comment_len() else { break };
            found.push(comment_text(&self.rest()[..len]));
            self.at += len;
        }
        if self.peek().is_none_or(|c| c == '\n' || c == ',' || c == brackets.close()) {
            found
        } else {
            self.at = start;
            Vec::new()
        }
    }

    /// The key of the next item and its colon. `named` says whether the items before it have keys.
    fn key(&mut self, brackets: Brackets, named: Option<bool>) -> Result<Option<Key>> {
        match brackets {
            Brackets::Square => Ok(None),
            Brackets::Curly => {
                let key = self.value()?;
                if !matches!(key.kind, Kind::Scalar { .. }) {
                    let message = format!("expected a name in quotes, found {}", key.in_words());
                    let hint = Some("an entry is written \"name\": value".to_owned());
                    return Err(SyntaxError { span: key.span, message, hint });
                }
                self.skip();
                if !self.take(':') {
                    let hint = "an entry is written \"name\": value";
                    return Err(self.error_here(format!("expected `:`, found {}", self.found()), Some(hint)));
                }
                self.skip();
                Ok(Some(Key::Value(key)))
            }
            Brackets::Round if named == Some(false) => Ok(None),
            Brackets::Round => {
                let start = self.at;
                if identifier_len(self.rest()) > 0 {
                    let name = self.identifier();
                    let found = self.trivia();
                    if self.take(':') {
                        self.stray.extend(found.comments);
                        self.skip();
                        return Ok(Some(Key::Name(name)));
                    }
                    if self.peek() == Some('=') {
                        let hint = "write `:` between a name and its value";
                        return Err(self.error_here("expected `:`, found `=`".to_owned(), Some(hint)));
                    }
                }
                self.at = start;
                if named == Some(true) {
                    let hint = match self.peek() {
                        Some('"') => Some("the names of inputs are written without quotes"),
                        Some('0'..='9') => Some("a decimal point is written `.`"),
                        _ => None,
                    };
                    return Err(self.error_here(format!("expected `name: value`, found {}", self.found()), hint));
                }
                Ok(None)
            }
        }
    }

    /// Something else stands where a comma should; the value before it ends at `end`.
    fn missing_comma(&mut self, brackets: Brackets, end: usize) -> SyntaxError {
        let hint = match self.peek() {
            Some('.') => Some("a link is written in quotes: Out(\"node.output\")".to_owned()),
            Some(':') if brackets == Brackets::Round => Some("either every value here has a name, or none".to_owned()),
            Some(')' | ']' | '}') => Some(self.still_open()),
            _ => None,
        };
        let expected = format!("expected `,` or `{}`", brackets.close());
        if self.text[end..self.at].contains('\n') {
            // The comma is missing at the end of the line before.
            self.at = end;
            SyntaxError { span: Span::new(end, end), message: format!("{expected} at the end of this line"), hint }
        } else {
            self.error_here(format!("{expected}, found {}", self.found()), hint.as_deref())
        }
    }

    fn found(&self) -> String {
        match self.peek() {
            None => "the end of the file".to_owned(),
            Some(c) if c.is_control() => format!("`{}`", c.escape_unicode()),
            Some(c) => match identifier_len(self.rest()) {
                0 => format!("`{c}`"),
                len => format!("`{}`", &self.rest()[..len]),
            },
        }
    }
}

fn unused_word(name: Spanned<String>, hint: &str) -> SyntaxError {
    let message = format!("`{}` has no meaning in a graph", name.value);
    SyntaxError { span: name.span, message, hint: Some(hint.to_owned()) }
}

fn comment_text(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n")
}

/// White space as the `ron` crate defines it.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}'
    )
}
