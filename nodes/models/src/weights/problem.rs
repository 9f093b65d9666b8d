//! What can be wrong with a weight file, in words.

use super::detect::{Architecture, Family};
use std::fmt;

/// How many findings of one sort a message spells out before it only counts.
const SHOWN: usize = 8;

/// Why a file is not what it should be, before any tensor is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// There is nothing at the path.
    #[error("no such file or folder")]
    NotFound,
    /// The operating system forbids reading it.
    #[error("permission denied: this user may not read it")]
    Permission,
    /// The operating system's words.
    #[error("cannot be read: {0}")]
    Io(String),
    /// Not a tokenizer's file, or a folder without one.
    #[error("is no CLIP tokenizer: {0}")]
    Tokenizer(String),
    /// Nothing in it is a textual inversion embedding.
    #[error("is no textual inversion embedding: {0}")]
    TextualInversion(String),
    /// The file has no bytes.
    #[error("the file is empty: the download failed, get it again")]
    Empty,
    /// A repository was cloned without its large files.
    #[error(
        "this is a Git-LFS pointer, not the file itself (sha256 {oid}, {size} bytes): run `git lfs pull` in its repository, or download the file"
    )]
    LfsPointer {
        /// SHA-256 of the real file, hexadecimal.
        oid: String,
        /// Length of the real file in bytes.
        size: u64,
    },
    /// A browser or a script saved a web page.
    #[error("this is an HTML page, not a model: the download link led to a web page, get the file itself")]
    Html,
    /// Something recognised that is no weight file.
    #[error("this is {what}, expected a safetensors file or a torch checkpoint")]
    OtherFormat {
        /// What it is, with its article: `an ONNX model`.
        what: String,
    },
    /// Something recognised that is no ONNX model.
    #[error("this is {what}, expected an ONNX model")]
    NotOnnx {
        /// What it is, with its article.
        what: String,
    },
    /// The first bytes fit nothing known.
    #[error(
        "unknown file format (it starts with the bytes {start}), expected a safetensors file or a torch checkpoint"
    )]
    Unknown {
        /// The first bytes, hexadecimal.
        start: String,
    },
    /// A safetensors file that ends before its header says.
    #[error("truncated safetensors file: expected {expected} bytes, got {found}; download it again")]
    TruncatedSafetensors {
        /// What the header asks for, in bytes.
        expected: u64,
        /// The length of the file in bytes.
        found: u64,
    },
    /// A zip archive whose directory, its last part, is missing.
    #[error(
        "truncated zip archive: the file ends after {found} bytes without the archive's directory; download it again"
    )]
    TruncatedZip {
        /// The length of the file in bytes.
        found: u64,
    },
    /// A zip archive that torch did not write.
    #[error("this is a zip archive but no torch checkpoint: it has no data.pkl, it holds {}", list(entries))]
    ForeignZip {
        /// The names in the archive.
        entries: Vec<String>,
    },
    /// Written by torch before 1.6, or with its old serialisation.
    #[error(
        "this is a torch checkpoint in the legacy format without a zip archive: load it with torch and save it again, or convert it to safetensors"
    )]
    LegacyPickle,
    /// A pickle without a dictionary of tensors.
    #[error("this is a torch checkpoint without named tensors: it holds {holds}")]
    NoTensors {
        /// What it holds instead.
        holds: String,
    },
    /// The container is recognised and its inside contradicts itself.
    #[error("damaged {format}: {why}")]
    Damaged {
        /// `safetensors file`, `torch checkpoint`.
        format: &'static str,
        /// The contradiction.
        why: String,
    },
    /// Number formats that cannot be computed with.
    #[error("tensors in number formats that cannot be read: {}; convert the file to f16, bf16 or f32", list(tensors))]
    DTypes {
        /// `name (format)` of each.
        tensors: Vec<String>,
    },
    /// A folder without a weight file.
    #[error("this folder holds no weights: looked for {}, found {}", list(wanted), list(found))]
    NoWeights {
        /// The names looked for.
        wanted: Vec<String>,
        /// The names that are there.
        found: Vec<String>,
    },
    /// A checkpoint without one of its networks.
    #[error("this is {found}, it holds no {part}")]
    NoPart {
        /// The network asked for.
        part: &'static str,
        /// What the file is.
        found: String,
    },
}

/// One thing wrong with one tensor, or with the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightProblem {
    /// The file holds another kind of network.
    #[error("this is {found}, expected {expected}")]
    Kind {
        /// What it is, with its article.
        found: String,
        /// What it should be, with its article.
        expected: String,
    },
    /// The right kind of network for another model.
    #[error("this is {found}, the model is {model}")]
    Family {
        /// What the file is.
        found: Architecture,
        /// What the model is.
        model: Family,
    },
    /// Recognised, and nothing here can run it.
    #[error("this is {found}, which is not supported")]
    Unsupported {
        /// What it is, with its article.
        found: String,
    },
    /// The network needs it and the file lacks it.
    #[error("missing {name} {expected:?}")]
    Missing {
        /// Full dotted name.
        name: String,
        /// The shape it should have.
        expected: Vec<usize>,
    },
    /// It has another shape than the network's configuration asks for.
    #[error("{name}: expected shape {expected:?}, got {found:?}")]
    Shape {
        /// Full dotted name.
        name: String,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// It holds another sort of numbers than the network computes with.
    #[error("{name}: expected floating-point numbers, got {found}")]
    DType {
        /// Full dotted name.
        name: String,
        /// The number format in the file.
        found: &'static str,
    },
}

impl WeightProblem {
    /// The sort of finding, for counting: findings about the file as a whole come first.
    fn sort(&self) -> usize {
        match self {
            Self::Kind { .. } | Self::Family { .. } | Self::Unsupported { .. } => 0,
            Self::Missing { .. } => 1,
            Self::Shape { .. } => 2,
            Self::DType { .. } => 3,
        }
    }
}

/// The names of the sorts of [`WeightProblem::sort`].
const SORTS: [&str; 4] = ["unfit", "missing", "of another shape", "of another number format"];

/// All findings about one file, read as one network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WeightsReport {
    /// The file or folder.
    pub source: String,
    /// What it was read as, e.g. `SDXL UNet`.
    pub network: String,
    /// What makes it unusable.
    pub problems: Vec<WeightProblem>,
    /// Tensors in the file that the network did not ask for; harmless alone.
    pub unexpected: Vec<String>,
    /// What the file looks like, or what to do.
    pub hint: Option<String>,
}

impl WeightsReport {
    /// A report of one finding about the file as a whole.
    pub fn of(source: String, network: impl Into<String>, problem: WeightProblem) -> Self {
        Self { source, network: network.into(), problems: vec![problem], ..Self::default() }
    }
}

impl fmt::Display for WeightsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.problems.as_slice()
            && only.sort() == 0
        {
            return write!(f, "{}: {only}", self.source);
        }
        let count = |sort| self.problems.iter().filter(|p| p.sort() == sort).count();
        let mut counts: Vec<String> =
            (0..SORTS.len()).filter(|s| count(*s) > 0).map(|s| format!("{} {}", count(s), SORTS[s])).collect();
        if !self.unexpected.is_empty() {
            counts.push(format!("{} unexpected", self.unexpected.len()));
        }
        let verdict = if self.problems.is_empty() { "read" } else { "cannot be read" };
        write!(f, "{}: {verdict} as {}", self.source, self.network)?;
        if !counts.is_empty() {
            write!(f, ": {}", counts.join(", "))?;
        }
        for (sort, words) in SORTS.iter().enumerate() {
            let mut lines: Vec<String> =
                self.problems.iter().filter(|p| p.sort() == sort).map(ToString::to_string).collect();
            lines.sort_unstable();
            write_lines(f, &lines, words)?;
        }
        let mut lines: Vec<String> = self.unexpected.iter().map(|name| format!("unexpected {name}")).collect();
        lines.sort_unstable();
        write_lines(f, &lines, "unexpected")?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

fn write_lines(f: &mut fmt::Formatter<'_>, lines: &[String], sort: &str) -> fmt::Result {
    for line in lines.iter().take(SHOWN) {
        write!(f, "\n  {line}")?;
    }
    match lines.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more {sort}"),
    }
}

/// `a, b, c and 5 more`, or `nothing`.
fn list(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 if names.is_empty() => "nothing".into(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_sorts_and_shortens() {
        let missing = |i: usize| WeightProblem::Missing { name: format!("w{i:02}"), expected: vec![1] };
        let mut problems: Vec<_> = (0..20).rev().map(missing).collect();
        problems.push(WeightProblem::Shape { name: "s".into(), expected: vec![2], found: vec![3] });
        let report = WeightsReport {
            source: "a.safetensors".into(),
            network: "SDXL UNet".into(),
            problems,
            unexpected: vec!["u".into()],
            hint: Some("it looks like an SD1.5 UNet".into()),
        };
        let text = report.to_string();
        assert!(
            text.starts_with("a.safetensors: cannot be read as SDXL UNet: 20 missing, 1 of another shape, 1 unexpected\n  missing w00 [1]\n"),
            "{text}"
        );
        assert!(
            text.contains("missing w07") && !text.contains("w08") && text.contains("and 12 more missing"),
            "{text}"
        );
        assert!(text.ends_with("unexpected u\n  it looks like an SD1.5 UNet"), "{text}");
    }
}
