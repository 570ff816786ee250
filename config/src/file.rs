//! Files on disk: read whole, bounded, and only if they are files.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use wellspring_connector::Secret;

use crate::{Origin, Problem};

/// The largest configuration file that is read, in bytes: 1 MiB.
pub const MAX_FILE_SIZE: u64 = 1 << 20;

/// The largest file with a secret in it that is read, in bytes: 64 KiB.
pub const MAX_SECRET_SIZE: u64 = 64 << 10;

/// The text of a configuration file.
pub(crate) fn read(path: &Path) -> Result<String, Problem> {
    read_bounded(path, MAX_FILE_SIZE).map_err(|wrong| Problem::new(&Origin::file(path), "", wrong))
}

/// The secret in a file, without the end of its last line. `key` at `origin` names the file.
pub(crate) fn read_secret(path: &Path, origin: &Origin, key: &str) -> Result<Secret, Problem> {
    let text = read_bounded(path, MAX_SECRET_SIZE).and_then(|text| {
        let text = text
            .strip_suffix('\n')
            .map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        match text {
            "" => Err("is empty".to_owned()),
            text if text.contains('\0') => Err("has a NUL character in it".to_owned()),
            text => Ok(Secret::from(text)),
        }
    });
    text.map_err(|wrong| Problem::new(origin, key, format!("the file {} {wrong}", path.display())))
}

fn read_bounded(path: &Path, most: u64) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    // Opening a pipe would wait for somebody to write into it.
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if kind.is_dir() {
        return Err("is a directory, expected a file".to_owned());
    }
    if !kind.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(format!("has more than {most} bytes, the most that are read"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 (line {line})")
    })
}
