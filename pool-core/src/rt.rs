//! What the engine needs of a runtime: to spawn, to sleep, to know which one it is in. All of tokio
//! that the engine names but `Notify` goes through here, so that a model checker can take its place.

#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod imp {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll};

    pub(crate) use tokio::runtime::{Handle as Runtime, Id as RuntimeId};
    pub(crate) use tokio::time::{Sleep, sleep_until};

    /// The runtime of the caller.
    pub(crate) fn current() -> Option<Runtime> {
        Runtime::try_current().ok()
    }

    /// Runs `future` in a task of `runtime`; drops it if that is shutting down.
    pub(crate) fn spawn(runtime: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
        drop(runtime.spawn(future));
    }

    /// Pending, and woken at once, when the task has used up its budget of cooperative scheduling.
    pub(crate) fn consume_budget(cx: &mut Context<'_>) -> Poll<()> {
        pin!(tokio::task::coop::consume_budget()).poll(cx)
    }

    /// The task of the caller.
    pub(crate) fn task() -> Option<tokio::task::Id> {
        tokio::task::try_id()
    }
}

#[cfg(any(wellspring_loom, wellspring_shuttle))]
use crate::model as imp;

pub(crate) use imp::{
    Runtime, RuntimeId, Sleep, consume_budget, current, sleep_until, spawn, task,
};

use std::time::Duration;

/// Sleeps for some time from now.
pub(crate) fn sleep(time: Duration) -> Sleep {
    sleep_until(crate::clock::after(crate::clock::now(), time))
}
