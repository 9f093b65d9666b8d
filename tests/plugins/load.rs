//! Which libraries are plugins, and which are not. None of those that are not keeps a host from its work.

use crate::hazards::runs_well;
use crate::kit::*;
use selfsame_host::plugin::{Plugin, PluginError};
use selfsame_host::{HostSettings, Nodes, RunOptions};
use std::path::Path;
use std::sync::Arc;

/// A plugin whose entry has these fields, after some more source.
pub fn entry(fields: &str, more: &str) -> String {
    format!(
        "#include <selfsame_plugin.h>\n{more}\nSS_EXPORT const SsEntry selfsame_plugin_entry = {{.magic = SS_MAGIC, \
         .abi_major = SS_ABI_MAJOR, .abi_minor = SS_ABI_MINOR, .struct_size = sizeof(SsEntry), {fields}}};\n"
    )
}

/// A plugin with this id and these node types.
pub fn with_factory(id: &str, factory: &str) -> String {
    let interfaces = format!(
        "static const SsPluginInfo info = {{.struct_size = sizeof(SsPluginInfo), .id = SS_LIT(\"{id}\"), .version = SS_LIT(\"1\")}};\n\
         static const void *get(SsStr id) {{\n\
         return ss_str_is(id, SS_PLUGIN_INFO) ? (const void *)&info : ss_str_is(id, SS_NODE_FACTORY) ? &factory : 0; }}"
    );
    entry(".get_interface = get,", &format!("{factory}\n{interfaces}"))
}

/// Node types of which there are none.
pub const NO_NODES: &str = "static const SsNodeFactory factory = {.struct_size = sizeof(SsNodeFactory)};";

pub fn load(source: &str) -> Result<Arc<Plugin>, PluginError> {
    Plugin::load(&build_source(source))
}

pub fn fails(source: &str) -> String {
    load(source).map(|plugin| panic!("{} was loaded", plugin.id())).unwrap_err().to_string()
}

/// The nodes that come with Selfsame, and those of these plugins, do their work in one host.
pub fn host_works_with(plugins: &[&Plugin]) {
    let mut nodes = Nodes::built_in();
    plugins.iter().for_each(|plugin| nodes.add_plugin(plugin).unwrap());
    let settings = HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() };
    runs_well(&selfsame_host::Host::new(settings).unwrap());
}

#[test]
fn a_plugin_tells_who_it_is() {
    let plugin = samples();
    assert_eq!(plugin.id(), "selfsame-samples");
    assert_eq!(plugin.version(), env!("CARGO_PKG_VERSION"));
    let about = plugin.about();
    assert_eq!(about.doc, "Sample nodes of every kind, as a plugin");
    assert_eq!((&*about.authors, &*about.license), ("The Selfsame developers", "MIT OR Apache-2.0"));
    assert!(about.build_info.as_ref().unwrap().starts_with("selfsame-sdk "));
    assert_eq!(plugin.digest().len(), 64);
}

#[test]
fn what_is_no_library_of_this_machine_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.so");
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Plugin::load(&path).map(|plugin| panic!("{}", plugin.id())).unwrap_err()
    };
    let loading = |path: &Path| Plugin::load(path).map(|plugin| panic!("{}", plugin.id())).unwrap_err();
    assert!(matches!(loading(&path), PluginError::Unreadable(_)));
    assert!(matches!(loading(folder.path()), PluginError::Unreadable(_)));
    assert!(matches!(load(b""), PluginError::NotLoaded(_)));
    assert!(matches!(load(b"no library"), PluginError::NotLoaded(_)));
    let whole = std::fs::read(library("selfsame-samples")).unwrap();
    // Without a look at the file the system maps what is there, and the process ends at the first page that is not.
    for length in [10, 60, 200, 5000, whole.len() / 2] {
        assert!(matches!(load(&whole[..length]), PluginError::NotLoaded(_)), "{length}");
    }
    host_works_with(&[&samples()]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_library_of_another_machine_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.so");
    let whole = std::fs::read(library("selfsame-samples")).unwrap();
    let with = |at: usize, byte: u8| {
        let mut other = whole.clone();
        other[at] = byte;
        std::fs::write(&path, other).unwrap();
        Plugin::load(&path).map(|plugin| panic!("{}", plugin.id())).unwrap_err().to_string()
    };
    // The number of the PowerPC with 64 bits.
    assert!(
        with(18, 21).starts_with("cannot be loaded: it is for another processor (ELF machine 21; this program is for ")
    );
    assert_eq!(with(4, 1), "cannot be loaded: it is for another word size or byte order");
    assert_eq!(with(16, 2), "cannot be loaded: it is no dynamic library (ELF type 2; expected 3)");
    assert!(with(0, 0).starts_with("cannot be loaded: it is no dynamic library"));
    host_works_with(&[&samples()]);
}

#[test]
fn an_entry_must_be_there_and_fit() {
    assert_eq!(fails("int x;"), "it is no Selfsame plugin: it exports no `selfsame_plugin_entry`");
    // Whatever else stands there is not followed.
    let other = ".magic = 7, .build_info = (const char *)1,";
    assert_eq!(
        fails(&entry(other, "").replace(".magic = SS_MAGIC,", "")),
        "it does not start like the entry of a Selfsame plugin"
    );
    let major = |major: &str| entry(".build_info = \"cc 99\",", "").replace("SS_ABI_MAJOR", major);
    let (here, minor) = (selfsame_sdk::ffi::abi::SS_ABI_MAJOR, selfsame_sdk::ffi::abi::SS_ABI_MINOR);
    assert_eq!(
        fails(&major("99")),
        format!("it was built for version 99.{minor} of the plugin boundary, this is {here}.{minor} (built by cc 99)")
    );
    assert!(fails(&major("0")).starts_with("it was built for version 0."));
    assert!(fails(&entry(".min_host_minor = 999,", "")).starts_with("it needs version "));
    let size = |size: &str| entry("", "").replace("sizeof(SsEntry)", size);
    for cut in ["0", "32", "55"] {
        assert_eq!(fails(&size(cut)), format!("its entry of {cut} bytes is too short"));
    }
    // What a later version adds is of no account here.
    assert_eq!(fails(&size("4000000000u")), "it lacks the function `get_interface`");
    let later = with_factory("later", NO_NODES).replace("SS_ABI_MINOR", "700").replace("sizeof(SsEntry)", "5000");
    assert_eq!(load(&later).unwrap().id(), "later");
    let zeros = "__attribute__((visibility(\"default\"), aligned(8))) const char selfsame_plugin_entry[64];";
    assert_eq!(fails(zeros), "it does not start like the entry of a Selfsame plugin");
    if cfg!(target_os = "linux") {
        let odd = "__asm__(\".data\\n.balign 16\\n.byte 0\\n.globl selfsame_plugin_entry\\n\"\n\
            \"selfsame_plugin_entry: .zero 64\\n.text\\n\");";
        assert_eq!(fails(odd), "it is no Selfsame plugin: it exports no `selfsame_plugin_entry`");
    }
    host_works_with(&[&samples()]);
}

#[test]
fn what_a_library_needs_must_be_there() {
    let missing = fails("extern int nobody_has_this; int *x(void) { return &nobody_has_this; }");
    assert!(missing.starts_with("cannot be loaded: ") && missing.contains("nobody_has_this"), "{missing}");
    host_works_with(&[&samples()]);
}

#[test]
fn a_plugin_that_does_not_start_is_told() {
    let init = "static SsStatus init(const SsHost *host, SsStr folder) { return host && folder.len ? 5 : 0; }";
    assert_eq!(fails(&entry(".init = init,", init)), "it does not start (status 5)");
    let none = "static const void *get(SsStr id) { (void)id; return 0; }";
    assert_eq!(
        fails(&entry(".get_interface = get,", none)),
        "it lacks a description of itself (`selfsame.plugin_info/1`)"
    );
    host_works_with(&[&samples()]);
}

#[test]
fn texts_of_a_plugin_must_be_readable() {
    let id = |id: &str| fails(&with_factory("p", NO_NODES).replace("SS_LIT(\"p\")", id));
    for wrong in ["../p", "", "a b", ".p"] {
        let expected = format!("its id: {wrong:?} is not like `acme-filters` or `com.acme.filters`");
        assert_eq!(id(&format!("SS_LIT(\"{wrong}\")")), expected);
    }
    assert_eq!(id("SS_LIT(\"\\xff\\xfe\")"), "its id: a text is not UTF-8");
    assert_eq!(id("{0, 4}"), "its id: 4 elements at the address 0x0");
    assert_eq!(id("{\"p\", UINT64_MAX}"), "its id: a text of 18446744073709551615 bytes, more than 1048576");
    let version = with_factory("p", NO_NODES).replace("SS_LIT(\"1\")", "SS_LIT(\"\\xc3\")");
    assert_eq!(fails(&version), "its version: a text is not UTF-8");
    host_works_with(&[&samples()]);
}

#[test]
fn a_library_is_loaded_once() {
    assert!(Arc::ptr_eq(&samples(), &samples()));
    // Another copy of the file is another library, but no other plugin.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.so");
    std::fs::copy(library("selfsame-samples"), &path).unwrap();
    let copy = Plugin::load(&path).unwrap();
    assert!(!Arc::ptr_eq(&copy, &samples()));
    assert_eq!(copy.digest(), samples().digest());
    let mut nodes = Nodes::built_in();
    nodes.add_plugin(&samples()).unwrap();
    let before = nodes.descriptors().count();
    nodes.add_plugin(&samples()).unwrap();
    nodes.add_plugin(&copy).unwrap();
    assert_eq!(nodes.descriptors().count(), before);
    host_works_with(&[&samples(), &samples(), &copy]);
}

#[test]
fn two_plugins_have_two_ids() {
    let [one, other] = ["one", "another"].map(|marker| {
        load(&format!("const char *const marker = \"{marker}\";\n{}", with_factory("acme-twice", NO_NODES))).unwrap()
    });
    let mut nodes = Nodes::built_in();
    nodes.add_plugin(&one).unwrap();
    let error = nodes.add_plugin(&other).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("two plugins are called acme-twice: {} and {}", one.path().display(), other.path().display())
    );
    host_works_with(&[&one, &samples()]);
}

#[test]
fn ids_of_the_host_are_its_own() {
    let source = std::fs::read_to_string(file("examples/c_plugin/vignette.c")).unwrap();
    let plugin = load(&source.replace("org.example.vignette", "core.image.vignette")).unwrap();
    assert_eq!(
        Nodes::built_in().add_plugin(&plugin).unwrap_err().to_string(),
        "node type \"core.image.vignette\" is not sound: ids that start with `core.` are the host's"
    );
    host_works_with(&[&samples()]);
}

/// A library that is replaced while it is loaded stays as it was, and the new one is another plugin to whoever loads it.
#[test]
fn a_library_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.so");
    std::fs::copy(library("selfsame-samples"), &path).unwrap();
    let plugin = Plugin::load(&path).unwrap();
    let next = folder.path().join("next.so");
    std::fs::copy(library("selfsame-fixtures"), &next).unwrap();
    std::fs::rename(next, &path).unwrap();
    let (host, graph) = (host(&plugin), graph("\"n\": CountCalls(value: 1)", "n.count"));
    let outcome = run_with(&host, folder.path(), &graph, &RunOptions::default(), &());
    assert!(matches!(output(&outcome), selfsame_sdk::Value::Int(1)));
    let other = Plugin::load(&path).unwrap();
    assert_eq!((plugin.id(), other.id()), ("selfsame-samples", "selfsame-fixtures"));
    assert_eq!(plugin.digest(), samples().digest());
    assert_eq!(other.digest(), Plugin::load(&library("selfsame-fixtures")).unwrap().digest());
    host_works_with(&[&plugin, &other]);
}
