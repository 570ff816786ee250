//! `cargo xtask ci`: formatting, lints and documentation without warnings, then the tests.

use crate::part::{Outcome, Part};
use crate::process;
use crate::test::{self, Check};
use crate::workspace::Workspace;

/// The checks of style, then every part of `cargo xtask test`. Feature combinations are checked
/// with clippy here, which includes compiling them.
pub(crate) fn parts() -> Vec<Part> {
    let mut parts = vec![
        Part { name: "fmt", about: "formatting", on_request: false, run: fmt },
        Part { name: "clippy", about: "lints of everything", on_request: false, run: clippy },
        Part { name: "docs", about: "documentation builds", on_request: false, run: docs },
    ];
    parts.extend(test::PARTS.iter().map(|part| match part.name {
        "features" => Part {
            about: "lints of feature combinations, and of every package alone",
            run: features,
            ..*part
        },
        _ => *part,
    }));
    parts
}

fn fmt(workspace: &Workspace) -> Outcome {
    with_component(workspace, "fmt", "rustfmt", &["--all", "--check"])
}

fn clippy(workspace: &Workspace) -> Outcome {
    // The tests on servers are no part of all targets: they are named.
    let args = [
        "--workspace",
        "--all-targets",
        "--test",
        "conformance",
        "--test",
        "suite",
        "--test",
        "servers",
        "--test",
        "kills",
        "--all-features",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ];
    with_component(workspace, "clippy", "clippy", &args)
}

fn features(workspace: &Workspace) -> Outcome {
    match component(workspace, "clippy", "clippy") {
        Ok(()) => test::features(workspace, Check::Clippy),
        Err(reason) => Outcome::skipped(reason),
    }
}

fn docs(workspace: &Workspace) -> Outcome {
    let mut cargo = process::cargo(&workspace.root);
    cargo
        .args(["doc", "--workspace", "--no-deps", "--all-features", "--quiet"])
        .env("RUSTDOCFLAGS", "--deny warnings");
    process::run(&mut cargo).into()
}

fn with_component(
    workspace: &Workspace,
    command: &str,
    component_name: &str,
    args: &[&str],
) -> Outcome {
    match component(workspace, command, component_name) {
        Ok(()) => process::run(process::cargo(&workspace.root).arg(command).args(args)).into(),
        Err(reason) => Outcome::skipped(reason),
    }
}

/// Whether `cargo COMMAND` is installed; the error says how to get it.
fn component(workspace: &Workspace, command: &str, name: &str) -> Result<(), String> {
    process::output(process::cargo(&workspace.root).args([command, "--version"]))
        .map(drop)
        .map_err(|_| format!("cargo {command} is not installed; `rustup component add {name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_tests_is_part_of_ci() {
        let names: Vec<&str> = parts().iter().map(|part| part.name).collect();
        for part in test::PARTS {
            assert!(names.contains(&part.name), "{names:?}");
        }
        assert!(names.contains(&"clippy"));
    }
}
