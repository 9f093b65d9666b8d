//! Which wheels are fetched.

use super::Error;

/// A wheel of the Python package `onnxruntime` or `onnxruntime-gpu`, and what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The platform as pip names it.
    pub platform: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its BLAKE2b-256, which is in its address.
    pub blake2b: String,
}

/// The Python that the wheels are made for. Their library is the same for all.
pub(super) const PYTHON: &str = "311";

impl Wheel {
    /// The one for this machine; with `gpu` one that can use CUDA 13.
    pub fn for_this_machine(gpu: bool) -> Option<Self> {
        let machine = (std::env::consts::OS, std::env::consts::ARCH);
        let pinned = PINNED.iter().find(|pinned| pinned.machine == machine && pinned.gpu == gpu)?;
        Some(Wheel {
            package: if gpu { "onnxruntime-gpu" } else { "onnxruntime" }.to_owned(),
            version: pinned.version.to_owned(),
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
    version: &'static str,
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
        version: "1.32.0",
        platform: "macosx_14_0_arm64",
        bytes: 22_506_162,
        sha256: "366b9e53d07812cc5c92822cecf7563b76a8a0f32ba3bb8dd232a206ac3bcb6c",
        blake2b: "b75d50be370b540a6cb9ea173503f5418e8315dfe5757400ad7720542d348b94",
    },
    Pinned {
        machine: ("linux", "aarch64"),
        gpu: false,
        version: "1.32.0",
        platform: "manylinux_2_28_aarch64",
        bytes: 23_195_070,
        sha256: "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
        blake2b: "b730103820b32e9dc1d1fcfc5b519fd2de5bd699d25a25895caf5d726350d1b5",
    },
    Pinned {
        machine: ("linux", "x86_64"),
        gpu: false,
        version: "1.32.0",
        platform: "manylinux_2_28_x86_64",
        bytes: 27_773_237,
        sha256: "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
        blake2b: "1d46e6f356c9539d2eed44126de3421a81e217da2ad91b22dc11b379cb1e384f",
    },
    Pinned {
        machine: ("windows", "x86_64"),
        gpu: false,
        version: "1.32.0",
        platform: "win_amd64",
        bytes: 16_695_880,
        sha256: "d7e0c45cc5f456ad7805e6dd256a7662736cda9c2fd17becae194eb3c2f6df72",
        blake2b: "07ffc797464da311c580ec477077a5c65d7841599a46c35392b5978c0a5ae9a4",
    },
    Pinned {
        machine: ("windows", "aarch64"),
        gpu: false,
        version: "1.32.0",
        platform: "win_arm64",
        bytes: 16_027_290,
        sha256: "23361cdf98afac352d10aa7d9e0a10ceaeb02d38430fb693c6eff370196db62d",
        blake2b: "bdffe14181a5315745007f06612d963c6f739b371452b089b5b8109c2379bd32",
    },
    Pinned {
        machine: ("linux", "x86_64"),
        gpu: true,
        version: "1.31.1",
        platform: "manylinux_2_28_x86_64",
        bytes: 255_560_985,
        sha256: "e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6",
        blake2b: "921b23ae6bfa165cf01f2566aeab3076135d0db8edf5b543c1556fd6b1d93c7f",
    },
    Pinned {
        machine: ("windows", "x86_64"),
        gpu: true,
        version: "1.31.1",
        platform: "win_amd64",
        bytes: 168_096_711,
        sha256: "fd98341ba71c093153f0dcfc53eb69d57f706866fb45e94e5b0cde5d97a50dbf",
        blake2b: "dd296e8e0856c085f3068db8199119290acebf8d30cc79634e3442f12b45e065",
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
            let version = selfsame_nodes::onnx::Version::in_text(pinned.version).unwrap();
            assert!(version.is_supported());
        }
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
