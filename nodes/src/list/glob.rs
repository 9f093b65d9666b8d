//! Names with `*` and `?`.

/// Whether a name matches one of some patterns with `;` between them. `*` stands for any characters, `?` for one; capital and
/// small letters are the same.
pub fn matches(patterns: &str, name: &str) -> bool {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    patterns.split(';').any(|pattern| {
        let pattern: Vec<char> = pattern.trim().to_lowercase().chars().collect();
        matches_one(&pattern, &name)
    })
}

fn matches_one(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    // After the last star: where the pattern goes on, and how much of the name the star has taken.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = name.get(n) {
        match (pattern.get(p), &mut star) {
            (Some('*'), _) => {
                p += 1;
                star = Some((p, n));
            }
            (Some(wanted), _) if *wanted == '?' || wanted == c => {
                p += 1;
                n += 1;
            }
            // The star takes one more character. Stars before it need not be tried again: what they take is no better.
            (_, Some((after, taken))) => {
                *taken += 1;
                (p, n) = (*after, *taken);
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(p).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name) in [
            ("*", ""),
            ("*.png", "a.PNG"),
            ("*.jpg; *.png", "a.png"),
            ("a?c", "aäc"),
            ("*ab*ab", "abaabab"),
            ("ada_*_?.*", "ada_x_1_2.png"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.png", "png"), ("a?c", "ac"), ("", "a"), ("a", ""), ("*a", "ab"), ("?", "")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)));
        assert!(!matches(&format!("{}b", "*a".repeat(50)), &"a".repeat(5000)));
    }
}
