//! CLIP's byte-pair vocabulary, inside the product.
//!
//! **Source**: OpenAI's `bpe_simple_vocab_16e6.txt` (MIT, see `vocab/README.md`); the order of the tokens is that of
//! `SimpleTokenizer` in `clip/simple_tokenizer.py`.

use super::tokenizer::{BOS, EOS};
use flate2::read::GzDecoder;
use std::io::Read;
use tokenizers::models::bpe::{Merges, Vocab};

/// The merges, best first, one a line.
const MERGES: &[u8] = include_bytes!("vocab/clip_merges.txt.gz");

/// What marks the last symbol of a word.
pub const END_OF_WORD: &str = "</w>";

/// Token to id, and the merges in order.
pub fn built_in() -> (Vocab, Merges) {
    let mut text = String::new();
    GzDecoder::new(MERGES).read_to_string(&mut text).expect("the file was compressed when the crate was written");
    let merges: Merges =
        text.lines().filter_map(|line| line.split_once(' ')).map(|(a, b)| (a.to_string(), b.to_string())).collect();
    let bytes: Vec<String> = byte_symbols().map(String::from).collect();
    let ends = bytes.iter().map(|symbol| format!("{symbol}{END_OF_WORD}"));
    let merged = merges.iter().map(|(a, b)| format!("{a}{b}"));
    let specials = [BOS, EOS].map(String::from);
    let tokens = bytes.iter().cloned().chain(ends).chain(merged).chain(specials);
    let vocab = tokens.enumerate().map(|(id, token)| (token, id as u32)).collect();
    (vocab, merges)
}

/// The 256 characters that stand for bytes: printable Latin-1 for itself, then the others moved up past U+00FF.
fn byte_symbols() -> impl Iterator<Item = char> {
    let printable = ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ');
    printable.clone().chain((0..256 - printable.count() as u32).filter_map(|i| char::from_u32(256 + i)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabulary_has_clips_size_and_landmarks() {
        let (vocab, merges) = built_in();
        assert_eq!((vocab.len(), merges.len()), (49408, 48894));
        let landmarks = [("!", 0), ("!</w>", 256), (",</w>", 267), ("in", 512), (BOS, 49406), (EOS, 49407)];
        for (token, id) in landmarks {
            assert_eq!(vocab.get(token), Some(&id), "{token}");
        }
    }
}
