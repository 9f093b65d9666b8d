//! Prompts with parts drawn by a seed.

use super::load::read;
use super::random_line::lines;
use crate::splitmix::SplitMix64;
use selfsame_sdk::prelude::*;
use std::collections::HashMap;

/// How deeply choices and wildcard files may nest.
const MAX_DEPTH: usize = 30;
/// The most choices and wildcards that one text may come to.
const MAX_DRAWS: usize = 10_000;
/// The most characters that one text may come to, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Draws parts of a text by a seed: `a {red|green|blue} coat` becomes `a green coat`.
///
/// - `{a|b|c}` is one of them; an empty one is allowed, and they may nest: `{big {cat|dog}|bird}`
/// - `{3::a|b}` is `a` three times as often as `b`
/// - `__colour__` is a line of the file `colour.txt` in the folder `wildcards`; `__clothes/hats__` one in a folder inside it.
///   Empty lines and lines that start with `#` are left out; lines may hold choices and wildcards themselves
/// - `\{`, `\|`, `\}` and `\_` are these characters
///
/// The same seed draws the same text as long as the text and the files stay.
#[node(
    id = "core.text.expand_wildcards",
    category = "text/random",
    search = ["dynamic prompt", "random", "choice", "variation", "wildcard"]
)]
#[output(text = "the text with everything drawn")]
pub fn expand_wildcards(
    ctx: Ctx,
    /// What is drawn from.
    #[param(multiline)]
    text: String,
    /// Decides what is drawn.
    #[param(default = 0)]
    seed: Seed,
    /// The folder of the files for `__name__`.
    #[param(folder)]
    wildcards: Option<String>,
) -> Result<String> {
    let parts = parse(&text).input("text")?;
    let random = SplitMix64::new(seed.0);
    let mut drawing = Drawing { ctx, folder: wildcards.as_deref(), random, draws: 0, files: HashMap::new() };
    let mut expanded = String::new();
    drawing.expand(&parts, 0, &mut expanded)?;
    Ok(expanded)
}

/// A piece of a text.
#[derive(Debug, PartialEq)]
enum Part {
    Text(String),
    /// Weights and what they are the weights of.
    Choice(Vec<(f64, Vec<Part>)>),
    /// The name of a wildcard file.
    Wildcard(String),
}

fn parse(text: &str) -> Result<Vec<Part>> {
    let mut parser = Parser { text, rest: text };
    let parts = parser.parts(0)?;
    match parser.rest.chars().next() {
        None => Ok(parts),
        Some(_) => Err(parser.wrong("`}` closes nothing", "write \\} for the character itself")),
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Parser<'_> {
    /// Everything up to the end, or to a `|` or `}` of the choice around it.
    fn parts(&mut self, depth: usize) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        while let Some(next) = self.rest.chars().next() {
            let part = match next {
                '}' => break,
                '|' if depth > 0 => break,
                '{' => Part::Choice(self.choice(depth + 1)?),
                _ => match wildcard(self.rest) {
                    Some((name, after)) => {
                        self.rest = after;
                        Part::Wildcard(name.to_owned())
                    }
                    None => {
                        plain.extend(self.character());
                        continue;
                    }
                },
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(parts)
    }

    /// A character for itself, which may be escaped.
    fn character(&mut self) -> Option<char> {
        let escaped = self.rest.strip_prefix('\\').filter(|after| after.starts_with(['{', '|', '}', '_']));
        let mut chars = escaped.unwrap_or(self.rest).chars();
        let character = chars.next();
        self.rest = chars.as_str();
        character
    }

    /// A choice, whose `{` comes next.
    fn choice(&mut self, depth: usize) -> Result<Vec<(f64, Vec<Part>)>> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(&format!("choices nest deeper than {MAX_DEPTH}"), "write fewer braces"));
        }
        let start = self.rest;
        let mut options = Vec::new();
        let mut rest = self.rest.strip_prefix('{');
        while let Some(after) = rest {
            self.rest = after;
            options.push((self.weight()?, self.parts(depth)?));
            rest = self.rest.strip_prefix('|');
        }
        match self.rest.strip_prefix('}') {
            Some(after) => self.rest = after,
            None => {
                self.rest = start;
                return Err(self.wrong("`{` is not closed", "write \\{ for the character itself"));
            }
        }
        if options.iter().all(|(weight, _)| *weight == 0.0) {
            return Err(self.wrong("all weights of the choice before this are 0", "set one above 0"));
        }
        Ok(options)
    }

    /// The `3::` in front of an option; 1 if there is none.
    fn weight(&mut self) -> Result<f64> {
        let trimmed = self.rest.trim_start();
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, after) = trimmed.split_at(end);
        let Some(after) = after.strip_prefix("::").filter(|_| end > 0) else { return Ok(1.0) };
        let weight = number.parse().ok().filter(|weight| *weight <= 1e9);
        let weight =
            weight.ok_or_else(|| self.wrong("a weight is a number from 0 to 1e9", "write it as in {3::a|b}"))?;
        self.rest = after;
        Ok(weight)
    }

    fn wrong(&self, what: &str, hint: &str) -> Error {
        let read = self.text.len() - self.rest.len();
        let place = self.text.get(..read).unwrap_or_default().chars().count() + 1;
        Error::new(format!("{what} (at character {place})")).hint(hint)
    }
}

/// The name in `__name__`, and what follows it.
fn wildcard(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("__")?.split_once("__")?;
    let word =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    // Without dots and empty folders, no name leads out of the folder.
    name.split('/').all(word).then_some((name, after))
}

struct Drawing<'a> {
    ctx: Ctx<'a>,
    folder: Option<&'a str>,
    random: SplitMix64,
    draws: usize,
    /// The lines of wildcard files that were read.
    files: HashMap<String, Vec<String>>,
}

impl Drawing<'_> {
    fn expand(&mut self, parts: &[Part], depth: usize, text: &mut String) -> Result<()> {
        for part in parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Choice(options) => {
                    self.count()?;
                    let total: f64 = options.iter().map(|(weight, _)| weight).sum();
                    let mut at = self.random.unit() * total;
                    let drawn = options.iter().filter(|(weight, _)| *weight > 0.0).find(|(weight, _)| {
                        at -= weight;
                        at < 0.0
                    });
                    // Rounding may leave a hair beyond the last one.
                    let drawn = drawn.or_else(|| options.iter().rfind(|(weight, _)| *weight > 0.0));
                    if let Some((_, option)) = drawn {
                        self.expand(option, depth, text)?;
                    }
                }
                Part::Wildcard(name) => {
                    self.count()?;
                    if depth >= MAX_DEPTH {
                        return Err(Error::input("wildcards", format!("__{name}__ leads back to itself, or too deep")));
                    }
                    let parts = self.line(name).input("wildcards")?;
                    self.expand(&parts, depth + 1, text)?;
                }
            }
            if text.len() > MAX_BYTES {
                return Err(Error::input("text", format!("what is drawn is longer than {MAX_BYTES} bytes")));
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<()> {
        self.draws += 1;
        if self.draws > MAX_DRAWS {
            return Err(Error::input("text", format!("more than {MAX_DRAWS} choices and wildcards have to be drawn")));
        }
        self.ctx.check_cancelled()
    }

    /// A line of a wildcard file.
    fn line(&mut self, name: &str) -> Result<Vec<Part>> {
        let Some(folder) = self.folder else {
            return Err(Error::new(format!("the text uses __{name}__, but no folder is set"))
                .hint("set the folder that holds the file, or write \\__ for the characters"));
        };
        let file = format!("{folder}/{name}.txt");
        if !self.files.contains_key(name) {
            let contents = read(self.ctx, &file)?;
            self.files.insert(name.to_owned(), lines(&contents).into_iter().map(str::to_owned).collect());
        }
        let lines = self.files.get(name).map_or(&[][..], Vec::as_slice);
        let line = lines.get(self.random.below(lines.len()));
        let line = line.ok_or_else(|| Error::new(format!("{file} holds no line to draw")))?;
        parse(line).context(|| format!("the line {line:?} of {file}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;
    use std::collections::BTreeMap;

    fn drawn(host: &TestHost, text: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seed in 0..400 {
            let text = expand_wildcards(host.ctx(), text.into(), Seed(seed), Some("cards".into()));
            *counts.entry(text.unwrap_or_else(|error| error.to_string())).or_default() += 1;
        }
        counts
    }

    fn keys(counts: &BTreeMap<String, usize>) -> Vec<&str> {
        counts.keys().map(String::as_str).collect()
    }

    #[test]
    fn choices() {
        let host = TestHost::new();
        assert_eq!(keys(&drawn(&host, "a {red|blue} coat")), ["a blue coat", "a red coat"]);
        assert_eq!(
            keys(&drawn(&host, "{big {cat|dog}|}{|!}")),
            ["", "!", "big cat", "big cat!", "big dog", "big dog!"]
        );
        assert_eq!(keys(&drawn(&host, r"\{a\|b\} c|d \(x:1.2\) a_b __")), [r"{a|b} c|d \(x:1.2\) a_b __"]);
        assert_eq!(keys(&drawn(&host, "")), [""]);
    }

    #[test]
    fn weights() {
        let host = TestHost::new();
        let counts = drawn(&host, "{3::a|b|0::c}");
        assert_eq!(keys(&counts), ["a", "b"]);
        assert!((250..350).contains(&counts["a"]), "{counts:?}");
        assert_eq!(keys(&drawn(&host, "{a:: b|a:: b}")), ["a:: b"]);
    }

    #[test]
    fn wildcard_files() {
        let host = TestHost::new();
        std::fs::create_dir_all(host.folder().join("cards/sub")).unwrap();
        std::fs::write(host.folder().join("cards/coat.txt"), "# coats\n{red|blue} coat\n__sub/hat__\n").unwrap();
        std::fs::write(host.folder().join("cards/sub/hat.txt"), "hat").unwrap();
        std::fs::write(host.folder().join("cards/loop.txt"), "__loop__ __loop__").unwrap();
        assert_eq!(keys(&drawn(&host, "__coat__!")), ["blue coat!", "hat!", "red coat!"]);
        assert_eq!(keys(&drawn(&host, r"\__coat\__ __../coat__")), ["__coat__ __../coat__"]);
        assert_eq!(keys(&drawn(&host, "__loop__")), ["input `wildcards`: __loop__ leads back to itself, or too deep"]);
        assert!(keys(&drawn(&host, "__none__"))[0].starts_with("input `wildcards`: there is no file"));
        let unset = expand_wildcards(host.ctx(), "__coat__".into(), Seed(0), None).unwrap_err();
        assert!(unset.to_string().ends_with("but no folder is set"));
    }

    #[test]
    fn mistakes_say_where() {
        let host = TestHost::new();
        for (text, wanted) in [
            ("ü {a|b", "input `text`: `{` is not closed (at character 3)"),
            ("a} b", "input `text`: `}` closes nothing (at character 2)"),
            ("{0::a}", "input `text`: all weights of the choice before this are 0 (at character 7)"),
            ("{1.2.3::a}", "input `text`: a weight is a number from 0 to 1e9 (at character 2)"),
        ] {
            assert_eq!(keys(&drawn(&host, text)), [wanted]);
        }
        assert!(keys(&drawn(&host, &"{".repeat(100_000)))[0].contains("nest deeper than 30"));
    }
}
