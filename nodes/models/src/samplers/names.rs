//! Finding an entry of a list by name, with a hint when there is none.

use crate::{Error, Result};

/// The item named `name`.
///
/// # Errors
/// That there is none, with the nearest name and all names.
pub(super) fn find<'a, T>(items: &'a [T], what: &str, name: &str, name_of: impl Fn(&T) -> &str) -> Result<&'a T> {
    items.iter().find(|item| name_of(item) == name).ok_or_else(|| {
        let names: Vec<&str> = items.iter().map(&name_of).collect();
        let nearest = names.iter().min_by_key(|n| distance(name, n)).copied().unwrap_or_default();
        Error::input(what, format!("one of {}", names.join(", ")), format!("{name:?} (did you mean {nearest}?)"))
    })
}

/// Levenshtein's edit distance; changes of case and between `-`, `_` and space are free.
fn distance(a: &str, b: &str) -> usize {
    let plain = |s: &str| -> Vec<char> {
        s.chars().map(|c| if matches!(c, '-' | ' ') { '_' } else { c.to_ascii_lowercase() }).collect()
    };
    let (a, b) = (plain(a), plain(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("DPMpp-2M", "dpmpp_2m"), 0);
        assert_eq!(distance("", "abc"), 3);
    }
}
