//! Running one test: on a runtime of its own, with a deadline.

use std::time::Duration;

use crate::Target;

/// No test takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs a test on a current-thread runtime.
///
/// # Panics
/// When the test fails or takes longer than a minute.
pub fn run_on_one_thread<T: Target>(name: &str, target: T, test: impl AsyncFnOnce(&T)) {
    run(tokio::runtime::Builder::new_current_thread(), name, target, test);
}

/// Runs a test on a multi-thread runtime with two workers.
///
/// # Panics
/// When the test fails or takes longer than a minute.
pub fn run_on_many_threads<T: Target>(name: &str, target: T, test: impl AsyncFnOnce(&T)) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2);
    run(builder, name, target, test);
}

fn run<T: Target>(
    mut builder: tokio::runtime::Builder,
    name: &str,
    target: T,
    test: impl AsyncFnOnce(&T),
) {
    let runtime = builder.enable_all().build().expect("a runtime starts");
    let ended = runtime.block_on(async { tokio::time::timeout(LIMIT, test(&target)).await });
    assert!(ended.is_ok(), "{name} did not end within {LIMIT:?}");
}
