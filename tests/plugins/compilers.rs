//! The same source in the hands of other compilers, languages, editions and levels of optimisation is the same plugin.
//!
//! The sources are those of the frozen plugins, and so is what they must do.

use crate::frozen::{frozen, is_as_recorded};
use crate::kit::*;
use selfsame_host::plugin::Plugin;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The version whose source in Rust is kept.
const VERSION: &str = "1.0";

#[test]
fn c_is_the_same_from_every_compiler() {
    let compilers = [
        ("cc", "c", "c11"),
        ("gcc", "c", "c11"),
        ("clang", "c", "c11"),
        ("g++", "c++", "c++17"),
        ("clang++", "c++", "c++17"),
    ];
    let mut built = Vec::new();
    for (compiler, language, standard) in compilers {
        for level in ["-O0", "-O3"] {
            // So that no two numbers are rounded once where others are rounded twice.
            let standard = format!("-std={standard}");
            let arguments =
                ["-x", language, &standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off", level];
            for version in ["1.0", "1.1"] {
                let name = format!("frozen_{version}_{}{level}", compiler.replace("++", "pp"));
                match build_with(compiler, &frozen(version).join("plugin.c"), &name, &arguments) {
                    Some(library) => {
                        is_as_recorded(&Plugin::load(&library).unwrap(), version, "c");
                        built.push(compiler);
                    }
                    None => println!("skipped: {compiler} is not there"),
                }
            }
        }
    }
    assert!(built.contains(&"cc"), "these tests need the system's C compiler, `cc`; built by {built:?}");
}

/// A package with the frozen source, which depends on the SDK as any other would.
struct Package {
    folder: PathBuf,
}

impl Package {
    fn new(name: &str) -> Self {
        let folder = libraries().join(name);
        std::fs::create_dir_all(folder.join("src")).unwrap();
        std::fs::copy(frozen(VERSION).join("plugin.rs"), folder.join("src/lib.rs")).unwrap();
        // The versions that are at hand, as nothing may be fetched.
        std::fs::copy(file("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        Package { folder }
    }

    /// Runs cargo on it, as an edition.
    fn cargo(&self, edition: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let sdk = file("plugins/sdk").canonicalize().unwrap();
        let manifest = format!(
            "[package]\nname = \"frozen-rust\"\nversion = \"1.0.0\"\nedition = \"{edition}\"\n\
             description = \"Nodes of every kind\"\nlicense = \"MIT OR Apache-2.0\"\n\n\
             [lib]\ncrate-type = [\"cdylib\"]\n\n[dependencies]\nselfsame-sdk = {{ path = {sdk:?} }}\n\n[workspace]\n"
        );
        std::fs::write(self.folder.join("Cargo.toml"), manifest).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
        command
            .env_remove("RUSTFLAGS")
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "false");
        command.envs(variables.iter().copied()).output().unwrap()
    }

    /// Builds it, and looks whether it is what it should be.
    fn check(&self, edition: &str, arguments: &[&str], variables: &[(&str, &str)], profile: &str) {
        let output = self.cargo(edition, arguments, variables);
        assert!(output.status.success(), "{edition} {variables:?}: {}", String::from_utf8_lossy(&output.stderr));
        let built = self.folder.join("target").join(profile).join(format!("{DLL_PREFIX}frozen_rust{DLL_SUFFIX}"));
        is_as_recorded(&Plugin::load(&copy_of(Path::new(&built))).unwrap(), VERSION, "rust");
    }
}

#[test]
fn rust_is_the_same_in_every_edition() {
    let package = Package::new("editions");
    for edition in ["2018", "2021", "2024"] {
        package.check(edition, &["build"], &[], "debug");
    }
    // A panic would end the host.
    let output = package.cargo("2024", &["rustc", "--", "-C", "panic=abort"], &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("a plugin needs panic = \"unwind\": a panic would end the host"), "{errors}");
}

/// As people build what they give away.
#[test]
fn rust_is_the_same_when_it_is_optimised() {
    let level = [("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")];
    Package::new("optimised").check("2024", &["build", "--release"], &level, "release");
}

/// Takes a minute: each level builds everything anew.
#[test]
#[ignore = "slow; run it with --ignored before a release"]
fn rust_is_the_same_at_every_level_of_optimisation() {
    let package = Package::new("levels");
    for level in ["0", "1", "s", "z"] {
        package.check("2024", &["build", "--release"], &[("CARGO_PROFILE_RELEASE_OPT_LEVEL", level)], "release");
    }
    let lto = [
        ("CARGO_PROFILE_RELEASE_LTO", "fat"),
        ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ];
    package.check("2021", &["build", "--release"], &lto, "release");
}

/// What a compiler of Rust says that it is; none if it is not there.
fn version_of(command: &mut Command) -> Option<String> {
    let output = command.arg("--version").output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Another compiler of Rust than the one that has built the host. Where there is no other, nothing is compared, and it says so.
#[test]
#[ignore = "slow, and needs another toolchain; run it with --ignored before a release"]
fn rust_is_the_same_from_another_compiler() {
    let package = Package::new("toolchains");
    let own = version_of(&mut Command::new("rustc"));
    let (toolchains, mut tried) = (["nightly", "beta", "1.88"], 0);
    for toolchain in toolchains {
        let version = version_of(Command::new("rustup").args(["run", toolchain, "rustc"]));
        if version.is_none() || version == own {
            println!("skipped: the toolchain {toolchain} is not there, or is the one that runs the tests");
            continue;
        }
        let rustc = Command::new("rustup").args(["which", "--toolchain", toolchain, "rustc"]).output().unwrap();
        let rustc = String::from_utf8(rustc.stdout).unwrap();
        package.check("2024", &["build"], &[("RUSTC", rustc.trim())], "debug");
        tried += 1;
    }
    if tried == 0 {
        println!("skipped: nothing was compared, as none of {toolchains:?} is another toolchain that is there");
    }
}
