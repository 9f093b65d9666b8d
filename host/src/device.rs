//! The machine: its devices and memory.

use crate::Error;
use candle_core::DType;
use selfsame_nodes::Compute;

/// Opens `auto`, `cpu`, `cuda` or `cuda:N`; gives it with its full name.
pub(crate) fn open(name: &str) -> Result<(Compute, String), Error> {
    let fail = |reason: String| Error::Device { name: name.to_owned(), reason };
    let cuda = |index: usize| {
        let device = selfsame_models::cuda_device(index).map_err(|error| fail(error.to_string()))?;
        Ok((Compute { device, dtype: DType::F16 }, format!("cuda:{index}")))
    };
    match name {
        "cpu" => Ok((Compute::cpu(), "cpu".to_owned())),
        "cuda" => cuda(0),
        "auto" => {
            let (device, dtype) = selfsame_models::best_device().map_err(|error| fail(error.to_string()))?;
            let name = if device.is_cpu() { "cpu" } else { "cuda:0" };
            Ok((Compute { device, dtype }, name.to_owned()))
        }
        other => match other.strip_prefix("cuda:").and_then(|index| index.parse().ok()) {
            Some(index) => cuda(index),
            None => Err(fail("expected auto, cpu, cuda or cuda:N".to_owned())),
        },
    }
}

/// The memory of this machine in bytes; where it cannot be told, 8 GiB.
pub(crate) fn memory_bytes() -> u64 {
    let from_proc = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    from_proc().unwrap_or(8 << 30)
}
