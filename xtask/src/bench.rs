//! `cargo xtask bench`: measurements, which have a workspace of their own.

use crate::process::{cargo, run};
use crate::workspace::Workspace;

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
