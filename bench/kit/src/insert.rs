//! Many rows into one table, in one transaction.

use std::sync::Arc;

use crate::clock::Reading;
use crate::data::check_insert;
use crate::{InsertPeer, Job, Outcome, Result, memory};

/// Rows of the insert that warms up.
pub(crate) const WARM: u64 = 1000;

/// Measures `peer`.
///
/// # Errors
/// When it cannot be measured, or inserts wrongly.
pub async fn insert<P: InsertPeer>(peer: P, job: &Job) -> Result<Outcome> {
    let peer = Arc::new(peer);
    let warm = WARM.min(job.rows);
    peer.empty().await?;
    peer.insert(warm).await?;
    check_insert(peer.count().await?, warm)?;
    peer.empty().await?;

    memory::forget_peak()?;
    let before = memory::resident()?;
    let begin = Reading::now()?;
    // On a worker, as an application's work is.
    let (working, rows) = (Arc::clone(&peer), job.rows);
    tokio::spawn(async move { working.insert(rows).await }).await??;
    let used = begin.used()?;
    let grown = memory::peak()?.saturating_sub(before);
    check_insert(peer.count().await?, job.rows)?;

    let mut outcome = Outcome::new(job, job.rows, &used);
    outcome.with("grown_kib", grown as f64);
    Ok(outcome)
}
