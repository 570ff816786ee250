//! The one background task of a pool that looks after time: idle and old connections, unclaimed
//! grants, the minimum of idle ones.
//!
//! It holds the pool only while it works, sleeps until something is due, and does not wake at all
//! when nothing can become due. If its runtime dies, the next use of the pool starts another.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::Handle;

use crate::Manager;
use crate::clock;
use crate::shared::{Shared, Signals};
use crate::sync::{Arc, Weak};

/// The duty of keeping house, held by at most one task: dropping it lets another take over.
pub(crate) struct Duty<M: Manager> {
    pool: Weak<Shared<M>>,
    signals: Arc<Signals>,
}

impl<M: Manager> Duty<M> {
    pub(crate) fn new(pool: Weak<Shared<M>>, signals: Arc<Signals>) -> Self {
        Self { pool, signals }
    }
}

impl<M: Manager> Drop for Duty<M> {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.change(|state, _, actions| state.unwatch(actions));
        }
    }
}

pub(crate) async fn run<M: Manager>(duty: Duty<M>) {
    let mut has_timers = false;
    loop {
        let Some(pool) = duty.pool.upgrade() else {
            return;
        };
        let (next, closed) = pool.change(|state, rules, actions| {
            if has_timers {
                state.watch_from(Handle::current().id());
            }
            (state.housekeep(rules, clock::now(), actions), state.is_closed())
        });
        drop(pool);
        if closed {
            return;
        }
        let mut poked = pin!(duty.signals.housekeeper.notified());
        match next {
            None => poked.await,
            Some(next) => {
                // Panics where the runtime has none.
                let mut due = pin!(tokio::time::sleep_until(next));
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
