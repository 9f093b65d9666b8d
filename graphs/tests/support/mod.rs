//! Node types, models and files for tests.

#![allow(dead_code)] // Each test binary uses its part.

use selfsame_graphs::{
    Asset, AssetKind, AssetMissing, Assets, Catalogue, GraphFile, GraphFiles, KnownPlugin, NotOpened, Plan, PlanValue,
    Plugins, Unusable,
};
use selfsame_sdk::{InputPort, NodeDescriptor, OutputPort, Type, Widget};
use std::collections::BTreeMap;

fn node(id: &str, name: &str) -> NodeDescriptor {
    NodeDescriptor::new(id, name).category("test").doc("A node for tests.")
}

fn input(name: &str, ty: &str) -> InputPort {
    InputPort::new(name, ty.parse().expect("types in tests are sound")).doc("An input.")
}

fn output(name: &str, ty: &str) -> OutputPort {
    OutputPort::new(name, ty.parse().expect("types in tests are sound")).doc("An output.")
}

fn model(name: &str, folder: &str) -> InputPort {
    input(name, "STRING").widget(Widget::Model { folder: folder.to_owned() })
}

/// The node types of the examples in the documentation, and a few for special cases.
pub fn catalogue() -> Catalogue {
    let nodes = [
        node("core.image.load", "LoadImage")
            .alias("ImageLoad")
            .category("image/files")
            .input(input("path", "STRING").widget(Widget::File { extensions: vec!["png".to_owned()] }).alias("file"))
            .output(output("image", "IMAGE").alias("picture"))
            .output(output("mask", "MASK")),
        node("core.image.load_many", "LoadImages")
            .category("image/files")
            .input(input("paths", "LIST<STRING>").optional().widget(Widget::File { extensions: Vec::new() }))
            .input(input("folder", "STRING").optional().widget(Widget::Folder))
            .output(output("images", "LIST<IMAGE>")),
        node("core.image.save", "SaveImage")
            .category("image/files")
            .output_node()
            .input(input("image", "IMAGE"))
            .input(input("prefix", "STRING").default("image")),
        node("core.loaders.checkpoint", "LoadCheckpoint")
            .category("loaders")
            .input(model("checkpoint", "checkpoints"))
            .output(output("model", "MODEL"))
            .output(output("clip", "CLIP"))
            .output(output("vae", "VAE")),
        node("core.loaders.instantid", "LoadInstantID")
            .category("loaders")
            .input(model("file", "instantid").default("instantid.safetensors"))
            .output(output("adapter", "ID_ADAPTER"))
            .output(output("identitynet", "CONTROL_NET")),
        node("core.face.analysis", "FaceAnalysis")
            .category("face")
            .input(input("image", "IMAGE"))
            .output(output("faces", "LIST<FACE>"))
            .output(output("keypoints", "IMAGE")),
        node("core.instantid.embed", "IDEmbed")
            .category("instantid")
            .input(input("faces", "LIST<FACE>"))
            .input(input("instantid", "ID_ADAPTER"))
            .input(input("noise", "FLOAT").default(0.35).hard(0.0..=1.0))
            .output(output("tokens", "ID_TOKENS")),
        node("core.instantid.adapter", "ImageAdapter")
            .category("instantid")
            .input(input("model", "MODEL"))
            .input(input("id", "ID_TOKENS"))
            .input(input("weight", "FLOAT").default(0.8).hard(0.0..=2.0).soft(0.0..=1.0).step(0.05))
            .output(output("model", "MODEL")),
        node("core.instantid.identitynet", "IdentityNet")
            .category("instantid")
            .input(input("net", "CONTROL_NET"))
            .input(input("id", "ID_TOKENS"))
            .input(input("keypoints", "IMAGE"))
            .input(input("strength", "FLOAT").default(0.8).hard(0.0..=2.0))
            .output(output("control", "CONTROL")),
        node("core.text.encode", "EncodeText")
            .category("conditioning")
            .input(input("clip", "CLIP"))
            .input(input("text", "STRING").widget(Widget::Multiline))
            .output(output("conditioning", "CONDITIONING")),
        node("core.sampling.sampler", "Sampler")
            .category("sampling")
            .version(2)
            .input(input("model", "MODEL"))
            .input(input("positive", "CONDITIONING").optional())
            .input(input("control", "CONTROL").optional())
            .input(input("seed", "INT").default(0).widget(Widget::Seed))
            .input(input("steps", "INT").default(30).hard(1..=1000).soft(1..=60))
            .input(input("guidance_scale", "FLOAT").default(5.0).hard(0.0..=100.0).alias("cfg"))
            .input(input("method", "STRING").default("euler").choices(["euler", "euler_ancestral", "ddim", "dpmpp_2m"]))
            .output(output("latent", "LATENT")),
        node("core.latent.decode", "VAEDecode")
            .category("latent")
            .input(input("vae", "VAE"))
            .input(input("latent", "LATENT"))
            .output(output("image", "IMAGE")),
        node("core.image.gain", "Gain")
            .category("image/adjust")
            .input(input("image", "IMAGE"))
            .input(input("mask", "MASK").optional())
            .input(input("gain", "FLOAT").default(1.0).hard(0.0..=8.0))
            .input(input("tint", "STRING").default("#ffffff").widget(Widget::Color))
            .output(output("image", "IMAGE")),
        node("core.image.stack", "Stack")
            .category("image/adjust")
            .input(input("images", "LIST<IMAGE>"))
            .input(input("sizes", "LIST<INT>").optional())
            .output(output("image", "IMAGE")),
        node("core.logic.switch", "Switch")
            .category("logic")
            .input(input("on", "BOOL").default(true))
            .input(input("yes", "*").lazy())
            .input(input("no", "*").lazy())
            .output(output("value", "*")),
        node("core.math.number", "Number")
            .category("math")
            .input(input("value", "FLOAT").default(0.0))
            .output(output("float", "FLOAT"))
            .output(output("int", "INT")),
        node("core.math.halve", "Halve")
            .category("math")
            .input(input("value", "FLOAT"))
            .output(output("value", "FLOAT")),
        node("core.text.trim", "Trim").category("text").input(input("text", "STRING")).output(output("text", "STRING")),
        node("core.old.blur", "Blur")
            .category("image/adjust")
            .deprecated("use Soften, which keeps edges")
            .input(input("image", "IMAGE"))
            .output(output("image", "IMAGE")),
    ];
    for node in &nodes {
        assert_eq!(node.check(), [], "the test node {} is not sound", node.name);
    }
    Catalogue::new(nodes).expect("the names are unique").with_plugins(plugins())
}

/// One plugin that can be used, and one that cannot.
fn plugins() -> Plugins {
    let plugin = |id: &str, version: &str, node: (&str, &str), unusable| KnownPlugin {
        id: id.to_owned(),
        version: version.to_owned(),
        nodes: vec![(node.0.to_owned(), node.1.to_owned())],
        unusable,
    };
    let not_trusted = Unusable {
        why: "it is not trusted yet".to_owned(),
        hint: Some("selfsame plugin trust acme-filters".to_owned()),
    };
    Plugins {
        known: vec![
            plugin("acme-blurs", "0.3.1", ("com.acme.blur", "Blur"), None),
            plugin("acme-filters", "1.2.0", ("com.acme.glow", "Glow"), Some(not_trusted)),
        ],
        looked: vec!["/home/ada/plugins".to_owned(), "/usr/lib/selfsame/plugins".to_owned()],
    }
}

/// A disk with few things on it.
pub struct FewAssets;

impl Assets for FewAssets {
    fn find(&self, asset: &Asset) -> Result<String, AssetMissing> {
        let (there, looked): (&[&str], Vec<String>) = match asset.kind {
            AssetKind::File => (&["ada.png", "bob.png"], vec![format!("pictures/{}", asset.name)]),
            AssetKind::Folder => (&["pictures"], vec![asset.name.to_owned()]),
            AssetKind::Model(folder) => (
                &["mini.safetensors", "instantid.safetensors"],
                vec![format!("models/{folder}"), format!("comfyui/models/{folder}")],
            ),
        };
        if there.contains(&asset.name) {
            return Ok(format!("/found/{}", asset.name));
        }
        Err(AssetMissing { looked, candidates: there.iter().map(|name| name.to_string()).collect(), hint: None })
    }
}

/// Graph files in memory.
pub struct Memory(pub BTreeMap<&'static str, String>);

impl GraphFiles for Memory {
    fn open(&self, _from: &str, file: &str) -> Result<GraphFile, NotOpened> {
        let text =
            self.0.get(file).ok_or_else(|| NotOpened { path: file.to_owned(), reason: "no such file".to_owned() })?;
        Ok(GraphFile { identity: file.to_owned(), name: file.to_owned(), text: text.clone() })
    }
}

/// A graph with these fields beside the version.
pub fn graph(fields: &str) -> String {
    format!("Graph(version: 1, {fields})")
}

/// The plan as lines `id Type input=value ...`, in order.
pub fn shown(plan: &Plan) -> String {
    fn value(plan: &Plan, v: &PlanValue) -> String {
        match v {
            PlanValue::Literal(literal) => literal.to_string(),
            PlanValue::Output(link) => {
                let node = plan.node(link.node);
                format!("{}.{}", node.id, node.outputs[link.output])
            }
            PlanValue::List(items) => {
                format!("[{}]", items.iter().map(|item| value(plan, item)).collect::<Vec<_>>().join(", "))
            }
        }
    }
    let mut lines = String::new();
    for &index in plan.order() {
        let node = plan.node(index);
        let lazy = if node.eager { "" } else { " (lazy)" };
        let inputs = node.inputs.iter().map(|input| format!(" {}={}", input.name, value(plan, &input.value)));
        lines.push_str(&format!("{} {}{lazy}{}\n", node.id, node.type_name, inputs.collect::<String>()));
    }
    for output in plan.outputs() {
        let value = output.value.as_ref().map_or("nothing".to_owned(), |v| value(plan, v));
        lines.push_str(&format!("-> {} = {value}\n", output.name));
    }
    lines
}

/// The type that a text names.
pub fn ty(text: &str) -> Type {
    text.parse().expect("types in tests are sound")
}

/// Panics with both texts ruled off if they differ.
#[track_caller]
pub fn assert_same(what: &str, expected: &str, got: &str) {
    if expected != got {
        let rule = "=".repeat(40);
        panic!("{what} differs\n{rule} expected\n{expected}\n{rule} got\n{got}\n{rule}");
    }
}
