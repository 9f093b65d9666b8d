//! Single elements of lists.

use crate::splitmix::SplitMix64;
use selfsame_sdk::prelude::*;

/// Tells how many elements a list has.
#[node(id = "core.list.length", category = "list", search = ["count", "size"])]
#[output(length = "how many there are")]
pub fn list_length(
    /// The list.
    list: Vec<Value>,
) -> Result<i64> {
    Ok(list.len() as i64)
}

/// Takes one element out of a list. Places below 0 count from the end.
#[node(id = "core.list.item", category = "list", search = ["get", "index", "pick", "first", "last"])]
#[output(value = "the element")]
pub fn list_item(
    /// The list.
    list: Vec<Value>,
    /// Which one; 0 is the first, -1 the last.
    #[param(default = 0)]
    index: i64,
) -> Result<Value> {
    let place = if index < 0 { i128::from(index) + list.len() as i128 } else { i128::from(index) };
    let found = usize::try_from(place).ok().and_then(|place| list.get(place));
    found.cloned().ok_or_else(|| {
        let length = list.len();
        let expected = match length {
            0 => "the list is empty".to_owned(),
            _ => format!("expected {} to {}, for a list of {length}", -(length as i128), length - 1),
        };
        Error::input("index", format!("{expected}, got {index}"))
    })
}

/// Draws one element of a list by a seed.
#[node(id = "core.list.random_item", category = "list", search = ["pick", "choose", "draw"])]
#[output(value = "the element", index = "which one it is; 0 is the first")]
pub fn random_item(
    /// The list.
    list: Vec<Value>,
    /// The same seed draws the same element.
    #[param(default = 0)]
    seed: Seed,
) -> Result<(Value, i64)> {
    let index = SplitMix64::new(seed.0).below(list.len());
    let value =
        list.get(index).ok_or_else(|| Error::input("list", "expected at least one element, got an empty list"))?;
    Ok((value.clone(), index as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> Vec<Value> {
        (10..13).map(Value::Int).collect()
    }

    #[test]
    fn from_both_ends() {
        let item = |index| list_item(list(), index).map(|value| format!("{value:?}")).map_err(|e| e.message);
        assert_eq!([0, 2, -1, -3].map(|i| item(i).unwrap()), ["Int(10)", "Int(12)", "Int(12)", "Int(10)"]);
        assert_eq!(item(3).unwrap_err(), "expected -3 to 2, for a list of 3, got 3");
        assert_eq!(item(i64::MIN).unwrap_err(), format!("expected -3 to 2, for a list of 3, got {}", i64::MIN));
        assert_eq!(list_item(vec![], 0).unwrap_err().message, "the list is empty, got 0");
        assert_eq!(list_length(list()).unwrap(), 3);
    }

    #[test]
    fn seeds_draw_every_element() {
        let mut drawn: Vec<i64> = (0..50).map(|seed| random_item(list(), Seed(seed)).unwrap().1).collect();
        assert_eq!(drawn[3], random_item(list(), Seed(3)).unwrap().1);
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [0, 1, 2]);
        assert_eq!(random_item(vec![], Seed(0)).unwrap_err().port.unwrap(), "list");
    }
}
