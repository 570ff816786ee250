//! The quickstart, run as a newcomer runs it: in an empty folder, without arguments.

use std::fs;
use std::path::PathBuf;

use crate::part::Outcome;
use crate::process;
use crate::workspace::Workspace;

/// Builds the quickstart, runs it in a new folder and looks for its conserved total.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    quickstart(workspace, None, "sqlite").into()
}

/// The same on the database at `url`.
pub(crate) fn run_on(workspace: &Workspace, url: Option<&str>, features: &str) -> Outcome {
    match url {
        Some(url) => quickstart(workspace, Some(url), features).into(),
        None => Outcome::failed("there is no URL to run the quickstart on"),
    }
}

fn quickstart(workspace: &Workspace, url: Option<&str>, features: &str) -> Result<(), String> {
    let folder = Folder::new()?;
    let mut cargo = process::cargo(&folder.0);
    cargo
        .args(["run", "--quiet", "--features", features, "--example", "quickstart"])
        .arg("--manifest-path")
        .arg(workspace.root.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", workspace.target())
        .env_remove("DATABASE_URL");
    if let Some(url) = url {
        cargo.env("DATABASE_URL", url);
    }
    let mut conserved = false;
    process::run_seeing(&mut cargo, |line| conserved |= line.contains("conserved"))?;
    match conserved {
        true => Ok(()),
        false => Err("it printed no line that says the total is conserved".to_owned()),
    }
}

/// An empty folder that is removed with everything in it when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        let name = format!("wellspring-quickstart-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("note: {} stays behind: {error}", self.0.display());
        }
    }
}
