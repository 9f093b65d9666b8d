//! Another text in place of one.

use super::pattern::{Syntax, compile};
use regex::NoExpand;
use selfsame_sdk::prelude::*;

/// Replaces every occurrence of a text by another.
#[node(id = "core.text.replace", category = "text", search = ["substitute", "regex", "find"])]
#[output(text = "the text after it")]
pub fn replace_text(
    /// Where it is looked for.
    text: String,
    /// What is looked for.
    #[param(multiline)]
    find: String,
    /// What takes its place. After a regular expression, `$1` and `${name}` stand for its groups, and `$$` for a dollar.
    #[param(default = "", multiline)]
    replace: String,
    /// How `find` is meant.
    #[param(default = "plain")]
    syntax: Syntax,
    /// Capital and small letters are the same.
    #[param(default = false)]
    ignore_case: bool,
) -> Result<String> {
    let pattern = compile(&find, syntax, ignore_case, "find")?;
    Ok(match syntax {
        Syntax::Plain => pattern.replace_all(&text, NoExpand(&replace)),
        Syntax::Regex => pattern.replace_all(&text, &replace),
    }
    .into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_by_expression() {
        let replace = |text: &str, find: &str, by: &str, syntax, ignore_case| {
            replace_text(text.into(), find.into(), by.into(), syntax, ignore_case).unwrap()
        };
        assert_eq!(replace("a cat, a Cat", "cat", "$1 dog", Syntax::Plain, false), "a $1 dog, a Cat");
        assert_eq!(replace("a cat, a Cat", "cat", "dog", Syntax::Plain, true), "a dog, a dog");
        assert_eq!(replace("w=512 h=768", r"(\w)=(\d+)", "$2$$$1", Syntax::Regex, false), "512$w 768$h");
        assert_eq!(replace("abc", "x", "y", Syntax::Plain, false), "abc");
    }
}
