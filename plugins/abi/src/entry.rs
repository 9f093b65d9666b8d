//! What a plugin exports, and whether it fits a host.

use crate::{SsHost, SsStatus, SsStr};
use core::ffi::{c_char, c_void};
use core::fmt;

/// "SELFSAME", little-endian.
pub const SS_MAGIC: u64 = 0x454D_4153_464C_4553;
/// Changes when something breaks.
pub const SS_ABI_MAJOR: u16 = 1;
/// Changes when something is added.
pub const SS_ABI_MINOR: u16 = 1;

/// The one thing that a plugin exports: `const SsEntry selfsame_plugin_entry = { ... };`
///
/// It is data, so that a host can judge it before any function of the plugin runs. The first 32 bytes are the same in
/// every version there will ever be.
#[repr(C)]
pub struct SsEntry {
    /// SS_MAGIC.
    pub magic: u64,
    /// SS_ABI_MAJOR of the header that it was built with.
    pub abi_major: u16,
    /// SS_ABI_MINOR of the header that it was built with.
    pub abi_minor: u16,
    /// The oldest minor of a host that it can work with.
    pub min_host_minor: u16,
    /// 0.
    pub flags: u16,
    /// sizeof(SsEntry).
    pub struct_size: u32,
    /// 0.
    pub reserved: u32,
    /// What it was built by, for reports of mistakes; ends with NUL, at most 200 bytes. May be null.
    pub build_info: *const c_char,
    /// Called before anything else, perhaps several times. `host` stays valid for ever; `folder` is where the plugin's
    /// other files are. May be null.
    pub init: Option<unsafe extern "C" fn(host: *const SsHost, folder: SsStr) -> SsStatus>,
    /// Called when the process ends, if at all. May be null.
    pub deinit: Option<unsafe extern "C" fn()>,
    /// The interface of this name, or null. Hosts ask for SS_PLUGIN_INFO and SS_NODE_FACTORY.
    pub get_interface: Option<unsafe extern "C" fn(id: SsStr) -> *const c_void>,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsEntry {}

/// The interface that says who a plugin is: a SsPluginInfo.
pub const SS_PLUGIN_INFO: &str = "selfsame.plugin_info/1";

/// Who a plugin is. Only `id` and `version` have to be there.
#[repr(C)]
pub struct SsPluginInfo {
    /// sizeof(SsPluginInfo).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// Its stable name, such as `acme-filters` or `com.acme.filters`.
    pub id: SsStr,
    /// Such as `1.2.0`.
    pub version: SsStr,
    /// The name that people read.
    pub title: SsStr,
    /// What it is for, in a sentence.
    pub doc: SsStr,
    /// Who made it.
    pub authors: SsStr,
    /// The SPDX expression of its licence.
    pub license: SsStr,
    /// Where to read more.
    pub homepage: SsStr,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsPluginInfo {}

/// Why a plugin does not fit a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// It does not start with [`SS_MAGIC`].
    Magic,
    /// It was built for another major.
    Version {
        /// The major.
        major: u16,
        /// The minor.
        minor: u16,
    },
    /// It needs a newer minor.
    NeedsMinor(u16),
    /// Its table is shorter than the first one ever was.
    Size(u32),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HERE: (u16, u16) = (SS_ABI_MAJOR, SS_ABI_MINOR);
        match self {
            Unfit::Magic => f.write_str("it does not start like the entry of a Selfsame plugin"),
            Unfit::Version { major, minor } => {
                write!(
                    f,
                    "it was built for version {major}.{minor} of the plugin boundary, this is {}.{}",
                    HERE.0, HERE.1
                )
            }
            Unfit::NeedsMinor(minor) => {
                write!(f, "it needs version {}.{minor} of the plugin boundary, this is {}.{}", HERE.0, HERE.0, HERE.1)
            }
            Unfit::Size(size) => write!(f, "its entry of {size} bytes is too short"),
        }
    }
}

impl core::error::Error for Unfit {}

impl SsEntry {
    /// Whether a plugin with this entry can work with this version of the boundary. Only the first 32 bytes are read.
    ///
    /// Majors must be equal, and the plugin must not need a newer minor.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check(&self) -> Result<(), Unfit> {
        let (major, minor) = (self.abi_major, self.abi_minor);
        if self.magic != SS_MAGIC {
            return Err(Unfit::Magic);
        }
        if major != SS_ABI_MAJOR {
            return Err(Unfit::Version { major, minor });
        }
        if self.min_host_minor > SS_ABI_MINOR {
            return Err(Unfit::NeedsMinor(self.min_host_minor));
        }
        // All that there was in the first version; a plugin cannot do without it.
        if (self.struct_size as usize) < core::mem::offset_of!(SsEntry, get_interface) + size_of::<usize>() {
            return Err(Unfit::Size(self.struct_size));
        }
        Ok(())
    }
}
