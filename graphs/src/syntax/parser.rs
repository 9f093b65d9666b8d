//! From text to the tree.

use super::scalar::{identifier_len, number, string};
use super::{Brackets, Comment, File, Group, Item, Key, Kind, SyntaxError, Value};
use crate::source::{Span, Spanned};
use selfsame_sdk::Literal;

/// How deeply brackets may nest; the `ron` crate stops at 128.
const MAX_DEPTH: usize = 64;

type Result<T> = std::result::Result<T, SyntaxError>;

/// Reads a whole file. A byte order mark at its start is skipped.
pub(crate) fn parse(text: &str) -> Result<File> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut parser = Parser { text, at: start, depth: 0, stray: Vec::new() };
    let before = parser.trivia()?;
    let value = parser.value()?;
    let mut lead = before.comments;
    lead.append(&mut parser.stray);
    let after = parser.trivia()?;
    if let Some(c) = parser.peek() {
        let message = format!("expected the end of the file, found `{c}`");
        return Err(parser.error_here(message, Some("a graph file holds one `Graph(...)` and nothing else")));
    }
    Ok(File { lead, blank_before: before.blank_before_next, value, tail: after.comments })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Comments at places where the tree has no room, such as between a name and its colon; the next item takes them.
    stray: Vec<Comment>,
}

/// What stands between two tokens.
struct Trivia {
    comments: Vec<Comment>,
    blank_before_next: bool,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn error_here(&self, message: String, hint: Option<&str>) -> SyntaxError {
        let width = self.peek().map_or(0, char::len_utf8);
        SyntaxError { span: Span::new(self.at, self.at + width), message, hint: hint.map(str::to_owned) }
    }

    /// Skips white space and collects comments.
    fn trivia(&mut self) -> Result<Trivia> {
        let mut found = Trivia { comments: Vec::new(), blank_before_next: false };
        let mut line_ends = 0;
        loop {
            let rest = self.rest();
            let space = rest.find(|c: char| !is_space(c)).unwrap_or(rest.len());
            line_ends += rest[..space].matches('\n').count();
            self.at += space;
            let rest = &rest[space..];
            let len = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                self.block_comment_len()?
            } else {
                break;
            };
            let text = comment_text(&rest[..len]);
            found.comments.push(Comment { text, blank_before: line_ends > 1 });
            line_ends = 0;
            self.at += len;
        }
        found.blank_before_next = line_ends > 1;
        Ok(found)
    }

    fn block_comment_len(&self) -> Result<usize> {
        let rest = self.rest();
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
                    return Ok(at);
                }
            } else {
                at += 1;
            }
        }
        let span = Span::new(self.at, self.at + 2);
        Err(SyntaxError { span, message: "this comment is never closed: `*/` is missing".to_owned(), hint: None })
    }

    /// Trivia at a place where the tree has no room for comments.
    fn skip(&mut self) -> Result<()> {
        let found = self.trivia()?;
        self.stray.extend(found.comments);
        Ok(())
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
        let (value, end) = string(self.text, start)?;
        self.at = end;
        Ok(Kind::Scalar { literal: Literal::Str(value), spelling: self.text[start..end].to_owned() })
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
        let literal = number(&rest[..len], span)?;
        self.at = span.end;
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
                let found = self.trivia()?;
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
        let open = Span::new(self.at, self.at + 1);
        if self.depth >= MAX_DEPTH {
            return Err(self.error_here(format!("brackets nest deeper than {MAX_DEPTH}"), None));
        }
        self.depth += 1;
        self.at += 1;
        let mut items: Vec<Item> = Vec::new();
        let outer_stray = std::mem::take(&mut self.stray);
        let tail = loop {
            let before = self.trivia()?;
            if self.take(brackets.close()) {
                break before.comments;
            }
            if self.peek().is_none() {
                let message = format!("this `{}` is never closed: `{}` is missing", brackets.open(), brackets.close());
                return Err(SyntaxError { span: open, message, hint: None });
            }
            let named = items.first().map(|first| first.key.is_some());
            if let Some(c @ (')' | ']' | '}')) = self.peek() {
                let message = format!("expected `{}`, found `{c}`", brackets.close());
                return Err(self.error_here(message, Some(&self.still_open(open, brackets))));
            }
            let key = self.key(brackets, named)?;
            let value = self.value()?;
            let mut trail = self.trailing_comments(brackets)?;
            let end = self.at;
            let after = self.trivia()?;
            let comma = self.take(',');
            if comma {
                self.stray.extend(after.comments);
                let more = self.trailing_comments(brackets)?;
                // Nothing can follow a line comment on its line; what came after the comma moves before the item.
                if trail.last().is_some_and(|last| last.starts_with("//")) {
                    self.stray.extend(more.into_iter().map(|text| Comment { text, blank_before: false }));
                } else {
                    trail.extend(more);
                }
            } else if self.peek().is_some_and(|c| c != brackets.close()) {
                return Err(self.missing_comma(open, brackets, end));
            } else {
                self.at = end;
            }
            let mut lead = before.comments;
            lead.append(&mut self.stray);
            let trail = if trail.is_empty() { None } else { Some(trail.join(" ")) };
            items.push(Item { lead, blank_before: before.blank_before_next, key, value, trail });
        };
        self.stray = outer_stray;
        self.depth -= 1;
        Ok(Kind::Group(Group { name, brackets, items, tail }))
    }

    /// The comments that end this line. One with another item after it on the same line belongs to that item.
    fn trailing_comments(&mut self, brackets: Brackets) -> Result<Vec<String>> {
        let start = self.at;
        let mut found = Vec::new();
        loop {
            let rest = self.rest();
            let space = rest.find(|c: char| c == '\n' || !is_space(c)).unwrap_or(rest.len());
            self.at += space;
            let rest = self.rest();
            let len = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                self.block_comment_len()?
            } else {
                break;
            };
            found.push(comment_text(&rest[..len]));
            self.at += len;
        }
        if self.peek().is_none_or(|c| c == '\n' || c == ',' || c == brackets.close()) {
            Ok(found)
        } else {
            self.at = start;
            Ok(Vec::new())
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
                self.skip()?;
                if !self.take(':') {
                    let hint = "an entry is written \"name\": value";
                    return Err(self.error_here(format!("expected `:`, found {}", self.found()), Some(hint)));
                }
                self.skip()?;
                Ok(Some(Key::Value(key)))
            }
            Brackets::Round if named == Some(false) => Ok(None),
            Brackets::Round => {
                let start = self.at;
                if identifier_len(self.rest()) > 0 {
                    let name = self.identifier();
                    let found = self.trivia()?;
                    if self.take(':') {
                        self.stray.extend(found.comments);
                        self.skip()?;
                        return Ok(Some(Key::Name(name)));
                    }
                    if self.peek() == Some('=') {
                        let hint = "write `:` between a name and its value";
                        return Err(self.error_here("expected `:`, found `=`".to_owned(), Some(hint)));
                    }
                }
                self.at = start;
                if named == Some(true) {
                    let hint = self.rest().starts_with('"').then_some("the names of inputs are written without quotes");
                    return Err(self.error_here(format!("expected `name: value`, found {}", self.found()), hint));
                }
                Ok(None)
            }
        }
    }

    fn missing_comma(&self, open: Span, brackets: Brackets, end: usize) -> SyntaxError {
        let hint = match self.peek() {
            Some('.') => Some("a link is written in quotes: Out(\"node.output\")".to_owned()),
            Some(':') if brackets == Brackets::Round => Some("either every value here has a name, or none".to_owned()),
            Some(')' | ']' | '}') => Some(self.still_open(open, brackets)),
            _ => None,
        };
        let expected = format!("expected `,` or `{}`", brackets.close());
        if self.text[end..self.at].contains('\n') {
            // The comma is missing at the end of the line before.
            SyntaxError { span: Span::new(end, end), message: format!("{expected} at the end of this line"), hint }
        } else {
            self.error_here(format!("{expected}, found {}", self.found()), hint.as_deref())
        }
    }

    fn still_open(&self, open: Span, brackets: Brackets) -> String {
        let line = self.text[..open.start].matches('\n').count() + 1;
        format!("the `{}` of line {line} is still open", brackets.open())
    }

    fn found(&self) -> String {
        match self.peek() {
            None => "the end of the file".to_owned(),
            Some(c) if c.is_control() => format!("`{}`", c.escape_unicode()),
            Some(c) => format!("`{c}`"),
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
