//! `selfsame plugin`, from nothing to a node that others use, as its author does it; outside of this repository.

use crate::kit::{build_c, file, library};
use crate::user::User;
use selfsame_host::bundles::{Bundle, public_key_of, target_triple};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What compilers make stays from one run of the tests to the next.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold")
}

/// `selfsame plugin`, in a folder of the user; gives what it writes.
#[track_caller]
fn plugin(user: &User, folder: &str, args: &[&str], code: i32) -> String {
    let mut command: Command = user.command(env!("CARGO_BIN_EXE_selfsame"), &[&["plugin"], args].concat());
    let done = user.finish(command.current_dir(user.path(folder)).env("CARGO_TARGET_DIR", kept()), code);
    if code == 0 { done.stdout } else { done.stderr }
}

/// What follows is the same whatever the plugin is written in.
fn from_source_to_user(user: &User, name: &str) {
    user.run(&["graph", "fmt", "--check", &format!("{name}/graph.ron")], 0);
    let built = plugin(user, name, &["build", "--offline"], 0);
    let built = built.trim_end().replace("[DIR]", user.path("").to_str().unwrap().trim_end_matches('/'));
    let built = user.path(name).join(built);
    assert!(built.is_file(), "{}", built.display());
    let checked = plugin(user, name, &["check", "--offline"], 0);
    assert!(checked.contains("3 of 3 sets of values gave a result") && checked.ends_with("\nok\n"), "{checked}");
    user.run(&["run", &format!("{name}/graph.ron"), "--plugin", built.to_str().unwrap()], 0);
    assert!(user.path(&format!("output/{name}_0001.png")).is_file());

    // Given away, signed.
    let key = user.key("author");
    let bundled =
        plugin(user, name, &["bundle", "--offline", "--sign", key.to_str().unwrap(), "--wants", "network"], 0);
    assert_eq!(bundled, format!("./{name}.selfsame\n"));
    let bundle = user.path(&format!("{name}/{name}.selfsame"));
    let manifest = Bundle::open(&bundle).unwrap().manifest().clone();
    assert_eq!((&*manifest.id, &*manifest.version), (name, "0.1.0"));
    assert_eq!(manifest.public_key, Some(public_key_of(&key).unwrap()));
    let checked = user.run(&["plugin", "check", bundle.to_str().unwrap()], 0).stdout;
    assert!(checked.ends_with("\nok\n"), "{checked}");

    // Taken by somebody else.
    std::fs::create_dir_all(user.plugins()).unwrap();
    std::fs::rename(&bundle, user.plugins().join(format!("{name}.selfsame"))).unwrap();
    let graph = format!("{name}/graph.ron");
    assert!(user.run(&["run", &graph], 1).stderr.contains("it is not trusted yet"));
    let trusted = user.run(&["plugin", "trust", name, "--isolated"], 0);
    assert!(trusted.stdout.starts_with(&format!("{name}: it runs in a process of its own; every version signed by")));
    assert!(
        trusted.stderr.contains(&format!("note: {name} wants to network; --permit allows it")),
        "{}",
        trusted.stderr
    );
    user.run(&["run", &graph], 0);
    user.run(&["plugin", "trust", name], 0);
    user.run(&["run", &graph], 0);
    let made: Vec<Vec<u8>> =
        (1..=3).map(|i| std::fs::read(user.path(&format!("output/{name}_000{i}.png"))).unwrap()).collect();
    assert_eq!(made.iter().map(|bytes| bytes.len() > 100).collect::<Vec<_>>(), [true; 3]);
    let info: Value = serde_json::from_str(&user.run(&["plugin", "info", name, "--json"], 0).stdout).unwrap();
    assert_eq!((&info["state"], &info["from"]), (&"trusted".into(), &"user folder".into()));
    assert_eq!(info["manifest"]["permissions"][0], "network");
}

#[test]
fn a_plugin_in_rust_from_nothing() {
    let user = User::new();
    plugin(&user, "", &["new", "acme-filters"], 0);
    // A node is a function, and is tested as one.
    let mut tests = user.command("cargo", &["test", "--release", "--offline"]);
    let tests = user.finish(tests.current_dir(user.path("acme-filters")).env("CARGO_TARGET_DIR", kept()), 0);
    assert!(tests.stdout.contains("1 passed"), "{}", tests.stdout);
    from_source_to_user(&user, "acme-filters");
}

#[test]
fn a_plugin_in_c_from_nothing() {
    let user = User::new();
    plugin(&user, "", &["new", "acme_c", "--c"], 0);
    from_source_to_user(&user, "acme_c");
}

#[test]
fn new_refuses_what_could_not_be_built() {
    let user = User::new();
    for name in ["Acme", "1st", "a/b", "", "ä", "a..b"] {
        assert!(plugin(&user, "", &["new", name], 2).contains("a plugin cannot be called"), "{name}");
    }
    user.write("there/x", "");
    assert!(plugin(&user, "", &["new", "there"], 2).contains("there is there already"));
    assert!(plugin(&user, "", &["new", "a", "--sdk", "there"], 2).contains("does not hold the crate selfsame-sdk"));
    let here = file("");
    plugin(&user, "", &["new", "a", "--sdk", here.to_str().unwrap()], 0);
    assert!(!user.path("a/selfsame-sdk").exists());
    let manifest = user.read("a/Cargo.toml");
    let sdk = here.canonicalize().unwrap().join("plugins/sdk");
    assert!(manifest.contains(&format!("path = {sdk:?}")), "{manifest}");
    assert!(manifest.ends_with("\n# It belongs to no workspace around it.\n[workspace]\n"), "{manifest}");
    assert!(plugin(&user, "", &["build", "there"], 2).contains("there is no source of a plugin"));
}

/// Every placeholder is filled, and nothing else is.
#[test]
fn what_new_writes_is_whole() {
    let user = User::new();
    let whole = |name: &str, files: &[&str]| {
        for file in files {
            let text = user.read(&format!("{name}/{file}"));
            assert!(!text.contains("{{"), "{name}/{file}: {text}");
        }
    };
    let rust = ["Cargo.toml", "src/lib.rs", "graph.ron", "README.md", ".gitignore"];
    for name in ["acme-filters", "com.acme.filters"] {
        plugin(&user, "", &["new", name], 0);
        whole(name, &rust);
        let manifest = user.read(&format!("{name}/Cargo.toml"));
        let end = "\n# The copy of the SDK is a workspace of its own.\n[workspace]\nexclude = [\"selfsame-sdk\"]\n";
        assert!(manifest.contains("path = \"selfsame-sdk/sdk\"") && manifest.ends_with(end), "{manifest}");
    }
    plugin(&user, "", &["new", "with-sdk", "--sdk", file("").to_str().unwrap()], 0);
    whole("with-sdk", &rust);
    plugin(&user, "", &["new", "com.acme.c", "--c"], 0);
    whole("com.acme.c", &["plugin.c", "graph.ron", "README.md", ".gitignore"]);
    // The id of a plugin in Rust is the name of its package, which has no dots.
    let (manifest, source) = (user.read("com.acme.filters/Cargo.toml"), user.read("com.acme.filters/src/lib.rs"));
    assert!(manifest.contains("name = \"com-acme-filters\""), "{manifest}");
    assert!(source.contains("id = \"com.acme.filters.gain\", name = \"AcmeFiltersGain\""), "{source}");
    assert!(user.read("com.acme.filters/graph.ron").contains("\"com-acme-filters\": \"0.1\""));
    let source = user.read("com.acme.c/plugin.c");
    assert!(
        source.contains("SS_LIT(\"com.acme.c\")") && source.contains("SS_LIT(\"com.acme.c.vignette\")"),
        "{source}"
    );
    plugin(&user, "com.acme.c", &["check"], 0);
}

/// What compilers say is seen, and the command fails.
#[test]
fn a_source_with_mistakes_is_not_built() {
    let user = User::new();
    user.write("broken/plugin.c", "int x = ;\n");
    let said = plugin(&user, "", &["build", "broken"], 1);
    assert!(said.contains("plugin.c:1") && said.contains("the plugin was not built: "), "{said}");
    user.write("bin/Cargo.toml", "[package]\nname = \"bin\"\nedition = \"2024\"\n[workspace]\n");
    user.write("bin/src/main.rs", "fn main() {}\n");
    let said = plugin(&user, "", &["build", "bin"], 1);
    assert!(said.contains("bin/Cargo.toml is the package of no dynamic library"), "{said}");
}

#[test]
fn broken_promises_are_found_and_a_crash_is_one_of_them() {
    let user = User::new();
    let library = build_c(&file("plugins/fixtures/c/promises.c"), "promises", &["-lm"]);
    let args = ["plugin", "check", library.to_str().unwrap()];
    let report: Value = serde_json::from_str(&user.run(&[&args[..], &["--json"]].concat(), 1).stdout).unwrap();
    let of = |name: &str| {
        let node = report["nodes"].as_array().unwrap().iter().find(|node| node["name"] == name).unwrap().clone();
        let findings = node["findings"].as_array().unwrap().clone();
        let text = |finding: &Value| format!("{}: {}", finding["is_error"], finding["message"].as_str().unwrap());
        (findings.iter().map(text).collect::<Vec<_>>().join("\n"), node)
    };
    let has = |name: &str, expected: &str| {
        let (findings, _) = of(name);
        assert!(findings.contains(expected), "{name}: expected {expected}\ngot {findings}");
    };
    has("Counts", "true: the same node gave another result for the same inputs; a node whose results vary says");
    has("Counts", "true: another node of this type gave another result");
    has("NoNumber", "true: with defaults and small pictures: output `out`: a FLOAT of NaN; expected a finite number");
    has("Nothing", "true: with defaults and small pictures: output `out`: it was not set");
    has("Crashes", "SIGSEGV");
    has("Refuses", "false: it never gave a result, and says: not on Sundays");
    has("Silent", "output `out`");
    assert_eq!(of("Needs").1["not_tried"], "there is no sample of MODEL for input `model`");
    assert_eq!(of("Needs").0, "");
    let errors = report["errors"].as_u64().unwrap();
    let text = user.run(&args, 1).stdout;
    assert!(text.starts_with("promises 1.0.0\n") && text.ends_with(&format!("\n{errors} errors\n")), "{text}");
    assert!(text.contains("  Needs (test.needs): not tried: there is no sample of MODEL"), "{text}");
}

#[test]
fn the_samples_keep_their_promises() {
    let user = User::new();
    let checked = user.run(&["plugin", "check", library("selfsame-samples").to_str().unwrap()], 0).stdout;
    assert!(checked.ends_with("\nok\n"), "{checked}");
    assert!(checked.contains("Posterize (com.example.posterize): 3 of 3 sets of values gave a result"), "{checked}");
}

#[test]
fn a_bundle_is_of_one_version_and_of_several_systems() {
    let user = User::new();
    let [first, second] = ["1.0.0", "1.0.1"].map(|version| {
        let source = std::fs::read_to_string(file("examples/c_plugin/vignette.c")).unwrap();
        let source = user.write("source.c", source.replace("1.0.0", version));
        build_c(&source, &format!("bundled_{}", version.replace('.', "_")), &[])
    });
    let bundle = |library: &Path, args: &[&str], code: i32| {
        user.run(&[&["plugin", "bundle", library.to_str().unwrap(), "--out", "out"], args].concat(), code)
    };
    assert_eq!(bundle(&first, &[], 0).stdout, "out/vignette.selfsame\n");
    bundle(&first, &["--target", "aarch64-apple-darwin"], 0);
    let manifest = Bundle::open(&user.path("out/vignette.selfsame")).unwrap().manifest().clone();
    assert_eq!(manifest.targets.keys().cloned().collect::<Vec<_>>(), ["aarch64-apple-darwin", &*target_triple()]);
    let said = bundle(&second, &[], 1).stderr;
    assert!(said.contains("vignette 1.0.0 is there, this is vignette 1.0.1"), "{said}");
    let said = user.run(&["plugin", "bundle", first.to_str().unwrap(), "--target", "riscv64-unknown-linux-gnu"], 2);
    assert!(said.stderr.contains("cannot be looked at here, so it joins a bundle"), "{}", said.stderr);
    let said = bundle(&file("README.md"), &[], 1).stderr;
    assert!(said.contains("cannot be loaded"), "{said}");
}

/// A manifest that says other things than its library is found.
#[test]
fn a_manifest_that_lies_is_found() {
    let user = User::new();
    let bundle = user.install("acme-filters", "Glow", None);
    user.run(&["plugin", "check", bundle.to_str().unwrap()], 0);
    let manifest = std::fs::read_to_string(bundle.join("plugin.ron")).unwrap();
    let lie = manifest.replace("\"Glow\"", "\"Shine\"").replace("\"1.0.0\"", "\"1.0.9\"");
    std::fs::write(bundle.join("plugin.ron"), lie).unwrap();
    let said = user.run(&["plugin", "check", bundle.to_str().unwrap()], 1).stdout;
    assert!(said.contains("error: its version is \"1.0.0\", and \"1.0.9\" in the manifest"), "{said}");
    assert!(said.contains("error: its list of node types is \"Glow (org.example.vignette)\", and \"Shine ("), "{said}");
}
