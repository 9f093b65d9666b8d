//! Lists out of single values.

use super::check_length;
use selfsame_sdk::prelude::*;

/// Makes a list of values: `MakeList(values: [Out("a.image"), Out("b.image")])`.
///
/// A node that takes single values runs once for each element of a list that is linked to it, and gives lists then. So a
/// list of prompts makes a list of pictures, without any further node.
#[node(id = "core.list.make", category = "list", search = ["array", "collect", "for each", "map", "loop"])]
#[output(list = "the values, in their order")]
pub fn make_list(
    /// The values. They may be of several types. A list among them stays one element; JoinLists takes it apart.
    values: Vec<Value>,
) -> Result<Vec<Value>> {
    Ok(values)
}

/// Makes a list that holds a value several times.
///
/// What is linked to it runs once for each, with the same result if nothing else differs: give it a list of seeds too
/// (SeedSequence) for different pictures.
#[node(id = "core.list.repeat", category = "list", search = ["array", "duplicate", "times"])]
#[output(list = "the value, `count` times")]
pub fn repeat_item(
    /// The value.
    value: Value,
    /// How many times.
    #[param(default = 2, hard = 0..=100_000, soft = 1..=64)]
    count: usize,
) -> Result<Vec<Value>> {
    Ok(vec![value; check_length(count as i128)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_repetitions() {
        assert_eq!(make_list(vec![Value::Int(1), Value::Bool(true)]).unwrap().len(), 2);
        assert_eq!(format!("{:?}", repeat_item(Value::Int(7), 3).unwrap()), "[Int(7), Int(7), Int(7)]");
        assert!(repeat_item(Value::Int(7), 0).unwrap().is_empty());
        assert!(repeat_item(Value::Int(7), 100_001).is_err());
    }
}
