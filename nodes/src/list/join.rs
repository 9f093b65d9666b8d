//! Several lists as one.

use super::check_length;
use selfsame_sdk::prelude::*;

/// Joins lists into one, one after the other: `JoinLists(lists: [Out("a.texts"), Out("b.texts")])`.
///
/// It takes apart one level: elements that are lists give their elements, other elements stay. So it also turns a list of
/// lists into a list.
#[node(id = "core.list.join", category = "list", search = ["concatenate", "append", "extend", "flatten", "merge"])]
#[output(list = "the elements of all lists, in their order")]
pub fn join_lists(
    /// The lists.
    lists: Vec<Value>,
) -> Result<Vec<Value>> {
    let open = |value| match value {
        Value::List(items) => items.to_vec(),
        single => vec![single],
    };
    let joined: Vec<Value> = lists.into_iter().flat_map(open).collect();
    check_length(joined.len() as i128)?;
    Ok(joined)
}

/// Combines every element of one list with every element of another: two prompts and three seeds make six pictures.
///
/// Link both outputs to the same node: it runs once for each pair.
#[node(id = "core.list.combinations", category = "list", search = ["cross", "product", "grid", "xy plot", "pairs"])]
#[output(
    first = "for each pair, the element of the first list; it changes slowest",
    second = "for each pair, the element of the second list"
)]
pub fn combinations(
    /// The first list.
    first: Vec<Value>,
    /// The second list.
    second: Vec<Value>,
) -> Result<(Vec<Value>, Vec<Value>)> {
    check_length(first.len() as i128 * second.len() as i128)?;
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a.clone(), b.clone())));
    Ok(pairs.unzip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(range: std::ops::Range<i64>) -> Vec<Value> {
        range.map(Value::Int).collect()
    }

    #[test]
    fn one_level_is_taken_apart() {
        let nested = Value::list([Value::list(numbers(8..9))]);
        let joined = join_lists(vec![Value::list(numbers(0..2)), Value::Int(5), nested]).unwrap();
        assert_eq!(format!("{joined:?}"), "[Int(0), Int(1), Int(5), List([Int(8)])]");
    }

    #[test]
    fn every_pair_once() {
        let (first, second) = combinations(numbers(0..2), numbers(5..8)).unwrap();
        assert_eq!(format!("{first:?}"), "[Int(0), Int(0), Int(0), Int(1), Int(1), Int(1)]");
        assert_eq!(format!("{second:?}"), "[Int(5), Int(6), Int(7), Int(5), Int(6), Int(7)]");
        assert!(combinations(numbers(0..1000), numbers(0..1000)).is_err());
        assert!(combinations(numbers(0..2), vec![]).unwrap().0.is_empty());
    }
}
