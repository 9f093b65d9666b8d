//! What a process writes to its standard outputs, as lines, and not too many of them.

use std::collections::VecDeque;

/// The most lines that wait for somebody to take them.
const MAX_LINES: usize = 200;
/// The most bytes of a line; the rest is left out.
const MAX_LENGTH: usize = 500;

/// Where a process writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Out,
    Error,
}

/// The lines that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Output {
    lines: VecDeque<String>,
    /// How many lines there were besides.
    dropped: u64,
    /// The lines that are not complete yet.
    begun: [Vec<u8>; 2],
    last_words: Option<String>,
}

impl Output {
    /// The process has written these bytes.
    pub fn add(&mut self, stream: Stream, bytes: &[u8]) {
        for (i, part) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if i > 0 {
                self.end_line(stream);
            }
            let begun = &mut self.begun[stream as usize];
            begun.extend(part.iter().take(MAX_LENGTH - begun.len().min(MAX_LENGTH)));
        }
    }

    /// The process writes no more.
    pub fn end(&mut self) {
        self.end_line(Stream::Out);
        self.end_line(Stream::Error);
    }

    fn end_line(&mut self, stream: Stream) {
        let bytes = std::mem::take(&mut self.begun[stream as usize]);
        let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if line.is_empty() {
            return;
        }
        // Rust ends what it says with advice.
        if stream == Stream::Error && !line.starts_with("note: ") {
            self.last_words = Some(line.clone());
        }
        if self.lines.len() < MAX_LINES {
            self.lines.push_back(line);
        } else {
            self.dropped += 1;
        }
    }

    /// The lines since the last time, and how many there were besides.
    pub fn take(&mut self) -> (Vec<String>, u64) {
        (self.lines.drain(..).collect(), std::mem::take(&mut self.dropped))
    }

    /// The last line on the standard error output.
    pub fn last_words(&self) -> Option<String> {
        self.last_words.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_and_bounded() {
        let mut output = Output::default();
        output.add(Stream::Out, b"one\ntw");
        output.add(Stream::Error, b"oh\n\nnote: ask\n");
        output.add(Stream::Out, b"o\r\n\xff\n");
        assert_eq!(
            output.take(),
            (vec!["one".to_owned(), "oh".into(), "note: ask".into(), "two".into(), "\u{fffd}".into()], 0)
        );
        for _ in 0..1000 {
            output.add(Stream::Out, &[b'x'; 700]);
        }
        output.add(Stream::Out, &b"\ny".repeat(300));
        output.end();
        let (lines, dropped) = output.take();
        assert_eq!((lines[0].len(), lines.len(), dropped), (MAX_LENGTH, MAX_LINES, 101));
        assert_eq!(output.last_words().as_deref(), Some("oh"));
    }
}
