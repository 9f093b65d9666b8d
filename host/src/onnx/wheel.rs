//! Which wheels are fetched.

use super::Error;

/// A wheel of the Python package `onnxruntime` or `onnxruntime-gpu`, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The platforms as the wheel's name lists them, with dots between.
    pub platform: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its BLAKE2b-256, which is in its address.
    pub blake2b: String,
}

/// The last version that does not report to its makers what it runs; see [`Version::reports`](super::Version::reports).
const VERSION: &str = "1.28.0";

/// The Python that the wheels are made for. Their library is the same for all.
pub(super) const PYTHON: &str = "311";

impl Wheel {
    /// The one for this machine; with `gpu` one that can use CUDA 13.
    pub fn for_this_machine(gpu: bool) -> Option<Self> {
        let machine = (std::env::consts::OS, std::env::consts::ARCH);
        let pinned = PINNED.iter().find(|pinned| pinned.machine == machine && pinned.gpu == gpu)?;
        Some(Wheel {
            package: if gpu { "onnxruntime-gpu" } else { "onnxruntime" }.to_owned(),
            version: VERSION.to_owned(),
            platform: pinned.platform.to_owned(),
            bytes: pinned.bytes,
            sha256: pinned.sha256.to_owned(),
            blake2b: pinned.blake2b.to_owned(),
        })
    }

    /// As [`for_this_machine`](Self::for_this_machine).
    ///
    /// # Errors
    /// If there is none.
    pub fn usual(gpu: bool) -> Result<Self, Error> {
        Self::for_this_machine(gpu).ok_or(Error::NoWheel { gpu })
    }

    /// The name of the folder that its library is put in.
    pub fn name(&self) -> String {
        format!("{}-{}", self.package, self.version)
    }

    /// The name of its file.
    pub fn file(&self) -> String {
        let package = self.package.replace('-', "_");
        format!("{package}-{}-cp{PYTHON}-cp{PYTHON}-{}.whl", self.version, self.platform)
    }

    /// Its path on the server that holds the files of the package index.
    pub(super) fn path(&self) -> String {
        let cut = |range| self.blake2b.get(range).unwrap_or_default();
        format!("packages/{}/{}/{}/{}", cut(0..2), cut(2..4), self.blake2b.get(4..).unwrap_or_default(), self.file())
    }
}

/// A wheel in the table below.
struct Pinned {
    machine: (&'static str, &'static str),
    gpu: bool,
    platform: &'static str,
    bytes: u64,
    sha256: &'static str,
    blake2b: &'static str,
}

/// As <https://pypi.org/project/onnxruntime/> and <https://pypi.org/project/onnxruntime-gpu/> state them.
const PINNED: &[Pinned] = &[
    Pinned {
        machine: ("macos", "aarch64"),
        gpu: false,
        platform: "macosx_14_0_arm64",
        bytes: 19_130_506,
        sha256: "f5c5daabd28aad610f83fdcf32acec8fb57e6adc6c6a39fe2a3c755db957b410",
        blake2b: "174d5014667e2a3a77d6e1b74cc3d88948d06163b8e0a33a84c85073322b5dec",
    },
    Pinned {
        machine: ("windows", "x86_64"),
        gpu: false,
        platform: "win_amd64",
        bytes: 13_752_539,
        sha256: "0d650aeee29368414367b65529e90afe4bf1bab76254789063b8b2f7ea3013c8",
        blake2b: "9f103d946d5d5f2cdcc3c8da36cae63190c516d16349edaffd944bda60ca4c3e",
    },
    Pinned {
        machine: ("linux", "x86_64"),
        gpu: false,
        platform: "manylinux_2_27_x86_64.manylinux_2_28_x86_64",
        bytes: 19_193_162,
        sha256: "a166b78ee04f3a37fa1ef82034b6a3ce96d9684e582d4d30b296de83e9998bb5",
        blake2b: "f3174e5ecd8764f87573c495d834ce79e61ecca47f7a01d1e444a606e570edcb",
    },
    Pinned {
        machine: ("windows", "aarch64"),
        gpu: false,
        platform: "win_arm64",
        bytes: 13_449_940,
        sha256: "0faf85fb447a663c9cdadc39bd6b19bdf7bedded6699e45731b9b36c46fd993d",
        blake2b: "8f741c440be7af1e026280b139caa1be5d11bd4dc368011ddbe8f5362b58e12f",
    },
    Pinned {
        machine: ("linux", "aarch64"),
        gpu: false,
        platform: "manylinux_2_27_aarch64.manylinux_2_28_aarch64",
        bytes: 17_039_880,
        sha256: "8d66f9ceb29909c70839e4e4fb3435c7b490050d8f162bd5f3aba4ca01ee517f",
        blake2b: "ea97b7ce1bc8bb6048b5fe9129f55d6506dc19499068ef2e0a0af1ae3c8aa4e7",
    },
    Pinned {
        machine: ("linux", "x86_64"),
        gpu: true,
        platform: "manylinux_2_27_x86_64.manylinux_2_28_x86_64",
        bytes: 249_753_828,
        sha256: "774d4c307317f7a0fefc33930820b7ac2a62be2c595e6a1e63e318555f7176b8",
        blake2b: "7b51fe4fbdb7a11beaebdad752973efd8dad3600f50d56e681fa861f65d6cb17",
    },
    Pinned {
        machine: ("windows", "x86_64"),
        gpu: true,
        platform: "win_amd64",
        bytes: 241_446_409,
        sha256: "d5004c1d38da77970d4534e2e20e34ade9c4fb167bfc685a9843d2863a58122a",
        blake2b: "d11ba634783c2455cca7c66261dc4e3e16f4058047b79679925737a30dd4c76e",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pinned_can_be_right() {
        for pinned in PINNED {
            for digest in [pinned.sha256, pinned.blake2b] {
                assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
            }
            let same = |other: &&Pinned| (other.machine, other.gpu) == (pinned.machine, pinned.gpu);
            assert_eq!(PINNED.iter().filter(same).count(), 1, "{:?}", pinned.machine);
        }
        let version = crate::onnx::Version::in_text(VERSION).unwrap();
        assert!(version.is_supported() && !version.reports());
    }

    #[test]
    fn the_address_of_a_wheel() {
        let wheel = Wheel {
            package: "onnxruntime-gpu".into(),
            version: "1.2.3".into(),
            platform: "win_amd64".into(),
            bytes: 1,
            sha256: "00".repeat(32),
            blake2b: format!("abcd{}", "0".repeat(60)),
        };
        assert_eq!(wheel.name(), "onnxruntime-gpu-1.2.3");
        let file = "onnxruntime_gpu-1.2.3-cp311-cp311-win_amd64.whl";
        assert_eq!(wheel.path(), format!("packages/ab/cd/{}/{file}", "0".repeat(60)));
    }
}
