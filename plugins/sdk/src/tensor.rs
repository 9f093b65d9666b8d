//! Numbers on the wires: tensors, pictures, masks and latents, in the host's memory.
//!
//! What flows between nodes as data lives in main memory, whatever device computes it: a picture is read, looked at by
//! detectors, saved and cached there, and next to the seconds of a sampling its copy from a device is nothing. What must
//! stay on a device (weights, encoded text) flows as opaque objects.

use crate::ffi::{ObjRef, Shared};
use crate::{Error, Fields, Object, ObjectType, Result, Type, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// f32 values in row-major order. Clones share the values, and so do the two sides of the plugin boundary.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Arc<Data>,
}

enum Data {
    Own(Vec<f32>),
    /// In the memory of the other side of the plugin boundary.
    Shared(Shared),
}

impl Data {
    fn as_slice(&self) -> &[f32] {
        match self {
            Data::Own(data) => data,
            Data::Shared(data) => data.as_slice(),
        }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Tensor {
    /// A tensor of a shape.
    ///
    /// # Errors
    /// If there are not as many values as the shape says.
    pub fn new(shape: impl Into<Vec<usize>>, data: Vec<f32>) -> Result<Self> {
        let shape = shape.into();
        let wanted = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
        if wanted != Some(data.len()) {
            return Err(Error::new(format!("shape {shape:?} does not hold {} values", data.len())));
        }
        Ok(Tensor { shape, data: Arc::new(Data::Own(data)) })
    }

    /// A tensor in memory of the other side; there are as many values as the shape says.
    pub(crate) fn shared(shape: Vec<usize>, data: Shared) -> Self {
        Tensor { shape, data: Arc::new(Data::Shared(data)) }
    }

    /// The object of the other side of the plugin boundary that has the values.
    pub(crate) fn origin(&self) -> Option<&ObjRef> {
        match &*self.data {
            Data::Own(_) => None,
            Data::Shared(data) => data.origin(),
        }
    }

    /// Its dimensions.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its values.
    pub fn data(&self) -> &[f32] {
        self.data.as_slice()
    }

    /// Its values, copied only if somebody else holds them too.
    pub fn into_data(self) -> Vec<f32> {
        match Arc::try_unwrap(self.data) {
            Ok(Data::Own(data)) => data,
            Ok(Data::Shared(data)) => data.as_slice().to_vec(),
            Err(shared) => shared.as_slice().to_vec(),
        }
    }

    /// How much memory the values take.
    pub fn bytes(&self) -> u64 {
        self.data().len() as u64 * 4
    }

    /// The dimensions, if there are `N`.
    ///
    /// # Errors
    /// If there are more or fewer; `layout` says what they should be, as `[B,H,W,C]`.
    pub fn dims<const N: usize>(&self, layout: &str) -> Result<[usize; N]> {
        <[usize; N]>::try_from(&*self.shape)
            .map_err(|_| Error::new(format!("expected a tensor {layout}, got shape {:?}", self.shape)))
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "f32 {:?}", self.shape)
    }
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.tensor.fmt(f)
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.tensor.fmt(f)
    }
}

/// Pictures of one size: f32 `[B,H,W,C]`, 0..1, sRGB. `C` is 1 (gray), 3 (RGB) or 4 (RGB and alpha, not premultiplied).
#[derive(Clone, PartialEq)]
pub struct Image {
    tensor: Tensor,
    dims: [usize; 4],
}

impl Image {
    /// Pictures from their values.
    ///
    /// # Errors
    /// If there are not `B*H*W*C` values, a dimension is 0, or `C` is none of 1, 3, 4.
    pub fn new(dims: [usize; 4], data: Vec<f32>) -> Result<Self> {
        Self::from_tensor(Tensor::new(dims, data)?)
    }

    /// A tensor `[B,H,W,C]` as pictures.
    ///
    /// # Errors
    /// If it has other dimensions, one of 0, or `C` is none of 1, 3, 4.
    pub fn from_tensor(tensor: Tensor) -> Result<Self> {
        let dims @ [b, h, w, c] = tensor.dims("[B,H,W,C]")?;
        if b == 0 || h == 0 || w == 0 || !matches!(c, 1 | 3 | 4) {
            return Err(Error::new(format!("no picture has the shape {dims:?}: expected [B,H,W,C] with C 1, 3 or 4")));
        }
        Ok(Image { tensor, dims })
    }

    /// `[B,H,W,C]`.
    pub fn dims(&self) -> [usize; 4] {
        self.dims
    }

    /// How many pictures there are.
    pub fn batch(&self) -> usize {
        self.dims[0]
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.dims[1]
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.dims[2]
    }

    /// 1, 3 or 4.
    pub fn channels(&self) -> usize {
        self.dims[3]
    }

    /// All values.
    pub fn data(&self) -> &[f32] {
        self.tensor.data()
    }

    /// The values of each picture, `H*W*C` of them.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let [_, h, w, c] = self.dims;
        self.data().chunks_exact(h * w * c)
    }

    /// The tensor `[B,H,W,C]`.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// As a tensor `[B,H,W,C]`.
    pub fn into_tensor(self) -> Tensor {
        self.tensor
    }

    /// Every value changed by a function; not a copy if nobody else holds this picture.
    pub fn map(self, change: impl Fn(f32) -> f32) -> Image {
        let Image { tensor, dims } = self;
        let shape = tensor.shape.clone();
        let mut data = tensor.into_data();
        data.iter_mut().for_each(|x| *x = change(*x));
        Image { tensor: Tensor { shape, data: Arc::new(Data::Own(data)) }, dims }
    }
}

/// Masks of one size: f32 `[B,H,W]`, 0..1.
#[derive(Clone, PartialEq)]
pub struct Mask {
    tensor: Tensor,
    dims: [usize; 3],
}

impl Mask {
    /// Masks from their values.
    ///
    /// # Errors
    /// If there are not `B*H*W` values, or a dimension is 0.
    pub fn new(dims: [usize; 3], data: Vec<f32>) -> Result<Self> {
        Self::from_tensor(Tensor::new(dims, data)?)
    }

    /// A tensor `[B,H,W]` as masks.
    ///
    /// # Errors
    /// If it has other dimensions, or one of 0.
    pub fn from_tensor(tensor: Tensor) -> Result<Self> {
        let dims = tensor.dims("[B,H,W]")?;
        if dims.contains(&0) {
            return Err(Error::new(format!("no mask has the shape {dims:?}: expected [B,H,W]")));
        }
        Ok(Mask { tensor, dims })
    }

    /// `[B,H,W]`.
    pub fn dims(&self) -> [usize; 3] {
        self.dims
    }

    /// How many masks there are.
    pub fn batch(&self) -> usize {
        self.dims[0]
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.dims[1]
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.dims[2]
    }

    /// All values.
    pub fn data(&self) -> &[f32] {
        self.tensor.data()
    }

    /// The values of each mask, `H*W` of them.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        let [_, h, w] = self.dims;
        self.data().chunks_exact(h * w)
    }

    /// The tensor `[B,H,W]`.
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// As a tensor `[B,H,W]`.
    pub fn into_tensor(self) -> Tensor {
        self.tensor
    }
}

/// Pictures as an autoencoder sees them.
#[derive(Clone, PartialEq)]
pub struct Latent {
    /// f32 `[B,C,H/8,W/8]`, scaled as the denoising network expects them.
    pub samples: Tensor,
    /// Where sampling may change them: 1 there, 0 elsewhere. Any size; it is resized to the latents.
    pub noise_mask: Option<Mask>,
}

impl Latent {
    /// Latents without a mask.
    ///
    /// # Errors
    /// If the tensor is not `[B,C,H,W]`, or a dimension is 0.
    pub fn new(samples: Tensor) -> Result<Self> {
        let dims: [usize; 4] = samples.dims("[B,C,H,W]")?;
        if dims.contains(&0) {
            return Err(Error::new(format!("no latents have the shape {dims:?}")));
        }
        Ok(Latent { samples, noise_mask: None })
    }
}

impl std::fmt::Debug for Latent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.samples)?;
        if let Some(mask) = &self.noise_mask {
            write!(f, " with a noise mask {mask:?}")?;
        }
        Ok(())
    }
}

impl Fields for Latent {
    fn names(&self) -> Vec<String> {
        ["samples", "noise_mask"].map(str::to_owned).to_vec()
    }

    fn field(&self, name: &str) -> Result<Option<Value>> {
        Ok(match name {
            "samples" => Some(Value::object(self.samples.clone())),
            "noise_mask" => self.noise_mask.clone().map(Value::object),
            _ => None,
        })
    }
}

macro_rules! object {
    ($ty:ident, $constant:ident, $bytes:expr $(, $as_fields:expr)?) => {
        impl Object for $ty {
            fn type_name(&self) -> Cow<'_, str> {
                Cow::Borrowed(stringify!($constant))
            }

            fn bytes(&self) -> u64 {
                let bytes: fn(&$ty) -> u64 = $bytes;
                bytes(self)
            }

            fn summary(&self) -> String {
                format!("{self:?}")
            }

            $(fn as_fields(&self) -> Option<&dyn Fields> {
                let as_fields: fn(&$ty) -> &dyn Fields = $as_fields;
                Some(as_fields(self))
            })?
        }

        impl ObjectType for $ty {
            const TYPE: Type = Type::$constant;
        }
    };
}
object!(Tensor, TENSOR, |tensor| tensor.bytes());
object!(Image, IMAGE, |image| image.tensor.bytes());
object!(Mask, MASK, |mask| mask.tensor.bytes());
object!(Latent, LATENT, |l| l.samples.bytes() + l.noise_mask.as_ref().map_or(0, |mask| mask.tensor.bytes()), |l| l);
