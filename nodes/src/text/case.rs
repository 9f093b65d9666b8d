//! Capital and small letters.

use selfsame_sdk::prelude::*;

/// How letters are written.
#[derive(Clone, Copy, Choice)]
pub enum Case {
    /// all small
    Lower,
    /// ALL CAPITAL
    Upper,
    /// Each Word Starts With A Capital
    Title,
    /// The first letter is a capital, the others stay as they are
    Sentence,
}

/// Writes a text in small or capital letters.
#[node(id = "core.text.case", category = "text", search = ["lowercase", "uppercase", "capitalize"])]
#[output(text = "the text in other letters")]
pub fn change_case(
    /// The text.
    text: String,
    /// How its letters are written.
    #[param(default = "lower")]
    case: Case,
) -> Result<String> {
    Ok(match case {
        Case::Lower => text.to_lowercase(),
        Case::Upper => text.to_uppercase(),
        Case::Title => text.to_lowercase().split_inclusive(char::is_whitespace).map(capitalized).collect(),
        Case::Sentence => capitalized(&text),
    })
}

fn capitalized(text: &str) -> String {
    let start = text.len() - text.trim_start().len();
    let (space, word) = text.split_at(start);
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    space.chars().chain(first).chain(letters.as_str().chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case() {
        let all = [Case::Lower, Case::Upper, Case::Title, Case::Sentence];
        let got = all.map(|case| change_case(" ein ÄRGER\tist".into(), case).unwrap());
        assert_eq!(got, [" ein ärger\tist", " EIN ÄRGER\tIST", " Ein Ärger\tIst", " Ein ÄRGER\tist"]);
        assert_eq!(change_case("".into(), Case::Title).unwrap(), "");
    }
}
