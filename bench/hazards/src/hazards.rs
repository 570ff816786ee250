//! The hazards on trial, and how one is tried on one pool.

use crate::cell::Found;
use crate::peer::{Need, Peer};
use crate::{Result, v01, v02, v03, v04, v05, v06, v07, v08, v09, v10, v11, v12};

/// A way in which a pool was seen to fail.
pub(crate) struct Hazard {
    pub(crate) name: &'static str,
    /// What a pool promises that is not struck by it.
    pub(crate) promise: &'static str,
    /// What a pool must have for it.
    pub(crate) needs: &'static [Need],
    /// Whether a trial that never ends is what it looks like.
    pub(crate) hangs: bool,
    /// Workers of the runtime; 0 is a runtime on the trial's own thread.
    workers: usize,
}

macro_rules! hazards {
    ($($name:literal $module:ident: $promise:literal,
        needs $needs:expr, hangs $hangs:literal, workers $workers:literal;)*) => {
        /// All, in the order of the rows.
        pub(crate) const ALL: &[Hazard] = &[$(Hazard {
            name: $name,
            promise: $promise,
            needs: &$needs,
            hangs: $hangs,
            workers: $workers,
        }),*];

        async fn try_on<P: Peer>(hazard: &Hazard) -> Result<Found> {
            match hazard.name {
                $($name => $module::run::<P>().await,)*
                other => Err(format!("no hazard `{other}`").into()),
            }
        }
    };
}

hazards! {
    "V1" v01: "a resize keeps the limit", needs [Need::Resize], hangs false, workers 0;
    "V2" v02: "one deadline for all steps", needs [Need::Deadline, Need::Check],
        hangs false, workers 0;
    "V3" v03: "no half-checked connection", needs [Need::Check], hangs false, workers 0;
    "V4" v04: "a panic costs no place", needs [], hangs true, workers 0;
    "V5" v05: "failing for good is told at once", needs [], hangs false, workers 0;
    "V6" v06: "nobody is overtaken", needs [], hangs false, workers 0;
    "V7" v07: "a dropped waiter passes it on", needs [], hangs true, workers 0;
    "V8" v08: "cancelled waits are not counted", needs [Need::WaitCount], hangs false, workers 0;
    "V9" v09: "a grow takes effect", needs [Need::Resize], hangs true, workers 0;
    "V10" v10: "idle ones are used first", needs [], hangs false, workers 0;
    "V11" v11: "a failure strands nobody", needs [], hangs true, workers 0;
    "V12" v12: "counters stay sane", needs [], hangs true, workers 4;
}

/// Tries `hazard` on a pool.
pub(crate) fn run<P: Peer>(hazard: &Hazard) -> Result<Found> {
    if let Some((_, reason)) = P::LACKS.iter().find(|(need, _)| hazard.needs.contains(need)) {
        return Ok(Found::Nothing { reason: (*reason).to_owned() });
    }
    let mut runtime = match hazard.workers {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.worker_threads(hazard.workers.max(1)).enable_all().build()?;
    let found = runtime.block_on(try_on::<P>(hazard));
    // What still hangs or spins must not keep a finished trial.
    runtime.shutdown_background();
    found
}
