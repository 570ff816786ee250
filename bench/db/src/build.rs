//! Builds what this binary cannot hold: the sqlx peers, and the smallest programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use bench_kit::Result;

/// How and where to build.
#[derive(Debug)]
pub(crate) struct Build {
    profile: String,
    workspace: PathBuf,
    target: PathBuf,
}

impl Build {
    pub(crate) fn new(profile: String) -> Result<Self> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("this package lies in no workspace")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(target) => target.into(),
            None => workspace.join("target"),
        };
        Ok(Self { profile, workspace, target })
    }

    /// Where everything that is made lies.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The binary with the sqlx peers.
    pub(crate) fn sqlx(&self) -> Result<PathBuf> {
        self.package("bench-db-sqlx")
    }

    /// The binary of `package`, of this workspace or that of sqlx.
    pub(crate) fn package(&self, package: &str) -> Result<PathBuf> {
        let (manifest, target) = if package.contains("sqlx") {
            (self.workspace.join("db-sqlx/Cargo.toml"), self.target.join("sqlx"))
        } else {
            (self.workspace.join("Cargo.toml"), self.target.clone())
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--locked", "--package", package, "--profile"])
            .arg(&self.profile)
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .status()?;
        if !status.success() {
            return Err(format!("{package} was not built: {status}").into());
        }
        // The profile `dev` alone has a directory of another name.
        let directory = if self.profile == "dev" { "debug" } else { &self.profile };
        Ok(target.join(directory).join(package))
    }
}
