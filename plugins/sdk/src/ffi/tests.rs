//! Whatever the other side gives is read or refused: values that were made at random.

use super::abi::*;
use super::*;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use std::ffi::c_void;
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
