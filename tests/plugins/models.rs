//! The tiny random model of the tests with two faces, for graphs that sample; and hosts with nodes from libraries or compiled in.

use crate::kit::*;
use selfsame_host::plugin::Plugin;
use selfsame_host::{Host, HostSettings, Nodes, Outcome, RunOptions};
use selfsame_models::{Meter, Work};
use selfsame_sdk::{Latent, Value};
use std::path::Path;
use std::sync::OnceLock;

/// The path of a tiny model, as graphs write it.
pub fn model(name: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodes/models/tests/goldens/small/models");
    format!("{:?}", models.join(name).canonicalize().unwrap())
}

/// Nodes that load a model, encode a prompt, make identities of two faces, and empty latents.
fn parts() -> String {
    let embedding = |step: usize| -> String {
        let numbers = (0..512).map(|i| format!("{:?}", ((i * step % 101) as f64 - 50.0) / 40.0));
        numbers.collect::<Vec<_>>().join(", ")
    };
    format!(
        r##""base": LoadCheckpoint(checkpoint: {}),
        "text": EncodePrompts(clip: Out("base.clip"), prompt: "a portrait", negative: "blurry"),
        "instantid": LoadInstantID(instantid: {}),
        "identitynet": LoadControlNet(control_net: {}),
        "face": FaceEmbedding(embedding: [{}]),
        "other_face": FaceEmbedding(embedding: [{}]),
        "id": IDEmbed(instantid: Out("instantid.instantid"), face: Out("face.face")),
        "other_id": IDEmbed(instantid: Out("instantid.instantid"), face: Out("other_face.face")),
        "keypoints": SolidImage(width: 64, height: 64, color: "#804020"),
        "left": SolidMask(width: 64, height: 64, value: 0.5),
        "empty": EmptyLatent(width: 64, height: 64),
        "two": EmptyLatent(width: 64, height: 64, batch_size: 2),"##,
        model("sdxl"),
        model("ip-adapter_sdxl.bin"),
        model("sdxl_controlnet_identity"),
        embedding(37),
        embedding(29),
    )
}

/// A graph of the parts and these nodes, whose output `y` is `of`.
pub fn sampling(nodes: &str, of: &str) -> String {
    graph(&format!("{}{nodes}", parts()), of)
}

/// The host with the sample nodes from their library, which tests share: what several of them need is computed once.
pub fn dynamic() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| host(&samples()))
}

/// A host with the same nodes compiled in.
pub fn compiled_in() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let mut nodes = Nodes::built_in();
        nodes.extend(selfsame_samples::all()).unwrap();
        Host::new(HostSettings { nodes, device: "cpu".to_owned(), ..HostSettings::default() }).unwrap()
    })
}

/// A host with the nodes that misbehave.
pub fn hostile() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| host(&Plugin::load(&library("selfsame-fixtures")).unwrap()))
}

/// The outcome of a graph.
pub fn outcome(host: &Host, nodes: &str, of: &str) -> Outcome {
    run(host, tempfile::tempdir().unwrap().path(), &sampling(nodes, of))
}

/// The bits of the latents that a graph gives.
pub fn latents(host: &Host, nodes: &str, of: &str) -> Vec<u32> {
    let outcome = outcome(host, nodes, of);
    let latent = output(&outcome).downcast::<Latent>().unwrap();
    assert!(latent.samples.data().iter().all(|x| x.is_finite()));
    latent.samples.data().iter().map(|x| x.to_bits()).collect()
}

/// The texts that a graph gives.
pub fn texts(host: &Host, nodes: &str, of: &str) -> Vec<String> {
    let Value::List(items) = output(&outcome(host, nodes, of)) else { panic!("no list") };
    let text = |item: &Value| match item {
        Value::Text(text) => text.as_ref().to_owned(),
        other => panic!("{other}"),
    };
    items.iter().map(text).collect()
}

/// How often a kind of work is done by a graph on a new host with the sample nodes.
pub fn count(work: Work, nodes: &str, of: &str) -> u64 {
    let (meter, folder) = (Meter::default(), tempfile::tempdir().unwrap());
    let options = RunOptions { meter: meter.clone(), ..RunOptions::default() };
    output(&run_with(&host(&samples()), folder.path(), &sampling(nodes, of), &options, &()));
    meter.done(work).count
}
