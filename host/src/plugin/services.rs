//! The functions that the host lends to plugins.

use super::context::{Building, Failure, Lent};
use super::interfaces;
use selfsame_sdk::ffi::abi::*;
use selfsame_sdk::ffi::{
    Blob, Exported, MOST_BYTES, adopt, export, from_status, import, import_owned, named_struct, named_tensor, slice,
    text, texts, to_status, type_of_plugin,
};
use selfsame_sdk::{Error, Image, Level, Result, Status, Tensor, Value, panics};
use std::any::Any;
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;

/// What every plugin may ask.
pub static HOST: SsHost = SsHost {
    struct_size: size_of::<SsHost>() as u32,
    abi_major: SS_ABI_MAJOR,
    abi_minor: SS_ABI_MINOR,
    name: SsStr::new(concat!("selfsame ", env!("CARGO_PKG_VERSION"))),
    log: Some(log),
    progress: Some(progress),
    cancelled: Some(cancelled),
    fail: Some(fail),
    last_error: Some(last_error),
    preview: Some(preview),
    path: Some(path),
    model: Some(model),
    reads: Some(reads),
    save: Some(save),
    metadata: Some(metadata),
    shared: Some(shared),
    tensor_new: Some(tensor_new),
    tensor_finish: Some(tensor_finish),
    tensor_drop: Some(tensor_drop),
    tensor_import: Some(tensor_import),
    string_new: Some(string_new),
    bytes_new: Some(bytes_new),
    list_new: Some(list_new),
    struct_new: Some(struct_new),
    get_interface: Some(get_interface),
};

/// The one place where a plugin calls into the host: closed contexts are refused, panics caught, errors kept.
///
/// # Safety
/// The pointer is null or that of a context.
pub(super) unsafe fn lend(ctx: *mut SsCtx, call: impl FnOnce(&Lent) -> Result<()>) -> SsStatus {
    // SAFETY: the caller promises it.
    let Some(lent) = (unsafe { Lent::of(ctx) }) else { return SS_STATUS_ABI };
    match panics::catch(|| call(&lent)) {
        Ok(()) => SS_STATUS_OK,
        Err(error) => {
            let status = to_status(error.status);
            lent.set_last_error(error);
            status
        }
    }
}

/// For functions without a context: there is nobody to tell why.
fn without_ctx(call: impl FnOnce() -> Result<()>) -> SsStatus {
    panics::catch(call).map_or_else(|error| to_status(error.status), |()| SS_STATUS_OK)
}

/// Gives a value to the plugin.
///
/// # Safety
/// The pointer is null or a value can be written there.
pub(super) unsafe fn give(value: &Value, out: *mut SsValue) -> Result<()> {
    if out.is_null() {
        return Err(Error::with(Status::InvalidArgument, "there is no place for the result"));
    }
    // SAFETY: the caller promises it.
    unsafe { out.write(export(value).into_raw()) };
    Ok(())
}

fn text_value(text: &str) -> Value {
    Value::Text(text.into())
}

fn path_value(path: &Path) -> Result<Value> {
    let text = path.to_str().ok_or_else(|| {
        Error::new(format!("the path {} is not Unicode, so that no plugin can be given it", path.display()))
    })?;
    Ok(text_value(text))
}

unsafe extern "C" fn log(ctx: *mut SsCtx, level: u32, message: SsStr) {
    // SAFETY: the plugin lends its context and texts, here and below.
    unsafe {
        lend(ctx, |call| {
            let level = match level {
                SS_LOG_DEBUG => Level::Debug,
                SS_LOG_WARN => Level::Warn,
                _ => Level::Info,
            };
            call.services.log(level, text(message)?);
            Ok(())
        });
    }
}

unsafe extern "C" fn progress(ctx: *mut SsCtx, done: u64, total: u64, label: SsStr) {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            call.services.progress(done, total, text(label)?);
            Ok(())
        });
    }
}

unsafe extern "C" fn cancelled(ctx: *mut SsCtx) -> u8 {
    let mut is_cancelled = false;
    let look = |call: &Lent| {
        is_cancelled = call.services.is_cancelled();
        Ok(())
    };
    // SAFETY: as above. Whatever runs on after its call should stop.
    let is_over = unsafe { lend(ctx, look) } != SS_STATUS_OK;
    u8::from(is_over || is_cancelled)
}

unsafe extern "C" fn fail(ctx: *mut SsCtx, status: SsStatus, message: SsStr, port: SsStr, hint: SsStr) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let words = |words: SsStr| text(words).unwrap_or("(not UTF-8)");
            let some = |words: &str| (!words.is_empty()).then(|| words.to_owned());
            let (port, hint) = (some(words(port)), some(words(hint)));
            call.set_failure(Failure { message: words(message).to_owned(), port, hint });
            Ok(())
        });
    }
    // Whoever fails does not go well.
    if status == SS_STATUS_OK { SS_STATUS_INTERNAL } else { status }
}

unsafe extern "C" fn last_error(ctx: *mut SsCtx, message: *mut SsValue, hint: *mut SsValue) {
    // SAFETY: the plugin lends its context; values can be written unless the pointers are null.
    unsafe {
        for out in [message, hint] {
            if !out.is_null() {
                out.write(SsValue::NULL);
            }
        }
        lend(ctx, |call| {
            let Some(error) = call.last_error() else { return Ok(()) };
            if !message.is_null() {
                give(&text_value(&error.to_string()), message)?;
            }
            match &error.hint {
                Some(words) if !hint.is_null() => give(&text_value(words), hint),
                _ => Ok(()),
            }
        });
    }
}

unsafe extern "C" fn preview(ctx: *mut SsCtx, image: SsValue) -> SsStatus {
    // SAFETY: the plugin lends its context and value.
    unsafe {
        lend(ctx, |call| {
            let image = import(image)?.and_then(|value| value.downcast::<Image>());
            let image = image.ok_or_else(|| Error::with(Status::InvalidArgument, "a preview is an IMAGE"))?;
            call.services.preview(&image);
            Ok(())
        })
    }
}

unsafe extern "C" fn path(ctx: *mut SsCtx, path: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: the plugin lends its context and texts, and a place for the result; so below.
    unsafe { lend(ctx, |call| give(&path_value(&call.services.path(text(path)?))?, out)) }
}

unsafe extern "C" fn model(ctx: *mut SsCtx, kind: SsStr, name: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe { lend(ctx, |call| give(&path_value(&call.services.model(text(kind)?, text(name)?)?)?, out)) }
}

unsafe extern "C" fn reads(ctx: *mut SsCtx, path: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let digest = call.services.reads(Path::new(text(path)?))?;
            if out.is_null() { Ok(()) } else { give(&text_value(&digest), out) }
        })
    }
}

unsafe extern "C" fn save(
    ctx: *mut SsCtx,
    name: SsStr,
    extension: SsStr,
    write: SsWriteFile,
    user: *mut c_void,
    out: *mut SsValue,
) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let write =
                write.ok_or_else(|| Error::with(Status::InvalidArgument, "there is no function that writes"))?;
            let mut contents = |file: &mut dyn std::io::Write| {
                let mut file = File { file, error: None };
                let sink = SsSink { user: (&raw mut file).cast(), write: Some(write_file) };
                let status = write(user, &sink);
                match (file.error, from_status(status)) {
                    (Some(error), _) => Err(error.into()),
                    (None, Some(status)) => Err(Error::with(status, "the contents of the file cannot be made")),
                    (None, None) => Ok(()),
                }
            };
            let saved = call.services.save(text(name)?, text(extension)?, &mut contents)?;
            if out.is_null() { Ok(()) } else { give(&path_value(&saved)?, out) }
        })
    }
}

struct File<'a> {
    file: &'a mut dyn std::io::Write,
    error: Option<std::io::Error>,
}

unsafe extern "C" fn write_file(user: *mut c_void, bytes: SsBytes) -> SsStatus {
    // SAFETY: `user` is the file that `save` has lent; the plugin lends its bytes.
    let (file, bytes) = unsafe { (&mut *user.cast::<File>(), slice(bytes.ptr, bytes.len)) };
    without_ctx(|| {
        let written = file.file.write_all(bytes?);
        let failed = written.is_err();
        file.error = written.err().or(file.error.take());
        if failed { Err(Error::new("not written")) } else { Ok(()) }
    })
}

unsafe extern "C" fn metadata(ctx: *mut SsCtx, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let pair = |(key, words): (String, String)| Value::list([text_value(&key), text_value(&words)]);
            give(&Value::list(call.services.metadata().into_iter().map(pair)), out)
        })
    }
}

unsafe extern "C" fn shared(
    ctx: *mut SsCtx,
    key: SsStr,
    make: SsMakeShared,
    user: *mut c_void,
    out: *mut SsValue,
) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let make =
                make.ok_or_else(|| Error::with(Status::InvalidArgument, "there is no function that makes it"))?;
            let key = format!("plugin {}\0{}", call.plugin, text(key)?);
            let mut make = || {
                let (mut made, mut bytes) = (SsValue::NULL, 0);
                let status = make(user, &mut made, &mut bytes);
                let made = Exported::from_raw(made);
                if let Some(status) = from_status(status) {
                    return Err(Error::with(status, "the shared resource cannot be made"));
                }
                let made = import_owned(made)?.ok_or_else(|| Error::new("nothing was made as a shared resource"))?;
                Ok((Arc::new(made) as Arc<dyn Any + Send + Sync>, bytes.min(MOST_BYTES)))
            };
            let shared = call.services.shared(&key, &mut make)?;
            let shared =
                shared.downcast::<Value>().map_err(|_| Error::new("the shared resource is of another kind"))?;
            give(&shared, out)
        })
    }
}

unsafe extern "C" fn tensor_new(
    ctx: *mut SsCtx,
    dtype: SsDLDataType,
    shape: *const i64,
    ndim: i32,
    device: SsDLDevice,
    out: *mut SsDLTensor,
    builder: *mut *mut SsTensorBuilder,
) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let invalid = |message: String| Err(Error::with(Status::InvalidArgument, message));
            if out.is_null() || builder.is_null() || !(0..=SS_MAX_DIMS).contains(&ndim) {
                return invalid(format!("no tensor of {ndim} dimensions can be made there"));
            }
            if dtype != SsDLDataType::F32 || device.device_type != SS_DL_CPU {
                let message = format!("{dtype:?} on {device:?}: the host makes tensors of f32 in main memory");
                return Err(Error::with(Status::Unsupported, message));
            }
            let shape = slice(shape, ndim as u64)?.to_vec();
            let length = |count: u64, dim: &i64| count.checked_mul(u64::try_from(*dim).ok()?);
            let Some(count) = shape.iter().try_fold(1, length).filter(|count| *count <= isize::MAX as u64 / 4) else {
                return invalid(format!("no tensor has the shape {shape:?}"));
            };
            let (number, shape, data) = call.add_builder(Building { shape, data: zeros(count as usize)? });
            out.write(SsDLTensor {
                data: data.cast(),
                device,
                ndim,
                dtype,
                shape,
                strides: std::ptr::null_mut(),
                byte_offset: 0,
            });
            builder.write(std::ptr::without_provenance_mut(number));
            Ok(())
        })
    }
}

/// Zeros that the system gives only when they are written to.
fn zeros(count: usize) -> Result<Vec<f32>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let fail = || Error::with(Status::OutOfMemory, format!("there is no memory for {count} numbers"));
    let layout = std::alloc::Layout::array::<f32>(count).map_err(|_| fail())?;
    // SAFETY: the layout is not empty, and is that of a vector of this capacity; f32 may be all zeros.
    unsafe {
        let data = std::alloc::alloc_zeroed(layout).cast::<f32>();
        if data.is_null() { Err(fail()) } else { Ok(Vec::from_raw_parts(data, count, count)) }
    }
}

unsafe extern "C" fn tensor_finish(
    ctx: *mut SsCtx,
    builder: *mut SsTensorBuilder,
    type_name: SsStr,
    out: *mut SsValue,
) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        lend(ctx, |call| {
            let Building { shape, data } = call.take_builder(builder.addr())?;
            let shape: Vec<usize> = shape.iter().map(|dim| *dim as usize).collect();
            give(&named_tensor(text(type_name)?, Tensor::new(shape, data)?)?, out)
        })
    }
}

unsafe extern "C" fn tensor_drop(ctx: *mut SsCtx, builder: *mut SsTensorBuilder) -> SsStatus {
    // SAFETY: as above.
    unsafe { lend(ctx, |call| call.take_builder(builder.addr()).map(drop)) }
}

unsafe extern "C" fn tensor_import(
    ctx: *mut SsCtx,
    tensor: *mut SsDLManagedTensor,
    type_name: SsStr,
    out: *mut SsValue,
) -> SsStatus {
    // SAFETY: the plugin gives its tensor, in any case; the rest as above.
    unsafe {
        let tensor = adopt(tensor);
        lend(ctx, |_| give(&named_tensor(text(type_name)?, tensor?)?, out))
    }
}

unsafe extern "C" fn string_new(words: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe { without_ctx(|| give(&text_value(text(words)?), out)) }
}

unsafe extern "C" fn bytes_new(type_name: SsStr, bytes: SsBytes, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        without_ctx(|| {
            let type_name = type_of_plugin(text(type_name)?)?;
            give(&Value::object(Blob { type_name, data: slice(bytes.ptr, bytes.len)?.into() }), out)
        })
    }
}

unsafe extern "C" fn list_new(values: *const SsValue, n: u64, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        without_ctx(|| {
            let nothing = || Error::with(Status::InvalidArgument, "a list holds no SS_NULL");
            let items = slice(values, n)?.iter().map(|value| import(*value)?.ok_or_else(nothing));
            give(&Value::list(items.collect::<Result<Vec<_>>>()?), out)
        })
    }
}

unsafe extern "C" fn struct_new(
    type_name: SsStr,
    names: SsStrs,
    values: *const SsValue,
    out: *mut SsValue,
) -> SsStatus {
    // SAFETY: as above.
    unsafe {
        without_ctx(|| {
            let values = slice(values, names.len)?;
            let field = |(name, value): (&str, &SsValue)| Ok((name.to_owned(), import(*value)?));
            let fields = texts(names)?.into_iter().zip(values).map(field).collect::<Result<Vec<_>>>()?;
            give(&named_struct(text(type_name)?, fields)?, out)
        })
    }
}

unsafe extern "C" fn get_interface(id: SsStr) -> *const c_void {
    // SAFETY: the plugin lends a text.
    interfaces::find(unsafe { text(id) }.unwrap_or_default())
}
