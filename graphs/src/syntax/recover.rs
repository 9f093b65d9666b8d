//! Reading on after a mistake, so that all mistakes of a file are found at once.
//!
//! A mistake costs the item in which it stands: the next item of the same brackets is read as usual. A closing bracket
//! or quote that is missing would garble everything after it, so indentation and line ends tell where it was meant to
//! stand. A place is never reported twice.

use super::parser::Parser;
use super::scalar::identifier_len;
use super::{Brackets, SyntaxError};
use crate::source::Span;

/// After so many mistakes a text is no graph at all.
const MAX_ERRORS: usize = 100;

/// Brackets that are being read.
pub(super) struct Open {
    pub brackets: Brackets,
    pub at: Span,
}

/// How the brackets end that are being read, if they do.
pub(super) enum End {
    /// They do not.
    No,
    /// Here, although their closing bracket is missing.
    Here,
    /// A closing bracket that nothing opens was skipped.
    Skipped,
}

impl Parser<'_> {
    pub fn report(&mut self, error: SyntaxError) {
        if !self.silent {
            self.errors.push(error);
            self.silent = self.errors.len() >= MAX_ERRORS;
        }
    }

    /// Whether the innermost brackets end here, before an item, other than by their closing bracket.
    pub fn ends_wrongly(&mut self) -> End {
        let Some(open) = self.open.last() else { return End::No };
        let (brackets, at) = (open.brackets, open.at);
        let unclosed = |hint: Option<String>| {
            let message = format!("this `{}` is never closed: `{}` is missing", brackets.open(), brackets.close());
            SyntaxError { span: at, message, hint }
        };
        match self.peek() {
            None => {
                self.report(unclosed(None));
                self.silent = true; // What holds these brackets is not closed either.
                End::Here
            }
            Some(c @ (')' | ']' | '}')) => {
                if self.forced_end != Some(self.at) {
                    let message = format!("expected `{}`, found `{c}`", brackets.close());
                    self.report(self.error_here(message, Some(&self.still_open())));
                }
                if self.closes_outer(c) {
                    self.forced_end = Some(self.at);
                    End::Here
                } else {
                    self.at += c.len_utf8();
                    End::Skipped
                }
            }
            Some(_) if self.outer_entry_ahead() => {
                if self.forced_end != Some(self.at) {
                    let line = self.text[..self.at].matches('\n').count() + 1;
                    self.report(unclosed(Some(format!("the next entry stands on line {line}"))));
                }
                self.forced_end = Some(self.at);
                End::Here
            }
            Some(_) => End::No,
        }
    }

    /// Goes on to where the next item may start, or to where the innermost brackets end.
    pub fn synchronise(&mut self) {
        if self.errors.len() >= MAX_ERRORS {
            self.at = self.text.len();
        }
        let lost_line = self.lost_line.is_some();
        if self.ends_with_lost_line() {
            self.trivia();
            self.forced_end = Some(self.at);
            return;
        }
        let mut inner: Vec<char> = Vec::new();
        let mut line_starts = false;
        while let Some(c) = self.peek() {
            if inner.is_empty() && line_starts && (self.own_entry_ahead() || self.outer_entry_ahead()) {
                if lost_line {
                    self.forced_end = Some(self.at);
                }
                return;
            }
            if !c.is_whitespace() {
                line_starts = false;
            }
            match c {
                ',' if inner.is_empty() => {
                    self.at += 1;
                    return;
                }
                '\n' => line_starts = true,
                '(' => inner.push(')'),
                '[' => inner.push(']'),
                '{' => inner.push('}'),
                ')' | ']' | '}' if inner.last() == Some(&c) => drop(inner.pop()),
                ')' | ']' | '}' if self.closes_innermost(c) => return,
                ')' | ']' | '}' if self.closes_outer(c) => {
                    self.forced_end = Some(self.at);
                    return;
                }
                '/' if self.comment_len().is_some() => {
                    self.trivia();
                    line_starts = self.text[..self.at].trim_end_matches([' ', '\t']).ends_with('\n');
                    continue;
                }
                // A quote whose partner stands on another line is a stray one.
                '"' | '\'' => {
                    self.at += self.quoted_len(c).unwrap_or(1);
                    continue;
                }
                _ => {}
            }
            self.at += c.len_utf8();
        }
        self.silent = true; // No bracket is closed any more, but perhaps only because of what was skipped.
    }

    /// If a mistake follows right after a string over several lines, the closing quote is probably missing on the first
    /// of them. Then the mistake is that, and reading goes on at the end of that line.
    pub fn blame_string(&mut self, error: SyntaxError) -> SyntaxError {
        let Some(string) = self.long_string.take() else { return error };
        let between = self.text.get(string.end..error.span.start);
        if between.is_none_or(|between| !between.trim().is_empty()) {
            return error;
        }
        let line = self.text[..string.end].matches('\n').count() + 1;
        self.lose_line(string.start);
        SyntaxError {
            span: Span::new(string.start, string.start + 1),
            message: format!("this string goes on to line {line}: is its closing `\"` missing?"),
            hint: None,
        }
    }

    /// Goes on at the end of the line of a string that is not closed on it. Brackets that opened on that line were probably
    /// closed there too.
    pub fn lose_line(&mut self, string: usize) {
        self.at = self.text[string..].find('\n').map_or(self.text.len(), |end| string + end);
        self.lost_line = Some(self.text[..string].rfind('\n').map_or(0, |end| end + 1));
    }

    /// Whether the innermost brackets opened on the line that was lost last.
    pub fn ends_with_lost_line(&mut self) -> bool {
        let opened = self.open.last().map_or(0, |open| open.at.start);
        self.lost_line = self.lost_line.filter(|line| opened >= *line);
        self.lost_line.is_some()
    }

    /// Which of the brackets that are being read a mistake may have left open.
    pub fn still_open(&self) -> String {
        let Some(open) = self.open.last() else { return String::new() };
        let line = self.text[..open.at.start].matches('\n').count() + 1;
        format!("the `{}` of line {line} is still open", open.brackets.open())
    }

    fn closes_innermost(&self, c: char) -> bool {
        self.open.last().is_some_and(|open| open.brackets.close() == c)
    }

    /// Whether the closing bracket `c`, which stands here, belongs to brackets further out. It does not if the right one
    /// follows at once: then it is one too many.
    fn closes_outer(&self, c: char) -> bool {
        let follows = self.rest()[c.len_utf8()..].trim_start_matches([' ', '\t']).chars().next();
        self.open.iter().any(|open| open.brackets.close() == c) && !follows.is_some_and(|c| self.closes_innermost(c))
    }

    /// Whether an entry of the innermost brackets starts here.
    fn own_entry_ahead(&self) -> bool {
        self.open.last().is_some_and(|open| self.entry_ahead() == Some(open.brackets))
    }

    /// Whether an entry starts here, at the start of a line, that belongs to brackets further out: it is of their kind,
    /// and indented no deeper than the line that opened the innermost ones.
    pub fn outer_entry_ahead(&self) -> bool {
        let Some((innermost, outer)) = self.open.split_last() else { return false };
        let before = self.text[..self.at].trim_end_matches([' ', '\t']);
        before.ends_with('\n')
            && self
                .entry_ahead()
                .is_some_and(|kind| kind != innermost.brackets && outer.iter().any(|open| open.brackets == kind))
            && self.at - before.len() <= self.indent_of_line(innermost.at.start)
    }

    fn indent_of_line(&self, at: usize) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        self.text[line..at].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count()
    }

    /// The kind of brackets that an entry belongs to which starts here: `name:` or `"name":`.
    fn entry_ahead(&self) -> Option<Brackets> {
        let rest = self.rest();
        let (len, brackets) = match rest.starts_with('"') {
            true => (self.quoted_len('"')?, Brackets::Curly),
            false => (identifier_len(rest), Brackets::Round),
        };
        (len > 0 && rest[len..].trim_start_matches([' ', '\t']).starts_with(':')).then_some(brackets)
    }

    /// The length in bytes of what stands in quotes here, if it ends on its line.
    fn quoted_len(&self, quote: char) -> Option<usize> {
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1).take_while(|(_, c)| *c != '\n') {
            if c == quote && !escaped {
                return Some(at + 1);
            }
            escaped = c == '\\' && !escaped;
        }
        None
    }
}
