//! One large fetch, every value decoded.

use crate::clock::Reading;
use crate::data::Sums;
use crate::{FetchPeer, Job, Outcome, Result, check, memory};

/// Rows of the fetch that warms up.
const WARM: u64 = 1000;

/// Measures `peer`.
///
/// # Errors
/// When it cannot be measured, or answers wrongly.
pub async fn fetch<P: FetchPeer>(peer: P, job: &Job) -> Result<Outcome> {
    let expected = Sums::expected(job.rows, job.columns);
    let warm = WARM.min(job.rows);
    let sums = peer.fetch(warm, job.columns).await?;
    let small = Sums::expected(warm, job.columns);
    check(sums == small, || format!("{small:?} to be fetched, {sums:?} was"))?;

    memory::forget_peak()?;
    let before = memory::resident()?;
    let begin = Reading::now()?;
    // On a worker, as an application's work is.
    let (rows, columns) = (job.rows, job.columns);
    let sums = tokio::spawn(async move { peer.fetch(rows, columns).await }).await??;
    let used = begin.used()?;
    check(sums == expected, || format!("{expected:?} to be fetched, {sums:?} was"))?;

    let mut outcome = Outcome::new(job, job.rows, &used);
    outcome.with("grown_kib", memory::peak()?.saturating_sub(before) as f64);
    Ok(outcome)
}
