//! Every graph of `tests/wrong` has exactly the problems that the text beside it shows.
//!
//! `SELFSAME_BLESS=1 cargo test -p selfsame-graphs --test wrong_graphs` writes the texts anew; look at the difference.

mod support;

use selfsame_graphs::{ArgValues, Code, Disk, Project, Report, Settings, Valid, validate};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::{FewAssets, assert_same, catalogue};

const FOLDER: &str = "tests/wrong";

fn graphs() -> Vec<PathBuf> {
    let entries = Path::new(FOLDER).read_dir().expect("the folder is part of the crate");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ron"));
    paths.sort();
    paths
}

/// What is wrong with a graph. A first line `// set: a=1 b=2` sets arguments, as for a run.
fn check(path: &Path) -> Report {
    let project = Project::open(&Disk, &path.display().to_string()).expect("the file is there");
    let catalogue = catalogue();
    let first = project.root().source().text().lines().next().unwrap_or_default();
    let args = match first.strip_prefix("// set:") {
        None => None,
        Some(sets) => match ArgValues::parse(project.root(), sets.split_whitespace()) {
            Ok(args) => Some(args),
            Err(report) => return report,
        },
    };
    let settings = Settings { assets: Some(&FewAssets), args: args.as_ref() };
    validate(&project, &catalogue, settings).map_or_else(|report| report, |valid: Valid| valid.warnings().clone())
}

#[test]
fn the_problems_are_exactly_these() {
    let graphs = graphs();
    assert!(graphs.len() >= 40, "only {} wrong graphs", graphs.len());
    for path in graphs {
        let got = format!("{}\n", check(&path));
        let expected = path.with_extension("txt");
        if std::env::var_os("SELFSAME_BLESS").is_some() {
            std::fs::write(&expected, got).expect("the text can be written");
            continue;
        }
        let text = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_same(&path.display().to_string(), &text, &got);
    }
}

#[test]
fn every_code_is_shown_by_a_graph() {
    let shown: BTreeSet<Code> =
        graphs().iter().flat_map(|path| check(path).problems).map(|problem| problem.code).collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !shown.contains(code)).collect();
    // A graph of a million nodes would be a large file; tests/plan.rs has it.
    assert_eq!(missing, [&Code::TooLarge]);
}

#[test]
fn json_holds_what_the_text_shows() {
    for path in graphs() {
        let report = check(&path);
        let json = serde_json::to_value(&report).expect("reports are plain data");
        assert_eq!(json["errors"], report.errors());
        assert_eq!(json["warnings"], report.warnings());
        for (problem, json) in report.problems.iter().zip(json["problems"].as_array().expect("a list")) {
            assert_eq!(json["code"], problem.code.name());
            assert_eq!(json["message"], problem.message);
            if let Some(at) = &problem.at {
                assert_eq!(json["at"]["line"], at.line);
                assert_eq!(json["at"]["column"], at.column);
            }
        }
    }
}
