//! Whether a text is, or holds, another.

use super::pattern::{Syntax, compile};
use selfsame_sdk::prelude::*;

/// What is asked about two texts.
#[derive(Clone, Copy, Choice)]
pub enum Question {
    /// They are the same.
    Equals,
    /// The other one stands somewhere in it.
    Contains,
    /// It starts with the other one.
    StartsWith,
    /// It ends with the other one.
    EndsWith,
    /// It matches the other one, a regular expression, somewhere.
    Matches,
}

/// Asks whether a text equals, contains or matches another one.
#[node(id = "core.text.compare", category = "text", search = ["contains", "equal", "regex", "condition", "test"])]
#[output(result = "whether it is so")]
pub fn compare_text(
    /// The text.
    text: String,
    /// The other one.
    other: String,
    /// What is asked about them.
    #[param(default = "equals")]
    question: Question,
    /// Capital and small letters are the same.
    #[param(default = false)]
    ignore_case: bool,
) -> Result<bool> {
    if matches!(question, Question::Matches) {
        return Ok(compile(&other, Syntax::Regex, ignore_case, "other")?.is_match(&text));
    }
    let fold = |text: String| if ignore_case { text.to_lowercase() } else { text };
    let (text, other) = (fold(text), fold(other));
    Ok(match question {
        Question::Equals => text == other,
        Question::Contains | Question::Matches => text.contains(&other),
        Question::StartsWith => text.starts_with(&other),
        Question::EndsWith => text.ends_with(&other),
    })
}

#[cfg(test)]
mod tests {
    use super::Question::*;
    use super::*;

    #[test]
    fn every_question() {
        let ask = |text: &str, other: &str, ignore_case| {
            [Equals, Contains, StartsWith, EndsWith, Matches]
                .map(|question| compare_text(text.into(), other.into(), question, ignore_case).unwrap())
        };
        assert_eq!(ask("a cat", "a cat", false), [true; 5]);
        assert_eq!(ask("a cat", "CAT", false), [false; 5]);
        assert_eq!(ask("a cat", "CAT", true), [false, true, false, true, true]);
        assert_eq!(ask("a cat", "^a|x$", false), [false, false, false, false, true]);
        assert_eq!(compare_text("a".into(), "(".into(), Matches, false).unwrap_err().port.unwrap(), "other");
    }
}
