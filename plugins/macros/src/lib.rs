//! Makes a function a Selfsame node. Use it through `selfsame_sdk`, which exports everything here.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod choice;
mod docs;
mod node;
mod param;

use proc_macro::TokenStream;

/// Makes a function a node: its documentation is the node's, each parameter an input, what it returns its outputs.
///
/// ```ignore
/// /// Multiplies every pixel and clamps to 0..1.
/// #[node(id = "com.acme.gain", category = "image/adjust")]
/// #[output(image = "the brighter picture")]
/// pub fn gain(
///     /// What is made brighter.
///     image: Image,
///     /// Linear factor; 1.0 leaves the picture unchanged.
///     #[param(default = 1.0, hard = 0.0..=8.0, soft = 0.0..=4.0)]
///     gain: f32,
/// ) -> Result<Image> { ... }
/// ```
///
/// The function stays as it is and can be called as one. Beside it stands a type of the same name, which
/// `nodes![gain]` lists.
///
/// # Of the node
/// | in `#[node(...)]` | meaning |
/// |---|---|
/// | `id = "com.acme.gain"` | the stable key; required |
/// | `category = "image/adjust"` | where it stands in the catalogue; required |
/// | `name = "Gain"` | the type name in graphs; the function's name in CamelCase by default |
/// | `title = "Gain"` | the name that people read; the function's name in words by default |
/// | `version = 2` | raised whenever the same inputs give another result; 1 by default |
/// | `aliases = ["Brighten"]` | former names and ids |
/// | `search = ["exposure"]` | words by which it is found |
/// | `deprecated = "use Exposure"` | graphs should stop using it |
/// | `not_deterministic` | the same inputs may give another result: it runs every time |
/// | `output_node` | it runs for its effect, such as a saved file |
/// | `device` | its work is done on the device of the run, where one node works at a time |
/// | `serial` | only one node of this type runs at a time |
///
/// `#[output(image = "what it is", mask = "what it is")]` names and documents the outputs, in the order of the tuple that
/// the function returns in its `Result`. A node without outputs returns `Result<()>`.
///
/// # Of the inputs
/// The type of a parameter says the type of the input: `bool`, `i64`, `u32`, `usize`, `f64`, `f32`, `String`, `Seed`, `Color`,
/// `Image`, `Mask`, `Latent`, `Value` (anything), types that derive `Choice`, other `ObjectType`s or `Arc`s of them;
/// `Option<T>` makes it optional, `Vec<T>` a list, `Lazy<T>` lazy, `Option<Lazy<T>>` lazy and optional. A first parameter
/// of type `Ctx` is the node's way to the host and no input; one of type `&mut T` is what the node remembers from call to call,
/// `T::default()` at first. A parameter `_name` is an input called `name`.
///
/// | in `#[param(...)]` | meaning |
/// |---|---|
/// | `default = 1.0` | the value when the graph sets none |
/// | `hard = 0.0..=8.0`, `soft = ..` | bounds beyond which a number is an error; bounds of a slider |
/// | `step = 0.1`, `unit = "px"` | how far one click goes; the unit |
/// | `choices = ["a", "b"]` | the only texts it takes |
/// | `aliases = ["old"]` | former names |
/// | `name = "type"` | another name than the parameter's |
/// | `ty = "IMAGE\|MASK"` | another type than the parameter's, for a `Value` |
/// | `multiline`, `slider` | how a person sets it |
/// | `file = ["png", "jpg"]`, `folder`, `model = "checkpoints"` | the text names an existing file (of any kind for `[]`), folder or model |
#[proc_macro_attribute]
pub fn node(attributes: TokenStream, function: TokenStream) -> TokenStream {
    node::expand(attributes.into(), function.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes an enum without fields the type of an input: a text, one of the variants in `snake_case`.
///
/// `#[choice("lanczos3")]` on a variant gives it another text. The documentation of the variants is added to that of
/// the input.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(input: TokenStream) -> TokenStream {
    choice::expand(input.into()).unwrap_or_else(|error| error.into_compile_error()).into()
}
