//! Lists in another order.

use super::natural;
use crate::splitmix::SplitMix64;
use selfsame_sdk::prelude::*;

/// Turns a list around: the last element becomes the first.
#[node(id = "core.list.reverse", category = "list", search = ["backwards", "order"])]
#[output(list = "the elements, the last one first")]
pub fn reverse_list(
    /// The list.
    mut list: Vec<Value>,
) -> Result<Vec<Value>> {
    list.reverse();
    Ok(list)
}

/// Puts a list into an order drawn by a seed.
#[node(id = "core.list.shuffle", category = "list", search = ["random", "order", "permute"])]
#[output(list = "the elements in another order")]
pub fn shuffle_list(
    /// The list.
    mut list: Vec<Value>,
    /// The same seed draws the same order for lists of the same length.
    #[param(default = 0)]
    seed: Seed,
) -> Result<Vec<Value>> {
    // Fisher and Yates, as in Knuth's Algorithm P: every order is as likely as any other.
    let mut random = SplitMix64::new(seed.0);
    for last in (1..list.len()).rev() {
        list.swap(last, random.below(last + 1));
    }
    Ok(list)
}

/// Sorts texts as people do: `a2` stands before `a10`, and capital and small letters are the same.
#[node(id = "core.list.sort_texts", category = "list", search = ["order", "alphabetical", "unique", "natural"])]
#[output(texts = "the texts in order")]
pub fn sort_texts(
    /// The texts.
    mut texts: Vec<String>,
    /// From the last to the first.
    #[param(default = false)]
    descending: bool,
    /// Of equal texts only one stays.
    #[param(default = false)]
    unique: bool,
) -> Result<Vec<String>> {
    texts.sort_by(|a, b| natural::compare(a, b));
    if unique {
        texts.dedup();
    }
    if descending {
        texts.reverse();
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders() {
        let list = || (0..4).map(Value::Int).collect::<Vec<_>>();
        assert_eq!(format!("{:?}", reverse_list(list()).unwrap()), "[Int(3), Int(2), Int(1), Int(0)]");
        let shuffled = |seed| {
            let numbers = shuffle_list(list(), Seed(seed)).unwrap();
            format!("{numbers:?}")
        };
        let mut orders: Vec<String> = (0..400).map(shuffled).collect();
        assert_eq!(orders[5], shuffled(5));
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), 24);
        assert!(shuffle_list(vec![], Seed(0)).unwrap().is_empty());
    }

    #[test]
    fn sorting() {
        let texts = || ["b", "a10", "a2", "a2", "A3"].map(str::to_owned).to_vec();
        assert_eq!(sort_texts(texts(), false, true).unwrap(), ["a2", "A3", "a10", "b"]);
        assert_eq!(sort_texts(texts(), true, false).unwrap(), ["b", "a10", "A3", "a2", "a2"]);
    }
}
