//! What is known of plugins, for graphs whose nodes are not there.

/// The plugins that somebody knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugins {
    /// Each of them, whether its node types are there or not.
    pub known: Vec<KnownPlugin>,
    /// Every place where plugins are looked for.
    pub looked: Vec<String>,
}

/// A plugin that is there, though perhaps of no use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownPlugin {
    /// Its stable name: `acme-filters`.
    pub id: String,
    /// Its version: `1.2.0`.
    pub version: String,
    /// Its node types, each with id and name.
    pub nodes: Vec<(String, String)>,
    /// Why its node types are not there; none if they are.
    pub unusable: Option<Unusable>,
}

/// Why a plugin is of no use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unusable {
    /// The reason, as it ends a sentence: `it is not trusted yet`.
    pub why: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Where nobody looks for any.
pub(crate) static NONE: Plugins = Plugins { known: Vec::new(), looked: Vec::new() };

impl KnownPlugin {
    /// Its version as a graph names it, without what follows `-` or `+`; none if it is no version of numbers.
    pub fn plain_version(&self) -> Option<&str> {
        self.version.split(['-', '+']).next().filter(|numbers| is_version(numbers))
    }
}

impl Plugins {
    /// The plugin with this id, one that can be used before one that cannot.
    pub fn get(&self, id: &str) -> Option<&KnownPlugin> {
        self.known.iter().filter(|plugin| plugin.id == id).min_by_key(|plugin| plugin.unusable.is_some())
    }

    /// The plugin that would have a node type of this name or id, if it could be used.
    pub fn would_have(&self, type_name: &str) -> Option<(&KnownPlugin, &Unusable)> {
        let has = |plugin: &KnownPlugin| plugin.nodes.iter().any(|(id, name)| id == type_name || name == type_name);
        self.known.iter().filter(|plugin| has(plugin)).find_map(|plugin| Some((plugin, plugin.unusable.as_ref()?)))
    }
}

/// Whether a text is one to three numbers with dots between, as a graph says which version it wants.
pub(crate) fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.len() < 10 && part.bytes().all(|b| b.is_ascii_digit());
    (1..=3).contains(&text.split('.').count()) && text.split('.').all(number)
}

/// Whether a version is the wanted one or a later one that promises the same: the first number that is not 0 is equal,
/// as cargo has it. None if it is no version of numbers.
pub(crate) fn fits(wanted: &str, version: &str) -> Option<bool> {
    let numbers = |text: &str| {
        // What follows `-` or `+` names a build.
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut numbers: Vec<u64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        numbers.resize(3, 0);
        Some(numbers)
    };
    let (wanted, version) = (numbers(wanted)?, numbers(version)?);
    let first = wanted.iter().position(|number| *number != 0).unwrap_or(2);
    Some(wanted[..=first] == version[..=first] && version >= wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_fit() {
        for (wanted, version, expected) in [
            ("1", "1.0.0", true),
            ("1.2", "1.2.0", true),
            ("1.2", "1.3.1", true),
            ("1.2", "1.1.9", false),
            ("1.2", "2.2.0", false),
            ("0.3", "0.3.7", true),
            ("0.3", "0.4.0", false),
            ("0.0.3", "0.0.4", false),
            ("1.2", "1.2.0-beta.1", true),
        ] {
            assert_eq!(fits(wanted, version), Some(expected), "{wanted} {version}");
        }
        assert_eq!(fits("1.0", "spring"), None);
        assert!(is_version("1") && is_version("1.20.3"));
        assert!(["", "1.", "1.2.3.4", "^1", "1.x", "12345678901"].iter().all(|text| !is_version(text)));
    }
}
