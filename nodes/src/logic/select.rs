//! Choose among several values.

use selfsame_sdk::prelude::*;

/// Gives one of up to eight values by its number. Only the one that is given is computed.
///
/// ListItem takes a value out of a list.
#[node(id = "core.logic.select_by_index", category = "logic", search = ["switch", "choose", "pick", "case"])]
#[output(value = "the value of that number")]
#[allow(clippy::too_many_arguments)] // eight inputs that a person sees side by side
pub fn select_by_index(
    /// Which one.
    #[param(hard = 0..=7)]
    index: usize,
    /// What is given for 0.
    value_0: Option<Lazy<Value>>,
    /// What is given for 1.
    value_1: Option<Lazy<Value>>,
    /// What is given for 2.
    value_2: Option<Lazy<Value>>,
    /// What is given for 3.
    value_3: Option<Lazy<Value>>,
    /// What is given for 4.
    value_4: Option<Lazy<Value>>,
    /// What is given for 5.
    value_5: Option<Lazy<Value>>,
    /// What is given for 6.
    value_6: Option<Lazy<Value>>,
    /// What is given for 7.
    value_7: Option<Lazy<Value>>,
) -> Result<Value> {
    let values = [value_0, value_1, value_2, value_3, value_4, value_5, value_6, value_7];
    match values.get(index) {
        Some(Some(value)) => value.get(),
        Some(None) => Err(Error::input("index", format!("the index is {index}, but `value_{index}` is not set"))),
        None => Err(Error::input("index", format!("expected a number from 0 to 7, got {index}"))),
    }
}

/// Gives the first of some values that is set, such as an optional argument of a sub-graph or else a default. Only the one
/// that is given is computed.
#[node(id = "core.logic.first_set", category = "logic", search = ["default", "optional", "fallback", "coalesce"])]
#[output(value = "the first value that is set")]
pub fn first_set(
    /// Given if it is set.
    value_0: Option<Lazy<Value>>,
    /// Given if nothing before it is set.
    value_1: Option<Lazy<Value>>,
    /// Given if nothing before it is set.
    value_2: Option<Lazy<Value>>,
    /// Given if nothing before it is set.
    value_3: Option<Lazy<Value>>,
) -> Result<Value> {
    let first = [value_0, value_1, value_2, value_3].into_iter().flatten().next();
    first.ok_or_else(|| Error::new("none of the values is set").hint("set `value_3` to what is given otherwise"))?.get()
}

/// Tells whether an input is set, such as an optional argument of a sub-graph. The value is not computed for it.
#[node(id = "core.logic.is_set", category = "logic", search = ["optional", "none", "exists", "condition"])]
#[output(result = "whether it is set")]
pub fn is_set(
    /// What may be set.
    value: Option<Lazy<Value>>,
) -> Result<bool> {
    Ok(value.is_some())
}

#[cfg(test)]
mod tests {
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{NodeType, Result, Value, nodes};

    fn run(node: &dyn NodeType, inputs: &[(&str, Value)]) -> Result<String> {
        TestHost::new().run(node, inputs).map(|outputs| format!("{outputs:?}"))
    }

    #[test]
    fn by_number() {
        let node = &*nodes![super::select_by_index][0];
        let select = |index| {
            let inputs = [("index", Value::Int(index)), ("value_0", Value::Int(10)), ("value_7", Value::Bool(true))];
            run(node, &inputs).map_err(|error| error.to_string())
        };
        assert_eq!(select(0).unwrap(), "[Int(10)]");
        assert_eq!(select(7).unwrap(), "[Bool(true)]");
        assert_eq!(select(3).unwrap_err(), "input `index`: the index is 3, but `value_3` is not set");
        assert_eq!(select(8).unwrap_err(), "input `index`: expected a number from 0 to 7, got 8");
        assert!(select(-1).unwrap_err().starts_with("input `index`: "));
    }

    #[test]
    fn the_first_that_is_set() {
        let node = &*nodes![super::first_set][0];
        assert_eq!(run(node, &[("value_2", Value::Int(2)), ("value_3", Value::Int(3))]).unwrap(), "[Int(2)]");
        assert_eq!(run(node, &[]).unwrap_err().message, "none of the values is set");
    }

    #[test]
    fn set_or_not() {
        let node = &*nodes![super::is_set][0];
        assert_eq!(run(node, &[("value", Value::Bool(false))]).unwrap(), "[Bool(true)]");
        assert_eq!(run(node, &[]).unwrap(), "[Bool(false)]");
    }
}
