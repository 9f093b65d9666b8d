//! Texts in PNG files: what made a picture travels with it.
//!
//! Source: PNG specification, third edition, 11.3.3 (textual information).

use flate2::read::ZlibDecoder;
use std::io::Read;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The most bytes of one text, unpacked. A longer one is left out.
const MAX_TEXT: u64 = 16 << 20;

/// The most bytes of all texts together; what comes after them is left out.
const MAX_TEXTS: usize = 64 << 20;

/// The texts of a PNG file, as keyword and text, in the order of the file: its `tEXt`, `zTXt` and `iTXt` chunks.
///
/// It is as tolerant as can be: what is broken or too long is left out, checksums and pixels are not looked at, and a
/// file that is no PNG has no texts.
pub fn read_text(bytes: &[u8]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut total = 0;
    let mut rest = bytes.strip_prefix(SIGNATURE).unwrap_or_default();
    while let Some((kind, data, after)) = next_chunk(rest) {
        rest = after;
        let text = match kind {
            b"tEXt" => plain(data),
            b"zTXt" => compressed(data),
            b"iTXt" => international(data),
            b"IEND" => break,
            _ => None,
        };
        let Some((keyword, text)) = text else { continue };
        total += text.len();
        if total > MAX_TEXTS {
            break;
        }
        texts.push((keyword, text));
    }
    texts
}

/// Kind and data of the first chunk, and what comes after it.
fn next_chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (data, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((kind, data, rest.get(4..)?)) // four bytes of checksum
}

/// Keyword, NUL, text.
fn plain(data: &[u8]) -> Option<(String, String)> {
    let (keyword, text) = until_nul(data)?;
    (text.len() as u64 <= MAX_TEXT).then(|| (latin1(keyword), latin1(text)))
}

/// Keyword, NUL, method (0 is zlib), packed text.
fn compressed(data: &[u8]) -> Option<(String, String)> {
    let (keyword, rest) = until_nul(data)?;
    let (0, packed) = rest.split_first()? else { return None };
    Some((latin1(keyword), latin1(&unpack(packed)?)))
}

/// Keyword, NUL, whether it is packed, method (0 is zlib), language, NUL, translated keyword, NUL, text.
fn international(data: &[u8]) -> Option<(String, String)> {
    let (keyword, rest) = until_nul(data)?;
    let ([packed, method], rest) = rest.split_first_chunk::<2>()?;
    let (_language, rest) = until_nul(rest)?;
    let (_translated, text) = until_nul(rest)?;
    let text = match (packed, method) {
        (0, _) if text.len() as u64 <= MAX_TEXT => String::from_utf8(text.to_vec()).ok()?,
        (1, 0) => String::from_utf8(unpack(text)?).ok()?,
        _ => return None,
    };
    Some((latin1(keyword), text))
}

fn until_nul(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|byte| *byte == 0)?;
    Some((&data[..end], &data[end + 1..]))
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    // One byte more tells a text of the limit from a longer one.
    ZlibDecoder::new(packed).take(MAX_TEXT + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= MAX_TEXT).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::ZlibEncoder};
    use std::io::Write;

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &[0; 4]].concat()
    }

    fn pack(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        [SIGNATURE, &chunks.concat()].concat()
    }

    #[test]
    fn every_kind_of_text() {
        let packed = pack("größer".as_bytes());
        let bytes = file(&[
            chunk(b"tEXt", b"Title\0caf\xe9"),
            chunk(b"zTXt", &[b"prompt\0\0", &pack(b"{}")[..]].concat()),
            chunk(b"iTXt", "graph\0\0\0de\0Graph\0größer".as_bytes()),
            chunk(b"IDAT", b"anything"),
            chunk(b"iTXt", &[b"packed\0\x01\0\0\0", &packed[..]].concat()),
            chunk(b"IEND", b""),
            chunk(b"tEXt", b"after\0the end"),
        ]);
        let texts = read_text(&bytes);
        let wanted = [("Title", "café"), ("prompt", "{}"), ("graph", "größer"), ("packed", "größer")];
        assert_eq!(texts, wanted.map(|(k, v)| (k.to_owned(), v.to_owned())));
        for length in 0..bytes.len() {
            assert!(read_text(&bytes[..length]).len() <= 4);
        }
    }

    #[test]
    fn broken_and_huge_texts_are_left_out() {
        let bomb = pack(&vec![b'a'; MAX_TEXT as usize + 1]);
        assert!(bomb.len() < 200_000);
        let bytes = file(&[
            chunk(b"zTXt", &[b"bomb\0\0", &bomb[..]].concat()),
            chunk(b"zTXt", b"method\0\x07abc"),
            chunk(b"zTXt", b"damaged\0\0abc"),
            chunk(b"iTXt", b"not utf-8\0\0\0\0\0\xff"),
            chunk(b"iTXt", b"short\0\0"),
            chunk(b"tEXt", b"no end of the keyword"),
            chunk(b"tEXt", b"fine\0text"),
        ]);
        assert_eq!(read_text(&bytes), [("fine".to_owned(), "text".to_owned())]);
        assert_eq!(read_text(b"no PNG"), []);
        assert_eq!(read_text(&[SIGNATURE, &[255; 8]].concat()), []);
    }
}
