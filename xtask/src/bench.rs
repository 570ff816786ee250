//! `cargo xtask bench`: measurements and comparisons, which have workspaces of their own.

use crate::process::{cargo, run};
use crate::workspace::Workspace;

/// Runs the verified hazards of connection pools against the peers and Wellspring, as a table; `args`
/// are those of `bench-hazards`.
pub(crate) fn hazards(workspace: &Workspace, args: &[String]) -> Result<(), String> {
    let mut command = cargo(&workspace.root);
    command
        .args(["run", "--quiet", "--release", "--manifest-path", "bench/hazards/Cargo.toml", "--"])
        .args(args);
    run(&mut command)
}

/// Measures database work beside the peers; `args` are those of `bench-db compare`.
///
/// It builds the second binary, of the peers that cannot be linked into the first, by itself.
pub(crate) fn db(workspace: &Workspace, args: &[String]) -> Result<(), String> {
    let mut command = cargo(&workspace.root);
    command
        .args(["run", "--quiet", "--release", "--manifest-path", "bench/Cargo.toml"])
        .args(["--package", "bench-db", "--", "compare"])
        .args(args);
    run(&mut command)
}

/// Measures the pool engine beside other pools; `args` are those of `bench-pool`.
pub(crate) fn pool(workspace: &Workspace, args: &[String]) -> Result<(), String> {
    let mut command = cargo(&workspace.root);
    command
        .args(["run", "--quiet", "--release", "--manifest-path", "bench/pool/Cargo.toml", "--"])
        .args(args);
    run(&mut command)
}
