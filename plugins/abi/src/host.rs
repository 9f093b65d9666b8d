//! What a plugin may ask of the host.

use crate::{SsDLDataType, SsDLDevice, SsDLManagedTensor, SsDLTensor, SsSink, SsStatus, SsStr, SsStrs, SsValue};
use core::ffi::c_void;

/// For whoever looks for a mistake.
pub const SS_LOG_DEBUG: u32 = 0;
/// For whoever watches.
pub const SS_LOG_INFO: u32 = 1;
/// Something is probably not as meant, though the node goes on.
pub const SS_LOG_WARN: u32 = 2;

/// A node's way to the host. It is valid only during the call that it is an argument of; afterwards every function says
/// SS_STATUS_ABI.
#[repr(C)]
pub struct SsCtx {
    /// sizeof(SsCtx).
    pub struct_size: u32,
    /// 0.
    pub flags: u32,
    /// What it may ask; never null.
    pub host: *const SsHost,
    /// The host's.
    pub host_data: *mut c_void,
    /// The id of the node in the graph.
    pub node_id: SsStr,
    /// Where tensors are taken and given: SS_DL_CPU, or the device of the run for a node that says SS_NODE_CUDA. Hosts of this
    /// version always say SS_DL_CPU.
    pub device: SsDLDevice,
    /// On CUDA: the CUcontext, current in the calling thread.
    pub cu_context: *mut c_void,
    /// On CUDA: the CUstream of the run, never the default one. When a call begins, all inputs are there in its order; when
    /// it ends, everything must be queued on it that writes to outputs. Nobody waits for the whole device.
    pub cu_stream: *mut c_void,
}

/// A tensor that is being made.
#[repr(C)]
pub struct SsTensorBuilder {
    _private: [u8; 0],
}

/// Makes a shared resource: gives it, and the bytes of memory that it takes.
pub type SsMakeShared = Option<unsafe extern "C" fn(user: *mut c_void, out: *mut SsValue, bytes: *mut u64) -> SsStatus>;

/// Writes the contents of a file.
pub type SsWriteFile = Option<unsafe extern "C" fn(user: *mut c_void, file: *const SsSink) -> SsStatus>;

/// What a plugin may ask of the host. Functions with a `ctx` may be called from any thread while the call lasts, those
/// without at any time.
#[repr(C)]
pub struct SsHost {
    /// sizeof(SsHost) of the host.
    pub struct_size: u32,
    /// SS_ABI_MAJOR of the host.
    pub abi_major: u16,
    /// SS_ABI_MINOR of the host.
    pub abi_minor: u16,
    /// Name and version of the host.
    pub name: SsStr,

    /// Tells whoever watches; `level` is SS_LOG_*.
    pub log: Option<unsafe extern "C" fn(ctx: *mut SsCtx, level: u32, message: SsStr)>,
    /// Tells how far the node is: `done` of `total` units, such as steps. It may go backwards.
    pub progress: Option<unsafe extern "C" fn(ctx: *mut SsCtx, done: u64, total: u64, label: SsStr)>,
    /// 1 once the run was cancelled. A node that works longer than an instant looks now and then, and returns
    /// SS_STATUS_CANCELLED.
    pub cancelled: Option<unsafe extern "C" fn(ctx: *mut SsCtx) -> u8>,
    /// Says why the call fails: what went wrong, the input that is to blame (or empty), and what to do about it (or empty).
    /// Gives `status` back, so that a function can end with `return ctx->host->fail(...)`.
    pub fail: Option<
        unsafe extern "C" fn(ctx: *mut SsCtx, status: SsStatus, message: SsStr, port: SsStr, hint: SsStr) -> SsStatus,
    >,
    /// Why the last function of this call that failed did: a STRING, and what to do about it, a STRING or SS_NULL. Both may be
    /// null pointers.
    pub last_error: Option<unsafe extern "C" fn(ctx: *mut SsCtx, message: *mut SsValue, hint: *mut SsValue)>,
    /// Shows an IMAGE of what is being made.
    pub preview: Option<unsafe extern "C" fn(ctx: *mut SsCtx, image: SsValue) -> SsStatus>,

    /// A path as the graph means it: relative ones start at the folder of the graph file. Gives a STRING.
    pub path: Option<unsafe extern "C" fn(ctx: *mut SsCtx, path: SsStr, out: *mut SsValue) -> SsStatus>,
    /// The path of the model of this name in the folders for a kind (`checkpoints`, `loras`, ...). Gives a STRING.
    pub model: Option<unsafe extern "C" fn(ctx: *mut SsCtx, kind: SsStr, name: SsStr, out: *mut SsValue) -> SsStatus>,
    /// Says that the result depends on what is in a file, so that it is made again when the file changes. Every file that a
    /// node reads must be told. Gives the digest of the contents, a STRING; `out` may be null.
    pub reads: Option<unsafe extern "C" fn(ctx: *mut SsCtx, path: SsStr, out: *mut SsValue) -> SsStatus>,
    /// Saves a file in the output folder as `name_0001.extension`, with the next free number. Gives its path, a STRING;
    /// `out` may be null.
    pub save: Option<
        unsafe extern "C" fn(
            ctx: *mut SsCtx,
            name: SsStr,
            extension: SsStr,
            write: SsWriteFile,
            user: *mut c_void,
            out: *mut SsValue,
        ) -> SsStatus,
    >,
    /// What a saved file should carry: a LIST of LISTs of two STRINGs, keyword and text.
    pub metadata: Option<unsafe extern "C" fn(ctx: *mut SsCtx, out: *mut SsValue) -> SsStatus>,
    /// A resource that every node of this plugin with the same key shares, such as the weights of a model file: made once,
    /// kept while the memory budget allows, made again when it was given up. The key must name everything that it depends
    /// on: take digests of files from `reads`.
    pub shared: Option<
        unsafe extern "C" fn(
            ctx: *mut SsCtx,
            key: SsStr,
            make: SsMakeShared,
            user: *mut c_void,
            out: *mut SsValue,
        ) -> SsStatus,
    >,

    /// A tensor of the host's memory, zeroed, for the plugin to fill: nothing is copied when it is finished. `shape` has
    /// `ndim` dimensions; `out` describes the memory, row-major. What is not finished when the call ends is freed.
    pub tensor_new: Option<
        unsafe extern "C" fn(
            ctx: *mut SsCtx,
            dtype: SsDLDataType,
            shape: *const i64,
            ndim: i32,
            device: SsDLDevice,
            out: *mut SsDLTensor,
            builder: *mut *mut SsTensorBuilder,
        ) -> SsStatus,
    >,
    /// Makes a value of a filled tensor, of type TENSOR, IMAGE or MASK; nobody writes to it from now on.
    pub tensor_finish: Option<
        unsafe extern "C" fn(
            ctx: *mut SsCtx,
            builder: *mut SsTensorBuilder,
            type_name: SsStr,
            out: *mut SsValue,
        ) -> SsStatus,
    >,
    /// Frees a tensor that was not finished.
    pub tensor_drop: Option<unsafe extern "C" fn(ctx: *mut SsCtx, builder: *mut SsTensorBuilder) -> SsStatus>,
    /// Makes a value, of type TENSOR, IMAGE or MASK, of memory of the plugin. The host takes the tensor over in any case,
    /// and calls its deleter once, from any thread. Nothing is copied if it is f32, in main memory, row-major without gaps.
    pub tensor_import: Option<
        unsafe extern "C" fn(
            ctx: *mut SsCtx,
            tensor: *mut SsDLManagedTensor,
            type_name: SsStr,
            out: *mut SsValue,
        ) -> SsStatus,
    >,

    /// A STRING with a copy of a text.
    pub string_new: Option<unsafe extern "C" fn(text: SsStr, out: *mut SsValue) -> SsStatus>,
    /// Bytes of a type of the plugin's, copied.
    pub bytes_new: Option<unsafe extern "C" fn(type_name: SsStr, bytes: crate::SsBytes, out: *mut SsValue) -> SsStatus>,
    /// A LIST of values, which are retained.
    pub list_new: Option<unsafe extern "C" fn(values: *const SsValue, n: u64, out: *mut SsValue) -> SsStatus>,
    /// A struct of a type, LATENT or one of the plugin's, with names and as many values, which are retained.
    pub struct_new: Option<
        unsafe extern "C" fn(type_name: SsStr, names: SsStrs, values: *const SsValue, out: *mut SsValue) -> SsStatus,
    >,

    /// The interface of this name, or null: everything that comes later.
    pub get_interface: Option<unsafe extern "C" fn(id: SsStr) -> *const c_void>,
}

// SAFETY: it is read only.
unsafe impl Sync for SsHost {}
