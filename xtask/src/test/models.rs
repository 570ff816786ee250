//! The pool engine under model checkers: loom and shuttle in short form with the tests, in long form
//! by `cargo xtask model`, with the state machine.

use std::process::Command;

use super::counted;
use crate::part::{Outcome, Part};
use crate::process;
use crate::workspace::Workspace;

/// The long form.
pub(crate) const LONG: &[Part] = &[
    Part {
        name: "loom",
        about: "every schedule of small models, up to four preemptions",
        on_request: false,
        run: |workspace| loom(workspace, 4),
    },
    Part {
        name: "shuttle",
        about: "the whole pool under at least 100,000 random schedules",
        on_request: false,
        run: |workspace| shuttle(workspace, 12_000),
    },
    Part {
        name: "machine",
        about: "10,000 random histories beside a model in plain data",
        on_request: false,
        run: machine,
    },
];

/// Every schedule of small models, as far as `preemptions` allow.
pub(crate) fn loom(workspace: &Workspace, preemptions: u32) -> Outcome {
    let mut cargo = checked(workspace, "loom");
    cargo.env("LOOM_MAX_PREEMPTIONS", preemptions.to_string());
    // Each model says how many schedules there were.
    cargo.args(["--", "--nocapture"]);
    counted(&mut cargo)
}

/// The whole pool with its scripted manager, each scenario under so many random schedules.
pub(crate) fn shuttle(workspace: &Workspace, schedules: u32) -> Outcome {
    let mut cargo = checked(workspace, "shuttle");
    cargo.env("WELLSPRING_SCHEDULES", schedules.to_string());
    println!("{schedules} schedules for each scenario");
    counted(&mut cargo)
}

fn machine(workspace: &Workspace) -> Outcome {
    let mut cargo = process::cargo(&workspace.root);
    cargo
        .args(["test", "--package", "wellspring-pool-core", "--test", "machine"])
        .env("PROPTEST_CASES", "10000");
    counted(&mut cargo)
}

/// A build of the pool whose lock, clock and runtime are those of a model checker, in a folder of its
/// own: other builds stay as they are.
fn checked(workspace: &Workspace, checker: &str) -> Command {
    let mut cargo = process::cargo(&workspace.root);
    cargo
        .args(["test", "--package", "wellspring-pool-core", "--test", checker])
        .env("CARGO_TARGET_DIR", workspace.target().join("model").join(checker))
        .env("RUSTFLAGS", format!("--cfg wellspring_{checker}"))
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", "1");
    cargo
}
