//! A remark in a graph.

use selfsame_sdk::prelude::*;

/// A remark for the people who read a graph. It does nothing, takes no part in results, and may stand anywhere.
///
/// In a graph file a comment does the same; a note is also there for programs that draw graphs.
#[node(id = "core.note", category = "note", output_node, search = ["comment", "remark", "sticky"])]
pub fn note(
    /// The remark. Markdown.
    #[param(multiline)]
    _text: String,
) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use selfsame_sdk::testing::TestHost;
    use selfsame_sdk::{Value, nodes};

    #[test]
    fn it_gives_nothing_and_says_nothing() {
        let host = TestHost::new();
        let text = Value::Text("look here".into());
        assert!(host.run(&*nodes![super::note][0], &[("text", text)]).unwrap().is_empty());
        assert_eq!(host.said(), Default::default());
    }
}
