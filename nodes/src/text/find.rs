//! Parts of a text that match an expression.

use super::pattern::{Syntax, compile};
use selfsame_sdk::prelude::*;

/// Finds every part of a text that matches a regular expression, as a list.
#[node(id = "core.text.find", category = "text", search = ["extract", "regex", "match", "parse"])]
#[output(matches = "the parts, in their order")]
pub fn find_text(
    /// Where it is looked for.
    text: String,
    /// The expression, in the [syntax of Rust's `regex`](https://docs.rs/regex/latest/regex/#syntax).
    pattern: String,
    /// Which group of the expression is given; 0 is all that matches. Matches without the group are left out.
    #[param(default = 0, hard = 0..=99)]
    group: usize,
    /// Capital and small letters are the same.
    #[param(default = false)]
    ignore_case: bool,
) -> Result<Vec<String>> {
    let pattern = compile(&pattern, Syntax::Regex, ignore_case, "pattern")?;
    let groups = pattern.captures_len() - 1;
    if group > groups {
        return Err(Error::input("group", format!("expected a group of the expression, 0 to {groups}, got {group}")));
    }
    Ok(pattern.captures_iter(&text).filter_map(|found| Some(found.get(group)?.as_str().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_and_groups() {
        let find = |group| find_text("512x768, 64X".into(), r"(\d+)x(\d+)?".into(), group, true);
        assert_eq!(find(0).unwrap(), ["512x768", "64X"]);
        assert_eq!(find(2).unwrap(), ["768"]);
        let message = find(3).unwrap_err().to_string();
        assert_eq!(message, "input `group`: expected a group of the expression, 0 to 2, got 3");
    }
}
