//! What an ICC colour profile says of itself.

/// The name of a colour profile, if it is not sRGB. Nothing but the name is looked at: real sRGB profiles bear it,
/// with few exceptions.
pub fn other_than_srgb(profile: &[u8]) -> Option<String> {
    let name = name(profile).unwrap_or_else(|| "without a name".to_owned());
    (!name.to_ascii_lowercase().contains("srgb")).then_some(name)
}

/// The text of the tag `desc`. ICC.1:2010, 7.3 (tag table), 10.13 (`mluc`), and ICC.1:2001, 6.5.17 (`desc`).
fn name(profile: &[u8]) -> Option<String> {
    let word = |at: usize| Some(u32::from_be_bytes(profile.get(at..at.checked_add(4)?)?.try_into().ok()?) as usize);
    let count = word(128)?.min(1000);
    let entry = (0..count).map(|i| 132 + 12 * i).find(|at| profile.get(*at..at + 4) == Some(b"desc"))?;
    let start = word(entry + 4)?;
    let (text, wide) = match profile.get(start..start.checked_add(4)?)? {
        b"desc" => (slice(profile, start.checked_add(12)?, word(start.checked_add(8)?)?)?, false),
        b"mluc" => {
            let length = word(start.checked_add(20)?)?;
            let offset = word(start.checked_add(24)?)?;
            (slice(profile, start.checked_add(offset)?, length)?, true)
        }
        _ => return None,
    };
    let text = if wide {
        String::from_utf16_lossy(&text.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect::<Vec<_>>())
    } else {
        String::from_utf8_lossy(text).into_owned()
    };
    Some(text.trim_end_matches('\0').chars().take(100).collect())
}

fn slice(bytes: &[u8], start: usize, length: usize) -> Option<&[u8]> {
    bytes.get(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile with nothing but a description.
    fn profile(tag: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(b"desc");
        bytes.extend([0, 0, 0, 144]);
        bytes.extend((tag.len() as u32).to_be_bytes());
        bytes.extend(tag);
        bytes
    }

    fn wide(text: &str) -> Vec<u8> {
        let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let head = [&b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS"[..], &(text.len() as u32).to_be_bytes(), &[0, 0, 0, 28]];
        [head.concat(), text].concat()
    }

    #[test]
    fn names_in_both_versions() {
        assert_eq!(other_than_srgb(&profile(b"desc\0\0\0\0\0\0\0\x16sRGB IEC61966-2.1 xyz\0")), None);
        assert_eq!(
            other_than_srgb(&profile(b"desc\0\0\0\0\0\0\0\x11Adobe RGB (1998)\0")).as_deref(),
            Some("Adobe RGB (1998)")
        );
        assert_eq!(other_than_srgb(&profile(&wide("sRGB2014"))), None);
        assert_eq!(other_than_srgb(&profile(&wide("Display P3"))).as_deref(), Some("Display P3"));
    }

    #[test]
    fn broken_profiles_have_no_name() {
        let whole = profile(&wide("Display P3"));
        for length in 0..whole.len() {
            assert!(other_than_srgb(&whole[..length]).is_some());
        }
        assert_eq!(other_than_srgb(&[255; 300]).as_deref(), Some("without a name"));
    }
}
