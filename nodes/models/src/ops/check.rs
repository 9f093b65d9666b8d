//! What operands must look like, whoever computes with them.

use crate::{Error, Result};
use candle_core::Tensor;

/// Fails with what, expected and got unless `ok`.
pub fn expect(ok: bool, error: impl FnOnce() -> (String, String, String)) -> Result<()> {
    if ok {
        return Ok(());
    }
    let (what, expected, got) = error();
    Err(Error::input(what, expected, got))
}

/// The dimensions of a tensor for a message.
pub fn shape_of(x: &Tensor) -> String {
    format!("{:?}", x.dims())
}

/// `q [B, Lq, heads·d]`, `k` and `v [B, Lk, heads·d]` with `Lk > 0`.
pub fn attention(q: &Tensor, k: &Tensor, v: &Tensor, heads: usize) -> Result<()> {
    let (batch, _, width) = q.dims3()?;
    let keys = k.dim(1)?;
    let divides = heads > 0 && width > 0 && width.is_multiple_of(heads);
    expect(divides, || ("queries of attention".into(), format!("[B, L, n·{heads}]"), shape_of(q)))?;
    for (name, x) in [("keys", k), ("values", v)] {
        let fits = x.dims() == [batch, keys, width] && keys > 0;
        expect(fits, || (format!("{name} of attention"), format!("[{batch}, {keys} > 0, {width}]"), shape_of(x)))?;
    }
    Ok(())
}

/// `x [B, C, ..]` with `C` a multiple of `groups`, `weight` and `bias` of `C` elements.
pub fn group_norm(x: &Tensor, groups: usize, weight: &Tensor, bias: &Tensor) -> Result<()> {
    let channels = if x.rank() >= 2 { x.dim(1)? } else { 0 };
    let divides = groups > 0 && channels > 0 && channels.is_multiple_of(groups);
    expect(divides, || ("input of group_norm".into(), format!("[B, n·{groups}, ..]"), shape_of(x)))?;
    affine("group_norm", weight, bias, channels)
}

/// `x [.., D]`, `weight` and `bias` of `D` elements.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<()> {
    let features = x.dims().last().copied().unwrap_or(0);
    expect(features > 0, || ("input of layer_norm".into(), "[.., D > 0]".into(), shape_of(x)))?;
    affine("layer_norm", weight, bias, features)
}

/// `x [.., 2C]`.
pub fn geglu(x: &Tensor) -> Result<()> {
    let width = x.dims().last().copied().unwrap_or(0);
    expect(width > 0 && width.is_multiple_of(2), || ("input of geglu".into(), "[.., even]".into(), shape_of(x)))
}

fn affine(what: &str, weight: &Tensor, bias: &Tensor, len: usize) -> Result<()> {
    for (name, tensor) in [("weight", weight), ("bias", bias)] {
        expect(tensor.elem_count() == len, || {
            (format!("{name} of {what}"), format!("{len} elements"), shape_of(tensor))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Shape};

    fn zeros(shape: impl Into<Shape>) -> Tensor {
        Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("a CPU tensor")
    }

    #[test]
    fn messages_say_what_was_expected_and_what_came() {
        let message = |result: Result<()>| result.unwrap_err().to_string();
        let (x, ones) = (zeros((1, 6, 4)), zeros(6));
        assert_eq!(
            message(group_norm(&x, 4, &ones, &ones)),
            "input of group_norm: expected [B, n·4, ..], got [1, 6, 4]"
        );
        assert_eq!(message(layer_norm(&x, &ones, &ones)), "weight of layer_norm: expected 4 elements, got [6]");
        let (q, k) = (zeros((1, 4, 8)), zeros((1, 5, 6)));
        assert_eq!(message(attention(&q, &k, &k, 2)), "keys of attention: expected [1, 5 > 0, 8], got [1, 5, 6]");
        assert_eq!(message(geglu(&zeros((2, 3)))), "input of geglu: expected [.., even], got [2, 3]");
    }

    #[test]
    fn nothing_divides_by_zero() {
        let (x, none) = (zeros((2, 0, 4)), zeros(0));
        assert!(group_norm(&x, 2, &none, &none).is_err() && group_norm(&zeros(3), 1, &none, &none).is_err());
        assert!(group_norm(&zeros((1, 2)), 0, &zeros(2), &zeros(2)).is_err());
        assert!(attention(&x, &x, &x, 0).is_err() && attention(&zeros((1, 2, 0)), &zeros((1, 2, 0)), &x, 1).is_err());
        assert!(layer_norm(&zeros((2, 0)), &none, &none).is_err() && geglu(&zeros((2, 0))).is_err());
    }
}
