//! Another person in each picture of a batch.

use crate::wires::Identity;
use selfsame_sdk::prelude::*;

/// Gives every picture of a batch its own person: the first identity goes to the first picture, and so on. The latents must be
/// a batch of as many.
#[node(id = "core.instantid.id_batch", name = "IDBatch", title = "ID batch", category = "instantid", search = ["list", "several people"])]
#[output(id = "the identities, one for each picture")]
pub fn id_batch(
    /// The identities; each may be a batch itself.
    ids: Vec<Identity>,
) -> Result<Identity> {
    let tokens: Vec<&Tensor> = ids.iter().map(|id| &id.tokens).collect();
    let negative_tokens: Vec<&Tensor> = ids.iter().map(|id| &id.negative_tokens).collect();
    Ok(Identity { tokens: rows(&tokens)?, negative_tokens: rows(&negative_tokens)? })
}

/// Tokens `[_,T,D]` one behind the other.
fn rows(parts: &[&Tensor]) -> Result<Tensor> {
    let Some(first) = parts.first() else {
        return Err(Error::input("ids", "the list is empty; expected at least one"));
    };
    let (mut batch, mut data) = (0, Vec::new());
    for (index, part) in parts.iter().enumerate() {
        if part.shape().len() != 3 || part.shape()[1..] != first.shape()[1..] {
            let (got, expected) = (part.shape(), first.shape());
            let message = format!("number {index} has tokens {got:?}, which do not go with {expected:?}");
            return Err(Error::input("ids", message).hint("make all of them with the same adapter"));
        }
        batch += part.shape()[0];
        data.extend_from_slice(part.data());
    }
    let shape: Vec<usize> = std::iter::once(batch).chain(first.shape()[1..].iter().copied()).collect();
    Tensor::new(shape, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(rows: usize, tokens: usize, value: f32) -> Identity {
        let tensor = |value| Tensor::new([rows, tokens, 2], vec![value; rows * tokens * 2]).unwrap();
        Identity { tokens: tensor(value), negative_tokens: tensor(-value) }
    }

    #[test]
    fn identities_become_rows_in_order() {
        let batch = id_batch(vec![id(1, 1, 3.0), id(2, 1, 4.0)]).unwrap();
        assert_eq!(batch.tokens.shape(), [3, 1, 2]);
        assert_eq!(batch.tokens.data(), [3.0, 3.0, 4.0, 4.0, 4.0, 4.0]);
        assert_eq!(batch.negative_tokens.data(), [-3.0, -3.0, -4.0, -4.0, -4.0, -4.0]);
    }

    #[test]
    fn what_cannot_be_one_batch() {
        let no = |ids| id_batch(ids).unwrap_err().to_string();
        assert_eq!(no(vec![]), "input `ids`: the list is empty; expected at least one");
        assert!(no(vec![id(1, 1, 0.0), id(1, 2, 0.0)]).contains("number 1 has tokens [1, 2, 2]"));
    }
}
