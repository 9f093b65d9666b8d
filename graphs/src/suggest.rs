//! The name that was probably meant.

/// The one of `names` that is most like `wrong`, if any is like it enough.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = fold(wrong);
    let allowed = wrong.len().div_ceil(3).min(3);
    names
        .into_iter()
        .map(|name| (distance(&wrong, &fold(name)), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// ``did you mean `faces`?``
pub(crate) fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, names).map(|name| format!("did you mean `{name}`?"))
}

/// A hint for a wrong name: the nearest name, else all names if they are few. `what` is one of them, in words.
pub(crate) fn hint<'a>(wrong: &str, what: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    did_you_mean(wrong, names.clone()).or_else(|| {
        let names: Vec<&str> = names.into_iter().collect();
        match names.len() {
            0 => Some(format!("there is no {what} at all")),
            1 => Some(format!("the only {what} is {}", names.concat())),
            2..=20 => Some(format!("the {what}s are {}", names.join(", "))),
            _ => None,
        }
    })
}

/// Case and the difference between `_`, `-` and space do not count much: they are folded away.
fn fold(name: &str) -> Vec<char> {
    // Names are short; what is longer is no name that anybody meant.
    name.chars().take(100).filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// How many characters must be inserted, removed, replaced or swapped with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    if a.len().abs_diff(b.len()) > 4 {
        return usize::MAX;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before_last[j - 2] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        let names = ["faces", "instantid", "noise", "guidance_scale"];
        assert_eq!(nearest("face", names), Some("faces"));
        assert_eq!(nearest("facse", names), Some("faces"));
        assert_eq!(nearest("InstantID", names), Some("instantid"));
        assert_eq!(nearest("guidancescale", names), Some("guidance_scale"));
        assert_eq!(nearest("cfg", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(hint("cfg", "input", names).unwrap(), "the inputs are faces, instantid, noise, guidance_scale");
        assert_eq!(hint("cfg", "input", ["faces"]).unwrap(), "the only input is faces");
        assert_eq!(hint("cfg", "input", []).unwrap(), "there is no input at all");
        assert_eq!(nearest("foto", ["face", "photo"]), Some("photo"));
    }

    #[test]
    fn a_very_long_wrong_name_costs_nothing() {
        assert_eq!(nearest(&"x".repeat(1_000_000), ["faces"]), None);
    }
}
