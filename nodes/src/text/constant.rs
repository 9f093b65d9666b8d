//! A text that a graph sets.

use selfsame_sdk::prelude::*;

/// A text, to be used in several places.
#[node(id = "core.text.constant", category = "text", search = ["constant", "string", "prompt"])]
#[output(text = "the text")]
pub fn text(
    /// The text.
    #[param(default = "", multiline)]
    text: String,
) -> Result<String> {
    Ok(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_gives_what_it_is() {
        assert_eq!(super::text(" a\nb ".into()).unwrap(), " a\nb ");
    }
}
