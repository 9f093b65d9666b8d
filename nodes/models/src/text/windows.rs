//! Prompts to the windows of 77 tokens that a text encoder reads.
//!
//! Every window is BOS, at most 75 tokens, EOS, and padding; long prompts take several. Where a window ends is part of a
//! [`PromptStyle`], because tokens see only what stands before them in their own window.

use super::clip::Token;
use super::prompt::{Piece, PromptStyle, parse};
use super::textual_inversion::{EncoderRole, TextualInversion};
use super::tokenizer::Tokenizer;
use crate::{Error, Result};
use half::f16;

/// Tokens in a whole window.
pub const WINDOW: usize = 77;

/// Tokens between a window's BOS and EOS.
const BODY: usize = WINDOW - 2;

/// What the encoder reads in one go, with the weight of each token; BOS, EOS and padding have weight 1.
#[derive(Debug, Clone)]
pub struct Window {
    /// [`WINDOW`] of them, fewer in the unpadded windows of [`PromptStyle::InstantIdFull`].
    pub tokens: Vec<Token>,
    /// As many.
    pub weights: Vec<f32>,
}

/// Cuts prompts into windows for one encoder.
pub struct Windows<'a> {
    /// Whose rules to follow.
    pub style: PromptStyle,
    /// The encoder's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// What prompts may call by name.
    pub embeddings: &'a [TextualInversion],
    /// Which vectors of an embedding to take.
    pub role: EncoderRole,
    /// The encoder's width, which the vectors must have.
    pub width: usize,
}

/// A token of a prompt.
#[derive(Clone)]
struct Weighted {
    token: Token,
    weight: f32,
}

/// Tokens that came from one stretch of text or from one embedding, or the end of a window.
enum Group {
    Text(Vec<Weighted>),
    Embedding(Vec<Weighted>),
    Break,
}

impl Windows<'_> {
    /// The windows of each prompt, equally many for all: a shorter prompt is filled up with empty ones.
    ///
    /// In [`PromptStyle::InstantIdFull`] shorter prompts are filled up with EOS tokens first, as its pipeline does with the
    /// prompt and the negative prompt; encode these two together.
    ///
    /// # Errors
    /// [`Error::Input`] when a prompt calls an embedding that is not there (`embedding:name` in
    /// [`PromptStyle::ComfyUi`]) or that does not fit the encoder.
    pub fn cut(&self, prompts: &[&str]) -> Result<Vec<Vec<Window>>> {
        let groups = prompts.iter().map(|prompt| self.groups(prompt)).collect::<Result<Vec<_>>>()?;
        let mut bodies: Vec<Vec<Vec<Weighted>>> = match self.style {
            PromptStyle::Plain => groups.into_iter().map(cut_off).collect(),
            PromptStyle::ComfyUi => groups.into_iter().map(keep_short_groups).collect(),
            PromptStyle::A1111 => {
                let comma = self.tokenizer.id_of(",</w>");
                groups.into_iter().map(|groups| keep_after_commas(groups, comma)).collect::<Result<_>>()?
            }
            PromptStyle::InstantIdFull => self.level(groups).into_iter().map(every_75).collect(),
        };
        let count = bodies.iter().map(Vec::len).max().unwrap_or(0);
        bodies.iter_mut().for_each(|bodies| bodies.resize(count, Vec::new()));
        Ok(bodies.into_iter().map(|bodies| bodies.into_iter().map(|body| self.window(body)).collect()).collect())
    }

    /// The window of the empty prompt.
    pub fn empty(&self) -> Window {
        self.window(Vec::new())
    }

    fn window(&self, body: Vec<Weighted>) -> Window {
        let id = |id| Weighted { token: Token::Id(id), weight: 1.0 };
        let (bos, eos) = (id(self.tokenizer.bos()), id(self.tokenizer.eos()));
        let mut all: Vec<Weighted> = [bos].into_iter().chain(body).chain([eos]).collect();
        if self.style != PromptStyle::InstantIdFull {
            all.resize(WINDOW, id(self.tokenizer.pad()));
        }
        let (tokens, weights) = all.into_iter().map(|w| (w.token, w.weight)).unzip();
        Window { tokens, weights }
    }

    fn groups(&self, prompt: &str) -> Result<Vec<Group>> {
        let mut groups = Vec::new();
        for piece in parse(prompt, self.style)? {
            let Piece::Text(text, weight) = piece else {
                groups.push(Group::Break);
                continue;
            };
            let weight = match self.style {
                PromptStyle::InstantIdFull => f16::from_f32(weight as f32).to_f32(),
                _ => weight as f32,
            };
            for part in self.parts(&text)? {
                groups.push(match part {
                    Part::Text(text) => {
                        let ids = self.tokenizer.ids(text)?.into_iter();
                        Group::Text(ids.map(|id| Weighted { token: Token::Id(id), weight }).collect())
                    }
                    Part::Embedding(embedding) => {
                        let vectors = embedding.vectors(self.role, self.width)?;
                        let rows = (0..vectors.dim(0)?).map(|i| Ok(Token::Vector(vectors.get(i)?)));
                        let tokens = rows.collect::<Result<Vec<_>>>()?.into_iter();
                        Group::Embedding(tokens.map(|token| Weighted { token, weight }).collect())
                    }
                });
            }
        }
        Ok(groups)
    }

    fn parts<'t>(&self, text: &'t str) -> Result<Vec<Part<'t, '_>>> {
        match self.style {
            PromptStyle::ComfyUi => self.parts_by_prefix(text),
            _ => Ok(self.parts_by_name(text)),
        }
    }

    /// ComfyUI's way: `embedding:name` after a space, a line end or nothing, the name up to the next white space.
    fn parts_by_prefix<'t>(&self, text: &'t str) -> Result<Vec<Part<'t, '_>>> {
        let starts = text.match_indices(PREFIX).map(|(at, _)| at);
        let starts: Vec<usize> = starts.filter(|at| *at == 0 || text[..*at].ends_with([' ', '\n'])).collect();
        let mut parts = vec![Part::Text(&text[..starts.first().copied().unwrap_or(text.len())])];
        for (i, start) in starts.iter().enumerate() {
            let end = starts.get(i + 1).copied().unwrap_or(text.len());
            let call = &text[start + PREFIX.len()..end];
            let word = &call[..call.find(char::is_whitespace).unwrap_or(call.len())];
            let find = |name: &str| self.embeddings.iter().find(|e| e.name() == without_ending(name));
            let (embedding, name) = match find(word) {
                Some(embedding) => (Some(embedding), word),
                None => (find(word.trim_end_matches(',')), word.trim_end_matches(',')),
            };
            let Some(embedding) = embedding else {
                let known: Vec<&str> = self.embeddings.iter().map(TextualInversion::name).collect();
                let expected = format!("one of the embeddings {known:?}");
                return Err(Error::input(format!("{PREFIX}{name}"), expected, "an unknown name"));
            };
            parts.extend([Part::Embedding(embedding), Part::Text(&call[name.len()..])]);
        }
        parts.retain(|part| !matches!(part, Part::Text("")));
        Ok(parts)
    }

    /// A1111's and diffusers' way: the name alone, as a word of its own, in any case; `embedding:name` too.
    fn parts_by_name<'t>(&self, text: &'t str) -> Vec<Part<'t, '_>> {
        let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
        while let Some(c) = text[at..].chars().next() {
            let Some((embedding, length)) = self.called_at(text, at) else {
                at += c.len_utf8();
                continue;
            };
            parts.extend([Part::Text(&text[start..at]), Part::Embedding(embedding)]);
            at += length;
            start = at;
        }
        parts.push(Part::Text(&text[start..]));
        parts.retain(|part| !matches!(part, Part::Text("")));
        parts
    }

    /// The embedding with the longest name that stands at byte `at` of `text`, and how long the call is.
    fn called_at(&self, text: &str, at: usize) -> Option<(&TextualInversion, usize)> {
        let prefix = if text[at..].starts_with(PREFIX) { PREFIX.len() } else { 0 };
        let joined = |a: Option<char>, b: Option<char>| [a, b].iter().all(|c| c.is_some_and(char::is_alphanumeric));
        let stands_here = |name: &&str| {
            let (from, to) = (at + prefix, at + prefix + name.len());
            let Some(found) = text.get(from..to) else { return false };
            !name.is_empty()
                && found.eq_ignore_ascii_case(name)
                && !joined(text[..at].chars().next_back(), text[at..].chars().next())
                && !joined(found.chars().next_back(), text[to..].chars().next())
        };
        let calls = self.embeddings.iter().flat_map(|embedding| {
            let names = [Some(embedding.name()), embedding.token()].into_iter().flatten();
            names.filter(stands_here).map(move |name| (embedding, prefix + name.len()))
        });
        calls.max_by_key(|(_, length)| *length)
    }

    /// The tokens of all prompts, filled up with EOS to the length of the longest.
    fn level(&self, prompts: Vec<Vec<Group>>) -> Vec<Vec<Weighted>> {
        let mut bodies: Vec<Vec<Weighted>> = prompts.into_iter().map(flatten).collect();
        let longest = bodies.iter().map(Vec::len).max().unwrap_or(0);
        let eos = Weighted { token: Token::Id(self.tokenizer.eos()), weight: 1.0 };
        bodies.iter_mut().for_each(|body| body.resize(longest, eos.clone()));
        bodies
    }
}

/// What ComfyUI's prompts put before an embedding's name.
const PREFIX: &str = "embedding:";

/// A stretch of a prompt.
enum Part<'t, 'e> {
    Text(&'t str),
    Embedding(&'e TextualInversion),
}

/// `name.safetensors` to `name`.
fn without_ending(name: &str) -> &str {
    [".safetensors", ".pt", ".bin"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

fn flatten(groups: Vec<Group>) -> Vec<Weighted> {
    let tokens = groups.into_iter().map(|group| match group {
        Group::Text(tokens) | Group::Embedding(tokens) => tokens,
        Group::Break => Vec::new(),
    });
    tokens.flatten().collect()
}

/// diffusers: one window, the rest is lost.
fn cut_off(groups: Vec<Group>) -> Vec<Vec<Weighted>> {
    let mut body = flatten(groups);
    body.truncate(BODY);
    vec![body]
}

/// InstantID `full`: a new window after every 75 tokens, so one more when they come out even.
fn every_75(mut body: Vec<Weighted>) -> Vec<Vec<Weighted>> {
    let mut bodies = Vec::new();
    while body.len() >= BODY {
        let rest = body.split_off(BODY);
        bodies.push(std::mem::replace(&mut body, rest));
    }
    bodies.push(body);
    bodies
}

/// ComfyUI: a group of less than 8 tokens moves to the next window when it does not fit, a larger one is cut.
///
/// Source: the behaviour of `SDTokenizer.tokenize_with_weights` in `comfy/sd1_clip.py`.
fn keep_short_groups(groups: Vec<Group>) -> Vec<Vec<Weighted>> {
    const SHORT: usize = 8;
    let (mut done, mut open) = (Vec::new(), Vec::new());
    for group in groups {
        let (Group::Text(mut tokens) | Group::Embedding(mut tokens)) = group else { continue };
        let is_short = tokens.len() < SHORT;
        while open.len() + tokens.len() > BODY {
            if !is_short {
                let rest = tokens.split_off(BODY - open.len());
                open.extend(std::mem::replace(&mut tokens, rest));
            }
            done.push(std::mem::take(&mut open));
        }
        open.extend(tokens);
    }
    done.push(open);
    done
}

/// A1111: a full window ends after its last comma if that is among the last 20 tokens; embeddings stay whole.
///
/// Source: the behaviour of `tokenize_line` in A1111's `modules/sd_hijack_clip.py` with its default settings.
///
/// # Errors
/// [`Error::Input`] when an embedding has more vectors than a window has room for.
fn keep_after_commas(groups: Vec<Group>, comma: Option<u32>) -> Result<Vec<Vec<Weighted>>> {
    const BACKTRACK: usize = 20;
    let (mut done, mut open) = (Vec::new(), Vec::<Weighted>::new());
    let mut last_comma: Option<usize> = None;
    for group in groups {
        // What must stay together: a token, or all of an embedding.
        let units: Vec<Vec<Weighted>> = match group {
            Group::Text(tokens) => tokens.into_iter().map(|token| vec![token]).collect(),
            Group::Embedding(tokens) => vec![tokens],
            Group::Break => {
                done.push(std::mem::take(&mut open));
                last_comma = None;
                continue;
            }
        };
        for unit in units {
            if unit.len() > BODY {
                let expected = format!("at most {BODY} vectors, which is what a window holds");
                return Err(Error::input("textual inversion", expected, unit.len().to_string()));
            }
            let is_comma = matches!(unit.as_slice(), [Weighted { token: Token::Id(id), .. }] if Some(*id) == comma);
            if is_comma {
                last_comma = Some(open.len());
            } else if let Some(at) = last_comma
                && open.len() == BODY
                && BODY - at <= BACKTRACK
            {
                let rest = open.split_off(at + 1);
                done.push(std::mem::replace(&mut open, rest));
                last_comma = None;
            }
            if open.len() + unit.len() > BODY {
                done.push(std::mem::take(&mut open));
                last_comma = None;
            }
            open.extend(unit);
        }
    }
    if !open.is_empty() || done.is_empty() {
        done.push(open);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};

    fn windows<'a>(style: PromptStyle, tokenizer: &'a Tokenizer, embeddings: &'a [TextualInversion]) -> Windows<'a> {
        Windows { style, tokenizer, embeddings, role: EncoderRole::ClipL, width: 4 }
    }

    /// Ids of a window without BOS and what follows the first EOS; vectors are `u32::MAX`.
    fn body(window: &Window) -> Vec<u32> {
        let id = |token: &Token| if let Token::Id(id) = token { *id } else { u32::MAX };
        window.tokens.iter().map(id).skip(1).take_while(|id| *id != 49407).collect()
    }

    fn lengths(style: PromptStyle, prompt: &str) -> Vec<usize> {
        let windows = windows(style, &Tokenizer::clip_l(), &[]).cut(&[prompt]).unwrap();
        windows[0].iter().map(|window| body(window).len()).collect()
    }

    fn embedding(name: &str, count: usize) -> Vec<TextualInversion> {
        let vectors = Tensor::zeros((count, 4), DType::F32, &Device::Cpu).unwrap();
        TextualInversion::from_tensors(name, [("emb_params".to_string(), vectors)].into()).unwrap()
    }

    #[test]
    fn long_prompts_are_cut_by_each_style() {
        let words = "cat ".repeat(160);
        assert_eq!(lengths(PromptStyle::Plain, &words), [75]);
        assert_eq!(lengths(PromptStyle::ComfyUi, &words), [75, 75, 10]);
        assert_eq!(lengths(PromptStyle::A1111, &words), [75, 75, 10]);
        assert_eq!(lengths(PromptStyle::InstantIdFull, &words), [75, 75, 10]);
        assert_eq!(lengths(PromptStyle::InstantIdFull, &"cat ".repeat(75)), [75, 0]);
        assert_eq!(lengths(PromptStyle::A1111, &"cat ".repeat(75)), [75]);
    }

    #[test]
    fn comfyui_moves_short_groups_whole() {
        let prompt = format!("{} (big red dog:1.3)", "cat ".repeat(73));
        assert_eq!(lengths(PromptStyle::ComfyUi, &prompt), [73, 3]);
        assert_eq!(lengths(PromptStyle::InstantIdFull, &prompt), [75, 1]);
    }

    #[test]
    fn a1111_breaks_after_commas_and_at_break() {
        let prompt = format!("{}, {}", "cat ".repeat(66), "dog ".repeat(20));
        assert_eq!(lengths(PromptStyle::A1111, &prompt), [67, 20]);
        assert_eq!(lengths(PromptStyle::A1111, "a cat BREAK a red dog"), [2, 3]);
        assert_eq!(lengths(PromptStyle::A1111, ""), [0]);
    }

    #[test]
    fn weights_follow_their_tokens() {
        let tokenizer = Tokenizer::clip_l();
        let cut = windows(PromptStyle::ComfyUi, &tokenizer, &[]).cut(&["a (red:1.25) cat"]).unwrap();
        assert_eq!(cut[0][0].weights[..5], [1.0, 1.0, 1.25, 1.0, 1.0]);
        assert_eq!((cut[0][0].weights.len(), cut[0][0].tokens.len()), (WINDOW, WINDOW));
        let cut = windows(PromptStyle::InstantIdFull, &tokenizer, &[]).cut(&["(red:1.4)", "a red cat"]).unwrap();
        assert_eq!(cut[0][0].weights, [1.0, f16::from_f32(1.4).to_f32(), 1.0, 1.0, 1.0]);
    }

    #[test]
    fn shorter_prompts_are_filled_up() {
        let tokenizer = Tokenizer::clip_g(crate::text::PadInPrompt::Ordinary);
        let cut = windows(PromptStyle::ComfyUi, &tokenizer, &[]).cut(&["a cat", &"cat ".repeat(80)]).unwrap();
        assert_eq!((cut[0].len(), cut[1].len()), (2, 2));
        assert!(matches!(cut[0][1].tokens[..3], [Token::Id(49406), Token::Id(49407), Token::Id(0)]));
    }

    #[test]
    fn embeddings_stand_where_they_are_called() {
        const V: u32 = u32::MAX;
        let (tokenizer, embeddings) = (Tokenizer::clip_l(), embedding("EasyNegative", 2));
        let cut = |style, prompt: &str| {
            windows(style, &tokenizer, &embeddings).cut(&[prompt]).map(|windows| body(&windows[0][0]))
        };
        let style = PromptStyle::ComfyUi;
        assert_eq!(cut(style, "a embedding:EasyNegative, cat").unwrap(), [320, V, V, 267, 2368]);
        assert_eq!(cut(style, "(embedding:EasyNegative.pt:1.2)").unwrap(), [V, V]);
        assert!(!cut(style, "a easynegative").unwrap().contains(&V));
        let error = cut(style, "embedding:other").unwrap_err().to_string();
        assert!(error.contains("other") && error.contains("EasyNegative"), "{error}");
        for style in [PromptStyle::A1111, PromptStyle::Plain, PromptStyle::InstantIdFull] {
            assert_eq!(cut(style, "a easynegative, cat").unwrap(), [320, V, V, 267, 2368]);
            assert_eq!(cut(style, "embedding:EasyNegative").unwrap(), [V, V]);
            assert!(!cut(style, "easynegatives").unwrap().contains(&V));
        }
    }

    #[test]
    fn a1111_keeps_embeddings_whole() {
        let (tokenizer, embeddings) = (Tokenizer::clip_l(), embedding("ten", 10));
        let prompt = format!("{} ten", "cat ".repeat(70));
        let cut = windows(PromptStyle::A1111, &tokenizer, &embeddings).cut(&[&prompt]).unwrap();
        assert_eq!(cut[0].iter().map(|w| body(w).len()).collect::<Vec<_>>(), [70, 10]);
        let too_many = embedding("ten", 76);
        assert!(windows(PromptStyle::A1111, &tokenizer, &too_many).cut(&["ten"]).is_err());
    }
}
