//! What is right passes without a word, and whatever is wrong never stops the check itself.

mod support;

use selfsame_graphs::{
    ArgValues, Asset, AssetMissing, Assets, Disk, Document, Plan, Project, Report, Settings, Targets, validate,
};
use std::path::Path;
use support::{FewAssets, catalogue};

/// The problems of a graph with these fields, as `code: message`.
fn problems(fields: &str) -> Vec<String> {
    of_text(&format!("Graph(version: 1, {fields})"))
}

fn of_text(text: &str) -> Vec<String> {
    let project = Project::around(&Disk, Document::parse("tests/graphs/x.ron", text));
    let catalogue = catalogue();
    let settings = Settings { assets: Some(&FewAssets), args: None };
    let report =
        validate(&project, &catalogue, settings).map_or_else(|report| report, |valid| valid.warnings().clone());
    report.problems.iter().map(|problem| format!("{}: {}", problem.code, problem.message)).collect()
}

#[track_caller]
fn assert_sound(fields: &str) {
    assert_eq!(problems(fields), [""; 0], "in {fields}");
}

#[test]
fn the_example_is_sound_and_a_plan_comes_out() {
    let project = Project::open(&Disk, "tests/graphs/portrait.ron").unwrap();
    let catalogue = catalogue();
    let args = ArgValues::parse(project.root(), ["seed=18446744073709551615", "prompt=oil, dark"]).unwrap();
    let settings = Settings { assets: Some(&FewAssets), args: Some(&args) };
    let valid = validate(&project, &catalogue, settings).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(*valid.warnings(), Report::default());
    assert_eq!(Plan::new(&valid, Targets::All).unwrap().order().len(), 11);
}

#[test]
fn a_list_runs_a_node_once_for_each_element_and_its_outputs_are_lists() {
    // `keypoints` of a node that runs for each of several images is a list of images, which Stack takes whole.
    assert_sound(
        "args: {\"images\": Input(type: \"LIST<IMAGE>\")}, nodes: {\"f\": FaceAnalysis(image: Arg(\"images\")),
         \"g\": Gain(image: Out(\"f.keypoints\")), \"s\": Stack(images: Out(\"g.image\")), \"save\": SaveImage(image: Out(\"s.image\"))}",
    );
    // A list of lists of faces runs IDEmbed for each inner list.
    assert_sound(
        "args: {\"images\": Input(type: \"LIST<IMAGE>\")}, nodes: {\"f\": FaceAnalysis(image: Arg(\"images\")),
         \"i\": LoadInstantID(), \"id\": IDEmbed(faces: Out(\"f.faces\"), instantid: Out(\"i.adapter\"))}, outputs: {\"t\": Out(\"id.tokens\")}",
    );
}

#[test]
fn conversions_that_lose_nothing_are_taken() {
    let photo = "\"p\": LoadImage(path: \"ada.png\")";
    assert_sound(&format!(
        "nodes: {{{photo}, \"n\": Number(), \"g\": Gain(image: Out(\"p.image\"), gain: Out(\"n.int\"))}}, outputs: {{\"i\": Out(\"g.image\")}}"
    ));
    assert_sound(&format!(
        "nodes: {{{photo}, \"s\": Stack(images: Out(\"p.image\"), sizes: 5)}}, outputs: {{\"i\": Out(\"s.image\")}}"
    ));
    assert_eq!(
        problems(&format!(
            "nodes: {{{photo}, \"n\": Number(), \"s\": Stack(images: Out(\"p.image\"), sizes: [1, Out(\"n.float\")])}}, outputs: {{\"i\": Out(\"s.image\")}}"
        )),
        ["type-mismatch: input `sizes` of node `s` takes INT, but `n.float` gives FLOAT"]
    );
}

#[test]
fn ids_of_node_types_can_be_written_too() {
    assert_sound("nodes: {\"p\": r#core.image.load(path: \"ada.png\")}, outputs: {\"i\": Out(\"p.image\")}");
}

#[test]
fn a_bypassed_node_need_not_be_complete_and_misses_no_files() {
    assert_sound(
        "nodes: {\"p\": LoadImage(path: \"ada.png\"), \"q\": LoadImage(path: \"gone.png\"), \"g\": Gain(mask: Out(\"q.mask\"), image: Out(\"p.image\"), gain: 99)},
         outputs: {\"i\": Out(\"g.image\")}, bypass: [\"g\", \"q\"]",
    );
}

#[test]
fn the_default_of_a_sub_graph_counts_only_where_nothing_replaces_it() {
    struct Folder<'f>(&'f Path);
    impl Assets for Folder<'_> {
        fn find(&self, asset: &Asset) -> Result<String, AssetMissing> {
            match self.0.join(asset.name).exists() {
                true => Ok(self.0.join(asset.name).display().to_string()),
                false => {
                    Err(AssetMissing { looked: vec![asset.graph.unwrap_or("").to_owned()], ..AssetMissing::default() })
                }
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("ada.png", "");
    write(
        "sub.ron",
        "Graph(version: 1, args: {\"face\": Image(default: \"test.png\")}, nodes: {\"p\": LoadImage(path: Arg(\"face\"))},
         outputs: {\"image\": Out(\"p.image\")})",
    );
    let check = |node: &str| {
        write(
            "main.ron",
            &format!("Graph(version: 1, nodes: {{\"s\": {node}}}, outputs: {{\"i\": Out(\"s.image\")}})"),
        );
        let path = folder.path().join("main.ron").display().to_string();
        let project = Project::open(&Disk, &path).unwrap();
        let settings = Settings { assets: Some(&Folder(folder.path())), args: None };
        let catalogue = catalogue();
        match validate(&project, &catalogue, settings) {
            Ok(_) => Vec::new(),
            Err(report) => report.problems.into_iter().map(|p| (p.message, p.looked.concat())).collect(),
        }
    };
    assert_eq!(check("Subgraph(file: \"sub.ron\", face: \"ada.png\")"), []);
    // Relative names belong to the file that they stand in.
    let found = check("Subgraph(file: \"sub.ron\")");
    assert_eq!(found[0].0, "there is no file `test.png`");
    assert!(found[0].1.ends_with("sub.ron"), "{found:?}");
    let found = check("Subgraph(file: \"sub.ron\", face: \"bob.png\")");
    assert!(found[0].1.ends_with("main.ron"), "{found:?}");
    assert_eq!(found.len(), 1);
}

#[test]
fn a_graph_that_contains_itself_through_another_path_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Graph(version: 1, nodes: {\"s\": Subgraph(file: \"../{name}/main.ron\")}, outputs: {})";
    let name = folder.path().file_name().unwrap().to_string_lossy().into_owned();
    let path = folder.path().join("main.ron");
    std::fs::write(&path, text.replace("{name}", &name)).unwrap();
    let project = Project::open(&Disk, &path.display().to_string()).unwrap();
    assert_eq!(project.documents().len(), 1);
    assert_eq!(project.problems().len(), 1);
}

#[test]
fn a_root_that_cannot_be_read_says_why() {
    let error = Project::open(&Disk, "tests/nowhere.ron").unwrap_err();
    assert_eq!(error.path, "tests/nowhere.ron");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.ron");
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    let error = Project::open(&Disk, &path.display().to_string()).unwrap_err();
    assert_eq!(error.reason, "it is not UTF-8 text");
}
