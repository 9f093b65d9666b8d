//! Packs of networks for faces: a detector and a recogniser, in a folder or in a zip archive.
//!
//! **Source**: insightface 0.7.3, `app/face_analysis.py` and `model_zoo/model_zoo.py`: files in the order of their names, what
//! each is told by its inputs and outputs, the first for each task. The other networks of its packs are not needed here.

use super::detect::fixed_size;
use super::recognise::side;
use crate::onnx::archive::{self, Entry};
use crate::onnx::{Options, Runtime, Session};
use selfsame_models::weights::check_onnx;
use selfsame_sdk::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A network of antelopev2, the pack that InstantID was trained with.
struct Wanted {
    /// What it is.
    what: &'static str,
    /// What such networks take and give.
    looks: &'static str,
    /// The file in antelopev2, and its length in bytes.
    file: (&'static str, u64),
}

const DETECTOR: Wanted = Wanted {
    what: "face detector (SCRFD)",
    looks: "one input [1,3,H,W] and 6, 9, 10 or 15 outputs",
    file: ("scrfd_10g_bnkps.onnx", 16_923_827),
};

const RECOGNISER: Wanted = Wanted {
    what: "face recogniser (ArcFace)",
    looks: "one input [N,3,112,112] and one output",
    file: ("glintr100.onnx", 260_665_334),
};

/// The networks for landmarks and attributes in insightface's packs. They are opened last, as the others are usually enough.
const SELDOM: [&str; 3] = ["1k3d68.onnx", "2d106det.onnx", "genderage.onnx"];

/// What to do if no face is found with the pack at `path`. The one that comes with the program has never seen a photograph.
pub fn remedy(path: &Path) -> &'static str {
    match path.file_stem().is_some_and(|name| name == "mini") {
        true => {
            "`mini` finds the drawn people of Mini's world, such as those in graphs/faces. Photographs of real people want the published \
             networks: `selfsame models pull sdxl-base instantid antelopev2`, then run the graph with them; the command is in the \
             comment at the top of each graph"
        }
        false => {
            "take a picture in which the face is seen from the front, lower `threshold`, or set `required` to false to go on without"
        }
    }
}

/// A detector and a recogniser.
pub struct Pack {
    /// Finds faces.
    pub detector: Arc<Session>,
    /// Says who they are.
    pub recogniser: Arc<Session>,
}

impl Pack {
    /// Opens the networks of the pack at `path`: a folder with ONNX files, or with such a folder inside, or a zip archive of either.
    /// Of an archive, only the networks that are used are unpacked, into memory.
    ///
    /// # Errors
    /// If one of the two is not there: what was looked for, and what every file in the pack is instead.
    pub fn open(ctx: Ctx, path: &Path, options: Options) -> Result<Self> {
        let files = files_of(path)?;
        let (mut detector, mut recogniser) = (None, None);
        let mut seen = Vec::new();
        for file in &files {
            ctx.check_cancelled()?;
            let session = match file.open(ctx, options)? {
                Ok(session) => session,
                Err(problem) => {
                    seen.push(format!("{file}: {problem}"));
                    continue;
                }
            };
            let no_detector = fixed_size(&session).err();
            let is_recogniser = side(&session).is_some();
            if no_detector.is_none() && detector.is_none() {
                seen.push(format!("{file}: a detector"));
                detector = Some(session);
            } else if is_recogniser && recogniser.is_none() {
                seen.push(format!("{file}: a recogniser"));
                recogniser = Some(session);
            } else {
                seen.push(format!("{file}: another network, {}", looks(&session)));
            }
            if let (Some(detector), Some(recogniser)) = (&detector, &recogniser) {
                return Ok(Pack { detector: detector.clone(), recogniser: recogniser.clone() });
            }
        }
        let missing = [(detector.is_none(), DETECTOR), (recogniser.is_none(), RECOGNISER)];
        let missing: Vec<Wanted> = missing.into_iter().filter_map(|(is, wanted)| is.then_some(wanted)).collect();
        Err(is_missing(path, &missing, &seen))
    }
}

/// What a network takes and gives.
fn looks(session: &Session) -> String {
    let inputs: Vec<String> = session.inputs().iter().map(ToString::to_string).collect();
    format!("which takes {} and gives {} outputs", inputs.join(" and "), session.outputs().len())
}

fn is_missing(path: &Path, missing: &[Wanted], seen: &[String]) -> Error {
    let what: Vec<&str> = missing.iter().map(|wanted| wanted.what).collect();
    let mut message = format!("there is no {} in {}", what.join(" and no "), path.display());
    for Wanted { what, looks, file: (name, bytes) } in missing {
        message += &format!("\n  expected a {what}: {looks}; in antelopev2 it is {name}, {bytes} bytes");
    }
    if seen.is_empty() {
        message += "\n  found no .onnx file";
    }
    for file in seen {
        message += &format!("\n  found {file}");
    }
    let files: Vec<&str> = missing.iter().map(|wanted| wanted.file.0).collect();
    Error::with(Status::NotFound, message)
        .hint(format!("run `selfsame models pull antelopev2`, or put {} of antelopev2 there", files.join(" and ")))
}

/// An ONNX file of a pack.
enum File {
    Plain(PathBuf),
    Zipped(PathBuf, Entry),
}

impl File {
    fn name(&self) -> String {
        let path = match self {
            File::Plain(path) => path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default(),
            File::Zipped(_, entry) => entry.path.rsplit('/').next().unwrap_or(&entry.path).into(),
        };
        path.to_lowercase()
    }

    fn bytes(&self) -> u64 {
        match self {
            File::Plain(path) => std::fs::metadata(path).map_or(0, |metadata| metadata.len()),
            File::Zipped(_, entry) => entry.bytes,
        }
    }

    /// The network; or, inside, why the file is none. Outside are errors for which the file is not to blame.
    fn open(&self, ctx: Ctx, options: Options) -> Result<std::result::Result<Arc<Session>, String>> {
        // Nothing is fetched for a file that is no model at all.
        if let File::Plain(path) = self
            && let Err(error) = check_onnx(path)
        {
            return Ok(Err(self.problem(Error::from(error))));
        }
        ctx.get::<Runtime>()?.start(ctx)?;
        options.check()?;
        let session = match self {
            File::Plain(path) => Session::open(ctx, path, options),
            File::Zipped(archive, entry) => Session::open_zipped(ctx, archive, &entry.path, options),
        };
        match session {
            Err(error) if error.status == Status::Cancelled => Err(error),
            opened => Ok(opened.map_err(|error| self.problem(error))),
        }
    }

    /// What is wrong, without the path that stands before it anyway.
    fn problem(&self, error: Error) -> String {
        let path = match self {
            File::Plain(path) => path.display().to_string(),
            File::Zipped(archive, entry) => archive.join(&entry.path).display().to_string(),
        };
        error.message.replace(&format!("{path}: "), "")
    }
}

/// Where it is, and its length if that is not the published one.
impl std::fmt::Display for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            File::Plain(path) => write!(f, "{}", path.display())?,
            File::Zipped(_, entry) => f.write_str(&entry.path)?,
        }
        let (name, bytes) = (self.name(), self.bytes());
        let known = [DETECTOR, RECOGNISER].into_iter().find(|wanted| wanted.file.0 == name);
        match known.filter(|wanted| wanted.file.1 != bytes) {
            Some(wanted) => write!(f, " ({bytes} bytes, expected {})", wanted.file.1),
            None => write!(f, " ({bytes} bytes)"),
        }
    }
}

/// The ONNX files of a pack, in the order in which they are looked at.
fn files_of(path: &Path) -> Result<Vec<File>> {
    let mut files = if path.is_dir() { in_folder(path)? } else { in_archive(path)? };
    files.sort_by_key(|file| (SELDOM.contains(&&*file.name()), file.name()));
    Ok(files)
}

/// Those of a folder; if it has none, of the first folder or archive in it that has some.
fn in_folder(folder: &Path) -> Result<Vec<File>> {
    let mut paths = paths_in(folder)?;
    let plain: Vec<File> = paths.iter().filter(|path| ends_with(path, "onnx")).cloned().map(File::Plain).collect();
    if !plain.is_empty() {
        return Ok(plain);
    }
    paths.sort();
    for path in paths {
        let found = if path.is_dir() {
            paths_in(&path)?.into_iter().filter(|path| ends_with(path, "onnx")).map(File::Plain).collect()
        } else if ends_with(&path, "zip") {
            in_archive(&path)?
        } else {
            Vec::new()
        };
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn in_archive(path: &Path) -> Result<Vec<File>> {
    if ends_with(path, "onnx") {
        let message = format!("{} is a single network: a pack is a folder or zip archive of two", path.display());
        return Err(Error::with(Status::InvalidArgument, message).hint("give the folder"));
    }
    let entries = archive::entries(path)?.into_iter().filter(|entry| ends_with(Path::new(&entry.path), "onnx"));
    Ok(entries.map(|entry| File::Zipped(path.to_owned(), entry)).collect())
}

fn paths_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !is_hidden(path)).collect())
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn ends_with(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(extension)) && !is_hidden(path)
}
