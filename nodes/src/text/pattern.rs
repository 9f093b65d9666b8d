//! Plain texts and regular expressions to look for.

use regex::{Regex, RegexBuilder};
use selfsame_sdk::prelude::*;

/// How a text to look for is meant.
#[derive(Clone, Copy, PartialEq, Eq, Choice)]
pub enum Syntax {
    /// The very same text.
    Plain,
    /// A regular expression, in the [syntax of Rust's `regex`](https://docs.rs/regex/latest/regex/#syntax).
    Regex,
}

/// What to look for, ready to be looked for. It takes time in proportion to the text, whatever the expression.
///
/// # Errors
/// On `port`, if it is empty or no regular expression, or one too large.
pub fn compile(pattern: &str, syntax: Syntax, ignore_case: bool, port: &str) -> Result<Regex> {
    if pattern.is_empty() {
        return Err(Error::input(port, "expected a text to look for, got an empty one"));
    }
    let escaped = match syntax {
        Syntax::Plain => regex::escape(pattern),
        Syntax::Regex => pattern.to_owned(),
    };
    RegexBuilder::new(&escaped).case_insensitive(ignore_case).build().input(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_texts_and_expressions() {
        let finds =
            |pattern, syntax, ignore_case, text| compile(pattern, syntax, ignore_case, "find").unwrap().is_match(text);
        assert!(finds("a.b", Syntax::Plain, false, "a.b"));
        assert!(!finds("a.b", Syntax::Plain, false, "axb"));
        assert!(finds("a.b", Syntax::Regex, false, "axb"));
        assert!(finds("ÄB", Syntax::Plain, true, "äb"));
        assert_eq!(compile("(", Syntax::Regex, false, "find").unwrap_err().port.unwrap(), "find");
        assert_eq!(compile("", Syntax::Plain, false, "find").unwrap_err().port.unwrap(), "find");
        assert!(compile(r"(\w{1000}){1000}", Syntax::Regex, false, "find").is_err());
    }
}
