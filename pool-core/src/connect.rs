//! Opening connections on the pool's behalf: bounded, supervised, with pauses after failures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use crate::clock::{self, Instant};
use crate::entry::Entry;
use crate::guarded::{Ended, guarded};
use crate::shared::{Permit, Shared};
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
        let signals = Arc::clone(&pool.signals);
        {
            let mut closed = pin!(signals.closed.notified());
            // Listening before looking: a close in between is not missed.
            closed.as_mut().enable();
            let is_closed = pool.peek(|state, _| state.is_closed());
            drop(pool);
            if !is_closed {
                let mut pause = pin!(tokio::time::sleep(pause));
                std::future::poll_fn(|cx| {
                    match (closed.as_mut().poll(cx), pause.as_mut().poll(cx)) {
                        (std::task::Poll::Pending, std::task::Poll::Pending) => {
                            std::task::Poll::Pending
                        }
                        _ => std::task::Poll::Ready(()),
                    }
                })
                .await;
            }
        }
        let Some(pool) = permit.pool.upgrade() else {
            return;
        };
        let needed = pool.peek(|state, rules| {
            let needed = state.connect_needed(rules);
            if !needed {
                state.stop_backing_off();
            }
            needed
        });
        if !needed {
            permit.give_back(&pool, clock::now());
            return;
        }
    }
}

/// Opens one connection for a caller who wants to know how it went. Tries once.
pub(crate) async fn once<M: Manager>(permit: Permit<M>) -> Result<(), ConnectError<M::Error>> {
    let Some(pool) = permit.pool.upgrade() else {
        return Err(ConnectError::Closed);
    };
    attempt(&pool, permit).await.map_err(|(error, failed_at, permit)| {
        let failures = pool.peek(|state, _| state.note_connect_failure());
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
            uses: 0,
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
            pool.emit(&Event::Connected { id, took });
            let forgotten = pool.change(|state, rules, actions| {
                let forgotten = state.connected(slot, entry.expires, actions);
                state.admit(rules, entry, true, now, actions);
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
    let retrying = permit.retrying;
    let now = clock::now();
    let ((retry, _forgotten), failures, since) = pool.change(|state, rules, actions| {
        let since = *state.failing_since.get_or_insert(now);
        let retry = state.connect_failed(rules, error, permanent, retrying, actions);
        (retry, state.connect_failures, since)
    });
    permit.retrying = retry;
    let outage = now.saturating_duration_since(since);
    let pause = retry.then(|| pause(&pool.options, class, outage));
    tracing::debug!(pool = &*pool.name, %error, failures, ?pause, "connect failed");
    pool.emit(&Event::ConnectFailed { error: &**error, failures, retry_in: pause });
    pause
}

/// Full jitter: anything between nothing and a bound. The bound grows with the outage, of which it is
/// a hundredth, so that its end is never noticed later than that; one task asks for everybody.
fn pause(options: &PoolOptions, class: FailureClass, outage: Duration) -> Duration {
    let bound = (outage / 100).max(options.connect_backoff);
    let bound = if class == FailureClass::Overload { bound.saturating_mul(8) } else { bound };
    bound.min(options.connect_backoff_max).mul_f64(fastrand::f64())
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
    fn pauses_grow_to_their_bound_and_not_beyond() {
        let options = PoolOptions::default();
        for (outage, bound) in [
            (Duration::ZERO, options.connect_backoff),
            (Duration::from_secs(2), Duration::from_millis(20)),
            (Duration::from_secs(60), Duration::from_millis(600)),
            (Duration::MAX, options.connect_backoff_max),
        ] {
            for _ in 0..50 {
                assert!(pause(&options, FailureClass::Transient, outage) <= bound, "{outage:?}");
                let overload = pause(&options, FailureClass::Overload, outage);
                assert!(overload <= bound * 8 && overload <= options.connect_backoff_max);
            }
        }
    }

    #[test]
    fn lifetimes_are_shortened_by_at_most_their_jitter() {
        let options = PoolOptions::default();
        let limit = options.max_lifetime.unwrap();
        let drawn: Vec<Duration> = (0..100).map(|_| lifetime(&options).unwrap()).collect();
        assert!(drawn.iter().all(|d| *d <= limit && *d >= limit.mul_f64(0.9)));
        assert!(drawn.iter().any(|d| *d != drawn[0]), "all the same");
    }
}
