//! Safetensors files, mapped into memory a tensor at a time.
//!
//! The format: eight bytes of little-endian header length, a JSON object of `name: {dtype, shape, data_offsets}`, and the
//! numbers. Source: the format section of <https://github.com/huggingface/safetensors>. The header is checked here rather
//! than by the `safetensors` crate, whose errors say neither how long a truncated file should be nor which tensor is wrong.

use super::file::{Stored, WeightFile};
use super::{FileProblem, TensorInfo, TensorSource};
use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// An open safetensors file.
pub(super) struct Safetensors {
    file: WeightFile,
    infos: BTreeMap<String, TensorInfo>,
    offsets: BTreeMap<String, u64>,
    metadata: BTreeMap<String, String>,
}

/// One entry of the header.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Safetensors {
    pub(super) fn new(file: WeightFile) -> Result<Self> {
        let damaged = |why: String| file.problem(FileProblem::Damaged { format: "safetensors file", why });
        let length = file.map(0, 8)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).unwrap_or_default();
        let mut header: BTreeMap<String, Value> = serde_json::from_slice(&file.map(8, length as usize)?)
            .map_err(|e| damaged(format!("its header is no JSON object: {e}")))?;

        let metadata = match header.remove("__metadata__") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(metadata) => {
                serde_json::from_value(metadata).map_err(|e| damaged(format!("header of __metadata__: {e}")))?
            }
        };
        let start = 8 + length;
        let (mut infos, mut offsets) = (BTreeMap::new(), BTreeMap::new());
        let (mut spans, mut unreadable) = (Vec::new(), Vec::new());
        for (name, value) in header {
            let entry: Entry = serde_json::from_value(value).map_err(|e| damaged(format!("header of {name}: {e}")))?;
            spans.push((entry.data_offsets, name.clone()));
            let Some(dtype) = dtype(&entry.dtype) else {
                unreadable.push(format!("{name} ({})", entry.dtype));
                continue;
            };
            let bytes = entry.shape.iter().try_fold(dtype.size_in_bytes(), |n, d| n.checked_mul(*d));
            let (from, to) = entry.data_offsets;
            if bytes.map(|b| b as u64) != to.checked_sub(from) {
                return Err(damaged(format!(
                    "{name} {:?} {} does not fit its bytes {from}..{to}",
                    entry.shape, entry.dtype
                )));
            }
            offsets.insert(name.clone(), start + from);
            infos.insert(name, TensorInfo { shape: entry.shape, dtype });
        }
        let end = contiguous_end(spans).map_err(damaged)?;
        let expected = end.checked_add(start).ok_or_else(|| damaged(format!("a tensor ends at byte {end}")))?;
        if file.len < expected {
            return Err(file.problem(FileProblem::TruncatedSafetensors { expected, found: file.len }));
        }
        if file.len > expected {
            return Err(damaged(format!("expected {expected} bytes, got {}", file.len)));
        }
        if !unreadable.is_empty() {
            return Err(file.problem(FileProblem::DTypes { tensors: unreadable }));
        }
        Ok(Self { file, infos, offsets, metadata })
    }
}

/// Where the last tensor ends, if the tensors lie one behind the other from byte 0 on.
fn contiguous_end(mut spans: Vec<((u64, u64), String)>) -> Result<u64, String> {
    spans.sort_unstable();
    let mut end = 0;
    for ((from, to), name) in spans {
        if from != end || to < from {
            return Err(format!("{name} lies at {from}..{to}, expected it to start at {end}"));
        }
        end = to;
    }
    Ok(end)
}

/// The header's number formats that can be computed with.
fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "F64" => DType::F64,
        "F32" => DType::F32,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        "F8_E4M3" => DType::F8E4M3,
        "I64" => DType::I64,
        "I32" => DType::I32,
        "I16" => DType::I16,
        "U32" => DType::U32,
        "U8" | "BOOL" => DType::U8,
        _ => return None,
    })
}

impl TensorSource for Safetensors {
    fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.infos
    }

    fn load(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let (Some(info), Some(offset)) = (self.infos.get(name), self.offsets.get(name)) else {
            return Err(Error::input("tensor name", format!("one of {}", self.describe()), name));
        };
        let stored = Stored { dtype: info.dtype, shape: info.shape.clone(), offset: *offset };
        self.file.tensor(&stored, dtype, device)
    }

    fn describe(&self) -> String {
        self.file.path.display().to_string()
    }
}
