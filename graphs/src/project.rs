//! A graph with all the graphs that it uses as nodes.

use crate::document::{Document, NodeKind};
use crate::problem::{Code, Problem};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The most graph files that may contain each other.
const MAX_NESTING: usize = 64;

/// Where graph files come from.
pub trait GraphFiles {
    /// Opens `file` as it is written in the graph file called `from`.
    ///
    /// # Errors
    /// If it cannot be read as text.
    fn open(&self, from: &str, file: &str) -> Result<GraphFile, NotOpened>;
}

/// A graph file that was read.
#[derive(Clone, Debug)]
pub struct GraphFile {
    /// The same for one file however it is reached.
    pub identity: String,
    /// What messages call it, and what [`GraphFiles::open`] is given as `from`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why a graph file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct NotOpened {
    /// Where it was looked for.
    pub path: String,
    /// What went wrong.
    pub reason: String,
}

/// Graph files on disk. Paths are taken from the folder of the graph that writes them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl GraphFiles for Disk {
    fn open(&self, from: &str, file: &str) -> Result<GraphFile, NotOpened> {
        let path = Path::new(from).parent().unwrap_or(Path::new("")).join(file);
        let fail = |error: std::io::Error| {
            let reason = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => error.to_string(),
            };
            NotOpened { path: path.display().to_string(), reason }
        };
        let bytes = std::fs::read(&path).map_err(fail)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| NotOpened { path: path.display().to_string(), reason: "it is not UTF-8 text".to_owned() })?;
        let identity = path.canonicalize().unwrap_or_else(|_| PathBuf::from(&path)).display().to_string();
        Ok(GraphFile { identity, name: path.display().to_string(), text })
    }
}

/// A graph and, each once, all graphs that it uses as nodes, directly or not.
#[derive(Clone, Debug)]
pub struct Project {
    documents: Vec<Document>,
    /// For each document, which document each of its sub-graph nodes stands for, by the index of the node.
    uses: Vec<BTreeMap<usize, usize>>,
    /// Documents before all that use them.
    order: Vec<usize>,
    problems: Vec<Problem>,
}

impl Project {
    /// Opens the graph file at `path` and what it uses.
    ///
    /// # Errors
    /// If the file itself cannot be read. Whatever else is wrong is a problem of the project.
    pub fn open(files: &dyn GraphFiles, path: &str) -> Result<Project, NotOpened> {
        let file = files.open("", path)?;
        Ok(Loader::load(files, Document::parse(file.name, file.text), file.identity))
    }

    /// A project around a document that was read from somewhere else. The sub-graphs are looked for from the folder of
    /// the document's name.
    pub fn around(files: &dyn GraphFiles, document: Document) -> Project {
        let identity = format!("\0{}", document.source().name());
        Loader::load(files, document, identity)
    }

    /// The graph that was opened.
    pub fn root(&self) -> &Document {
        &self.documents[0]
    }

    /// All documents; the first is [`root`](Self::root).
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The indices of all documents, each before those that use it.
    pub(crate) fn order(&self) -> &[usize] {
        &self.order
    }

    /// The index of the document that a sub-graph node stands for; none if the file is missing or contains itself.
    pub fn subgraph(&self, document: usize, node: usize) -> Option<usize> {
        self.uses.get(document)?.get(&node).copied()
    }

    /// Sub-graph files that are missing or contain themselves.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

struct Loader<'f> {
    files: &'f dyn GraphFiles,
    project: Project,
    by_identity: BTreeMap<String, usize>,
    /// The documents that are being loaded, each used by the one before.
    path: Vec<usize>,
}

impl<'f> Loader<'f> {
    fn load(files: &'f dyn GraphFiles, root: Document, identity: String) -> Project {
        let project = Project { documents: Vec::new(), uses: Vec::new(), order: Vec::new(), problems: Vec::new() };
        let mut loader = Loader { files, project, by_identity: BTreeMap::new(), path: Vec::new() };
        loader.add(root, identity);
        loader.project
    }

    fn add(&mut self, document: Document, identity: String) -> usize {
        let index = self.project.documents.len();
        let wanted: Vec<_> = (document.graph().nodes.iter().enumerate())
            .filter_map(|(i, node)| match &node.kind {
                NodeKind::Subgraph(file) => Some((i, node.id.value.clone(), file.clone())),
                _ => None,
            })
            .collect();
        let name = document.source().name().to_owned();
        self.project.documents.push(document);
        self.project.uses.push(BTreeMap::new());
        self.by_identity.insert(identity, index);
        self.path.push(index);
        for (node, id, file) in wanted {
            let found = match self.files.open(&name, &file.value) {
                Ok(found) => found,
                Err(error) => {
                    let message = format!("the graph of node `{id}` cannot be read: {}", error.reason);
                    let mut problem = Problem::new(Code::MissingSubgraph, message).node(id);
                    problem.looked.push(error.path);
                    self.add_problem(index, file.span, problem);
                    continue;
                }
            };
            let used = match self.by_identity.get(&found.identity) {
                Some(&known) => known,
                None if self.path.len() >= MAX_NESTING => {
                    let message = format!("sub-graphs nest deeper than {MAX_NESTING}");
                    self.add_problem(index, file.span, Problem::new(Code::SubgraphRecursion, message).node(id));
                    continue;
                }
                None => self.add(Document::parse(found.name, found.text), found.identity),
            };
            if let Some(start) = self.path.iter().position(|&open| open == used) {
                let name = |i: &usize| self.project.documents[*i].source().name();
                let path: Vec<&str> = self.path[start..].iter().chain([&used]).map(name).collect();
                let message = format!("the graph of node `{id}` contains itself: {}", path.join(" -> "));
                self.add_problem(index, file.span, Problem::new(Code::SubgraphRecursion, message).node(id));
            } else {
                self.project.uses[index].insert(node, used);
            }
        }
        self.path.pop();
        self.project.order.push(index);
        index
    }

    fn add_problem(&mut self, document: usize, span: crate::Span, problem: Problem) {
        let source = self.project.documents[document].source();
        let problem = problem.at(source, span);
        self.project.problems.push(problem);
    }
}
