//! What runs, in which order, with which values.

mod support;

use selfsame_graphs::{ArgValues, AssetNames, Catalogue, Disk, Document, Plan, Project, Settings, Targets, validate};
use selfsame_sdk::{InputPort, NodeDescriptor, OutputPort, Type};
use std::collections::BTreeMap;
use support::{Memory, assert_same, catalogue, graph, shown};

fn plan_of(files: &Memory, sets: &[&str], targets: Targets) -> Result<Plan, String> {
    let project = Project::open(files, "main.ron").map_err(|e| e.to_string())?;
    let args = ArgValues::parse(project.root(), sets).map_err(|e| e.to_string())?;
    let catalogue = catalogue();
    let settings = Settings { assets: None, args: Some(&args) };
    let valid = validate(&project, &catalogue, settings).map_err(|e| e.to_string())?;
    Plan::new(&valid, targets).map_err(|e| e.to_string())
}

fn plan(main: &str) -> Plan {
    plan_of(&Memory(BTreeMap::from([("main.ron", graph(main))])), &[], Targets::All).unwrap_or_else(|e| panic!("{e}"))
}

#[track_caller]
fn assert_plan(main: &str, expected: &str) {
    assert_same("the plan", expected, &shown(&plan(main)));
}

const PHOTO: &str = "\"photo\": LoadImage(path: \"ada.png\"), \"save\": SaveImage(image: Out(\"photo.image\"))";

#[test]
fn only_what_is_needed_runs_with_defaults_filled_in() {
    assert_plan(
        &format!("nodes: {{{PHOTO}, \"unused\": Gain(image: Out(\"photo.image\"))}}"),
        "photo LoadImage path=\"ada.png\"\nsave SaveImage image=photo.image prefix=\"image\"\n",
    );
}

#[test]
fn the_order_does_not_depend_on_the_order_of_the_file() {
    let nodes = [
        "\"a\": LoadImage(path: \"ada.png\")",
        "\"b\": LoadImage(path: \"bob.png\")",
        "\"stack\": Stack(images: [Out(\"b.image\"), Out(\"g.image\"), Out(\"a.image\")])",
        "\"g\": Gain(mask: Out(\"a.mask\"), image: Out(\"b.image\"))",
        "\"save2\": SaveImage(image: Out(\"a.image\"))",
        "\"save1\": SaveImage(image: Out(\"stack.image\"))",
    ];
    let forward = shown(&plan(&format!("nodes: {{{}}}", nodes.join(", "))));
    let mut reversed = nodes;
    reversed.reverse();
    assert_same("the plan", &forward, &shown(&plan(&format!("nodes: {{{}}}", reversed.join(", ")))));
    let ids: Vec<&str> = forward.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(ids, ["b", "a", "g", "stack", "save1", "save2"]);
}

#[test]
fn literals_become_values_of_the_type_of_the_input() {
    assert_plan(
        "args: {\"gain\": Int(default: 2)}, nodes: {\"photo\": LoadImage(path: \"a\"),
         \"g\": Gain(image: Out(\"photo.image\"), gain: Arg(\"gain\")),
         \"s\": Stack(images: Out(\"g.image\"), sizes: 5), \"save\": SaveImage(image: Out(\"s.image\"))}",
        "photo LoadImage path=\"a\"\ng Gain image=photo.image gain=2.0 tint=\"#ffffff\"\n\
         s Stack images=g.image sizes=[5]\nsave SaveImage image=s.image prefix=\"image\"\n",
    );
}

#[test]
fn what_only_feeds_lazy_inputs_is_marked() {
    let plan = plan(
        "nodes: {\"a\": LoadImage(path: \"a\"), \"b\": LoadImage(path: \"b\"), \"g\": Gain(image: Out(\"b.image\")),
         \"s\": Switch(on: true, yes: Out(\"a.image\"), no: Out(\"g.image\")),
         \"save\": SaveImage(image: Out(\"s.value\")), \"save_a\": SaveImage(image: Out(\"a.image\"))}",
    );
    let lazy: Vec<&str> = plan.order().iter().map(|i| plan.node(*i)).filter(|n| !n.eager).map(|n| &*n.id).collect();
    assert_eq!(lazy, ["b", "g"]);
    let edges = plan.graph().edge_weights().filter(|edge| edge.lazy).count();
    assert_eq!(edges, 2);
}

#[test]
fn targets() {
    let files = Memory(BTreeMap::from([(
        "main.ron",
        graph(&format!(
            "nodes: {{{PHOTO}, \"g\": Gain(image: Out(\"photo.image\"))}}, outputs: {{\"result\": Out(\"g.image\")}}"
        )),
    )]));
    let only = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        plan_of(&files, &[], Targets::Only(&names)).map(|plan| shown(&plan))
    };
    let photo = "photo LoadImage path=\"ada.png\"\n";
    let gain = "g Gain image=photo.image gain=1.0 tint=\"#ffffff\"\n";
    assert_eq!(only(&["photo"]).unwrap(), photo);
    assert_eq!(only(&["photo.mask"]).unwrap(), format!("{photo}-> photo.mask = photo.mask\n"));
    assert_eq!(only(&["result"]).unwrap(), format!("{photo}{gain}-> result = g.image\n"));
    assert_eq!(only(&["g", "photo"]).unwrap(), format!("{photo}{gain}").replace("photo LoadImage", "photo LoadImage"));
    assert_eq!(only(&["resutl"]).unwrap_err(), "there is no node or output `resutl` to run: did you mean `result`?");
    assert_eq!(only(&["photo.nothing"]).unwrap_err(), "there is no node or output `photo.nothing` to run");
}

#[test]
fn bypassed_nodes_pass_on_what_they_get() {
    assert_plan(
        "nodes: {\"photo\": LoadImage(path: \"a\"), \"g\": Gain(image: Out(\"photo.image\"), gain: 99),
         \"h\": Gain(image: Out(\"g.image\")), \"save\": SaveImage(image: Out(\"h.image\")),
         \"more\": SaveImage(image: Out(\"g.image\"))}, bypass: [\"g\", \"h\", \"more\"]",
        "photo LoadImage path=\"a\"\nsave SaveImage image=photo.image prefix=\"image\"\n",
    );
    let main = "nodes: {\"photo\": LoadImage(path: \"a\"), \"g\": Gain(image: Out(\"photo.image\"))},
         outputs: {\"i\": Out(\"g.image\")}, bypass: [\"g\"]";
    let files = Memory(BTreeMap::from([("main.ron", graph(main))]));
    let error = plan_of(&files, &[], Targets::Only(&["g".to_owned()])).unwrap_err();
    assert_eq!(error, "there is no node or output `g` to run: it is bypassed");
}

const PART: &str = "args: {\"image\": Input(type: \"IMAGE\"), \"amount\": Float(default: 1.5), \"mask\": Input(type: \"MASK\", optional: true)},
    nodes: {\"g\": Gain(image: Arg(\"image\"), gain: Arg(\"amount\"), mask: Arg(\"mask\")), \"own\": SaveImage(image: Out(\"g.image\"), prefix: \"own\")},
    outputs: {\"image\": Out(\"g.image\"), \"input\": Out(\"g.image\")}";

fn nested() -> Memory {
    let twice = "args: {\"image\": Input(type: \"IMAGE\")},
        nodes: {\"one\": Subgraph(file: \"part.ron\", image: Arg(\"image\")), \"two\": Subgraph(file: \"part.ron\", image: Out(\"one.image\"), amount: 3)},
        outputs: {\"image\": Out(\"two.image\")}";
    let main = "args: {\"face\": Image()}, nodes: {\"photo\": LoadImage(path: Arg(\"face\")),
        \"t\": Subgraph(file: \"twice.ron\", image: Out(\"photo.image\")),
        \"p\": Subgraph(file: \"part.ron\", image: Out(\"t.image\"), amount: 2, mask: Out(\"photo.mask\")),
        \"save\": SaveImage(image: Out(\"p.image\"))}, outputs: {\"result\": Out(\"t.image\")}";
    Memory(BTreeMap::from([("main.ron", graph(main)), ("twice.ron", graph(twice)), ("part.ron", graph(PART))]))
}

const NESTED_PLAN: &str = "photo LoadImage path=\"x.png\"
t/one/g Gain image=photo.image gain=1.5 tint=\"#ffffff\"
t/two/g Gain image=t/one/g.image gain=3.0 tint=\"#ffffff\"
p/g Gain image=t/two/g.image mask=photo.mask gain=2.0 tint=\"#ffffff\"
save SaveImage image=p/g.image prefix=\"image\"
-> result = t/two/g.image
";

#[test]
fn sub_graphs_are_unfolded_and_their_own_output_nodes_do_not_run() {
    let plan = plan_of(&nested(), &["face=x.png"], Targets::All).unwrap();
    assert_same("the plan", NESTED_PLAN, &shown(&plan));
    let at = plan.node(plan.order()[1]).at();
    assert_eq!(at.file, "part.ron");
}

#[test]
fn a_sub_graph_without_outputs_runs_for_its_output_nodes() {
    let part = "args: {\"image\": Input(type: \"IMAGE\")}, nodes: {\"own\": SaveImage(image: Arg(\"image\"))}";
    let main =
        "nodes: {\"photo\": LoadImage(path: \"a\"), \"s\": Subgraph(file: \"part.ron\", image: Out(\"photo.image\"))}";
    let files = Memory(BTreeMap::from([("main.ron", graph(main)), ("part.ron", graph(part))]));
    let plan = plan_of(&files, &[], Targets::All).unwrap();
    assert_same(
        "the plan",
        "photo LoadImage path=\"a\"\ns/own SaveImage image=photo.image prefix=\"image\"\n",
        &shown(&plan),
    );
}

#[test]
fn a_plan_written_as_a_graph_gives_the_same_plan() {
    let plan = plan_of(&nested(), &["face=x.png"], Targets::All).unwrap();
    let text = plan.to_graph(AssetNames::Written).to_ron();
    assert!(text.contains("\"Gain\":"), "node versions are kept\n{text}");
    let document = Document::parse("flat.ron", &*text);
    assert_eq!(document.problems(), []);
    let project = Project::around(&Disk, document);
    let catalogue = catalogue();
    let valid = validate(&project, &catalogue, Settings::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(valid.warnings().is_empty(), "{}", valid.warnings());
    let again = Plan::new(&valid, Targets::All).unwrap();
    assert_same("the plan", NESTED_PLAN, &shown(&again));
    assert_eq!(again.to_graph(AssetNames::Written).to_ron(), text);
}

#[test]
fn ids_that_clash_after_unfolding_stay_apart() {
    let main =
        "nodes: {\"photo\": LoadImage(path: \"a\"), \"p\": Subgraph(file: \"part.ron\", image: Out(\"p/g.image\")),
        \"p/g\": Gain(image: Out(\"photo.image\")), \"save\": SaveImage(image: Out(\"p.image\"))}";
    let files = Memory(BTreeMap::from([("main.ron", graph(main)), ("part.ron", graph(PART))]));
    let plan = plan_of(&files, &[], Targets::All).unwrap();
    let ids: Vec<&str> = plan.order().iter().map(|i| &*plan.node(*i).id).collect();
    assert_eq!(ids, ["photo", "p/g'", "p/g", "save"]);
}

#[test]
fn sub_graphs_that_double_at_every_level_are_refused_before_they_fill_memory() {
    let mut files = BTreeMap::from([("0.ron", graph(PART))]);
    let names: Vec<&'static str> = (1..=40).map(|i| &*Box::leak(format!("{i}.ron").into_boxed_str())).collect();
    for (i, name) in names.iter().enumerate() {
        let below = format!("{i}.ron");
        let text = format!(
            "args: {{\"image\": Input(type: \"IMAGE\")}}, nodes: {{\"a\": Subgraph(file: \"{below}\", image: Arg(\"image\")), \
             \"b\": Subgraph(file: \"{below}\", image: Out(\"a.image\"))}}, outputs: {{\"image\": Out(\"b.image\")}}"
        );
        files.insert(name, graph(&text));
    }
    let main = "nodes: {\"photo\": LoadImage(path: \"a\"), \"s\": Subgraph(file: \"40.ron\", image: Out(\"photo.image\")), \"save\": SaveImage(image: Out(\"s.image\"))}";
    files.insert("main.ron", graph(main));
    let error = plan_of(&Memory(files), &[], Targets::All).unwrap_err();
    assert!(error.contains("error[too-large]: the graph comes to more than 1000000 nodes"), "{error}");
}

#[test]
fn long_chains_and_deep_nesting_need_no_deep_stack() {
    let chain = |bypassed: bool| {
        let mut nodes = String::from("\"n0\": LoadImage(path: \"a\")");
        for i in 1..100_000 {
            nodes.push_str(&format!(",\n\"n{i}\": Gain(image: Out(\"n{}.image\"))", i - 1));
        }
        let bypass: Vec<String> = (1..100_000).filter(|_| bypassed).map(|i| format!("\"n{i}\"")).collect();
        format!(
            "nodes: {{{nodes}, \"save\": SaveImage(image: Out(\"n99999.image\"))}}, bypass: [{}]",
            bypass.join(", ")
        )
    };
    let run =
        |text: String| std::thread::Builder::new().stack_size(512 * 1024).spawn(move || plan(&text).order().len());
    assert_eq!(run(chain(false)).unwrap().join().unwrap(), 100_001);
    assert_eq!(run(chain(true)).unwrap().join().unwrap(), 2);
}

/// Random graphs of one node type with several inputs: every needed node exactly once, after all it needs.
#[test]
fn random_plans_hold_each_needed_node_once_and_in_order() {
    let port = |name: &str| InputPort::new(name, Type::INT).doc("x").optional();
    let add = NodeDescriptor::new("test.add", "Add").category("t").doc("t").output_node();
    let add = add
        .input(port("a"))
        .input(port("b").lazy())
        .input(InputPort::new("c", Type::list(Type::INT)).doc("x").optional());
    let catalogue = Catalogue::new([add.output(OutputPort::new("sum", Type::INT).doc("x"))]).unwrap();
    let mut seed = 7u64;
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % n.max(1)
    };
    for _ in 0..200 {
        let count = 1 + below(40);
        let mut needs: Vec<Vec<usize>> = Vec::new();
        let mut lines = Vec::new();
        for i in 0..count {
            let mut mine = Vec::new();
            let mut inputs = Vec::new();
            for name in ["a", "b", "c"] {
                if i > 0 && below(2) == 0 {
                    let to = below(i);
                    mine.push(to);
                    inputs.push(format!("{name}: Out(\"n{to}.sum\")"));
                }
            }
            needs.push(mine);
            lines.push(format!("\"n{i}\": Add({})", inputs.join(", ")));
        }
        for i in (1..lines.len()).rev() {
            lines.swap(i, below(i + 1));
        }
        let target = format!("n{}", below(count));
        let text = graph(&format!("nodes: {{{}}}", lines.join(", ")));
        let project = Project::around(&Disk, Document::parse("random.ron", text));
        let valid = validate(&project, &catalogue, Settings::default()).unwrap_or_else(|e| panic!("{e}"));
        let plan = Plan::new(&valid, Targets::Only(std::slice::from_ref(&target))).unwrap();

        let mut expected = vec![false; count];
        let mut open = vec![target[1..].parse::<usize>().unwrap()];
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut expected[node], true) {
                open.extend(&needs[node]);
            }
        }
        let mut seen = vec![false; count];
        for &index in plan.order() {
            let node: usize = plan.node(index).id[1..].parse().unwrap();
            assert!(needs[node].iter().all(|need| seen[*need]), "n{node} stands before what it needs");
            assert!(!std::mem::replace(&mut seen[node], true), "n{node} stands twice");
        }
        assert_eq!(seen, expected);
    }
}
