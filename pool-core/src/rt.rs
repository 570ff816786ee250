//! What the engine needs of a runtime: to spawn, to sleep, to know which one it is in. All of tokio
//! that the engine names but `Notify` goes through here, so that a model checker can take its place.

#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod imp {
    use std::cell::Cell;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    pub(crate) use tokio::runtime::{Handle as Runtime, Id as RuntimeId};
    pub(crate) use tokio::time::Sleep;

    use crate::TaskId;
    use crate::clock::{self, Instant};

    /// Sleeps until `deadline`.
    pub(crate) fn sleep_until(deadline: Instant) -> Sleep {
        tokio::time::sleep_until(clock::to_tokio(deadline))
    }

    /// The runtime of the caller.
    pub(crate) fn current() -> Option<Runtime> {
        Runtime::try_current().ok()
    }

    /// The runtime of the caller, who runs in `task` and is woken by `waker`: looking it up touches a
    /// count that all threads share. A task stays in its runtime; one that drives other runtimes itself
    /// has another waker in each. (Tasks of a `LocalSet` go wherever that is driven, so whatever hangs on
    /// it for long looks by [`current`].)
    #[inline]
    pub(crate) fn current_id(task: Option<TaskId>, waker: &Waker) -> Option<RuntimeId> {
        const KNOWN: usize = 64;
        type Home = (u64, usize, Option<RuntimeId>);
        thread_local! {
            static HOMES: [Cell<Home>; KNOWN] = const { [const { Cell::new((0, 0, None)) }; KNOWN] };
        }
        let Some(task) = task.map(TaskId::get) else {
            return current().map(|runtime| runtime.id());
        };
        let (place, waker) = (task as usize % KNOWN, waker.data().addr());
        if let Ok((known, its_waker, home)) = HOMES.try_with(|homes| homes[place].get())
            && (known, its_waker) == (task, waker)
        {
            return home;
        }
        let home = current().map(|runtime| runtime.id());
        // While the thread ends there may be none left.
        let _ = HOMES.try_with(|homes| homes[place].set((task, waker, home)));
        home
    }

    /// Runs `future` in a task of `runtime`; drops it if that is shutting down.
    pub(crate) fn spawn(runtime: &Runtime, future: impl Future<Output = ()> + Send + 'static) {
        drop(runtime.spawn(future));
    }

    /// Pending, and woken at once, when the task has used up its budget of cooperative scheduling.
    pub(crate) fn consume_budget(cx: &mut Context<'_>) -> Poll<()> {
        pin!(tokio::task::coop::consume_budget()).poll(cx)
    }

    /// Whether to look at the budget: every so many times, as it costs a good part of an acquire.
    #[inline]
    pub(crate) fn budget_is_due() -> bool {
        thread_local! {
            static TURN: Cell<u32> = const { Cell::new(0) };
        }
        let next = TURN.try_with(|turn| turn.replace(turn.get().wrapping_add(1)));
        next.is_ok_and(|turn| turn % 8 == 0)
    }

    /// The task of the caller.
    pub(crate) fn task() -> Option<tokio::task::Id> {
        tokio::task::try_id()
    }
}

#[cfg(any(wellspring_loom, wellspring_shuttle))]
use crate::model as imp;

pub(crate) use imp::{
    Runtime, RuntimeId, Sleep, budget_is_due, consume_budget, current, current_id, sleep_until,
    spawn, task,
};

use std::time::Duration;

/// Sleeps for some time from now.
pub(crate) fn sleep(time: Duration) -> Sleep {
    sleep_until(crate::clock::after(crate::clock::now(), time))
}
