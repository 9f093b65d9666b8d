//! One line of a text, drawn by a seed.

use crate::splitmix::SplitMix64;
use selfsame_sdk::prelude::*;

/// Draws a line of a text by a seed. Empty lines and lines that start with `#` are left out.
///
/// With LoadText in front of it, it draws from a wildcard file.
#[node(id = "core.text.random_line", category = "text/random", search = ["wildcard", "pick", "choose", "prompt"])]
#[output(line = "the line, without white space around it", index = "which one it is, from 0, of those not left out")]
pub fn random_line(
    /// The lines.
    #[param(multiline)]
    text: String,
    /// The same seed draws the same line.
    #[param(default = 0)]
    seed: Seed,
) -> Result<(String, i64)> {
    let lines = lines(&text);
    let index = SplitMix64::new(seed.0).below(lines.len());
    match lines.get(index) {
        Some(line) => Ok(((*line).to_owned(), index as i64)),
        None => Err(Error::input("text", "expected at least one line, got none that is not empty or a comment")),
    }
}

/// The lines of a wildcard file: without white space around them, empty ones and comments.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_draw_all_lines_and_nothing_else() {
        let text = "# colours\nred\r\n\n  green \nblue\n";
        let mut drawn: Vec<_> = (0..50).map(|seed| random_line(text.into(), Seed(seed)).unwrap()).collect();
        assert_eq!(drawn[7], random_line(text.into(), Seed(7)).unwrap());
        drawn.sort_by_key(|(_, index)| *index);
        drawn.dedup();
        assert_eq!(drawn, [("red".into(), 0), ("green".into(), 1), ("blue".into(), 2)]);
        assert_eq!(random_line("# none\n".into(), Seed(0)).unwrap_err().port.unwrap(), "text");
    }
}
