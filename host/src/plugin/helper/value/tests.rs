//! Values that were written and read again are the same; what is no value is an error.

use super::super::message::{ToHost, Told};
use super::*;
use proptest::prelude::{any, prop, proptest};
use selfsame_sdk::ffi::{Blob, Struct};
use selfsame_sdk::{Error, Image, Latent, Mask, Tensor, Value};
use std::sync::Mutex;

/// Keeps objects by their number, and the numbers that were taken back.
#[derive(Default)]
struct Kept {
    objects: Mutex<Vec<Arc<dyn Object>>>,
    taken_back: Mutex<Vec<u64>>,
    limit: Option<u64>,
}

impl Objects for Kept {
    fn lend(&self, object: &Arc<dyn Object>) -> Result<Handle> {
        let mut kept = crate::lock(&self.objects);
        kept.push(object.clone());
        Ok(Handle::of(&**object, Owner::Host, kept.len() as u64 - 1))
    }

    fn take(&self, handle: Handle) -> Result<Arc<dyn Object>> {
        let found = crate::lock(&self.objects).get(handle.number as usize).cloned();
        found.ok_or_else(|| Error::new("no such object"))
    }

    fn take_back(&self, _: Owner, number: u64) {
        crate::lock(&self.taken_back).push(number);
    }

    fn limit(&self) -> Option<u64> {
        self.limit
    }
}

#[derive(Debug)]
struct Weights;

impl Object for Weights {
    fn type_name(&self) -> std::borrow::Cow<'_, str> {
        "MODEL".into()
    }

    fn bytes(&self) -> u64 {
        7
    }
}

fn sent(value: &Value) -> Result<Value> {
    let kept = Kept::default();
    let mut encoder = Encoder::new(&kept);
    encoder.value(value)?;
    let payload = encoder.finish()?;
    let mut decoder = Decoder::new(&kept, &payload.bytes, payload.memory)?;
    let value = decoder.value()?;
    assert!(decoder.is_empty());
    Ok(value)
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32).sin()).collect()
}

#[test]
fn values_arrive_as_they_were() {
    let image = Image::new([1, 100, 100, 3], numbers(30_000)).unwrap();
    let small = Image::new([1, 2, 2, 1], numbers(4)).unwrap();
    let mask = Mask::new([1, 2, 2], numbers(4)).unwrap();
    let latent = Latent::new(Tensor::new([1, 4, 64, 64], numbers(16_384)).unwrap()).unwrap();
    let masked = Latent { noise_mask: Some(mask.clone()), ..latent.clone() };
    let nan = f64::from_bits(0x7ff8_0000_0000_1234);
    let all = [
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Float(nan),
        Value::Text("Grüße".into()),
        Value::nothing(),
        Value::list([Value::list([Value::Int(1)]), Value::object(image.clone()), Value::object(image)]),
        Value::object(small),
        Value::object(mask),
        Value::object(latent),
        Value::object(masked),
        Value::object(Tensor::new([0, 3], Vec::new()).unwrap()),
    ];
    for value in all {
        let arrived = sent(&value).unwrap();
        assert_eq!(format!("{value:?}"), format!("{arrived:?}"));
        if let (Value::Float(one), Value::Float(other)) = (&value, &arrived) {
            assert_eq!(one.to_bits(), other.to_bits());
        }
        let images = |value: &Value| value.downcast::<Image>().map(|image| image.data().to_vec());
        assert_eq!(images(&value), images(&arrived));
        let latents = |value: &Value| value.downcast::<Latent>().map(|latent| (*latent).clone());
        assert!(latents(&value) == latents(&arrived));
    }
}

#[test]
fn values_of_a_plugin_and_objects_arrive() {
    let blob = Blob { type_name: "a.B".to_owned(), data: numbers(10).iter().map(|x| *x as u8).collect() };
    let large = Blob { type_name: "a.B".to_owned(), data: vec![3; 100_000].into() };
    let fields = vec![("x".to_owned(), Value::object(blob)), ("y".to_owned(), Value::object(large))];
    let made = sent(&Value::object(Struct { type_name: "a.S/1".to_owned(), fields })).unwrap();
    let made = made.downcast::<Struct>().unwrap();
    assert_eq!(made.fields[1].1.downcast::<Blob>().unwrap().data.len(), 100_000);
    let weights: Arc<dyn Object> = Arc::new(Weights);
    let Value::Object(back) = sent(&Value::Object(weights.clone())).unwrap() else { panic!() };
    assert!(Arc::ptr_eq(&back, &weights));
}

/// What is wrong with values of somebody who is not trusted.
fn said(bytes: &[u8]) -> String {
    let kept = Kept { limit: Some(1 << 30), ..Kept::default() };
    let mut decoder = Decoder::new(&kept, bytes, None).unwrap();
    decoder.value().unwrap_err().message
}

fn bytes(wires: &[Wire]) -> Vec<u8> {
    wires.iter().flat_map(|wire| postcard::to_stdvec(wire).unwrap()).collect()
}

#[test]
fn what_is_no_value_is_an_error() {
    assert!(said(&[]).contains("end"), "{}", said(&[]));
    assert!(!said(&[0xff, 0xff]).is_empty());
    let deep: Vec<Wire> = (0..100_000).map(|_| Wire::List(1)).collect();
    assert_eq!(said(&bytes(&deep)), "values that nest deeper than 32");
    assert!(said(&bytes(&[Wire::List(u64::MAX), Wire::Int(1)])).contains("end"));
    let shared = Wire::Tensor(Kind::Image, vec![1, 1, 1, 1], Place::Shared { at: 0, length: 4 });
    assert_eq!(said(&bytes(&[shared])), "data in shared memory that did not come");
    let short = Wire::Tensor(Kind::Mask, vec![1, 1, 1], Place::Inside(4));
    assert_eq!(said(&bytes(&[short])), "4 bytes at 0 of 0");
    let other = Wire::Blob("MODEL", Place::Inside(0));
    assert!(said(&bytes(&[other])).contains("expected the name of a type of the plugin's"));
    assert_eq!(said(&bytes(&[Wire::Unset])), "nothing instead of a value");
    assert_eq!(said(&bytes(&[Wire::Float(f64::NAN)])), "a FLOAT of NaN; expected a finite number");
}

#[test]
fn memory_is_not_copied_more_often_than_it_came() {
    let kept = Kept::default();
    let memory = || Some(super::super::sealed::seal(&[(0, &[7; 1000])]).unwrap());
    let blobs = |count: u64| {
        let blob = || Wire::Blob("a.B", Place::Shared { at: 0, length: 1000 });
        let wires: Vec<Wire> = std::iter::once(Wire::List(count)).chain((0..count).map(|_| blob())).collect();
        Decoder::new(&kept, &bytes(&wires), memory()).unwrap().value()
    };
    assert!(blobs(1).is_ok());
    assert_eq!(blobs(2).unwrap_err().message, "more bytes than there are in shared memory");
}

#[test]
fn what_is_not_sent_is_taken_back() {
    let kept = Kept::default();
    let weights = Value::object(Weights);
    let mut encoder = Encoder::new(&kept);
    encoder.value(&weights).unwrap();
    drop(encoder);
    assert_eq!(*crate::lock(&kept.taken_back), [0]);
    let mut encoder = Encoder::new(&kept);
    encoder.value(&weights).unwrap();
    encoder.finish().unwrap();
    assert_eq!(*crate::lock(&kept.taken_back), [0]);
    let long = Value::Text("x".repeat(super::super::frame::MAX_BYTES).into());
    let error = encode(&kept, &[Slot::Value(long)]).unwrap_err();
    assert!(error.message.starts_with("values of 67108869 bytes in one message; expected at most"), "{error}");
}

proptest! {
    /// Whatever a process says is read or refused.
    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let kept = Kept::default();
        let mut decoder = Decoder::new(&kept, &bytes, None).unwrap();
        while !decoder.is_empty() && decoder.slot().is_ok() {}
        let _ = postcard::take_from_bytes::<ToHost>(&bytes);
        let _ = postcard::take_from_bytes::<Told>(&bytes);
    }
}
