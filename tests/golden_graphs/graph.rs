//! Graphs written for cases, and runs of them.

use candle_core::{DType, Device, Tensor};
use selfsame_graphs::{ArgValues, Graph, GraphOutput, Link, Node, Spanned, Targets, Value};
use selfsame_host::{Host, HostSettings, Outcome, RunOptions, open_graph};
use selfsame_nodes::image::encode::{Depth, frames};
use selfsame_sdk::{Image, Latent, Literal};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tempfile::TempDir;

/// What writing a graph gives.
pub type Written<T> = Result<T, Box<dyn Error>>;

/// A link to what a node gives.
pub fn out(node: &str, output: &str) -> Value {
    Value::Link(Link::new(node, output))
}

/// A literal as an input.
pub fn lit(literal: impl Into<Literal>) -> Value {
    Value::from(literal.into())
}

/// A path as an input.
pub fn path(path: &Path) -> Value {
    lit(&*path.display().to_string())
}

/// A graph that is being written, and a folder for the files that it names.
pub struct Builder {
    folder: TempDir,
    graph: Graph,
}

impl Builder {
    pub fn new() -> Written<Self> {
        Ok(Builder { folder: tempfile::tempdir()?, graph: Graph::default() })
    }

    /// Adds a node.
    pub fn add(&mut self, id: &str, type_name: &str, inputs: Vec<(&str, Value)>) {
        let node = inputs.into_iter().fold(Node::new(id, type_name), |node, (name, value)| node.set(name, value));
        self.graph.nodes.push(node);
    }

    /// Makes what a node gives an output of the graph.
    pub fn output(&mut self, name: &str, node: &str, output: &str) {
        self.graph.outputs.push(GraphOutput { name: Spanned::from(name), link: Link::new(node, output) });
    }

    /// Writes a file.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Written<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Loads a recorded picture `[H,W,3]` or `[H,W]` of bytes from a PNG file.
    pub fn picture(&mut self, id: &str, tensor: &Tensor) -> Written<Value> {
        let dims = tensor.dims();
        let (height, width) = (dims[0], dims[1]);
        let values = (tensor.to_dtype(DType::F32)?.flatten_all()? / 255.0)?.to_vec1::<f32>()?;
        let image = Image::new([1, height, width, values.len() / (height * width)], values)?;
        let png = frames(&image)?.first().ok_or("no picture")?.png(Depth::Eight, &[])?;
        let file = self.file(&format!("{id}.png"), &png)?;
        self.add(id, "LoadImage", vec![("path", path(&file))]);
        Ok(out(id, "image"))
    }

    /// Loads a recorded tensor of latents from a file.
    pub fn latents(&mut self, id: &str, tensor: &Tensor) -> Written<Value> {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        let tensor = selfsame_sdk::Tensor::new(tensor.dims(), values)?;
        let bytes = selfsame_nodes::tensors::write(&[("latent_tensor", &tensor)], &[])?;
        let file = self.file(&format!("{id}.latent"), &bytes)?;
        self.add(id, "LoadLatent", vec![("path", path(&file))]);
        Ok(out(id, "latent"))
    }

    /// Writes the graph as a file, opens it and runs it.
    pub fn run(self) -> Written<Outcome> {
        let path = self.file("case.ron", self.graph.to_ron().as_bytes())?;
        let project = open_graph(&path)?;
        let prepared = host().load(&project, &ArgValues::default(), Targets::All)?;
        let options = RunOptions { output_folder: self.folder.path().join("out"), ..RunOptions::default() };
        let outcome = host().run(&prepared, &options, &());
        match outcome.failures.first() {
            Some(failure) => Err(failure.to_string().into()),
            None => Ok(outcome),
        }
    }
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).expect("a host on the CPU")
    })
}

/// A picture that the graph gave, `[B,H,W,C]`.
pub fn image(outcome: &Outcome, name: &str) -> Written<Tensor> {
    let image = outcome.output(name).and_then(|value| value.downcast::<Image>());
    let image = image.ok_or_else(|| format!("the graph gave no picture {name}"))?;
    Ok(Tensor::from_slice(image.data(), &image.dims()[..], &Device::Cpu)?)
}

/// Pictures in whole levels, as saving them in 8 bits rounds them.
pub fn levels(image: &Tensor) -> Written<Tensor> {
    Ok((image * 255.0)?.round()?.to_dtype(DType::U8)?)
}

/// Latents on a wire.
pub fn samples(value: &selfsame_sdk::Value) -> Written<Tensor> {
    let latent = value.downcast::<Latent>().ok_or("expected a LATENT")?;
    Ok(Tensor::from_slice(latent.samples.data(), latent.samples.shape(), &Device::Cpu)?)
}
