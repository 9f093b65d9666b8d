//! Pictures, masks, latents, faces, identities and encoded text as bytes, for results that are kept on disk.

mod conditioning;

use crate::face::files;
use crate::tensors;
use crate::wires::{Face, Identity};
use selfsame_sdk::{Codec, Image, Latent, Mask, Object, Result, Tensor, bail};
use std::any::Any;
use std::sync::Arc;

/// How objects of the types that these nodes give become bytes: safetensors files, and JSON for faces.
pub fn codecs() -> Vec<Codec> {
    vec![
        Codec {
            type_name: "IMAGE",
            encode: |object| tensors::write(&[("image", downcast::<Image>(object)?.tensor())], &[]).ok(),
            decode: |bytes| Ok(Arc::new(Image::from_tensor(required(bytes, "image")?)?)),
        },
        Codec {
            type_name: "MASK",
            encode: |object| tensors::write(&[("mask", downcast::<Mask>(object)?.tensor())], &[]).ok(),
            decode: |bytes| Ok(Arc::new(Mask::from_tensor(required(bytes, "mask")?)?)),
        },
        Codec { type_name: "LATENT", encode: encode_latent, decode: |bytes| Ok(Arc::new(decode_latent(bytes)?)) },
        Codec {
            type_name: "FACE",
            encode: |object| files::to_json(downcast::<Face>(object)?).ok().map(String::into_bytes),
            decode: |bytes| Ok(Arc::new(files::from_json(bytes)?)),
        },
        Codec {
            type_name: "ID",
            encode: |object| {
                let id: &Identity = downcast(object)?;
                tensors::write(&[("tokens", &id.tokens), ("negative_tokens", &id.negative_tokens)], &[]).ok()
            },
            decode: |bytes| {
                let negative_tokens = required(bytes, "negative_tokens")?;
                Ok(Arc::new(Identity { tokens: required(bytes, "tokens")?, negative_tokens }))
            },
        },
        Codec {
            type_name: "CONDITIONING",
            encode: conditioning::encode,
            decode: |bytes| Ok(Arc::new(conditioning::decode(bytes)?)),
        },
    ]
}

fn downcast<T: Object>(object: &dyn Object) -> Option<&T> {
    let any: &dyn Any = object;
    any.downcast_ref()
}

fn required(bytes: &[u8], name: &str) -> Result<Tensor> {
    let Some(tensor) = tensors::read(&tensors::open(bytes)?, name)? else {
        bail!("the tensor `{name}` is missing");
    };
    Ok(tensor)
}

fn encode_latent(object: &dyn Object) -> Option<Vec<u8>> {
    let latent: &Latent = downcast(object)?;
    let mut parts = vec![("samples", &latent.samples)];
    parts.extend(latent.noise_mask.as_ref().map(|mask| ("noise_mask", mask.tensor())));
    tensors::write(&parts, &[]).ok()
}

fn decode_latent(bytes: &[u8]) -> Result<Latent> {
    let mask = tensors::read(&tensors::open(bytes)?, "noise_mask")?.map(Mask::from_tensor).transpose()?;
    Ok(Latent { noise_mask: mask, ..Latent::new(required(bytes, "samples")?)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::Value;

    fn values() -> Vec<f32> {
        vec![0.1, -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, f32::from_bits(0x7fc0_1234), 1.0]
    }

    fn objects() -> Vec<Arc<dyn Object>> {
        let mask = Mask::new([1, 2, 3], values()).unwrap();
        let latent = Latent::new(Tensor::new([1, 1, 2, 3], values()).unwrap()).unwrap();
        vec![
            Arc::new(Image::new([1, 2, 1, 3], values()).unwrap()),
            Arc::new(mask.clone()),
            Arc::new(latent.clone()),
            Arc::new(Latent { noise_mask: Some(mask), ..latent.clone() }),
            Arc::new(Identity { tokens: latent.samples.clone(), negative_tokens: latent.samples }),
            Arc::new(crate::face::testing::with_embedding(&[0.1, -0.0, f32::MIN_POSITIVE / 2.0])),
        ]
    }

    fn codec(object: &dyn Object) -> Codec {
        codecs().into_iter().find(|codec| codec.type_name == object.type_name()).unwrap()
    }

    /// All bits of an object.
    fn bits(object: &Arc<dyn Object>) -> Vec<(Vec<usize>, Vec<u32>)> {
        let bits = |t: &Tensor| (t.shape().to_vec(), t.data().iter().map(|v| v.to_bits()).collect());
        let value = Value::Object(object.clone());
        if let Some(image) = value.downcast::<Image>() {
            vec![bits(image.tensor())]
        } else if let Some(mask) = value.downcast::<Mask>() {
            vec![bits(mask.tensor())]
        } else if let Some(id) = value.downcast::<Identity>() {
            vec![bits(&id.tokens), bits(&id.negative_tokens)]
        } else if let Some(face) = value.downcast::<Face>() {
            let kps = face.kps.unwrap_or_default();
            let numbers = [&face.bbox[..], kps.as_flattened(), face.embedding.as_deref().unwrap_or_default()];
            vec![(face.picture.to_vec(), numbers.concat().iter().map(|v| v.to_bits()).collect())]
        } else {
            let latent = value.downcast::<Latent>().unwrap();
            let mask = latent.noise_mask.as_ref().map(|mask| bits(mask.tensor()));
            std::iter::once(bits(&latent.samples)).chain(mask).collect()
        }
    }

    #[test]
    fn every_bit_comes_back() {
        for object in objects() {
            let codec = codec(&*object);
            let bytes = (codec.encode)(&*object).unwrap();
            assert_eq!(bits(&(codec.decode)(&bytes).unwrap()), bits(&object), "{codec:?}");
        }
    }

    #[test]
    fn other_objects_and_damaged_bytes_are_refused() {
        let all = objects();
        for object in &all {
            let codec = codec(&**object);
            let other = all.iter().find(|other| other.type_name() != object.type_name()).unwrap();
            assert!((codec.encode)(&**other).is_none());
            let bytes = (codec.encode)(&**object).unwrap();
            for length in 0..bytes.len() {
                assert!((codec.decode)(&bytes[..length]).is_err());
            }
            for at in 0..bytes.len() {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x55;
                let _ = (codec.decode)(&damaged); // a value may have changed; it must not panic
            }
        }
    }
}
