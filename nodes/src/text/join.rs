//! Several texts as one.

use selfsame_sdk::prelude::*;

/// Joins texts into one, with a separator between them.
#[node(id = "core.text.join", category = "text", search = ["concatenate", "concat", "combine", "prompt"])]
#[output(text = "all texts in one")]
pub fn join_text(
    /// The texts, in their order.
    texts: Vec<String>,
    /// What stands between two of them.
    #[param(default = ", ", multiline)]
    separator: String,
    /// Texts of nothing but white space are left out, so that no separator stands alone.
    #[param(default = true)]
    skip_empty: bool,
) -> Result<String> {
    let kept: Vec<String> = texts.into_iter().filter(|text| !skip_empty || !text.trim().is_empty()).collect();
    Ok(kept.join(&separator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_stand_between() {
        let texts = || ["a", " ", "b"].map(str::to_owned).to_vec();
        assert_eq!(join_text(texts(), ", ".into(), true).unwrap(), "a, b");
        assert_eq!(join_text(texts(), "|".into(), false).unwrap(), "a| |b");
        assert_eq!(join_text(vec![], ", ".into(), true).unwrap(), "");
    }
}
