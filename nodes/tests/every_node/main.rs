//! What must be true of every node that comes with Selfsame, whatever it does.

mod samples;

use samples::{extremes, is_tensor, sample, wrong_types};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Error, Image, Latent, Mask, NodeDescriptor, NodeType, Result, Value};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Inputs by name.
type Given = Vec<(String, Value)>;

#[test]
fn descriptors_are_sound_and_documented() {
    let mut wrong = Vec::new();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for node in selfsame_nodes::all() {
        let descriptor = node.descriptor();
        let mut blame = |what: String| wrong.push(format!("{}: {what}", descriptor.name));
        descriptor.check().iter().for_each(|found| blame(found.to_string()));
        if !descriptor.id.starts_with("core.") {
            blame(format!("the id {} does not start with `core.`", descriptor.id));
        }
        for name in [&descriptor.id, &descriptor.name, &descriptor.title].into_iter().chain(&descriptor.aliases) {
            if let Some(other) = owners.insert(name.clone(), descriptor.id.clone())
                && other != descriptor.id
            {
                blame(format!("`{name}` is a name of {other} too"));
            }
        }
        if !is_prose(&descriptor.doc) {
            blame("its doc does not end its first paragraph, and itself, with a full stop".to_owned());
        }
        for port in descriptor.inputs.iter().filter(|port| !is_prose(&port.doc)) {
            blame(format!("the doc of input `{}` is no sentence with a full stop", port.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether every paragraph ends with a full stop; the items of a list need none.
fn is_prose(doc: &str) -> bool {
    let paragraphs = doc.split("\n\n").map(|paragraph| paragraph.split("\n- ").next().unwrap_or_default());
    paragraphs.into_iter().all(|text| {
        text.starts_with("- ") || text.starts_with('|') || [".", ":", ".)"].iter().any(|end| text.ends_with(end))
    })
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    for (node, _) in runnable() {
        let descriptor = node.descriptor();
        if !descriptor.deterministic {
            continue;
        }
        let outputs = || {
            let host = TestHost::new();
            let given = base(descriptor, &host).expect("it is runnable");
            let result = run(&*node, &host, &given).map(|outputs| outputs.iter().map(exact).collect::<Vec<_>>());
            // Files lie in the folder of their own host.
            format!("{result:?}").replace(&host.folder().display().to_string(), "FOLDER")
        };
        assert_eq!(outputs(), outputs(), "{} is not deterministic", descriptor.name);
    }
}

/// Errors are fine here, panics are not; and what is given has the types that were promised.
#[test]
fn extreme_inputs_never_panic() {
    let mut wrong = Vec::new();
    for (node, host) in runnable() {
        let descriptor = node.descriptor();
        let mut succeeded = false;
        for given in variations(descriptor, &host) {
            let result = catch_unwind(AssertUnwindSafe(|| run(&*node, &host, &given)));
            let problem = match result {
                Err(_) => Some("it panicked".to_owned()),
                Ok(Err(error)) if error.message.trim().is_empty() => Some("its error has no message".to_owned()),
                Ok(Err(_)) => None,
                Ok(Ok(outputs)) => {
                    succeeded = true;
                    broken_promise(descriptor, &outputs)
                }
            };
            let inputs = || given.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ");
            wrong.extend(problem.map(|problem| format!("{}({}): {problem}", descriptor.name, inputs())));
        }
        if !succeeded {
            wrong.push(format!("{}: none of the inputs was good for a result", descriptor.name));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What is wrong with the outputs of a node: their count, their types, numbers that are none.
fn broken_promise(descriptor: &NodeDescriptor, outputs: &[Value]) -> Option<String> {
    if outputs.len() != descriptor.outputs.len() {
        return Some(format!("{} outputs instead of {}", outputs.len(), descriptor.outputs.len()));
    }
    descriptor.outputs.iter().zip(outputs).find_map(|(port, value)| {
        if !value.is_nothing() && !port.ty.accepts(&value.ty()) {
            return Some(format!("output `{}` is to be {}, got {value}", port.name, port.ty));
        }
        let image = value.downcast::<Image>().filter(|image| !image.data().iter().all(|x| (0.0..=1.0).contains(x)));
        let mask = value.downcast::<Mask>().filter(|mask| !mask.data().iter().all(|x| (0.0..=1.0).contains(x)));
        let float = matches!(value, Value::Float(x) if !x.is_finite());
        let problem = image.is_some() || mask.is_some() || float;
        problem.then(|| format!("output `{}` holds values beyond its range: {value}", port.name))
    })
}

#[test]
fn values_of_the_wrong_type_are_refused_by_the_input_that_gets_them() {
    let mut wrong = Vec::new();
    for (node, host) in runnable() {
        let descriptor = node.descriptor();
        let base = base(descriptor, &host).expect("it is runnable");
        for port in &descriptor.inputs {
            for value in wrong_types(port) {
                let given = with(&base, &port.name, Some(value.clone()));
                match run(&*node, &host, &given) {
                    Err(error) if error.port.as_deref() == Some(&port.name) => {}
                    // A lazy input that nobody asks for is not looked at.
                    Ok(_) if port.lazy => {}
                    Ok(_) => wrong.push(format!("{}: input `{}` took {value}", descriptor.name, port.name)),
                    Err(other) => {
                        wrong.push(format!("{}: {value} in input `{}` gave: {other}", descriptor.name, port.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_cancelled_node_ends_without_a_panic() {
    for (node, host) in runnable() {
        let given = base(node.descriptor(), &host).expect("it is runnable");
        host.cancel();
        let result = catch_unwind(AssertUnwindSafe(|| run(&*node, &host, &given)));
        assert!(result.is_ok(), "{} panicked when it was cancelled", node.descriptor().name);
    }
}

/// The nodes for which there are sample inputs, each with a host that has the files for them. The others are named.
fn runnable() -> Vec<(std::sync::Arc<dyn NodeType>, TestHost)> {
    let hosted = selfsame_nodes::all().into_iter().map(|node| (node, TestHost::new()));
    let (runnable, others): (Vec<_>, Vec<_>) = hosted.partition(|(node, host)| base(node.descriptor(), host).is_some());
    for (node, host) in others {
        let descriptor = node.descriptor();
        let missing = descriptor.inputs.iter().find(|port| port.is_required() && sample(port, &host).is_none());
        let port = missing.map(|port| format!("`{}`, {} ({:?})", port.name, port.ty, port.widget));
        println!("{} is not run: no sample for {}", descriptor.name, port.unwrap_or_default());
    }
    runnable
}

/// A sensible value for each input; optional ones that no test has a value for are left out.
fn base(descriptor: &NodeDescriptor, host: &TestHost) -> Option<Given> {
    let mut given = Given::new();
    for port in &descriptor.inputs {
        match sample(port, host) {
            Some(value) => given.push((port.name.clone(), value)),
            None if port.is_required() => return None,
            None => {}
        }
    }
    Some(given)
}

/// The sensible values, and each of their neighbours: one input extreme or not set; all tensors of one kind; all
/// numbers as low as they go.
fn variations(descriptor: &NodeDescriptor, host: &TestHost) -> Vec<Given> {
    let base = base(descriptor, host).expect("it is runnable");
    let mut all = vec![base.clone()];
    for port in &descriptor.inputs {
        all.extend(extremes(descriptor, port).into_iter().map(|value| with(&base, &port.name, Some(value))));
        if port.optional {
            all.push(with(&base, &port.name, None));
        }
    }
    let every = |matching: fn(&selfsame_sdk::InputPort) -> bool, pick: &dyn Fn(&[Value]) -> Option<Value>| {
        descriptor.inputs.iter().filter(|port| matching(port)).fold(base.clone(), |given, port| {
            match pick(&extremes(descriptor, port)) {
                Some(value) => with(&given, &port.name, Some(value)),
                None => given,
            }
        })
    };
    for kind in 0..12 {
        all.push(every(|port| is_tensor(&port.ty), &|values| values.get(kind).cloned()));
    }
    all.push(every(|port| port.hard.is_bounded(), &|values| values.first().cloned()));
    all
}

/// The inputs with another value for one of them, or none.
fn with(given: &Given, name: &str, value: Option<Value>) -> Given {
    let mut given: Given = given.iter().filter(|(other, _)| other != name).cloned().collect();
    given.extend(value.map(|value| (name.to_owned(), value)));
    given
}

fn run(node: &dyn NodeType, host: &TestHost, given: &Given) -> Result<Vec<Value>, Error> {
    let given: Vec<(&str, Value)> = given.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    host.run(node, &given)
}

/// A value with every bit of it.
fn exact(value: &Value) -> String {
    let bits = |data: &[f32]| data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    if let Some(image) = value.downcast::<Image>() {
        format!("{:?} {:?}", image.dims(), bits(image.data()))
    } else if let Some(mask) = value.downcast::<Mask>() {
        format!("{:?} {:?}", mask.dims(), bits(mask.data()))
    } else if let Some(latent) = value.downcast::<Latent>() {
        let mask = latent.noise_mask.as_ref().map(|mask| bits(mask.data()));
        format!("{:?} {:?} {mask:?}", latent.samples.shape(), bits(latent.samples.data()))
    } else if let Value::List(items) = value {
        items.iter().map(exact).collect::<Vec<_>>().join("; ")
    } else {
        format!("{value:?}")
    }
}
