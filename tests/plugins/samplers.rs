//! Samplers of plugins, as nodes and as values: the same bits as the rules that come with Selfsame.

use crate::kit::*;
use crate::models::*;
use selfsame_host::plugin::Plugin;
use selfsame_host::{NodeState, RunOptions, RunResult};
use selfsame_sdk::Value;
use std::time::Duration;

/// What is sampled: a model, conditions, latents, and what else `Denoiser` or `Sampler` is told.
struct Case {
    nodes: &'static str,
    model: &'static str,
    conditions: [&'static str; 2],
    latent: &'static str,
    scale: f64,
}

const PLAIN: Case = Case {
    nodes: "",
    model: "base.model",
    conditions: ["text.positive", "text.negative"],
    latent: "empty.latent",
    scale: 5.0,
};

impl Case {
    /// `Sampler` with these settings, called `built_in`.
    fn built_in(&self, settings: &str) -> String {
        let Case { nodes, model, conditions: [positive, negative], latent, scale } = self;
        format!(
            r#"{nodes} "built_in": Sampler(model: Out("{model}"), positive: Out("{positive}"), negative: Out("{negative}"),
            latent: Out("{latent}"), guidance_scale: {scale:?}, seed: 5, steps: 3, {settings}),"#
        )
    }

    /// The parts that a sampler of a plugin takes, called `d`, `s` and `x`.
    fn parts(&self) -> String {
        let Case { nodes, model, conditions: [positive, negative], latent, scale } = self;
        format!(
            r#"{nodes} "d": Denoiser(model: Out("{model}"), positive: Out("{positive}"), negative: Out("{negative}"),
                latent: Out("{latent}"), guidance_scale: {scale:?}, seed: 5),
            "s": Sigmas(model: Out("{model}"), steps: 3),
            "x": AddNoise(model: Out("{model}"), latent: Out("{latent}"), sigmas: Out("s.sigmas"), seed: 5),"#
        )
    }

    fn euler(&self) -> String {
        format!(
            r#"{} "euler": EulerSampler(denoiser: Out("d.denoiser"), latent: Out("x.latent"), sigmas: Out("s.sigmas")),"#,
            self.parts()
        )
    }
}

/// Cases with everything that is inside of a denoiser.
fn cases() -> Vec<Case> {
    vec![
        PLAIN,
        Case { scale: 1.0, ..PLAIN },
        Case { latent: "two.latent", ..PLAIN },
        Case {
            nodes: r#""face_model": ImageAdapter(model: Out("base.model"), instantid: Out("instantid.instantid"), id: Out("id.id"),
                start: 0.2, end: 0.8),
            "net": IdentityNet(net: Out("identitynet.control_net"), id: Out("id.id"), positive: Out("text.positive"),
                negative: Out("text.negative"), keypoints: Out("keypoints.image"), end: 0.7),"#,
            model: "face_model.model",
            conditions: ["net.positive", "net.negative"],
            ..PLAIN
        },
        Case {
            nodes: r#""rescaled": RescaleGuidance(model: Out("base.model")),
            "half": SetLatentNoiseMask(latent: Out("empty.latent"), mask: Out("left.mask")),"#,
            model: "rescaled.model",
            latent: "half.latent",
            ..PLAIN
        },
    ]
}

#[test]
fn a_loop_over_sigmas_is_the_built_in_euler_to_the_bit() {
    for case in cases() {
        let expected = latents(dynamic(), &case.built_in(r#"sampler: "euler""#), "built_in.latent");
        for host in [dynamic(), compiled_in()] {
            assert_eq!(latents(host, &case.euler(), "euler.latent"), expected, "{}", case.nodes);
        }
    }
}

/// The rules that come with Selfsame, as values: deterministic, with noise of each kind, and one that steers by the unconditional
/// estimate.
#[test]
fn a_built_in_rule_as_a_value_is_the_rule() {
    for rule in ["euler", "dpmpp_2m", "euler_ancestral", "dpmpp_2m_sde", "euler_cfg_pp"] {
        let expected = latents(dynamic(), &PLAIN.built_in(&format!("sampler: {rule:?}")), "built_in.latent");
        let value = format!(r#""rule": SelectSampler(sampler: {rule:?}),"#);
        let custom = format!("{value}{}", PLAIN.built_in(r#"custom_sampler: Out("rule.sampler")"#));
        assert_eq!(latents(dynamic(), &custom, "built_in.latent"), expected, "{rule}");
        let by_parts = format!(
            r#"{value}{} "c": CustomSampler(denoiser: Out("d.denoiser"), sampler: Out("rule.sampler"), latent: Out("x.latent"),
                sigmas: Out("s.sigmas"), seed: 5),"#,
            PLAIN.parts()
        );
        assert_eq!(latents(dynamic(), &by_parts, "c.latent"), expected, "{rule}");
    }
}

#[test]
fn a_rule_of_a_plugin_is_a_value_of_the_built_in_sampler() {
    let rule = |settings: &str| {
        let rule = format!(r#""rule": MidpointRule({settings}),"#);
        format!("{rule}{}", PLAIN.built_in(r#"custom_sampler: Out("rule.sampler")"#))
    };
    let [loaded, compiled] = [dynamic(), compiled_in()].map(|host| latents(host, &rule(""), "built_in.latent"));
    assert_eq!(loaded, compiled);
    let other = latents(dynamic(), &rule("euler_at_the_end: false"), "built_in.latent");
    assert_ne!(loaded, other);
    assert_ne!(loaded, latents(dynamic(), &PLAIN.built_in(""), "built_in.latent"));
    // Two estimates a step but in the last one, which ends in no noise.
    assert_eq!(count(selfsame_models::Work::UNet, &rule(""), "built_in.latent"), 5);
}

#[test]
fn noise_levels_of_ones_own_go_to_the_built_in_sampler() {
    let own = r#"sigmas: [14.0, 3.5, 0.5, 0], sampler: "euler""#;
    let by_plugin = r#"
        "d": Denoiser(model: Out("base.model"), positive: Out("text.positive"), negative: Out("text.negative")),
        "x": AddNoise(model: Out("base.model"), latent: Out("empty.latent"), sigmas: [14.0, 3.5, 0.5, 0], seed: 5),
        "euler": EulerSampler(denoiser: Out("d.denoiser"), latent: Out("x.latent"), sigmas: [14.0, 3.5, 0.5, 0]),"#;
    let built_in = latents(dynamic(), &PLAIN.built_in(own), "built_in.latent");
    assert_eq!(latents(dynamic(), by_plugin, "euler.latent"), built_in);
    let rising = outcome(dynamic(), &PLAIN.built_in("sigmas: [1.0, 2.0]"), "built_in.latent");
    assert!(failure(&rising).contains("strictly decreasing"), "{}", failure(&rising));
}

/// A denoiser that a plugin has made is asked by rules of the host, and asks one of the host in turn.
#[test]
fn a_denoiser_of_a_plugin_is_one_of_the_host() {
    for rule in ["dpmpp_2m", "euler_cfg_pp"] {
        let nodes = format!(
            r#"{} "rule": SelectSampler(sampler: {rule:?}), "own": PassOn(denoiser: Out("d.denoiser")),
            "c": CustomSampler(denoiser: Out("own.denoiser"), sampler: Out("rule.sampler"), latent: Out("x.latent"),
                sigmas: Out("s.sigmas"), seed: 5),"#,
            PLAIN.parts()
        );
        let expected = latents(dynamic(), &PLAIN.built_in(&format!("sampler: {rule:?}")), "built_in.latent");
        assert_eq!(latents(hostile(), &nodes, "c.latent"), expected);
    }
}

/// What is constant over the steps is computed once, whoever walks along them.
#[test]
fn a_loop_of_a_plugin_prepares_the_model_once() {
    use selfsame_models::Work;
    let of = "euler.latent";
    assert_eq!((count(Work::UNet, &PLAIN.euler(), of), count(Work::ContextKv, &PLAIN.euler(), of)), (3, 1));
}

/// Latents that a denoiser may be asked for.
fn ask(how: &str) -> String {
    format!(
        r#"{} "ask": AskDenoiser(denoiser: Out("d.denoiser"), latent: Out("x.latent"), how: "{how}"),"#,
        PLAIN.parts()
    )
}

/// A run of the same host that goes well.
fn all_is_well() {
    let answers = texts(hostile(), &ask("well"), "ask.answers");
    assert_eq!(answers[0], "f32 [1, 4, 8, 8]");
    let (info, max) = answers[1].split_once(" 1000 ").unwrap();
    assert_eq!(info, "DenoiserInfo { prediction: Epsilon, channels: 4 }");
    assert!(max.starts_with("Some(14.61"), "{max}");
}

#[test]
fn a_denoiser_refuses_what_it_cannot_answer() {
    let answers = texts(hostile(), &ask("no_noise"), "ask.answers");
    assert_eq!(
        answers,
        [0.0, f64::NAN].map(|sigma| format!("InvalidArgument: expected a noise level above 0, got {sigma}"))
    );
    let answers = texts(hostile(), &ask("other_latents"), "ask.answers");
    assert!(answers[0].starts_with("InvalidArgument: expected latents of 4 channels"), "{answers:?}");
    all_is_well();
}

#[test]
fn a_denoiser_is_asked_by_the_thread_of_the_node() {
    let answers = texts(hostile(), &ask("other_thread"), "ask.answers");
    assert_eq!(answers, ["InvalidArgument: a denoiser is asked by another thread than that of the node"]);
    all_is_well();
}

#[test]
fn a_denoiser_is_not_asked_while_it_is_answering() {
    let nodes = format!(
        r#"{} "inside": AskInside(denoiser: Out("d.denoiser"), latent: Out("x.latent")),
        "patched": PatchModel(model: Out("base.model"), patch: Out("inside.patch")),
        "outer": Denoiser(model: Out("patched.model"), positive: Out("text.positive"), negative: Out("text.negative")),
        "ask": AskDenoiser(denoiser: Out("outer.denoiser"), latent: Out("x.latent"), how: "well"),"#,
        PLAIN.parts()
    );
    let answers = texts(hostile(), &nodes, "ask.answers");
    assert!(answers[0].starts_with("InvalidArgument: the patch AskInside at middle_block: "), "{answers:?}");
    assert!(answers[0].contains("a denoiser is asked while one is answering: a patch cannot ask"), "{answers:?}");
    all_is_well();
}

#[test]
fn a_denoiser_says_cancelled_once_the_run_is() {
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions::default();
    let (cancel, events) = (options.cancel.clone(), Events::default());
    let graph = sampling(&ask("until_cancelled"), "ask.answers");
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            while events.named("log").is_empty() {
                std::thread::sleep(Duration::from_millis(1));
            }
            cancel.cancel();
        });
        run_with(hostile(), folder.path(), &graph, &options, &events)
    });
    assert_eq!(outcome.result, RunResult::Cancelled);
    let last = events.named("log").pop().unwrap();
    assert_eq!(last["message"], "Cancelled: cancelled, Cancelled: cancelled");
    all_is_well();
}

#[test]
fn a_rule_that_goes_wrong_is_a_failure_of_the_sampler() {
    let cases = [
        ("shape", "BadSampler gave latents [1], expected [1, 4, 8, 8]"),
        ("panics", ": after 4 noise levels (plugin selfsame-fixtures"),
        ("fails", "it has lost its way (plugin selfsame-fixtures"),
    ];
    let nodes = |wrong: &str| {
        let rule = format!(r#""rule": BadSampler(wrong: {wrong:?}),"#);
        format!("{rule}{}", PLAIN.built_in(r#"custom_sampler: Out("rule.sampler")"#))
    };
    for (wrong, expected) in cases {
        let outcome = outcome(hostile(), &nodes(wrong), "built_in.latent");
        assert_eq!(state(&outcome, "built_in"), NodeState::Failed);
        assert!(failure(&outcome).contains(expected), "{}", failure(&outcome));
    }
    assert!(failure(&outcome(hostile(), &nodes("fails"), "built_in.latent")).ends_with("| show it"));
    latents(hostile(), &nodes("nothing"), "built_in.latent");
}

/// What the SDK does not let happen, by a plugin in C.
#[test]
fn the_table_of_a_denoiser_refuses_what_is_against_the_rules() {
    let plugin = Plugin::load(&build_c(&file("plugins/fixtures/c/callbacks.c"), "callbacks", &[])).unwrap();
    let host = host(&plugin);
    let answer = |how: i32| {
        let nodes = format!(
            r#"{} "c": Callbacks(denoiser: Out("d.denoiser"), latent: Out("x.latent"), how: {how}),"#,
            PLAIN.parts()
        );
        match output(&outcome(&host, &nodes, "c.status")) {
            Value::Int(status) => status,
            other => panic!("{other}"),
        }
    };
    // SS_STATUS_OK, _ABI and _INVALID_ARGUMENT.
    let (ok, abi, invalid) = (0, 8, 2);
    assert_eq!(answer(0), ok);
    assert_eq!((answer(1), answer(2)), (ok, abi), "a context is closed when its call is over");
    assert_eq!(answer(3), abi, "no context");
    assert_eq!((answer(4), answer(5)), (invalid, invalid), "no latents, and no place for the answer");
    assert_eq!((answer(6), answer(7), answer(8)), (ok, ok, invalid), "what it is");
    assert_eq!(answer(0), ok);
}
