//! A text from a file.

use selfsame_sdk::prelude::*;

/// The largest file that is taken for a text.
const MAX_BYTES: u64 = 64 << 20;

/// Loads a text from a file. Line ends become `\n`, whatever they are in the file.
///
/// The file holds UTF-8, or UTF-16 if it starts with a byte order mark that says so. SplitText makes a list of its lines.
#[node(id = "core.text.load", category = "text/file", search = ["read", "file", "txt", "prompt", "open"])]
#[output(text = "what is in the file")]
pub fn load_text(
    ctx: Ctx,
    /// The file, up to 64 MiB.
    #[param(file = ["txt", "md", "csv", "json", "ron", "yaml", "yml", "log"])]
    path: String,
) -> Result<String> {
    read(ctx, &path).input("path")
}

/// The text in a file.
pub(super) fn read(ctx: Ctx, path: &str) -> Result<String> {
    if let Ok(metadata) = ctx.path(path).metadata()
        && metadata.len() > MAX_BYTES
    {
        bail!("{path} is too large for a text: expected up to {MAX_BYTES} bytes, got {}", metadata.len());
    }
    decode(&ctx.read(path)?).context(|| path.to_owned())
}

fn decode(bytes: &[u8]) -> Result<String> {
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest)?,
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => utf8(bytes)?,
    };
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn utf8(bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::new(format!("expected a text in UTF-8, got something else at byte {}", error.valid_up_to()))
            .hint("save the file as UTF-8")
    })?;
    Ok(text.to_owned())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String> {
    let (units, []) = bytes.as_chunks() else {
        return Err(Error::new(format!("expected pairs of bytes of UTF-16, got {} bytes", bytes.len())));
    };
    let units: Vec<u16> = units.iter().copied().map(unit).collect();
    String::from_utf16(&units).map_err(|_| Error::new("the file starts as UTF-16, but is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn encodings_and_line_ends() {
        for (bytes, wanted) in [
            (&b"a\r\nb\rc\n"[..], "a\nb\nc\n"),
            (b"\xEF\xBB\xBF\xC3\xA4", "ä"),
            (b"\xFF\xFE\xE4\0\r\0\n\0", "ä\n"),
            (b"\xFE\xFF\0\xE4", "ä"),
            (b"", ""),
        ] {
            assert_eq!(decode(bytes).unwrap(), wanted);
        }
    }

    #[test]
    fn what_is_no_text_is_an_error() {
        assert_eq!(
            decode(b"ab\xE4c").unwrap_err().to_string(),
            "expected a text in UTF-8, got something else at byte 2"
        );
        assert!(decode(b"\xFF\xFE\x00").is_err());
        assert!(decode(b"\xFF\xFE\x00\xD8").is_err());
    }

    #[test]
    fn the_host_is_told_of_the_file() {
        let host = TestHost::new();
        std::fs::write(host.folder().join("a.txt"), "hello").unwrap();
        assert_eq!(load_text(host.ctx(), "a.txt".into()).unwrap(), "hello");
        assert_eq!(host.said().reads, [host.folder().join("a.txt")]);
        let missing = load_text(host.ctx(), "b.txt".into()).unwrap_err();
        assert_eq!((missing.status, missing.port.as_deref()), (Status::NotFound, Some("path")));
    }
}
