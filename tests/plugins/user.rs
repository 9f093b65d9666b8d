//! A user with folders of their own, who has plugins and runs the program.

use crate::kit::{build_c, file};
use selfsame_host::bundles::{self, Abi, Manifest, target_triple};
use selfsame_host::plugin::LibraryBytes;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A user. Everything that belongs to them lies in one folder.
pub struct User {
    folder: tempfile::TempDir,
}

/// What a finished program left. The user's folder reads `[DIR]` in its texts.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl User {
    pub fn new() -> Self {
        User { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// The folder that the user's bundles lie in.
    pub fn plugins(&self) -> PathBuf {
        self.path("data/selfsame/plugins")
    }

    /// A command line with nothing of whoever runs the tests but their compilers.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("SELFSAME_CONFIG", "")
            .env_remove("SELFSAME_PLUGIN_PATH");
        for (variable, folder) in [("CONFIG", "config"), ("DATA", "data"), ("CACHE", "cache")] {
            command.env(format!("XDG_{variable}_HOME"), self.path(folder));
        }
        command
    }

    /// Runs the program, which must end with this code.
    #[track_caller]
    pub fn run(&self, args: &[&str], code: i32) -> Done {
        self.finish(&mut self.command(env!("CARGO_BIN_EXE_selfsame"), args), code)
    }

    #[track_caller]
    pub fn finish(&self, command: &mut Command, code: i32) -> Done {
        let output = command.output().unwrap();
        let folder = self.folder.path().to_str().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(folder, "[DIR]");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        let done = Done { code: output.status.code().unwrap_or(-1), stdout, stderr };
        assert_eq!(done.code, code, "{done:#?}");
        done
    }

    /// The state of a plugin in `selfsame plugin list`.
    #[track_caller]
    pub fn state(&self, id: &str) -> String {
        let list = self.run(&["plugin", "list", "--json"], 0).stdout;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let of = |plugin: &&serde_json::Value| plugin["id"] == id;
        let plugin = list.as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("no {id} in {list}"));
        plugin["state"].as_str().unwrap().to_owned()
    }

    /// Puts a bundle of the vignette, under another name, into the user's folder; gives the bundle.
    pub fn install(&self, id: &str, name: &str, key: Option<&Path>) -> PathBuf {
        self.put(&self.plugins(), &vignette(id, name, &[]), (id, "1.0.0"), ("org.example.vignette", name), key)
    }

    /// Writes a bundle.
    pub fn put(
        &self,
        folder: &Path,
        library: &Path,
        (id, version): (&str, &str),
        (node, name): (&str, &str),
        key: Option<&Path>,
    ) -> PathBuf {
        let folder = folder.join(format!("{id}.selfsame"));
        let library = LibraryBytes::read(library).unwrap();
        bundles::write(&folder, manifest(id, version, node, name), &library, &target_triple(), key).unwrap();
        folder
    }

    /// A key of minisign without a password.
    pub fn key(&self, name: &str) -> PathBuf {
        let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
        self.write(&format!("{name}.key"), pair.sk.to_box(None).unwrap().into_string())
    }
}

/// What a bundle says of a plugin with one node.
pub fn manifest(id: &str, version: &str, node: &str, name: &str) -> Manifest {
    Manifest {
        format: 1,
        id: id.to_owned(),
        version: version.to_owned(),
        title: String::new(),
        doc: "A sample in C.".to_owned(),
        authors: String::new(),
        license: String::new(),
        homepage: String::new(),
        abi: Abi { major: 1, min_minor: 0 },
        nodes: [(node.to_owned(), name.to_owned())].into(),
        permissions: Default::default(),
        targets: Default::default(),
        public_key: None,
    }
}

/// The vignette as the library of another plugin.
pub fn vignette(id: &str, name: &str, arguments: &[&str]) -> PathBuf {
    let source = std::fs::read_to_string(file("examples/c_plugin/vignette.c")).unwrap();
    let source = source
        .replace("SS_LIT(\"vignette\")", &format!("SS_LIT(\"{id}\")"))
        .replace("SS_LIT(\"Vignette\")", &format!("SS_LIT(\"{name}\")"));
    let more = "\n#ifdef MARK\n#include <stdio.h>\n__attribute__((constructor)) static void mark(void) { \
                FILE *f = fopen(MARK, \"a\"); if (f) { fputs(\"x\", f); fclose(f); } }\n#endif\n\
                #ifdef CONSTRUCTOR\n#include <stdlib.h>\n\
                __attribute__((constructor)) static void begin(void) { CONSTRUCTOR; }\n#endif\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.c");
    std::fs::write(&path, source + more).unwrap();
    // Each is a file of its own, so that tests do not write over each other's.
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    build_c(&path, &format!("vignette_{number}"), arguments)
}

/// A graph that darkens a grey picture with a node of this name and saves it.
pub fn graph(name: &str, plugins: &str) -> String {
    format!(
        "// Comments stay.\nGraph(\n    version: 1,\n    nodes: {{\n        \
         \"grey\": SolidImage(width: 8, height: 8, color: \"#808080\"),\n        \
         \"dark\": {name}(image: Out(\"grey.image\"), strength: 0.8),\n        \
         \"save\": SaveImage(image: Out(\"dark.image\"), prefix: \"dark\"),\n    }},\n{plugins})\n"
    )
}
