//! Results in a folder, for the next program and for several at once.

use crate::kit::*;
use selfsame_host::{Error, HostSettings, RunResult};
use selfsame_sdk::Type;
use std::path::{Path, PathBuf};

fn text(value: f64, by: f64) -> String {
    let nodes = format!(
        r#""t": Thing(value: {value:?}), "s": Petrify(thing: Out("t.out")), "p": Polish(pebble: Out("s.out"), by: {by:?})"#
    );
    graph(&nodes, "p.out")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn values(folder: &Path) -> Vec<PathBuf> {
    files_below(&folder.join("selfsame-1/values"))
}

#[test]
fn the_next_host_runs_nothing() {
    let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    assert_eq!(kit.numbers(&kit.host_on(folder.path()), &text(1.0, 1.0)), (vec![2.0], "p s t".to_owned()));
    let host = kit.host_on(folder.path());
    assert_eq!(kit.numbers(&host, &text(1.0, 1.0)), (vec![2.0], String::new()));
    assert_eq!(kit.numbers(&host, &text(1.0, 1.0)), (vec![2.0], String::new()));
}

#[test]
fn values_that_cannot_be_stored_are_not_missed() {
    let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    kit.run(&kit.host_on(folder.path()), &text(1.0, 1.0));
    // `p` is new, and needs `s`, which is stored; `t`, which is not, is not needed.
    assert_eq!(kit.numbers(&kit.host_on(folder.path()), &text(1.0, 5.0)), (vec![6.0], "p".to_owned()));
}

#[test]
fn values_that_are_gone_are_made_again() {
    let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    kit.run(&kit.host_on(folder.path()), &text(1.0, 1.0));
    values(folder.path()).iter().for_each(|path| std::fs::remove_file(path).unwrap());
    assert_eq!(kit.numbers(&kit.host_on(folder.path()), &text(1.0, 1.0)), (vec![2.0], "p s t".to_owned()));
    assert_eq!(kit.numbers(&kit.host_on(folder.path()), &text(1.0, 1.0)), (vec![2.0], String::new()));
}

#[test]
fn lists_and_scalars_come_back() {
    let (mut kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    kit.add("Odd", [], [Type::list(Type::FLOAT), Type::STRING, Type::BOOL, Type::INT], |_, _| {
        use selfsame_sdk::Value;
        let list = Value::list([f64::NAN, f64::INFINITY, -0.0, 1e-310].map(Value::Float));
        Ok(vec![list, Value::Text("\u{0}\u{1F600}\"".into()), Value::Bool(true), Value::Int(i64::MIN)])
    });
    let text = r#"Graph(version: 1, nodes: {"o": Odd(), "r": Range(count: 3), "b": Pebble(value: Out("r.out"))},
        outputs: {"a": Out("o.out"), "b": Out("o.out1"), "c": Out("o.out2"), "d": Out("o.out3"), "y": Out("b.out")})"#;
    let (first, ran) = kit.run(&kit.host_on(folder.path()), text);
    assert_eq!(ran, "b b b o r");
    let (second, ran) = kit.run(&kit.host_on(folder.path()), text);
    assert_eq!(ran, "");
    assert_eq!(format!("{:?}", second.outputs[..4].to_vec()), format!("{:?}", first.outputs[..4].to_vec()));
    assert_eq!(numbers(second.output("a").unwrap())[2].to_bits(), (-0.0f64).to_bits());
    assert_eq!(numbers(output(&second)), [0.0, 1.0, 2.0]);
}

type Damage = fn(&mut Vec<u8>);

#[test]
fn damaged_entries_are_computed_again() {
    let damage: [(&str, Damage); 6] = [
        ("empty", |bytes| bytes.clear()),
        ("short", |bytes| bytes.truncate(10)),
        ("cut", |bytes| bytes.truncate(bytes.len() - 1)),
        ("longer", |bytes| bytes.push(0)),
        ("flipped", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("foreign", |bytes| *bytes = b"not ours at all, though long enough to hold a digest".to_vec()),
    ];
    for (name, damage) in damage {
        let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
        kit.run(&kit.host_on(folder.path()), &text(1.0, 1.0));
        for path in files_below(folder.path()) {
            let mut bytes = std::fs::read(&path).unwrap();
            damage(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        }
        assert_eq!(
            kit.numbers(&kit.host_on(folder.path()), &text(1.0, 1.0)),
            (vec![2.0], "p s t".to_owned()),
            "{name}"
        );
        assert_eq!(kit.numbers(&kit.host_on(folder.path()), &text(1.0, 1.0)), (vec![2.0], String::new()), "{name}");
    }
}

/// An entry with a right digest that holds something else.
#[test]
fn entries_that_say_something_else_are_computed_again() {
    use sha2::{Digest, Sha256};
    let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    for contents in [&b"{}"[..], b"null", b"\xff\xff", b""] {
        kit.run(&kit.host_on(folder.path()), &text(1.0, 1.0));
        for path in files_below(folder.path()) {
            std::fs::write(&path, [&Sha256::digest(contents)[..], contents].concat()).unwrap();
        }
        assert_eq!(kit.numbers(&kit.host_on(folder.path()), &text(1.0, 1.0)), (vec![2.0], "p s t".to_owned()));
    }
}

#[test]
fn hosts_at_once_on_one_folder_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let folder = folder.path();
            scope.spawn(move || {
                for round in 0..10 {
                    let kit = Kit::new();
                    let host = kit.host_of(|settings| {
                        settings.cache_folder = Some(folder.to_owned());
                        settings.cache_bytes = if thread == 3 { 100 } else { 1 << 20 };
                    });
                    for value in 0..5 {
                        let value = f64::from(value + round);
                        assert_eq!(kit.numbers(&host, &text(value, 1.0)).0, [value + 1.0]);
                    }
                    assert!(!host.is_disk_failing());
                }
            });
        }
    });
    let leftovers: Vec<_> =
        files_below(folder.path()).into_iter().filter(|p| p.to_string_lossy().contains(".new-")).collect();
    assert_eq!(leftovers, Vec::<PathBuf>::new());
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_and_one_that_breaks_later_is_not() {
    let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let settings =
        HostSettings { cache_folder: Some(file.clone()), device: "cpu".to_owned(), ..HostSettings::default() };
    match selfsame_host::Host::new(settings) {
        Err(error @ Error::CacheFolder { .. }) => assert!(error.to_string().contains(&*file.to_string_lossy())),
        other => panic!("{:?}", other.map(|_| ())),
    }

    let cache = folder.path().join("cache");
    let host = kit.host_on(&cache);
    std::fs::remove_dir_all(&cache).unwrap();
    std::fs::write(&cache, "in the way").unwrap();
    let (outcome, _) = kit.run(&host, &text(1.0, 1.0));
    assert_eq!((outcome.result, number(output(&outcome))), (RunResult::Ok, 2.0));
    assert!(host.is_disk_failing());
    assert_eq!(kit.numbers(&host, &text(1.0, 1.0)), (vec![2.0], String::new()));
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let (kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    let host = kit.host_on(folder.path());
    for value in 0..20 {
        kit.run(&host, &graph(&format!(r#""s": Pebble(value: {value})"#), "s.out"));
        // So that one is older than the next on every file system.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(host);
    // Using it makes it young.
    let first = graph(r#""s": Pebble(value: 0)"#, "s.out");
    assert_eq!(kit.numbers(&kit.host_on(folder.path()), &first), (vec![0.0], String::new()));
    let all: u64 = files_below(folder.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    let budget = all / 2;
    drop(kit.host_of(|settings| {
        settings.cache_folder = Some(folder.path().to_owned());
        settings.cache_bytes = budget;
    }));
    let rest: u64 = files_below(folder.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(rest <= budget, "{rest} bytes of {budget}, records too");
    assert!(!values(folder.path()).is_empty());
    let host = kit.host_on(folder.path());
    assert_eq!(kit.run(&host, &first).1, "");
    assert_eq!(kit.run(&host, &graph(r#""s": Pebble(value: 1)"#, "s.out")).1, "s");
    assert_eq!(kit.run(&host, &graph(r#""s": Pebble(value: 19)"#, "s.out")).1, "");
}

#[test]
fn what_is_cheap_to_make_is_not_stored() {
    use selfsame_sdk::{Image, Value};
    let (mut kit, folder) = (Kit::new(), tempfile::tempdir().unwrap());
    for codec in selfsame_nodes::codecs() {
        kit.nodes.add_codec(codec);
    }
    let image = Image::new([1, 2048, 2048, 1], vec![0.5; 2048 * 2048]).unwrap();
    let image = std::sync::Arc::new(image);
    kit.add("Quick", [], [Type::Named("IMAGE".into())], move |_, _| Ok(vec![Value::Object(image.clone())]));
    kit.run(&kit.host_on(folder.path()), &graph(r#""q": Quick()"#, "q.out"));
    assert!(values(folder.path()).is_empty());
    kit.add("Slow", [], [Type::Named("IMAGE".into())], |_, _| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        Ok(vec![Value::object(Image::new([1, 1, 1, 1], vec![0.25])?)])
    });
    kit.run(&kit.host_on(folder.path()), &graph(r#""q": Slow()"#, "q.out"));
    assert_eq!(values(folder.path()).len(), 1);
    assert_eq!(
        kit.numbers(&kit.host_on(folder.path()), &graph(r#""q": Slow()"#, "q.out")),
        (vec![0.25], String::new())
    );
}
