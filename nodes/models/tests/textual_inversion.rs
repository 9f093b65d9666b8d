//! A pickle as A1111 writes it: a dictionary with settings, and the vectors in a dictionary inside.

use selfsame_models::text::{EncoderRole, TextualInversion};
use std::path::Path;

/// Made by `torch.save({"string_to_param": {"*": torch.arange(8.).reshape(2, 4)}, "name": …, "step": …, …})`.
#[test]
fn a1111_pickle_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/a1111_embedding.pt");
    let found = TextualInversion::load(path).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name(), found[0].token()), ("a1111_embedding", None));
    let vectors = found[0].vectors(EncoderRole::ClipL, 4).unwrap().to_vec2::<f32>().unwrap();
    assert_eq!(vectors, [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]);
}
