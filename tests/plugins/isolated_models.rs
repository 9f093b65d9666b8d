//! Samplers and patches of an isolated plugin inside the host's own sampling: the same bits as from a plugin in the host.

use crate::kit::*;
use crate::models::*;
use selfsame_host::Host;
use selfsame_host::plugin::Plugin;
use std::sync::OnceLock;

/// A host with the sample nodes in a process of their own.
fn isolated() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let mut isolation = isolation();
        // The graphs name models by their paths.
        isolation.permissions.read.push(file("nodes/models/tests/goldens"));
        host(&Plugin::load_isolated(&library("selfsame-samples"), &isolation).unwrap())
    })
}

/// What is sampled, and by which node.
fn same(nodes: &str, of: &str) {
    assert_eq!(latents(isolated(), nodes, of), latents(dynamic(), nodes, of), "{nodes}");
}

#[test]
fn a_loop_over_sigmas_asks_the_denoiser_of_the_host() {
    let nodes = r#"
        "d": Denoiser(model: Out("base.model"), positive: Out("text.positive"), negative: Out("text.negative"),
            latent: Out("two.latent"), guidance_scale: 5.0, seed: 5),
        "s": Sigmas(model: Out("base.model"), steps: 3),
        "x": AddNoise(model: Out("base.model"), latent: Out("two.latent"), sigmas: Out("s.sigmas"), seed: 5),
        "euler": EulerSampler(denoiser: Out("d.denoiser"), latent: Out("x.latent"), sigmas: Out("s.sigmas")),"#;
    same(nodes, "euler.latent");
}

fn sampler(model: &str, settings: &str) -> String {
    format!(
        r#""y": Sampler(model: Out("{model}"), positive: Out("text.positive"), negative: Out("text.negative"),
            latent: Out("empty.latent"), seed: 5, steps: 3, {settings}),"#
    )
}

#[test]
fn a_rule_of_the_plugin_is_a_value_of_the_built_in_sampler() {
    let nodes = sampler("base.model", r#"custom_sampler: Out("rule.sampler")"#);
    same(&format!(r#""rule": MidpointRule(),{nodes}"#), "y.latent");
}

#[test]
fn patches_work_inside_the_network() {
    let patched = |patch: &str| {
        let nodes = format!(r#""p": {patch}, "m": PatchModel(model: Out("base.model"), patch: Out("p.patch")),"#);
        nodes + &sampler("m.model", "guidance_scale: 5.0")
    };
    same(&patched("ScaleBackbone(scale: 1.5)"), "y.latent");
    let adapter = model("ip-adapter_sdxl.bin");
    let face = format!(
        r#"FaceAttention(model: Out("base.model"), instantid: {adapter}, id: Out("id.id"), mask: Out("left.mask"))"#
    );
    same(&patched(&face), "y.latent");
}

/// A rule and a patch of the same process, one inside the other's call.
#[test]
fn a_rule_and_a_patch_of_one_process_work_together() {
    let nodes = sampler("m.model", r#"custom_sampler: Out("rule.sampler")"#);
    let patch = r#""p": ScaleBackbone(), "m": PatchModel(model: Out("base.model"), patch: Out("p.patch")),"#;
    same(&format!(r#""rule": MidpointRule(),{patch}{nodes}"#), "y.latent");
}
