//! Weight files made on the spot.

#![allow(dead_code, reason = "each test binary uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use candle_core::{DType, Tensor};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Writes a safetensors file.
pub fn safetensors(path: &Path, tensors: &[(&str, Tensor)]) {
    let tensors: HashMap<_, _> = tensors.iter().map(|(name, t)| (name.to_string(), t.clone())).collect();
    candle_core::safetensors::save(&tensors, path).unwrap();
}

/// The bytes of a safetensors file with a header written by hand.
pub fn raw_safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// What a torch pickle may hold.
pub enum Item<'a> {
    Int(u8),
    Dict(Vec<(&'a str, Item<'a>)>),
    /// An object of a class with a state.
    Object(&'a str, &'a str, Vec<(&'a str, Item<'a>)>),
    Tensor(Stored<'a>),
}

/// A tensor over a storage: offset and strides in elements.
pub struct Stored<'a> {
    pub storage: &'a str,
    pub class: &'a str,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

impl<'a> Item<'a> {
    /// A whole storage as a contiguous tensor.
    pub fn tensor(storage: &'a str, class: &'a str, shape: &[usize]) -> Self {
        let strides = (0..shape.len()).map(|i| shape[i + 1..].iter().product()).collect();
        Self::Tensor(Stored { storage, class, offset: 0, shape: shape.to_vec(), strides })
    }
}

/// Writes `root` as torch's zip format: protocol 2, storages uncompressed.
pub fn torch_zip(path: &Path, root: &Item, storages: &[(&str, Vec<u8>)]) {
    let mut pickle = vec![0x80, 2];
    write_item(&mut pickle, root);
    pickle.push(b'.');
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let options = stored();
    zip.start_file("archive/data.pkl", options).unwrap();
    zip.write_all(&pickle).unwrap();
    for (name, bytes) in storages {
        zip.start_file(format!("archive/data/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// Not compressed, as torch writes: what zip does by default depends on the features that others ask for.
fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

/// Writes a zip archive of named entries.
pub fn zip(path: &Path, entries: &[(&str, &[u8])]) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    for (name, bytes) in entries {
        zip.start_file(*name, stored()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

fn write_item(out: &mut Vec<u8>, item: &Item) {
    match item {
        Item::Int(i) => out.extend([b'K', *i]),
        Item::Dict(entries) => write_dict(out, entries),
        Item::Object(module, class, state) => {
            global(out, module, class);
            out.extend(b")\x81");
            write_dict(out, state);
            out.push(b'b');
        }
        Item::Tensor(tensor) => {
            global(out, "torch._utils", "_rebuild_tensor_v2");
            out.extend(b"((");
            text(out, "storage");
            global(out, "torch", tensor.class);
            text(out, tensor.storage);
            text(out, "cpu");
            int(out, tensor.shape.iter().product());
            out.extend(b"tQ");
            int(out, tensor.offset);
            for sizes in [&tensor.shape, &tensor.strides] {
                out.push(b'(');
                sizes.iter().for_each(|size| int(out, *size));
                out.push(b't');
            }
            out.push(0x89);
            global(out, "collections", "OrderedDict");
            out.extend(b")RtR");
        }
    }
}

fn write_dict(out: &mut Vec<u8>, entries: &[(&str, Item)]) {
    out.extend(b"}(");
    for (key, value) in entries {
        text(out, key);
        write_item(out, value);
    }
    out.push(b'u');
}

fn global(out: &mut Vec<u8>, module: &str, class: &str) {
    out.extend(format!("c{module}\n{class}\n").bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.bytes());
}

fn int(out: &mut Vec<u8>, value: usize) {
    out.push(b'J');
    out.extend((value as i32).to_le_bytes());
}

/// The numbers of a tensor as little-endian f32.
pub fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Every element as f64, to compare tensors bit by bit.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}
