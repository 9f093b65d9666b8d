//! Kinds of failure as numbers.

use super::abi::*;
use crate::Status;

/// The number of a kind of failure.
pub fn to_status(status: Status) -> SsStatus {
    match status {
        Status::Cancelled => SS_STATUS_CANCELLED,
        Status::InvalidArgument => SS_STATUS_INVALID_ARGUMENT,
        Status::Unsupported => SS_STATUS_UNSUPPORTED,
        Status::NotFound => SS_STATUS_NOT_FOUND,
        Status::OutOfMemory => SS_STATUS_OUT_OF_MEMORY,
        Status::Internal => SS_STATUS_INTERNAL,
        Status::Panic => SS_STATUS_PANIC,
        Status::NeedsInput => SS_STATUS_NEEDS_INPUT,
    }
}

/// The kind of failure of a number; none for OK.
pub fn from_status(status: SsStatus) -> Option<Status> {
    Some(match status {
        SS_STATUS_OK => return None,
        SS_STATUS_CANCELLED => Status::Cancelled,
        SS_STATUS_INVALID_ARGUMENT => Status::InvalidArgument,
        SS_STATUS_UNSUPPORTED => Status::Unsupported,
        SS_STATUS_NOT_FOUND => Status::NotFound,
        SS_STATUS_OUT_OF_MEMORY => Status::OutOfMemory,
        SS_STATUS_PANIC => Status::Panic,
        SS_STATUS_NEEDS_INPUT => Status::NeedsInput,
        _ => Status::Internal,
    })
}
