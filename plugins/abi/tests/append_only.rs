//! What a version of the boundary has said, every later one of the same major says too: tables only grow at their ends, and
//! numbers and names stay.
//!
//! The header and the layouts of each version lie in `plugins/fixtures/frozen`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use selfsame_abi::{SS_ABI_MAJOR, SS_ABI_MINOR};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The folder of this package.
fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The folders of the versions of this major.
fn versions() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(here("../fixtures/frozen")).unwrap().map(|entry| entry.unwrap().path());
    let major = format!("{SS_ABI_MAJOR}.");
    folders.filter(|folder| folder.file_name().unwrap().to_str().unwrap().starts_with(&major)).collect()
}

fn without_comments(header: &str) -> String {
    let mut text = String::new();
    for (i, part) in header.split("/*").enumerate() {
        text += if i == 0 { part } else { part.split_once("*/").unwrap().1 };
    }
    text
}

/// Numbers and names by what they are called.
fn constants(header: &str) -> BTreeMap<&str, &str> {
    let defined = header.lines().filter_map(|line| line.strip_prefix("#define SS_")?.split_once(' '));
    // What has arguments, and what goes on in another line, is a way to write and no constant.
    defined.filter(|(name, value)| !name.contains('(') && !value.ends_with('\\')).collect()
}

/// The declarations of fields of each struct.
fn structs(header: &str) -> BTreeMap<&str, Vec<&str>> {
    let bodies = header.split("\nstruct ").skip(1).filter_map(|text| text.split_once(" {\n"));
    bodies
        .map(|(name, rest)| {
            let body = rest.split("\n};").next().unwrap_or_default();
            (name, body.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
        })
        .collect()
}

/// Sizes of structs, as `Name`, and places of fields, as `Name.field`.
fn layouts(text: &str) -> BTreeMap<String, u64> {
    let number = |line: &str| Some(line.split_once("== ")?.1.split_once(',')?.0.parse().unwrap());
    let of = |line: &str| {
        let (what, name) = line.strip_prefix("_Static_assert(")?.split_once('(')?;
        let name = name.split_once(')')?.0.replace(", ", ".");
        matches!(what, "sizeof" | "offsetof").then_some((name, number(line)?))
    };
    text.lines().filter_map(of).collect()
}

#[test]
fn what_this_version_says_is_kept_for_later_ones() {
    // The first version has none before it, and each minor is kept once it is out.
    assert!(versions().iter().any(|folder| folder.ends_with("1.0")));
    let all: Vec<String> = versions().iter().map(|v| v.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for minor in 0..SS_ABI_MINOR {
        assert!(
            all.contains(&format!("{SS_ABI_MAJOR}.{minor}")),
            "{SS_ABI_MAJOR}.{minor} is not kept in plugins/fixtures/frozen"
        );
    }
}

#[test]
fn constants_stay() {
    let (now, may_change) = (without_comments(&read(here("include/selfsame_plugin.h"))), ["ABI_MINOR", "EXPORT"]);
    let now = constants(&now);
    for version in versions() {
        let then = without_comments(&read(version.join("selfsame_plugin.h")));
        let then = constants(&then);
        assert!(then.len() > 70, "{} constants", then.len());
        for (name, value) in then.iter().filter(|(name, _)| !may_change.contains(name)) {
            assert_eq!(now.get(name), Some(value), "SS_{name} was {value} in {}", version.display());
        }
    }
}

#[test]
fn tables_only_grow_at_their_ends() {
    let now = without_comments(&read(here("include/selfsame_plugin.h")));
    let now = structs(&now);
    for version in versions() {
        let then = without_comments(&read(version.join("selfsame_plugin.h")));
        let then = structs(&then);
        assert!(then.len() > 25, "{} structs", then.len());
        for (name, fields) in &then {
            let grown = now.get(name).unwrap_or_else(|| panic!("{name} of {} is gone", version.display()));
            assert!(grown.starts_with(fields), "{name} of {} was\n{fields:#?}\nand is\n{grown:#?}", version.display());
            let has_size = fields.contains(&"uint32_t struct_size;");
            assert!(grown.len() == fields.len() || has_size, "{name} has no struct_size, so that it can never grow");
        }
    }
}

#[test]
fn what_is_added_lies_behind_what_was_there() {
    let now = layouts(&read(here("tests/layout.h")));
    for version in versions() {
        let then = layouts(&read(version.join("layout.h")));
        assert!(then.len() > 150, "{} places", then.len());
        for (name, place) in &then {
            match name.split_once('.') {
                Some(_) => assert_eq!(now.get(name), Some(place), "{name}, {}", version.display()),
                None => assert!(now.get(name) >= Some(place), "{name} has shrunk since {}", version.display()),
            }
        }
        // Also not in bytes that were only there to fill up: an older plugin counts those to its table.
        for (name, place) in now.iter().filter(|(name, _)| !then.contains_key(*name)) {
            let Some(size) = name.split_once('.').and_then(|(table, _)| then.get(table)) else { continue };
            assert!(place >= size, "{name} at {place} lies within the {size} bytes of {}", version.display());
        }
    }
}
