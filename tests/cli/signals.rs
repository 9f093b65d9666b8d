//! Stopping a run from outside.

use crate::{Done, Scratch, pixels, signal};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

/// Saves a hundred large pictures, one after the other, which takes much longer than the test.
const LONG: &str = r#"Graph(version: 1, nodes: {
    "pic":  SolidImage(width: 3000, height: 3000),
    "blur": BlurImage(image: Out("pic.image"), sigma: 1.0),
    "many": Range(start: 1, stop: 100),
    "save": SaveImage(image: Out("blur.image"), quality: Out("many.numbers")),
})"#;

/// Runs the graph until the first file is saved, sends a signal, and waits for the end.
fn interrupted(scratch: &Scratch, name: &str) -> (Done, Vec<serde_json::Value>) {
    let mut command = scratch.command(&["run", "g.ron", "--events", "jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut events = Vec::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while out.read_line(&mut line).unwrap() > 0 {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "saved" && events.iter().all(|e: &serde_json::Value| e["event"] != "saved") {
            signal(&child, name);
        }
        events.push(event);
        line.clear();
    }
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
    (scratch.done(child.wait_with_output().unwrap()), events)
}

#[test]
fn a_signal_stops_the_run_cleanly() {
    for name in ["INT", "TERM"] {
        let scratch = Scratch::with("g.ron", LONG);
        let (done, events) = interrupted(&scratch, name);
        let done = done.expect(4);
        assert!(done.stderr.contains("cancelled in "), "{}", done.stderr);
        let last = events.last().unwrap();
        assert_eq!((&last["event"], &last["result"]), (&"run_finished".into(), &"cancelled".into()));
        // Whoever was told to stop has not failed.
        assert_eq!(last["failed"], 0);
        assert!(!done.stderr.contains("failed"), "{}", done.stderr);
        // Only whole files are left, each of which was announced.
        let files = scratch.files("output");
        let saved = events.iter().filter(|event| event["event"] == "saved");
        assert_eq!(saved.count(), files.len());
        assert!(!files.is_empty() && files.len() < 100);
        files.iter().for_each(|file| assert!(!pixels(&scratch.read(file)).is_empty()));
    }
}
