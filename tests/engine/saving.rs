//! Files that nodes save, and what they say about themselves.

use crate::kit::{Kit, graph, options, port};
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, HostSettings, Nodes, Outcome, RunOptions, RunResult, metadata, open_graph};
use selfsame_sdk::{Error, Type, Value};
use std::collections::HashMap;
use std::path::Path;

fn host() -> Host {
    Host::new(HostSettings { nodes: Nodes::built_in(), device: "cpu".to_owned(), ..HostSettings::default() }).unwrap()
}

fn run_project(host: &Host, project: &Project, set: &[&str], out: &Path) -> Outcome {
    let args = ArgValues::parse(project.root(), set).unwrap_or_else(|report| panic!("{report}"));
    let prepared = host.load(project, &args, Targets::All).unwrap_or_else(|error| panic!("{error}"));
    let outcome = host.run(&prepared, &RunOptions { output_folder: out.to_owned(), ..options() }, &());
    assert_eq!(outcome.result, RunResult::Ok, "{:?}", outcome.failures);
    outcome
}

fn names(outcome: &Outcome) -> Vec<String> {
    let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    outcome.saved.iter().map(name).collect()
}

fn texts(path: &Path) -> HashMap<String, String> {
    selfsame_nodes::image::png_text::read_text(&std::fs::read(path).unwrap()).into_iter().collect()
}

#[test]
fn numbers_go_on_over_runs_and_nothing_is_overwritten() {
    let (host, folder) = (host(), tempfile::tempdir().unwrap());
    let text = r#"Graph(version: 1, nodes: {"s": SaveText(text: "hello", prefix: "notes/a")})"#;
    let project = Project::around(&Disk, Document::parse("g.ron", text));
    assert_eq!(names(&run_project(&host, &project, &[], folder.path())), ["a_0001.txt"]);
    assert_eq!(names(&run_project(&host, &project, &[], folder.path())), ["a_0002.txt"]);
    std::fs::write(folder.path().join("notes/a_0003.txt"), "mine").unwrap();
    assert_eq!(names(&run_project(&host, &project, &[], folder.path())), ["a_0004.txt"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("notes/a_0003.txt")).unwrap(), "mine");
    assert_eq!(std::fs::read_to_string(folder.path().join("notes/a_0001.txt")).unwrap().trim_end(), "hello");
}

#[test]
fn many_at_once_get_numbers_of_their_own() {
    let mut kit = Kit::new();
    let descriptor = kit.describe("Save").output_node();
    kit.add_as(descriptor, [port("x", Type::FLOAT)], [], |ctx, i| {
        let text = crate::kit::f(i, 0).to_string();
        ctx.save("n", "txt", |out| Ok(out.write_all(text.as_bytes())?))?;
        Ok(vec![])
    });
    let (host, folder) = (kit.host(), tempfile::tempdir().unwrap());
    let options = RunOptions { output_folder: folder.path().to_owned(), ..options() };
    let text = r#"Graph(version: 1, nodes: {"r": Range(count: 50), "s": Save(x: Out("r.out"))})"#;
    let outcome = crate::kit::run_with(&host, text, &[], &options, &());
    assert_eq!(outcome.saved.len(), 50);
    let mut contents: Vec<f64> =
        outcome.saved.iter().map(|path| std::fs::read_to_string(path).unwrap().parse().unwrap()).collect();
    contents.sort_by(f64::total_cmp);
    assert_eq!(contents, (0..50).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn a_save_that_fails_leaves_no_file() {
    let mut kit = Kit::new();
    for (name, function) in [("Fails", false), ("Panics", true)] {
        let descriptor = kit.describe(name).output_node();
        kit.add_as(descriptor, [], [Type::FLOAT], move |ctx, _| {
            ctx.save("n", "txt", |out| {
                out.write_all(b"half")?;
                if function { panic!("half way") } else { Err(Error::new("half way")) }
            })?;
            Ok(vec![Value::Float(1.0)])
        });
    }
    let (host, folder) = (kit.host(), tempfile::tempdir().unwrap());
    for name in ["Fails", "Panics"] {
        let options = RunOptions { output_folder: folder.path().to_owned(), ..options() };
        let outcome = crate::kit::run_with(&host, &graph(&format!(r#""s": {name}()"#), "s.out"), &[], &options, &());
        assert_eq!((outcome.result, outcome.saved.len()), (RunResult::Failed, 0));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
    }
}

/// A picture made of one file by way of an argument, beside a node that reads another file.
fn with_files(folder: &Path) -> std::path::PathBuf {
    let (host, out) = (host(), folder.join("made"));
    for (name, color) in [("in", "#ff8000"), ("other", "#0080ff")] {
        let text = format!(
            r##"Graph(version: 1, nodes: {{"i": SolidImage(width: 8, height: 8, color: "{color}"), "s": SaveImage(image: Out("i.image"), prefix: "{name}")}})"##
        );
        run_project(&host, &Project::around(&Disk, Document::parse("g.ron", text)), &[], &out);
    }
    for name in ["in", "other"] {
        std::fs::rename(out.join(format!("{name}_0001.png")), folder.join(format!("{name}.png"))).unwrap();
    }
    let path = folder.join("graph.ron");
    let text = r#"Graph(version: 1,
        args: {"photo": Image(default: "in.png"), "name": Text(default: "x"), "amount": Float(default: 0.5)},
        nodes: {
            "l": LoadImage(path: Arg("photo")), "v": InvertImage(image: Out("l.image")),
            "o": LoadImage(path: "other.png"),
            "s": SaveImage(image: Out("v.image"), prefix: Arg("name")), "s2": SaveImage(image: Out("o.image"), prefix: "other"),
        })"#;
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_saved_picture_names_what_it_was_made_of_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let graph = with_files(folder.path());
    let out = folder.path().join("out");
    let outcome = run_project(&host(), &open_graph(&graph).unwrap(), &["name=mine"], &out);
    assert_eq!(outcome.saved.len(), 2);
    let texts = texts(&out.join("mine_0001.png"));
    let json = |key: &str| -> serde_json::Value { serde_json::from_str(&texts[key]).unwrap() };
    assert_eq!(json(metadata::ARGUMENTS)["name"], "mine");
    assert_eq!(json(metadata::ARGUMENTS)["amount"], 0.5);
    assert_eq!(json(metadata::VERSIONS)["device"], "cpu");
    assert_eq!(json(metadata::VERSIONS)["selfsame"], env!("CARGO_PKG_VERSION"));
    let files = json(metadata::FILES);
    let files = files.as_object().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    let (path, digest) = files.iter().next().unwrap();
    assert!(path.ends_with("in.png"), "{path}");
    use sha2::{Digest, Sha256};
    let bytes = std::fs::read(folder.path().join("in.png")).unwrap();
    let expected: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, &expected);
}

#[test]
fn a_file_is_named_also_when_the_node_that_read_it_did_not_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let graph = with_files(folder.path());
    let (host, out) = (host(), folder.path().join("out"));
    for run in 1..=3 {
        run_project(&host, &open_graph(&graph).unwrap(), &[], &out);
        assert!(texts(&out.join(format!("x_000{run}.png")))[metadata::FILES].contains("in.png"));
    }
}

#[test]
fn the_graph_in_a_picture_makes_the_same_picture_from_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let graph = with_files(folder.path());
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    run_project(&host(), &open_graph(&graph).unwrap(), &["name=mine"], &first);
    let moved = tempfile::tempdir().unwrap();
    let picture = moved.path().join("picture.png");
    std::fs::copy(first.join("mine_0001.png"), &picture).unwrap();
    let outcome = run_project(&host(), &open_graph(&picture).unwrap(), &[], &second);
    assert_eq!(outcome.saved.len(), 2, "{:?}", outcome.saved);
    let again = second.join("mine_0001.png");
    let pixels = |path: &Path| selfsame_nodes::image::decode::decode(&std::fs::read(path).unwrap()).unwrap().image;
    assert_eq!(pixels(&again), pixels(&picture));
    let third = folder.path().join("third");
    run_project(&host(), &open_graph(&again).unwrap(), &[], &third);
    assert_eq!(
        std::fs::read(third.join("mine_0001.png")).unwrap(),
        std::fs::read(&again).unwrap(),
        "equal to the byte"
    );
    assert_eq!(texts(&again)[metadata::GRAPH], texts(&picture)[metadata::GRAPH]);
}
