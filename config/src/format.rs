//! Formats of files: the text of a file becomes a table, each value with its line.

use std::fmt;
use std::path::Path;

use crate::node::Table;
use crate::{Origin, Problem};

mod json;
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

/// How deep tables and lists may be nested.
const DEPTH: usize = 64;

/// A format of configuration files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TOML: `.toml`.
    Toml,
    /// JSON: `.json`.
    Json,
    /// YAML: `.yaml` or `.yml`. Needs the Cargo feature `yaml`.
    Yaml,
}

impl Format {
    /// The format that the end of a file's name says.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Reads `text`.
    pub(crate) fn parse(self, origin: &Origin, text: &str) -> Result<Table, Problem> {
        // Windows' editors begin a file with it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match self {
            Self::Toml => toml::parse(origin, text),
            Self::Json => json::parse(origin, text),
            #[cfg(feature = "yaml")]
            Self::Yaml => yaml::parse(origin, text),
            #[cfg(not(feature = "yaml"))]
            Self::Yaml => Err(Problem::new(
                origin,
                "",
                "it is YAML, which is not compiled in: enable the Cargo feature `yaml`",
            )),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Toml => "TOML",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        })
    }
}

/// The lines of a text, by positions.
struct Lines<'a> {
    origin: &'a Origin,
    /// Where each line after the first begins.
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(origin: &'a Origin, text: &str) -> Self {
        let starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Self { origin, starts: starts.collect() }
    }

    /// The place of a byte.
    fn at(&self, byte: usize) -> Origin {
        let line = 1 + self.starts.partition_point(|start| *start <= byte);
        self.origin.at_line(u32::try_from(line).unwrap_or(u32::MAX))
    }
}

fn too_deep(origin: &Origin) -> Problem {
    Problem::new(origin, "", format!("tables and lists are nested more than {DEPTH} deep"))
}

fn twice(origin: &Origin, name: &str) -> Problem {
    Problem::new(origin, name, "is there twice")
}
