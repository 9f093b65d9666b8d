//! Stop a graph that makes no sense to go on with.

use selfsame_sdk::prelude::*;

/// Fails with a message if a condition is true; otherwise hands a value on.
///
/// It guards what is linked to it: no face found, a picture too small. The value is not computed if it fails.
#[node(id = "core.logic.stop_if", category = "logic", search = ["assert", "guard", "check", "fail", "error", "require"])]
#[output(value = "the value, unchanged")]
pub fn stop_if(
    /// Whether to fail.
    condition: bool,
    /// What is handed on.
    value: Lazy<Value>,
    /// What the error says.
    #[param(default = "the condition of this node is true")]
    message: String,
) -> Result<Value> {
    if condition { Err(Error::input("condition", message)) } else { value.get() }
}

#[cfg(test)]
mod tests {
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{Value, nodes};

    #[test]
    fn it_fails_or_hands_on() {
        let node = &nodes![super::stop_if][0];
        let run = |condition| {
            let text = Value::Text("no face".into());
            let inputs = [("condition", Value::Bool(condition)), ("value", Value::Int(5)), ("message", text)];
            TestHost::new().run(&**node, &inputs)
        };
        assert!(matches!(run(false).unwrap()[..], [Value::Int(5)]));
        assert_eq!(run(true).unwrap_err().message, "no face");
    }
}
