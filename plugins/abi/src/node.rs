//! Node types: descriptions as static data, and three functions.

use crate::{SsCtx, SsStatus, SsStr, SsStrs, SsValue};
use core::ffi::c_void;

/// The node types of a plugin: a SsNodeFactory.
pub const SS_NODE_FACTORY: &str = "selfsame.node_factory/1";

/// The node types of a plugin.
#[repr(C)]
pub struct SsNodeFactory {
    /// sizeof(SsNodeFactory).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The node types, in the order in which people read them.
    pub types: *const *const SsNodeType,
    /// How many there are.
    pub n_types: u64,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsNodeFactory {}

/// A type of node.
#[repr(C)]
pub struct SsNodeType {
    /// sizeof(SsNodeType).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// What it is to everybody else.
    pub descriptor: *const SsNodeDescriptor,
    /// Makes a node for a node of a graph. It may be null, then `run` gets a null node. `ctx` is valid only during the call.
    pub create:
        Option<unsafe extern "C" fn(node_type: *const SsNodeType, ctx: *mut SsCtx, node: *mut *mut c_void) -> SsStatus>,
    /// Computes the outputs, `n_outputs` values that are SS_NULL before, from the inputs, both in the order of the
    /// descriptor. Inputs have the types of their ports, and are SS_NULL where nothing is set. Inputs are borrowed for the
    /// call; outputs are given to the host. A node that fails says why with `ctx->host->fail`. One node is never called
    /// by two threads at a time; two nodes of a type are, unless it says SS_NODE_SERIAL.
    pub run: Option<
        unsafe extern "C" fn(
            node: *mut c_void,
            ctx: *mut SsCtx,
            inputs: *const SsValue,
            n_inputs: u64,
            outputs: *mut SsValue,
            n_outputs: u64,
        ) -> SsStatus,
    >,
    /// Ends a node. May be null.
    pub destroy: Option<unsafe extern "C" fn(node: *mut c_void)>,
    /// The interface of this name, or null. May be null.
    pub get_interface: Option<unsafe extern "C" fn(node_type: *const SsNodeType, id: SsStr) -> *const c_void>,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsNodeType {}

/// The same inputs may give another result: it runs every time.
pub const SS_NODE_NOT_DETERMINISTIC: u64 = 1;
/// It runs for its effect, such as a saved file, even when nothing is linked to it.
pub const SS_NODE_OUTPUT: u64 = 2;
/// It takes tensors on CUDA devices; without this the host hands it copies in main memory.
pub const SS_NODE_CUDA: u64 = 4;
/// It queues its CUDA work on the stream that it is given; without this the host waits before and after the call.
pub const SS_NODE_STREAM: u64 = 8;
/// Only one node of this type may run at a time.
pub const SS_NODE_SERIAL: u64 = 16;

/// Everything about a node except its functions: static data, which can be shown, compared and kept.
#[repr(C)]
pub struct SsNodeDescriptor {
    /// sizeof(SsNodeDescriptor).
    pub struct_size: u32,
    /// Raised whenever the same inputs give another result; starts at 1.
    pub version: u32,
    /// SS_NODE_*.
    pub flags: u64,
    /// The stable key, in reverse domain order: `com.acme.gain`. It never changes.
    pub id: SsStr,
    /// The type name that graphs write: `Gain`.
    pub name: SsStr,
    /// The name that people read: `Apply gain`. The name if it is empty.
    pub title: SsStr,
    /// Where it stands in the catalogue: `image/adjust`.
    pub category: SsStr,
    /// What it does. Markdown; the first sentence stands alone in lists.
    pub doc: SsStr,
    /// Set when graphs should stop using it: what to use instead.
    pub deprecated: SsStr,
    /// Former names and ids; graphs that use them still load.
    pub aliases: SsStrs,
    /// Words by which it is found besides its names.
    pub search_terms: SsStrs,
    /// What it takes, in the order in which people read it.
    pub inputs: *const *const SsInputPort,
    /// How many inputs there are.
    pub n_inputs: u64,
    /// What it gives.
    pub outputs: *const *const SsOutputPort,
    /// How many outputs there are.
    pub n_outputs: u64,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsNodeDescriptor {}

/// The node also works without a value. Such an input has no default.
pub const SS_INPUT_OPTIONAL: u32 = 1;
/// What feeds it is computed only if the node asks for it while it runs.
pub const SS_INPUT_LAZY: u32 = 2;
/// It takes a LIST of its type whole. A list that arrives at an input without this runs the node once for each element.
pub const SS_INPUT_LIST: u32 = 4;

/// What the type suggests.
pub const SS_WIDGET_AUTO: u32 = 0;
/// No widget: only links.
pub const SS_WIDGET_NONE: u32 = 1;
/// A number field.
pub const SS_WIDGET_NUMBER: u32 = 2;
/// A slider over the soft range.
pub const SS_WIDGET_SLIDER: u32 = 3;
/// On or off.
pub const SS_WIDGET_TOGGLE: u32 = 4;
/// One of the choices.
pub const SS_WIDGET_COMBO: u32 = 5;
/// One line of text.
pub const SS_WIDGET_TEXT: u32 = 6;
/// Several lines of text.
pub const SS_WIDGET_MULTILINE: u32 = 7;
/// An INT of 64 random bits.
pub const SS_WIDGET_SEED: u32 = 8;
/// A STRING `#rrggbb` or `#rrggbbaa`.
pub const SS_WIDGET_COLOR: u32 = 9;
/// A STRING that names an existing file; `widget_args` are its extensions without the dot, none for any.
pub const SS_WIDGET_FILE: u32 = 10;
/// A STRING that names an existing folder.
pub const SS_WIDGET_FOLDER: u32 = 11;
/// A STRING that names a model; the one of `widget_args` is the kind of its folder: `checkpoints`, `loras`.
pub const SS_WIDGET_MODEL: u32 = 12;

/// One input of a node.
#[repr(C)]
pub struct SsInputPort {
    /// sizeof(SsInputPort).
    pub struct_size: u32,
    /// SS_INPUT_*.
    pub flags: u32,
    /// The stable key by which graphs set it: `guidance_scale`.
    pub name: SsStr,
    /// The type, of one element with SS_INPUT_LIST: `IMAGE`, `FLOAT`, `A|B`, `LIST<IMAGE>`, `*` for anything.
    pub type_name: SsStr,
    /// What it does, with shapes and units. Markdown.
    pub doc: SsStr,
    /// Former names; graphs that use them still load.
    pub aliases: SsStrs,
    /// The value when the graph sets none; null for none.
    pub default_value: *const SsLiteral,
    /// Numbers beyond these bounds are errors; null for none.
    pub hard: *const SsRange,
    /// The bounds of a slider; numbers beyond them are unusual, not wrong; null for none.
    pub soft: *const SsRange,
    /// How far one click moves the number; 0 for none.
    pub step: f64,
    /// The unit of the number: `px`, `s`, `deg`.
    pub unit: SsStr,
    /// The only texts it takes, if there are any here.
    pub choices: SsStrs,
    /// SS_WIDGET_*. An unknown one counts as SS_WIDGET_AUTO.
    pub widget: u32,
    /// 0.
    pub reserved: u32,
    /// What belongs to the widget.
    pub widget_args: SsStrs,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsInputPort {}

/// One output of a node.
#[repr(C)]
pub struct SsOutputPort {
    /// sizeof(SsOutputPort).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// The stable key by which graphs link it: `image`.
    pub name: SsStr,
    /// The type of the value.
    pub type_name: SsStr,
    /// What it is, with shapes and units. Markdown.
    pub doc: SsStr,
    /// Former names; graphs that use them still load.
    pub aliases: SsStrs,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsOutputPort {}

/// Bounds of a number, both of which belong to the range; an infinite one is none.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SsRange {
    /// The smallest number.
    pub min: f64,
    /// The largest number.
    pub max: f64,
}

/// `i` is 0 or 1.
pub const SS_LITERAL_BOOL: u32 = 1;
/// `i`.
pub const SS_LITERAL_INT: u32 = 2;
/// `f`.
pub const SS_LITERAL_FLOAT: u32 = 3;
/// `text`.
pub const SS_LITERAL_STRING: u32 = 4;
/// `items`.
pub const SS_LITERAL_LIST: u32 = 5;
/// The u64 with the bits of `i`, for seeds of 2^63 and more.
pub const SS_LITERAL_UINT: u32 = 6;

/// A value as a graph file can write it. Only the field that belongs to the tag counts.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SsLiteral {
    /// SS_LITERAL_*.
    pub tag: u32,
    /// 0.
    pub zero: u32,
    /// An integer or a truth value.
    pub i: i64,
    /// A number.
    pub f: f64,
    /// A text.
    pub text: SsStr,
    /// The elements of a list.
    pub items: *const SsLiteral,
    /// How many there are.
    pub n_items: u64,
}

// SAFETY: it is read only, and what it points at is static.
unsafe impl Sync for SsLiteral {}
