//! Names of files and models: looked for from the file that writes them, and resolved in the plan.

mod support;

use selfsame_graphs::{
    ArgValues, Asset, AssetKind, AssetMissing, AssetNames, Assets, Document, Plan, PlanValue, Project, Settings,
    Targets, validate,
};
use selfsame_sdk::Literal;
use std::cell::RefCell;
use support::{Memory, assert_same, catalogue, graph};

/// Finds every name that does not start with `gone`, and shows in what it gives how it was asked for.
#[derive(Default)]
struct Echo {
    asked: RefCell<Vec<String>>,
}

impl Assets for Echo {
    fn find(&self, asset: &Asset) -> Result<String, AssetMissing> {
        let kind = match asset.kind {
            AssetKind::File => "file".to_owned(),
            AssetKind::Folder => "folder".to_owned(),
            AssetKind::Model(folder) => folder.to_owned(),
        };
        let found = format!("{kind}:{}:{}", asset.graph.unwrap_or("outside"), asset.name);
        self.asked.borrow_mut().push(found.clone());
        if asset.name.starts_with("gone") { Err(AssetMissing::default()) } else { Ok(found) }
    }
}

fn plan_with(files: &Memory, sets: &[&str], assets: Option<&dyn Assets>) -> Result<Plan, String> {
    let project = Project::open(files, "main.ron").map_err(|e| e.to_string())?;
    let args = ArgValues::parse(project.root(), sets).map_err(|e| e.to_string())?;
    let catalogue = catalogue();
    let settings = Settings { assets, args: Some(&args) };
    let valid = validate(&project, &catalogue, settings).map_err(|e| e.to_string())?;
    Plan::new(&valid, Targets::All).map_err(|e| e.to_string())
}

/// The inputs that name something, as `node.input = resolved (written)`.
fn shown(plan: &Plan) -> Vec<String> {
    let text = |value: &PlanValue| match value {
        PlanValue::Literal(literal) => literal.to_string(),
        PlanValue::Output(_) => "a link".to_owned(),
        PlanValue::List(items) => format!("{} values", items.len()),
    };
    let nodes = plan.order().iter().map(|index| plan.node(*index));
    nodes
        .flat_map(|node| node.inputs.iter().map(move |input| (node, input)))
        .filter_map(|(node, input)| {
            let asset = input.asset.as_ref()?;
            Some(format!("{}.{} = {} ({})", node.id, input.name, text(&input.value), text(&asset.written)))
        })
        .collect()
}

#[track_caller]
fn assert_resolved(files: &[(&'static str, &str)], sets: &[&str], expected: &[&str]) {
    let files = Memory(files.iter().map(|(name, fields)| (*name, graph(fields))).collect());
    let plan = plan_with(&files, sets, Some(&Echo::default())).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(shown(&plan), expected);
}

#[test]
fn literals_and_defaults_belong_to_their_file_and_outside_values_to_none() {
    let main = "args: {\"a\": Image(default: \"a.png\"), \"b\": Image(default: \"b.png\")}, nodes: {
        \"1\": LoadImage(path: \"1.png\"), \"2\": LoadImage(path: Arg(\"a\")), \"3\": LoadImage(path: Arg(\"b\")),
        \"s\": Stack(images: [Out(\"1.image\"), Out(\"2.image\"), Out(\"3.image\")])}, outputs: {\"i\": Out(\"s.image\")}";
    assert_resolved(
        &[("main.ron", main)],
        &["b=set.png"],
        &[
            "1.path = \"file:main.ron:1.png\" (\"1.png\")",
            "2.path = \"file:main.ron:a.png\" (\"a.png\")",
            "3.path = \"file:outside:set.png\" (\"set.png\")",
        ],
    );
}

#[test]
fn through_any_depth_of_sub_graphs_the_file_is_the_one_that_writes_the_name() {
    let inner = "args: {\"x\": File(default: \"inner.png\")}, nodes: {\"p\": LoadImage(path: Arg(\"x\"))},
        outputs: {\"i\": Out(\"p.image\")}";
    // The same name in two files is two things.
    let middle = "args: {\"x\": File(default: \"inner.png\"), \"y\": Text(default: \"y.png\")}, nodes: {
        \"1\": Subgraph(file: \"inner.ron\"), \"2\": Subgraph(file: \"inner.ron\", x: Arg(\"x\")),
        \"3\": Subgraph(file: \"inner.ron\", x: Arg(\"y\")), \"4\": Subgraph(file: \"inner.ron\", x: \"4.png\"),
        \"s\": Stack(images: [Out(\"1.i\"), Out(\"2.i\"), Out(\"3.i\"), Out(\"4.i\")])}, outputs: {\"i\": Out(\"s.image\")}";
    let main = "args: {\"y\": Text(default: \"main.png\")}, nodes: {
        \"a\": Subgraph(file: \"middle.ron\"), \"b\": Subgraph(file: \"middle.ron\", x: \"b.png\", y: Arg(\"y\")),
        \"s\": Stack(images: [Out(\"a.i\"), Out(\"b.i\")])}, outputs: {\"i\": Out(\"s.image\")}";
    let files = [("main.ron", main), ("middle.ron", middle), ("inner.ron", inner)];
    let inside_a = [
        "a/1/p.path = \"file:inner.ron:inner.png\" (\"inner.png\")",
        "a/2/p.path = \"file:middle.ron:inner.png\" (\"inner.png\")",
        "a/3/p.path = \"file:middle.ron:y.png\" (\"y.png\")",
        "a/4/p.path = \"file:middle.ron:4.png\" (\"4.png\")",
    ];
    let inside_b = |y: &str| {
        [
            "b/1/p.path = \"file:inner.ron:inner.png\" (\"inner.png\")".to_owned(),
            "b/2/p.path = \"file:main.ron:b.png\" (\"b.png\")".to_owned(),
            format!("b/3/p.path = \"file:{y}\" (\"{}\")", y.rsplit(':').next().expect("split gives one")),
            "b/4/p.path = \"file:middle.ron:4.png\" (\"4.png\")".to_owned(),
        ]
    };
    for (sets, y) in [(&[][..], "main.ron:main.png"), (&["y=set.png"], "outside:set.png")] {
        let b = inside_b(y);
        let expected: Vec<&str> = inside_a.into_iter().chain(b.iter().map(|line| &**line)).collect();
        assert_resolved(&files, sets, &expected);
    }
}

#[test]
fn models_lists_and_defaults_of_node_types() {
    let main = "args: {\"p\": Input(type: \"STRING\", default: \"arg.png\")}, nodes: {
        \"id\": LoadInstantID(), \"base\": LoadCheckpoint(checkpoint: \"mini\"),
        \"one\": LoadImages(paths: \"one.png\"), \"two\": LoadImages(paths: [\"1.png\", Arg(\"p\")]),
        \"no\": LoadImages(), \"dir\": LoadImages(folder: \"in\")},
        outputs: {\"a\": Out(\"id.adapter\"), \"b\": Out(\"base.vae\"), \"c\": Out(\"one.images\"),
        \"d\": Out(\"two.images\"), \"e\": Out(\"no.images\"), \"f\": Out(\"dir.images\")}";
    assert_resolved(
        &[("main.ron", main)],
        &["p=set.png"],
        &[
            "id.file = \"instantid:outside:instantid.safetensors\" (\"instantid.safetensors\")",
            "base.checkpoint = \"checkpoints:main.ron:mini\" (\"mini\")",
            "one.paths = [\"file:main.ron:one.png\"] ([\"one.png\"])",
            "two.paths = [\"file:main.ron:1.png\", \"file:outside:set.png\"] ([\"1.png\", \"set.png\"])",
            "dir.folder = \"folder:main.ron:in\" (\"in\")",
        ],
    );
}

#[test]
fn a_list_for_an_input_of_one_file_is_resolved_element_by_element() {
    let main = "args: {\"p\": Input(type: \"LIST<STRING>\", default: [\"1.png\", \"2.png\"])},
        nodes: {\"l\": LoadImage(path: Arg(\"p\"))}, outputs: {\"i\": Out(\"l.image\")}";
    let expected = "l.path = [\"file:main.ron:1.png\", \"file:main.ron:2.png\"] ([\"1.png\", \"2.png\"])";
    assert_resolved(&[("main.ron", main)], &[], &[expected]);
    let numbers = "args: {\"n\": Input(type: \"LIST<INT>\", default: [1, 2])},
        nodes: {\"n\": Number(value: Arg(\"n\"))}, outputs: {\"x\": Out(\"n.float\")}";
    let plan = plan_with(&Memory([("main.ron", graph(numbers))].into()), &[], None).unwrap();
    assert_eq!(plan.node(plan.order()[0]).inputs[0].value, PlanValue::Literal(Literal::from(vec![1.0, 2.0])));
    let outside = numbers.replace("[1, 2]", "[1, \"2\"]").replace("LIST<INT>", "*");
    let error = plan_with(&Memory([("main.ron", graph(&outside))].into()), &[], None).unwrap_err();
    assert!(error.contains("takes FLOAT, not the string \"2\""), "{error}");
}

#[test]
fn an_argument_that_bypassed_nodes_hand_on_is_resolved_and_checked() {
    let main = |amount: &str| {
        format!(
            "args: {{\"p\": Image(default: \"arg.png\"), \"n\": Float(default: {amount})}}, nodes: {{
             \"t\": Trim(text: Arg(\"p\")), \"u\": Trim(text: Out(\"t.text\")), \"h\": Halve(value: Arg(\"n\")),
             \"l\": LoadImage(path: Out(\"u.text\")), \"g\": Gain(image: Out(\"l.image\"), gain: Out(\"h.value\"))}},
             outputs: {{\"i\": Out(\"g.image\")}}, bypass: [\"t\", \"u\", \"h\"]"
        )
    };
    assert_resolved(&[("main.ron", &main("2"))], &[], &["l.path = \"file:main.ron:arg.png\" (\"arg.png\")"]);
    let error = plan_with(&Memory([("main.ron", graph(&main("9")))].into()), &[], None).unwrap_err();
    assert!(error.contains("must be between 0 and 8, not 9"), "{error}");
}

#[test]
fn a_default_behind_an_optional_argument_counts_where_that_is_not_set() {
    let inner = "args: {\"x\": File(default: \"gone.png\")}, nodes: {\"p\": LoadImage(path: Arg(\"x\"))},
        outputs: {\"i\": Out(\"p.image\")}";
    let pass = |file: &str| {
        let fields = "args: {\"x\": Input(type: \"STRING\", optional: true)},
            nodes: {\"s\": Subgraph(file: \"FILE\", x: Arg(\"x\"))}, outputs: {\"i\": Out(\"s.i\")}";
        graph(&fields.replace("FILE", file))
    };
    let files = Memory(
        [("main.ron", pass("middle.ron")), ("middle.ron", pass("inner.ron")), ("inner.ron", graph(inner))].into(),
    );
    let error = plan_with(&files, &[], Some(&Echo::default())).unwrap_err();
    assert!(error.contains("error[missing-file]: there is no file `gone.png`\n --> inner.ron"), "{error}");
    assert!(plan_with(&files, &["x=here.png"], Some(&Echo::default())).is_ok());
}

#[test]
fn the_default_of_a_node_type_can_be_missing_too() {
    struct Nothing;
    impl Assets for Nothing {
        fn find(&self, asset: &Asset) -> Result<String, AssetMissing> {
            Err(AssetMissing { looked: vec![format!("models/{}", asset.name)], ..AssetMissing::default() })
        }
    }
    let files =
        Memory([("main.ron", graph("nodes: {\"id\": LoadInstantID()}, outputs: {\"a\": Out(\"id.adapter\")}"))].into());
    assert_same(
        "the message",
        "error[missing-model]: there is no model `instantid.safetensors` in the folders for instantid
 --> main.ron:1:33
  |
1 | Graph(version: 1, nodes: {\"id\": LoadInstantID()}, outputs: {\"a\": Out(\"id.adapter\")})
  |                                 ^^^^^^^^^^^^^
  = looked in: models/instantid.safetensors

1 error",
        &plan_with(&files, &[], Some(&Nothing)).unwrap_err(),
    );
}

const MANY: &str = "nodes: {\"a\": LoadImage(path: \"a.png\"), \"b\": LoadImage(path: \"a.png\"),
    \"base\": LoadCheckpoint(checkpoint: \"mini\")}, outputs: {\"a\": Out(\"a.image\"), \"b\": Out(\"b.image\"), \"c\": Out(\"base.vae\")}";

#[test]
fn each_name_is_looked_for_once_and_without_assets_nothing_is_resolved() {
    let files = Memory([("main.ron", graph(MANY))].into());
    let echo = Echo::default();
    plan_with(&files, &[], Some(&echo)).unwrap();
    assert_eq!(*echo.asked.borrow(), ["file:main.ron:a.png", "checkpoints:main.ron:mini"]);
    let plan = plan_with(&files, &[], None).unwrap();
    assert_eq!(
        shown(&plan),
        ["a.path = \"a.png\" (\"a.png\")", "b.path = \"a.png\" (\"a.png\")", "base.checkpoint = \"mini\" (\"mini\")"]
    );
}

#[test]
fn a_plan_is_written_with_either_names() {
    let plan = plan_with(&Memory([("main.ron", graph(MANY))].into()), &[], Some(&Echo::default())).unwrap();
    let written = |names: AssetNames| {
        let flat = Document::parse("flat.ron", plan.to_graph(names).to_ron());
        let literal = |id: &str, input: &str| {
            flat.graph().node(id).and_then(|node| node.input(input)?.value.as_literal()).map(|value| value.to_string())
        };
        [literal("a", "path"), literal("base", "checkpoint")].map(|value| value.expect("both are written"))
    };
    assert_eq!(written(AssetNames::Written), ["\"a.png\"", "\"mini\""]);
    assert_eq!(written(AssetNames::Resolved), ["\"file:main.ron:a.png\"", "\"mini\""]);
}
