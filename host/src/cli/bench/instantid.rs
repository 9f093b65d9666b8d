//! `selfsame bench instantid`: how long a picture takes, and what of.

use super::in_force;
use super::random_models::{RandomModels, Size};
use super::report::{Measured, Report, Subject};
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::{ModelFlags, SetFlags, Threads};
use crate::cli::input::wrong;
use crate::cli::output::{print, print_json, tell};
use crate::cli::signals;
use candle_core::DType;
use clap::{Args, ValueEnum};
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{
    Bytes, Event, Host, HostSettings, LoadError, Nodes, Observer, Prepared, RunOptions, RunResult, open_graph,
};
use selfsame_models::{Cancel, Meter};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The shipped graph, for those who have a photograph and the networks that find faces.
const WITH_FACE: &str = include_str!("../../../../graphs/instantid.ron");
const WITHOUT_FACE: &str = include_str!("instantid.ron");

/// Measures InstantID: seconds a step, what they are spent on, memory
///
/// Without models of your own, networks of the real structure with random weights are measured: what they compute means nothing,
/// but it takes as long. They are written to a temporary folder first.
#[derive(Args)]
pub struct InstantId {
    /// How large the networks with random weights are [default: medium on the CPU, sdxl on CUDA]
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["checkpoint", "instantid", "identitynet", "graph"])]
    size: Option<Size>,
    /// Keeps the random weights in this folder, and uses those of an earlier call
    #[arg(long, value_name = "DIR", conflicts_with_all = ["checkpoint", "instantid", "identitynet", "graph"])]
    keep: Option<PathBuf>,
    /// Where random weights and noise are drawn from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Measures with this checkpoint of SDXL
    #[arg(long, value_name = "MODEL", conflicts_with = "graph", requires_all = ["instantid", "identitynet"])]
    checkpoint: Option<String>,
    /// Measures with this ip-adapter of InstantID
    #[arg(long, value_name = "MODEL", conflicts_with = "graph", requires = "checkpoint")]
    instantid: Option<String>,
    /// Measures with this IdentityNet
    #[arg(long, value_name = "MODEL", conflicts_with = "graph", requires = "checkpoint")]
    identitynet: Option<String>,
    /// Also measures how long it takes to analyse the face in this picture
    #[arg(long, value_name = "PICTURE", conflicts_with = "graph")]
    face: Option<PathBuf>,
    /// With these networks that find faces
    #[arg(long, value_name = "MODEL", default_value = "antelopev2", requires = "face")]
    pack: String,
    /// Measures this graph instead, with its own size and steps
    #[arg(long, value_name = "GRAPH", conflicts_with_all = ["width", "height", "steps", "guidance"])]
    graph: Option<PathBuf>,
    #[command(flatten)]
    set: SetFlags,
    /// Width of the picture in pixels [default: 512 for medium, 1024 for sdxl]
    #[arg(long, value_name = "PX")]
    width: Option<usize>,
    /// Height of the picture in pixels [default: the width]
    #[arg(long, value_name = "PX")]
    height: Option<usize>,
    /// Steps of the sampler [default: 8 for medium, 30 for sdxl]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Guidance scale; up to 1 the negative prompt is not evaluated
    #[arg(long, value_name = "SCALE", default_value_t = 5.0)]
    guidance: f64,
    /// How often it is measured, after one run that does not count; medians count
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    times: u16,
    /// Computes on this device: auto, cpu, cuda or cuda:N [env: SELFSAME_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Keeps weights in this type [default: f16 on CUDA, f32 on the CPU]
    #[arg(long, value_name = "TYPE")]
    dtype: Option<Precision>,
    #[command(flatten)]
    models: ModelFlags,
    /// Keeps at most so many bytes of weights in memory: 8G, 512M [env: SELFSAME_MEMORY] [default: half of the machine's]
    #[arg(long, value_name = "BYTES")]
    memory: Option<Bytes>,
    /// Computes in so many threads [env: SELFSAME_THREADS] [default: the number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<Threads>,
    /// Prints the figures as JSON
    #[arg(long)]
    json: bool,
}

/// What weights are kept as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Precision {
    F16,
    F32,
}

/// What is measured.
struct Chosen {
    project: Project,
    args: ArgValues,
    models: String,
    picture: Option<[usize; 2]>,
    no_faces: Option<&'static str>,
}

impl InstantId {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let cancel = signals::cancel()?;
        let in_force = in_force(config, &self.device, &self.models, self.memory, self.threads)?;
        let dtype = self.dtype.map(|precision| match precision {
            Precision::F16 => DType::F16,
            Precision::F32 => DType::F32,
        });
        // A cache folder would answer instead of the networks.
        let host = HostSettings { dtype, cache_folder: None, ..in_force.host(Nodes::built_in()) };
        let host = Host::new(host).or_stop(Exit::Usage)?;
        let scratch = tempfile::tempdir().or_stop(Exit::Wrong)?;
        let chosen = self.choose(&host, scratch.path())?;
        let prepared = load(&host, &chosen)?;
        let subject = Subject {
            version: env!("CARGO_PKG_VERSION"),
            models: chosen.models,
            device: host.device_name().to_owned(),
            dtype: host.dtype().as_str(),
            threads: rayon::current_num_threads(),
            picture: chosen.picture,
            no_faces: chosen.no_faces,
        };
        let out = scratch.path().join("output");
        let mut runs = Vec::new();
        let first = measure(&host, &prepared, &cancel, &out)?;
        for index in 1..=self.times {
            tell(&format!("run {index} of {}", self.times));
            runs.push(measure(&host, &prepared, &cancel, &out)?);
        }
        let report = Report::new(subject, first.seconds, &runs);
        if self.json {
            print_json(&report)?
        } else {
            print(&report.table())?
        }
        Ok(Exit::Ok)
    }

    fn choose(&self, host: &Host, scratch: &Path) -> Result<Chosen, Stop> {
        if let Some(path) = &self.graph {
            let project = open_graph(path).or_stop(Exit::Wrong)?;
            let args = self.set.values(&project)?;
            return Ok(Chosen { args, project, models: path.display().to_string(), picture: None, no_faces: None });
        }
        let mut set = vec![format!("seed={}", self.seed), format!("guidance={:?}", self.guidance)];
        let own =
            [("checkpoint", &self.checkpoint), ("instantid", &self.instantid), ("identitynet", &self.identitynet)];
        let (models, size) = if own.iter().any(|(_, model)| model.is_some()) {
            let given = own.into_iter().filter_map(|(name, model)| Some(format!("{name}={}", model.as_ref()?)));
            let given: Vec<String> = given.collect();
            set.extend(given.iter().cloned());
            (given.join(", "), Size::Sdxl)
        } else {
            let size = self.size.unwrap_or(if host.device_name() == "cpu" { Size::Medium } else { Size::Sdxl });
            let folder = self.keep.clone().unwrap_or_else(|| scratch.join("models"));
            tell(&format!("random weights in {}", folder.display()));
            let files = RandomModels::write(&folder, size, self.seed).or_stop(Exit::Wrong)?;
            let paths =
                [("checkpoint", files.checkpoint), ("instantid", files.instantid), ("identitynet", files.identitynet)];
            for (name, path) in paths {
                // A graph's own folder is not the current one.
                set.push(format!("{name}={}", std::path::absolute(&path).or_stop(Exit::Wrong)?.display()));
            }
            (format!("{} random weights, seed {}", size.name(), self.seed), size)
        };
        let (side, steps) = size.usual();
        let width = self.width.unwrap_or(side);
        let height = self.height.unwrap_or(width);
        set.extend([
            format!("width={width}"),
            format!("height={height}"),
            format!("steps={}", self.steps.unwrap_or(steps)),
        ]);
        let (text, no_faces) = match &self.face {
            Some(face) => {
                set.extend([format!("face={}", face.display()), format!("pack={}", self.pack)]);
                (WITH_FACE, None)
            }
            None => (WITHOUT_FACE, Some("it needs a photograph: --face, and the networks that find faces: --pack")),
        };
        set.extend(self.set.set.iter().cloned());
        let project = Project::around(&Disk, Document::parse("instantid.ron", text.to_owned()));
        let args = ArgValues::parse(project.root(), set).map_err(|report| wrong(Exit::Usage, &report))?;
        Ok(Chosen { project, args, models, picture: Some([width, height]), no_faces })
    }
}

fn load(host: &Host, chosen: &Chosen) -> Result<Prepared, Stop> {
    host.load(&chosen.project, &chosen.args, Targets::All).map_err(|error| match error {
        LoadError::Graph(report) => wrong(Exit::Wrong, &report),
        error => Stop::new(Exit::Usage, error),
    })
}

/// Runs it as if nothing but weights were known.
fn measure(host: &Host, prepared: &Prepared, cancel: &Cancel, out: &Path) -> Result<Measured, Stop> {
    host.forget_results();
    let (meter, steps) = (Meter::timing(), Steps::default());
    // One node at a time, so that what runs at the same time does not count twice.
    let options = RunOptions {
        output_folder: out.to_owned(),
        threads: 1,
        cancel: cancel.clone(),
        meter: meter.clone(),
        ..RunOptions::default()
    };
    let outcome = host.run(prepared, &options, &steps);
    match (outcome.result, outcome.failures.first()) {
        (RunResult::Ok, _) => Ok(Measured { seconds: outcome.seconds, steps: steps.0.into_inner(), meter }),
        (_, Some(failure)) => Err(Stop::new(Exit::NodeFailed, failure)),
        (_, None) => Err(Stop::new(Exit::Cancelled, "cancelled")),
    }
}

/// Counts the steps of samplers.
#[derive(Default)]
struct Steps(AtomicU64);

impl Observer for Steps {
    fn event(&self, event: &Event) {
        if let Event::NodeProgress { done, total, label: "steps", .. } = event
            && done == total
        {
            self.0.fetch_add(*total, Ordering::Relaxed);
        }
    }
}
