//! The last few network results of a multistep rule, newest first.

use candle_core::Tensor;
use std::collections::VecDeque;

/// A bounded list of tensors; the newest is number 0.
pub(super) struct History {
    newest_first: VecDeque<Tensor>,
    limit: usize,
}

impl History {
    /// An empty one that forgets all but the `limit` newest.
    pub fn new(limit: usize) -> Self {
        Self { newest_first: VecDeque::new(), limit }
    }

    pub fn push(&mut self, tensor: Tensor) {
        self.newest_first.push_front(tensor);
        self.newest_first.truncate(self.limit);
    }

    pub fn len(&self) -> usize {
        self.newest_first.len()
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor> {
        self.newest_first.iter()
    }
}

impl std::ops::Index<usize> for History {
    type Output = Tensor;

    fn index(&self, age: usize) -> &Tensor {
        &self.newest_first[age]
    }
}
