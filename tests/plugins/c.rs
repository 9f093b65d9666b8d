//! The plugin in C of the examples, built from the header alone.

use crate::kit::*;
use selfsame_host::plugin::Plugin;
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, Status, Value, Widget};

#[test]
fn a_node_in_c_is_like_any_other() {
    let plugin = Plugin::load(&build_c(&file("examples/c_plugin/vignette.c"), "vignette", &["-pedantic"])).unwrap();
    assert_eq!((plugin.id(), plugin.version(), plugin.title()), ("vignette", "1.0.0", "vignette"));
    assert_eq!(plugin.about().build_info.as_deref(), Some("vignette.c"));
    let node = &plugin.nodes()[0];
    let descriptor = node.descriptor();
    assert_eq!(descriptor.check(), []);
    assert_eq!((&*descriptor.name, &*descriptor.title), ("Vignette", "Vignette"));
    assert_eq!(descriptor.inputs[1].default, Some(0.5.into()));
    assert_eq!((descriptor.inputs[1].hard.min, descriptor.inputs[1].hard.max), (Some(0.0), Some(1.0)));
    assert_eq!(descriptor.inputs[1].widget, Widget::Slider);
    assert_eq!(node.fingerprint(), plugin.digest());

    let host = TestHost::new();
    let picture = Value::object(Image::new([2, 1, 2, 4], vec![0.5; 16]).unwrap());
    let values = host.run(&**node, &[("image", picture.clone()), ("strength", Value::Float(1.0))]).unwrap();
    // Pixel centres lie half way to the edge: 1 - (0.25 + 0) / 2.
    let pixel = [0.4375, 0.4375, 0.4375, 0.5];
    assert_eq!(image(&values[0]).data(), pixel.repeat(4));
    assert_eq!(host.said().progress, [(1, 2, "pictures".to_owned()), (2, 2, "pictures".to_owned())]);
    host.cancel();
    assert_eq!(error(host.run(&**node, &[("image", picture)])).status, Status::Cancelled);
}

#[test]
fn it_runs_in_a_graph() {
    let plugin = Plugin::load(&build_c(&file("examples/c_plugin/vignette.c"), "vignette_graph", &[])).unwrap();
    let (host, folder) = (host(&plugin), tempfile::tempdir().unwrap());
    let nodes = r##"
        "white": SolidImage(width: 2, height: 2, color: "#ffffff"),
        "dark": Vignette(image: Out("white.image"), strength: 0.8),
    "##;
    let outcome = run(&host, folder.path(), &graph(nodes, "dark.image"));
    assert_eq!(image(&output(&outcome)).data(), [1.0f32 - 0.8 * 0.5 / 2.0; 12]);
}
