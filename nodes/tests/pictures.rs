//! Every node that works on pictures or masks alone does so for gray, RGB and RGBA, one or several at a time.

use selfsame_nodes::{image, mask};
use selfsame_sdk::testing::TestHost;
use selfsame_sdk::{Image, Mask, NodeType, Type, Value};

/// Height and width.
const SIZE: [usize; 2] = [5, 4];

/// Values of 0..1 that are all different.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32 / count as f32).collect()
}

/// A value for each input without a default, if they are all pictures and masks.
fn inputs(node: &dyn NodeType, batch: usize, channels: usize) -> Option<Vec<(&str, Value)>> {
    let [height, width] = SIZE;
    let image = Image::new([batch, height, width, channels], values(batch * height * width * channels)).ok()?;
    let mask = Mask::new([batch, height, width], values(batch * height * width)).ok()?;
    let wanted = node.descriptor().inputs.iter().filter(|port| port.is_required());
    let given = wanted.map(|port| {
        let value = match &port.ty {
            ty if *ty == Type::IMAGE => Value::object(image.clone()),
            ty if *ty == Type::MASK => Value::object(mask.clone()),
            _ => return None,
        };
        Some((&*port.name, if port.list { Value::list([value]) } else { value }))
    });
    given.collect()
}

#[test]
fn all_channels_and_batches() {
    let host = TestHost::new();
    let mut tried = 0;
    for node in [image::all(), mask::all()].concat() {
        let name = &node.descriptor().name;
        for (batch, channels) in [(1, 1), (1, 3), (1, 4), (3, 1), (3, 3), (3, 4)] {
            let Some(inputs) = inputs(&*node, batch, channels) else { continue };
            let outputs = host.run(&*node, &inputs).unwrap_or_else(|e| panic!("{name} of {batch} by {channels}: {e}"));
            for output in outputs {
                let image = output.downcast::<Image>();
                let mask = output.downcast::<Mask>();
                let data = image.as_ref().map(|image| image.data()).or(mask.as_ref().map(|mask| mask.data()));
                let strange = data.and_then(|data| data.iter().find(|x| !(0.0..=1.0).contains(*x)));
                assert_eq!(strange, None, "{name} of {batch} by {channels}");
            }
            tried += 1;
        }
    }
    assert!(tried > 200, "only {tried} runs");
}
