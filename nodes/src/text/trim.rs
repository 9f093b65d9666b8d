//! Texts without white space around them.

use selfsame_sdk::prelude::*;

/// Which ends of a text.
#[derive(Clone, Copy, Choice)]
pub enum Ends {
    /// The start and the end.
    Both,
    /// The start alone.
    Start,
    /// The end alone.
    End,
}

/// Takes the white space off the ends of a text, and on demand what is too much of it inside.
#[node(id = "core.text.trim", category = "text", search = ["strip", "whitespace", "clean"])]
#[output(text = "the text without it")]
pub fn trim_text(
    /// The text.
    text: String,
    /// Where.
    #[param(default = "both")]
    ends: Ends,
    /// Inside the text, any run of spaces and line ends becomes one space.
    #[param(default = false)]
    collapse: bool,
) -> Result<String> {
    let trimmed = match ends {
        Ends::Both => text.trim(),
        Ends::Start => text.trim_start(),
        Ends::End => text.trim_end(),
    };
    if !collapse {
        return Ok(trimmed.to_owned());
    }
    let inside = trimmed.trim();
    let (start, end) = trimmed.split_once(inside).unwrap_or_default();
    let words: Vec<&str> = inside.split_whitespace().collect();
    Ok(format!("{start}{}{end}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_inside() {
        let trim = |ends, collapse| trim_text(" a \n b ".into(), ends, collapse).unwrap();
        assert_eq!(
            [Ends::Both, Ends::Start, Ends::End].map(|ends| trim(ends, false)),
            ["a \n b", "a \n b ", " a \n b"]
        );
        assert_eq!([Ends::Both, Ends::Start, Ends::End].map(|ends| trim(ends, true)), ["a b", "a b ", " a b"]);
        assert_eq!(trim_text("  ".into(), Ends::Both, true).unwrap(), "");
    }
}
