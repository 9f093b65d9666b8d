//! Whatever the other side gives is read or refused: values that were made at random, and nodes that are called wrongly.

use super::abi::*;
use super::plugin::leak;
use super::*;
use crate::prelude::*;
use crate::{Inputs, Node, NodeDescriptor, NodeType, OutputPort};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An object whose parts are as good or bad as chance will have it. It counts its holders.
#[repr(C)]
struct Odd {
    head: SsObj,
    name: &'static str,
    holders: AtomicI64,
    shape: Vec<i64>,
    strides: Option<Vec<i64>>,
    numbers: Vec<f32>,
    dtype: SsDLDataType,
    device: i32,
    items: Vec<SsValue>,
    length: u64,
    status: SsStatus,
}

/// # Safety
/// The object is one of this file, and alive.
unsafe fn odd<'a>(o: *mut SsObj) -> &'a Odd {
    // SAFETY: the caller promises it.
    unsafe { &*o.cast::<Odd>() }
}

unsafe extern "C" fn retain(o: *mut SsObj) {
    // SAFETY: it is such an object, here and below.
    unsafe { odd(o) }.holders.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn release(o: *mut SsObj) {
    // SAFETY: as above.
    unsafe { odd(o) }.holders.fetch_sub(1, Ordering::Relaxed);
}

unsafe extern "C" fn type_name(o: *mut SsObj) -> SsStr {
    // SAFETY: as above.
    SsStr::new(unsafe { odd(o) }.name)
}

unsafe extern "C" fn get_interface(o: *mut SsObj, id: SsStr) -> *const c_void {
    // SAFETY: as above, and the caller lends a text.
    match unsafe { (odd(o).status, text(id)) } {
        // Sometimes there is nothing.
        (SS_STATUS_ABI, _) => std::ptr::null(),
        (_, Ok(SS_TENSOR)) => (&raw const TENSOR).cast(),
        (_, Ok(SS_LIST)) => (&raw const LIST).cast(),
        (_, Ok(SS_STRUCT)) => (&raw const FIELDS).cast(),
        _ => std::ptr::null(),
    }
}

static VT: SsObjVt = SsObjVt {
    struct_size: size_of::<SsObjVt>() as u32,
    flags: 0,
    retain: Some(retain),
    release: Some(release),
    type_name: Some(type_name),
    get_interface: Some(get_interface),
};
static TENSOR: SsTensor =
    SsTensor { struct_size: size_of::<SsTensor>() as u32, flags: 0, describe: Some(describe), export_dlpack: None };
static LIST: SsList = SsList { struct_size: size_of::<SsList>() as u32, flags: 0, len: Some(len), get: Some(get) };
static FIELDS: SsStruct =
    SsStruct { struct_size: size_of::<SsStruct>() as u32, flags: 0, len: None, name: None, get: Some(field) };

unsafe extern "C" fn describe(o: *mut SsObj, out: *mut SsDLTensor) -> SsStatus {
    // SAFETY: as above, and the view can be written.
    unsafe {
        let odd = odd(o);
        out.write(SsDLTensor {
            data: odd.numbers.as_ptr().cast_mut().cast(),
            device: SsDLDevice { device_type: odd.device, device_id: 0 },
            ndim: odd.shape.len() as i32,
            dtype: odd.dtype,
            shape: odd.shape.as_ptr().cast_mut(),
            strides: odd.strides.as_ref().map_or(std::ptr::null(), |strides| strides.as_ptr()).cast_mut(),
            byte_offset: 0,
        });
        odd.status
    }
}

unsafe extern "C" fn len(o: *mut SsObj) -> u64 {
    // SAFETY: as above.
    unsafe { odd(o) }.length
}

unsafe extern "C" fn get(o: *mut SsObj, index: u64, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above, and the value can be written.
    unsafe {
        let odd = odd(o);
        let Some(item) = odd.items.get(index as usize % odd.items.len().max(1)) else { return SS_STATUS_NOT_FOUND };
        if item.tag == SS_OBJ && !item.v.o.is_null() {
            retain(item.v.o);
        }
        out.write(*item);
        odd.status
    }
}

unsafe extern "C" fn field(o: *mut SsObj, _: SsStr, out: *mut SsValue) -> SsStatus {
    // SAFETY: as above.
    unsafe { get(o, 0, out) }
}

/// A value in which everything may be wrong but the addresses.
#[derive(Clone, Debug)]
enum Recipe {
    Scalar { tag: u32, bits: u64 },
    Object { name: &'static str, tensor: TensorRecipe, items: Vec<Recipe>, length: u64, status: SsStatus },
}

#[derive(Clone, Debug)]
struct TensorRecipe {
    shape: Vec<i64>,
    strides: Option<Vec<i64>>,
    dtype: (u8, u8),
    device: i32,
}

fn any_value() -> impl Strategy<Value = Recipe> {
    let scalar = (0..20u32, any::<u64>()).prop_map(|(tag, bits)| Recipe::Scalar { tag, bits });
    scalar.prop_recursive(4, 40, 5, |inner| {
        let names = ["STRING", "LIST", "TENSOR", "IMAGE", "MASK", "LATENT", "a.B/1", "", "A|B", "MODEL"];
        let dims = prop_oneof![8 => 1..3i64, 1 => Just(0), 1 => Just(-1), 1 => Just(i64::MAX)];
        let tensor = (
            prop::collection::vec(dims, 0..10),
            prop::option::of(prop::collection::vec(0..2i64, 10)),
            (0..5u8, prop::sample::select(vec![32u8, 16, 64, 8])),
            prop_oneof![4 => Just(SS_DL_CPU), 1 => any::<i32>()],
        );
        let tensor = tensor.prop_map(|(shape, strides, dtype, device)| TensorRecipe { shape, strides, dtype, device });
        let parts = (
            prop::sample::select(names.to_vec()),
            tensor,
            prop::collection::vec(inner, 0..4),
            prop_oneof![4 => 0..6u64, 1 => any::<u64>()],
            prop_oneof![4 => Just(SS_STATUS_OK), 1 => 0..12i32],
        );
        parts.prop_map(|(name, tensor, items, length, status)| Recipe::Object { name, tensor, items, length, status })
    })
}

/// The value; its objects live for ever.
fn make(recipe: &Recipe) -> SsValue {
    match recipe {
        Recipe::Scalar { tag: SS_OBJ, .. } => SsValue::object(std::ptr::null_mut()),
        Recipe::Scalar { tag, bits } => SsValue { tag: *tag, zero: 0, v: SsPayload { bits: *bits } },
        Recipe::Object { name, tensor, items, length, status } => {
            let odd = Odd {
                head: SsObj { vt: &VT },
                name,
                holders: AtomicI64::new(1),
                shape: tensor.shape.clone(),
                strides: tensor.strides.clone(),
                // As many as the largest of these shapes has, at 64 bits each.
                numbers: vec![0.5; 2 << 8],
                dtype: SsDLDataType { code: tensor.dtype.0, bits: tensor.dtype.1, lanes: 1 },
                device: tensor.device,
                items: items.iter().map(make).collect(),
                length: *length,
                status: *status,
            };
            SsValue::object((&raw mut *Box::leak(Box::new(odd))).cast())
        }
    }
}

/// How many holders an object and everything in it have that nobody knows of.
fn lost(value: SsValue) -> i64 {
    // SAFETY: all objects are of this file and never freed.
    match unsafe { (value.tag, value.v.o.as_ref()) } {
        (SS_OBJ, Some(_)) => {
            // SAFETY: as above.
            let odd = unsafe { odd(value.v.o) };
            odd.holders.load(Ordering::Relaxed) - 1 + odd.items.iter().map(|item| lost(*item)).sum::<i64>()
        }
        _ => 0,
    }
}

proptest! {
    #[test]
    fn any_value_is_read_or_refused_and_given_up_as_often_as_it_was_held(recipe in any_value()) {
        let value = make(&recipe);
        // SAFETY: it is a value, and its objects live for ever.
        let read = unsafe { import(value) };
        if let Ok(Some(read)) = &read {
            let _ = (read.to_string(), read.bytes(), read.ty());
            drop(export(read));
        }
        drop(read);
        prop_assert_eq!(lost(value), 0);
    }

    #[test]
    fn any_text_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), len in any::<u64>()) {
        // SAFETY: the bytes are there, or the pointer is null.
        unsafe {
            let there = SsStr { ptr: bytes.as_ptr().cast(), len: bytes.len() as u64 };
            prop_assert_eq!(text(there).ok(), std::str::from_utf8(&bytes).ok());
            prop_assert_eq!(text(SsStr { ptr: std::ptr::null(), len }).is_ok(), len == 0);
            prop_assert!(slice(std::ptr::without_provenance::<u64>(7), len.max(1)).is_err());
        }
    }
}

/// A node that lets the host call it again while it runs.
struct Again {
    descriptor: NodeDescriptor,
}

impl NodeType for Again {
    fn descriptor(&self) -> &NodeDescriptor {
        &self.descriptor
    }

    fn create(&self) -> Box<dyn Node> {
        Box::new(Again { descriptor: NodeDescriptor::new("test.again", "Again") })
    }
}

impl Node for Again {
    fn run(&mut self, ctx: Ctx, _: &Inputs) -> Result<Vec<Value>> {
        // The host below calls the node here.
        Ok(vec![Value::Bool(ctx.is_cancelled())])
    }
}

/// What the host below calls.
static NODE: std::sync::atomic::AtomicPtr<c_void> = std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
static TABLE: std::sync::atomic::AtomicPtr<SsNodeType> = std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());

/// 1 if the node refuses to be called.
unsafe extern "C" fn call_again(ctx: *mut SsCtx) -> u8 {
    let mut out = SsValue::NULL;
    let (node, table) = (NODE.load(Ordering::Relaxed), TABLE.load(Ordering::Relaxed));
    // SAFETY: the table and the node are alive; there are no inputs, and one output.
    let status = unsafe { (*table).run.unwrap()(node, ctx, std::ptr::null(), 0, &mut out, 1) };
    u8::from(status == SS_STATUS_INTERNAL && out.tag == SS_NULL)
}

#[test]
fn a_node_is_called_by_its_rules_or_refuses() {
    let host =
        SsHost { struct_size: std::mem::offset_of!(SsHost, fail) as u32, cancelled: Some(call_again), ..no_host() };
    let mut ctx = SsCtx {
        struct_size: size_of::<SsCtx>() as u32,
        flags: 0,
        host: &host,
        host_data: std::ptr::null_mut(),
        node_id: SsStr::EMPTY,
        device: SsDLDevice { device_type: SS_DL_CPU, device_id: 0 },
        cu_context: std::ptr::null_mut(),
        cu_stream: std::ptr::null_mut(),
    };
    let descriptor = NodeDescriptor::new("test.again", "Again").output(OutputPort::new("refused", Type::BOOL));
    let table = leak(Arc::new(Again { descriptor }));
    // SAFETY: the table is one of this crate, and all that is lent to it lives until the end; so below.
    unsafe {
        let (create, run, destroy) = ((*table).create.unwrap(), (*table).run.unwrap(), (*table).destroy.unwrap());
        let mut node = std::ptr::null_mut();
        assert_eq!(create(table, std::ptr::null_mut(), &mut node), SS_STATUS_ABI);
        assert_eq!(create(std::ptr::null(), &mut ctx, &mut node), SS_STATUS_INTERNAL);
        assert_eq!(create(table, &mut ctx, std::ptr::null_mut()), SS_STATUS_INTERNAL);
        assert_eq!(create(table, &mut ctx, &mut node), SS_STATUS_OK);
        NODE.store(node, Ordering::Relaxed);
        TABLE.store(table.cast_mut(), Ordering::Relaxed);
        let mut out = SsValue::NULL;
        // Called while it runs, it refuses; and goes on as it was.
        for _ in 0..2 {
            assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_OK);
            assert_eq!((out.tag, out.v.i), (SS_BOOL, 1));
        }
        assert_eq!(run(std::ptr::null_mut(), &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, std::ptr::null_mut(), std::ptr::null(), 0, &mut out, 1), SS_STATUS_ABI);
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 1, &mut out, 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, &mut ctx, &out, 1, &mut SsValue::NULL.clone(), 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, std::ptr::null_mut(), 1), SS_STATUS_INTERNAL);
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 2), SS_STATUS_INTERNAL);
        // A context that is too short, and one without a host.
        ctx.struct_size = 8;
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_ABI);
        ctx.struct_size = size_of::<SsCtx>() as u32;
        ctx.host = std::ptr::null();
        assert_eq!(run(node, &mut ctx, std::ptr::null(), 0, &mut out, 1), SS_STATUS_ABI);
        destroy(node);
        destroy(std::ptr::null_mut());
    }
}

/// A table without functions.
fn no_host() -> SsHost {
    SsHost {
        struct_size: 0,
        abi_major: SS_ABI_MAJOR,
        abi_minor: SS_ABI_MINOR,
        name: SsStr::EMPTY,
        log: None,
        progress: None,
        cancelled: None,
        fail: None,
        last_error: None,
        preview: None,
        path: None,
        model: None,
        reads: None,
        save: None,
        metadata: None,
        shared: None,
        tensor_new: None,
        tensor_finish: None,
        tensor_drop: None,
        tensor_import: None,
        string_new: None,
        bytes_new: None,
        list_new: None,
        struct_new: None,
        get_interface: None,
    }
}
