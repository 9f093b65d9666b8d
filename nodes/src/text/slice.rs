//! A part of a text by its place.

use crate::list::slice::places;
use selfsame_sdk::prelude::*;

/// Takes a part of a text by its place, counted in characters. Places below 0 count from the end.
#[node(id = "core.text.slice", category = "text", search = ["substring", "truncate", "shorten", "crop"])]
#[output(text = "the part")]
pub fn slice_text(
    /// The text.
    text: String,
    /// Where the part starts; 0 is the first character, -3 the third last.
    #[param(default = 0)]
    start: i64,
    /// Before which character it ends. Not set, it goes to the end.
    end: Option<i64>,
) -> Result<String> {
    let range = places(start, end, text.chars().count());
    Ok(text.chars().skip(range.start).take(range.len()).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn characters_count_not_bytes() {
        let slice = |start, end| super::slice_text("äöüß".into(), start, end).unwrap();
        assert_eq!(slice(1, Some(3)), "öü");
        assert_eq!(slice(-2, None), "üß");
        assert_eq!(slice(0, Some(99)), "äöüß");
        assert_eq!(slice(3, Some(1)), "");
    }
}
