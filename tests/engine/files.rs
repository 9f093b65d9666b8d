//! Results that depend on what is in a file.

use crate::kit::*;
use selfsame_host::{Host, NodeState, RunResult};
use selfsame_sdk::{Status, Type, Value};
use std::fs::File;
use std::path::{Path, PathBuf};

fn kit() -> Kit {
    let mut kit = Kit::new();
    kit.add("Load", [port("path", Type::STRING)], [Type::FLOAT], |ctx, i| {
        let Value::Text(path) = value(i, 0) else { panic!() };
        let text = String::from_utf8(ctx.read(&path)?)?;
        Ok(vec![Value::Float(text.trim().parse()?)])
    });
    kit.add("Join", [port("text", Type::STRING)], [Type::STRING], |_, i| Ok(vec![value(i, 0)]));
    kit
}

struct Place {
    folder: tempfile::TempDir,
    graph: String,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let nodes = r#""j": Join(text: "number.txt"), "l": Load(path: Out("j.out")), "t": Thing(value: Out("l.out"))"#;
        Place { graph: graph(nodes, "t.out"), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("number.txt")
    }

    fn write(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    fn run(&self, kit: &Kit, host: &Host) -> (Vec<f64>, String) {
        kit.ran();
        let name = self.folder.path().join("g.ron");
        let outcome = run_named(host, name.to_str().unwrap(), &self.graph, &[], &options(), &());
        (numbers(output(&outcome)), kit.ran().join(" "))
    }
}

#[test]
fn a_changed_file_is_read_again_and_a_touched_one_is_not() {
    let (kit, place) = (kit(), Place::new());
    let host = kit.host();
    place.write("1");
    assert_eq!(place.run(&kit, &host), (vec![1.0], "j l t".to_owned()));
    assert_eq!(place.run(&kit, &host), (vec![1.0], String::new()));
    place.write("2");
    assert_eq!(place.run(&kit, &host), (vec![2.0], "l t".to_owned()));
    File::options().write(true).open(place.file()).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
    assert_eq!(place.run(&kit, &host), (vec![2.0], String::new()));
    // Other bytes for the same number: what comes after the number is known.
    place.write("2.0");
    assert_eq!(place.run(&kit, &host), (vec![2.0], "l".to_owned()));
}

#[test]
fn a_file_replaced_by_one_of_the_same_size_and_time_is_read_again() {
    let (kit, place) = (kit(), Place::new());
    let host = kit.host();
    place.write("1");
    let time = std::fs::metadata(place.file()).unwrap().modified().unwrap();
    assert_eq!(place.run(&kit, &host).0, [1.0]);
    let other = place.folder.path().join("other");
    std::fs::write(&other, "2").unwrap();
    File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
    std::fs::rename(&other, place.file()).unwrap();
    assert_eq!(place.run(&kit, &host).0, [2.0]);
    // In place.
    std::fs::write(place.file(), "3").unwrap();
    File::options().write(true).open(place.file()).unwrap().set_modified(time).unwrap();
    assert_eq!(place.run(&kit, &host).0, [3.0]);
}

/// Times of files are counted in steps of some milliseconds on many systems.
#[test]
fn a_file_that_changes_right_after_it_was_read_is_read_again() {
    let (kit, place) = (kit(), Place::new());
    let host = kit.host();
    for n in 0..200 {
        place.write(&(n % 10).to_string());
        assert_eq!(place.run(&kit, &host).0, [f64::from(n % 10)], "change {n}");
    }
}

#[test]
fn a_deleted_file_is_an_error_though_its_result_is_known() {
    let (kit, place) = (kit(), Place::new());
    let host = kit.host();
    place.write("1");
    place.run(&kit, &host);
    std::fs::remove_file(place.file()).unwrap();
    let name = place.folder.path().join("g.ron");
    let outcome = run_named(&host, name.to_str().unwrap(), &place.graph, &[], &options(), &());
    assert_eq!(outcome.result, RunResult::Failed);
    assert_eq!((&*outcome.failures[0].node, outcome.failures[0].status), ("l", Status::NotFound));
    assert!(outcome.failures[0].message.contains("number.txt"), "{}", outcome.failures[0].message);
    place.write("1");
    assert_eq!(place.run(&kit, &host), (vec![1.0], String::new()), "back again, it is the same file");
}

/// The same words in another folder mean another file.
#[test]
fn graphs_in_two_folders_read_their_own_files() {
    let kit = kit();
    for folder in [None, Some(tempfile::tempdir().unwrap())] {
        let host = kit.host_of(|settings| settings.cache_folder = folder.as_ref().map(|f| f.path().to_owned()));
        let (one, two) = (Place::new(), Place::new());
        one.write("1");
        two.write("2");
        for _ in 0..2 {
            assert_eq!(one.run(&kit, &host).0, [1.0]);
            assert_eq!(two.run(&kit, &host).0, [2.0]);
        }
        assert_eq!(two.run(&kit, &host).1, "");
    }
}

#[test]
fn a_file_read_before_asking_for_an_input_counts() {
    let mut kit = kit();
    kit.add("Ask", [port("path", Type::STRING), port("x", Type::FLOAT).lazy()], [Type::FLOAT], |ctx, i| {
        let Value::Text(path) = value(i, 0) else { panic!() };
        let factor: f64 = String::from_utf8(ctx.read(&path)?)?.parse()?;
        if factor == 0.0 {
            return Ok(vec![Value::Float(0.0)]);
        }
        Ok(vec![Value::Float(factor * number(i.value(1)?.unwrap()))])
    });
    let host = kit.host();
    let mut place = Place::new();
    place.graph = graph(r#""n": Num(value: 3), "a": Ask(path: "number.txt", x: Out("n.out"))"#, "a.out");
    for (text, gives, ran) in [("2", 6.0, "a n"), ("0", 0.0, "a"), ("4", 12.0, "a"), ("4", 12.0, "")] {
        place.write(text);
        assert_eq!(place.run(&kit, &host), (vec![gives], ran.to_owned()), "{text}");
    }
}

#[test]
fn digests_of_large_files_are_remembered_for_the_next_program() {
    let (kit, place) = (kit(), Place::new());
    let store = place.folder.path().join("digests.json");
    let host = || kit.host_of(|settings| settings.digests = Some(store.clone()));
    place.write(&format!("1{}", " ".repeat(2 << 20)));
    // A file that has just changed may change again without looking different.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let first = host();
    assert_eq!(place.run(&kit, &first).0, [1.0]);
    drop(first);
    assert!(std::fs::read_to_string(&store).unwrap().contains("number.txt"));
    let second = host();
    place.write("2");
    assert_eq!(place.run(&kit, &second).0, [2.0]);
    for damaged in ["", "{", "[1]"] {
        std::fs::write(&store, damaged).unwrap();
        assert_eq!(place.run(&kit, &host()).0, [2.0]);
    }
    assert!(Path::new(&store).exists());
}

/// Large files are read beside everything else. A pipe stands for one here: it is at an end when somebody has written to it.
#[cfg(unix)]
#[test]
fn nothing_waits_for_the_digest_of_a_large_file_that_does_not_need_it() {
    use selfsame_host::{Event, Observer, RunOptions};
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    struct Tells(std::sync::Mutex<Sender<()>>);
    impl Observer for Tells {
        fn event(&self, event: &Event) {
            if let Event::NodeFinished { node: "other", .. } = event {
                self.0.lock().unwrap().send(()).unwrap();
            }
        }
    }

    let (kit, place) = (kit(), Place::new());
    let host = kit.host();
    place.write("1");
    assert_eq!(place.run(&kit, &host), (vec![1.0], "j l t".to_owned()));
    std::fs::remove_file(place.file()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(place.file()).status().unwrap().success());

    let text = r#"Graph(version: 1, nodes: {
        "j": Join(text: "number.txt"), "l": Load(path: Out("j.out")), "t": Thing(value: Out("l.out")),
        "other": Thing(value: 7),
    }, outputs: { "y": Out("t.out"), "z": Out("other.out") })"#;
    let (options, (sender, told)) = (options(), channel());
    std::thread::scope(|scope| {
        let (host, cancel) = (&host, options.cancel.clone());
        let name = place.folder.path().join("g.ron");
        let run = scope.spawn(move || {
            let options: RunOptions = options;
            run_named(host, name.to_str().unwrap(), text, &[], &options, &Tells(sender.into()))
        });
        let in_time = told.recv_timeout(Duration::from_secs(60));
        // Cancelled first, so that nobody reads the pipe again once it is at its end.
        cancel.cancel();
        // Its reader may have given up already.
        let _ = std::fs::write(place.file(), "2");
        let outcome = run.join().unwrap();
        assert!(in_time.is_ok(), "the other node has waited");
        assert_eq!((outcome.result, in_state(&outcome, NodeState::Ran)), (RunResult::Cancelled, "other".to_owned()));
    });
}
