//! `selfsame check`: everything that is wrong with graphs, without running them.

use super::exit::{Exit, OrStop, Stop};
use super::flags::{ModelFlags, PluginFlags, SetFlags};
use super::output::{print, print_json};
use super::settings::File;
use clap::Args;
use selfsame_graphs::{Code, Problem, Report};
use selfsame_host::{Host, HostSettings, open_graph};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Says everything that is wrong with graphs, without running them
///
/// Arguments may lack a value, unless one is set with --set: then a graph is checked as it would run.
#[derive(Args)]
pub struct Check {
    /// Graph files, or saved pictures
    #[arg(required = true, value_name = "GRAPH")]
    graphs: Vec<PathBuf>,
    /// Prints a list of reports for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    set: SetFlags,
    #[command(flatten)]
    models: ModelFlags,
    #[command(flatten)]
    plugins: PluginFlags,
}

#[derive(Serialize)]
struct Checked {
    file: String,
    #[serde(flatten)]
    report: Report,
}

impl Check {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let file = File::open(config)?;
        // Nothing runs, so neither a device nor a cache folder is opened.
        let settings = HostSettings {
            device: "cpu".to_owned(),
            nodes: self.plugins.nodes(&file, None)?,
            models: file.folders(&self.models),
            catalogue: file.catalogue()?,
            ..HostSettings::default()
        };
        let host = Host::new(settings).or_stop(Exit::Usage)?;
        let check = |path: &PathBuf| Ok(Checked { file: path.display().to_string(), report: self.check(&host, path)? });
        let checked = self.graphs.iter().map(check).collect::<Result<Vec<Checked>, Stop>>()?;
        match self.json {
            true => print_json(&checked)?,
            false => print(&checked.iter().map(Checked::text).collect::<Vec<_>>().join("\n"))?,
        }
        let wrong = checked.iter().any(|checked| checked.report.errors() > 0);
        Ok(if wrong { Exit::Wrong } else { Exit::Ok })
    }

    fn check(&self, host: &Host, path: &Path) -> Result<Report, Stop> {
        let project = match open_graph(path) {
            Ok(project) => project,
            Err(error) => return Ok(Report { problems: vec![Problem::new(Code::MissingFile, error.to_string())] }),
        };
        let args = if self.set.set.is_empty() { None } else { Some(self.set.values(&project)?) };
        let found = host.check(&project, args.as_ref());
        Ok(found.map_or_else(|report| report, |valid| valid.warnings().clone()))
    }
}

impl Checked {
    fn text(&self) -> String {
        // A blank line parts a report from the next.
        if self.report.is_empty() { format!("{}: ok", self.file) } else { format!("{}\n", self.report) }
    }
}
