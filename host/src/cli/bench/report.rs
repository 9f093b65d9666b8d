//! What was measured, for people and for programs.

use super::median;
use crate::cli::output::columns;
use selfsame_host::Bytes;
use selfsame_models::{Done, Meter, Work};
use serde::Serialize;
use std::fmt::Write;

/// The kinds of work in the order of the table, with their names in JSON and in the table.
const ROWS: [(Work, &str, &str); 10] = [
    (Work::FaceAnalysis, "face_analysis", "face analysis"),
    (Work::Resampler, "resampler", "Resampler"),
    (Work::TextEncoder, "text_encoders", "text encoders"),
    (Work::ContextKv, "context_kv", "keys and values of text and ID tokens"),
    (Work::AdapterKv, "adapter_kv", "keys and values of the Image Adapter"),
    (Work::HintEmbedding, "hint_embedding", "embedding of the control picture"),
    (Work::UNet, "unet", "UNet"),
    (Work::ControlNet, "controlnet", "IdentityNet and other ControlNets"),
    (Work::VaeEncode, "vae_encode", "VAE encoder"),
    (Work::VaeDecode, "vae_decode", "VAE decoder"),
];

/// Parts of the denoising loop, which the time of the whole loop holds too.
const IN_THE_LOOP: [Work; 5] = [Work::ContextKv, Work::AdapterKv, Work::HintEmbedding, Work::UNet, Work::ControlNet];

/// One run.
pub struct Measured {
    /// Seconds from its beginning to its end.
    pub seconds: f64,
    /// Steps of all samplers.
    pub steps: u64,
    /// What it was made of.
    pub meter: Meter,
}

/// What is known before anything runs.
#[derive(Serialize)]
pub struct Subject {
    /// The version of the program.
    pub version: &'static str,
    /// What is measured: `medium random weights, seed 0`.
    pub models: String,
    /// The device.
    pub device: String,
    /// What weights are there.
    pub dtype: &'static str,
    /// Threads of the CPU.
    pub threads: usize,
    /// Width and height in pixels; those of a graph of the user's own are its own affair.
    pub picture: Option<[usize; 2]>,
    /// Why faces are not analysed, if they are not.
    #[serde(skip)]
    pub no_faces: Option<&'static str>,
}

/// All figures. Seconds are medians over the runs.
#[derive(Serialize)]
pub struct Report {
    #[serde(flatten)]
    subject: Subject,
    runs: usize,
    steps: u64,
    seconds_per_step: Option<f64>,
    seconds: f64,
    seconds_min: f64,
    seconds_max: f64,
    /// With loading.
    first_run_seconds: f64,
    work: Vec<Row>,
    peak_memory_bytes: Option<u64>,
    peak_device_memory_bytes: Option<u64>,
    not_measured: Vec<NotMeasured>,
}

#[derive(Serialize)]
struct Row {
    work: &'static str,
    #[serde(skip)]
    label: &'static str,
    evaluations: Option<u64>,
    seconds: f64,
    share: f64,
}

#[derive(Serialize)]
struct NotMeasured {
    what: &'static str,
    why: &'static str,
}

impl Report {
    /// Puts the runs together; at least one.
    pub fn new(subject: Subject, first_run_seconds: f64, runs: &[Measured]) -> Self {
        let seconds = median(runs.iter().map(|run| run.seconds));
        let done = |work| {
            let count = runs.first().map_or(0, |run| run.meter.done(work).count);
            Done { count, seconds: median(runs.iter().map(|run| run.meter.done(work).seconds)) }
        };
        let (sampling, steps) = (done(Work::Sampling), runs.first().map_or(0, |run| run.steps));
        let row = |work, label, evaluations, taken: f64| Row {
            work,
            label,
            evaluations,
            seconds: taken,
            share: if seconds > 0.0 { taken / seconds } else { 0.0 },
        };
        let (mut rows, mut accounted, mut in_loop) = (Vec::new(), 0.0, 0.0);
        for (work, name, label) in ROWS {
            let Done { count, seconds } = done(work);
            accounted += seconds;
            in_loop += if IN_THE_LOOP.contains(&work) { seconds } else { 0.0 };
            if count > 0 {
                rows.push(row(name, label, Some(count), seconds));
            }
        }
        if sampling.count > 0 {
            let rest = (sampling.seconds - in_loop).max(0.0);
            accounted += rest;
            rows.push(row("sampler", "arithmetic of the sampler", None, rest));
        }
        rows.push(row("rest", "pictures, files, the engine", None, (seconds - accounted).max(0.0)));

        let (peak_memory_bytes, on_device) =
            (peak_memory(), runs.iter().filter_map(|run| run.meter.device_bytes()).max());
        let mut not_measured = Vec::new();
        let mut missing =
            |what, why: Option<&'static str>| not_measured.extend(why.map(|why| NotMeasured { what, why }));
        missing("face analysis", subject.no_faces);
        missing("peak memory", peak_memory_bytes.is_none().then_some("this system does not tell it"));
        let silent = on_device.is_none() && subject.device != "cpu";
        missing("peak memory of the device", silent.then_some("the device does not tell it"));
        Report {
            runs: runs.len(),
            steps,
            seconds_per_step: (steps > 0).then(|| sampling.seconds / steps as f64),
            seconds,
            seconds_min: runs.iter().map(|run| run.seconds).fold(f64::INFINITY, f64::min),
            seconds_max: runs.iter().map(|run| run.seconds).fold(0.0, f64::max),
            first_run_seconds,
            work: rows,
            peak_memory_bytes,
            peak_device_memory_bytes: on_device,
            not_measured,
            subject,
        }
    }

    /// The figures as a table.
    pub fn table(&self) -> String {
        let Subject { models, device, dtype, threads, picture, .. } = &self.subject;
        let size = picture.map(|[width, height]| format!("{width} x {height} px, ")).unwrap_or_default();
        let mut text = format!("{models}\n{size}{} steps, {device}, {dtype}, {threads} threads\n\n", self.steps);
        let runs = if self.runs == 1 { "one run".to_owned() } else { format!("median of {} runs", self.runs) };
        let mut rows = vec![[String::new(), String::from("seconds"), String::new()]];
        let mut add = |what: &str, seconds: f64, remark: String| rows.push([what.to_owned(), figure(seconds), remark]);
        if let Some(seconds) = self.seconds_per_step {
            add("a step", seconds, runs.clone());
        }
        let range = format!("{runs}, {} to {}", figure(self.seconds_min), figure(self.seconds_max));
        add("a whole run", self.seconds, range);
        add("the first run", self.first_run_seconds, "with loading".to_owned());
        text += &columns(&rows);

        let mut rows = vec![["of a whole run", "evaluations", "seconds", "share"].map(str::to_owned)];
        for row in &self.work {
            let count = row.evaluations.map(|count| count.to_string()).unwrap_or_default();
            rows.push([row.label.to_owned(), count, figure(row.seconds), format!("{:.1} %", row.share * 100.0)]);
        }
        text.push('\n');
        text += &columns(&rows);
        text.push('\n');
        // Writing into a String cannot fail.
        if let Some(bytes) = self.peak_memory_bytes {
            let _ = writeln!(text, "peak memory: {} resident", Bytes(bytes));
        }
        if let Some(bytes) = self.peak_device_memory_bytes {
            let _ = writeln!(text, "peak memory of the device: {}, by all programs", Bytes(bytes));
        }
        for NotMeasured { what, why } in &self.not_measured {
            let _ = writeln!(text, "not measured: {what} ({why})");
        }
        text
    }
}

/// Seconds with about three digits that mean something.
fn figure(seconds: f64) -> String {
    match seconds {
        s if s >= 100.0 => format!("{s:.0}"),
        s if s >= 10.0 => format!("{s:.1}"),
        s if s >= 1.0 => format!("{s:.2}"),
        s => format!("{s:.4}"),
    }
}

/// The most memory that this process has had in use at a time, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use std::time::Duration;

    fn subject() -> Subject {
        Subject {
            version: "0",
            models: "tiny".to_owned(),
            device: "cpu".to_owned(),
            dtype: "f32",
            threads: 1,
            picture: Some([64, 32]),
            no_faces: Some("no photograph"),
        }
    }

    fn run() -> Measured {
        let meter = Meter::timing();
        let wait = |work, millis| {
            meter.measure(work, &Device::Cpu, || std::thread::sleep(Duration::from_millis(millis)));
        };
        meter.measure(Work::Sampling, &Device::Cpu, || {
            wait(Work::UNet, 6);
            wait(Work::UNet, 6);
            wait(Work::ControlNet, 3);
            std::thread::sleep(Duration::from_millis(3));
        });
        wait(Work::VaeDecode, 5);
        Measured { seconds: 0.1, steps: 2, meter }
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        let report = Report::new(subject(), 1.0, &[run(), run(), run()]);
        let sum: f64 = report.work.iter().map(|row| row.share).sum();
        // Each row has a median of its own, so that the sum is only nearly 1.
        assert!((sum - 1.0).abs() < 0.05, "{sum}");
        let row = |name: &str| report.work.iter().find(|row| row.work == name).unwrap();
        assert_eq!((row("unet").evaluations, row("controlnet").evaluations), (Some(2), Some(1)));
        assert!(row("unet").seconds >= 0.012 && row("sampler").seconds >= 0.003);
        assert!(report.work.iter().all(|row| row.work != "resampler"));
        assert!(report.seconds_per_step.unwrap() >= 0.009);
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let report = Report::new(subject(), 1.0, &[run()]);
        let table = report.table();
        assert!(table.contains("not measured: face analysis (no photograph)"), "{table}");
        assert!(table.contains("64 x 32 px, 2 steps, cpu, f32, 1 threads"), "{table}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["not_measured"][0]["what"], "face analysis");
        assert_eq!((&json["device"], &json["runs"]), (&"cpu".into(), &1.into()));
    }
}
