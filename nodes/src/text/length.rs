//! How long a text is.

use selfsame_sdk::prelude::*;

/// Counts the characters, words and lines of a text.
#[node(id = "core.text.length", category = "text", search = ["count", "size", "words", "lines"])]
#[output(
    characters = "how many characters it has",
    words = "how many words, with white space between them",
    lines = "how many lines; a line end at the end starts no new one"
)]
pub fn text_length(
    /// The text.
    text: String,
) -> Result<(i64, i64, i64)> {
    let counts = (text.chars().count(), text.split_whitespace().count(), text.lines().count());
    // Counts of what is in memory are far below 2^63.
    Ok((counts.0 as i64, counts.1 as i64, counts.2 as i64))
}

#[cfg(test)]
mod tests {
    #[test]
    fn characters_words_lines() {
        assert_eq!(super::text_length("ä b\r\nc\n".into()).unwrap(), (7, 3, 2));
        assert_eq!(super::text_length(String::new()).unwrap(), (0, 0, 0));
    }
}
