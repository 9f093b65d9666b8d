//! `selfsame bench`.

use crate::{Done, Scratch};
use selfsame_host::onnx::{VARIABLE, Watch, ensure};
use serde_json::Value;

fn figures(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn work<'v>(report: &'v Value, name: &str) -> &'v Value {
    report["work"].as_array().unwrap().iter().find(|row| row["work"] == name).unwrap_or(&Value::Null)
}

const TINY: [&str; 12] =
    ["bench", "instantid", "--size", "tiny", "--width", "64", "--steps", "3", "--times", "2", "--device", "cpu"];

#[test]
fn instantid_without_any_model() {
    let scratch = Scratch::new();
    let report = figures(&scratch.run(&[&TINY[..], &["--json", "--keep", "weights"]].concat()).expect(0).stdout);
    assert_eq!((&report["steps"], &report["runs"], &report["device"]), (&3.into(), &2.into(), &"cpu".into()));
    assert_eq!((&report["dtype"], &report["picture"]), (&"f32".into(), &serde_json::json!([64, 64])));
    let count = |name| work(&report, name)["evaluations"].as_u64();
    assert_eq!((count("unet"), count("controlnet"), count("vae_decode")), (Some(3), Some(3), Some(1)));
    assert_eq!((count("resampler"), count("text_encoders"), count("adapter_kv")), (Some(1), Some(1), Some(1)));
    assert_eq!(count("face_analysis"), None);
    assert_eq!(report["not_measured"][0]["what"], "face analysis");
    let shares = report["work"].as_array().unwrap().iter().map(|row| row["share"].as_f64().unwrap());
    // Each row is a median of its own.
    assert!((shares.sum::<f64>() - 1.0).abs() < 0.5, "{report}");
    let seconds = |name: &str| report[name].as_f64().unwrap();
    assert!(seconds("seconds_per_step") > 0.0 && seconds("seconds") > 3.0 * seconds("seconds_per_step"), "{report}");
    assert!(scratch.files("weights").len() > 8);
    assert_eq!(scratch.files("output"), [""; 0]);

    // The same weights again, as a table for people.
    let done = scratch.run(&[&TINY[..], &["--keep", "weights"]].concat()).expect(0);
    for text in ["tiny random weights, seed 0", "64 x 64 px, 3 steps, cpu, f32", "a step", "UNet", "not measured: face"]
    {
        assert!(done.stdout.contains(text), "{text} in {}", done.stdout);
    }
    let done = scratch.run(&[&TINY[..], &["--keep", "weights", "--seed", "1"]].concat()).expect(1);
    assert!(done.stderr.contains("weights holds random models of another size or seed"), "{}", done.stderr);
}

#[test]
fn a_graph_of_ones_own() {
    let graph = r##"Graph(version: 1, args: { "n": Int(default: 8) }, nodes: {
        "pic": SolidImage(width: Arg("n"), height: 8), "save": SaveImage(image: Out("pic.image"), prefix: "pic") })"##;
    let scratch = Scratch::with("g.ron", graph);
    let args = ["bench", "instantid", "--graph", "g.ron", "--set", "n=16", "--json", "--times", "1"];
    let report = figures(&scratch.run(&args).expect(0).stdout);
    assert_eq!((&report["models"], &report["steps"]), (&"g.ron".into(), &0.into()));
    assert_eq!((&report["seconds_per_step"], &report["picture"]), (&Value::Null, &Value::Null));
    assert!(report["not_measured"].as_array().unwrap().iter().all(|what| what["what"] != "face analysis"));
    assert_eq!(scratch.files("output"), [""; 0]);
}

#[test]
fn what_cannot_be_measured() {
    let scratch = Scratch::new();
    let no = |args: &[&str], code| scratch.run(&[&["bench", "instantid"], args].concat()).expect(code).stderr;
    assert!(no(&["--graph", "g.ron", "--steps", "3"], 2).contains("cannot be used with"));
    assert!(no(&["--size", "huge"], 2).contains("[possible values: tiny, medium, sdxl]"));
    assert!(no(&["--graph", "g.ron"], 1).contains("g.ron"));
    assert!(no(&["--checkpoint", "tiny"], 2).contains("--instantid <MODEL>"));
    let own = ["--checkpoint", "no-such-model", "--instantid", "tiny", "--identitynet", "tiny-identitynet"];
    let missing = no(&own, 1);
    assert!(missing.contains("no-such-model"), "{missing}");
}

#[test]
fn the_engine() {
    let done = Scratch::new().run(&["bench", "engine", "--nodes", "10", "--times", "1"]).expect(0);
    assert!(done.stdout.contains("chain of    10"), "{}", done.stdout);
}

/// The bundled networks of Mini, with as little work as possible.
const PAPER: [&str; 7] = ["bench", "paper", "--people", "2", "--device", "cpu", "--steps"];

/// Runs the program with the ONNX Runtime of this machine.
fn run_with_onnx(scratch: &Scratch, args: &[&str]) -> Done {
    let onnx = ensure(&Watch { say: &|_| {}, progress: &|_, _| {}, cancelled: &|| false }).unwrap();
    scratch.finish(scratch.command(args).env(VARIABLE, onnx.path))
}

#[test]
fn the_paper_on_two_people() {
    let scratch = Scratch::new();
    let args = [&PAPER[..], &["2", "--only", "identity"]].concat();
    let done = run_with_onnx(&scratch, &args).expect(0);
    assert!(done.stderr.contains("identity: 8 pictures in "), "{}", done.stderr);
    assert!(done.stdout.contains("identity cosine with InstantID"), "{}", done.stdout);
    assert_eq!(scratch.files("paper"), ["paper/paper.json", "paper/paper.md", "paper/paper/identity.png"]);
    let record = figures(&String::from_utf8(scratch.read("paper/paper.json")).unwrap());
    assert_eq!(record["subject"]["people"], serde_json::json!({ "split": "test", "first": 0, "people": 2 }));
    let found = &record["experiments"]["identity"];
    assert_eq!(found["values"]["InstantID"].as_array().unwrap().len(), 2);
    assert_eq!(found["bars"].as_array().unwrap().len(), 3);
    let models = record["subject"]["models"].as_object().unwrap();
    assert!(
        models.len() == 7 && models.values().all(|model| model["sha256"].as_str().unwrap().len() == 64),
        "{models:?}"
    );
    let page = String::from_utf8(scratch.read("paper/paper.md")).unwrap();
    assert!(page.contains("## The person, and nobody else") && page.contains("](paper/identity.png)"), "{page}");
    assert!(page.contains("\nselfsame bench paper --people 2 --device cpu --steps 2 --only identity\n"), "{page}");

    // Nothing is overwritten. What was made is not made again; another evaluation is not mixed with it.
    let anew = scratch.run(&args).expect(2);
    assert!(anew.stderr.contains("an evaluation is there") && anew.stderr.contains("--resume"), "{}", anew.stderr);
    let again = run_with_onnx(&scratch, &[&args[..], &["--resume"]].concat()).expect(0);
    assert!(again.stderr.contains("identity: made before") && again.stdout == done.stdout, "{again:#?}");
    let other = scratch.run(&[&PAPER[..], &["3", "--resume"]].concat()).expect(2);
    assert!(other.stderr.contains("steps: expected 2, got 3\n  = hint:"), "{}", other.stderr);
}

#[test]
fn people_of_the_training_are_not_evaluated() {
    let scratch = Scratch::new();
    let trained = scratch.run(&[&PAPER[..], &["2", "--split", "train"]].concat()).expect(2);
    assert!(trained.stderr.contains("people of the part `train` are for training"), "{}", trained.stderr);
    let silent = scratch.run(&[&PAPER[..], &["2", "--checkpoint", "tiny"]].concat()).expect(1);
    assert!(silent.stderr.contains("does not say on whom it was trained"), "{}", silent.stderr);
    for (network, silent) in [("instantid", "tiny"), ("identitynet", "tiny-identitynet"), ("canny", "tiny")] {
        let done = scratch.run(&[&PAPER[..], &["2", &format!("--{network}"), silent]].concat()).expect(1);
        let message = format!("`{silent}` does not say on whom it was trained");
        assert!(done.stderr.contains(&message), "{network}: {}", done.stderr);
    }
    for judge in ["--judge", "--critic"] {
        let done = scratch.run(&[&PAPER[..], &["2", judge, "own.onnx"]].concat()).expect(1);
        assert!(done.stderr.contains("`own.onnx` does not say"), "{judge}: {}", done.stderr);
    }
    assert_eq!(scratch.files("paper"), [""; 0]);
}

#[test]
fn the_recogniser_of_the_pack_does_not_judge() {
    let scratch = Scratch::new();
    let pack = concat!(env!("CARGO_MANIFEST_DIR"), "/bundled/insightface/models/mini");
    let judge = format!("{pack}/arcface_mini.onnx");
    let done = scratch.run(&[&PAPER[..], &["2", "--judge", &judge]].concat()).expect(2);
    assert!(done.stderr.contains("expected another recogniser than that of the pack `mini`"), "{}", done.stderr);
    assert_eq!(scratch.files("paper"), [""; 0]);
}
