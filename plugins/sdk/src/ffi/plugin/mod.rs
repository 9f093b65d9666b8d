//! The side of a plugin: nodes of this crate as what the boundary wants.

pub(super) mod ctx;
mod describe;
pub(super) mod node;
#[cfg(test)]
mod tests;

pub use describe::leak as static_descriptor;

use super::abi::*;
use super::text::text;
use crate::{NodeType, panics};
use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

/// A plugin. [`export_plugin!`](crate::export_plugin) implements it.
pub trait Plugin: 'static {
    /// Its name.
    const ID: &'static str;
    /// Its version.
    const VERSION: &'static str;
    /// What it is for.
    const DOC: &'static str;
    /// Who made it.
    const AUTHORS: &'static str;
    /// Its licence.
    const LICENSE: &'static str;
    /// Where to read more.
    const HOMEPAGE: &'static str;

    /// What was made of it for the host, once it was asked for.
    fn made() -> &'static OnceLock<Made>;

    /// Its node types.
    fn nodes() -> Vec<Arc<dyn NodeType>>;
}

/// What was made of a plugin for the host.
pub struct Made {
    info: SsPluginInfo,
    factory: SsNodeFactory,
}

// SAFETY: it is read only.
unsafe impl Send for Made {}

/// What a plugin exports.
pub const fn entry<P: Plugin>() -> SsEntry {
    SsEntry {
        magic: SS_MAGIC,
        abi_major: SS_ABI_MAJOR,
        abi_minor: SS_ABI_MINOR,
        // It runs on hosts of 1.0, too. A function or interface that such a host lacks is refused when a node asks for it: with
        // SS_STATUS_UNSUPPORTED and its name.
        min_host_minor: 0,
        flags: 0,
        struct_size: size_of::<SsEntry>() as u32,
        reserved: 0,
        build_info: concat!("selfsame-sdk ", env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast(),
        init: None,
        deinit: None,
        get_interface: Some(get_interface::<P>),
    }
}

unsafe extern "C" fn get_interface<P: Plugin>(id: SsStr) -> *const c_void {
    let made = panics::catch(|| Ok(P::made().get_or_init(make::<P>)));
    // SAFETY: the host lends a text.
    match (unsafe { text(id) }.unwrap_or_default(), made) {
        (SS_PLUGIN_INFO, Ok(made)) => (&raw const made.info).cast(),
        (SS_NODE_FACTORY, Ok(made)) => (&raw const made.factory).cast(),
        _ => std::ptr::null(),
    }
}

fn make<P: Plugin>() -> Made {
    // The node types live as long as the process.
    let types: Vec<*const SsNodeType> = P::nodes().into_iter().map(node::leak).collect();
    let types: &'static [*const SsNodeType] = types.leak();
    Made {
        info: SsPluginInfo {
            struct_size: size_of::<SsPluginInfo>() as u32,
            flags: 0,
            id: SsStr::new(P::ID),
            version: SsStr::new(P::VERSION),
            title: SsStr::new(P::ID),
            doc: SsStr::new(P::DOC),
            authors: SsStr::new(P::AUTHORS),
            license: SsStr::new(P::LICENSE),
            homepage: SsStr::new(P::HOMEPAGE),
        },
        factory: SsNodeFactory {
            struct_size: size_of::<SsNodeFactory>() as u32,
            flags: 0,
            types: types.as_ptr(),
            n_types: types.len() as u64,
        },
    }
}

/// Makes a dynamic library with these nodes a plugin: `export_plugin!(gain, resize);`, once, in its `lib.rs`. The plugin is
/// called like the package, and tells what stands in its `Cargo.toml`, which also needs
///
/// ```toml
/// [lib]
/// crate-type = ["cdylib"]
/// ```
///
/// Every plugin exports the same symbol, so that a program which compiles such packages in can link one of them.
#[macro_export]
macro_rules! export_plugin {
    ($($node:path),+ $(,)?) => {
        const _: () = {
            #[cfg(not(panic = "unwind"))]
            ::core::compile_error!("a plugin needs panic = \"unwind\": a panic would end the host");

            struct ThisPlugin;

            impl $crate::ffi::plugin::Plugin for ThisPlugin {
                const ID: &'static str = ::core::env!("CARGO_PKG_NAME");
                const VERSION: &'static str = ::core::env!("CARGO_PKG_VERSION");
                const DOC: &'static str = ::core::env!("CARGO_PKG_DESCRIPTION");
                const AUTHORS: &'static str = ::core::env!("CARGO_PKG_AUTHORS");
                const LICENSE: &'static str = ::core::env!("CARGO_PKG_LICENSE");
                const HOMEPAGE: &'static str = ::core::env!("CARGO_PKG_HOMEPAGE");

                fn made() -> &'static ::std::sync::OnceLock<$crate::ffi::plugin::Made> {
                    static MADE: ::std::sync::OnceLock<$crate::ffi::plugin::Made> = ::std::sync::OnceLock::new();
                    &MADE
                }

                fn nodes() -> ::std::vec::Vec<::std::sync::Arc<dyn $crate::NodeType>> {
                    $crate::nodes![$($node),+]
                }
            }

            #[unsafe(no_mangle)]
            #[allow(non_upper_case_globals)]
            pub static selfsame_plugin_entry: $crate::ffi::abi::SsEntry = $crate::ffi::plugin::entry::<ThisPlugin>();
        };
    };
}
