//! What a call of a plugin costs beside its work: loaded into the host, and in a process of its own.
//!
//! `cargo bench -p selfsame --bench isolation`. The node hands on what it is given (`CountCalls` of the samples).
//!
//! | name | what it is given |
//! |---|---|
//! | `number` | an integer |
//! | `picture` | 1000 x 1000 pixels of three f32, 12 MB, which also come back |

use criterion::Criterion;
use selfsame_host::plugin::Plugin;
use selfsame_host::plugin::helper::Isolation;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, Inputs, Slot, Value};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::hint::black_box;

fn main() {
    let folder = std::env::current_exe().expect("a program knows where it is").with_file_name("");
    let library = folder.join(format!("{DLL_PREFIX}selfsame_samples{DLL_SUFFIX}"));
    let isolation = Isolation { program: env!("CARGO_BIN_EXE_selfsame").into(), ..Isolation::default() };
    let plugins = [
        ("loaded", Plugin::load(&library).expect("the samples are a plugin")),
        ("isolated", Plugin::load_isolated(&library, &isolation).expect("the samples are a plugin")),
    ];
    let picture = Image::new([1, 1000, 1000, 3], vec![0.5; 3_000_000]).expect("it is a picture");
    let values = [("number", Value::Int(7)), ("picture", Value::object(picture))];
    let mut criterion = Criterion::default().configure_from_args();
    for (how, plugin) in &plugins {
        let node_type = plugin.nodes().iter().find(|node| node.descriptor().name == "CountCalls");
        let node_type = node_type.expect("the samples have it");
        for (what, value) in &values {
            let (host, mut node) = (TestHost::new(), node_type.create());
            let (ports, slots) = (&node_type.descriptor().inputs, [Slot::Value(value.clone())]);
            let inputs = Inputs::new(ports, &slots).expect("it has one input");
            criterion.bench_function(&format!("{what}/{how}"), |bencher| {
                bencher.iter(|| black_box(node.run(host.ctx(), &inputs).expect("it only hands on")));
            });
        }
    }
    criterion.final_summary();
}
