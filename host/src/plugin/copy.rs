//! A copy of a library that nobody else can change, for the loader of the system, which takes nothing but paths.

#[cfg(target_os = "linux")]
pub use memory::{PrivateCopy, add_seals};
#[cfg(not(target_os = "linux"))]
pub use temporary::PrivateCopy;

#[cfg(target_os = "linux")]
mod memory {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::io::Errno;
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

    /// How often memory is tried to be sealed, at least 150 ms each.
    const TRIES: u32 = 20;

    /// Seals memory that nobody has mapped to be written to.
    ///
    /// The kernel refuses while anybody holds one of the pages, and that may be the kernel itself, which looks through memory
    /// for pages that nobody uses.
    pub fn add_seals(file: &File, seals: SealFlags) -> io::Result<()> {
        let mut tries = 1;
        loop {
            match fcntl_add_seals(file, seals) {
                Err(Errno::BUSY) if tries < TRIES => tries += 1,
                done => return Ok(done?),
            }
        }
    }

    /// A copy in memory, sealed.
    pub struct PrivateCopy(File);

    impl PrivateCopy {
        pub fn new(bytes: &[u8]) -> io::Result<Self> {
            let mut file =
                File::from(memfd_create("selfsame-plugin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
            file.write_all(bytes)?;
            add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
            Ok(PrivateCopy(file))
        }

        pub fn path(&self) -> PathBuf {
            format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
        }

        /// The loader takes a library of the same path for this one, so the path stays taken.
        pub fn keep(self) {
            std::mem::forget(self);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod temporary {
    use std::env::consts::DLL_SUFFIX;
    use std::io::{self, Write};
    use std::path::PathBuf;

    /// A copy among the user's temporary files.
    pub struct PrivateCopy(tempfile::TempPath);

    impl PrivateCopy {
        pub fn new(bytes: &[u8]) -> io::Result<Self> {
            let mut file = tempfile::Builder::new().prefix("selfsame-plugin-").suffix(DLL_SUFFIX).tempfile()?;
            file.write_all(bytes)?;
            Ok(PrivateCopy(file.into_temp_path()))
        }

        pub fn path(&self) -> PathBuf {
            self.0.to_path_buf()
        }

        /// A file that is loaded may lose its name, where the system allows it.
        pub fn keep(self) {
            drop(self);
        }
    }
}
