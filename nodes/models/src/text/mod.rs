//! Prompts to conditioning: tokenizer, prompt weights, textual inversion and CLIP's text encoders.
//!
//! | module | what it holds |
//! |---|---|
//! | [`tokenizer`] | text to token ids, exactly as `CLIPTokenizerFast` |
//! | [`prompt`] | the weight syntaxes: a prompt to pieces of text with weights |
//! | [`windows`] | pieces to the 77-token windows that an encoder reads |
//! | [`textual_inversion`] | learned vectors that stand for a word |
//! | [`clip`] | the encoders themselves: CLIP-L and OpenCLIP bigG |
//! | [`encode`] | all of it together: prompts to the context and the pooled vector of SD1.5 and SDXL |

pub mod clip;
mod clip_config;
pub mod encode;
pub mod prompt;
pub mod textual_inversion;
pub mod tokenizer;
mod vocabulary;
pub mod windows;

pub use clip::{ClipOutput, ClipText, Token};
pub use clip_config::{ClipActivation, ClipConfig};
pub use encode::{EncodeOptions, EncodedText, TextEncoder, encode_sd15, encode_sdxl};
pub use prompt::PromptStyle;
pub use textual_inversion::{EncoderRole, TextualInversion};
pub use tokenizer::{PadInPrompt, Tokenizer};
