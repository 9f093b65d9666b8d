//! f32 tensors as bytes: safetensors files, small and made of nothing but what is given, so that the same tensors are
//! always the same bytes.

use safetensors::{Dtype, SafeTensors};
use selfsame_sdk::{Result, Tensor, bail};
use serde_json::{Map, Value, json};

/// The bytes of a safetensors file with named tensors, and texts in its header.
///
/// # Errors
/// If the header cannot be written as JSON.
pub fn write(tensors: &[(&str, &Tensor)], texts: &[(String, String)]) -> Result<Vec<u8>> {
    // The safetensors crate writes texts in random order.
    let mut header = Map::new();
    if !texts.is_empty() {
        let texts: Map<String, Value> = texts.iter().map(|(key, text)| (key.clone(), json!(text))).collect();
        header.insert("__metadata__".to_owned(), Value::Object(texts));
    }
    let mut end = 0;
    for (name, tensor) in tensors {
        let start = end;
        end += tensor.bytes();
        let info = json!({ "dtype": "F32", "shape": tensor.shape(), "data_offsets": [start, end] });
        header.insert((*name).to_owned(), info);
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    for (_, tensor) in tensors {
        bytes.extend(tensor.data().iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(bytes)
}

/// The safetensors file in some bytes.
///
/// # Errors
/// If they are none, or not all of it.
pub fn open(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    SafeTensors::deserialize(bytes).or_else(|error| bail!("this is no whole safetensors file ({error})"))
}

/// A text in the header of a file; none if it has no such text.
///
/// # Errors
/// If the bytes are no safetensors file.
pub fn text(bytes: &[u8], key: &str) -> Result<Option<String>> {
    let (_, header) =
        SafeTensors::read_metadata(bytes).or_else(|error| bail!("this is no whole safetensors file ({error})"))?;
    Ok(header.metadata().as_ref().and_then(|texts| texts.get(key)).cloned())
}

/// A tensor of a file as f32; none if the file has no such tensor.
///
/// # Errors
/// If its values are no floating-point numbers of 16 or 32 bits.
pub fn read(file: &SafeTensors, name: &str) -> Result<Option<Tensor>> {
    let Ok(view) = file.tensor(name) else { return Ok(None) };
    let pairs = || view.data().chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let data = match view.dtype() {
        Dtype::F32 => view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F16 => pairs().map(|pair| half::f16::from_le_bytes(pair).to_f32()).collect(),
        Dtype::BF16 => pairs().map(|pair| half::bf16::from_le_bytes(pair).to_f32()).collect(),
        other => bail!("the tensor `{name}` has values of type {other:?}; expected F32, F16 or BF16"),
    };
    Tensor::new(view.shape(), data).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::TensorView;

    #[test]
    fn the_crate_reads_what_is_written() {
        let a = Tensor::new([2, 1], vec![1.5, f32::NEG_INFINITY]).unwrap();
        let none = Tensor::new([0], vec![]).unwrap();
        let texts = [("b".to_owned(), "größer".to_owned()), ("a".to_owned(), "\"".to_owned())];
        let bytes = write(&[("a", &a), ("none", &none)], &texts).unwrap();
        assert_eq!(bytes, write(&[("a", &a), ("none", &none)], &texts).unwrap());
        let file = open(&bytes).unwrap();
        assert_eq!(read(&file, "a").unwrap(), Some(a));
        assert_eq!(read(&file, "none").unwrap(), Some(none));
        assert_eq!(read(&file, "other").unwrap(), None);
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let read: std::collections::HashMap<_, _> = texts.into_iter().collect();
        assert_eq!(header.metadata().as_ref(), Some(&read));
        assert_eq!(text(&bytes, "b").unwrap().as_deref(), Some("größer"));
        assert_eq!(text(&bytes, "c").unwrap(), None);
        for length in 0..bytes.len() {
            assert!(open(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn other_types() {
        let file = |dtype: Dtype, data: &[u8]| {
            let view = TensorView::new(dtype, vec![1], data).unwrap();
            safetensors::serialize([("x", view)], None).unwrap()
        };
        let value = |bytes: Vec<u8>| read(&open(&bytes).unwrap(), "x");
        assert_eq!(value(file(Dtype::F16, &[0, 0x3e])).unwrap().unwrap().data(), [1.5]);
        assert_eq!(value(file(Dtype::BF16, &[0xc0, 0x3f])).unwrap().unwrap().data(), [1.5]);
        let message = value(file(Dtype::I32, &[0; 4])).unwrap_err().message;
        assert_eq!(message, "the tensor `x` has values of type I32; expected F32, F16 or BF16");
    }
}
