//! The kinds of model files, and the folders that each kind lies in.
//!
//! **Source**: the folder names are those of ComfyUI's `folder_paths.py` and of the extensions that its users have
//! (InstantID, IP-Adapter, InsightFace), so an existing `models` folder works as it is.

/// A kind of model files.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// What graphs and the catalogue call it.
    pub name: &'static str,
    /// Its folders below a models folder. Downloads go into the first one.
    pub folders: &'static [&'static str],
}

/// All kinds that the host knows. Plugins may use others: their folder is called as the kind is.
pub const KINDS: &[Kind] = &[
    Kind { name: "annotators", folders: &["annotators", "onnx"] },
    Kind { name: "checkpoints", folders: &["checkpoints", "diffusers"] },
    Kind { name: "clip_vision", folders: &["clip_vision"] },
    Kind { name: "controlnet", folders: &["controlnet", "t2i_adapter"] },
    // The folder of ComfyUI-DepthAnythingV2.
    Kind { name: "depth", folders: &["depthanything"] },
    Kind { name: "diffusion_models", folders: &["diffusion_models", "unet"] },
    Kind { name: "embeddings", folders: &["embeddings"] },
    // InsightFace itself adds `models` to the folder that it is given.
    Kind { name: "insightface", folders: &["insightface/models", "insightface"] },
    Kind { name: "instantid", folders: &["instantid"] },
    Kind { name: "ipadapter", folders: &["ipadapter"] },
    Kind { name: "loras", folders: &["loras"] },
    Kind { name: "style_models", folders: &["style_models"] },
    Kind { name: "text_encoders", folders: &["text_encoders", "clip"] },
    Kind { name: "upscale_models", folders: &["upscale_models"] },
    Kind { name: "vae", folders: &["vae"] },
    Kind { name: "vae_approx", folders: &["vae_approx"] },
];

impl Kind {
    /// The kind of this name, or the one that has a folder of this name (`clip`, `unet`).
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name).or_else(|| KINDS.iter().find(|kind| kind.folders.contains(&name)))
    }
}

/// The folders of a kind, known or not; none if the name of an unknown kind is no plain folder name.
pub(crate) fn folders_of(kind: &str) -> Vec<&str> {
    match Kind::named(kind) {
        Some(known) => known.folders.to_vec(),
        None => relative_parts(kind).is_some_and(|parts| parts.len() == 1).then_some(kind).into_iter().collect(),
    }
}

/// The parts of a relative path with either separator; none if it is empty or could lead out of its folder
/// (`..`, a leading separator, a drive letter, a NUL).
pub(crate) fn relative_parts(name: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    let plain = |part: &&str| !matches!(*part, "" | "." | "..") && !part.contains([':', '\0']);
    parts.iter().all(plain).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_their_aliases() {
        assert_eq!(Kind::named("clip").unwrap().name, "text_encoders");
        assert_eq!(Kind::named("unet").unwrap().name, "diffusion_models");
        assert_eq!(Kind::named("vae").unwrap().name, "vae");
        assert_eq!(Kind::named("nonsense"), None);
        assert_eq!(folders_of("clip"), ["text_encoders", "clip"]);
        assert_eq!(folders_of("acme_nets"), ["acme_nets"]);
        assert!(folders_of("../..").is_empty());
        assert!(folders_of("").is_empty());
    }

    #[test]
    fn names_that_could_lead_out_of_their_folder() {
        assert_eq!(relative_parts("a/b\\c.bin"), Some(vec!["a", "b", "c.bin"]));
        for bad in ["", "/a", "a/", "../a", "a/../../b", "a\\..\\b", "C:\\a", "a//b", "./a", "a\0b"] {
            assert_eq!(relative_parts(bad), None, "{bad}");
        }
    }
}
