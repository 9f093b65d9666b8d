//! Bundles: what is in them, where they are found, and what graphs are told of those that cannot be used.

use crate::user::*;
use selfsame_graphs::Document;
use selfsame_host::bundles::{Bundle, target_triple};
use selfsame_host::plugin::{LibraryBytes, Plugin};
use std::path::Path;

#[test]
fn a_bundle_says_what_it_is_and_its_library_must_be_that() {
    let user = User::new();
    let path = user.install("acme-filters", "Glow", None);
    let bundle = Bundle::open(&path).unwrap();
    assert_eq!((&*bundle.manifest().id, &*bundle.manifest().version), ("acme-filters", "1.0.0"));
    let library = bundle.library(&target_triple()).unwrap();
    assert_eq!(library.sha256, bundle.manifest().targets[&target_triple()].sha256);
    assert_eq!(Plugin::load_bytes(&library).unwrap().id(), "acme-filters");

    let there = library.path.clone();
    std::fs::write(&there, [&library.bytes[..], b"x"].concat()).unwrap();
    let error = bundle.library(&target_triple()).unwrap_err().to_string();
    let changed = LibraryBytes::read(&there).unwrap().sha256;
    assert_eq!(
        error,
        format!(
            "{} is not the library that its manifest means: expected SHA-256 {}, got {changed}",
            there.display(),
            library.sha256
        )
    );
    let error = bundle.library("riscv64gc-unknown-linux-gnu").unwrap_err().to_string();
    assert_eq!(error, format!("it has no library for riscv64gc-unknown-linux-gnu, only for {}", target_triple()));
}

#[test]
fn nothing_of_a_bundle_leads_out_of_it() {
    let user = User::new();
    let path = user.install("acme-filters", "Glow", None);
    let bundle = Bundle::open(&path).unwrap();
    let library = bundle.library(&target_triple()).unwrap();
    let elsewhere = user.write("elsewhere.so", &library.bytes);
    std::fs::remove_file(&library.path).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &library.path).unwrap();
    let error = bundle.library(&target_triple()).unwrap_err().to_string();
    let to = elsewhere.canonicalize().unwrap();
    assert_eq!(error, format!("{} leads out of the bundle, to {}", library.path.display(), to.display()));
    // A link that stays inside is none of anybody's business.
    std::fs::rename(&elsewhere, path.join("kept.so")).unwrap();
    std::fs::remove_file(&library.path).unwrap();
    std::os::unix::fs::symlink(path.join("kept.so"), &library.path).unwrap();
    assert_eq!(bundle.library(&target_triple()).unwrap().sha256, library.sha256);

    let manifest = user.read("data/selfsame/plugins/acme-filters.selfsame/plugin.ron");
    let secret = user.write("secret.ron", &manifest);
    let written = path.join("plugin.ron");
    std::fs::remove_file(&written).unwrap();
    std::os::unix::fs::symlink(&secret, &written).unwrap();
    assert!(Bundle::open(&path).unwrap_err().to_string().contains("leads out of the bundle"));
    std::fs::remove_file(&written).unwrap();
    let file = format!("lib/{}/", target_triple());
    for (wrong, says) in [("lib/../../", "is not a name in the folder"), ("/", "is not a name in the folder")] {
        std::fs::write(&written, manifest.replace(&file, wrong)).unwrap();
        let error = Bundle::open(&path).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    // What is no file is not read: a pipe would never end.
    std::fs::remove_file(&written).unwrap();
    std::fs::create_dir(&written).unwrap();
    assert!(Bundle::open(&path).unwrap_err().to_string().ends_with("plugin.ron cannot be read: it is not a file"));
}

/// What is compared is what is loaded, whatever becomes of the file in between.
#[test]
fn a_library_that_is_swapped_after_it_was_verified_is_not_loaded() {
    let user = User::new();
    let bundle = Bundle::open(&user.install("verified-one", "Glow", None)).unwrap();
    let library = bundle.library(&target_triple()).unwrap();
    let other = vignette("swapped-one", "Glow", &[]);
    std::fs::remove_file(&library.path).unwrap();
    std::os::unix::fs::symlink(&other, &library.path).unwrap();
    assert_eq!(Plugin::load(&library.path).unwrap().id(), "swapped-one");
    let plugin = Plugin::load_bytes(&library).unwrap();
    assert_eq!((plugin.id(), plugin.digest()), ("verified-one", &*library.sha256));
}

#[test]
fn bundles_are_found_in_folders_the_first_of_an_id_counts() {
    let user = User::new();
    let library = vignette("acme-filters", "Glow", &[]);
    for folder in ["flag", "variable", "set", "data/selfsame/plugins"] {
        user.put(&user.path(folder), &library, ("acme-filters", "1.0.0"), ("org.example.vignette", "Glow"), None);
    }
    user.write("config/selfsame/settings.ron", "(plugins: [\"../../set\"])");
    let list = |args: &[&str], variable: &str| {
        let mut command = user.command(env!("CARGO_BIN_EXE_selfsame"), &[&["plugin", "list"], args].concat());
        command.env("SELFSAME_CONFIG", user.path("config/selfsame/settings.ron"));
        user.finish(command.env("SELFSAME_PLUGIN_PATH", variable), 0)
    };
    let places = |text: &str| -> Vec<(String, String)> {
        let rows = text.lines().take_while(|line| !line.is_empty());
        let row = |line: &str| {
            let (words, place) = line.split_once(" [DIR]/").unwrap();
            (place.to_owned(), words.split_whitespace().last().unwrap().to_owned())
        };
        rows.map(row).collect()
    };
    let of = |place: &str, state: &str| (place.to_owned(), state.to_owned());
    let done = list(&["--plugin-dir", "flag"], user.path("variable").to_str().unwrap());
    assert_eq!(
        places(&done.stdout.replace(" flag/", " [DIR]/flag/")),
        [
            of("flag/acme-filters.selfsame (--plugin-dir)", "unknown"),
            of("variable/acme-filters.selfsame (SELFSAME_PLUGIN_PATH)", "shadowed"),
            of("config/selfsame/../../set/acme-filters.selfsame (settings file)", "shadowed"),
            of("data/selfsame/plugins/acme-filters.selfsame (user folder)", "shadowed"),
        ]
    );
    assert!(
        done.stderr.contains(
            "warning: plugin acme-filters is there twice: flag/acme-filters.selfsame is used, \
             [DIR]/variable/acme-filters.selfsame is not"
        ),
        "{}",
        done.stderr
    );
    // One folder by two ways is no second plugin.
    let done = list(&["--plugin-dir", "set"], "");
    assert!(!done.stderr.contains("set/acme-filters.selfsame is not"), "{}", done.stderr);
}

#[test]
fn plugins_that_cannot_be_used_are_listed_with_the_reason() {
    let user = User::new();
    let plugins = user.plugins();
    let change = |id: &str, from: &str, to: &str| {
        let path =
            user.put(&plugins, &vignette(id, "Glow", &[]), (id, "1.0.0"), ("org.example.vignette", "Glow"), None);
        let manifest = std::fs::read_to_string(path.join("plugin.ron")).unwrap();
        assert!(manifest.contains(from), "{manifest}");
        std::fs::write(path.join("plugin.ron"), manifest.replace(from, to)).unwrap();
    };
    change("far-away", &target_triple(), "riscv64gc-unknown-linux-gnu");
    change("from-the-future", "major: 1", "major: 9");
    change("no-manifest", "Plugin(", "Plugin[");
    change("plain", "A sample", "A sample");
    for (id, state) in [
        ("far-away", "missing target"),
        ("from-the-future", "wrong ABI"),
        ("no-manifest", "broken"),
        ("plain", "unknown"),
    ] {
        assert_eq!(user.state(id), state);
    }
    let list = user.run(&["plugin", "list"], 0).stdout;
    for text in [
        format!("far-away: it has no library for {}, only for riscv64gc-unknown-linux-gnu", target_triple()),
        "from-the-future: it needs version 9.0 of the plugin boundary, this is 1.".to_owned(),
        "no-manifest: [DIR]/data/selfsame/plugins/no-manifest.selfsame/plugin.ron:2:7: ".to_owned(),
        "plain: it is not trusted yet\n  = hint: `selfsame plugin info plain` says what it is".to_owned(),
    ] {
        assert!(list.contains(&text), "{text}\n{list}");
    }
    let info = user.run(&["plugin", "info", "plain"], 0).stdout;
    assert!(info.contains("Glow (org.example.vignette)") && info.contains("signature   none"), "{info}");
    let unknown = user.run(&["plugin", "info", "plane"], 2).stderr;
    assert!(unknown.contains("there is no plugin `plane`") && unknown.contains("did you mean `plain`?"), "{unknown}");
    // They are in nobody's way.
    user.run(&["nodes", "LoadImage"], 0);
}

#[test]
fn a_graph_says_which_plugin_is_missing_and_stays_as_it_is() {
    let user = User::new();
    let text = graph("Glow", "    plugins: {\n        \"acme-filters\": \"1.0\",\n    },\n");
    let file = user.write("g.ron", &text);
    let said = |done: Done| done.stdout + &done.stderr;

    // Nobody knows of it.
    for command in ["check", "run"] {
        let said = said(user.run(&[command, "g.ron"], 1));
        assert!(
            said.contains("error[missing-plugin]: the graph needs the plugin `acme-filters` 1.0, which is not there")
        );
        assert!(said.contains("= looked in: [DIR]/data/selfsame/plugins\n"), "{said}");
        assert!(said.contains("error[unknown-node]: there is no node type `Glow`"), "{said}");
        assert!(said.contains("it may be a node of the plugin `acme-filters`, which is not there"), "{said}");
    }
    let drawn = user.run(&["graph", "show", "g.ron"], 0).stdout;
    assert!(drawn.contains("Glow") && drawn.contains("strength"), "{drawn}");
    user.run(&["graph", "fmt", "g.ron"], 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    // It is there, and not trusted: also without the field, by what its manifest says.
    user.install("acme-filters", "Glow", None);
    user.write("h.ron", graph("Glow", ""));
    for (file, count) in [("g.ron", 2), ("h.ron", 1)] {
        let said = said(user.run(&["check", file], 1));
        assert!(said.contains(
            "error[missing-plugin]: there is no node type `Glow`: plugin `acme-filters` 1.0.0 has it, but cannot be used: \
             it is not trusted yet"
        ));
        assert!(said.contains("`selfsame plugin trust acme-filters` lets it run"), "{said}");
        assert_eq!(said.matches("error[missing-plugin]").count(), count, "{said}");
    }
    let unknown = user.run(&["nodes", "Glow"], 2).stderr;
    assert!(unknown.contains("= hint: plugin `acme-filters` 1.0.0 has it, but cannot be used: it is not"), "{unknown}");
    let drawn = user.run(&["graph", "show", "h.ron", "--format", "dot"], 0).stdout;
    assert!(drawn.contains("Glow (plugin acme-filters)"), "{drawn}");
    user.run(&["graph", "fmt", "--check", "g.ron"], 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    // It is trusted.
    user.run(&["plugin", "trust", "acme-filters"], 0);
    assert_eq!(user.run(&["check", "g.ron", "h.ron"], 0).stdout, "g.ron: ok\nh.ron: ok\n");
    user.run(&["nodes", "Glow"], 0);
    user.run(&["run", "g.ron"], 0);
    let newer = text.replace("\"1.0\"", "\"1.1\"");
    user.write("newer.ron", newer);
    let warned = user.run(&["check", "newer.ron"], 0).stdout;
    assert!(warned.contains("warning[plugin-version]: the graph was written for version 1.1 of plugin"), "{warned}");
}

/// Laying out changes nothing but the layout, whatever the nodes are.
#[test]
fn a_graph_of_a_missing_plugin_is_laid_out_and_keeps_all_that_it_says() {
    let user = User::new();
    let text = "// First.\nGraph( version: 1,nodes:{\n\"mesh\": r#com.acme.FaceMesh(image:Out(\"photo.image\"), detail: 0x10, \
                // as fine as that\n   names: [r\"C:\\x\",\"y\", [true, 1.50]] ),\n\n\n /* grey */ \"photo\": \
                SolidImage( width:8,height: 8, color:\"#808080\" ) }, plugins: {\"acme-filters\":\"1.0\" /* from Acme */}\n) // Last.\n";
    let file = user.write("g.ron", text);
    let before = Document::parse("g.ron", text);
    assert_eq!(before.problems(), []);
    user.run(&["graph", "fmt", "g.ron"], 0);
    let neat = std::fs::read_to_string(&file).unwrap();
    assert_ne!(neat, text);
    // All that is written, without blanks and the commas that a layout adds.
    let said = |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != ',').collect::<String>();
    assert_eq!(said(&neat), said(text));
    let after = Document::parse("g.ron", &*neat);
    assert_eq!(after.graph().to_ron(), before.graph().to_ron());
    // Once is enough, and what is laid out is saved to the byte.
    user.run(&["graph", "fmt", "g.ron"], 0);
    user.run(&["graph", "fmt", "--check", "g.ron"], 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), neat);
    assert_eq!(after.source().text(), neat);
}

#[test]
fn a_picture_carries_the_plugins_that_made_it() {
    let user = User::new();
    let bundle = user.install("acme-filters", "Glow", None);
    user.install("not-used", "Unused", None);
    user.run(&["plugin", "trust", "acme-filters"], 0);
    user.write("g.ron", graph("Glow", ""));
    user.run(&["run", "g.ron"], 0);
    let picture = std::fs::read(user.path("output/dark_0001.png")).unwrap();
    let texts = texts(&picture);
    let digest = Bundle::open(&bundle).unwrap().manifest().targets[&target_triple()].sha256.clone();
    let versions: serde_json::Value = serde_json::from_str(&texts["selfsame-versions"]).unwrap();
    assert_eq!(versions["plugin acme-filters"], format!("1.0.0 (SHA-256 {digest})"));
    assert!(!texts["selfsame-versions"].contains("not-used"));
    assert!(texts["selfsame-graph"].contains("\"acme-filters\": \"1.0.0\""), "{}", texts["selfsame-graph"]);
    // It makes itself again, says what has changed, and which plugin is missing.
    let again = user.run(&["run", "output/dark_0001.png"], 0);
    assert!(!again.stderr.contains("warning"), "{}", again.stderr);
    let library = vignette("acme-filters", "Glow", &["-O2"]);
    std::fs::remove_dir_all(&bundle).unwrap();
    user.put(&user.plugins(), &library, ("acme-filters", "1.0.1"), ("org.example.vignette", "Glow"), None);
    user.run(&["plugin", "trust", "acme-filters", "--yes"], 0);
    let changed = user.run(&["run", "output/dark_0001.png"], 0).stderr;
    assert!(changed.contains("warning: the picture was made with plugin acme-filters 1.0.0 (SHA-256 "), "{changed}");
    std::fs::remove_dir_all(user.plugins()).unwrap();
    let missing = user.run(&["run", "output/dark_0001.png"], 1).stderr;
    assert!(missing.contains("the graph needs the plugin `acme-filters` 1.0.0, which is not there"), "{missing}");
}

/// What lies elsewhere can be looked at and trusted, and is told where it belongs.
#[test]
fn a_bundle_outside_of_the_folders_is_said_to_be_there() {
    let user = User::new();
    user.put(&user.path("down"), &vignette("acme-filters", "Glow", &[]), ("acme-filters", "1.0.0"), NODE, None);
    let place = "put it here: [DIR]/data/selfsame/plugins/acme-filters.selfsame";
    let info = |what: &str| user.run(&["plugin", "info", what], 0).stdout;
    let said = info("down/acme-filters.selfsame");
    for text in [
        "found by    nothing: it lies in no folder that is searched\n",
        "folder      down/acme-filters.selfsame\n",
        "`selfsame plugin trust down/acme-filters.selfsame` lets it run",
        &format!("  = hint: for graphs to find it, {place}\n"),
    ] {
        assert!(said.contains(text), "{text}\n{said}");
    }
    let trusted = user.run(&["plugin", "trust", "down/acme-filters.selfsame"], 0);
    assert!(
        trusted.stderr.contains(&format!(
            "note: acme-filters lies in no folder that is searched; for graphs to find it, {place}\n"
        )),
        "{}",
        trusted.stderr
    );
    assert!(!user.plugins().exists());
    // Where it belongs, it is found by both ways.
    std::fs::create_dir_all(user.plugins()).unwrap();
    std::fs::rename(user.path("down/acme-filters.selfsame"), user.plugins().join("acme-filters.selfsame")).unwrap();
    for what in ["acme-filters", "data/selfsame/plugins/acme-filters.selfsame"] {
        let said = info(what);
        assert!(said.contains("found by    user folder\n") && !said.contains("for graphs to find it"), "{said}");
        assert!(!user.run(&["plugin", "trust", what], 0).stderr.contains("note: "));
    }
}

const NODE: (&str, &str) = ("org.example.vignette", "Glow");

/// The text chunks of a PNG file.
fn texts(bytes: &[u8]) -> std::collections::BTreeMap<String, String> {
    let reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let info = reader.info();
    let long = info.utf8_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap()));
    let short = info.uncompressed_latin1_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.text.clone()));
    let packed = info.compressed_latin1_text.iter().map(|chunk| (chunk.keyword.clone(), chunk.get_text().unwrap()));
    long.chain(short).chain(packed).collect()
}

#[test]
fn a_bundle_may_be_named_like_a_library() {
    let user = User::new();
    let library = vignette("acme-filters", "Glow", &[]);
    user.put(
        Path::new(&user.path("here")),
        &library,
        ("acme-filters", "1.0.0"),
        ("org.example.vignette", "Glow"),
        None,
    );
    user.install("acme-filters", "Glow", None);
    user.write("g.ron", graph("Glow", ""));
    let done = user.run(&["run", "g.ron", "--plugin", "here/acme-filters.selfsame"], 0);
    assert!(done.stderr.contains("here/acme-filters.selfsame is used"), "{}", done.stderr);
    let done = user.run(&["run", "g.ron", "--plugin", library.to_str().unwrap()], 0);
    assert!(done.stderr.contains("[DIR]/data/selfsame/plugins/acme-filters.selfsame is not"), "{}", done.stderr);
    let missing = user.run(&["run", "g.ron", "--plugin", "there/acme-filters.selfsame"], 1).stderr;
    assert!(missing.contains("plugin there/acme-filters.selfsame: cannot be read"), "{missing}");
}
