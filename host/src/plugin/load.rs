//! From a file to its node types.

use super::context::Pool;
use super::copy::PrivateCopy;
use super::describe;
use super::error::PluginError;
use super::float_mode::FloatMode;
use super::interfaces;
use super::library::{LibraryBytes, is_plugin_id};
use super::node::{ForeignType, Origin};
use super::services::HOST;
use crate::lock;
use libloading::Library;
use selfsame_sdk::NodeType;
use selfsame_sdk::ffi::abi::{self, *};
use selfsame_sdk::ffi::slice;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The most node types of a plugin.
const MAX_TYPES: u64 = 10_000;

/// A loaded plugin.
pub struct Plugin {
    path: PathBuf,
    origin: Arc<Origin>,
    about: About,
    nodes: Vec<Arc<dyn NodeType>>,
    is_isolated: bool,
}

/// What a plugin says of itself; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The name that people read.
    pub title: String,
    /// What it is for.
    pub doc: String,
    /// Who made it.
    pub authors: String,
    /// Its licence.
    pub license: String,
    /// Where to read more.
    pub homepage: String,
    /// What it was built by.
    pub build_info: Option<String>,
    /// The oldest minor version of the boundary that it can work with.
    pub min_minor: u16,
}

/// What has no slash would be looked for in the system's folders.
pub(super) fn whole_path(path: &Path) -> Result<PathBuf, PluginError> {
    std::path::absolute(path).map_err(|error| PluginError::Unreadable(error.to_string()))
}

impl Plugin {
    /// Loads a library, **running code of it**, and reads what it offers. A library that is loaded already is the same
    /// plugin again.
    ///
    /// # Errors
    /// If the file is no plugin, is for another version of the boundary, does not start, or describes itself wrongly.
    pub fn load(path: &Path) -> Result<Arc<Self>, PluginError> {
        Self::load_bytes(&LibraryBytes::read(path).map_err(PluginError::Unreadable)?)
    }

    /// Loads a library that was read already, **running code of it**: exactly these bytes, whatever is in the file by now.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_bytes(library: &LibraryBytes) -> Result<Arc<Self>, PluginError> {
        type Known = HashMap<(PathBuf, String), Arc<Plugin>>;
        static LOADED: Mutex<Option<Known>> = Mutex::new(None);
        selfsame_sdk::ffi::enter_by(interfaces::enter);
        let path = whole_path(&library.path)?;
        // Libraries that were built for fast arithmetic change it for the thread that loads them.
        let _float_mode = FloatMode::now();
        let key = (path.clone(), library.sha256.clone());
        let mut loaded = lock(&LOADED);
        let loaded = loaded.get_or_insert_default();
        if let Some(known) = loaded.get(&key) {
            return Ok(known.clone());
        }
        let entry = entry_of(library)?;
        let plugin = Arc::new(Self::read(path, entry, library.sha256.clone(), &HOST)?);
        loaded.insert(key, plugin.clone());
        Ok(plugin)
    }

    /// What a library with this entry offers, which is given this table of the host.
    pub(super) fn read(
        path: PathBuf,
        entry: &'static SsEntry,
        digest: String,
        host: &'static SsHost,
    ) -> Result<Self, PluginError> {
        // What does not start as an entry has nothing to be followed.
        let build_info = match entry.magic {
            // SAFETY: it is a part of every entry, and ends with NUL.
            SS_MAGIC => unsafe { c_text(entry.build_info) },
            _ => None,
        };
        entry.check().map_err(|unfit| PluginError::Unfit { unfit, build_info: build_info.clone() })?;
        let folder = path.parent().and_then(Path::to_str).unwrap_or_default();
        // SAFETY: `check` has seen that the table is whole; the text outlives the call, the table of the host everything.
        unsafe {
            if let Some(init) = entry.init {
                match init(host, SsStr::new(folder)) {
                    SS_STATUS_OK => {}
                    status => return Err(PluginError::Init(status)),
                }
            }
            let get_interface = entry.get_interface.ok_or(PluginError::Lacks("the function `get_interface`"))?;
            let interface = |id: &str| get_interface(SsStr::new(id));
            let (id, version, mut about) = read_info(interface(SS_PLUGIN_INFO).cast(), build_info)?;
            about.min_minor = entry.min_host_minor;
            let name = format!("{id} {version}");
            let origin = Arc::new(Origin { id, version, name, digest, contexts: Pool::new(host) });
            let nodes = read_types(interface(SS_NODE_FACTORY).cast(), &origin)?;
            Ok(Plugin { path, origin, about, nodes, is_isolated: false })
        }
    }

    /// A plugin whose nodes run elsewhere.
    #[cfg(target_os = "linux")]
    pub(super) fn elsewhere(
        path: PathBuf,
        [id, version, digest]: [String; 3],
        about: About,
        nodes: Vec<Arc<dyn NodeType>>,
    ) -> Self {
        let name = format!("{id} {version}");
        let origin = Arc::new(Origin { id, version, name, digest, contexts: Pool::new(&HOST) });
        Plugin { path, origin, about, nodes, is_isolated: true }
    }

    /// Whether its nodes run in a process of their own.
    pub fn is_isolated(&self) -> bool {
        self.is_isolated
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Its library.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its stable name.
    pub fn id(&self) -> &str {
        &self.origin.id
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.origin.version
    }

    /// The SHA-256 of its library, in hexadecimal digits.
    pub fn digest(&self) -> &str {
        &self.origin.digest
    }

    /// The name that people read; its id if it gives none.
    pub fn title(&self) -> &str {
        if self.about.title.is_empty() { self.id() } else { &self.about.title }
    }

    /// Its node types.
    pub fn nodes(&self) -> &[Arc<dyn NodeType>] {
        &self.nodes
    }
}

/// Opens a library, and gives what it exports.
pub(super) fn entry_of(library: &LibraryBytes) -> Result<&'static SsEntry, PluginError> {
    let library = open(library)?;
    // SAFETY: the symbol of a plugin is such a table, and a library is never unloaded.
    unsafe {
        let symbol = library.get::<*const SsEntry>(b"selfsame_plugin_entry\0").map_err(|_| PluginError::NoEntry)?;
        let entry: *const SsEntry = *symbol;
        entry.as_ref().filter(|_| entry.is_aligned()).ok_or(PluginError::NoEntry)
    }
}

/// Opens a library for good: all its symbols are bound now, and seen by nobody else.
fn open(library: &LibraryBytes) -> Result<ManuallyDrop<Library>, PluginError> {
    #[cfg(target_os = "linux")]
    super::elf::check(&library.bytes)?;
    let copy = PrivateCopy::new(&library.bytes)
        .map_err(|error| PluginError::NotLoaded(format!("there is no room for a copy of it: {error}")))?;
    let path = copy.path();
    // SAFETY: running the code of a plugin is what loading one means.
    let opened = unsafe {
        #[cfg(unix)]
        {
            use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
            Library::open(Some(&path), RTLD_NOW | RTLD_LOCAL).map(libloading::Library::from)
        }
        #[cfg(not(unix))]
        Library::new(&path)
    };
    // People know it by its own path.
    let named = |error: libloading::Error| {
        selfsame_sdk::Error::from(error).message.replace(&*path.to_string_lossy(), &library.path.to_string_lossy())
    };
    let opened = opened.map_err(|error| PluginError::NotLoaded(named(error)))?;
    copy.keep();
    Ok(ManuallyDrop::new(opened))
}

/// # Safety
/// If the pointer is not null, it is that of bytes that end with NUL.
unsafe fn c_text(text: *const std::ffi::c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: no byte after NUL is read.
    let bytes: Vec<u8> = (0..200).map(|i| unsafe { *text.add(i) } as u8).take_while(|byte| *byte != 0).collect();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// # Safety
/// If the pointer is not null, it is that of such a table.
unsafe fn read_info(
    info: *const SsPluginInfo,
    build_info: Option<String>,
) -> Result<(String, String, About), PluginError> {
    if info.is_null() {
        return Err(PluginError::Lacks("a description of itself (`selfsame.plugin_info/1`)"));
    }
    let read = |what: &str, found: Option<SsStr>| {
        // SAFETY: texts of a table live as long as the process.
        let text = unsafe { describe::static_text(found.unwrap_or(SsStr::EMPTY)) };
        let broken = |problem| PluginError::Broken { of: format!("its {what}"), problem };
        text.map(str::to_owned).map_err(|error| broken(error.message))
    };
    // SAFETY: the table starts with its size.
    unsafe {
        let id = read("id", abi::field!(info, SsPluginInfo, id))?;
        if !is_plugin_id(&id) {
            let problem = format!("{id:?} is not like `acme-filters` or `com.acme.filters`");
            return Err(PluginError::Broken { of: "its id".to_owned(), problem });
        }
        let about = About {
            title: read("title", abi::field!(info, SsPluginInfo, title))?,
            doc: read("doc", abi::field!(info, SsPluginInfo, doc))?,
            authors: read("authors", abi::field!(info, SsPluginInfo, authors))?,
            license: read("license", abi::field!(info, SsPluginInfo, license))?,
            homepage: read("homepage", abi::field!(info, SsPluginInfo, homepage))?,
            build_info,
            min_minor: 0,
        };
        Ok((id, read("version", abi::field!(info, SsPluginInfo, version))?, about))
    }
}

/// # Safety
/// If the pointer is not null, it is that of such a table.
unsafe fn read_types(
    factory: *const SsNodeFactory,
    origin: &Arc<Origin>,
) -> Result<Vec<Arc<dyn NodeType>>, PluginError> {
    let broken = |of: &str, problem: String| PluginError::Broken { of: of.to_owned(), problem };
    // SAFETY: the table starts with its size, and as many pointers are there as it says.
    let types = unsafe {
        let found = abi::field!(factory, SsNodeFactory, types).zip(abi::field!(factory, SsNodeFactory, n_types));
        let (types, count) = found.ok_or(PluginError::Lacks("node types (`selfsame.node_factory/1`)"))?;
        if count > MAX_TYPES {
            return Err(broken("its node types", format!("{count} of them, more than {MAX_TYPES}")));
        }
        slice(types, count).map_err(|error| broken("its node types", error.message))?
    };
    let read = |(i, table): (usize, &*const SsNodeType)| {
        // SAFETY: it is a table of a node type, which lives as long as the process.
        unsafe {
            let descriptor = abi::field!(*table, SsNodeType, descriptor).unwrap_or(std::ptr::null());
            let descriptor = describe::read(descriptor).map_err(|(id, problem)| {
                let of = if id.is_empty() { format!("node type number {i}") } else { format!("node {id}") };
                PluginError::Broken { of, problem }
            })?;
            let of = format!("node {}", descriptor.id);
            let node_type = ForeignType::new(*table, descriptor, origin.clone());
            Ok(Arc::new(node_type.map_err(|problem| PluginError::Broken { of, problem })?) as Arc<dyn NodeType>)
        }
    };
    types.iter().enumerate().map(read).collect()
}
