//! Torch checkpoints (`.bin`, `.pt`, `.pth`, `.ckpt`): a zip archive with a pickle and one entry per storage.
//!
//! The pickle is parsed by candle's reader, which knows data and nothing to execute: an unknown class is an inert object.
//! Dictionaries inside dictionaries become dotted names (`image_proj.latents`), the usual wrapper `state_dict` is taken off, and the
//! storages are mapped where they lie, since torch never compresses them. Source of the layout: `torch/serialization.py`
//! and `_rebuild_tensor_v2` of `torch/_utils.py`.

use super::file::{Stored, WeightFile};
use super::pickle_guard::parse;
use super::{FileProblem, TensorInfo, TensorSource};
use crate::{Error, Result};
use candle_core::pickle::Object;
use candle_core::{DType, Device, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read};
use zip::CompressionMethod;

/// The longest pickle that is parsed, in bytes: it holds names and shapes only, a few hundred per tensor.
const MAX_PICKLE: u64 = 64 << 20;

/// An open torch checkpoint.
pub(super) struct TorchZip {
    file: WeightFile,
    infos: BTreeMap<String, TensorInfo>,
    places: BTreeMap<String, Place>,
}

/// Where a tensor lies: `stored`, then its axes in `permutation` order.
struct Place {
    stored: Stored,
    permutation: Vec<usize>,
}

/// The archive's entries by their names: where they start and how long they are.
type Entries = HashMap<String, (u64, u64)>;

impl TorchZip {
    pub(super) fn new(file: WeightFile) -> Result<Self> {
        let damaged = |why: String| file.problem(FileProblem::Damaged { format: "torch checkpoint", why });
        let Ok(mut archive) = zip::ZipArchive::new(BufReader::new(file.handle())) else {
            return Err(file.problem(FileProblem::TruncatedZip { found: file.len }));
        };
        let mut entries = Entries::new();
        let mut pickle = None;
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(|e| damaged(e.to_string()))?;
            let name = entry.name().map_err(|e| damaged(e.to_string()))?.into_owned();
            if name == "data.pkl" || name.ends_with("/data.pkl") {
                pickle = Some((index, name.clone(), entry.size()));
            }
            if let (CompressionMethod::Stored, Some(start)) = (entry.compression(), entry.data_start()) {
                entries.insert(name, (start, entry.size()));
            }
        }
        let Some((index, name, size)) = pickle else {
            let names = archive.file_names().filter_map(|n| n.ok().map(|n| n.into_owned())).collect();
            return Err(file.problem(FileProblem::ForeignZip { entries: names }));
        };
        if size > MAX_PICKLE {
            return Err(damaged(format!("its pickle has {size} bytes, more than the {MAX_PICKLE} allowed")));
        }
        let mut pickle = Vec::new();
        let entry = archive.by_index(index).map_err(|e| damaged(e.to_string()))?;
        entry.take(MAX_PICKLE).read_to_end(&mut pickle).map_err(|e| damaged(e.to_string()))?;
        let root = parse(&pickle).map_err(&damaged)?;
        let folder = name.strip_suffix("data.pkl").unwrap_or_default();
        if let Some((start, length @ 1..)) = entries.get(&format!("{folder}byteorder"))
            && file.map(*start, *length as usize)?.starts_with(b"big")
        {
            return Err(damaged("it was written on a big-endian machine".into()));
        }

        let mut tensors = Vec::new();
        flatten(state_dict(&root), "", &mut tensors);
        let (mut infos, mut places, mut unreadable) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (name, args) in tensors {
            if name.is_empty() {
                return Err(file.problem(FileProblem::NoTensors { holds: "a single tensor without a name".into() }));
            }
            match place(args, folder, &entries).map_err(|why| damaged(format!("{name}: {why}")))? {
                Found::Place(place, info) => {
                    infos.insert(name.clone(), info);
                    places.insert(name, place);
                }
                Found::Unreadable(format) => unreadable.push(format!("{name} ({format})")),
            }
        }
        if !unreadable.is_empty() {
            return Err(file.problem(FileProblem::DTypes { tensors: unreadable }));
        }
        if infos.is_empty() {
            return Err(file.problem(FileProblem::NoTensors { holds: shape_of(&root) }));
        }
        Ok(Self { file, infos, places })
    }
}

impl TensorSource for TorchZip {
    fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.infos
    }

    fn load(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let place = self.places.get(name);
        let place = place.ok_or_else(|| Error::input("tensor name", format!("one of {}", self.describe()), name))?;
        let tensor = self.file.tensor(&place.stored, dtype, device)?;
        Ok(tensor.permute(place.permutation.as_slice())?.contiguous()?)
    }

    fn describe(&self) -> String {
        self.file.path.display().to_string()
    }
}

/// The dictionary under the key `state_dict`, where trainers keep it beside counters and optimiser states, else all.
fn state_dict(root: &Object) -> &Object {
    let Object::Dict(entries) = root else { return root };
    let inner = entries
        .iter()
        .find(|(key, value)| *key == Object::Unicode("state_dict".into()) && matches!(value, Object::Dict(_)));
    inner.map_or(root, |(_, value)| value)
}

/// Collects the rebuild arguments of every tensor under its dotted name.
fn flatten<'a>(object: &'a Object, name: &str, tensors: &mut Vec<(String, &'a [Object])>) {
    let below = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    match object {
        Object::Dict(entries) => {
            for (key, value) in entries {
                match key {
                    // How torch.nn.Module keeps its members: no part of their names.
                    Object::Unicode(key) if key == "_parameters" || key == "_modules" || key == "_buffers" => {
                        flatten(value, name, tensors);
                    }
                    Object::Unicode(key) => flatten(value, &below(key), tensors),
                    Object::Int(key) => flatten(value, &below(&key.to_string()), tensors),
                    _ => {}
                }
            }
        }
        Object::List(items) | Object::Tuple(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(item, &below(&index.to_string()), tensors);
            }
        }
        // An object with its state: a module.
        Object::Build { args, .. } => flatten(args, name, tensors),
        Object::Reduce { callable, args } => {
            if let Some(args) = rebuild_args(callable, args) {
                tensors.push((name.to_string(), args));
            }
        }
        _ => {}
    }
}

/// The arguments of `_rebuild_tensor_v2`, also inside the wrappers for parameters and subclasses.
fn rebuild_args<'a>(callable: &Object, args: &'a Object) -> Option<&'a [Object]> {
    let (Object::Class { module_name, class_name }, Object::Tuple(args)) = (callable, args) else { return None };
    match (module_name.as_str(), class_name.as_str(), args.as_slice()) {
        // The other two hold number formats that `place` refuses by name.
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor_v3" | "_rebuild_qtensor", args) => Some(args),
        ("torch._utils", "_rebuild_parameter", [Object::Reduce { callable, args }, ..]) => rebuild_args(callable, args),
        ("torch._tensor", "_rebuild_from_type_v2", [callable, _, args, ..]) => rebuild_args(callable, args),
        _ => None,
    }
}

/// What became of one tensor.
enum Found {
    Place(Place, TensorInfo),
    Unreadable(String),
}

/// Reads `(storage, offset, shape, strides, ..)`; the offset and strides count elements.
fn place(args: &[Object], folder: &str, entries: &Entries) -> Result<Found, String> {
    let [Object::PersistentLoad(storage), offset, shape, strides, ..] = args else {
        return Err("unknown tensor layout".into());
    };
    // ("storage", class, key, device, elements)
    let Object::Tuple(storage) = storage.as_ref() else { return Err("unknown storage layout".into()) };
    let [_, Object::Class { class_name, .. }, Object::Unicode(key), ..] = storage.as_slice() else {
        return Err("unknown storage layout".into());
    };
    let Some(dtype) = storage_dtype(class_name) else { return Ok(Found::Unreadable(class_name.clone())) };
    let (shape, strides) = (sizes(shape)?, sizes(strides)?);
    let offset = size(offset)?;
    let entry = format!("{folder}data/{key}");
    let (start, len) = *entries.get(&entry).ok_or_else(|| format!("its storage {entry} is missing or compressed"))?;

    let (permutation, stored_shape) = axes(&shape, &strides)
        .ok_or_else(|| format!("its strides {strides:?} for {shape:?} skip or repeat elements"))?;
    let elements = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    let end = elements.and_then(|n| n.checked_add(offset)).and_then(|n| n.checked_mul(dtype.size_in_bytes()));
    if end.is_none_or(|end| end as u64 > len) {
        return Err(format!("{shape:?} from element {offset} on does not fit its storage of {len} bytes"));
    }
    let offset = start + (offset * dtype.size_in_bytes()) as u64;
    let stored = Stored { dtype, shape: stored_shape, offset };
    Ok(Found::Place(Place { stored, permutation }, TensorInfo { shape, dtype }))
}

/// How a dense strided tensor lies in memory: the permutation that makes it `shape` again, and the shape as stored.
fn axes(shape: &[usize], strides: &[usize]) -> Option<(Vec<usize>, Vec<usize>)> {
    if shape.len() != strides.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..shape.len()).collect();
    // Outermost first; the strides of axes of length 1 mean nothing, so those stay where they are relative to their size.
    order.sort_by_key(|axis| std::cmp::Reverse((strides[*axis], shape[*axis] != 1)));
    let mut step = 1;
    for axis in order.iter().rev() {
        if shape[*axis] != 1 && strides[*axis] != step {
            return if shape.contains(&0) { Some(((0..shape.len()).collect(), shape.to_vec())) } else { None };
        }
        step = step.checked_mul(shape[*axis])?;
    }
    let mut permutation = vec![0; shape.len()];
    for (place, axis) in order.iter().enumerate() {
        permutation[*axis] = place;
    }
    Some((permutation, order.iter().map(|axis| shape[*axis]).collect()))
}

/// Torch's storage classes that can be computed with.
fn storage_dtype(class: &str) -> Option<DType> {
    Some(match class {
        "DoubleStorage" => DType::F64,
        "FloatStorage" => DType::F32,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "LongStorage" => DType::I64,
        "IntStorage" => DType::I32,
        "ShortStorage" => DType::I16,
        "ByteStorage" | "BoolStorage" => DType::U8,
        _ => return None,
    })
}

fn size(object: &Object) -> Result<usize, String> {
    let number = match object {
        Object::Int(i) => i64::from(*i),
        Object::Long(i) => *i,
        _ => -1,
    };
    usize::try_from(number).map_err(|_| format!("expected a size, got {}", shape_of(object)))
}

fn sizes(object: &Object) -> Result<Vec<usize>, String> {
    let Object::Tuple(items) = object else { return Err(format!("expected sizes, got {}", shape_of(object))) };
    items.iter().map(size).collect()
}

/// What an object is, in a few words.
fn shape_of(object: &Object) -> String {
    match object {
        Object::Dict(entries) if entries.is_empty() => "an empty dictionary".into(),
        Object::Dict(entries) => {
            let key = |key: &Object| if let Object::Unicode(key) = key { key.clone() } else { shape_of(key) };
            let keys: Vec<String> = entries.iter().take(8).map(|(k, _)| key(k)).collect();
            format!("a dictionary of {} ({})", entries.len(), keys.join(", "))
        }
        Object::List(items) | Object::Tuple(items) => format!("a list of {}", items.len()),
        Object::Build { callable, .. } | Object::Reduce { callable, .. } => {
            format!("an object of {}", shape_of(callable))
        }
        Object::Class { module_name, class_name } => format!("{module_name}.{class_name}"),
        Object::Int(i) => format!("the number {i}"),
        Object::Long(i) => format!("the number {i}"),
        Object::Float(x) => format!("the number {x}"),
        Object::Unicode(_) => "a text".into(),
        Object::Bool(_) => "a truth value".into(),
        Object::None => "None".into(),
        Object::Mark | Object::PersistentLoad(_) => "an incomplete object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_become_a_permutation() {
        assert_eq!(axes(&[2, 3], &[3, 1]), Some((vec![0, 1], vec![2, 3])));
        assert_eq!(axes(&[2, 3], &[1, 2]), Some((vec![1, 0], vec![3, 2])));
        assert_eq!(axes(&[2, 3, 4], &[1, 8, 2]), Some((vec![2, 0, 1], vec![3, 4, 2])));
        assert_eq!(axes(&[5, 1, 1], &[1, 1, 1]).map(|a| a.1.iter().product::<usize>()), Some(5));
        assert_eq!(axes(&[2, 3], &[0, 1]), None);
        assert_eq!(axes(&[2, 3], &[6, 2]), None);
        assert_eq!(axes(&[], &[]), Some((vec![], vec![])));
        assert_eq!(axes(&[0, 3], &[3, 1]), Some((vec![0, 1], vec![0, 3])));
    }
}
