//! Parts of lists.

use selfsame_sdk::prelude::*;
use std::ops::Range;

/// Takes a part of a list by its place. Places below 0 count from the end; a part beyond the end is just shorter.
#[node(id = "core.list.slice", category = "list", search = ["part", "range", "limit", "skip", "take", "first"])]
#[output(list = "the part")]
pub fn list_slice(
    /// The list.
    list: Vec<Value>,
    /// Where the part starts; 0 is the first element, -3 the third last.
    #[param(default = 0)]
    start: i64,
    /// Before which element it ends. Not set, it goes to the end.
    end: Option<i64>,
) -> Result<Vec<Value>> {
    let range = places(start, end, list.len());
    Ok(list.into_iter().skip(range.start).take(range.len()).collect())
}

/// The places from `start` to before `end` of something of a length, where places below 0 count from the end.
pub(crate) fn places(start: i64, end: Option<i64>, length: usize) -> Range<usize> {
    let place = |at: i64| {
        let at = i128::from(at);
        let from_start = if at < 0 { at + length as i128 } else { at };
        // Within 0 and a usize, so that nothing is lost.
        from_start.clamp(0, length as i128) as usize
    };
    let start = place(start);
    start..end.map_or(length, place).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_both_ends() {
        for (start, end, wanted) in [
            (0, None, 0..5),
            (1, Some(3), 1..3),
            (-2, None, 3..5),
            (0, Some(-1), 0..4),
            (3, Some(1), 3..3),
            (99, Some(100), 5..5),
            (i64::MIN, Some(i64::MAX), 0..5),
            (i64::MAX, Some(i64::MIN), 5..5),
        ] {
            assert_eq!(places(start, end, 5), wanted, "{start} {end:?}");
        }
        assert_eq!(list_slice((0..5).map(Value::Int).collect(), 1, Some(3)).unwrap().len(), 2);
    }
}
