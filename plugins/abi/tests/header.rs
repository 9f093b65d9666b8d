//! The C header is what these sources say, and C sees the same layouts as Rust.
//!
//! `SELFSAME_UPDATE=1 cargo test -p selfsame-abi` writes the header and the recorded layouts anew. The layouts may only ever be
//! added to; a change of what is there breaks plugins.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "header/generate.rs"]
mod generate;

use selfsame_abi::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADER: &str = "include/selfsame_plugin.h";
const LAYOUT: &str = "tests/layout.h";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn is_update() -> bool {
    std::env::var_os("SELFSAME_UPDATE").is_some()
}

/// Compares a generated text with the file that is in the repository, or writes that.
fn compare(path: &str, text: &str) {
    if is_update() {
        return std::fs::write(here(path), text).unwrap();
    }
    let recorded = std::fs::read_to_string(here(path)).unwrap();
    let differs = recorded.lines().zip(text.lines()).find(|(old, new)| old != new);
    assert!(
        recorded == text,
        "plugins/abi/{path} is not what the sources say, from {differs:?} on; SELFSAME_UPDATE=1 writes it anew"
    );
}

#[test]
fn the_header_is_generated_from_the_sources() {
    let source = |name: &&str| std::fs::read_to_string(here(&format!("src/{name}.rs"))).unwrap();
    let sources: Vec<String> =
        ["text", "value", "tensor", "host", "sampling", "patch", "model", "node", "entry"].iter().map(source).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    compare(HEADER, &generate::header(&sources, include_str!("../src/helpers.h")));
}

/// Size, alignment and place of every field: the macro does not compile if one is left out.
macro_rules! layouts {
    ($($name:ident { $($field:ident),* $(,)? })*) => {
        const STRUCTS: &[fn(&mut String)] = &[$(|text| {
            #[allow(unused)]
            fn has_no_other_field(value: $name) {
                let $name { $($field: _),* } = value;
            }
            let name = stringify!($name);
            writeln!(text, "_Static_assert(sizeof({name}) == {}, \"{name}\");", size_of::<$name>()).unwrap();
            writeln!(text, "_Static_assert(_Alignof({name}) == {}, \"{name}\");", align_of::<$name>()).unwrap();
            $({
                let (field, at) = (stringify!($field), std::mem::offset_of!($name, $field));
                writeln!(text, "_Static_assert(offsetof({name}, {field}) == {at}, \"{name}.{field}\");").unwrap();
            })*
        }),*];
    };
}

layouts! {
    SsStr { ptr, len }
    SsStrs { ptr, len }
    SsBytes { ptr, len }
    SsValue { tag, zero, v }
    SsObj { vt }
    SsObjVt { struct_size, flags, retain, release, type_name, get_interface }
    SsSink { user, write }
    SsObjectInfo { struct_size, flags, bytes, summary }
    SsString { struct_size, flags, view }
    SsBlob { struct_size, flags, view }
    SsList { struct_size, flags, len, get }
    SsStruct { struct_size, flags, len, name, get }
    SsDLDevice { device_type, device_id }
    SsDLDataType { code, bits, lanes }
    SsDLTensor { data, device, ndim, dtype, shape, strides, byte_offset }
    SsDLPackVersion { major, minor }
    SsDLManagedTensor { version, manager_ctx, deleter, flags, dl_tensor }
    SsTensor { struct_size, flags, describe, export_dlpack }
    SsImage { struct_size, flags, color_space, alpha }
    SsCtx { struct_size, flags, host, host_data, node_id, device, cu_context, cu_stream }
    SsHost {
        struct_size, abi_major, abi_minor, name, log, progress, cancelled, fail, last_error, preview, path, model, reads,
        save, metadata, shared, tensor_new, tensor_finish, tensor_drop, tensor_import, string_new, bytes_new, list_new,
        struct_new, get_interface,
    }
    SsDenoiserInfo {
        struct_size, prediction, channels, reserved, device, dtype, sigma_min, sigma_max, sigmas, n_sigmas,
    }
    SsDenoiser { struct_size, flags, info, predict }
    SsSampling { struct_size, flags, denoiser, x, sigmas, n_sigmas, seed }
    SsSampler { struct_size, flags, sample }
    SsHook { struct_size, site, priority, resize, places, start, end, weights, n_weights, mask }
    SsRow { condition, picture, is_negative, zero }
    SsHookCall {
        struct_size, hook, site, layer, place, heads, hidden, context, latent_height, latent_width, reserved, sigma, rows,
        n_rows, inputs, n_inputs,
    }
    SsModelPatch { struct_size, flags, hooks, call }
    SsModel { struct_size, flags, info }
    SsMath { struct_size, flags, linear }
    SsWeights { struct_size, flags, open }
    SsNodeFactory { struct_size, flags, types, n_types }
    SsNodeType { struct_size, flags, descriptor, create, run, destroy, get_interface }
    SsNodeDescriptor {
        struct_size, version, flags, id, name, title, category, doc, deprecated, aliases, search_terms, inputs, n_inputs,
        outputs, n_outputs,
    }
    SsInputPort {
        struct_size, flags, name, type_name, doc, aliases, default_value, hard, soft, step, unit, choices, widget,
        reserved, widget_args,
    }
    SsOutputPort { struct_size, flags, name, type_name, doc, aliases }
    SsRange { min, max }
    SsLiteral { tag, zero, i, f, text, items, n_items }
    SsEntry {
        magic, abi_major, abi_minor, min_host_minor, flags, struct_size, reserved, build_info, init, deinit,
        get_interface,
    }
    SsPluginInfo { struct_size, flags, id, version, title, doc, authors, license, homepage }
}

fn layout() -> String {
    let mut text = String::new();
    STRUCTS.iter().for_each(|write| write(&mut text));
    text
}

#[test]
fn layouts_are_as_recorded() {
    compare(LAYOUT, &layout());
}

#[test]
fn the_first_32_bytes_of_an_entry_never_change() {
    use std::mem::offset_of;
    assert_eq!(SS_MAGIC.to_le_bytes(), *b"SELFSAME");
    assert_eq!(
        [offset_of!(SsEntry, magic), offset_of!(SsEntry, abi_major), offset_of!(SsEntry, abi_minor)],
        [0, 8, 10]
    );
    assert_eq!([offset_of!(SsEntry, min_host_minor), offset_of!(SsEntry, flags)], [12, 14]);
    assert_eq!([offset_of!(SsEntry, struct_size), offset_of!(SsEntry, reserved)], [16, 20]);
    assert_eq!([offset_of!(SsEntry, build_info), offset_of!(SsEntry, init)], [24, 32]);
}

/// Compiles a source with a compiler, as a language; false if the compiler is not there.
fn compile(compiler: &str, standard: &str, language: &str, source: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source");
    std::fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command.args(["-x", language, &format!("-std={standard}"), "-Wall", "-Wextra", "-Werror", "-pedantic"]);
    command.arg("-fsyntax-only").arg("-I").arg(here("include")).arg("-I").arg(here("tests")).arg(&file);
    match command.output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{compiler} -std={standard}:\n{errors}");
            true
        }
        Err(error) => {
            println!("skipped: {compiler} is not there ({error})");
            false
        }
    }
}

#[test]
fn c_sees_the_same_layouts() {
    let source = "#include <selfsame_plugin.h>\n#include <layout.h>\n\
        _Static_assert(SS_MAGIC == 0x454D4153464C4553, \"magic\");\n\
        const char *name(void) { return SS_NODE_FACTORY; }\n";
    assert!(compile("cc", "c11", "c", source), "a C compiler is needed");
    compile("gcc", "c11", "c", source);
    compile("clang", "c11", "c", source);
    // The macros of C11 under the names of C++11.
    let source = source.replace(
        "#include <layout.h>",
        "#define _Static_assert static_assert\n#define _Alignof alignof\n#include <layout.h>",
    );
    compile("g++", "c++17", "c++", &source);
    compile("clang++", "c++17", "c++", &source);
}

#[test]
fn entries_that_do_not_fit_are_refused() {
    let fits = || SsEntry {
        magic: SS_MAGIC,
        abi_major: SS_ABI_MAJOR,
        abi_minor: SS_ABI_MINOR,
        min_host_minor: 0,
        flags: 0,
        struct_size: size_of::<SsEntry>() as u32,
        reserved: 0,
        build_info: std::ptr::null(),
        init: None,
        deinit: None,
        get_interface: None,
    };
    let (major, minor) = (SS_ABI_MAJOR, SS_ABI_MINOR);
    assert_eq!(fits().check(), Ok(()));
    assert_eq!(SsEntry { struct_size: 4096, ..fits() }.check(), Ok(()));
    assert_eq!(SsEntry { magic: 1, ..fits() }.check(), Err(Unfit::Magic));
    assert_eq!(SsEntry { struct_size: 0, ..fits() }.check(), Err(Unfit::Size(0)));
    let newer = SsEntry { abi_major: major + 1, ..fits() };
    assert_eq!(newer.check(), Err(Unfit::Version { major: major + 1, minor }));
    let needs = SsEntry { min_host_minor: minor + 1, ..fits() };
    assert_eq!(needs.check(), Err(Unfit::NeedsMinor(minor + 1)));
    assert_eq!(
        needs.check().unwrap_err().to_string(),
        format!("it needs version {major}.{} of the plugin boundary, this is {major}.{minor}", minor + 1)
    );
}

#[test]
fn what_lies_beyond_a_table_is_not_there() {
    let table = SsObjectInfo { struct_size: 8, flags: 0, bytes: None, summary: None };
    let short: *const SsObjectInfo = &table;
    let whole: *const SsObjectInfo = &SsObjectInfo { struct_size: 24, ..table };
    // SAFETY: the tables are there.
    unsafe {
        assert!(field!(short, SsObjectInfo, bytes).is_none());
        assert!(field!(short, SsObjectInfo, flags).is_some());
        assert!(field!(whole, SsObjectInfo, bytes).is_some());
        assert!(field!(whole, SsObjectInfo, summary).is_some());
        assert!(field!(std::ptr::null::<SsObjectInfo>(), SsObjectInfo, bytes).is_none());
    }
}
