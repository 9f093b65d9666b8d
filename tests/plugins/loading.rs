//! Which libraries are plugins, and which are not.

use crate::kit::*;
use selfsame_host::Nodes;
use selfsame_host::plugin::{Plugin, PluginError};
use std::sync::Arc;

fn fails(source: &str, name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.c");
    std::fs::write(&path, source).unwrap();
    match Plugin::load(&build_c(&path, name, &[])) {
        Ok(plugin) => panic!("{} was loaded", plugin.id()),
        Err(error) => error.to_string(),
    }
}

/// A plugin whose entry has these fields.
fn entry(fields: &str, more: &str) -> String {
    format!(
        "#include <selfsame_plugin.h>\n{more}\nSS_EXPORT const SsEntry selfsame_plugin_entry = {{.magic = SS_MAGIC, \
         .abi_major = SS_ABI_MAJOR, .abi_minor = SS_ABI_MINOR, .struct_size = sizeof(SsEntry), {fields}}};\n"
    )
}

#[test]
fn a_plugin_tells_who_it_is() {
    let plugin = samples();
    assert_eq!(plugin.id(), "selfsame-samples");
    assert_eq!(plugin.version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(plugin.doc(), "Sample nodes of every kind, as a plugin");
    assert_eq!((plugin.authors(), plugin.license()), ("The Selfsame developers", "MIT OR Apache-2.0"));
    assert!(plugin.build_info().unwrap().starts_with("selfsame-sdk "));
    assert_eq!(plugin.digest().len(), 64);
}

#[test]
fn a_library_is_loaded_once() {
    assert!(Arc::ptr_eq(&samples(), &samples()));
    let mut nodes = Nodes::built_in();
    nodes.add_plugin(&samples()).unwrap();
    let before = nodes.descriptors().count();
    let error = nodes.add_plugin(&samples()).unwrap_err().to_string();
    assert_eq!(error, "`Posterize` names both com.example.posterize and com.example.posterize");
    assert_eq!(nodes.descriptors().count(), before);
}

#[test]
fn what_is_no_library_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.so");
    let load = || Plugin::load(&path).map(|plugin| panic!("{}", plugin.id())).unwrap_err();
    assert!(matches!(load(), PluginError::Unreadable(_)));
    std::fs::write(&path, "no library").unwrap();
    assert!(matches!(load(), PluginError::NotLoaded(_)));
    let whole = std::fs::read(library("selfsame-samples")).unwrap();
    std::fs::write(&path, &whole[..200]).unwrap();
    assert!(matches!(load(), PluginError::NotLoaded(_)));
    assert!(matches!(Plugin::load(folder.path()), Err(PluginError::Unreadable(_))));
}

#[test]
fn an_entry_must_be_there_and_fit() {
    assert_eq!(fails("int x;", "no_entry"), "it is no Selfsame plugin: it exports no `selfsame_plugin_entry`");
    assert_eq!(
        fails(&entry(".magic = 7,", "").replace(".magic = SS_MAGIC,", ""), "magic"),
        "it does not start like the entry of a Selfsame plugin"
    );
    let version = entry(".build_info = \"cc 99\",", "").replace(".abi_major = SS_ABI_MAJOR", ".abi_major = 99");
    assert!(fails(&version, "major").starts_with("it was built for version 99."));
    assert!(fails(&version, "major2").ends_with(" (built by cc 99)"));
    assert!(fails(&entry(".min_host_minor = 999,", ""), "minor").starts_with("it needs version "));
    let size = |size: &str| entry("", "").replace("sizeof(SsEntry)", size);
    assert_eq!(fails(&size("0"), "size"), "its entry of 0 bytes is too short");
    assert_eq!(fails(&size("100000"), "size2"), "it lacks the function `get_interface`");
    assert!(
        fails("extern int nobody_has_this; int *x(void) { return &nobody_has_this; }", "import")
            .starts_with("cannot be loaded")
    );
}

#[test]
fn a_plugin_that_does_not_start_is_told() {
    let init = "static SsStatus init(const SsHost *host, SsStr folder) { return host && folder.len ? 5 : 0; }";
    assert_eq!(fails(&entry(".init = init,", init), "init"), "it does not start (status 5)");
}

const INTERFACES: &str = "\
static const SsPluginInfo info = {.struct_size = sizeof(SsPluginInfo), .id = SS_LIT(\"p\"), .version = SS_LIT(\"1\")};
static const void *get(SsStr id) {
    return ss_str_is(id, SS_PLUGIN_INFO) ? (const void *)&info : ss_str_is(id, SS_NODE_FACTORY) ? &factory : 0;
}";

#[test]
fn descriptions_must_be_readable() {
    let none = "static const void *get(SsStr id) { (void)id; return 0; }";
    assert_eq!(
        fails(&entry(".get_interface = get,", none), "none"),
        "it lacks a description of itself (`selfsame.plugin_info/1`)"
    );
    let factory = |text: &str| entry(".get_interface = get,", &format!("{text}\n{INTERFACES}"));
    let cut = "static const SsNodeFactory factory = {.struct_size = 8};";
    assert_eq!(fails(&factory(cut), "cut"), "it lacks node types (`selfsame.node_factory/1`)");
    let many = "static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .n_types = 1u << 31};";
    assert_eq!(fails(&factory(many), "many"), "its node types: 2147483648 of them, more than 10000");
    let null = "static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory), .n_types = 2};";
    assert_eq!(fails(&factory(null), "null"), "its node types: 2 elements at the address 0x0");
    let name = factory(cut).replace("SS_LIT(\"p\")", "SS_LIT(\"../p\")");
    assert_eq!(fails(&name, "name"), "its id: \"../p\" is not like `acme-filters` or `com.acme.filters`");

    let node = |fields: &str| {
        factory(&format!(
            "static const SsNodeDescriptor d = {{.struct_size = sizeof(SsNodeDescriptor), .id = SS_LIT(\"a.b\"), {fields}}};\n\
             static const SsNodeType t = {{.struct_size = sizeof(SsNodeType), .descriptor = &d}};\n\
             static const SsNodeType *const types[] = {{&t}};\n\
             static const SsNodeFactory factory = {{.struct_size = sizeof(SsNodeFactory), .types = types, .n_types = 1}};"
        ))
    };
    assert_eq!(fails(&node(""), "run"), "node a.b: it has no function `run`");
    assert_eq!(fails(&node(".doc = SS_LIT(\"\\xff\")"), "utf8"), "node a.b: a text is not UTF-8");
    assert_eq!(fails(&node(".n_inputs = 1000000"), "ports"), "node a.b: 1000000 inputs, more than 1000");
    assert_eq!(fails(&node(".title = {0, 5}"), "far"), "node a.b: 5 elements at the address 0x0");
    let short = node("").replace(".struct_size = sizeof(SsNodeDescriptor)", ".struct_size = 40");
    assert_eq!(fails(&short, "short"), "node a.b: the descriptor ends before `name`");
}

#[test]
fn ids_of_the_host_are_its_own() {
    let source = std::fs::read_to_string(file("examples/c_plugin/vignette.c")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.c");
    std::fs::write(&path, source.replace("org.example.vignette", "core.image.vignette")).unwrap();
    let plugin = Plugin::load(&build_c(&path, "core_id", &[])).unwrap();
    assert_eq!(
        Nodes::built_in().add_plugin(&plugin).unwrap_err().to_string(),
        "node type \"core.image.vignette\" is not sound: ids that start with `core.` are the host's"
    );
}
