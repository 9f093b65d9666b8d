//! `selfsame nodes`: the catalogue of node types.

mod markdown;
mod text;

use super::exit::{Exit, Stop};
use super::flags::PluginFlags;
use super::output::{print, print_json};
use super::settings::File;
use clap::Args;
use selfsame_graphs::{Registry, nearest};
use selfsame_sdk::NodeDescriptor;
use std::path::Path;

/// Lists the node types, or says everything about one
#[derive(Args)]
pub struct Nodes {
    /// The node type to describe: a name such as LoadImage, or an id
    name: Option<String>,
    /// Lists only node types in whose names, description or search terms this appears
    #[arg(long, value_name = "WORD", conflicts_with = "name")]
    search: Option<String>,
    /// Prints everything about the node types for programs
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Prints everything about the node types as a document
    #[arg(long)]
    markdown: bool,
    #[command(flatten)]
    plugins: PluginFlags,
}

impl Nodes {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let nodes = self.plugins.nodes(&File::open(config)?, None)?;
        let chosen: Vec<&NodeDescriptor> = match &self.name {
            Some(name) => match nodes.get(name) {
                Some(node) => vec![node.descriptor()],
                None => return Err(unknown(name, &nodes)),
            },
            None => {
                let found = |node: &&NodeDescriptor| self.search.as_ref().is_none_or(|word| matches(node, word));
                let mut all: Vec<&NodeDescriptor> = nodes.descriptors().filter(found).collect();
                all.sort_by(|a, b| (&a.category, &a.name).cmp(&(&b.category, &b.name)));
                all
            }
        };
        if let (true, Some(word)) = (chosen.is_empty(), &self.search) {
            return Err(Stop::new(Exit::Wrong, format!("no node type has anything to do with `{word}`")));
        }
        match (self.json, self.markdown, &self.name) {
            (true, ..) => print_json(&chosen)?,
            (_, true, _) => print(&markdown::document(&chosen))?,
            (.., Some(_)) => print(&chosen.into_iter().map(text::everything).collect::<String>())?,
            (.., None) => print(&text::list(&chosen))?,
        }
        Ok(Exit::Ok)
    }
}

fn unknown(name: &str, nodes: &selfsame_host::Nodes) -> Stop {
    let names = nodes
        .descriptors()
        .flat_map(|node| [&node.name, &node.id].into_iter().chain(&node.aliases))
        .map(String::as_str);
    let hint = match (nodes.plugins().would_have(name), nearest(name, names)) {
        (Some((plugin, unusable)), _) => {
            let hint = unusable.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("plugin `{}` {} has it, but cannot be used: {}{hint}", plugin.id, plugin.version, unusable.why)
        }
        (None, Some(near)) => format!("did you mean `{near}`?"),
        (None, None) => "`selfsame nodes` lists them all, `selfsame nodes --search WORD` searches".to_owned(),
    };
    Stop::new(Exit::Usage, format!("there is no node type `{name}`\n  = hint: {hint}"))
}

fn matches(node: &NodeDescriptor, word: &str) -> bool {
    let word = word.to_lowercase();
    let texts = [&node.name, &node.id, &node.title, &node.category, &node.doc];
    texts.into_iter().chain(&node.aliases).chain(&node.search_terms).any(|text| text.to_lowercase().contains(&word))
}

/// The part of a description that stands alone, on one line.
fn first_sentence(doc: &str) -> String {
    let paragraph = doc.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    // `e.g. this` goes on with a small letter.
    let starts_sentence = |rest: &str| rest.trim_start().starts_with(|c: char| !c.is_lowercase());
    let end = paragraph.match_indices(". ").find(|(at, _)| starts_sentence(&paragraph[at + 1..]));
    end.map_or(paragraph.as_str(), |(at, _)| &paragraph[..=at]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::first_sentence;

    #[test]
    fn the_first_sentence_ends_at_a_full_stop_before_another() {
        assert_eq!(first_sentence("One. Two."), "One.");
        assert_eq!(first_sentence("One,\ne.g. this. Two"), "One, e.g. this.");
        assert_eq!(first_sentence("Only one.\n\nMore."), "Only one.");
        assert_eq!(first_sentence("Scales by 1.5 px"), "Scales by 1.5 px");
        assert_eq!(first_sentence(""), "");
    }
}
