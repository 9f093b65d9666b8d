//! `selfsame bench paper`: what InstantID's paper claims, measured on people whom no network has seen.

mod edges;
mod experiment;
mod findings;
mod identity;
mod interpolation;
mod judges;
mod lab;
mod networks;
mod page;
mod people;
mod poses;
mod record;
mod references;
mod sheet;
mod statistics;
mod styles;
mod two_people;
mod weight_grid;

use super::in_force;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::{ModelFlags, Threads};
use crate::cli::output::{print, tell, write_file};
use crate::cli::settings::InForce;
use crate::cli::signals;
use clap::Args;
use experiment::Experiment;
use judges::{Critic, Judge, SIDE};
use lab::Lab;
use mini_world::split::Split;
use networks::Network;
use people::{People, Scenes};
use record::{Record, Subject};
use selfsame_host::onnx::{self, Watch};
use selfsame_host::{Bytes, Host, HostSettings, Nodes};
use selfsame_models::Cancel;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The folder of contact sheets, beside the page.
const PICTURES: &str = "paper";

/// Measures what InstantID's paper claims, on people whom no network has seen in training
///
/// The people come from a world of procedural portraits, and everything is painted by the graphs that come with Selfsame.
/// Results are a page with tables, paper.md, its pictures in paper/, and figures for programs, paper.json.
#[derive(Args)]
pub struct Paper {
    /// How many people are evaluated
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(2..=100_000))]
    people: u64,
    /// The place of the first one in their part
    #[arg(long, value_name = "PLACE", default_value_t = 0)]
    first: u64,
    /// Of which part of the world's people they are; those of training are refused
    #[arg(long, value_name = "PART", value_enum, default_value = "test", hide_possible_values = true)]
    split: Split,
    /// Makes these experiments only
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    only: Vec<Experiment>,
    /// Writes results into this folder
    #[arg(long, value_name = "DIR", default_value = "paper")]
    out: PathBuf,
    /// Goes on with what an earlier call left in the folder: experiments that were made are not made again
    #[arg(long)]
    resume: bool,
    /// Where scenes and noise are drawn from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Steps of the sampler [default: those of each graph]
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Guidance scale [default: that of each graph]
    #[arg(long, value_name = "SCALE")]
    guidance: Option<f64>,
    /// The checkpoint. Like every other network it must say on whom it was trained
    #[arg(long, value_name = "MODEL", default_value = "mini")]
    checkpoint: String,
    /// InstantID's ip-adapter
    #[arg(long, value_name = "MODEL", default_value = "mini")]
    instantid: String,
    /// InstantID's ControlNet
    #[arg(long, value_name = "MODEL", default_value = "mini-identitynet")]
    identitynet: String,
    /// The ControlNet for edges
    #[arg(long, value_name = "MODEL", default_value = "mini")]
    canny: String,
    /// The networks that find faces
    #[arg(long, value_name = "MODEL", default_value = "mini")]
    pack: String,
    /// A recogniser that judges likeness, instead of the one that comes with the program; not that of the pack
    #[arg(long, value_name = "FILE")]
    judge: Option<PathBuf>,
    /// A network that judges style, expression and background, instead of the one that comes with the program
    #[arg(long, value_name = "FILE")]
    critic: Option<PathBuf>,
    /// Computes on this device: auto, cpu, cuda or cuda:N [env: SELFSAME_DEVICE] [default: auto]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    #[command(flatten)]
    models: ModelFlags,
    /// Keeps at most so many bytes of weights in memory: 8G, 512M [env: SELFSAME_MEMORY] [default: half of the machine's]
    #[arg(long, value_name = "BYTES")]
    memory: Option<Bytes>,
    /// Computes in so many threads [env: SELFSAME_THREADS] [default: the number of cores]
    #[arg(long, value_name = "N")]
    threads: Option<Threads>,
}

impl Paper {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let cancel = signals::cancel()?;
        let in_force = in_force(config, &self.device, &self.models, self.memory, self.threads)?;
        let people = People { split: self.split, first: self.first, people: self.people };
        people.may_be_told_of()?;
        let networks = self.networks(&in_force, &people)?;
        let host = HostSettings { cache_folder: None, ..in_force.host(Nodes::built_in()) };
        let host = Host::new(host).or_stop(Exit::Usage)?;
        let subject = self.subject(people, networks, host.device_name());
        let record = if self.resume { Record::resume(&self.out, subject)? } else { Record::begin(&self.out, subject)? };
        start_onnx(&cancel)?;
        let judges = (Judge::open(self.judge.as_deref())?, Critic::open(self.critic.as_deref())?);
        std::fs::create_dir_all(self.out.join(PICTURES))
            .map_err(|error| format!("cannot make {}: {error}", self.out.display()))
            .or_stop(Exit::Wrong)?;
        let scenes = Scenes { people, seed: self.seed };
        let lab = Lab::new(host, cancel, judges, scenes, self.arguments())?;
        self.experiments(&lab, record)
    }

    /// Makes the experiments that are asked for and not made yet, and writes everything down after each of them.
    fn experiments(&self, lab: &Lab, mut record: Record) -> Result<Exit, Stop> {
        let command = page::command_line(std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()));
        let unseen = lab.count() - lab.known().count();
        if unseen > 0 {
            tell(&format!(
                "warning: of {unseen} of {} people no face is found in the photograph: all fails with them",
                lab.count()
            ));
        }
        let is_wanted = |experiment: &Experiment| self.only.is_empty() || self.only.contains(experiment);
        for experiment in Experiment::ALL.iter().copied().filter(is_wanted) {
            let name = experiment.name();
            if record.experiments.contains_key(&name) {
                tell(&format!("{name}: made before"));
                continue;
            }
            let (started, made, failed) = (Instant::now(), lab.made(), lab.failed());
            let (mut findings, sheet) = (experiment.about().run)(lab)?;
            findings.seconds = started.elapsed().as_secs_f64();
            findings.pictures = lab.made() - made;
            if unseen > 0 {
                findings
                    .remarks
                    .push(format!("No face was found in the photographs of {unseen} people: they count as failures."));
            }
            let failed = lab.failed() - failed;
            if failed > 0 {
                findings.remarks.push(format!("A graph failed with {failed} people: they count as failures."));
            }
            findings.sheet = findings.sheet.filter(|_| !sheet.is_empty());
            sheet.write(&self.out.join(PICTURES).join(format!("{name}.png")))?;
            tell(&format!("{name}: {} pictures in {:.0} s", findings.pictures, findings.seconds));
            record.made_by(command.clone());
            record.experiments.insert(name, findings);
            record.write(&self.out)?;
            self.write_page(&record)?;
        }
        // Also of what was made before: pages change with the program.
        self.write_page(&record)?;
        print(&record.summary())?;
        Ok(Exit::Ok)
    }

    fn write_page(&self, record: &Record) -> Result<(), Stop> {
        write_file(&self.out.join("paper.md"), &page::page(record))
    }

    /// The models, by the arguments of graphs that name them, with their kinds.
    fn models(&self) -> [(&'static str, &'static str, &String); 5] {
        [
            ("checkpoint", "checkpoints", &self.checkpoint),
            ("instantid", "instantid", &self.instantid),
            ("identitynet", "controlnet", &self.identitynet),
            ("canny", "controlnet", &self.canny),
            ("pack", "insightface", &self.pack),
        ]
    }

    /// All networks by what they are, if none knows one of the people, and nobody judges in his own case.
    fn networks(&self, in_force: &InForce, people: &People) -> Result<BTreeMap<String, Network>, Stop> {
        let find = |kind: &str, name: &str| in_force.folders.find(kind, name, &in_force.catalogue).or_stop(Exit::Wrong);
        let mut networks = BTreeMap::new();
        for (what, kind, name) in self.models() {
            networks.insert(what.to_owned(), Network::at(&find(kind, name)?, name, people)?);
        }
        let judge = Network::judge(self.judge.as_deref(), Judge::BUNDLED, people)?;
        if judge.is_in(&find("insightface", &self.pack)?)? {
            let message = format!(
                "--judge {}: expected another recogniser than that of the pack `{}`, got the same file\n  = hint: leave --judge away",
                judge.name, self.pack
            );
            return Err(Stop::new(Exit::Usage, message));
        }
        networks.insert("judge".to_owned(), judge);
        networks.insert("critic".to_owned(), Network::judge(self.critic.as_deref(), Critic::BUNDLED, people)?);
        Ok(networks)
    }

    /// What is set in every graph that has it.
    fn arguments(&self) -> Vec<(&'static str, String)> {
        let mut arguments = vec![("width", SIDE.to_string()), ("height", SIDE.to_string())];
        arguments.extend(self.models().map(|(name, _, model)| (name, model.clone())));
        arguments.extend(self.steps.map(|steps| ("steps", steps.to_string())));
        arguments.extend(self.guidance.map(|guidance| ("guidance", format!("{guidance:?}"))));
        arguments
    }

    fn subject(&self, people: People, models: BTreeMap<String, Network>, device: &str) -> Subject {
        Subject {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            people,
            seed: self.seed,
            steps: self.steps,
            guidance: self.guidance,
            models,
            device: device.to_owned(),
        }
    }
}

/// Finds ONNX Runtime, or fetches it: the judges need it before any graph does.
fn start_onnx(cancel: &Cancel) -> Result<(), Stop> {
    let watch = Watch { say: &|what| tell(what), progress: &|_, _| {}, cancelled: &|| cancel.check().is_err() };
    let found = onnx::ensure(&watch).map_err(|error| match error {
        onnx::Error::Cancelled => Stop::new(Exit::Cancelled, "cancelled"),
        error => Stop::new(Exit::Wrong, error),
    })?;
    onnx::load(found).map(drop).or_stop(Exit::Wrong)
}
