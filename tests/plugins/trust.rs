//! Which plugins run: nothing runs before somebody has said so, and what is not what it was is refused aloud.

use crate::kit::{build_c, file, isolation};
use crate::user::*;
use selfsame_host::bundles::{Bundle, Scans, target_triple};
use selfsame_host::plugin::LibraryBytes;
use selfsame_host::plugin::helper::Isolation;
use std::path::{Path, PathBuf};

const NODE: (&str, &str) = ("org.example.vignette", "Glow");

#[test]
fn no_code_of_an_unknown_plugin_runs() {
    let user = User::new();
    let mark = user.path("mark");
    let library = vignette("acme-filters", "Glow", &[&format!("-DMARK=\"{}\"", mark.display())]);
    user.put(&user.plugins(), &library, ("acme-filters", "1.0.0"), NODE, None);
    user.write("g.ron", graph("Glow", ""));
    user.run(&["plugin", "list"], 0);
    user.run(&["plugin", "info", "acme-filters"], 0);
    user.run(&["nodes"], 0);
    user.run(&["check", "g.ron"], 1);
    user.run(&["graph", "show", "g.ron"], 0);
    user.run(&["run", "g.ron"], 1);
    assert!(!mark.exists());
    assert_eq!(user.state("acme-filters"), "unknown");

    // Permitted for once, it runs where it can write no file.
    user.run(&["run", "g.ron", "--allow-unsigned-plugins"], 0);
    assert!(!mark.exists());
    assert_eq!(user.state("acme-filters"), "unknown");
    let done = user.run(&["plugin", "trust", "acme-filters"], 0).stdout;
    let digest =
        Bundle::open(&user.plugins().join("acme-filters.selfsame")).unwrap().library(&target_triple()).unwrap();
    assert_eq!(
        done,
        format!(
            "acme-filters: it runs in this program, with all your rights; exactly the library of SHA-256 {}\n",
            digest.sha256
        )
    );
    assert!(!mark.exists());
    assert_eq!(user.state("acme-filters"), "trusted");
    user.run(&["run", "g.ron"], 0);
    assert!(mark.exists());
}

#[test]
fn denied_is_denied() {
    let user = User::new();
    let bundle = user.install("acme-filters", "Glow", None);
    user.write("g.ron", graph("Glow", ""));
    assert_eq!(user.run(&["plugin", "trust", "acme-filters", "--deny"], 0).stdout, "acme-filters: it does not run\n");
    assert_eq!(user.state("acme-filters"), "denied");
    for args in [&["--allow-unsigned-plugins"][..], &["--plugin", bundle.to_str().unwrap()]] {
        let done = user.run(&[&["run", "g.ron"], args].concat(), 1);
        assert!(done.stderr.contains("it is denied in trust.ron"), "{}", done.stderr);
    }
    // Also one that is not there yet.
    user.run(&["plugin", "trust", "evil-filters", "--deny"], 0);
    user.run(&["plugin", "trust", "acme-filters", "--forget"], 0);
    assert_eq!(user.state("acme-filters"), "unknown");
    assert!(user.run(&["plugin", "trust", "acme-filters", "--forget"], 2).stderr.contains("nothing was said about"));
    assert!(user.read("config/selfsame/trust.ron").contains("\"evil-filters\""));
}

#[test]
fn a_policy_that_cannot_be_read_stops_everything() {
    let user = User::new();
    user.write("g.ron", graph("Glow", ""));
    user.write("config/selfsame/trust.ron", "Trust(format: 1, plugins: {\"a\": (level: root)})");
    for args in [&["run", "g.ron"][..], &["check", "g.ron"], &["nodes"], &["plugin", "list"]] {
        let done = user.run(args, 2);
        assert!(done.stderr.contains("[DIR]/config/selfsame/trust.ron:1:"), "{}", done.stderr);
    }
}

/// Replaces the library of a bundle, and lets its manifest say so if `honest`.
fn replace(bundle: &Path, with: &Path, honest: bool) -> [String; 2] {
    let opened = Bundle::open(bundle).unwrap();
    let target = opened.manifest().targets[&target_triple()].clone();
    std::fs::copy(with, bundle.join(&target.file)).unwrap();
    let got = LibraryBytes::read(with).unwrap().sha256;
    if honest {
        let manifest = std::fs::read_to_string(bundle.join("plugin.ron")).unwrap();
        std::fs::write(bundle.join("plugin.ron"), manifest.replace(&target.sha256, &got)).unwrap();
    }
    [target.sha256, got]
}

/// Every command that would use the plugin stops with this.
fn alarms(user: &User, state: &str, expected: &str) {
    assert_eq!(user.state("acme-filters"), state);
    let hint = match state {
        "changed" => "`selfsame plugin trust acme-filters --yes` trusts it as it is now",
        _ => "  = hint: remove it, and get it anew from its author",
    };
    for args in [&["run", "g.ron"][..], &["check", "g.ron"], &["nodes"], &["graph", "show", "g.ron"]] {
        let done = user.run(args, 1);
        let begin = "error: plugin acme-filters in [DIR]/data/selfsame/plugins/acme-filters.selfsame is refused: ";
        assert!(done.stderr.starts_with(begin), "{}", done.stderr);
        assert!(done.stderr.contains(expected), "expected {expected}\ngot {}", done.stderr);
        assert!(done.stderr.contains(hint), "expected {hint}\ngot {}", done.stderr);
        assert!(done.stdout.is_empty(), "{}", done.stdout);
    }
}

#[test]
fn a_library_that_was_tampered_with_is_refused() {
    let user = User::new();
    let bundle = user.install("acme-filters", "Glow", None);
    user.write("g.ron", graph("Glow", ""));
    user.run(&["plugin", "trust", "acme-filters"], 0);
    let other = vignette("acme-filters", "Glow", &["-DOTHER", "-O2"]);
    let [expected, got] = replace(&bundle, &other, false);
    alarms(
        &user,
        "tampered",
        &format!("is not the library that its manifest means: expected SHA-256 {expected}, got {got}"),
    );
    // Whoever can change the library can change the digest beside it.
    replace(&bundle, &other, true);
    let manifest = std::fs::read_to_string(bundle.join("plugin.ron")).unwrap();
    std::fs::write(bundle.join("plugin.ron"), manifest.replace(&expected, &got)).unwrap();
    alarms(
        &user,
        "changed",
        &format!("its library is another than when it was trusted: expected SHA-256 {expected}, got {got}"),
    );
    let refused = user.run(&["plugin", "trust", "acme-filters"], 1).stderr;
    assert!(refused.contains("plugin acme-filters has changed") && refused.contains("--yes trusts it"), "{refused}");
    user.run(&["plugin", "trust", "acme-filters", "--yes"], 0);
    user.run(&["run", "g.ron"], 0);
}

#[test]
fn a_signature_covers_manifest_and_library_and_holds_for_later_versions() {
    let user = User::new();
    let (key, other_key) = (user.key("acme"), user.key("somebody"));
    let bundle = user.install("acme-filters", "Glow", Some(&key));
    user.write("g.ron", graph("Glow", ""));
    let public = selfsame_host::bundles::public_key_of(&key).unwrap();
    let wrong = selfsame_host::bundles::public_key_of(&other_key).unwrap();
    let refused = user.run(&["plugin", "trust", "acme-filters", "--key", &wrong], 1).stderr;
    assert!(refused.contains(&format!("expected the key {wrong}, got the key {public}")), "{refused}");
    let trusted = user.run(&["plugin", "trust", "acme-filters", "--key", &public], 0).stdout;
    assert!(trusted.ends_with(&format!("every version signed by the key {public}\n")), "{trusted}");
    user.run(&["run", "g.ron"], 0);

    // The manifest says something else than what was signed.
    let manifest = std::fs::read_to_string(bundle.join("plugin.ron")).unwrap();
    std::fs::write(bundle.join("plugin.ron"), manifest.replace("A sample in C.", "A better one.")).unwrap();
    alarms(&user, "tampered", "plugin.ron.minisig: it is not a signature of plugin.ron by the key");
    std::fs::write(bundle.join("plugin.ron"), &manifest).unwrap();
    user.run(&["check", "g.ron"], 0);

    // A later version by the same author needs nothing more; one by somebody else is refused, and so is one by nobody.
    let again = |version: &str, key: Option<&Path>| {
        std::fs::remove_dir_all(&bundle).unwrap();
        user.put(&user.plugins(), &vignette("acme-filters", "Glow", &["-O2"]), ("acme-filters", version), NODE, key);
    };
    again("1.1.0", Some(&key));
    user.run(&["run", "g.ron"], 0);
    again("1.2.0", Some(&other_key));
    alarms(
        &user,
        "changed",
        &format!("it is signed with another key than when it was trusted: expected {public}, got {wrong}"),
    );
    again("1.2.0", None);
    alarms(
        &user,
        "changed",
        &format!("it was signed when it was trusted, with the key {public}, and is not signed now"),
    );
    again("1.2.0", Some(&key));
    std::fs::remove_file(bundle.join("plugin.ron.minisig")).unwrap();
    alarms(&user, "tampered", "the signature is missing: the manifest says that");
    let signature = std::fs::read(other_key).unwrap();
    std::fs::write(bundle.join("plugin.ron.minisig"), signature).unwrap();
    alarms(&user, "tampered", "it is no signature");
}

#[test]
fn a_name_that_is_nearly_a_trusted_one_is_told() {
    let user = User::new();
    user.install("acme-filters", "Glow", None);
    user.run(&["plugin", "trust", "acme-filters"], 0);
    user.install("acrne-filters", "Gleam", None);
    let warning = "warning: plugin acrne-filters in [DIR]/data/selfsame/plugins/acrne-filters.selfsame has nearly the \
                   name of the trusted plugin acme-filters\n";
    assert_eq!(user.run(&["plugin", "list"], 0).stderr, warning);
    let refused = user.run(&["plugin", "trust", "acrne-filters"], 1).stderr;
    assert!(
        refused.contains("plugin acrne-filters has nearly the name of the trusted plugin acme-filters"),
        "{refused}"
    );
    assert_eq!(user.state("acrne-filters"), "unknown");
    user.run(&["plugin", "trust", "acrne-filters", "--yes"], 0);
    assert_eq!(user.run(&["plugin", "list"], 0).stderr, "");
}

#[test]
fn what_crashes_when_it_is_looked_at_is_quarantined_until_it_changes() {
    let user = User::new();
    let library = vignette("acme-filters", "Glow", &["-DCONSTRUCTOR=abort()"]);
    let bundle = user.put(&user.plugins(), &library, ("acme-filters", "1.0.0"), NODE, None);
    user.write("g.ron", graph("Glow", ""));
    let crashed = user.run(&["plugin", "trust", "acme-filters", "--isolated"], 1).stderr;
    assert!(crashed.contains("its process was ended by SIGABRT"), "{crashed}");
    assert!(crashed.contains("its quarantine ends when its library changes"), "{crashed}");
    assert_eq!(user.state("acme-filters"), "quarantined");
    let list = user.run(&["plugin", "list"], 0).stdout;
    assert!(
        list.contains("acme-filters: it is quarantined, since it did not survive a look at it: while it was"),
        "{list}"
    );
    let refused = user.run(&["run", "g.ron", "--allow-unsigned-plugins"], 1).stderr;
    assert!(refused.contains("cannot be used: it is quarantined"), "{refused}");
    // Another look finds the same.
    user.run(&["plugin", "check", "acme-filters"], 1);
    assert_eq!(user.state("acme-filters"), "quarantined");
    // A better version is not the one that crashed.
    std::fs::remove_dir_all(&bundle).unwrap();
    user.put(&user.plugins(), &vignette("acme-filters", "Glow", &[]), ("acme-filters", "1.0.1"), NODE, None);
    assert_eq!(user.state("acme-filters"), "unknown");
    user.run(&["plugin", "trust", "acme-filters", "--isolated"], 0);
    user.run(&["run", "g.ron"], 0);
}

/// What a library said holds until its file changes; no process is started for it again.
#[test]
fn what_a_library_said_is_remembered_until_it_changes() {
    let user = User::new();
    let path = user.path("plugin.so");
    std::fs::copy(vignette("acme-filters", "Glow", &[]), &path).unwrap();
    let look = || LibraryBytes::read(&path).unwrap();
    let file = user.path("cache/plugins.json");
    let described = Scans::open(Some(file.clone())).describe(&look(), &isolation()).unwrap();
    assert_eq!((&*described.id, &*described.nodes[0].name), ("acme-filters", "Glow"));

    let nowhere = Isolation { program: "/nowhere".into(), ..isolation() };
    let again = || Scans::open(Some(file.clone())).describe(&look(), &nowhere);
    assert_eq!(again().unwrap(), described);
    let handle = std::fs::File::options().append(true).open(&path).unwrap();
    handle.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
    assert!(again().unwrap_err().to_string().contains("its process cannot be started"));
    // A file that nobody can read is as none.
    std::fs::write(&file, "{").unwrap();
    assert!(Scans::open(Some(file.clone())).known(&look()).is_none());
    assert_eq!(Scans::open(Some(file.clone())).describe(&look(), &isolation()).unwrap(), described);
    assert_eq!(again().unwrap(), described);
}

/// A bundle whose library says that it is another plugin is not that plugin.
#[test]
fn a_library_must_be_the_plugin_of_its_manifest() {
    let user = User::new();
    user.put(&user.plugins(), &vignette("other", "Glow", &[]), ("acme-filters", "1.0.0"), NODE, None);
    let refused = user.run(&["plugin", "trust", "acme-filters"], 1).stderr;
    assert!(refused.contains("its library calls itself \"other\", its manifest \"acme-filters\""), "{refused}");
}

/// What an isolated plugin is not permitted, it cannot do.
#[test]
fn permissions_are_those_of_the_user_not_those_of_the_plugin() {
    let user = User::new();
    let library = build_c(&file("plugins/fixtures/c/process.c"), "process_bundle", &["-lm"]);
    let process = ("test.process", "Process");
    let folder = user.path("plugins");
    user.put(&folder, &library, ("process", "1.0.0"), process, None);
    let plugins = ["--plugin-dir", folder.to_str().unwrap()];
    let secret = user.write("graphs/secret.txt", "secret");
    let graph = |how: &str, path: &Path| {
        let node = format!("\"p\": Process(how: \"{how}\", path: \"{}\")", path.display());
        user.write("graphs/g.ron", crate::kit::graph(&node, "p.out"));
    };
    let run = |code: i32| user.run(&[&["run", "graphs/g.ron"], &plugins[..]].concat(), code);
    let trust =
        |args: &[&str]| user.run(&[&["plugin", "trust", "process", "--isolated"], args, &plugins[..]].concat(), 0);

    trust(&[]);
    graph("read", &secret);
    assert!(run(3).stderr.contains("open: Permission denied"));
    let trusted = trust(&["--permit", "read_files"]).stdout;
    assert!(trusted.ends_with("; it may read_files\n"), "{trusted}");
    run(0);
    let elsewhere = user.write("elsewhere.txt", "secret");
    graph("read", &elsewhere);
    assert!(run(3).stderr.contains("open: Permission denied"));
    graph("write", &secret);
    assert!(run(3).stderr.contains("open: Permission denied"));
    // A crash of it is a failure of its node.
    graph("segfault", &PathBuf::new());
    assert!(run(3).stderr.contains("SIGSEGV"));
}
