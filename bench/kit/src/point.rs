//! Point reads: each task reads random rows by their primary key.

use crate::data::check_point;
use crate::{BlockingPeer, Job, Load, Outcome, PointPeer, Result, Rng, Step, StepWorker, Window};

/// Measures `peer`.
///
/// # Errors
/// When it cannot be measured, or answers wrongly.
pub async fn point<P: PointPeer>(peer: P, job: &Job) -> Result<Outcome> {
    let mut workers = Vec::with_capacity(job.tasks);
    for _ in 0..job.tasks {
        workers.push(Reader::<P> { task: peer.task().await?, rows: job.rows });
    }
    Ok(Load::run(workers, Window::of(job)).await?.outcome(job))
}

struct Reader<P: PointPeer> {
    task: P::Task,
    rows: u64,
}

impl<P: PointPeer> StepWorker for Reader<P> {
    async fn step(&mut self, rng: &mut Rng) -> Result<Step> {
        let id = rng.id(self.rows);
        let row = P::read(&mut self.task, id).await?;
        check_point(&row, id)?;
        Ok(Step::Read)
    }
}

/// Measures threads without a runtime.
///
/// # Errors
/// As [`point`].
pub async fn point_blocking<P: BlockingPeer>(threads: Vec<P>, job: &Job) -> Result<Outcome> {
    let (rows, window) = (job.rows, Window::of(job));
    let workers = threads
        .into_iter()
        .map(|mut peer| {
            move |rng: &mut Rng| {
                let id = rng.id(rows);
                check_point(&peer.read(id)?, id)?;
                Ok(Step::Read)
            }
        })
        .collect();
    let load = tokio::task::spawn_blocking(move || Load::run_blocking(workers, window)).await??;
    Ok(load.outcome(job))
}
