//! The settings file.

use crate::Bytes;
use crate::platform;
use ron::error::SpannedError;
use ron::extensions::Extensions;
use serde::Deserialize;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// What a user sets once and for all, in a RON file. Everything may be left out.
///
/// ```ron
/// Settings(
///     models: ["/data/models"],
///     comfyui: ["~/ComfyUI"],
///     memory: "8G",
/// )
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename = "Settings")]
pub struct SettingsFile {
    /// Folders with model files.
    pub models: Vec<PathBuf>,
    /// ComfyUI installations, whose models are used too.
    pub comfyui: Vec<PathBuf>,
    /// Folders with bundles of plugins.
    pub plugins: Vec<PathBuf>,
    /// The folder that saved files go to.
    pub out: Option<PathBuf>,
    /// The folder where results are kept between runs.
    pub cache_dir: Option<PathBuf>,
    /// How many bytes of results and weights are kept in memory.
    pub memory: Option<Bytes>,
    /// `auto`, `cpu`, `cuda` or `cuda:1`.
    pub device: Option<String>,
    /// The most nodes that run at a time, and the threads that each may use.
    pub threads: Option<NonZeroUsize>,
    /// A catalogue file with further models that can be fetched.
    pub catalogue: Option<PathBuf>,
}

/// A settings file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct SettingsError {
    /// The file, with line and column where they are known.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl SettingsFile {
    /// Where the file is if nobody says otherwise. It need not exist.
    pub fn usual_place() -> Option<PathBuf> {
        platform::config_folder().map(|folder| folder.join("settings.ron"))
    }

    /// Reads a settings file. Relative paths in it start from its folder, `~/` from the user's.
    ///
    /// # Errors
    /// If it cannot be read, is not RON, or has a setting that does not exist.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| SettingsError { place: name.clone(), problem: format!("cannot be read: {error}") })?;
        let mut settings = Self::parse(&name, &text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        settings.resolve_paths(folder, platform::home().as_deref());
        Ok(settings)
    }

    fn parse(name: &str, text: &str) -> Result<Self, SettingsError> {
        // Without it every setting would have to be written as `Some(...)`.
        let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
        options.from_str(text).map_err(|SpannedError { code, span }| SettingsError {
            place: format!("{name}:{}:{}", span.start.line, span.start.col),
            problem: match code {
                ron::Error::NoSuchStructField { expected, found, .. } => unknown(&found, expected),
                other => other.to_string(),
            },
        })
    }

    fn resolve_paths(&mut self, folder: &Path, home: Option<&Path>) {
        let single = [&mut self.out, &mut self.cache_dir, &mut self.catalogue].into_iter().flatten();
        for path in self.models.iter_mut().chain(&mut self.comfyui).chain(&mut self.plugins).chain(single) {
            *path = match (path.strip_prefix("~"), home) {
                (Ok(rest), Some(home)) => home.join(rest),
                _ => folder.join(&*path),
            };
        }
    }
}

fn unknown(found: &str, expected: &[&str]) -> String {
    match selfsame_graphs::nearest(found, expected.iter().copied()) {
        Some(near) => format!("there is no setting `{found}`, did you mean `{near}`?"),
        None => format!("there is no setting `{found}`; the settings are {}", expected.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> String {
        SettingsFile::parse("s.ron", text).unwrap_err().to_string()
    }

    #[test]
    fn everything_may_be_set_or_left_out() {
        assert_eq!(SettingsFile::parse("s.ron", "()"), Ok(SettingsFile::default()));
        let text = r#"// mine
            Settings(models: ["m", "/abs"], comfyui: ["~/ComfyUI"], plugins: ["p"], out: "pictures",
            cache_dir: "cache", memory: "8G",
            device: "cuda:1", threads: 3, catalogue: "more.ron")"#;
        let mut settings = SettingsFile::parse("s.ron", text).unwrap();
        settings.resolve_paths(Path::new("/conf"), Some(Path::new("/home/ada")));
        let expected = SettingsFile {
            models: vec!["/conf/m".into(), "/abs".into()],
            comfyui: vec!["/home/ada/ComfyUI".into()],
            plugins: vec!["/conf/p".into()],
            out: Some("/conf/pictures".into()),
            cache_dir: Some("/conf/cache".into()),
            memory: Some(Bytes(8 << 30)),
            device: Some("cuda:1".to_owned()),
            threads: NonZeroUsize::new(3),
            catalogue: Some("/conf/more.ron".into()),
        };
        assert_eq!(settings, expected);
        assert_eq!(SettingsFile::parse("s.ron", "(memory: 1000)").unwrap().memory, Some(Bytes(1000)));
    }

    #[test]
    fn mistakes_come_with_their_place() {
        assert_eq!(
            fails("(\n    devise: \"cpu\",\n)"),
            "s.ron:2:5: there is no setting `devise`, did you mean `device`?"
        );
        assert!(fails("(gpu: 1)").ends_with(
            "there is no setting `gpu`; the settings are models, comfyui, plugins, out, cache_dir, memory, device, threads, catalogue"
        ));
        assert!(
            fails("(memory: \"much\")").contains("expected a number of bytes such as 8G, 512M or 1000000, got `much`")
        );
        assert!(fails("(threads: 0)").starts_with("s.ron:1:"));
        assert!(fails("(out: ").starts_with("s.ron:1:"));
    }
}
