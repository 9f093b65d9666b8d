//! White space and comments, which are kept with the items that they stand at.

use super::parser::Parser;
use super::{Brackets, Comment, SyntaxError};
use crate::source::Span;

/// What stands between two tokens.
pub(super) struct Trivia {
    pub comments: Vec<Comment>,
    pub blank_before_next: bool,
}

impl Parser<'_> {
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

    /// The length of the comment that starts here. One that is never closed is reported, and takes the rest of the text.
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
    pub fn skip(&mut self) {
        let found = self.trivia();
        self.stray.extend(found.comments);
    }

    /// The comments that end this line. One with another item after it on the same line belongs to that item.
    pub fn trailing_comments(&mut self, brackets: Brackets) -> Vec<String> {
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
