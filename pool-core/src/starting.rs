//! Opening connections before anybody asks for one: start and warm-up.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::sync::futures::Notified;

use crate::clock::{self, Instant};
use crate::state::Reserve;
use crate::{ConnectError, Manager, Pool, Startup, connect, rt};

impl<M: Manager> Pool<M> {
    /// Does what [`startup`](crate::PoolOptions::startup) says: nothing; or proves that connections
    /// can be opened, by opening one, and opens the rest of `initial_size` in the background; or
    /// opens all of `initial_size` and `min_idle`. What the application does first, to fail early and
    /// clearly.
    ///
    /// # Errors
    /// The first failure to connect, without trying again; connections that were opened stay.
    ///
    /// # Cancel safety
    /// Connects under way go on when the future is dropped.
    pub async fn start(&self) -> Result<(), ConnectError<M::Error>> {
        let options = &self.shared.options;
        match options.startup {
            Startup::Lazy => Ok(()),
            Startup::Probe => {
                self.open_up_to(1).await?;
                if options.initial_size > 1 {
                    // It works, as the first one has shown; what fails now is told to those who need it.
                    let size = options.initial_size;
                    self.shared.change(|state, rules, actions| {
                        state.fill(rules, size, clock::now(), actions);
                    });
                }
                Ok(())
            }
            Startup::Fill => {
                self.open_up_to(options.initial_size.max(options.min_idle).max(1)).await
            }
        }
    }

    /// Opens connections until the pool has `size` of them, at most `max_connecting` at a time, and
    /// leaves them idle.
    ///
    /// # Errors
    /// The first failure to connect, without trying again; connections that were opened stay.
    /// [`ConnectError::TooMany`] for more than `max_size` or `max_idle`;
    /// [`ConnectError::BreakerOpen`]; [`ConnectError::TimedOut`] when for `connect_timeout` nothing
    /// could be opened, as others take all the room.
    ///
    /// # Cancel safety
    /// Connects under way go on when the future is dropped.
    pub async fn warm_up(&self, size: usize) -> Result<(), ConnectError<M::Error>> {
        let most = self.shared.peek(|state, _| state.most_kept());
        if size > most {
            return Err(ConnectError::TooMany { asked: size, most });
        }
        self.open_up_to(size).await
    }

    async fn open_up_to(&self, size: usize) -> Result<(), ConnectError<M::Error>> {
        // What it waits for in vain, it does not wait for any more, however it ends.
        let _settle = Settle(self);
        let shared = &self.shared;
        let limit = shared.options.connect_timeout;
        let mut missing = size.saturating_sub(shared.peek(|state, _| state.living()));
        let mut started = Vec::new();
        let mut deadline = clock::after(clock::now(), limit);
        loop {
            let mut settled = pin!(shared.signals.settled.notified());
            // Listening before looking: what settles in between is not missed.
            settled.as_mut().enable();
            let now = clock::now();
            match shared.change(|state, rules, actions| state.reserve(rules, size, now, actions)) {
                Reserve::Slot(slot, id) => {
                    started.push(self.open(slot, id));
                    deadline = clock::after(now, limit);
                    continue;
                }
                Reserve::Enough => return Ok(()),
                Reserve::Closed => return Err(ConnectError::Closed),
                Reserve::Refused { retry_in } => {
                    return Err(ConnectError::BreakerOpen { retry_in });
                }
                Reserve::Wait => {}
            }
            if let Some(told) = started.pop() {
                // Bounded by its own deadline, which begins when it does.
                told.await.unwrap_or(Err(ConnectError::Closed))?;
                // Proved, whether or not the pool has kept them all.
                missing = missing.saturating_sub(1);
                if missing == 0 {
                    return Ok(());
                }
                deadline = clock::after(clock::now(), limit);
            } else if now >= deadline {
                return Err(ConnectError::TimedOut { limit });
            } else {
                wait_until(&mut settled, deadline).await;
            }
        }
    }

    /// Opens one connection in the background, and tells how it went.
    fn open(&self, slot: u32, id: crate::ConnectionId) -> Told<M> {
        let permit = self.shared.permit(slot, id);
        let (tell, told) = tokio::sync::oneshot::channel();
        self.shared.spawn(async move {
            // The receiver may have lost interest; the connection is the pool's anyway.
            let _ = tell.send(connect::once(permit).await);
        });
        told
    }
}

/// Lets the pool look around when a warm-up ends.
struct Settle<'p, M: Manager>(&'p Pool<M>);

impl<M: Manager> Drop for Settle<'_, M> {
    fn drop(&mut self) {
        self.0.shared.change(|state, rules, actions| state.pump(rules, clock::now(), actions));
    }
}

type Told<M> = tokio::sync::oneshot::Receiver<Result<(), ConnectError<<M as Manager>::Error>>>;

async fn wait_until(settled: &mut Pin<&mut Notified<'_>>, deadline: Instant) {
    let mut late = pin!(rt::sleep_until(deadline));
    poll_fn(|cx| match (settled.as_mut().poll(cx), late.as_mut().poll(cx)) {
        (Poll::Pending, Poll::Pending) => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
}
