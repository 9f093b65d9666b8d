//! Settings: who sets what.

use crate::Scratch;

/// The line of `selfsame config` about a setting: its value and who set it.
fn line(stdout: &str, name: &str) -> String {
    let line = stdout.lines().find(|line| line.split_whitespace().next() == Some(name));
    line.unwrap_or_else(|| panic!("{name}: {stdout}")).split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let scratch = Scratch::with(".config/selfsame/settings.ron", "Settings(\n    memory: \"3G\",\n    threads: 7,\n)");
    let mut command = scratch.command(&["config"]);
    let done = scratch.finish(&mut command).expect(0);
    assert_eq!(done.stdout.lines().next().unwrap(), "settings file: [DIR]/.config/selfsame/settings.ron");
    assert_eq!(line(&done.stdout, "memory"), "3 GiB settings file");
    assert_eq!(line(&done.stdout, "device"), "auto default");
    assert_eq!(line(&done.stdout, "out"), "output default");

    command.env("SELFSAME_MEMORY", "2G").env("SELFSAME_THREADS", "").env("SELFSAME_OUT", "pictures");
    let done = scratch.finish(&mut command).expect(0);
    assert_eq!(line(&done.stdout, "memory"), "2 GiB SELFSAME_MEMORY");
    assert_eq!(line(&done.stdout, "threads"), "7 settings file");
    assert_eq!(line(&done.stdout, "out"), "pictures SELFSAME_OUT");

    let done = scratch.finish(command.args(["--memory", "1G", "--cache-dir", "c", "--device", "cpu"])).expect(0);
    assert_eq!(line(&done.stdout, "memory"), "1 GiB --memory");
    assert_eq!(line(&done.stdout, "cache_dir"), "c --cache-dir");
    assert_eq!(line(&done.stdout, "device"), "cpu --device");
}

#[test]
fn models_folders_are_searched_in_order() {
    let scratch = Scratch::with("conf/s.ron", "(models: [\"here\"], comfyui: [\"~/ComfyUI\"])");
    scratch.write("ComfyUI/models/vae/x.safetensors", "");
    let mut command = scratch.command(&["config", "--models", "first", "--config", "conf/s.ron"]);
    let done = scratch.finish(command.env("SELFSAME_MODELS", "/second:/third")).expect(0);
    let models: Vec<Vec<&str>> = (done.stdout.lines())
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.first() == Some(&"models"))
        .collect();
    let expected = [
        vec!["models", "first", "--models"],
        vec!["models", "/second", "SELFSAME_MODELS"],
        vec!["models", "/third", "SELFSAME_MODELS"],
        vec!["models", "conf/here", "settings", "file"],
        vec!["models", "[DIR]/.local/share/selfsame/models", "user", "folder"],
        vec!["models", "[DIR]/ComfyUI/models", "ComfyUI"],
        vec!["models", "[DIR]/.cache/selfsame/bundled", "part", "of", "the", "program"],
    ];
    assert_eq!(models, expected);
}

#[test]
fn mistakes_say_where_they_are() {
    let scratch = Scratch::with("s.ron", "Settings(\n    devise: \"cpu\",\n)");
    let done = scratch.run(&["config", "--config", "s.ron"]).expect(2);
    assert_eq!(done.stderr, "error: s.ron:2:5: there is no setting `devise`, did you mean `device`?\n");
    let done = scratch.finish(scratch.command(&["config"]).env("SELFSAME_CONFIG", "s.ron")).expect(2);
    assert!(done.stderr.starts_with("error: s.ron:2:5: "), "{}", done.stderr);
    // A file that somebody names must be there.
    assert!(scratch.run(&["config", "--config", "no.ron"]).expect(2).stderr.contains("no.ron: cannot be read"));
    for (variable, value, expected) in [
        (
            "SELFSAME_MEMORY",
            "lots",
            "SELFSAME_MEMORY: expected a number of bytes such as 8G, 512M or 1000000, got `lots`",
        ),
        ("SELFSAME_THREADS", "0", "SELFSAME_THREADS: expected a whole number from 1, got `0`"),
    ] {
        let done = scratch.finish(scratch.command(&["config"]).env(variable, value)).expect(2);
        assert_eq!(done.stderr, format!("error: {expected}\n"));
    }
}

#[test]
fn settings_are_used() {
    let graph = r#"Graph(version: 1, nodes: {
        "pic":  SolidImage(width: 4, height: 4),
        "save": SaveImage(image: Out("pic.image")),
    })"#;
    let scratch = Scratch::with("g.ron", graph);
    scratch.write("conf/s.ron", "(out: \"pictures\", cache_dir: \"cache\")");
    scratch.run(&["run", "g.ron", "--config", "conf/s.ron"]).expect(0);
    assert_eq!(scratch.files("conf/pictures"), ["conf/pictures/image_0001.png"]);
    assert!(!scratch.files("conf/cache").is_empty());
    let done = scratch.finish(scratch.command(&["run", "g.ron"]).env("SELFSAME_DEVICE", "toaster")).expect(2);
    let expected = "error: cannot use the device toaster: expected auto, cpu, cuda or cuda:N\n";
    assert_eq!((done.stderr.as_str(), done.stdout.as_str()), (expected, ""));
}
