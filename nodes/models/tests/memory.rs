//! Loading a checkpoint must not need much more memory than its tensors: less than 1.15 times their bytes.
//!
//! Each case generates a file, then starts this test program anew to load it and to report the most memory it ever held, as Linux
//! counts it (`VmHWM`, which includes mapped pages of files).

#![cfg_attr(target_os = "linux", allow(clippy::unwrap_used, reason = "a test may panic"))]

#[cfg(not(target_os = "linux"))]
#[path = "support/skip.rs"]
mod skip;
mod support;

#[cfg(not(target_os = "linux"))]
#[test]
fn peak_memory() {
    skip::not_run("only Linux tells a process the most memory it ever held");
}

#[cfg(target_os = "linux")]
mod linux {
    use super::support::{Item, safetensors, torch_zip};
    use candle_core::{DType, Device, Tensor};
    use std::path::Path;
    use std::process::Command;

    /// Tensors of a real checkpoint's larger sizes: 4 MB in f32, 50 of them.
    const ROWS: usize = 1024;
    const COUNT: usize = 50;

    /// The most that loading may take, in parts of the tensors' bytes.
    const LIMIT: f64 = 1.15;

    const FILE: &str = "SELFSAME_MEMORY_FILE";
    const DTYPE: &str = "SELFSAME_MEMORY_DTYPE";

    /// Loads the file named by the environment and prints what that took; does nothing when run as a test of its own.
    #[test]
    fn child() {
        let (Ok(file), Ok(dtype)) = (std::env::var(FILE), std::env::var(DTYPE)) else {
            println!("not run: the other tests start this one as their child process");
            return;
        };
        let source = selfsame_models::weights::open(file).unwrap();
        let load = |name: &String| source.load(name, dtype.parse().unwrap(), &Device::Cpu).unwrap();
        let tensors: Vec<Tensor> = source.tensors().keys().map(load).collect();
        let held: usize = tensors.iter().map(|t| t.elem_count() * t.dtype().size_in_bytes()).sum();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak_kib: usize = peak.trim().trim_end_matches(" kB").parse().unwrap();
        println!("held {held} peak {}", peak_kib * 1024);
    }

    fn check(file: &Path, dtype: DType) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "linux::child", "--nocapture", "--test-threads=1"])
            .env(FILE, file)
            .env(DTYPE, dtype.as_str())
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout);
        let words: Vec<&str> = output.split_whitespace().collect();
        let number = |name: &str| -> f64 {
            let at = words.iter().position(|w| *w == name).unwrap_or_else(|| panic!("the child said: {output}"));
            words[at + 1].parse().unwrap()
        };
        let (held, peak) = (number("held"), number("peak"));
        println!("{}: {:.1} MB of tensors, peak {:.1} MB", file.display(), held / 1e6, peak / 1e6);
        assert!(held > 90e6, "the child held {held} bytes only");
        assert!(peak < LIMIT * held, "peak {peak} is {:.3} times the tensors' {held} bytes", peak / held);
    }

    fn tensors(dtype: DType, count: usize) -> Vec<(String, Tensor)> {
        let tensor = Tensor::rand(-1f32, 1., (ROWS, ROWS), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        (0..count).map(|i| (format!("blocks.{i}.weight"), tensor.clone())).collect()
    }

    fn safetensors_file(folder: &Path, dtype: DType, count: usize) -> std::path::PathBuf {
        let path = folder.join(format!("{}.safetensors", dtype.as_str()));
        let tensors = tensors(dtype, count);
        safetensors(&path, &tensors.iter().map(|(name, t)| (name.as_str(), t.clone())).collect::<Vec<_>>());
        path
    }

    #[test]
    fn safetensors_in_the_stored_dtype() {
        let folder = tempfile::tempdir().unwrap();
        check(&safetensors_file(folder.path(), DType::F32, COUNT), DType::F32);
        check(&safetensors_file(folder.path(), DType::F16, 2 * COUNT), DType::F16);
    }

    #[test]
    fn safetensors_converted() {
        let folder = tempfile::tempdir().unwrap();
        check(&safetensors_file(folder.path(), DType::F16, COUNT), DType::F32);
        check(&safetensors_file(folder.path(), DType::F32, COUNT), DType::F16);
    }

    #[test]
    fn torch_pickle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.ckpt");
        let storages: Vec<(String, Vec<u8>)> =
            (0..COUNT).map(|i| (i.to_string(), vec![i as u8; 4 * ROWS * ROWS])).collect();
        let names: Vec<String> = (0..COUNT).map(|i| format!("blocks.{i}.weight")).collect();
        let item = |(name, (storage, _)): (&'_ String, &'_ (String, Vec<u8>))| (name.clone(), storage.clone());
        let pairs: Vec<(String, String)> = names.iter().zip(&storages).map(item).collect();
        let entries =
            pairs.iter().map(|(name, storage)| (name.as_str(), Item::tensor(storage, "FloatStorage", &[ROWS, ROWS])));
        let root = Item::Dict(vec![("state_dict", Item::Dict(entries.collect()))]);
        let storages: Vec<(&str, Vec<u8>)> =
            storages.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
        torch_zip(&path, &root, &storages);
        check(&path, DType::F32);
    }
}
