//! Versions of ONNX Runtime.

use std::fmt;

/// The oldest ONNX Runtime that can be used.
pub const OLDEST: Version = Version { major: 1, minor: ort::MINOR_VERSION, patch: 0 };

/// The first ONNX Runtime that reports on Linux and macOS.
/// Source: <https://github.com/microsoft/onnxruntime/pull/27379>.
const REPORTING: Version = Version { major: 1, minor: 29, patch: 0 };

/// The environment variable that keeps ONNX Runtime from reporting, if it is `1` before the library is loaded.
pub const QUIET: &str = "ORT_DISABLE_TELEMETRY";

/// A version of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The 1 of 1.32.0.
    pub major: u32,
    /// The 32 of 1.32.0; also the version of the library's interface.
    pub minor: u32,
    /// The 0 of 1.32.0.
    pub patch: u32,
}

impl Version {
    /// The first `1.32.0` in a text, as in `libonnxruntime.1.32.0.dylib`.
    pub fn in_text(text: &str) -> Option<Self> {
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|part| part.trim_matches('.'));
        numbers.into_iter().find_map(|part| {
            let mut parts = part.split('.').map(|number| number.parse().ok());
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => {
                    Some(Version { major, minor, patch })
                }
                _ => None,
            }
        })
    }

    /// Whether this program can use it.
    pub fn is_supported(self) -> bool {
        // Another major version would be another interface.
        self >= OLDEST && self.major == OLDEST.major
    }

    /// Whether its makers' builds report to them which models are run, and on which machine, unless [`QUIET`] is set. It
    /// begins as soon as the library is started, before a program can ask it not to.
    ///
    /// Windows is another matter: there events go to the system, which passes them on as far as its user allows.
    pub fn reports(self) -> bool {
        self >= REPORTING && !cfg!(windows)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_names() {
        let found = |text| Version::in_text(text).map(|version| version.to_string());
        assert_eq!(found("libonnxruntime.so.1.32.0").unwrap(), "1.32.0");
        assert_eq!(found("libonnxruntime.1.18.1.dylib").unwrap(), "1.18.1");
        assert_eq!(found("VERS_1.20.0").unwrap(), "1.20.0");
        for none in ["libonnxruntime.so", "libonnxruntime.so.1", "onnxruntime.dll", "1.2.3.4", "1.99999999999.0", ""] {
            assert_eq!(found(none), None, "{none}");
        }
        let old = Version { major: 1, minor: 16, patch: 3 };
        assert!(!old.is_supported() && OLDEST.is_supported());
        assert!(!Version { major: 2, ..OLDEST }.is_supported());
        assert_eq!(REPORTING.reports(), !cfg!(windows));
        assert!(!Version { major: 1, minor: 28, patch: 9 }.reports());
    }
}
