//! The recorded official pipelines, run again through graph files: a graph is written for each case from its parameters, opened
//! and run as a user's would be, and its latents after every step and its picture compared with the recorded ones.
//!
//! `SELFSAME_GOLDENS=folder cargo test --release -p selfsame --test golden_graphs -- filter`; without the variable the small
//! set in the repository, which has no pipelines, and says so.

#[path = "../nodes/models/tests/goldens/case.rs"]
#[allow(dead_code, reason = "the networks' tests use the rest")]
mod case;

use candle_core::{DType, Device, Tensor};
use case::{Case, Outcome, Set, Tally};
use selfsame_graphs::{ArgValues, Graph, GraphOutput, Link, Node, Span, Spanned, Targets, Value};
use selfsame_host::{Host, HostSettings, RunOptions, open_graph};
use selfsame_nodes::image::encode::{Depth, frames};
use selfsame_sdk::{Image, Latent, Literal};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let root = std::env::var_os("SELFSAME_GOLDENS").map(PathBuf::from);
    let root =
        root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodes/models/tests/goldens/small"));
    let cases = match (Set { root }).cases() {
        Ok(cases) => cases,
        Err(error) => {
            println!("golden graphs: FAIL {error}");
            return ExitCode::FAILURE;
        }
    };
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.group == "pipeline").collect();
    if cases.is_empty() {
        println!(
            "golden graphs: this set has no pipelines, so none are run; SELFSAME_GOLDENS names a folder with more"
        );
        return ExitCode::SUCCESS;
    }
    let mut tally = Tally::new(&filter);
    let mut declined = 0;
    for case in cases.iter().filter(|case| tally.wants(&format!("pipeline/{}", case.name))).collect::<Vec<_>>() {
        match why_not(case) {
            Some(why) => {
                declined += 1;
                println!("pipeline/{}: DECLINED {why}", case.name);
            }
            None => tally.run_partly(case, run),
        }
    }
    println!("{declined} of {} cases declined", cases.len());
    tally.close()
}

/// Why a case is not run, if it is not.
fn why_not(case: &Case) -> Option<String> {
    let size: Vec<u64> = case.meta["size"].as_array()?.iter().filter_map(serde_json::Value::as_u64).collect();
    ["in.init_image", "in.control_image", "in.canny_image"].into_iter().find_map(|name| {
        let dims = case.find(name).ok()??.dims().iter().map(|d| *d as u64).collect::<Vec<_>>();
        let differs = dims.first() != size.first() || dims.get(1) != size.get(1);
        differs.then(|| format!("{name} {dims:?} would have to be resized to {size:?} as PIL does, in whole levels"))
    })
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        Host::new(HostSettings { device: "cpu".to_owned(), ..HostSettings::default() }).expect("a host on the CPU")
    })
}

fn run(case: &Case) -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("case.ron");
    std::fs::write(&path, Writer { case, folder: folder.path(), graph: Graph::default() }.write()?.to_ron())?;
    let project = open_graph(&path)?;
    let prepared = host().load(&project, &ArgValues::default(), Targets::All)?;
    let options = RunOptions { output_folder: folder.path().join("out"), ..RunOptions::default() };
    let outcome = host().run(&prepared, &options, &());
    if let Some(failure) = outcome.failures.first() {
        return Err(failure.to_string().into());
    }
    let steps = match outcome.output("steps") {
        Some(selfsame_sdk::Value::List(steps)) => steps.iter().map(latents).collect::<Result<Vec<_>, _>>()?,
        other => return Err(format!("no steps: {other:?}").into()),
    };
    case.check("out.latents_per_step", &Tensor::stack(&steps, 0)?)?;
    let image = outcome.output("image").and_then(|value| value.downcast::<Image>()).ok_or("no image")?;
    let image = Tensor::from_slice(image.data(), &image.dims()[..], &Device::Cpu)?;
    if case.has("out.image") {
        case.check("out.image", &image)?;
    }
    if case.has("out.image_u8") {
        case.check_within("out.image_u8", &(image * 255.0)?.round()?.to_dtype(DType::U8)?, 1.0)?;
    }
    Ok(())
}

fn latents(value: &selfsame_sdk::Value) -> Result<Tensor, Box<dyn Error>> {
    let latent = value.downcast::<Latent>().ok_or("a step is no LATENT")?;
    Ok(Tensor::from_slice(latent.samples.data(), latent.samples.shape(), &Device::Cpu)?)
}

/// Writes the graph of a case, and the files that it names.
struct Writer<'c> {
    case: &'c Case,
    folder: &'c Path,
    graph: Graph,
}

type Written<T> = Result<T, Box<dyn Error>>;

fn out(node: &str, output: &str) -> Value {
    Value::Link(Link::new(node, output))
}

fn lit(literal: impl Into<Literal>) -> Value {
    Value::from(literal.into())
}

impl Writer<'_> {
    fn add(&mut self, id: &str, type_name: &str, inputs: Vec<(&str, Value)>) {
        let node = inputs.into_iter().fold(Node::new(id, type_name), |node, (name, value)| node.set(name, value));
        self.graph.nodes.push(node);
    }

    fn write(mut self) -> Written<Graph> {
        let case = self.case;
        let kind = case.text("kind")?.to_owned();
        let base = if kind.starts_with("sd15") { "sd15" } else { "sdxl" };
        let checkpoint = self.model(base);
        self.add("base", "LoadCheckpoint", vec![("checkpoint", checkpoint)]);
        let (mut positive, mut negative) = self.text(&kind)?;
        let mut model = out("base", "model");
        let mask = self.mask()?;
        if kind.starts_with("instantid") {
            self.face(base)?;
            let mut inputs = vec![
                ("model", model),
                ("instantid", out("instantid", "instantid")),
                ("id", out("id", "id")),
                ("weight", lit(case.number("ip")?)),
                ("nearest_mask", lit(true)),
            ];
            inputs.extend(mask.clone().map(|mask| ("mask", mask)));
            self.add("adapter", "ImageAdapter", inputs);
            model = out("adapter", "model");
        }
        for (i, (net, image, reads_face)) in self.nets(&kind, base).into_iter().enumerate() {
            let id = format!("control{i}");
            let (file, picture) = (self.model(&net), self.picture(image)?);
            self.add(&format!("net{i}"), "LoadControlNet", vec![("control_net", file)]);
            self.add(&format!("hint{i}"), "LoadImage", vec![("path", picture)]);
            let each = |key: &str| case.meta[key].get(i).unwrap_or(&case.meta[key]).as_f64();
            let mut inputs = vec![
                ("net", out(&format!("net{i}"), "control_net")),
                ("positive", positive),
                ("negative", negative),
                (if reads_face { "keypoints" } else { "image" }, out(&format!("hint{i}"), "image")),
                ("strength", lit(each("cn").ok_or("meta has no number cn for every ControlNet")?)),
                ("start", lit(each("control_guidance_start").unwrap_or(0.0))),
                ("end", lit(each("control_guidance_end").unwrap_or(1.0))),
            ];
            if reads_face {
                inputs.push(("id", out("id", "id")));
            }
            if case.meta["guess_mode"].as_bool() == Some(true) {
                inputs.push(("soft", lit(true)));
            }
            // The mask is the face's: it holds for the first net.
            if i == 0 {
                inputs.extend(mask.clone().map(|mask| ("mask", mask)));
            }
            self.add(&id, if reads_face { "IdentityNet" } else { "ControlNet" }, inputs);
            (positive, negative) = (out(&id, "positive"), out(&id, "negative"));
        }
        self.sample(model, positive, negative)?;
        for (name, link) in [("steps", Link::new("latent", "steps")), ("image", Link::new("image", "image"))] {
            self.graph.outputs.push(GraphOutput { name: Spanned::from(name), link });
        }
        Ok(self.graph)
    }

    fn model(&self, name: &str) -> Value {
        lit(&*self.case.models.join(name).canonicalize().unwrap_or_default().display().to_string())
    }

    fn text(&mut self, kind: &str) -> Written<(Value, Value)> {
        let case = self.case;
        let syntax = if kind == "instantid_full" { "instantid_full" } else { "plain" };
        let words = |key: &str| case.meta[key].as_str();
        let skip = case.meta["clip_skip"].as_i64().unwrap_or(0);
        self.add("skip", "ClipSkip", vec![("clip", out("base", "clip")), ("layers", lit(skip))]);
        let mut inputs =
            vec![("clip", out("skip", "clip")), ("prompt", lit(case.text("prompt")?)), ("syntax", lit(syntax))];
        let others = [("negative", "negative"), ("prompt_2", "prompt_2"), ("negative_2", "negative_prompt_2")];
        inputs.extend(others.into_iter().filter_map(|(input, key)| Some((input, lit(words(key)?)))));
        self.add("text", "EncodePrompts", inputs);
        let texts = (out("text", "positive"), out("text", "negative"));
        if kind.starts_with("sd15") {
            return Ok(texts);
        }
        // The negative prompt has sizes of its own only if both are given.
        let both = ["negative_original_size", "negative_target_size"].iter().all(|key| case.meta[key].is_array());
        let negative = if both { "negative_" } else { "" };
        Ok((self.sizes("sizes", texts.0, "")?, self.sizes("negative_sizes", texts.1, negative)?))
    }

    fn sizes(&mut self, id: &str, conditioning: Value, prefix: &str) -> Written<Value> {
        let case = self.case;
        let pair = |key: &str| Some((case.meta[key].get(0)?.as_i64()?, case.meta[key].get(1)?.as_i64()?));
        let size = pair("size").ok_or("meta has no size")?;
        let original = pair(&format!("{prefix}original_size")).unwrap_or(size);
        let crop = pair(&format!("{prefix}crops_coords_top_left")).unwrap_or((0, 0));
        let target = pair(&format!("{prefix}target_size")).unwrap_or(size);
        let numbers = [
            ("original_height", original.0),
            ("original_width", original.1),
            ("crop_top", crop.0),
            ("crop_left", crop.1),
            ("target_height", target.0),
            ("target_width", target.1),
        ];
        let inputs = numbers.into_iter().map(|(name, number)| (name, lit(number)));
        self.add(id, "ConditioningSizes", std::iter::once(("conditioning", conditioning)).chain(inputs).collect());
        Ok(out(id, "conditioning"))
    }

    fn face(&mut self, base: &str) -> Written<()> {
        let embedding = self.case.numbers("in.face_embedding")?;
        self.add("face", "FaceEmbedding", vec![("embedding", lit(embedding))]);
        let file = self.model(&format!("ip-adapter_{base}.bin"));
        self.add("instantid", "LoadInstantID", vec![("instantid", file)]);
        let inputs = vec![("instantid", out("instantid", "instantid")), ("faces", out("face", "face"))];
        self.add("id", "IDEmbed", inputs);
        Ok(())
    }

    /// Model folder and picture of each ControlNet, and whether it reads the face.
    fn nets(&self, kind: &str, base: &str) -> Vec<(String, &'static str, bool)> {
        let face = kind.starts_with("instantid");
        let mut nets = Vec::new();
        if face {
            nets.push((format!("{base}_controlnet_identity"), "in.control_image", true));
        }
        if self.case.has("in.canny_image") {
            let folder = if face { format!("{base}_controlnet_canny") } else { format!("{base}_controlnet") };
            // Only the full pipeline lets a second net read the text; the others give the face to all of them.
            nets.push((folder, "in.canny_image", face && kind != "instantid_full"));
        }
        nets
    }

    /// A recorded picture `[H,W,3]` or `[H,W]` of bytes as a PNG file.
    fn picture(&self, name: &str) -> Written<Value> {
        let tensor = self.case.input(name)?;
        let dims = tensor.dims();
        let (height, width) = (dims[0], dims[1]);
        let values = (tensor.flatten_all()? / 255.0)?.to_vec1::<f32>()?;
        let image = Image::new([1, height, width, values.len() / (height * width)], values)?;
        let path = self.folder.join(format!("{name}.png"));
        let png = frames(&image)?.first().ok_or("no picture")?.png(Depth::Eight, &[])?;
        std::fs::write(&path, png)?;
        Ok(lit(&*path.display().to_string()))
    }

    /// The mask of InstantID's full pipeline: a picture's first channel.
    fn mask(&mut self) -> Written<Option<Value>> {
        if !self.case.has("in.mask") {
            return Ok(None);
        }
        let picture = self.picture("in.mask")?;
        self.add("mask_picture", "LoadImage", vec![("path", picture)]);
        let inputs = vec![("image", out("mask_picture", "image")), ("channel", lit("red"))];
        self.add("mask", "MaskFromImage", inputs);
        Ok(Some(out("mask", "mask")))
    }

    /// A recorded tensor of latents as a file.
    fn latents(&mut self, id: &str, tensor: &Tensor) -> Written<Value> {
        let values = tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
        let tensor = selfsame_sdk::Tensor::new(tensor.dims(), values)?;
        let path = self.folder.join(format!("{id}.latent"));
        std::fs::write(&path, selfsame_nodes::tensors::write(&[("latent_tensor", &tensor)], &[])?)?;
        self.add(id, "LoadLatent", vec![("path", lit(&*path.display().to_string()))]);
        Ok(out(id, "latent"))
    }

    fn sample(&mut self, model: Value, positive: Value, negative: Value) -> Written<()> {
        let case = self.case;
        let mut names = case.names("in.noise_");
        names.sort_by_key(|name| (name.len(), *name)); // numbers of three digits come last
        let mut noise = names.into_iter().map(|name| case.input(name)).collect::<Written<Vec<_>>>()?;
        let (latent, first, strength) = match case.find("in.latents_unit")? {
            Some(unit) => (self.latents("empty", &unit.zeros_like()?)?, unit, 1.0),
            None => {
                // Image to image: the first noise draws from the encoder's distribution, the second makes it noisy.
                if noise.len() < 2 {
                    return Err("a case with a picture to start from has two tensors of noise at least".into());
                }
                let rest = noise.split_off(2);
                let (second, drawn) = (noise.pop().ok_or("no noise")?, noise.pop().ok_or("no noise")?);
                noise = rest;
                let drawn = self.latents("drawn", &drawn)?;
                let picture = self.picture("in.init_image")?;
                self.add("start_picture", "LoadImage", vec![("path", picture)]);
                let inputs =
                    vec![("vae", out("base", "vae")), ("image", out("start_picture", "image")), ("noise", drawn)];
                self.add("start", "VAEEncode", inputs);
                (out("start", "latent"), second, case.number("strength")?)
            }
        };
        let first = self.latents("noise", &first)?;
        let mut steps = Vec::new();
        for (i, tensor) in noise.iter().enumerate() {
            steps.push(Spanned::new(self.latents(&format!("noise_{i}"), tensor)?, Span::default()));
        }
        if let Some(rescale) = case.meta["guidance_rescale"].as_f64() {
            let inputs = vec![("model", model.clone()), ("amount", lit(rescale)), ("measure", lit("output"))];
            self.add("rescale", "RescaleGuidance", inputs);
        }
        let model = if case.meta["guidance_rescale"].is_null() { model } else { out("rescale", "model") };
        let mut inputs = vec![
            ("model", model),
            ("positive", positive),
            ("negative", negative),
            ("latent", latent),
            ("steps", lit(case.number("steps")? as i64)),
            ("guidance_scale", lit(case.number("guidance")?)),
            ("scheduler", lit(case.text("scheduler")?)),
            ("config", lit(&*case.meta["scheduler_config"].to_string())),
            ("strength", lit(strength)),
            ("noise_latent", first),
            ("step_noise", Value::List(steps)),
            ("keep_steps", lit(true)),
        ];
        inputs.extend(case.meta["eta"].as_f64().map(|eta| ("eta", lit(eta))));
        self.add("latent", "PipelineSampler", inputs);
        self.add("image", "VAEDecode", vec![("vae", out("base", "vae")), ("latent", out("latent", "latent"))]);
        Ok(())
    }
}
