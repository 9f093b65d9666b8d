//! Nodes of a plugin in graphs: checked, kept, cancelled and reported like any other.

use crate::kit::*;
use selfsame_host::{NodeState, RunOptions, RunResult};
use selfsame_sdk::Value;
use std::time::Instant;

const POSTER: &str = r##"
    "grey": SolidImage(width: 8, height: 4, color: "#808080"),
    "poster": Posterize(image: Out("grey.image"), levels: 3),
"##;

#[test]
fn they_run_among_the_nodes_that_come_with_selfsame() {
    let (host, folder) = (host(&samples()), tempfile::tempdir().unwrap());
    let events = Events::default();
    let nodes = format!(r#"{POSTER} "back": InvertImage(image: Out("poster.image"))"#);
    let outcome = run_with(&host, folder.path(), &graph(&nodes, "back.image"), &RunOptions::default(), &events);
    assert_eq!(image(&output(&outcome)).data(), [0.5; 8 * 4 * 3]);
    assert_eq!(outcome.result, RunResult::Ok);
    let progress = events.named("node_progress");
    assert_eq!((&progress[0]["node"], &progress[0]["label"]), (&"poster".into(), &"frames".into()));
    let preview = &events.named("preview")[0];
    assert!(std::path::Path::new(preview["path"].as_str().unwrap()).is_file());
}

#[test]
fn a_graph_is_checked_by_their_descriptors() {
    let host = host(&samples());
    let text = r#"Graph(version: 1, nodes: {
        "grey": SolidImage(width: 8, height: 4),
        "a": Posterize(image: Out("grey.image"), levels: 1),
        "b": Posterize(image: Out("grey.image"), levls: 3),
        "c": ApplyPalette(image: Out("grey.image"), palette: Out("grey.image")),
    }, outputs: {"y": Out("a.image"), "z": Out("b.image"), "x": Out("c.image")})"#;
    let project =
        selfsame_graphs::Project::around(&selfsame_graphs::Disk, selfsame_graphs::Document::parse("wrong.ron", text));
    let report = host.check(&project, None).err().unwrap().to_string();
    for expected in ["must be between 2 and 256, not 1", "did you mean `levels`?", "com.example.PALETTE/1"] {
        assert!(report.contains(expected), "{report}");
    }
}

#[test]
fn results_are_kept_also_those_of_types_that_only_the_plugin_knows() {
    let (host, folder) = (host(&samples()), tempfile::tempdir().unwrap());
    let nodes = |count: u32, levels: u32| {
        format!(
            r#"{POSTER} "colors": FindPalette(image: Out("poster.image"), count: {count}),
            "p": Posterize(image: Out("grey.image"), levels: {levels}),
            "done": ApplyPalette(image: Out("p.image"), palette: Out("colors.palette")),"#
        )
    };
    let first = run(&host, folder.path(), &graph(&nodes(2, 4), "done.image"));
    assert_eq!(first.count(NodeState::Ran), 5);
    let again = run(&host, folder.path(), &graph(&nodes(2, 4), "done.image"));
    assert_eq!((again.count(NodeState::Ran), again.result), (0, RunResult::Ok));
    let other_filter = run(&host, folder.path(), &graph(&nodes(2, 5), "done.image"));
    assert_eq!(state(&other_filter, "colors"), NodeState::Reused);
    assert_eq!(state(&other_filter, "done"), NodeState::Ran);
    assert_eq!(image(&output(&first)).tensor(), image(&output(&again)).tensor());
}

#[test]
fn results_are_kept_on_disk_for_another_host() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("n.txt"), "1.5").unwrap();
    let on_disk = || host_of(&samples(), |settings| settings.cache_folder = Some(folder.path().join("cache")));
    let graph = graph(r#""n": LoadNumbers(path: "n.txt")"#, "n.numbers");
    let [first, again] = [(); 2].map(|()| run(&on_disk(), folder.path(), &graph));
    assert_eq!([state(&first, "n"), state(&again, "n")], [NodeState::Ran, NodeState::Reused]);
    assert_eq!(format!("{:?}", output(&again)), "List([Float(1.5)])");
}

#[test]
fn a_loader_runs_again_when_its_file_changes() {
    let (host, folder) = (host(&samples()), tempfile::tempdir().unwrap());
    let graph = graph(r#""n": LoadNumbers(path: "n.txt")"#, "n.count");
    let count = |text: &str| {
        std::fs::write(folder.path().join("n.txt"), text).unwrap();
        let outcome = run(&host, folder.path(), &graph);
        let Value::Int(count) = output(&outcome) else { panic!("{outcome:?}") };
        (count, state(&outcome, "n"))
    };
    assert_eq!(count("1\n2\n"), (2, NodeState::Ran));
    assert_eq!(count("1\n2\n"), (2, NodeState::Reused));
    assert_eq!(count("1\n2\n3\n"), (3, NodeState::Ran));
}

#[test]
fn their_lists_run_others_once_for_each_element() {
    let (host, folder) = (host(&samples()), tempfile::tempdir().unwrap());
    let nodes = r##"
        "a": SolidImage(width: 2, height: 2, color: "#000000"),
        "b": SolidImage(width: 2, height: 2, color: "#ffffff"),
        "both": BatchImages(images: [Out("a.image"), Out("b.image")]),
        "each": SplitBatch(image: Out("both.image")),
        "poster": Posterize(image: Out("each.images"), levels: 2),
    "##;
    let outcome = run(&host, folder.path(), &graph(nodes, "poster.image"));
    let Value::List(images) = output(&outcome) else { panic!("{outcome:?}") };
    let firsts: Vec<f32> = images.iter().map(|value| image(value).data()[0]).collect();
    assert_eq!(firsts, [0.0, 1.0]);
}

#[test]
fn a_failure_names_node_port_and_plugin() {
    let (host, folder) = (host(&samples()), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("n.txt"), "one").unwrap();
    let outcome = run(&host, folder.path(), &graph(r#""n": LoadNumbers(path: "n.txt")"#, "n.count"));
    assert_eq!(outcome.result, RunResult::Failed);
    assert_eq!(outcome.failures[0].node, "n");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        failure(&outcome).replace(&format!("{}/", folder.path().display()), ""),
        format!(
            "path: line 1 of n.txt: expected a number, got \"one\" (plugin selfsame-samples {version}) | write one number a line"
        )
    );
}

#[test]
fn a_cancelled_run_ends_at_once() {
    let (host, folder) = (host(&samples()), tempfile::tempdir().unwrap());
    let options = RunOptions::default();
    options.cancel.cancel();
    let started = Instant::now();
    let outcome = run_with(&host, folder.path(), &graph(POSTER, "poster.image"), &options, &());
    assert_eq!(outcome.result, RunResult::Cancelled);
    assert!(started.elapsed().as_secs() < 5);
}
