//! The mix: nine point reads to one transaction that reads a row, then writes it.

use crate::data::check_point;
use crate::{
    BlockingPeer, Job, Load, MixPeer, Outcome, PointPeer, Result, Rng, Step, StepWorker, Window,
    Write,
};

/// Measures `peer`.
///
/// # Errors
/// When it cannot be measured, or answers wrongly.
pub async fn mix<P: MixPeer>(peer: P, job: &Job) -> Result<Outcome> {
    let mut workers = Vec::with_capacity(job.tasks);
    for _ in 0..job.tasks {
        workers.push(Mixer::<P> { task: peer.task().await?, rows: job.rows });
    }
    Ok(Load::run(workers, Window::of(job)).await?.outcome(job))
}

struct Mixer<P: PointPeer> {
    task: P::Task,
    rows: u64,
}

impl<P: MixPeer> StepWorker for Mixer<P> {
    async fn step(&mut self, rng: &mut Rng) -> Result<Step> {
        let id = rng.id(self.rows);
        if writes(rng) {
            return Ok(step(P::bump(&mut self.task, id).await?));
        }
        check_point(&P::read(&mut self.task, id).await?, id)?;
        Ok(Step::Read)
    }
}

/// Measures threads without a runtime.
///
/// # Errors
/// As [`mix`].
pub async fn mix_blocking<P: BlockingPeer>(threads: Vec<P>, job: &Job) -> Result<Outcome> {
    let (rows, window) = (job.rows, Window::of(job));
    let workers = threads
        .into_iter()
        .map(|mut peer| {
            move |rng: &mut Rng| {
                let id = rng.id(rows);
                if writes(rng) {
                    return Ok(step(peer.bump(id)?));
                }
                check_point(&peer.read(id)?, id)?;
                Ok(Step::Read)
            }
        })
        .collect();
    let load = tokio::task::spawn_blocking(move || Load::run_blocking(workers, window)).await??;
    Ok(load.outcome(job))
}

fn writes(rng: &mut Rng) -> bool {
    rng.below(10) == 0
}

fn step(write: Write) -> Step {
    match write {
        Write::Done => Step::Write,
        Write::Busy => Step::Busy,
    }
}
