//! The official pipelines: latents after every step, and the picture.

use crate::case::{Case, Outcome};
use crate::graph::{Builder, Written, image, levels, lit, out, path, samples};
use candle_core::Tensor;
use selfsame_graphs::{Span, Spanned, Value};

pub fn run(case: &Case) -> Outcome {
    let outcome = Writer { case, graph: Builder::new()?, size: size(case)? }.write()?.run()?;
    let steps = match outcome.output("steps") {
        Some(selfsame_sdk::Value::List(steps)) => steps.iter().map(samples).collect::<Result<Vec<_>, _>>()?,
        other => return Err(format!("no steps: {other:?}").into()),
    };
    case.check("out.latents_per_step", &Tensor::stack(&steps, 0)?)?;
    let image = image(&outcome, "image")?;
    if case.has("out.image") {
        case.check("out.image", &image)?;
    }
    if case.has("out.image_u8") {
        case.check_within("out.image_u8", &levels(&image)?, 1.0)?;
    }
    Ok(())
}

/// Height and width of the picture. Where nothing says so they are those of the picture that it is made from, down to a multiple
/// of 8, as diffusers has it.
fn size(case: &Case) -> Written<[i64; 2]> {
    if let (Some(height), Some(width)) = (case.meta["size"][0].as_i64(), case.meta["size"][1].as_i64()) {
        return Ok([height, width]);
    }
    let name = ["in.control_image", "in.canny_image", "in.init_image"].into_iter().find(|name| case.has(name));
    let dims = case.stored(name.ok_or("meta has no size, and there is no picture to take it from")?)?.dims().to_vec();
    Ok([dims[0], dims[1]].map(|side| (side / 8 * 8) as i64))
}

/// Writes the graph of a case.
struct Writer<'c> {
    case: &'c Case,
    graph: Builder,
    /// Height and width of the picture.
    size: [i64; 2],
}

impl Writer<'_> {
    fn add(&mut self, id: &str, type_name: &str, inputs: Vec<(&str, Value)>) {
        self.graph.add(id, type_name, inputs);
    }

    fn write(mut self) -> Written<Builder> {
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
            let file = self.model(&net);
            self.add(&format!("net{i}"), "LoadControlNet", vec![("control_net", file)]);
            let picture = self.picture(&format!("hint{i}"), image)?;
            let each = |key: &str| case.meta[key].get(i).unwrap_or(&case.meta[key]).as_f64();
            let mut inputs = vec![
                ("net", out(&format!("net{i}"), "control_net")),
                ("positive", positive),
                ("negative", negative.clone()),
                (if reads_face { "keypoints" } else { "image" }, picture),
                ("strength", lit(each("cn").ok_or("meta has no number cn for every ControlNet")?)),
                ("start", lit(each("control_guidance_start").unwrap_or(0.0))),
                ("end", lit(each("control_guidance_end").unwrap_or(1.0))),
            ];
            if reads_face {
                inputs.push(("id", out("id", "id")));
            }
            let guesses = case.meta["guess_mode"].as_bool() == Some(true);
            if guesses {
                inputs.push(("soft", lit(true)));
            }
            // The mask is the face's: it holds for the first net.
            if i == 0 {
                inputs.extend(mask.clone().map(|mask| ("mask", mask)));
            }
            self.add(&id, if reads_face { "IdentityNet" } else { "ControlNet" }, inputs);
            positive = out(&id, "positive");
            // In guess mode the negative prompt is denoised without ControlNets.
            if !guesses {
                negative = out(&id, "negative");
            }
        }
        // Only the full pipeline lets a second net read the text; the others give the face to all of them.
        if kind.starts_with("instantid") && kind != "instantid_full" && case.has("in.canny_image") {
            let inputs = vec![("id", out("id", "id")), ("positive", positive), ("negative", negative)];
            self.add("shared", "ShareIdentity", inputs);
            (positive, negative) = (out("shared", "positive"), out("shared", "negative"));
        }
        self.sample(model, positive, negative)?;
        self.graph.output("steps", "latent", "steps");
        self.graph.output("image", "image", "image");
        Ok(self.graph)
    }

    fn model(&self, name: &str) -> Value {
        path(&self.case.models.join(name).canonicalize().unwrap_or_default())
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
        let size = (self.size[0], self.size[1]);
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
        let inputs = vec![("instantid", out("instantid", "instantid")), ("face", out("face", "face"))];
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
            nets.push((folder, "in.canny_image", false));
        }
        nets
    }

    /// A recorded picture at the size of the picture to make. One of another size is resized as diffusers' `VaeImageProcessor`
    /// does it before anything else sees it.
    fn picture(&mut self, id: &str, name: &str) -> Written<Value> {
        let tensor = self.case.stored(name)?;
        let picture = self.graph.picture(id, &tensor)?;
        let [height, width] = self.size;
        if tensor.dims()[..2] == [height as usize, width as usize] {
            return Ok(picture);
        }
        let resized = format!("{id}_resized");
        let inputs = vec![
            ("image", picture),
            ("width", lit(width)),
            ("height", lit(height)),
            ("filter", lit("lanczos")),
            ("whole_levels", lit(true)),
        ];
        self.add(&resized, "ResizeImage", inputs);
        Ok(out(&resized, "image"))
    }

    /// The mask of InstantID's full pipeline: a picture's first channel.
    fn mask(&mut self) -> Written<Option<Value>> {
        if !self.case.has("in.mask") {
            return Ok(None);
        }
        let picture = self.graph.picture("mask_picture", &self.case.stored("in.mask")?)?;
        let inputs = vec![("image", picture), ("channel", lit("red"))];
        self.add("mask", "MaskFromImage", inputs);
        Ok(Some(out("mask", "mask")))
    }

    fn sample(&mut self, model: Value, positive: Value, negative: Value) -> Written<()> {
        let case = self.case;
        let mut names = case.names("in.noise_");
        names.sort_by_key(|name| (name.len(), *name)); // numbers of three digits come last
        let mut noise = names.into_iter().map(|name| case.input(name)).collect::<Written<Vec<_>>>()?;
        let (latent, first, strength) = match case.find("in.latents_unit")? {
            Some(unit) => (self.graph.latents("empty", &unit.zeros_like()?)?, unit, 1.0),
            None => {
                // Image to image: the first noise draws from the encoder's distribution, the second makes it noisy.
                if noise.len() < 2 {
                    return Err("a case with a picture to start from has two tensors of noise at least".into());
                }
                let rest = noise.split_off(2);
                let (second, drawn) = (noise.pop().ok_or("no noise")?, noise.pop().ok_or("no noise")?);
                noise = rest;
                let drawn = self.graph.latents("drawn", &drawn)?;
                let picture = self.picture("start_picture", "in.init_image")?;
                let inputs = vec![("vae", out("base", "vae")), ("image", picture), ("noise", drawn)];
                self.add("start", "VAEEncode", inputs);
                (out("start", "latent"), second, case.number("strength")?)
            }
        };
        let first = self.graph.latents("noise", &first)?;
        let mut steps = Vec::new();
        for (i, tensor) in noise.iter().enumerate() {
            steps.push(Spanned::new(self.graph.latents(&format!("noise_{i}"), tensor)?, Span::default()));
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
