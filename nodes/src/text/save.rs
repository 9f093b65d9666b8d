//! A text into a file.

use selfsame_sdk::prelude::*;

/// What kind of file a text becomes.
#[derive(Clone, Copy, Choice)]
pub enum Extension {
    /// Plain text.
    Txt,
    /// Markdown.
    Md,
    /// A table.
    Csv,
    /// JSON.
    Json,
}

/// Saves a text as a file in the output folder, in UTF-8, as it is. Files that are there already stay.
#[node(id = "core.text.save", category = "text/file", output_node, search = ["write", "file", "caption", "export"])]
#[output(path = "the path of the file")]
pub fn save_text(
    ctx: Ctx,
    /// What is saved.
    text: String,
    /// How the name of the file starts; a number follows. It may name folders: `captions/ada`.
    #[param(default = "text")]
    prefix: String,
    /// What kind of file it is.
    #[param(default = "txt")]
    extension: Extension,
) -> Result<String> {
    let extension = match extension {
        Extension::Txt => "txt",
        Extension::Md => "md",
        Extension::Csv => "csv",
        Extension::Json => "json",
    };
    let path = ctx.save(&prefix, extension, |file| Ok(file.write_all(text.as_bytes())?))?;
    Ok(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn it_is_saved_as_it_is() {
        let host = TestHost::new();
        let path = save_text(host.ctx(), "ä\r\n".into(), "captions/ada".into(), Extension::Md).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), "ä\r\n".as_bytes());
        assert!(path.ends_with(".md"));
        assert_eq!(host.said().saved.len(), 1);
    }
}
