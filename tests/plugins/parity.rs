//! The same source, compiled into the host and loaded as a library, is the same node.

use crate::kit::*;
use selfsame_host::plugin::Plugin;
use selfsame_samples::palette::Palette;
use selfsame_sdk::testing::{Said, TestHost};
use selfsame_sdk::{Image, NodeType, Status, Tensor, Value};
use std::sync::Arc;

// The sources of the fixtures, compiled in. The package itself cannot be linked: it exports what the samples export too.
#[path = "../../plugins/fixtures/src/ask_host.rs"]
mod ask_host;
#[path = "../../plugins/fixtures/src/explode.rs"]
mod explode;
#[path = "../../plugins/fixtures/src/plain.rs"]
mod plain;

fn fixtures() -> Vec<Arc<dyn NodeType>> {
    selfsame_sdk::nodes![ask_host::ask_host, explode::explode, plain::plain_add, plain::plain_copy, plain::plain_where,]
}

/// The node of one name among the samples and fixtures, static and dynamic.
fn both(name: &str) -> [Arc<dyn NodeType>; 2] {
    // A library of its own, with strikes of its own.
    let loaded = Plugin::load(&copy_of(&library("selfsame-fixtures"))).unwrap();
    let find =
        |all: [&[Arc<dyn NodeType>]; 2]| all.concat().into_iter().find(|node| node.descriptor().name == name).unwrap();
    [find([&selfsame_samples::all(), &fixtures()]), find([samples().nodes(), loaded.nodes()])]
}

/// Runs a node both ways; gives what each of them gave and said.
fn run_both(
    name: &str,
    inputs: &[(&str, Value)],
    prepare: impl Fn(&TestHost),
) -> [(Result<Vec<Value>, String>, Said); 2] {
    both(name).map(|node| {
        let host = TestHost::new();
        prepare(&host);
        let result = selfsame_sdk::panics::catch(|| host.run(&*node, inputs));
        // Where it comes from is all that may differ.
        let without_origin = |text: String| {
            let text = text.replace("host/../tests/plugins/../../", "");
            text.split(" (plugin ").next().unwrap_or_default().to_owned()
        };
        let told = |error: selfsame_sdk::Error| {
            format!("{:?} {} {:?}", error.status, without_origin(error.to_string()), error.hint)
        };
        let mut said = host.said();
        for path in said.reads.iter_mut().chain(&mut said.saved) {
            *path = path.strip_prefix(host.folder()).unwrap().to_owned();
        }
        (result.map_err(told), said)
    })
}

fn failed(result: Result<Vec<Value>, String>) -> String {
    result.map(|values| panic!("{values:?}")).unwrap_err()
}

/// Numbers that look like a picture, none of them like another.
fn picture(dims: [usize; 4]) -> Image {
    let count = dims.iter().product::<usize>();
    Image::new(dims, (0..count).map(|i| (i as f32 * 0.7).sin().abs()).collect()).unwrap()
}

#[test]
fn descriptors_are_equal() {
    assert_eq!(selfsame_samples::all().len(), samples().nodes().len());
    for node in [selfsame_samples::all(), fixtures()].concat() {
        let [one, other] = both(&node.descriptor().name);
        assert_eq!(one.descriptor(), other.descriptor());
        assert_eq!(other.descriptor().check(), []);
    }
}

#[test]
fn an_image_filter_gives_the_same_bits_and_says_the_same() {
    let image = picture([3, 5, 7, 4]);
    let inputs = |levels| [("image", Value::object(image.clone())), ("levels", Value::Int(levels))];
    for levels in [2, 5, 100] {
        let [(one, said), (other, also_said)] = run_both("Posterize", &inputs(levels), |_| {});
        let bits = |values: Result<Vec<Value>, String>| -> Vec<u32> {
            let image: Arc<Image> = values.unwrap()[0].downcast().unwrap();
            assert_eq!(image.dims(), [3, 5, 7, 4]);
            image.data().iter().map(|x| x.to_bits()).collect()
        };
        assert_eq!(bits(one), bits(other));
        assert_eq!(said, also_said);
        assert_eq!((said.progress.len(), said.previews.len(), said.logs.len()), (3, 1, usize::from(levels > 64)));
    }
}

#[test]
fn cancelling_and_failing_are_the_same() {
    let image = Value::object(picture([1, 1, 1, 3]));
    let [one, other] = run_both("Posterize", &[("image", image.clone())], TestHost::cancel);
    assert_eq!(failed(one.0), failed(other.0.clone()));
    assert!(failed(other.0).starts_with("Cancelled"));
    let wrong = [("image", image), ("rounding", Value::Text("up".into()))];
    let [one, other] = run_both("Posterize", &wrong, |_| {});
    assert_eq!(failed(one.0), failed(other.0.clone()));
    assert!(failed(other.0).contains("expected one of nearest, down"));
}

#[test]
fn a_loader_reads_and_tells_the_same() {
    let write = |text: &'static str| move |host: &TestHost| std::fs::write(host.folder().join("n.txt"), text).unwrap();
    let path = [("path", Value::Text("n.txt".into()))];
    let [one, other] = run_both("LoadNumbers", &path, write("1\n# no\n2.5\n"));
    let numbers = |values: &[Value]| format!("{values:?}");
    assert_eq!(numbers(&one.0.unwrap()), numbers(&other.0.unwrap()));
    assert_eq!(one.1, other.1);
    assert_eq!(one.1.reads.len(), 1);
    let [one, other] = run_both("LoadNumbers", &path, write("1\nx\n"));
    assert_eq!(failed(one.0), failed(other.0.clone()));
    assert!(failed(other.0).contains("Some(\"write one number a line\")"));
    let [one, other] = run_both("LoadNumbers", &path, |_| {});
    // The folders of the hosts have numbers.
    let without_path = |told: String| told.replace(char::is_numeric, "");
    assert_eq!(without_path(failed(one.0)), without_path(failed(other.0)));
}

/// Paths, models, saved files, metadata, shared resources, lazy inputs, messages of each level.
#[test]
fn whatever_a_node_asks_is_answered_the_same() {
    let write = |host: &TestHost| std::fs::write(host.folder().join("a.txt"), "some extra text").unwrap();
    let text = |text: &str| Value::Text(text.into());
    for extra in [None, Some(("extra", text("more")))] {
        let inputs = [("path", text("a.txt")), ("model", text("none"))].into_iter().chain(extra).collect::<Vec<_>>();
        let [one, other] = run_both("AskHost", &inputs, write);
        assert_eq!(one.1, other.1);
        // Whoever asks for a lazy input is called once more.
        let calls = if inputs.len() > 2 { 2 } else { 1 };
        assert_eq!((one.1.logs.len(), one.1.reads.len(), one.1.saved.len()), (3 * calls, calls, calls));
        let answers = |result: Result<Vec<Value>, String>| -> Vec<String> {
            let values = result.unwrap();
            let Value::List(answers) = &values[0] else { panic!("{values:?}") };
            // Each host has its folder, and each run makes the next shared resource.
            let differs =
                |answer: &String| answer.contains(std::path::MAIN_SEPARATOR) || answer.contains(char::is_numeric);
            answers.iter().map(ToString::to_string).filter(|answer| !differs(answer)).collect()
        };
        let (one, other) = (answers(one.0), answers(other.0));
        assert_eq!(one, other);
        assert!(one.len() >= 7, "{one:?}");
    }
}

#[test]
fn a_panic_is_the_same_failure() {
    for how in ["str", "text", "custom", "bomb", "drop", "thread", "fail"] {
        let [one, other] = run_both("Explode", &[("how", Value::Text(how.into()))], |_| {});
        assert_eq!(failed(one.0), failed(other.0), "{how}");
    }
}

#[test]
fn a_list_is_the_same_list() {
    let image = Value::object(picture([4, 2, 2, 3]));
    let [one, other] = run_both("SplitBatch", &[("image", image)], |_| {});
    let data = |values: Vec<Value>| -> Vec<Tensor> {
        let Value::List(items) = &values[0] else { panic!("{values:?}") };
        items.iter().map(|item| image_of(item).tensor().clone()).collect()
    };
    let image_count = |values: &[Value]| matches!(values[1], Value::Int(4));
    let (one, other) = (one.0.unwrap(), other.0.unwrap());
    assert!(image_count(&one) && image_count(&other));
    assert_eq!(data(one), data(other));
}

fn image_of(value: &Value) -> Arc<Image> {
    image(value)
}

#[test]
fn a_type_of_the_plugin_flows_between_its_nodes_and_is_opaque_to_the_host() {
    let image = Value::object(picture([1, 4, 4, 3]));
    let host = TestHost::new();
    let results = [0, 1].map(|i| {
        let palette =
            host.run(&*both("FindPalette")[i], &[("image", image.clone()), ("count", Value::Int(3))]).unwrap();
        let palette = palette[0].clone();
        assert_eq!(palette.to_string(), "com.example.PALETTE/1 (3 colours)");
        assert_eq!(palette.bytes(), 16 + 36);
        // The library has the Rust type of its own, though it is the same source.
        assert_eq!(palette.downcast::<Palette>().is_some(), i == 0);
        let inputs = [("image", image.clone()), ("palette", palette)];
        host.run(&*both("ApplyPalette")[i], &inputs).unwrap()[0].clone()
    });
    let [one, other] = results.map(|value| image_of(&value).tensor().clone());
    assert_eq!(one, other);
    // A value of one side means nothing to the other, which says so.
    let built_in = host.run(&*both("FindPalette")[0], &[("image", image.clone())]).unwrap()[0].clone();
    let error = error(host.run(&*both("ApplyPalette")[1], &[("image", image), ("palette", built_in)]));
    assert_eq!(error.port.as_deref(), Some("palette"));
    assert_eq!(error.status, Status::InvalidArgument);
}

#[test]
fn a_node_remembers() {
    for node in both("CountCalls") {
        let (host, mut instance) = (TestHost::new(), node.create());
        let ports = &node.descriptor().inputs;
        for expected in 1..=3 {
            let slots = [selfsame_sdk::Slot::Value(Value::Text("x".into()))];
            let inputs = selfsame_sdk::Inputs::new(ports, &slots).unwrap();
            let values = instance.run(host.ctx(), &inputs).unwrap();
            assert!(
                matches!((&values[0], &values[1]), (Value::Int(n), Value::Text(x)) if *n == expected && &**x == "x")
            );
        }
    }
}

/// What a node hands on as it is stays the same object, so that nothing that depends on it runs again.
#[test]
fn what_is_handed_on_stays_the_same_object() {
    let image = Arc::new(picture([1, 2, 2, 3]));
    let host = TestHost::new();
    let values = host.run(&*both("CountCalls")[1], &[("value", Value::Object(image.clone()))]).unwrap();
    let Value::Object(back) = &values[1] else { panic!("{values:?}") };
    let image: Arc<dyn selfsame_sdk::Object> = image;
    assert!(Arc::ptr_eq(back, &image));
}

/// Numbers are not copied on their way into a plugin, through it, and out of it.
#[test]
fn pictures_cross_the_boundary_without_a_copy() {
    let image = picture([1, 64, 64, 3]);
    let address = image.data().as_ptr();
    let host = TestHost::new();
    for node in both("PlainWhere") {
        let values = host.run(&*node, &[("image", Value::object(image.clone()))]).unwrap();
        let [Value::Int(came), made, Value::Int(at)] = &values[..] else { panic!("{values:?}") };
        assert_eq!(*came, address.addr() as i64);
        assert_eq!(*at, image_of(made).data().as_ptr().addr() as i64);
        assert_ne!(came, at);
    }
    let list = host.run(&*both("CountCalls")[1], &[("value", Value::list([Value::object(image)]))]).unwrap();
    let Value::List(items) = &list[1] else { panic!("{list:?}") };
    assert_eq!(image_of(&items[0]).data().as_ptr(), address);
}
