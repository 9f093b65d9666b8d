//! Errors of nodes on their way through a sampling loop.

use selfsame_models as models;
use selfsame_sdk::{Error, Status};
use std::fmt;

/// An error of a node inside one of a loop.
#[derive(Debug)]
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Carried {}

/// An error that a loop hands on.
pub fn carried(error: Error) -> models::Error {
    match error.status {
        Status::Cancelled => models::Error::Cancelled,
        _ => models::Error::Hook(Box::new(Carried(error))),
    }
}

/// What a loop says, with what it was handed as it was.
pub fn told(error: models::Error) -> Error {
    match error {
        models::Error::Cancelled => Error::cancelled(),
        models::Error::Hook(inner) => match inner.downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(other) => Error::new(other.to_string()),
        },
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_as_it_was() {
        let error = Error::with(Status::NotFound, "it is nowhere").hint("look elsewhere");
        assert_eq!(told(carried(error.clone())), error);
        assert_eq!(told(carried(Error::cancelled())).status, Status::Cancelled);
    }
}
