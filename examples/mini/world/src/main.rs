//! `mini-world`: data sets and contact sheets of the world of portraits.

use clap::{Parser, Subcommand};
use mini_world::caption;
use mini_world::render::render;
use mini_world::scene::Scene;
use mini_world::shard::Set;
use mini_world::sheet::{Sheet, write_png};
use mini_world::split::Split;
use mini_world::style::Style;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Draws people who do not exist, with everything that is true of each picture.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a data set.
    Set {
        /// The folder, which is made if it is not there.
        folder: PathBuf,
        /// Of which part the people are.
        #[arg(long, value_enum, default_value = "train")]
        split: Split,
        /// The place of the first person in the part.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// How many people.
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        people: u64,
        /// Pictures of each person.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        pictures: u64,
        /// Every so many pictures there is one of two people; 0 is never.
        #[arg(long, default_value_t = 0)]
        pairs: u64,
        /// Pixels a side.
        #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(16..=2048))]
        size: u16,
        /// The seed of everything but people.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// Pictures in a shard.
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
        shard: u64,
        /// How many threads draw.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256))]
        threads: u64,
    },
    /// Write a contact sheet as a PNG file.
    Sheet {
        /// What it shows.
        #[arg(value_enum)]
        what: Sheet,
        /// The file.
        file: PathBuf,
        /// Of which part the people are.
        #[arg(long, value_enum, default_value = "train")]
        split: Split,
        /// The place of the first person in the part.
        #[arg(long, default_value_t = 0)]
        first: u64,
        /// Pictures beside one another.
        #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
        columns: u16,
        /// Pictures below one another.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
        rows: u16,
        /// Pixels a side of each picture.
        #[arg(long, default_value_t = 192, value_parser = clap::value_parser!(u16).range(16..=2048))]
        size: u16,
    },
    /// Write a photo of somebody as a PNG file.
    Portrait {
        /// The file.
        file: PathBuf,
        /// Of which part the person is.
        #[arg(long, value_enum, default_value = "test")]
        split: Split,
        /// The place of the person in the part.
        #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..Split::PEOPLE))]
        person: u64,
        /// The seed of everything but the person; a calm face before grey without.
        #[arg(long)]
        seed: Option<u64>,
        /// Pixels a side.
        #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(16..=2048))]
        size: u16,
    },
    /// Print every word that captions have.
    Words,
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Set { folder, split, first, people, pictures, pairs, size, seed, shard, threads } => {
            if first > Split::PEOPLE - people {
                return Err(format!("--first {first}: the part {} has {} people", split.name(), Split::PEOPLE));
            }
            let set = Set { split, first, people, pictures, pairs, size: size.into(), seed };
            write_set(&set, &folder, shard, threads).map_err(|error| format!("{}: {error}", folder.display()))
        }
        Command::Sheet { what, file, split, first, columns, rows, size } => {
            if first > Split::PEOPLE / 2 {
                return Err(format!("--first {first}: expected at most {}", Split::PEOPLE / 2));
            }
            let cells = [columns.into(), rows.into()];
            what.write(&file, split, first, cells, size.into()).map_err(|error| format!("{}: {error}", file.display()))
        }
        Command::Portrait { file, split, person, seed, size } => {
            let identity = split.identity(person);
            let scene = match seed {
                Some(seed) => Scene { style: Style::Photo, ..Scene::sample(&[identity], seed) },
                None => Scene::plain(identity, Style::Photo),
            };
            let size = usize::from(size);
            let written = write_png(&file, [size, size], &render(&scene, size).rgb);
            written.map_err(|error| format!("{}: {error}", file.display()))
        }
        Command::Words => {
            println!("{}", caption::words().join("\n"));
            Ok(())
        }
    }
}

/// Writes all shards of a set, several at once.
fn write_set(set: &Set, folder: &Path, shard: u64, threads: u64) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("set.json"), serde_json::to_string_pretty(set)?)?;
    let start = Instant::now();
    let count = set.len().div_ceil(shard);
    let next = AtomicU64::new(0);
    let draw = || -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            set.write(folder, number, number * shard, ((number + 1) * shard).min(set.len()))?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(draw)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{} pictures in {count} shards, {seconds:.1} s, {:.0} a second", set.len(), set.len() as f64 / seconds);
    Ok(())
}
