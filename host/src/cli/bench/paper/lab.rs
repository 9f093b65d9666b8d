//! Where experiments are made: people with their photographs, the shipped graphs on one host, and the judges.

use super::judges::{Critic, Judge, SIDE, Seen};
use super::people::{Scenes, with_pose};
use super::sheet::Sheet;
use crate::cli::bars::style;
use crate::cli::exit::{Exit, OrStop, Stop};
use crate::cli::input::wrong;
use crate::cli::output::tell;
use indicatif::ProgressBar;
use mini_world::identity::Identity;
use mini_world::render::render;
use mini_world::scene::Scene;
use mini_world::sheet::write_png;
use mini_world::style::Style;
use selfsame_graphs::{ArgValues, Disk, Document, Project, Targets};
use selfsame_host::{Host, LoadError, Outcome, RunOptions, RunResult};
use selfsame_models::Cancel;
use selfsame_nodes::image::bytes::Bytes;
use selfsame_nodes::wires::Face;
use selfsame_sdk::{Image, Object, Status, Value};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A graph that comes with Selfsame.
#[derive(Clone, Copy)]
pub struct Shipped {
    /// Its file in `graphs/`.
    pub file: &'static str,
    pub text: &'static str,
}

/// Names a file of `graphs/`.
macro_rules! shipped {
    ($file:literal) => {
        $crate::cli::bench::paper::lab::Shipped {
            file: $file,
            text: include_str!(concat!("../../../../../graphs/", $file)),
        }
    };
}
pub(super) use shipped;

/// Where the faces of pictures are looked for.
const FACES: Shipped = Shipped { file: "faces.ron", text: include_str!("faces.ron") };

/// Why something cannot be done.
#[derive(Debug)]
pub enum Trouble {
    /// A node cannot work with what it is given, a picture without a face: with other people it can.
    Person(Stop),
    /// With nobody.
    Everybody(Stop),
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        Trouble::Everybody(stop)
    }
}

/// What all experiments share.
pub struct Lab {
    pub host: Host,
    pub cancel: Cancel,
    pub judge: Judge,
    pub critic: Critic,
    pub scenes: Scenes,
    /// Arguments of all graphs that have them.
    common: Vec<(&'static str, String)>,
    people: Vec<Somebody>,
    scratch: TempDir,
    files: Cell<usize>,
    made: Cell<usize>,
    failed: Cell<usize>,
}

/// Somebody of the evaluation, with the one photograph that InstantID is given.
pub struct Somebody {
    /// The place among those who are evaluated.
    pub index: usize,
    pub identity: Identity,
    /// The photograph as the world describes it.
    pub scene: Scene,
    pub photo: Bytes,
    pub path: PathBuf,
    /// The face in it; none if it was not found.
    seen: Option<Seen>,
}

/// Somebody whose face was found in the photograph.
#[derive(Clone, Copy)]
pub struct Known<'l> {
    pub somebody: &'l Somebody,
    pub seen: &'l Seen,
}

impl Lab {
    /// Draws everybody's photograph, and looks at it.
    pub fn new(
        host: Host,
        cancel: Cancel,
        judges: (Judge, Critic),
        scenes: Scenes,
        common: Vec<(&'static str, String)>,
    ) -> Result<Self, Stop> {
        let (judge, critic) = judges;
        let scratch = tempfile::tempdir().or_stop(Exit::Wrong)?;
        let [files, made, failed] = [0; 3].map(Cell::new);
        let people = Vec::new();
        let mut lab = Lab { host, cancel, judge, critic, scenes, common, people, scratch, files, made, failed };
        let bar = progress("photographs", scenes.people.people as usize);
        for (index, identity) in scenes.people.identities().enumerate() {
            let scene = scenes.clear(index, identity, 0);
            let photo = draw(&scene)?;
            let path = lab.keep(&photo)?;
            let seen = lab.largest(&photo)?;
            lab.people.push(Somebody { index, identity, scene, photo, path, seen });
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(lab)
    }

    /// How many people are evaluated.
    pub fn count(&self) -> usize {
        self.people.len()
    }

    /// Those whose face was found in the photograph. For all others every experiment counts as failed.
    pub fn known(&self) -> impl Iterator<Item = Known<'_>> {
        self.people.iter().filter_map(|somebody| Some(Known { somebody, seen: somebody.seen.as_ref()? }))
    }

    /// Pictures that were made so far.
    pub fn made(&self) -> usize {
        self.made.get()
    }

    /// How often an experiment failed with somebody so far.
    pub fn failed(&self) -> usize {
        self.failed.get()
    }

    /// Does the same for everybody, in order; none for those whose face was not found in the photograph, or with whom it cannot be done.
    pub fn each<T>(
        &self,
        what: &str,
        mut one: impl FnMut(Known) -> Result<Option<T>, Trouble>,
    ) -> Result<Vec<Option<T>>, Stop> {
        let bar = progress(what, self.count());
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        for somebody in &self.people {
            let known = somebody.seen.as_ref().map(|seen| Known { somebody, seen });
            all.push(match known.map(&mut one).transpose() {
                Ok(found) => found.flatten(),
                Err(Trouble::Person(stop)) => {
                    let place = self.scenes.people.first + somebody.index as u64;
                    bar.suspend(|| tell(&format!("{what}: it fails with person {place}\n{}", stop.message)));
                    failures.push(stop);
                    None
                }
                Err(Trouble::Everybody(stop)) => return Err(stop),
            });
            // Pictures that nobody asks for again would fill the memory.
            self.host.forget_results();
            bar.inc(1);
        }
        bar.finish_and_clear();
        self.failed.set(self.failed.get() + failures.len());
        // What fails with everybody has another reason than somebody's picture.
        match failures.pop().filter(|_| failures.len() + 1 == self.known().count()) {
            Some(stop) => Err(stop),
            None => Ok(all),
        }
    }

    /// The same, where a row of pictures comes with what is found: those of the first people are shown.
    pub fn each_shown<T, R: IntoIterator<Item = Option<Bytes>>>(
        &self,
        what: &str,
        mut one: impl FnMut(Known) -> Result<Option<(R, T)>, Trouble>,
    ) -> Result<(Vec<Option<T>>, Sheet), Stop> {
        let mut sheet = Sheet::default();
        let all = self.each(what, |person| {
            let Some((pictures, found)) = one(person)? else { return Ok(None) };
            if person.somebody.index < Sheet::PEOPLE {
                sheet.add(pictures);
            }
            Ok(Some(found))
        })?;
        Ok((all, sheet))
    }

    /// The next one whose face was found; after the last one the first. Alone, somebody has nobody beside them.
    pub fn next(&self, person: Known) -> Option<Known<'_>> {
        let (before, after): (Vec<_>, Vec<_>) =
            self.known().partition(|other| other.somebody.index <= person.somebody.index);
        let next = after.first().or(before.first()).copied();
        next.filter(|next| next.somebody.index != person.somebody.index)
    }

    /// What a picture of somebody shall show: everything at random, but the head as it is held in the photograph.
    pub fn asked(&self, person: Known, style: Style) -> Scene {
        let Somebody { index, identity, scene, .. } = person.somebody;
        let asked = Scene { style, ..self.scenes.any(*index, *identity, 1) };
        scene.people.first().map_or(asked.clone(), |shown| with_pose(asked, shown.pose))
    }

    /// The seed of the noise of somebody's pictures.
    pub fn noise(&self, person: Known) -> String {
        format!("seed={}", self.scenes.noise(person.somebody.index))
    }

    /// Runs a shipped graph up to these outputs of nodes, with arguments as `NAME=VALUE`.
    pub fn run(&self, graph: Shipped, set: &[String], wanted: &[&str]) -> Result<Outcome, Trouble> {
        let project = Project::around(&Disk, Document::parse(graph.file, graph.text.to_owned()));
        let has = |name: &str| project.root().graph().args.iter().any(|arg| arg.name.value == name);
        let common = self.common.iter().filter(|(name, _)| has(name)).map(|(name, value)| format!("{name}={value}"));
        let args = ArgValues::parse(project.root(), common.chain(set.iter().cloned()));
        let args = args.map_err(|report| wrong(Exit::Usage, &report))?;
        let wanted: Vec<String> = wanted.iter().map(|output| (*output).to_owned()).collect();
        let prepared = self.host.load(&project, &args, Targets::Only(&wanted)).map_err(|error| match error {
            LoadError::Graph(report) => wrong(Exit::Wrong, &report),
            error => Stop::new(Exit::Wrong, format!("graphs/{}: {error}", graph.file)),
        })?;
        let options = RunOptions {
            output_folder: self.scratch.path().to_owned(),
            cancel: self.cancel.clone(),
            ..RunOptions::default()
        };
        let outcome = self.host.run(&prepared, &options, &());
        match (outcome.result, outcome.failures.first()) {
            (RunResult::Ok, _) => Ok(outcome),
            (_, Some(failure)) => {
                let stop = Stop::new(Exit::NodeFailed, format!("graphs/{}: {failure}", graph.file));
                match failure.status {
                    Status::InvalidArgument => Err(Trouble::Person(stop)),
                    _ => Err(Trouble::Everybody(stop)),
                }
            }
            (_, None) => Err(Stop::new(Exit::Cancelled, "cancelled; --resume goes on").into()),
        }
    }

    /// The pictures that a shipped graph makes, before it lays them out on a sheet; there must be so many.
    pub fn pictures(&self, graph: Shipped, set: &[String], count: usize) -> Result<Vec<Bytes>, Trouble> {
        Ok(self.pictures_of(graph, &self.run(graph, set, &["image.image"])?, count)?)
    }

    /// The one picture that a shipped graph makes.
    pub fn picture(&self, graph: Shipped, set: &[String]) -> Result<Bytes, Trouble> {
        Ok(self.pictures(graph, set, 1)?.swap_remove(0))
    }

    /// The pictures of a run of a shipped graph; there must be so many.
    pub fn pictures_of(&self, graph: Shipped, outcome: &Outcome, count: usize) -> Result<Vec<Bytes>, Stop> {
        let images: Vec<Arc<Image>> = values(outcome, "image.image");
        let frames = images.iter().map(|image| Bytes::frames(Image::clone(image), 3));
        let pictures = frames.collect::<Result<Vec<_>, _>>().or_stop(Exit::NodeFailed)?.concat();
        self.made.set(self.made.get() + pictures.len());
        there_are(count, pictures, "pictures", graph)
    }

    /// All faces in a picture, the largest first.
    pub fn faces(&self, picture: &Bytes) -> Result<Vec<Face>, Stop> {
        let path = self.keep(picture)?;
        let outcome = self.run(FACES, &[format!("picture={}", path.display())], &["faces.faces"]);
        // A picture without a face is no failure of this graph.
        let outcome = outcome.map_err(|(Trouble::Person(stop) | Trouble::Everybody(stop))| stop)?;
        let faces: Vec<Arc<Face>> = values(&outcome, "faces.faces");
        let mut faces: Vec<Face> =
            faces.iter().filter(|face| face.kps.is_some()).map(|face| Face::clone(face)).collect();
        faces.sort_by(|a, b| b.area().total_cmp(&a.area()));
        Ok(faces)
    }

    /// The largest face in a picture, as the judge sees it; none if there is none.
    pub fn largest(&self, picture: &Bytes) -> Result<Option<Seen>, Stop> {
        self.faces(picture)?.into_iter().next().map(|face| self.judged(picture, face)).transpose()
    }

    /// A face as the judge sees it.
    pub fn judged(&self, picture: &Bytes, face: Face) -> Result<Seen, Stop> {
        Ok(Seen { embedding: self.judge.embed(picture, &face)?, face })
    }

    /// Writes a picture where graphs can read it.
    pub fn keep(&self, picture: &Bytes) -> Result<PathBuf, Stop> {
        self.files.set(self.files.get() + 1);
        let path = self.scratch.path().join(format!("{:06}.png", self.files.get()));
        self.keep_as(picture, &path)?;
        Ok(path)
    }

    /// The same under a name of one's choice.
    pub fn keep_as(&self, picture: &Bytes, path: &Path) -> Result<(), Stop> {
        let cannot = |error| Stop::new(Exit::Wrong, format!("cannot write {}: {error}", path.display()));
        write_png(path, picture.size(), picture.data()).map_err(cannot)
    }

    /// A folder for pictures.
    pub fn folder(&self) -> Result<TempDir, Stop> {
        TempDir::new_in(self.scratch.path()).or_stop(Exit::Wrong)
    }
}

/// Arguments and some more of them.
pub fn with(set: &[String], more: &[&str]) -> Vec<String> {
    set.iter().cloned().chain(more.iter().map(ToString::to_string)).collect()
}

/// What the world draws.
pub fn draw(scene: &Scene) -> Result<Bytes, Stop> {
    Bytes::new([SIDE; 2], 3, render(scene, SIDE).rgb).or_stop(Exit::Wrong)
}

/// What a run of a shipped graph gave, if there is as much of it as there must be.
pub fn there_are<T>(count: usize, found: Vec<T>, what: &str, graph: Shipped) -> Result<Vec<T>, Stop> {
    if found.len() != count {
        let message = format!("graphs/{}: expected {count} {what}, got {}", graph.file, found.len());
        return Err(Stop::new(Exit::NodeFailed, message));
    }
    Ok(found)
}

/// The values of an output that are of a type; one, or all of a list.
pub fn values<T: Object>(outcome: &Outcome, output: &str) -> Vec<Arc<T>> {
    match outcome.output(output) {
        Some(Value::List(items)) => items.iter().filter_map(Value::downcast).collect(),
        Some(value) => value.downcast().into_iter().collect(),
        None => Vec::new(),
    }
}

fn progress(what: &str, count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64).with_prefix(what.to_owned());
    bar.with_style(style("{bar:30} {pos}/{len} {prefix}, {eta} left"))
}
