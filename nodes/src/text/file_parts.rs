//! The parts of a path.

use selfsame_sdk::prelude::*;
use std::path::Path;

/// Takes the path of a file apart: `faces/ada.png` is the file `ada.png` in the folder `faces`, with the stem `ada` and the
/// extension `png`.
///
/// It looks at the text alone; the file need not be there.
#[node(id = "core.text.file_parts", category = "text/file", search = ["filename", "stem", "extension", "path", "basename"])]
#[output(
    stem = "the name without its extension",
    name = "the name with its extension",
    extension = "what follows the last dot of the name; empty if there is none",
    folder = "where the file is; empty if the path does not say"
)]
pub fn file_parts(
    /// The path.
    path: String,
) -> Result<(String, String, String, String)> {
    let path = Path::new(&path);
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().map(Path::as_os_str);
    Ok((text(path.file_stem()), text(path.file_name()), text(path.extension()), text(folder)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn four_parts() {
        let parts = |path: &str| {
            let (stem, name, extension, folder) = super::file_parts(path.into()).unwrap();
            [stem, name, extension, folder].join("|")
        };
        assert_eq!(parts("/faces/ada.old.png"), "ada.old|ada.old.png|png|/faces");
        assert_eq!(parts("ada"), "ada|ada||");
        assert_eq!(parts(".hidden"), ".hidden|.hidden||");
        assert_eq!(parts(""), "|||");
    }
}
