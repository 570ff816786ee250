//! A SQLite file of one's own: a copy of the prepared one, gone at the end.

use std::path::{Path, PathBuf};

use crate::Result;

/// A copy of a SQLite file that is removed with what SQLite laid beside it when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Copies `template`.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn of(template: &str) -> Result<Self> {
        let path = PathBuf::from(format!("{template}.{}", std::process::id()));
        std::fs::copy(template, &path)
            .map_err(|error| format!("{template} cannot be copied: {error}"))?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where it is, as text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.to_str().expect("made from text")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.0.clone().into_os_string();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    eprintln!("{}: not removed: {error}", name.display());
                }
                _ => {}
            }
        }
    }
}
