//! Operations on true and false.

use selfsame_sdk::prelude::*;

/// Turns true into false and false into true.
#[node(id = "core.logic.not", category = "logic", search = ["invert", "negate"])]
#[output(result = "the opposite")]
pub fn not(
    /// What is turned.
    value: bool,
) -> Result<bool> {
    Ok(!value)
}

/// Is true if both conditions are. The second one is computed only if the first one is true.
#[node(id = "core.logic.and", category = "logic", search = ["both", "all", "condition"])]
#[output(result = "whether both are true")]
pub fn and(
    /// The first condition.
    a: bool,
    /// The second condition.
    b: Lazy<bool>,
) -> Result<bool> {
    if a { b.get() } else { Ok(false) }
}

/// Is true if one of two conditions is, or both. The second one is computed only if the first one is false.
#[node(id = "core.logic.or", category = "logic", search = ["either", "any", "condition"])]
#[output(result = "whether at least one is true")]
pub fn or(
    /// The first condition.
    a: bool,
    /// The second condition.
    b: Lazy<bool>,
) -> Result<bool> {
    if a { Ok(true) } else { b.get() }
}

/// Is true if exactly one of two conditions is.
#[node(id = "core.logic.xor", category = "logic", search = ["either", "different", "condition"])]
#[output(result = "whether exactly one is true")]
pub fn xor(
    /// The first condition.
    a: bool,
    /// The second condition.
    b: bool,
) -> Result<bool> {
    Ok(a != b)
}

#[cfg(test)]
mod tests {
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{NodeType, Result, Value, nodes};

    fn run(node: &dyn NodeType, inputs: &[(&str, Value)]) -> Result<bool> {
        match TestHost::new().run(node, inputs)?[..] {
            [Value::Bool(result)] => Ok(result),
            ref other => panic!("{other:?}"),
        }
    }

    #[test]
    fn truth_tables() {
        let nodes = nodes![super::and, super::or, super::xor];
        for (a, b, wanted) in [
            (false, false, [false, false, false]),
            (false, true, [false, true, true]),
            (true, false, [false, true, true]),
            (true, true, [true, true, false]),
        ] {
            let inputs = [("a", Value::Bool(a)), ("b", Value::Bool(b))];
            let got: Vec<bool> = nodes.iter().map(|node| run(&**node, &inputs).unwrap()).collect();
            assert_eq!(got, wanted, "{a} {b}");
        }
        assert!(super::not(false).unwrap());
    }

    #[test]
    fn the_second_is_not_asked_for_in_vain() {
        // Nothing is linked to `b`, which is an error only if it is needed.
        let nodes = nodes![super::and, super::or];
        for (node, decided) in nodes.iter().zip([false, true]) {
            assert_eq!(run(&**node, &[("a", Value::Bool(decided))]).unwrap(), decided);
            let error = run(&**node, &[("a", Value::Bool(!decided))]).unwrap_err();
            assert_eq!(error.to_string(), "input `b`: it is not set");
        }
    }
}
