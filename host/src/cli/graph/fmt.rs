//! `selfsame graph fmt`: the one layout of graph files.

use crate::cli::exit::{Exit, Stop};
use crate::cli::output::{print, tell, write_file};
use clap::Args;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Lays out graph files in place
#[derive(Args)]
pub struct Fmt {
    /// Graph files; `-` reads from standard input and writes to standard output
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Changes nothing; names the files that would change, and exits with 1 if there are any
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub fn run(self) -> Result<Exit, Stop> {
        let mut exit = Exit::Ok;
        for file in &self.files {
            // One file that cannot be read does not keep the others from being laid out.
            match self.one(file) {
                Ok(Exit::Ok) => {}
                Ok(other) => exit = other,
                Err(stop) => {
                    tell(&stop.message);
                    exit = stop.exit;
                }
            }
        }
        Ok(exit)
    }

    fn one(&self, file: &Path) -> Result<Exit, Stop> {
        let is_stdin = file == Path::new("-");
        let name = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
        let text =
            read(file, is_stdin).map_err(|error| Stop::new(Exit::Wrong, format!("cannot read {name}: {error}")))?;
        let laid_out = selfsame_graphs::format(&name, &text)
            .map_err(|report| Stop { exit: Exit::Wrong, message: report.to_string() })?;
        match (self.check, is_stdin, laid_out == text) {
            (false, true, _) => print(&laid_out)?,
            (_, _, true) => {}
            (false, false, false) => write_file(file, &laid_out)?,
            (true, _, false) => {
                print(&name)?;
                return Ok(Exit::Wrong);
            }
        }
        Ok(Exit::Ok)
    }
}

fn read(file: &Path, is_stdin: bool) -> std::io::Result<String> {
    if !is_stdin {
        return std::fs::read_to_string(file);
    }
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    Ok(text)
}
