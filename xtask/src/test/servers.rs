//! The parts that need database servers: each kind's connector, the façade and the quickstart on
//! it, and tests that start servers themselves.

use std::process::Command;

use wellspring_testkit::servers::{Kind, install};

use super::{counted, quickstart};
use crate::part::{End, Outcome};
use crate::process;
use crate::servers::with_servers;
use crate::workspace::Workspace;

/// The features of the façade with which its tests on servers are built.
const FEATURES: &str = "sqlite,postgres,mysql,config";

/// Starting, killing and restarting servers of every kind, which the other parts rely on.
pub(crate) fn servers(workspace: &Workspace) -> Outcome {
    on_its_own(workspace, Kind::ALL, &["--package", "wellspring-testkit", "--test", "servers"])
}

/// A PostgreSQL that dies again and again under load. The variables that say how often pass
/// through; what it counted is shown.
pub(crate) fn kills(workspace: &Workspace) -> Outcome {
    let test = ["--package", "wellspring-postgres", "--test", "kills", "--", "--nocapture"];
    on_its_own(workspace, &[Kind::Postgres], &test)
}

/// Runs a test that starts servers of these kinds itself.
fn on_its_own(workspace: &Workspace, kinds: &[Kind], test: &[&str]) -> Outcome {
    for kind in kinds {
        match install(*kind) {
            Ok(()) => {}
            Err(error) if error.is_missing() => return Outcome::skipped(error.to_string()),
            Err(error) => return Outcome::failed(error.to_string()),
        }
    }
    let mut cargo = process::cargo(&workspace.root);
    cargo.arg("test").args(test);
    counted(&mut cargo)
}

pub(crate) fn postgres(workspace: &Workspace) -> Outcome {
    let kinds = [Kind::Postgres, Kind::PostgresReplica, Kind::PgBouncer];
    on(workspace, &kinds, "wellspring-postgres", &[], &["::postgres", "::pgbouncer"])
}

pub(crate) fn mysql(workspace: &Workspace) -> Outcome {
    on(workspace, &[Kind::MySql], "wellspring-mysql", &["mysql::"], &["::mysql"])
}

pub(crate) fn mariadb(workspace: &Workspace) -> Outcome {
    on(workspace, &[Kind::MariaDb], "wellspring-mysql", &["mariadb::"], &["::mariadb"])
}

/// Runs what is to be run on the servers `kinds`, of which the first is the quickstart's: the tests
/// of `connector` and of the façade whose names contain one of these.
fn on(
    workspace: &Workspace,
    kinds: &[Kind],
    connector: &str,
    connector_tests: &[&str],
    facade_tests: &[&str],
) -> Outcome {
    with_servers(kinds, |urls| {
        let tests = |package: &str, targets: &[&str], names: &[&str]| {
            let mut cargo = process::cargo(&workspace.root);
            cargo.args(["test", "--no-fail-fast", "--package", package]);
            for target in targets {
                cargo.args(["--test", target]);
            }
            if package == "wellspring" {
                cargo.args(["--features", FEATURES]);
            }
            cargo.arg("--").args(names);
            with(&mut cargo, urls);
            counted(&mut cargo)
        };
        let first = tests(connector, &["conformance", "suite"], connector_tests);
        let second = tests("wellspring", &["servers"], facade_tests);
        let url = urls.iter().find(|(name, _)| *name == kinds[0].env()).map(|(_, url)| url);
        let third = quickstart::run_on(workspace, url.map(String::as_str), FEATURES);
        [second, third].into_iter().fold(first, both)
    })
}

fn with(command: &mut Command, urls: &[(&'static str, String)]) {
    for (name, url) in urls {
        command.env(name, url);
    }
}

/// The outcome of two things done one after the other: the first failure, and all the tests.
fn both(mut first: Outcome, second: Outcome) -> Outcome {
    first.tests += second.tests;
    if first.end == End::Ok {
        first.end = second.end;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::Tests;

    #[test]
    fn one_failure_of_two_is_a_failure_with_all_the_tests() {
        let passed = |passed| Tests { passed, failed: 0, skipped: 0 };
        let ok = || Outcome { end: End::Ok, tests: passed(2) };
        let failed = || Outcome { end: End::Failed("x".into()), tests: passed(3) };
        for (first, second, end) in [
            (ok(), ok(), End::Ok),
            (ok(), failed(), End::Failed("x".into())),
            (failed(), ok(), End::Failed("x".into())),
        ] {
            let sum = first.tests.passed + second.tests.passed;
            let outcome = both(first, second);
            assert_eq!((outcome.end, outcome.tests.passed), (end, sum));
        }
    }
}
