//! `cargo xtask reference`: writes down what the code says of its options.

use std::path::PathBuf;
use std::process::Command;

use crate::process;
use crate::workspace::Workspace;

/// The files that are made, each with what makes it.
pub(crate) const FILES: [(&str, &str); 2] = [
    ("docs/src/configuration-reference.md", "page"),
    ("docs/src/wellspring.schema.json", "schema"),
];

/// The program that makes them.
pub(crate) struct Maker(PathBuf);

impl Maker {
    /// Builds it with the features that tests are built with, so that nothing is built twice.
    pub(crate) fn build(workspace: &Workspace) -> Result<Self, String> {
        let mut cargo = process::cargo(&workspace.root);
        cargo
            .args(["build", "--quiet", "--workspace", "--all-features", "--example", "reference"])
            .arg("--message-format=json-render-diagnostics");
        let messages = process::output(&mut cargo)?;
        match executable(&messages) {
            Some(path) => Ok(Self(path)),
            None => Err("cargo did not say where the example `reference` is".to_owned()),
        }
    }

    /// What a file is to hold.
    pub(crate) fn made(&self, what: &str) -> Result<String, String> {
        process::output(Command::new(&self.0).arg(what))
    }
}

/// The path in cargo's message about what it built: `"executable":"…"`.
fn executable(messages: &str) -> Option<PathBuf> {
    let (_, rest) = messages.split_once("\"executable\":\"")?;
    let (path, _) = rest.split_once('"')?;
    Some(path.replace("\\\\", "\\").into())
}

/// Writes the files.
pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let maker = Maker::build(workspace)?;
    for (path, what) in FILES {
        let text = maker.made(what)?;
        let path = workspace.root.join(path);
        std::fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_says_where_the_program_is() {
        let messages =
            "{\"executable\":null}\n{\"executable\":\"/t/examples/reference\",\"fresh\":true}\n";
        assert_eq!(executable(messages), Some("/t/examples/reference".into()));
        assert_eq!(executable("{\"executable\":null}"), None);
    }
}
