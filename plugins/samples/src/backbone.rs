//! A model patch that adds to blocks in every step: a part of FreeU (arXiv 2309.11497).

use selfsame_sdk::prelude::*;
use selfsame_sdk::{Hook, HookCall, ModelPatch, Site};

/// Strengthens or weakens the backbone of a network on its way up: half of the channels that enter the layers are scaled, as in
/// FreeU. Its patch goes to `PatchModel`.
#[node(id = "com.example.scale_backbone", category = "samples", search = ["FreeU"])]
#[output(patch = "the patch")]
pub fn scale_backbone(
    /// Factor on the first half of the channels; 1 changes nothing.
    #[param(default = 1.2, hard = 0.0..=4.0, soft = 0.8..=1.6)]
    scale: f32,
    /// The layers: `output_blocks.0` is the deepest, `*` stands for any letters.
    #[param(default = "output_blocks.*")]
    places: String,
    /// Patches of lower numbers go first.
    #[param(default = 0)]
    priority: i64,
) -> Result<ModelPatchValue> {
    let priority = i32::try_from(priority).input("priority")?;
    Ok(ModelPatchValue::new(ScaleBackbone { scale, hook: Hook { places, priority, ..Hook::new(Site::Output) } }))
}

struct ScaleBackbone {
    scale: f32,
    hook: Hook,
}

impl ModelPatch for ScaleBackbone {
    fn hooks(&self) -> Result<Vec<Hook>> {
        Ok(vec![self.hook.clone()])
    }

    fn call(&self, _: Ctx, call: &HookCall) -> Result<Vec<Tensor>> {
        let x = &call.inputs[0];
        let [_, channels, height, width] = x.dims("[rows,C,h,w]")?;
        let mut added = vec![0.0; x.data().len()];
        // What is added to x makes it x · scale.
        for (added, x) in added.chunks_mut(channels * height * width).zip(x.data().chunks(channels * height * width)) {
            let half = channels / 2 * height * width;
            added[..half].iter_mut().zip(&x[..half]).for_each(|(added, x)| *added = x * (self.scale - 1.0));
        }
        Ok(vec![Tensor::new(x.shape(), added)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use selfsame_sdk::testing::TestHost;

    #[test]
    fn half_of_the_channels_are_scaled() {
        let patch = scale_backbone(1.5, "*".to_owned(), 0).unwrap();
        let x = Tensor::new([2, 2, 1, 1], vec![1.0, 2.0, -4.0, 3.0]).unwrap();
        let call = HookCall {
            hook: 0,
            site: Site::Output,
            layer: 0,
            place: "output_blocks.0",
            heads: 0,
            hidden: 0,
            context: 0,
            latent: [1, 1],
            sigma: 1.0,
            rows: &[],
            inputs: &[x],
        };
        assert_eq!(patch.call(TestHost::new().ctx(), &call).unwrap()[0].data(), [0.5, 0.0, -2.0, 0.0]);
    }
}
