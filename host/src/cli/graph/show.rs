//! `selfsame graph show`: a picture of a graph.

use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::flags::PluginFlags;
use crate::cli::output::{print, write_file};
use crate::cli::settings::File;
use clap::{Args, ValueEnum};
use selfsame_graphs::Picture;
use selfsame_host::open_graph;
use std::path::{Path, PathBuf};

/// Draws a graph, also one with mistakes
#[derive(Args)]
pub struct Show {
    /// A graph file, or a saved picture
    #[arg(value_name = "FILE")]
    graph: PathBuf,
    /// The kind of drawing; without it, what the name after --out ends with, else svg
    #[arg(long)]
    format: Option<Format>,
    /// Writes the drawing into this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    plugins: PluginFlags,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// A picture to look at
    Svg,
    /// For Graphviz
    Dot,
    /// For Markdown documents
    Mermaid,
}

impl Show {
    pub fn run(self, config: Option<&Path>) -> Result<Exit, Stop> {
        let project = open_graph(&self.graph).or_stop(Exit::Wrong)?;
        let picture = Picture::new(&project, &self.plugins.nodes(&File::open(config)?, None)?);
        let by_name = self.out.as_deref().map(by_name).transpose();
        let format = match self.format {
            Some(format) => format,
            None => by_name?.unwrap_or(Format::Svg),
        };
        let drawing = match format {
            Format::Svg => picture.svg(),
            Format::Dot => picture.dot(),
            Format::Mermaid => picture.mermaid(),
        };
        match &self.out {
            Some(path) => write_file(path, &drawing)?,
            None => print(&drawing)?,
        }
        Ok(Exit::Ok)
    }
}

fn by_name(path: &Path) -> Result<Format, Stop> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("dot" | "gv") => Ok(Format::Dot),
        Some("mmd" | "mermaid") => Ok(Format::Mermaid),
        Some("svg") => Ok(Format::Svg),
        _ => {
            let message = format!(
                "{} says no kind of drawing: expected an ending .svg, .dot, .gv, .mmd or .mermaid, or --format",
                path.display(),
            );
            Err(Stop::new(Exit::Usage, message))
        }
    }
}
