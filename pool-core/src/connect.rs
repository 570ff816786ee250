//! Opening connections on the pool's behalf: bounded, supervised, with pauses after failures.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use crate::clock::{self, Instant};
use crate::entry::{Entry, Special, Timing};
use crate::guarded::{Ended, guarded};
use crate::rt;
use crate::shared::{Permit, Shared};
use crate::state::{Arrival, FailedConnect, OVERLOADED, Verdict};
use crate::sync::Arc;
use crate::{ConnectError, Event, FailureClass, Manager, PoolOptions, WorkStats};

/// Opens one connection for the pool, trying again with growing pauses for as long as it is
/// needed. The pool is held only while an attempt runs, never while pausing.
pub(crate) async fn supervise<M: Manager>(mut permit: Permit<M>) {
    loop {
        let Some(pool) = permit.pool.upgrade() else {
            return;
        };
        let (error, failed_at) = match attempt(&pool, permit).await {
            Ok(()) => return,
            Err((error, failed_at, back)) => {
                permit = back;
                (error, failed_at)
            }
        };
        let Some(pause) = after_failure(&pool, &mut permit, &Arc::new(error)) else {
            permit.give_back(&pool, failed_at);
            return;
        };
        rest(pool, pause).await;
        let Some(pool) = permit.pool.upgrade() else {
            return;
        };
        let (slot, now) = (permit.slot, clock::now());
        if !pool.peek(|state, rules| state.resume_connecting(rules, slot, now)) {
            permit.give_back(&pool, now);
            return;
        }
    }
}

/// Pauses, unless there is a reason to look again sooner.
async fn rest<M: Manager>(pool: Arc<Shared<M>>, pause: Duration) {
    let signals = Arc::clone(&pool.signals);
    let mut ended = pin!(signals.end_pause.notified());
    // Listening before looking: a close in between is not missed.
    ended.as_mut().enable();
    let is_closed = pool.peek(|state, _| state.is_closed());
    drop(pool);
    if is_closed {
        return;
    }
    let mut pause = pin!(rt::sleep(pause));
    poll_fn(|cx| match (ended.as_mut().poll(cx), pause.as_mut().poll(cx)) {
        (Poll::Pending, Poll::Pending) => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
}

/// Opens one connection for a caller who wants to know how it went. Tries once.
pub(crate) async fn once<M: Manager>(permit: Permit<M>) -> Result<(), ConnectError<M::Error>> {
    let Some(pool) = permit.pool.upgrade() else {
        return Err(ConnectError::Closed);
    };
    attempt(&pool, permit).await.map_err(|(error, failed_at, permit)| {
        let failures = pool.change(|state, _, actions| {
            state.note_connect_failure(permit.slot, failed_at, actions);
            state.circuit.failures()
        });
        pool.emit(&Event::ConnectFailed { error: &error, failures, retry_in: None });
        permit.give_back(&pool, failed_at);
        error
    })
}

type Failed<M> = (ConnectError<<M as Manager>::Error>, Instant, Permit<M>);

/// One attempt; on success the connection is the pool's, and the permit with it.
async fn attempt<M: Manager>(pool: &Shared<M>, permit: Permit<M>) -> Result<(), Failed<M>> {
    let start = clock::now();
    let limit = pool.options.connect_timeout;
    let (slot, id) = (permit.slot, permit.id);
    // What is made for a world that has been declared over meanwhile is not used.
    let generation = pool.peek(|state, _| state.generation());
    let ended = guarded(&pool.signals, limit, || async {
        let connection = pool.manager.connect().await?;
        let born = clock::now();
        let mut entry = Box::new(Entry {
            connection,
            id,
            slot,
            created: born,
            expires: lifetime(&pool.options).map(|limit| clock::after(born, limit)),
            idle_since: born,
            proven_at: born,
            checked_out_at: born,
            good_until: born,
            open_until: born,
            timing: Timing::new(born),
            granted_at: born,
            awaited_until: born,
            special: Special::default(),
            was_idle: false,
            uses: 0,
            tag: None,
            generation,
            keepalive_at: None,
            work: WorkStats::default(),
            recent: WorkStats::default(),
            preparation: Duration::ZERO,
        });
        crate::background::run_hook(pool.hooks.after_connect.as_ref(), &mut entry).await?;
        Ok(entry)
    })
    .await;
    let now = clock::now();
    let took = now.saturating_duration_since(start);
    pool.recorders.connect.record(took);
    let error = match ended {
        Ended::Done(Ok(mut entry)) => {
            permit.disarm();
            entry.preparation = took;
            entry.idle_since = now;
            entry.prove(now, pool.options.keepalive);
            pool.emit(&Event::Connected { id, took });
            let forgotten = pool.change(|state, rules, actions| {
                let forgotten = state.connected(slot, entry.expires, now, actions);
                state.admit(rules, entry, Arrival::Fresh, now, actions);
                // One lane is free again: others may be waiting for it.
                state.pump(rules, now, actions);
                forgotten
            });
            drop(forgotten);
            return Ok(());
        }
        Ended::Done(Err(error)) => ConnectError::Failed(error),
        Ended::TimedOut => ConnectError::TimedOut { limit },
        Ended::Panicked(message) => ConnectError::Panicked { message },
        Ended::Aborted => ConnectError::Closed,
    };
    Err((error, now, permit))
}

/// Books a failure. `Some` pause when this task shall try again.
fn after_failure<M: Manager>(
    pool: &Shared<M>,
    permit: &mut Permit<M>,
    error: &Arc<ConnectError<M::Error>>,
) -> Option<Duration> {
    let class = catch_unwind(AssertUnwindSafe(|| error.class(&pool.manager)));
    let class = class.unwrap_or(FailureClass::Transient);
    let permanent = class == FailureClass::Permanent;
    let failed = FailedConnect { slot: permit.slot, error, permanent, retrying: permit.retrying };
    let now = clock::now();
    let ((verdict, forgotten), failures) = pool.change(|state, rules, actions| {
        (state.connect_failed(rules, &failed, now, actions), state.circuit.failures())
    });
    drop(forgotten);
    let most = pool.options.connect_retry.max_pause;
    let pause = match (verdict, class) {
        (Verdict::GiveBack, _) => None,
        (Verdict::Retry(pause), FailureClass::Overload) => {
            Some(pause.saturating_mul(OVERLOADED).min(most))
        }
        (Verdict::Retry(pause), _) => Some(pause),
    };
    permit.retrying = pause.is_some();
    tracing::debug!(pool = &*pool.name, %error, failures, ?pause, "connect failed");
    pool.emit(&Event::ConnectFailed { error: &**error, failures, retry_in: pause });
    pause
}

/// How long a connection born now may live: shortened by its share of the jitter.
fn lifetime(options: &PoolOptions) -> Option<Duration> {
    let limit = options.max_lifetime?;
    let jitter = options.max_lifetime_jitter * fastrand::f64();
    Some(limit.min(clock::FAR).mul_f64(1.0 - jitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_shortened_by_at_most_their_jitter() {
        let options = PoolOptions::default();
        let limit = options.max_lifetime.unwrap();
        let drawn: Vec<Duration> = (0..100).map(|_| lifetime(&options).unwrap()).collect();
        assert!(drawn.iter().all(|d| *d <= limit && *d >= limit.mul_f64(0.9)));
        assert!(drawn.iter().any(|d| *d != drawn[0]), "all the same");
    }
}
