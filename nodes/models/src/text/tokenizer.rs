//! Text to token ids, exactly as transformers' `CLIPTokenizerFast`.
//!
//! **Source**: `transformers/models/clip/tokenization_clip.py` (5.23); the byte-pair engine is the same
//! [`tokenizers`](https://github.com/huggingface/tokenizers) crate that Python uses. The vocabulary is inside the product,
//! or comes from a model folder.
//!
//! **Differences** from OpenAI's and transformers' slow tokenizers: no `ftfy`, and some unicode is split otherwise.

use super::vocabulary::{END_OF_WORD, built_in};
use crate::weights::FileProblem;
use crate::{Error, Result};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{Lowercase, NFC, Replace, replace::ReplacePattern, utils::Sequence as Normalizers};
use tokenizers::pre_tokenizers::sequence::Sequence as PreTokenizers;
use tokenizers::pre_tokenizers::{byte_level::ByteLevel, split::Split, split::SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior};

/// Begins every sequence.
pub(super) const BOS: &str = "<|startoftext|>";
/// Ends every sequence.
pub(super) const EOS: &str = "<|endoftext|>";
/// What OpenCLIP bigG is padded with: the token of id 0.
const OPEN_CLIP_PAD: &str = "!";

/// How text is cut into words before byte pairs are merged.
const WORDS: &str = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// What becomes of the padding token's text when it stands in a prompt.
///
/// It matters for SDXL's second tokenizer, whose padding token is `!`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadInPrompt {
    /// It is a special token wherever it stands, as diffusers has it: `wow!` ends in id 0, and `!!` is two of them.
    Special,
    /// It is text like any other, as ComfyUI and A1111 have it: `wow!` ends in id 256, `!</w>`.
    Ordinary,
}

/// CLIP's tokenizer with its padding token; clones are cheap.
#[derive(Clone)]
pub struct Tokenizer {
    engine: Arc<tokenizers::Tokenizer>,
    bos: u32,
    eos: u32,
    pad: u32,
}

impl Tokenizer {
    /// The built-in vocabulary, padded with `<|endoftext|>`: SD1.5's tokenizer and SDXL's first.
    pub fn clip_l() -> Self {
        static ENGINE: OnceLock<Arc<tokenizers::Tokenizer>> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| Arc::new(built_in_engine(&Specials::clip_l())));
        Self::over(engine.clone(), &Specials::clip_l()).expect("the built-in vocabulary holds its special tokens")
    }

    /// The built-in vocabulary, padded with `!` (id 0): SDXL's second tokenizer, OpenCLIP bigG's.
    pub fn clip_g(pad_in_prompt: PadInPrompt) -> Self {
        static ENGINE: OnceLock<Arc<tokenizers::Tokenizer>> = OnceLock::new();
        let specials = Specials::clip_g();
        let engine = match pad_in_prompt {
            PadInPrompt::Ordinary => Self::clip_l().engine,
            PadInPrompt::Special => ENGINE.get_or_init(|| Arc::new(built_in_engine(&specials))).clone(),
        };
        Self::over(engine, &specials).expect("the built-in vocabulary holds its special tokens")
    }

    /// The tokenizer of a model folder (`tokenizer/`, `tokenizer_2/`).
    ///
    /// Reads `tokenizer.json`, else `vocab.json` and `merges.txt`; the special tokens come from `tokenizer_config.json`, else
    /// `special_tokens_map.json`. A folder with these last alone names the padding token for the built-in vocabulary.
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be read or is not what its name says, or the folder has none of them.
    pub fn from_dir(dir: impl AsRef<Path>, pad_in_prompt: PadInPrompt) -> Result<Self> {
        let dir = dir.as_ref();
        let (config, map) = (dir.join("tokenizer_config.json"), dir.join("special_tokens_map.json"));
        let mut specials = Specials::read(&read_json(&config)?, &read_json(&map)?);
        if pad_in_prompt == PadInPrompt::Ordinary {
            specials.pad.in_text = false;
        }
        let (json, vocab, merges) = (dir.join("tokenizer.json"), dir.join("vocab.json"), dir.join("merges.txt"));
        let engine = if json.is_file() {
            whole_engine(read_json(&json)?, &specials).map_err(|e| malformed(&json, e))?
        } else if vocab.is_file() && merges.is_file() {
            let words = BPE::read_file(&vocab.to_string_lossy(), &merges.to_string_lossy());
            let (words, pairs) = words.map_err(|e| malformed(&vocab, e))?;
            engine(words, pairs, &specials).map_err(|e| malformed(&merges, e))?
        } else if config.is_file() || map.is_file() {
            built_in_engine(&specials)
        } else {
            let expected = "no tokenizer.json, no vocab.json with merges.txt, and no tokenizer_config.json in it";
            return Err(malformed(dir, expected));
        };
        Self::over(Arc::new(engine), &specials).map_err(|token| malformed(dir, format!("the vocabulary lacks {token}")))
    }

    /// The error is the special token that the vocabulary lacks.
    fn over(engine: Arc<tokenizers::Tokenizer>, specials: &Specials) -> Result<Self, String> {
        let id = |special: &Special| engine.token_to_id(&special.content).ok_or_else(|| special.content.clone());
        let (bos, eos, pad) = (id(&specials.bos)?, id(&specials.eos)?, id(&specials.pad)?);
        Ok(Self { engine, bos, eos, pad })
    }

    /// The ids of `text` alone, without the tokens that begin and end a sequence.
    ///
    /// # Errors
    /// [`Error::Input`] when the engine refuses the text, which CLIP's own vocabulary never does.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self.engine.encode_fast(text, false);
        let encoding =
            encoding.map_err(|e| Error::input("prompt", "text that the vocabulary can spell", e.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The ids of `text` between BOS and EOS, as long as the text needs.
    ///
    /// # Errors
    /// See [`Self::ids`].
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let ids = self.ids(text)?;
        Ok([self.bos].into_iter().chain(ids).chain([self.eos]).collect())
    }

    /// The ids of `text` between BOS and EOS, cut or padded to exactly `length` (at least 2; CLIP reads 77).
    ///
    /// # Errors
    /// See [`Self::ids`].
    pub fn encode_padded(&self, text: &str, length: usize) -> Result<Vec<u32>> {
        let mut ids = self.encode(text)?;
        if ids.len() > length {
            ids.truncate(length.saturating_sub(1));
            ids.push(self.eos);
        }
        ids.resize(length, self.pad);
        Ok(ids)
    }

    /// The id that begins a sequence.
    pub fn bos(&self) -> u32 {
        self.bos
    }

    /// The id that ends a sequence.
    pub fn eos(&self) -> u32 {
        self.eos
    }

    /// The id that fills a sequence after its end.
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The id of a vocabulary entry, e.g. `,</w>`.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.engine.token_to_id(token)
    }
}

/// One special token.
#[derive(Clone)]
struct Special {
    content: String,
    /// Whether it is looked for after lower-casing and the like, not before.
    normalized: bool,
    /// Whether it is looked for in prompts at all.
    in_text: bool,
}

impl Special {
    /// What a configuration means by giving the text alone.
    fn plain(content: &str) -> Self {
        Self { content: content.into(), normalized: false, in_text: true }
    }

    fn normalized(content: &str) -> Self {
        Self { normalized: true, ..Self::plain(content) }
    }

    /// A string, or an object with `content` and `normalized`.
    fn read(value: &Value) -> Option<Self> {
        if let Some(content) = value.as_str() {
            return Some(Self::plain(content));
        }
        let content = value["content"].as_str()?;
        Some(Self { normalized: value["normalized"].as_bool().unwrap_or(false), ..Self::plain(content) })
    }
}

/// The special tokens of a tokenizer; where two share their text, the padding token's way of being looked for holds.
struct Specials {
    bos: Special,
    eos: Special,
    pad: Special,
}

impl Specials {
    /// As in the published `tokenizer` folders of SD1.5 and SDXL.
    fn clip_l() -> Self {
        Self { bos: Special::normalized(BOS), eos: Special::normalized(EOS), pad: Special::plain(EOS) }
    }

    /// As in the published `tokenizer_2` folder of SDXL.
    fn clip_g() -> Self {
        Self { pad: Special::plain(OPEN_CLIP_PAD), ..Self::clip_l() }
    }

    fn read(config: &Value, map: &Value) -> Self {
        let read = |key: &str| Special::read(&config[key]).or_else(|| Special::read(&map[key]));
        let defaults = Self::clip_l();
        Self {
            bos: read("bos_token").unwrap_or(defaults.bos),
            eos: read("eos_token").unwrap_or(defaults.eos),
            pad: read("pad_token").unwrap_or(defaults.pad),
        }
    }

    fn add_to(&self, engine: &mut tokenizers::Tokenizer) -> tokenizers::Result<()> {
        let found_in_text = [&self.bos, &self.eos, &self.pad].into_iter().filter(|special| special.in_text);
        let added = found_in_text.map(|s| AddedToken::from(s.content.as_str(), true).normalized(s.normalized));
        engine.add_special_tokens(added)?;
        Ok(())
    }
}

fn built_in_engine(specials: &Specials) -> tokenizers::Tokenizer {
    let (vocab, merges) = built_in();
    engine(vocab, merges, specials).expect("the built-in vocabulary and merges belong together")
}

fn engine(
    vocab: tokenizers::models::bpe::Vocab,
    merges: tokenizers::models::bpe::Merges,
    specials: &Specials,
) -> tokenizers::Result<tokenizers::Tokenizer> {
    let bpe = BPE::builder().vocab_and_merges(vocab, merges).unk_token(EOS.into());
    let mut engine = tokenizers::Tokenizer::new(bpe.end_of_word_suffix(END_OF_WORD.into()).build()?);
    let spaces = Replace::new(ReplacePattern::Regex(r"\s+".into()), " ")?;
    engine.with_normalizer(Some(Normalizers::new(vec![NFC.into(), spaces.into(), Lowercase.into()])))?;
    let words = Split::new(SplitPattern::Regex(WORDS.into()), SplitDelimiterBehavior::Removed, true)?;
    let bytes = ByteLevel::new(false, true, true);
    engine.with_pre_tokenizer(Some(PreTokenizers::new(vec![words.into(), bytes.into()])));
    specials.add_to(&mut engine)?;
    Ok(engine)
}

/// The engine that a `tokenizer.json` describes.
fn whole_engine(mut json: Value, specials: &Specials) -> tokenizers::Result<tokenizers::Tokenizer> {
    let pad = &specials.pad;
    if !pad.in_text
        && pad.content != specials.eos.content
        && let Some(added) = json["added_tokens"].as_array_mut()
    {
        added.retain(|token| token["content"] != pad.content.as_str());
    }
    let mut engine: tokenizers::Tokenizer = serde_json::from_value(json)?;
    specials.add_to(&mut engine)?;
    Ok(engine)
}

/// The file's content; null when there is no such file.
fn read_json(path: &Path) -> Result<Value> {
    if !path.is_file() {
        return Ok(Value::Null);
    }
    let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, FileProblem::Io(e.to_string())))?;
    serde_json::from_str(&text).map_err(|e| malformed(path, e))
}

fn malformed(path: &Path, why: impl ToString) -> Error {
    Error::file(path, FileProblem::Tokenizer(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclamation_mark_follows_the_chosen_convention() {
        let middle = |tokenizer: Tokenizer| tokenizer.ids("wow!").unwrap();
        assert_eq!(middle(Tokenizer::clip_l()), [2781, 256]);
        assert_eq!(middle(Tokenizer::clip_g(PadInPrompt::Ordinary)), [2781, 256]);
        assert_eq!(middle(Tokenizer::clip_g(PadInPrompt::Special)), [2781, 0]);
    }

    #[test]
    fn padding_cuts_long_text_and_keeps_the_end() {
        let tokenizer = Tokenizer::clip_g(PadInPrompt::Special);
        assert_eq!(tokenizer.encode_padded("a cat", 6).unwrap(), [49406, 320, 2368, 49407, 0, 0]);
        assert_eq!(tokenizer.encode_padded("a cat", 3).unwrap(), [49406, 320, 49407]);
    }

    #[test]
    fn a_folder_with_a_config_alone_sets_the_padding() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Tokenizer::from_dir(dir.path(), PadInPrompt::Special).is_err());
        std::fs::write(dir.path().join("tokenizer_config.json"), r#"{"pad_token": "!"}"#).unwrap();
        let tokenizer = Tokenizer::from_dir(dir.path(), PadInPrompt::Special).unwrap();
        assert_eq!((tokenizer.pad(), tokenizer.ids("!").unwrap()), (0, vec![0]));
        let tokenizer = Tokenizer::from_dir(dir.path(), PadInPrompt::Ordinary).unwrap();
        assert_eq!((tokenizer.pad(), tokenizer.ids("!").unwrap()), (0, vec![256]));
    }

    #[test]
    fn a_broken_vocabulary_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("vocab.json"), "<html>").unwrap();
        std::fs::write(dir.path().join("merges.txt"), "a b\n").unwrap();
        let error = Tokenizer::from_dir(dir.path(), PadInPrompt::Special).err().map(|e| e.to_string()).unwrap();
        assert!(error.contains("vocab.json"), "{error}");
    }
}
