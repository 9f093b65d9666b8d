//! Models that are written here, run.

use crate::proto::{self, Node, Value, model, single};
use crate::{open, start, tensor};
use selfsame_host::onnx::runtime;
use selfsame_nodes::onnx::{Element, Options, Port, Provider, Session};
use selfsame_sdk::testing::TestHost;
use std::path::PathBuf;
use std::sync::Arc;

struct Model {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

/// Writes a model file.
fn written(bytes: &[u8]) -> Model {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.onnx");
    std::fs::write(&path, bytes).unwrap();
    Model { _folder: folder, path }
}

fn session(bytes: &[u8]) -> Session {
    open(&written(bytes).path).unwrap()
}

fn add(dims: &[i64]) -> Vec<u8> {
    let value = |name| (name, proto::F32, dims);
    single("Add", &[], &[value("a"), value("b")], &[value("sum")])
}

#[test]
fn a_model_shows_what_it_takes_and_runs() {
    let session = session(&add(&[-1, 2]));
    let port = |name: &str| Port { name: name.to_owned(), element: Element::F32, dims: vec![None, Some(2)] };
    assert_eq!(session.inputs(), [port("a"), port("b")]);
    assert_eq!(session.outputs(), [port("sum")]);
    assert_eq!(session.provider(), Provider::Cpu);
    assert_eq!(port("a").to_string(), "f32 [?,2]");

    let ones = [1.0, 2.0, 3.0, 4.0];
    let sum = session.run(&[tensor(&[2, 2], &ones), tensor(&[2, 2], &[0.5, -2.0, 1e30, 0.0])]).unwrap();
    assert_eq!(sum, [tensor(&[2, 2], &[1.5, 0.0, 1e30, 4.0])]);
    let sum = session.run(&[tensor(&[1, 2], &[1.0, 2.0]), tensor(&[1, 2], &[3.0, 4.0])]).unwrap();
    assert_eq!(sum, [tensor(&[1, 2], &[4.0, 6.0])]);
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let session = session(&add(&[-1, 2]));
    let good = tensor(&[1, 2], &[1.0, 2.0]);
    let fails = |inputs: &[_]| session.run(inputs).unwrap_err().to_string();
    assert!(fails(std::slice::from_ref(&good)).ends_with("tiny.onnx: expected 2 inputs, got 1"));
    assert!(fails(&[good.clone(), good.clone(), good.clone()]).ends_with("expected 2 inputs, got 3"));
    let long = tensor(&[1, 3], &[0.0; 3]);
    assert!(fails(&[good.clone(), long]).ends_with("input `b`: expected f32 [?,2], got f32 [1, 3]"));
    let flat = tensor(&[2], &[0.0; 2]);
    assert!(fails(&[flat, good.clone()]).ends_with("input `a`: expected f32 [?,2], got f32 [2]"));
    let none = tensor(&[0, 2], &[]);
    assert!(fails(&[none, good.clone()]).contains("expected values, got none"));
    // Both fit alone; together only the model can tell.
    let message = fails(&[tensor(&[2, 2], &[0.0; 4]), tensor(&[3, 2], &[0.0; 6])]);
    assert!(message.contains("tiny.onnx: it failed: "), "{message}");
}

#[test]
fn values_of_other_types_go_in_and_come_out() {
    let cases: [(u64, Element, &[f32]); 8] = [
        (proto::F32, Element::F32, &[1.5, -0.0, f32::MAX]),
        // 0.1 is rounded to f16.
        (proto::F16, Element::F16, &[1.5, -2048.0, 0.099_975_586]),
        (proto::F64, Element::F64, &[1.5, 1e-30, 1e30]),
        (proto::U8, Element::U8, &[0.0, 7.0, 255.0]),
        (proto::I8, Element::I8, &[-128.0, 0.0, 127.0]),
        (proto::I32, Element::I32, &[-2_147_483_648.0, 5.0, 16_777_216.0]),
        (proto::I64, Element::I64, &[-9.0, 640.0, 4_294_967_296.0]),
        (proto::BOOL, Element::Bool, &[0.0, 1.0, 1.0]),
    ];
    for (number, element, values) in cases {
        let session = session(&single("Identity", &[], &[("x", number, &[3])], &[("y", number, &[3])]));
        assert_eq!(session.inputs()[0].element, element);
        assert_eq!(session.run(&[tensor(&[3], values)]).unwrap(), [tensor(&[3], values)], "{element}");
    }
    let rounded = session(&single("Identity", &[], &[("x", proto::F16, &[1])], &[("y", proto::F16, &[1])]));
    assert_eq!(rounded.run(&[tensor(&[1], &[0.1])]).unwrap()[0].data(), [0.099_975_586]);
}

#[test]
fn values_that_a_type_does_not_have_are_refused() {
    let cases: [(u64, &[f32]); 5] = [
        (proto::U8, &[256.0, -1.0, 0.5, f32::NAN]),
        (proto::I8, &[128.0, -129.0]),
        (proto::I32, &[2_147_483_648.0, f32::INFINITY]),
        (proto::I64, &[9_223_372_036_854_775_808.0, 0.25]),
        (proto::BOOL, &[2.0, 0.5, -1.0]),
    ];
    for (number, values) in cases {
        let session = session(&single("Identity", &[], &[("x", number, &[1])], &[("y", number, &[1])]));
        for value in values {
            let error = session.run(&[tensor(&[1], &[*value])]).unwrap_err().to_string();
            assert!(
                error.contains(&format!("expected values of type {}, got {value}", session.inputs()[0].element)),
                "{error}"
            );
        }
    }
}

#[test]
fn texts_cannot_be_exchanged() {
    let session = session(&single("Identity", &[], &[("x", proto::STRING, &[1])], &[("y", proto::STRING, &[1])]));
    assert!(matches!(session.inputs()[0].element, Element::Other(_)));
    let error = session.run(&[tensor(&[1], &[0.0])]).unwrap_err().to_string();
    assert!(error.contains("input `x`: values of type"), "{error}");
}

#[test]
fn an_output_may_be_empty_or_a_single_number() {
    let session = session(&single("NonZero", &[], &[("x", proto::F32, &[3])], &[("y", proto::I64, &[1, -1])]));
    assert_eq!(session.run(&[tensor(&[3], &[0.0, 5.0, 6.0])]).unwrap(), [tensor(&[1, 2], &[1.0, 2.0])]);
    assert_eq!(session.run(&[tensor(&[3], &[0.0; 3])]).unwrap(), [tensor(&[1, 0], &[])]);
    let size = self::session(&single("Size", &[], &[("x", proto::F32, &[3])], &[("n", proto::I64, &[])]));
    assert_eq!(size.run(&[tensor(&[3], &[0.0; 3])]).unwrap(), [tensor(&[], &[3.0])]);
}

#[test]
fn a_convolution() {
    // Sums of 2x2 windows, twice: the second channel of the weights is all 2.
    let inputs: [Value; 2] = [("x", proto::F32, &[1, 1, 3, 3]), ("w", proto::F32, &[2, 1, 2, 2])];
    let session = session(&single("Conv", &[], &inputs, &[("y", proto::F32, &[1, 2, 2, 2])]));
    let x: Vec<f32> = (1..=9).map(|x| x as f32).collect();
    let w = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0];
    let y = session.run(&[tensor(&[1, 1, 3, 3], &x), tensor(&[2, 1, 2, 2], &w)]).unwrap();
    assert_eq!(y, [tensor(&[1, 2, 2, 2], &[12.0, 16.0, 24.0, 28.0, 24.0, 32.0, 48.0, 56.0])]);
}

#[test]
fn several_outputs_come_in_their_order() {
    let nodes = [
        Node { op: "Neg", domain: "", inputs: &["x"], outputs: &["minus"], ints: &[] },
        Node { op: "Cast", domain: "", inputs: &["x"], outputs: &["whole"], ints: &[("to", proto::I32)] },
    ];
    let outputs: [Value; 2] = [("whole", proto::I32, &[2]), ("minus", proto::F32, &[2])];
    let session = session(&model(&nodes, &[("x", proto::F32, &[2])], &outputs));
    let values = session.run(&[tensor(&[2], &[1.75, -3.5])]).unwrap();
    assert_eq!(values, [tensor(&[2], &[1.0, -3.0]), tensor(&[2], &[-1.75, 3.5])]);
}

#[test]
fn threads_share_a_session() {
    let session = session(&add(&[-1, 2]));
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let session = &session;
            scope.spawn(move || {
                for round in 0..20u8 {
                    let (a, b) = (f32::from(thread), f32::from(round));
                    let sum = session.run(&[tensor(&[1, 2], &[a, b]), tensor(&[1, 2], &[b, b])]).unwrap();
                    assert_eq!(sum[0].data(), [a + b, b + b]);
                }
            });
        }
    });
}

#[test]
fn nodes_share_a_model_by_its_contents() {
    start();
    let host = TestHost::new().offer(runtime());
    let (first, other) = (host.folder().join("a.onnx"), host.folder().join("b.onnx"));
    std::fs::write(&first, add(&[2])).unwrap();
    std::fs::write(&other, add(&[3])).unwrap();
    let open = |path| Session::open(host.ctx(), path, Options::default()).unwrap();
    let session = open(&first);
    assert!(Arc::ptr_eq(&session, &open(&first)));
    assert!(!Arc::ptr_eq(&session, &open(&other)));
    assert_eq!(host.said().reads.len(), 3);
    let single = Options { threads: std::num::NonZeroUsize::MIN, ..Options::default() };
    let alone = Session::open(host.ctx(), &first, single).unwrap();
    assert_eq!(alone.run(&[tensor(&[2], &[1.0, 2.0]), tensor(&[2], &[3.0, 4.0])]).unwrap()[0].data(), [4.0, 6.0]);
}

#[test]
fn a_host_without_onnx_runtime_says_so() {
    let host = TestHost::new();
    let path = host.folder().join("a.onnx");
    std::fs::write(&path, add(&[2])).unwrap();
    let error = Session::open(host.ctx(), &path, Options::default()).err().unwrap();
    assert!(error.to_string().contains("this host offers no"), "{error}");
}
