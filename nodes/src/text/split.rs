//! One text as several.

use selfsame_sdk::prelude::*;

/// Splits a text into a list: its lines, or what stands between separators. A node that is linked to it runs once for
/// each part.
#[node(id = "core.text.split", category = "text", search = ["lines", "list", "for each", "csv"])]
#[output(texts = "the parts, in their order")]
pub fn split_text(
    /// What is split.
    text: String,
    /// Where it is split. The line end stands for any line end, those of Windows too.
    #[param(default = "\n", multiline)]
    separator: String,
    /// White space at both ends of each part is left out.
    #[param(default = true)]
    trim: bool,
    /// Empty parts are left out.
    #[param(default = true)]
    skip_empty: bool,
) -> Result<Vec<String>> {
    if separator.is_empty() {
        return Err(
            Error::input("separator", "expected a separator, got an empty text").hint("write \"\\n\" for lines")
        );
    }
    let parts = text.split(separator.as_str());
    let parts = parts.map(|part| if separator == "\n" { part.strip_suffix('\r').unwrap_or(part) } else { part });
    let parts = parts.map(|part| if trim { part.trim() } else { part });
    Ok(parts.filter(|part| !skip_empty || !part.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, separator: &str, trim: bool, skip_empty: bool) -> Vec<String> {
        split_text(text.into(), separator.into(), trim, skip_empty).unwrap()
    }

    #[test]
    fn lines() {
        assert_eq!(split("a \r\n\r\nb\n", "\n", true, true), ["a", "b"]);
        assert_eq!(split("a \r\n\r\nb\n", "\n", false, false), ["a ", "", "b", ""]);
        assert!(split("", "\n", true, true).is_empty());
    }

    #[test]
    fn separators() {
        assert_eq!(split("a, b,,c", ",", true, true), ["a", "b", "c"]);
        assert_eq!(split("a--b", "--", true, true), ["a", "b"]);
        assert_eq!(split_text("a".into(), String::new(), true, true).unwrap_err().port.unwrap(), "separator");
    }
}
