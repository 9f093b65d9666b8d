//! Encoded text as bytes: a safetensors file, with everything that is no tensor as JSON in its header.

use super::downcast;
use crate::tensors;
use crate::wires::{Condition, Conditioning, ControlNet, ControlUse, ModelFile, Place, Sizes, Span};
use safetensors::SafeTensors;
use selfsame_sdk::{Image, Latent, Mask, Object, Result, Tensor, bail};
use serde_json::{Value, json};

/// The text in the header.
const ENTRIES: &str = "entries";

/// None for another object, and for one with a path that is no text.
pub fn encode(object: &dyn Object) -> Option<Vec<u8>> {
    let conditioning: &Conditioning = downcast(object)?;
    let mut parts = Vec::new();
    let entries: Option<Vec<Value>> =
        conditioning.entries.iter().enumerate().map(|(i, entry)| write(entry, i, &mut parts)).collect();
    let named: Vec<(&str, &Tensor)> = parts.iter().map(|(name, tensor)| (name.as_str(), *tensor)).collect();
    tensors::write(&named, &[(ENTRIES.to_owned(), Value::Array(entries?).to_string())]).ok()
}

/// # Errors
/// If something is missing.
pub fn decode(bytes: &[u8]) -> Result<Conditioning> {
    let Some(text) = tensors::text(bytes, ENTRIES)? else { bail!("the text `{ENTRIES}` is missing") };
    let file = tensors::open(bytes)?;
    let Value::Array(entries) = serde_json::from_str(&text)? else { bail!("`{ENTRIES}` is no list") };
    let entries = entries.iter().enumerate().map(|(i, entry)| read(entry, &file, i)).collect::<Result<_>>()?;
    Ok(Conditioning { entries })
}

fn write<'a>(entry: &'a Condition, index: usize, parts: &mut Vec<(String, &'a Tensor)>) -> Option<Value> {
    let mut add = |name: &str, tensor: Option<&'a Tensor>| {
        parts.extend(tensor.map(|tensor| (format!("{index}.{name}"), tensor)));
    };
    add("context", Some(&entry.context));
    add("pooled", entry.pooled.as_ref());
    add("mask", entry.mask.as_ref().map(Mask::tensor));
    add("inpaint", entry.inpaint.as_ref().map(|latent| &latent.samples));
    add("inpaint_mask", entry.inpaint.as_ref().and_then(|latent| latent.noise_mask.as_ref()).map(Mask::tensor));
    for (i, control) in entry.controls.iter().enumerate() {
        add(&format!("{i}.image"), Some(control.image.tensor()));
        add(&format!("{i}.mask"), control.mask.as_ref().map(Mask::tensor));
        add(&format!("{i}.context"), control.context.as_ref());
        add(&format!("{i}.pooled"), control.pooled.as_ref());
    }
    let control = |control: &ControlUse| {
        Some(json!({
            "path": control.net.file.path.to_str()?,
            "digest": control.net.file.digest,
            "strength": control.strength.to_bits(),
            "is_soft": control.is_soft,
            "span": span(control.span),
        }))
    };
    Some(json!({
        "sizes": entry.sizes.map(|sizes| [sizes.original, sizes.crop, sizes.target]),
        "pixels": match entry.place { Some(Place::Pixels(place)) => Some(place), _ => None },
        "fractions": match entry.place { Some(Place::Fractions(place)) => Some(place.map(f64::to_bits)), _ => None },
        "strength": entry.strength.to_bits(),
        "span": span(entry.span),
        "controls": entry.controls.iter().map(control).collect::<Option<Vec<_>>>()?,
    }))
}

/// The bits of f64 values: JSON readers may round what is written as a fraction.
fn span(span: Span) -> [u64; 2] {
    [span.start, span.end].map(f64::to_bits)
}

fn read(entry: &Value, file: &SafeTensors, index: usize) -> Result<Condition> {
    let tensor = |name: &str| tensors::read(file, &format!("{index}.{name}"));
    let mask = |name: &str| tensor(name)?.map(Mask::from_tensor).transpose();
    let required = |name: &str| match tensor(name)? {
        Some(tensor) => Ok(tensor),
        None => bail!("the tensor `{index}.{name}` is missing"),
    };
    let place = match (array(&entry["pixels"], usize_of), array(&entry["fractions"], f64_of)) {
        (Some(pixels), _) => Some(Place::Pixels(pixels)),
        (_, Some(fractions)) => Some(Place::Fractions(fractions)),
        (None, None) => None,
    };
    let sizes = array(&entry["sizes"], |pair| array(pair, usize_of));
    let inpaint = match tensor("inpaint")? {
        Some(samples) => Some(Latent { noise_mask: mask("inpaint_mask")?, ..Latent::new(samples)? }),
        None => None,
    };
    let controls = entry["controls"].as_array().map(Vec::as_slice).unwrap_or_default();
    let control = |(i, control): (usize, &Value)| {
        let (Some(path), Some(digest)) = (control["path"].as_str(), control["digest"].as_str()) else {
            bail!("the file of a ControlNet is missing");
        };
        Ok(ControlUse {
            net: ControlNet { file: ModelFile { path: path.into(), digest: digest.to_owned() } },
            image: Image::from_tensor(required(&format!("{i}.image"))?)?,
            strength: number(control, "strength")?,
            is_soft: control["is_soft"].as_bool().unwrap_or_default(),
            span: span_of(control)?,
            mask: mask(&format!("{i}.mask"))?,
            context: tensor(&format!("{i}.context"))?,
            pooled: tensor(&format!("{i}.pooled"))?,
        })
    };
    Ok(Condition {
        context: required("context")?,
        pooled: tensor("pooled")?,
        sizes: sizes.map(|[original, crop, target]| Sizes { original, crop, target }),
        place,
        strength: number(entry, "strength")?,
        mask: mask("mask")?,
        span: span_of(entry)?,
        controls: controls.iter().enumerate().map(control).collect::<Result<_>>()?,
        inpaint,
    })
}

fn f64_of(value: &Value) -> Option<f64> {
    value.as_u64().map(f64::from_bits)
}

fn usize_of(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|value| value.try_into().ok())
}

fn array<T, const N: usize>(value: &Value, item: impl Fn(&Value) -> Option<T>) -> Option<[T; N]> {
    let items: Option<Vec<T>> = value.as_array()?.iter().map(item).collect();
    items?.try_into().ok()
}

fn number(value: &Value, name: &str) -> Result<f64> {
    match f64_of(&value[name]) {
        Some(number) => Ok(number),
        None => bail!("the number `{name}` is missing"),
    }
}

fn span_of(value: &Value) -> Result<Span> {
    match array(&value["span"], f64_of) {
        Some([start, end]) => Ok(Span { start, end }),
        None => bail!("a span is missing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize], first: f32) -> Tensor {
        let count = shape.iter().product();
        Tensor::new(shape, (0..count).map(|i: usize| first + i as f32 / 3.0).collect()).unwrap()
    }

    fn full() -> Conditioning {
        let mask = || Mask::from_tensor(tensor(&[1, 2, 3], 0.1)).unwrap();
        let control = ControlUse {
            net: ControlNet { file: ModelFile { path: "nets/depth.safetensors".into(), digest: "ab".to_owned() } },
            image: Image::from_tensor(tensor(&[1, 2, 1, 3], 0.5)).unwrap(),
            strength: 0.1 + 0.2,
            is_soft: true,
            span: Span { start: 0.1, end: 1.0 / 3.0 },
            mask: Some(mask()),
            context: Some(tensor(&[1, 2, 2], -0.0)),
            pooled: Some(tensor(&[1, 3], 0.2)),
        };
        let bare = ControlUse { mask: None, context: None, pooled: None, is_soft: false, ..control.clone() };
        let latent = Latent { noise_mask: Some(mask()), ..Latent::new(tensor(&[1, 4, 1, 1], 7.0)).unwrap() };
        let first = Condition {
            sizes: Some(Sizes { original: [1, 2], crop: [3, 4], target: [5, 6] }),
            place: Some(Place::Fractions([0.1, f64::MIN_POSITIVE, 0.7, 1.0])),
            strength: f64::NAN,
            mask: Some(mask()),
            controls: vec![control, bare],
            inpaint: Some(latent),
            ..Condition::new(tensor(&[1, 3, 2], f32::MIN_POSITIVE / 2.0), Some(tensor(&[1, 4], 0.3)))
        };
        let second =
            Condition { place: Some(Place::Pixels([8, 0, 16, 24])), ..Condition::new(tensor(&[1, 1, 1], 1.0), None) };
        Conditioning { entries: vec![first, second, Condition::new(tensor(&[1, 1, 1], 2.0), None)] }
    }

    #[test]
    fn every_bit_comes_back() {
        for conditioning in [full(), Conditioning { entries: Vec::new() }] {
            let bytes = encode(&conditioning).unwrap();
            let back = decode(&bytes).unwrap();
            // All fields, of tensors their shapes; the bytes hold their bits.
            assert_eq!(format!("{back:?}"), format!("{conditioning:?}"));
            assert_eq!(encode(&back).unwrap(), bytes);
        }
        let back = decode(&encode(&full()).unwrap()).unwrap();
        assert_eq!(back.entries[0].context.data()[0].to_bits(), (f32::MIN_POSITIVE / 2.0).to_bits());
        assert_eq!(back.entries[0].controls[0].strength, 0.1 + 0.2);
    }

    #[test]
    fn damaged_bytes() {
        let bytes = encode(&full()).unwrap();
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err());
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x55;
            let _ = decode(&damaged); // a value may have changed; it must not panic
        }
    }
}
