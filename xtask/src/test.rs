//! `cargo xtask test`: the first tier of tests, as named parts.

mod features;
mod models;
mod oldest;
mod quickstart;
mod servers;

use std::process::Command;

pub(crate) use features::{Check, run as features};
pub(crate) use models::LONG as MODELS;

use crate::part::{End, Outcome, Part, Tests};
use crate::process;
use crate::tidy;
use crate::workspace::Workspace;

/// The parts, in the order they run: what fails fast comes first.
pub(crate) const PARTS: &[Part] = &[
    Part { name: "tidy", about: "checks of the tree", on_request: false, run: tidy_part },
    Part {
        name: "unit",
        about: "unit and integration tests of every package, all features",
        on_request: false,
        run: unit,
    },
    Part {
        name: "loom",
        about: "every schedule of small models of the pool, up to three preemptions",
        on_request: false,
        run: |workspace| models::loom(workspace, 3),
    },
    Part {
        name: "shuttle",
        about: "the whole pool under random schedules, 500 for each scenario",
        on_request: false,
        run: |workspace| models::shuttle(workspace, 500),
    },
    Part { name: "doc", about: "examples in the documentation", on_request: false, run: doc },
    Part {
        name: "features",
        about: "feature combinations, and every package alone, compile",
        on_request: false,
        run: |workspace| features(workspace, Check::Compile),
    },
    Part {
        name: "quickstart",
        about: "the first example runs on its own data and conserves its total",
        on_request: false,
        run: quickstart::run,
    },
    Part {
        name: "servers",
        about: "private servers of every kind start, die and come back",
        on_request: false,
        run: servers::servers,
    },
    Part {
        name: "postgres",
        about: "PostgreSQL, directly and through pgbouncer",
        on_request: false,
        run: servers::postgres,
    },
    Part {
        name: "kills",
        about: "PostgreSQL killed and restarted under load: no slot lost, no deadline missed",
        on_request: false,
        run: servers::kills,
    },
    Part { name: "mysql", about: "MySQL", on_request: false, run: servers::mysql },
    Part { name: "mariadb", about: "MariaDB", on_request: false, run: servers::mariadb },
    Part {
        name: "sqlite-oldest",
        about: "the SQLite connector on the oldest rusqlite it accepts",
        on_request: true,
        run: oldest::run,
    },
    Part {
        name: "fuzz",
        about: "ten million connection strings that nobody would write",
        on_request: true,
        run: fuzz,
    },
];

fn tidy_part(workspace: &Workspace) -> Outcome {
    tidy::run(workspace).into()
}

/// Everything but examples in documentation, which cargo only runs by themselves.
fn unit(workspace: &Workspace) -> Outcome {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["test", "--workspace", "--all-targets", "--all-features", "--no-fail-fast"]);
    // The mixed loads of the façade's tests are short by default, for those who run them by hand.
    cargo.env("WELLSPRING_SOAK_SECONDS", "10");
    counted(&mut cargo)
}

fn doc(workspace: &Workspace) -> Outcome {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["test", "--workspace", "--doc", "--all-features", "--no-fail-fast"]);
    counted(&mut cargo)
}

/// The test that `unit` runs with few inputs.
fn fuzz(workspace: &Workspace) -> Outcome {
    let mut cargo = process::cargo(&workspace.root);
    cargo.args(["test", "--release", "--package", "wellspring-config", "--test", "fuzz"]);
    cargo.args(["--", "--nocapture"]).env("WELLSPRING_FUZZ_INPUTS", "10000000");
    counted(&mut cargo)
}

/// Runs a `cargo test` and adds up what its test binaries report.
fn counted(command: &mut Command) -> Outcome {
    let mut tests = Tests::default();
    let result = process::run_seeing(command, |line| {
        if let Some(more) = process::test_result(line) {
            tests += more;
        }
    });
    match result {
        Ok(()) if tests.passed == 0 => Outcome::failed("no test was run"),
        Ok(()) => Outcome { end: End::Ok, tests },
        Err(reason) => Outcome { end: End::Failed(reason), tests },
    }
}
