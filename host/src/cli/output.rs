//! What the program says: results on standard output, everything else on standard error.

use super::exit::{Exit, Stop};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Writes lines to standard output. That its reader has gone away, as with `selfsame nodes | head`, is no error.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut out = std::io::stdout().lock();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::new(Exit::Wrong, format!("cannot write to the standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as JSON for programs.
pub fn print_json(value: &impl Serialize) -> Result<(), Stop> {
    let text = serde_json::to_string_pretty(value);
    print(&text.map_err(|error| Stop::new(Exit::Wrong, format!("cannot write as JSON: {error}")))?)
}

/// Writes lines to standard error. If nobody can read them, there is nobody to tell that either.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes a file aside and then under its name, so that there never is half a file.
pub fn write_file(path: &Path, text: &str) -> Result<(), Stop> {
    // A link stays a link to the file that is written.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = match std::fs::metadata(&path) {
            Ok(known) => {
                let file = tempfile::NamedTempFile::new_in(folder)?;
                file.as_file().set_permissions(known.permissions())?;
                file
            }
            Err(_) => new_file(folder)?,
        };
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| Stop::new(Exit::Wrong, format!("cannot write {}: {error}", path.display())))
}

/// A file for others to read too, as far as the user's umask allows; files that are temporary by nature are private.
fn new_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// Columns of text, two spaces apart; the last one is as long as it likes.
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
