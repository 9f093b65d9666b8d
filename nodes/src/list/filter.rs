//! Some elements of a list.

use selfsame_sdk::prelude::*;

/// Keeps the elements of a list for which a second list says true.
///
/// The second list comes from a node that was run for each element, such as CompareText or Compare.
#[node(id = "core.list.filter", category = "list", search = ["select", "where", "keep", "remove", "mask"])]
#[output(list = "the elements that are kept, in their order")]
pub fn filter_list(
    /// The elements.
    list: Vec<Value>,
    /// For each element, whether it is kept.
    keep: Vec<bool>,
) -> Result<Vec<Value>> {
    if list.len() != keep.len() {
        let (elements, answers) = (list.len(), keep.len());
        return Err(Error::input(
            "keep",
            format!("expected true or false for each of {elements} elements, got {answers}"),
        ));
    }
    Ok(list.into_iter().zip(keep).filter_map(|(value, keep)| keep.then_some(value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_true_is_kept() {
        let list = || (0..3).map(Value::Int).collect();
        assert_eq!(format!("{:?}", filter_list(list(), vec![true, false, true]).unwrap()), "[Int(0), Int(2)]");
        let message = filter_list(list(), vec![true]).unwrap_err().to_string();
        assert_eq!(message, "input `keep`: expected true or false for each of 3 elements, got 1");
    }
}
