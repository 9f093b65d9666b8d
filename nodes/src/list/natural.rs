//! The order in which people sort names.

use std::cmp::Ordering;

/// Compares two names: runs of digits as numbers, letters without regard to case, in the order of Unicode. Names that are
/// equal so are compared byte by byte, so that only the same name is equal.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let ((a_digits, a_rest), (b_digits, b_rest)) = (digits(left), digits(right));
        let order = if !a_digits.is_empty() && !b_digits.is_empty() {
            (left, right) = (a_rest, b_rest);
            let (a, b) = (a_digits.trim_start_matches('0'), b_digits.trim_start_matches('0'));
            // Without leading zeros the longer number is the larger one, however long it is.
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        } else {
            let (mut a_chars, mut b_chars) = (left.chars(), right.chars());
            let order = folded(a_chars.next()).cmp(folded(b_chars.next()));
            (left, right) = (a_chars.as_str(), b_chars.as_str());
            order
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The digits at the start, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn folded(letter: Option<char>) -> impl Iterator<Item = char> {
    letter.into_iter().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_letters() {
        let sorted = ["", "1", "02", "2", "10", "a", "a1", "a01b", "A2", "a10", "x99999999999999999999998", "Ä", "ä1"];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by(|a, b| compare(a, b));
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn only_the_same_is_equal() {
        assert_eq!(compare("a1", "a1"), Ordering::Equal);
        assert_ne!(compare("A1", "a1"), Ordering::Equal);
        assert_ne!(compare("a01", "a1"), Ordering::Equal);
    }
}
