//! What flows between the nodes that make pictures: descriptions, not networks.
//!
//! A MODEL on a wire says which file it comes from and what is laid over it (LoRAs, adapters); the network itself is loaded
//! when a node works with it, and shared between all that need the same one ([`crate::networks`]). So nothing on a wire
//! holds a device's memory, and every value can be compared and kept.

mod clip;
mod conditioning;
mod control_net;
mod face;
mod file;
mod identity;
mod keypoints;
mod model;
mod region;
mod tensor;
mod vae;

pub use clip::{Clip, Embedding};
pub use conditioning::{Condition, Conditioning, ControlUse, Place, Sizes, Span};
pub use control_net::ControlNet;
pub use face::{Face, embeddings, norm, similarity};
pub use file::ModelFile;
pub use identity::{Identity, IpAdapter};
pub use keypoints::Keypoints;
pub use model::{AdapterUse, Lora, Model};
pub use region::Region;
pub use tensor::{from_device, image_from_device, image_to_device, to_device};
pub use vae::Vae;

/// Makes a type the type of values on wires; at the end may stand more functions of [`selfsame_sdk::Object`].
macro_rules! wire {
    ($ty:ident, $name:literal, $constant:expr, $bytes:expr $(, { $($more:tt)* })?) => {
        impl selfsame_sdk::Object for $ty {
            fn type_name(&self) -> std::borrow::Cow<'_, str> {
                std::borrow::Cow::Borrowed($name)
            }

            fn bytes(&self) -> u64 {
                let bytes: fn(&$ty) -> u64 = $bytes;
                bytes(self)
            }

            fn summary(&self) -> String {
                self.to_string()
            }

            $($($more)*)?
        }

        impl selfsame_sdk::ObjectType for $ty {
            const TYPE: selfsame_sdk::Type = $constant;
        }
    };
}
pub(crate) use wire;
