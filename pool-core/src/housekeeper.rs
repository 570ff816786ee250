//! The one background task of a pool that looks after time: idle and old connections, unclaimed
//! grants, the minimum of idle ones.
//!
//! It holds the pool only while it works, sleeps until something is due, and does not wake at all
//! when nothing can become due. If its runtime dies, the next use of the pool starts another.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;

use crate::Manager;
use crate::clock;
use crate::rt;
use crate::shared::Shared;
use crate::sync::{Arc, Weak};

/// When to look again after a round that panicked.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// The duty of keeping house, held by at most one task: dropping it lets another take over.
pub(crate) struct Duty<M: Manager> {
    pool: Weak<Shared<M>>,
    bell: Arc<Notify>,
    number: u64,
}

impl<M: Manager> Duty<M> {
    pub(crate) fn new(pool: Weak<Shared<M>>, bell: Arc<Notify>, number: u64) -> Self {
        Self { pool, bell, number }
    }
}

impl<M: Manager> Drop for Duty<M> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let number = self.number;
            pool.change(|state, _, actions| state.unwatch(number, actions));
        }
    }
}

/// What a round came to.
enum Round {
    Next(Option<clock::Instant>),
    /// Another keeps house now, or there is none to keep.
    Dismissed,
}

pub(crate) async fn run<M: Manager>(duty: Duty<M>) {
    let mut has_timers = false;
    loop {
        let Some(pool) = duty.pool.upgrade() else {
            return;
        };
        let round = catch_unwind(AssertUnwindSafe(|| round(&pool, duty.number, has_timers)));
        let next = match round {
            Ok(Round::Next(next)) => next,
            Ok(Round::Dismissed) => return,
            Err(_) => {
                tracing::error!(pool = &*pool.name, "housekeeping panicked");
                Some(clock::after(clock::now(), AFTER_PANIC))
            }
        };
        drop(pool);
        let mut poked = pin!(duty.bell.notified());
        match next {
            None => poked.await,
            Some(next) => {
                // Panics where the runtime has none.
                let mut due = pin!(rt::sleep_until(next));
                has_timers = true;
                poll_fn(|cx| match (poked.as_mut().poll(cx), due.as_mut().poll(cx)) {
                    (Poll::Pending, Poll::Pending) => Poll::Pending,
                    _ => Poll::Ready(()),
                })
                .await;
            }
        }
    }
}

fn round<M: Manager>(pool: &Shared<M>, duty: u64, has_timers: bool) -> Round {
    clock::follow_tests();
    let runtime = rt::current().filter(|_| has_timers).map(|runtime| runtime.id());
    pool.change(|state, rules, actions| {
        if state.is_closed() || !state.is_on_duty(duty) {
            return Round::Dismissed;
        }
        if let Some(runtime) = runtime {
            state.watch_from(runtime);
        }
        Round::Next(state.housekeep(rules, clock::now(), actions))
    })
}
