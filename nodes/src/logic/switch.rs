//! Choose between two values.

use selfsame_sdk::prelude::*;

/// Gives one of two values. Only the one that is given is computed.
#[node(id = "core.logic.switch", category = "logic", aliases = ["If"], search = ["condition", "choose"])]
#[output(value = "`when_true` or `when_false`")]
pub fn switch(
    /// Which one.
    condition: bool,
    /// What is given if the condition is true.
    when_true: Lazy<Value>,
    /// What is given if the condition is false.
    when_false: Lazy<Value>,
) -> Result<Value> {
    if condition { when_true.get() } else { when_false.get() }
}

#[cfg(test)]
mod tests {
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{Value, nodes};

    #[test]
    fn one_side_is_given() {
        let host = TestHost::new();
        let node = &nodes![super::switch][0];
        let both = [("when_true", Value::Int(1)), ("when_false", Value::Int(2))];
        for (condition, wanted) in [(true, 1), (false, 2)] {
            let inputs = [&[("condition", Value::Bool(condition))], &both[..]].concat();
            let outputs = host.run(&**node, &inputs).unwrap();
            assert!(matches!(outputs[..], [Value::Int(got)] if got == wanted));
        }
    }
}
