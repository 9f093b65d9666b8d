//! How a node fails.

use std::fmt;

/// What a node's function gives.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a node failed: a message for a person and a [`Status`] for the host.
///
/// Any [`std::error::Error`] becomes one through `?`. To say which input is to blame, use [`Error::input`] or
/// [`ErrorExt::input`]; to say what to do about it, [`Error::hint`].
///
/// ```
/// use selfsame_sdk::{Error, ErrorExt, Result};
///
/// fn parse(text: &str) -> Result<f64> {
///     let number: f64 = text.trim().parse().input("text")?;
///     if number < 0.0 {
///         return Err(Error::input("text", format!("expected a length, got {number}")).hint("leave the sign away"));
///     }
///     Ok(number)
/// }
/// assert_eq!(parse("x").unwrap_err().to_string(), "input `text`: invalid float literal");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure it is.
    pub status: Status,
    /// What went wrong, lower case, without a final dot.
    pub message: String,
    /// The input that is to blame.
    pub port: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What kind of failure it is: the status codes of the plugin boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The run was cancelled.
    Cancelled,
    /// An input has a value that the node cannot work with.
    InvalidArgument,
    /// The node cannot do this at all.
    Unsupported,
    /// A file, model or name that is not there.
    NotFound,
    /// Memory ran out. The host may free some and try again.
    OutOfMemory,
    /// Anything else.
    Internal,
    /// The node panicked.
    Panic,
    /// Not a failure: a lazy input (in [`Error::port`]) is wanted. The host computes it and calls the node again.
    NeedsInput,
}

impl Error {
    /// An internal failure.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with(Status::Internal, message)
    }

    /// A failure of some kind.
    pub fn with(status: Status, message: impl Into<String>) -> Self {
        Error { status, message: message.into(), port: None, hint: None }
    }

    /// An input has a value that the node cannot work with.
    pub fn input(port: impl Into<String>, message: impl Into<String>) -> Self {
        Error { port: Some(port.into()), ..Self::with(Status::InvalidArgument, message) }
    }

    /// The run was cancelled.
    pub fn cancelled() -> Self {
        Self::with(Status::Cancelled, "cancelled")
    }

    /// A lazy input is wanted.
    pub(crate) fn needs(port: &str) -> Self {
        Error { port: Some(port.to_owned()), ..Self::with(Status::NeedsInput, "this lazy input is wanted") }
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(port) = &self.port {
            write!(f, "input `{port}`: ")?;
        }
        f.write_str(&self.message)
    }
}

// `Error` is no `std::error::Error` itself, as this conversion would then overlap with that from itself.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let text = inner.to_string();
            // Many errors already print what they wrap.
            if !message.ends_with(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = inner.source();
        }
        Error::new(message)
    }
}

impl From<Error> for Box<dyn std::error::Error> {
    fn from(error: Error) -> Self {
        error.to_string().into()
    }
}

impl From<Error> for Box<dyn std::error::Error + Send + Sync> {
    fn from(error: Error) -> Self {
        error.to_string().into()
    }
}

/// Adds what a person needs to know to an error on its way up.
pub trait ErrorExt<T> {
    /// Says which input is to blame.
    ///
    /// # Errors
    /// If this is one.
    fn input(self, port: &str) -> Result<T>;

    /// Says what was being done: `reading ada.png: unexpected end of file`.
    ///
    /// # Errors
    /// If this is one.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Error>> ErrorExt<T> for std::result::Result<T, E> {
    fn input(self, port: &str) -> Result<T> {
        self.map_err(|error| {
            let error: Error = error.into();
            let status = if error.status == Status::Internal { Status::InvalidArgument } else { error.status };
            Error { status, port: Some(port.to_owned()), ..error }
        })
    }

    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| {
            let error: Error = error.into();
            Error { message: format!("{}: {}", what(), error.message), ..error }
        })
    }
}

/// Returns an [`Error`] with a formatted message.
#[macro_export]
macro_rules! bail {
    ($($arg:tt)*) => { return ::std::result::Result::Err($crate::Error::new(format!($($arg)*))) };
}
