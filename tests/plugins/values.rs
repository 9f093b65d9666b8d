//! Values, contexts and tensors that a plugin keeps, counts and makes against the rules.

use crate::hazards::{Hazard, runs_well};
use crate::kit::*;
use selfsame_host::RunOptions;
use selfsame_sdk::ffi::abi::SS_STATUS_ABI;
use selfsame_sdk::{Status, Value};
use std::time::Instant;

const REPORT: &str = " | this is a mistake in the plugin; please report it to its author";

fn int(value: &Value) -> i64 {
    let Value::Int(number) = value else { panic!("{value}") };
    *number
}

#[test]
fn what_is_only_borrowed_is_not_given_up() {
    for (how, port) in [("over-release", "image"), ("over-release text", "how")] {
        let (status, told) = Hazard::new("values", "*").fails(how);
        let expected =
            format!("-: input `{port}`: the node has released it more often than it has retained it{REPORT}");
        assert_eq!((status, told), (Status::Internal, expected));
    }
}

/// A plugin may keep what it likes; what it forgets to give up stays in memory, and nothing else is wrong.
#[test]
fn what_is_kept_stays() {
    let hazard = Hazard::new("values", "*");
    assert_eq!(image(&hazard.gives("leak")).data(), [1.0; 12]);
    assert_eq!(image(&hazard.gives("keep")).data(), [1.0; 12]);
    hazard.host.free_memory();
    assert_eq!(image(&hazard.gives("give what was kept")).data(), [1.0; 12]);
}

#[test]
fn what_is_exported_is_read_only() {
    let hazard = Hazard::new("values", "IMAGE");
    assert_eq!(image(&hazard.gives("write exported")).data(), [1.0; 12]);
}

/// In a process of its own a plugin has copies, or memory that it may only read.
#[test]
#[cfg(target_os = "linux")]
fn an_isolated_plugin_cannot_change_what_it_was_lent() {
    use selfsame_host::plugin::Plugin;
    use selfsame_sdk::{Image, testing::TestHost};
    let library = Hazard::new("values", "*").plugin.path().to_owned();
    let plugin = Plugin::load_isolated(&library, &isolation()).unwrap();
    for size in [2, 600] {
        let image = Image::new([1, size, size, 3], vec![1.0; size * size * 3]).unwrap();
        let run = |how: &str| {
            let inputs = [("how", Value::Text(how.into())), ("image", Value::object(image.clone()))];
            TestHost::new().run(&*plugin.nodes()[0], &inputs)
        };
        if let Err(error) = run("write") {
            assert!(error.message.contains("SIGSEGV"), "{error}");
        }
        assert!(image.data().iter().all(|x| *x == 1.0));
        assert!(run("well").is_ok());
    }
    runs_well(&host(&plugin));
}

#[test]
fn a_context_is_closed_when_its_call_is_over() {
    let hazard = Hazard::new("values", "*");
    hazard.gives("keep the context");
    assert_eq!(int(&hazard.gives("use the kept context")), i64::from(SS_STATUS_ABI));
}

#[test]
fn a_context_is_closed_for_threads_that_are_left_over() {
    let (hazard, events) = (Hazard::new("values", "*"), Events::default());
    hazard.run_with("start a thread", &RunOptions::default(), &events);
    // SS_STATUS_ABI; and whatever still runs is cancelled.
    assert_eq!(int(&hazard.gives("end the thread")), 81);
    assert!(events.named("log").is_empty() && events.named("node_progress").is_empty());
}

#[test]
fn tensors_of_the_host_are_finished_once_or_dropped() {
    let gone = "the tensor is finished or dropped already, or of another call";
    let cases = [
        ("builder finished twice", Status::InvalidArgument, gone),
        ("builder dropped, then finished", Status::InvalidArgument, gone),
        ("builder dropped twice", Status::InvalidArgument, gone),
        ("builder that is none", Status::InvalidArgument, gone),
        (
            "builder too large",
            Status::InvalidArgument,
            "no tensor has the shape [9223372036854775807, 9223372036854775807]",
        ),
        ("builder of much memory", Status::OutOfMemory, "there is no memory for 288230376151711744 numbers"),
        (
            "builder of bytes",
            Status::Unsupported,
            "SsDLDataType { code: 1, bits: 8, lanes: 1 } on SsDLDevice { device_type: 1, device_id: 0 }: the host makes \
             tensors of f32 in main memory",
        ),
        ("builder nowhere", Status::InvalidArgument, "no tensor of 4 dimensions can be made there"),
        ("builder of two dimensions", Status::Internal, "expected a tensor [B,H,W,C], got shape [1, 2]"),
        ("builder as text", Status::Internal, "a tensor as STRING; expected TENSOR, IMAGE or MASK"),
    ];
    let hazard = Hazard::new("values", "IMAGE");
    for (how, status, expected) in cases {
        assert_eq!(hazard.fails(how), (status, format!("-: {expected} | -")), "{how}");
    }
    assert_eq!(image(&hazard.gives("builder never finished")).data(), [1.0; 12]);
    assert_eq!(hazard.fails("builder of another call").1, format!("-: {gone} | -"));
}

#[test]
fn tensors_of_dlpack_are_judged_and_given_up_once() {
    let cases = [
        ("major 2", Status::Internal, "a tensor of DLPack 2.0; expected 1"),
        (
            "stride too large",
            Status::Internal,
            "a tensor with the strides [-9223372036854775808, 6, -3, 1] for the shape [2, 1, 2, 3]",
        ),
        ("0 dimensions", Status::Internal, "expected a tensor [B,H,W,C], got shape []"),
        ("65 dimensions", Status::Internal, "a tensor of 65 dimensions; expected at most 8"),
        ("-1 dimensions", Status::Internal, "a tensor of -1 dimensions; expected at most 8"),
        ("overflow", Status::Internal, "no tensor has the shape [9223372036854775807, 9223372036854775807, 2, 3]"),
        ("negative shape", Status::Internal, "no tensor has the shape [-1, 1, 2, 3]"),
        ("no shape", Status::Internal, "4 elements at the address 0x0"),
        ("null data", Status::Internal, "a tensor without memory"),
        ("other device", Status::Unsupported, "a tensor on the DLPack device (2, 99); expected main memory (1, 0)"),
        ("other device id", Status::Unsupported, "a tensor on the DLPack device (1, 7); expected main memory (1, 0)"),
        (
            "bytes",
            Status::Unsupported,
            "a tensor of the DLPack type (code 1, 8 bits, 1 lanes); expected f16, bf16, f32 or f64",
        ),
    ];
    let hazard = Hazard::new("values", "*");
    for (how, status, expected) in cases {
        assert_eq!(hazard.fails(&format!("dlpack {how}")), (status, format!("-: {expected} | -")), "{how}");
        assert_eq!(int(&hazard.gives("count deleted")), 1, "{how}");
    }
    assert_eq!(hazard.fails("dlpack import null").1, "-: a null pointer instead of a tensor | -");
    let upside_down = hazard.gives("dlpack negative strides");
    assert_eq!(image(&upside_down).data(), [3.0, 4.0, 5.0, 0.0, 1.0, 2.0]);
    assert_eq!(int(&hazard.gives("count deleted")), 1);
}

/// The memory of a plugin is shared until nobody needs it, and then given up: by a deleter that takes its time, or by none.
#[test]
fn memory_of_a_plugin_is_given_up_when_nobody_needs_it() {
    let hazard = Hazard::new("values", "*");
    let value = hazard.gives("dlpack well");
    hazard.host.free_memory();
    assert_eq!(int(&hazard.gives("count deleted")), 0);
    assert_eq!(image(&value).data(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    drop(value);
    assert_eq!(int(&hazard.gives("count deleted")), 1);

    let value = hazard.gives("dlpack no deleter");
    assert_eq!(image(&value).data()[5], 5.0);
    drop(value);

    let value = hazard.gives("dlpack slow deleter");
    let started = Instant::now();
    drop(value);
    assert!(started.elapsed().as_millis() >= 300);
    assert_eq!(int(&hazard.gives("count deleted")), 1);
}

#[test]
fn values_are_made_by_their_rules() {
    let made = Hazard::new("values", "*").gives("lists and structs");
    let Value::List(items) = &made else { panic!("{made}") };
    assert_eq!(items[0].to_string(), "test.BYTES/1 (3 bytes)");
    assert_eq!(items[1].to_string(), "test.PAIR/1 (with x)");
}
