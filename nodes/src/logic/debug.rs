//! See what a value is.

use selfsame_sdk::prelude::*;

/// The most elements of a list, and the most characters of a text, that are shown.
const MAX_ELEMENTS: usize = 50;
const MAX_CHARACTERS: usize = 2000;

/// Shows a value among the messages of the run: texts and numbers as they are, lists element by element, everything else in
/// a few words.
#[node(
    id = "core.logic.show_value",
    category = "debug",
    output_node,
    not_deterministic, // or nothing would be shown the second time
    search = ["print", "log", "inspect", "display", "debug"]
)]
pub fn show_value(
    ctx: Ctx,
    /// What is shown.
    value: Value,
    /// What stands before it.
    #[param(default = "")]
    label: String,
) -> Result<()> {
    let label = if label.is_empty() { label } else { format!("{label}: ") };
    ctx.log(Level::Info, format!("{label}{}", shown(&value)));
    if let Value::List(items) = &value {
        for (i, item) in items.iter().take(MAX_ELEMENTS).enumerate() {
            ctx.log(Level::Info, format!("{label}[{i}] {}", shown(item)));
        }
        if items.len() > MAX_ELEMENTS {
            ctx.log(Level::Info, format!("{label}... and {} more", items.len() - MAX_ELEMENTS));
        }
    }
    Ok(())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => {
            let more = if text.chars().count() > MAX_CHARACTERS { "..." } else { "" };
            format!("{}{more}", text.chars().take(MAX_CHARACTERS).collect::<String>())
        }
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(x) => format!("{x:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    fn messages(value: Value, label: &str) -> Vec<String> {
        let host = TestHost::new();
        show_value(host.ctx(), value, label.into()).unwrap();
        host.said().logs.into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn values_of_every_kind() {
        assert_eq!(messages(Value::Float(2.0), ""), ["2.0"]);
        let image = Image::new([1, 1, 2, 3], vec![0.0; 6]).unwrap();
        assert_eq!(messages(Value::object(image.clone()), "face"), [format!("face: {}", Value::object(image))]);
        let list = Value::list([Value::Bool(true), Value::Text("a\nb".into())]);
        assert_eq!(messages(list, "x"), ["x: a list of 2 values", "x: [0] true", "x: [1] a\nb"]);
    }

    #[test]
    fn what_is_long_is_shortened() {
        assert_eq!(messages(Value::Text("ä".repeat(5000).into()), "")[0].chars().count(), MAX_CHARACTERS + 3);
        let list = Value::list((0..100).map(Value::Int));
        let shown = messages(list, "");
        assert_eq!((shown.len(), shown.last().map(String::as_str)), (52, Some("... and 50 more")));
    }
}
