//! The weight syntaxes of prompts: a prompt to pieces of text with weights.
//!
//! Weights are plain factors; what they do to the encoded text is the business of [`super::encode`].

use crate::{Error, Result};

/// Whose rules a prompt follows: its syntax, how it is cut into windows, and what its weights do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PromptStyle {
    /// diffusers' pipelines: no syntax at all, one window of 77 tokens, what is longer is cut off.
    ///
    /// The tokenizer of `clip_g` should be one with [`super::PadInPrompt::Special`].
    Plain,
    /// ComfyUI: `(text)` is 1.1 times the weight around it, `(text:1.2)` is exactly 1.2, brackets and `BREAK` are text.
    ///
    /// Weights move a token's features away from those that the empty prompt has at its place.
    /// Textual inversions are called `embedding:name`; an unknown name is an error, where ComfyUI leaves it out.
    #[default]
    ComfyUi,
    /// A1111: `(text)` multiplies by 1.1, `[text]` divides by it, `(text:1.2)` multiplies by 1.2, `BREAK` begins a window.
    ///
    /// Weights multiply a token's features, then the window's mean is restored. `BREAK` works inside brackets too, where
    /// A1111 takes it for a word.
    A1111,
    /// The `full` pipeline of InstantID: A1111's syntax with `BREAK` as a word of weight -1, windows without padding.
    ///
    /// Weights are rounded to f16 and move a token's features away from those of its window's last token. Both of SDXL's
    /// encoders read the first one's tokens, and the pooled vector comes from the last window.
    InstantIdFull,
}

/// A piece of a parsed prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// Text to tokenize in one go, and the weight of each of its tokens.
    Text(String, f64),
    /// The window ends here.
    Break,
}

/// Parses `prompt` by the rules of `style`.
///
/// # Errors
/// [`Error::Input`] when parentheses are nested deeper than [`MAX_DEPTH`] in ComfyUI's style.
pub fn parse(prompt: &str, style: PromptStyle) -> Result<Vec<Piece>> {
    match style {
        PromptStyle::Plain => Ok(vec![Piece::Text(prompt.to_string(), 1.0)]),
        PromptStyle::ComfyUi => {
            let mut pieces = Vec::new();
            nested(&hide_escapes(prompt), 1.0, 0, &mut pieces)?;
            Ok(pieces)
        }
        PromptStyle::A1111 => Ok(merge(brackets(prompt, true).into_iter().map(|item| match item {
            Item { is_break: true, .. } => Piece::Break,
            Item { text, weight, .. } => Piece::Text(text, weight),
        }))),
        PromptStyle::InstantIdFull => {
            Ok(merge(brackets(prompt, false).into_iter().map(|item| Piece::Text(item.text, item.weight))))
        }
    }
}

/// What a pair of brackets multiplies or divides by.
const EMPHASIS: f64 = 1.1;

/// How deep ComfyUI's parentheses may be nested; 1.1 to this power is 13,780.
pub const MAX_DEPTH: usize = 100;

/// Stand for `\(` and `\)` while parentheses are looked for; control characters mean nothing in a prompt.
const HIDDEN: [(&str, &str, &str); 2] = [("\\(", "\u{1}", "("), ("\\)", "\u{2}", ")")];

fn hide_escapes(text: &str) -> String {
    HIDDEN.iter().fold(text.to_string(), |text, (escape, hidden, _)| text.replace(escape, hidden))
}

fn reveal_escapes(text: &str) -> String {
    HIDDEN.iter().fold(text.to_string(), |text, (_, hidden, plain)| text.replace(hidden, plain))
}

/// ComfyUI's syntax: `text` cut at its outermost parentheses, each group parsed with its own weight.
///
/// Source: the behaviour of `token_weights` in ComfyUI's `comfy/sd1_clip.py`: a group that is never closed is text.
fn nested(text: &str, weight: f64, depth: usize, pieces: &mut Vec<Piece>) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::input("prompt", format!("at most {MAX_DEPTH} nested parentheses"), "more"));
    }
    for group in outermost_groups(text) {
        let Some(inner) = group.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
            pieces.push(Piece::Text(reveal_escapes(group), weight));
            continue;
        };
        let stated = inner.rsplit_once(':').filter(|(before, _)| !before.is_empty());
        let stated = stated.and_then(|(before, number)| Some((before, number.trim().parse::<f64>().ok()?)));
        match stated.filter(|(_, number)| number.is_finite()) {
            Some((inner, stated)) => nested(inner, stated, depth + 1, pieces)?,
            None => nested(inner, weight * EMPHASIS, depth + 1, pieces)?,
        }
    }
    Ok(())
}

/// `a (b (c)) d` to `a `, `(b (c))`, ` d`. A `)` too many lowers the depth for what follows, as in ComfyUI.
fn outermost_groups(text: &str) -> Vec<&str> {
    let (mut groups, mut depth, mut start) = (Vec::new(), 0i64, 0);
    for (i, c) in text.char_indices() {
        let end = match c {
            '(' => {
                depth += 1;
                if depth == 1 { i } else { continue }
            }
            ')' => {
                depth -= 1;
                if depth == 0 { i + 1 } else { continue }
            }
            _ => continue,
        };
        groups.push(&text[start..end]);
        start = end;
    }
    groups.push(&text[start..]);
    groups.retain(|group| !group.is_empty());
    groups
}

/// Text between two lexemes of A1111's syntax.
struct Item {
    text: String,
    weight: f64,
    is_break: bool,
}

/// A1111's syntax, before equal neighbours are merged; `spaced` allows `(text: 1.2 )`.
///
/// Source: the behaviour documented at `parse_prompt_attention` in A1111's `modules/prompt_parser.py`; InstantID's `full`
/// pipeline has an older copy without the spaces. A bracket that is never closed counts to the end; a closing one too many
/// is text; a backslash makes the next bracket or backslash text and vanishes.
fn brackets(prompt: &str, spaced: bool) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let (mut round, mut square) = (Vec::new(), Vec::new());
    let mut rest = prompt;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '\\' => {
                let escaped = rest[1..].chars().next().filter(|c| "()[]\\".contains(*c));
                length += escaped.map_or(0, char::len_utf8);
                items.push(Item { text: escaped.map(String::from).unwrap_or_default(), weight: 1.0, is_break: false });
            }
            '(' => round.push(items.len()),
            '[' => square.push(items.len()),
            ')' if !round.is_empty() => multiply(&mut items, round.pop(), EMPHASIS),
            ']' if !square.is_empty() => multiply(&mut items, square.pop(), 1.0 / EMPHASIS),
            _ => {
                let stated = stated_weight(rest, spaced);
                match stated {
                    Some((weight, stated_length)) if !round.is_empty() => {
                        length = stated_length;
                        multiply(&mut items, round.pop(), weight);
                    }
                    _ => {
                        length += rest[length..].find(['\\', '(', ')', '[', ']', ':']).unwrap_or(rest.len() - length);
                        push_text(&rest[..length], &mut items);
                    }
                }
            }
        }
        rest = &rest[length..];
    }
    round.into_iter().for_each(|start| multiply(&mut items, Some(start), EMPHASIS));
    square.into_iter().for_each(|start| multiply(&mut items, Some(start), 1.0 / EMPHASIS));
    items
}

/// `:1.2)` at the beginning of `text`: the number and the length of it all.
fn stated_weight(text: &str, spaced: bool) -> Option<(f64, usize)> {
    let text = text.strip_prefix(':')?;
    let is_part = |c: char| "+-.0123456789".contains(c) || (spaced && c.is_whitespace());
    let number = &text[..text.find(|c| !is_part(c))?];
    if !text[number.len()..].starts_with(')') {
        return None;
    }
    let digits = number.trim();
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if !unsigned.chars().all(|c| c == '.' || c.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, number.len() + 2))
}

fn multiply(items: &mut [Item], start: Option<usize>, factor: f64) {
    items.iter_mut().skip(start.unwrap_or(0)).for_each(|item| item.weight *= factor);
}

/// Text with `BREAK`s in it; the spaces around them go.
fn push_text(text: &str, items: &mut Vec<Item>) {
    const BREAK: &str = "BREAK";
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands_alone = |at: &usize| {
        !text[..*at].chars().next_back().is_some_and(is_word)
            && !text[at + BREAK.len()..].chars().next().is_some_and(is_word)
    };
    let mut start = 0;
    for at in text.match_indices(BREAK).map(|(at, _)| at).filter(stands_alone) {
        let before = if start == 0 { &text[..at] } else { text[start..at].trim_start() };
        items.push(Item { text: before.trim_end().into(), weight: 1.0, is_break: false });
        items.push(Item { text: BREAK.into(), weight: -1.0, is_break: true });
        start = at + BREAK.len();
    }
    let rest = if start == 0 { text } else { text[start..].trim_start() };
    items.push(Item { text: rest.into(), weight: 1.0, is_break: false });
}

/// Joins neighbouring texts of one weight, so that words which a bracket or an escape cut in two are tokenized whole.
fn merge(pieces: impl Iterator<Item = Piece>) -> Vec<Piece> {
    let mut merged: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (merged.last_mut(), &piece) {
            (Some(Piece::Text(text, a)), Piece::Text(more, b)) if a == b => text.push_str(more),
            _ => merged.push(piece),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(prompt: &str, style: PromptStyle) -> Vec<(String, f64)> {
        let pieces = parse(prompt, style).unwrap();
        let rounded = |w: f64| (w * 1e6).round() / 1e6;
        let pair = |piece| match piece {
            Piece::Text(text, weight) => (text, rounded(weight)),
            Piece::Break => ("|".to_string(), 0.0),
        };
        pieces.into_iter().map(pair).filter(|(text, _)| !text.is_empty()).collect()
    }

    fn check(prompt: &str, style: PromptStyle, expected: &[(&str, f64)]) {
        let expected: Vec<(String, f64)> = expected.iter().map(|(text, weight)| (text.to_string(), *weight)).collect();
        assert_eq!(parsed(prompt, style), expected, "{prompt}");
    }

    #[test]
    fn plain_prompts_have_no_syntax() {
        check("a (b:1.2) [c] BREAK", PromptStyle::Plain, &[("a (b:1.2) [c] BREAK", 1.0)]);
    }

    #[test]
    fn comfyui_states_weights_absolutely() {
        let style = PromptStyle::ComfyUi;
        check("a (b) ((c)) d", style, &[("a ", 1.0), ("b", 1.1), (" ", 1.0), ("c", 1.21), (" d", 1.0)]);
        check("(a (b:0.5) c:2)", style, &[("a ", 2.0), ("b", 0.5), (" c", 2.0)]);
        check("[a] BREAK (b: 1.3 )", style, &[("[a] BREAK ", 1.0), ("b", 1.3)]);
        check(r"a \(b\) (c\):1.5)", style, &[("a (b) ", 1.0), ("c)", 1.5)]);
        check("(unclosed", style, &[("(unclosed", 1.0)]);
        check("(time 12:x)", style, &[("time 12:x", 1.1)]);
    }

    #[test]
    fn comfyui_refuses_absurd_nesting() {
        let prompt = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
        assert!(parse(&prompt, PromptStyle::ComfyUi).is_err());
    }

    #[test]
    fn a1111_multiplies_weights() {
        let style = PromptStyle::A1111;
        check("an (important) word", style, &[("an ", 1.0), ("important", 1.1), (" word", 1.0)]);
        check("(unbalanced", style, &[("unbalanced", 1.1)]);
        check(r"\(literal\]", style, &[("(literal]", 1.0)]);
        check("(unnecessary)(parens)", style, &[("unnecessaryparens", 1.1)]);
        check("((a:1.2) [b]:2)", style, &[("a", 2.4), (" ", 2.0), ("b", 1.818182)]);
        check("12:30) and (b: 0.5 )", style, &[("12:30) and ", 1.0), ("b", 0.5)]);
        check("(a:1.2.3)", style, &[("a:1.2.3", 1.1)]);
    }

    #[test]
    fn break_is_a_word_of_its_own() {
        check("a BREAK b, BREAKFAST", PromptStyle::A1111, &[("a", 1.0), ("|", 0.0), ("b, BREAKFAST", 1.0)]);
        check("a BREAK b", PromptStyle::InstantIdFull, &[("a", 1.0), ("BREAK", -1.0), ("b", 1.0)]);
        check("(b: 0.5 )", PromptStyle::InstantIdFull, &[("b: 0.5 ", 1.1)]);
    }
}
