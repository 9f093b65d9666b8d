//! `selfsame plugin new`: the source of a plugin to start from.

use super::sdk;
use crate::cli::exit::{Exit, Stop};
use crate::cli::output::print;
use clap::Args;
use selfsame_host::plugin::is_plugin_id;
use selfsame_sdk::is_node_id;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::io;
use std::path::{Path, PathBuf};

/// Writes the source of a plugin to start from: a node with a test, a graph that uses it, and all that is needed to build it
#[derive(Args)]
pub struct New {
    /// What the plugin, and its folder, is called: acme-filters, or com.acme.filters, which is com-acme-filters as a package
    name: String,
    /// Writes it in C instead of Rust
    #[arg(long)]
    c: bool,
    /// Uses the Selfsame SDK in this folder instead of a copy in the plugin's own
    #[arg(long, value_name = "PATH", conflicts_with = "c")]
    sdk: Option<PathBuf>,
}

const RUST: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("templates/rust/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("templates/rust/lib.rs.txt")),
    ("graph.ron", include_str!("templates/rust/graph.ron")),
    ("README.md", include_str!("templates/rust/README.md")),
    (".gitignore", "/target\n*.selfsame\n/output\n"),
];
const C: [(&str, &str); 3] = [
    ("graph.ron", include_str!("templates/c/graph.ron")),
    ("README.md", include_str!("templates/c/README.md")),
    (".gitignore", "/build\n*.selfsame\n/output\n"),
];
/// The example is the template, with other names.
const VIGNETTE: &str = include_str!("../../../../examples/c_plugin/vignette.c");
/// What is another in the template, and what stands there instead.
const RENAMED: [(&str, &str); 7] = [
    ("org.example.vignette", "{{name}}.vignette"),
    ("SS_LIT(\"Vignette\")", "SS_LIT(\"{{node}}Vignette\")"),
    ("SS_LIT(\"vignette\")", "SS_LIT(\"{{id}}\")"),
    ("SS_LIT(\"samples\")", "SS_LIT(\"image/adjust\")"),
    ("SS_LIT(\"1.0.0\")", "SS_LIT(\"0.1.0\")"),
    ("SS_LIT(\"A sample in C.\")", "SS_LIT(\"Filters in C.\")"),
    ("vignette.c", "plugin.c"),
];

impl New {
    pub fn run(self) -> Result<Exit, Stop> {
        if !is_name(&self.name) {
            let text = format!("a plugin cannot be called `{}`", self.name);
            let hint = "small ASCII letters, digits, `-` and `_`, a letter first, perhaps several with dots between: \
                        acme-filters, com.acme.filters";
            return Err(Stop::new(Exit::Usage, format!("{text}\n  = hint: {hint}")));
        }
        let folder = PathBuf::from(&self.name);
        let fail = |error: io::Error| Stop::new(Exit::Wrong, format!("{}: {error}", folder.display()));
        if folder.exists() {
            return Err(Stop::new(Exit::Usage, format!("{} is there already", folder.display())));
        }
        let sdk = self.sdk.as_deref().map(sdk_at).transpose()?;
        self.write(&folder, sdk.as_deref()).map_err(fail)?;
        let text = "is a plugin to start from; its README.md says how to go on";
        print(&format!("{} {text}", folder.display()))?;
        Ok(Exit::Ok)
    }

    fn write(&self, folder: &Path, sdk: Option<&Path>) -> io::Result<()> {
        let files: &[(&str, &str)] = if self.c { &C } else { &RUST };
        for (path, text) in files {
            write(&folder.join(path), &self.fill(text, sdk))?;
        }
        if self.c {
            write(&folder.join("plugin.c"), &self.fill(&source_in_c(), sdk))?;
            return write(&folder.join("include/selfsame_plugin.h"), sdk::HEADER);
        }
        if sdk.is_none() { sdk::unpack(&folder.join("selfsame-sdk")) } else { Ok(()) }
    }

    fn fill(&self, text: &str, sdk: Option<&Path>) -> String {
        // A package has no dots in its name, and its name is the id of its plugin.
        let id = if self.c { self.name.clone() } else { self.name.replace('.', "-") };
        let (sdk, workspace) = match sdk {
            Some(sdk) => (sdk.display().to_string(), "# It belongs to no workspace around it.\n[workspace]"),
            None => (
                "selfsame-sdk/sdk".to_owned(),
                "# The copy of the SDK is a workspace of its own.\n[workspace]\nexclude = [\"selfsame-sdk\"]",
            ),
        };
        text.replace("{{name}}", &self.name)
            .replace("{{id}}", &id)
            .replace("{{node}}", &camel(&self.name))
            .replace("{{library}}", &format!("{DLL_PREFIX}{}{DLL_SUFFIX}", self.name.replace(['-', '.'], "_")))
            .replace("{{sdk}}", &format!("{sdk:?}"))
            .replace("{{workspace}}", workspace)
    }
}

/// The example without its head, with placeholders.
fn source_in_c() -> String {
    let code = RENAMED.iter().fold(vignette().to_owned(), |code, (from, to)| code.replace(from, to));
    format!("/* A plugin for Selfsame; include/selfsame_plugin.h documents everything that it uses. */\n{code}")
}

fn vignette() -> &'static str {
    VIGNETTE.split_once("*/\n").map_or(VIGNETTE, |(_, code)| code)
}

/// Cargo, the plugin boundary and the ids of nodes have to take it.
fn is_name(name: &str) -> bool {
    is_plugin_id(name) && is_node_id(&format!("{name}.node"))
}

/// `AcmeFilters` for `acme-filters` and for `com.acme.filters`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    let name = name.split_once('.').map_or(name, |(_, rest)| rest);
    name.split(['-', '_', '.']).map(word).collect()
}

/// The crate for plugins in a folder that the user names.
fn sdk_at(path: &Path) -> Result<PathBuf, Stop> {
    let whole = path.canonicalize().ok();
    // Whoever has the sources of Selfsame may name their folder.
    let places = whole.into_iter().flat_map(|path| [path.join("plugins/sdk"), path.join("sdk"), path]);
    let is_sdk = |path: &PathBuf| {
        let text = std::fs::read_to_string(path.join("Cargo.toml")).unwrap_or_default();
        text.lines().any(|line| line == "name = \"selfsame-sdk\"")
    };
    places.into_iter().find(is_sdk).ok_or_else(|| {
        let text = format!("--sdk: {} does not hold the crate selfsame-sdk", path.display());
        Stop::new(Exit::Usage, format!("{text}\n  = hint: without --sdk the plugin gets a copy of its own"))
    })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_the_example_calls_otherwise_is_in_it() {
        for (from, _) in RENAMED {
            assert!(vignette().contains(from), "{from}");
        }
        assert!(!source_in_c().to_lowercase().contains("org.example"));
    }

    #[test]
    fn names() {
        for (name, expected) in [("acme-filters", "AcmeFilters"), ("com.acme.fil-ters2", "AcmeFilTers2"), ("a", "A")] {
            assert!(is_name(name), "{name}");
            assert_eq!(camel(name), expected);
        }
        for name in ["Acme", "1st", "a/b", "", "ä", "a.", ".a", "a..b", "com.1st"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
