//! What is done to connections in tasks of the pool's own: proving alive, cleaning, closing.
//!
//! Each task owns its connection through [`Held`]: wherever it ends, the slot comes back.

use std::time::Duration;

use crate::clock;
use crate::entry::Entry;
use crate::guarded::{Ended, guarded};
use crate::hooks::Hook;
use crate::shared::Held;
use crate::state::Arrival;
use crate::{CloseReason, ConnectError, Event, Hygiene, Manager};

/// Proves an idle connection alive and runs the hook before hand-out; then it goes to whoever is
/// first in line.
pub(crate) async fn prepare<M: Manager>(mut held: Held<M>) {
    let pool = crate::sync::Arc::clone(&held.pool);
    let limit = pool.options.validation_timeout;
    let entry = held.entry();
    let validate = match pool.options.validate {
        crate::Validate::Never => false,
        crate::Validate::Always => true,
        crate::Validate::Idle(idle) => {
            clock::now().saturating_duration_since(entry.proven_at) > idle
        }
    };
    let start = clock::now();
    let ended = guarded(&pool.signals, limit, || async {
        if validate {
            pool.manager.validate(&mut entry.connection).await?;
        }
        run_hook(pool.hooks.before_acquire.as_ref(), entry).await
    })
    .await;
    let took = clock::now().saturating_duration_since(start);
    if validate {
        pool.recorders.validate.record(took);
    }
    finish(held, ended, Purpose::HandOut, limit, took);
    if pool.options.keepalive.is_some() {
        pool.change(|state, _, actions| state.after_keepalive(clock::now(), actions));
    }
}

/// Proves an idle connection alive that has been silent for long; nobody waits for it in particular,
/// and its time of being idle goes on.
pub(crate) async fn keepalive<M: Manager>(mut held: Held<M>) {
    let pool = crate::sync::Arc::clone(&held.pool);
    let limit = pool.options.validation_timeout;
    let start = clock::now();
    let connection = &mut held.entry().connection;
    let ended = guarded(&pool.signals, limit, || pool.manager.validate(connection)).await;
    pool.recorders.validate.record(clock::now().saturating_duration_since(start));
    finish(held, ended, Purpose::KeepAlive, limit, Duration::ZERO);
    pool.change(|state, _, actions| state.after_keepalive(clock::now(), actions));
}

/// Cleans a returned connection and runs the hook on release.
pub(crate) async fn reset<M: Manager>(mut held: Held<M>) {
    let pool = crate::sync::Arc::clone(&held.pool);
    let limit = pool.options.reset_timeout;
    let entry = held.entry();
    let start = clock::now();
    let mut cleaned = false;
    let ended = guarded(&pool.signals, limit, || async {
        let dirty = pool.options.reset == crate::ResetPolicy::Always
            || pool.manager.hygiene(&mut entry.connection) != crate::Hygiene::Clean;
        if dirty {
            // Whatever its holders set up on it may be gone.
            entry.tag = None;
            pool.manager.reset(&mut entry.connection, pool.options.reset_mode).await?;
            cleaned = true;
        }
        run_hook(pool.hooks.after_release.as_ref(), entry).await
    })
    .await;
    let took = clock::now().saturating_duration_since(start);
    pool.recorders.reset.record(took);
    if cleaned {
        pool.peek(|state, _| state.counters.resets += 1);
    }
    finish(held, ended, Purpose::Return, limit, Duration::ZERO);
}

/// Closes a connection politely, and gives its slot back.
pub(crate) async fn close<M: Manager>(mut held: Held<M>) {
    let pool = crate::sync::Arc::clone(&held.pool);
    let Entry { connection, slot, id, .. } = *held.disarm();
    let permit = pool.permit(slot, id);
    let limit = pool.options.close_timeout;
    match guarded(&pool.signals, limit, || pool.manager.close(connection)).await {
        Ended::Done(()) => {}
        Ended::TimedOut => {
            tracing::warn!(pool = &*pool.name, %id, ?limit, "close timed out, connection dropped");
        }
        Ended::Panicked(message) => {
            tracing::error!(pool = &*pool.name, %id, message, "close panicked");
        }
        Ended::Aborted => {}
    }
    permit.give_back(&pool, clock::now());
}

pub(crate) async fn run_hook<C, E>(
    hook: Option<&Hook<C, E>>,
    entry: &mut Entry<C>,
) -> Result<(), E> {
    match hook {
        Some(hook) => {
            let info = entry.info();
            hook(&mut entry.connection, info).await
        }
        None => Ok(()),
    }
}

/// What a connection was worked on for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// To be handed out next: nothing more is asked of it.
    HandOut,
    /// To be taken back in.
    Return,
    /// To be idle again.
    KeepAlive,
}

/// Puts a prepared connection back into the pool's hands, or closes it.
fn finish<M: Manager>(
    mut held: Held<M>,
    ended: Ended<Result<(), M::Error>>,
    purpose: Purpose,
    limit: Duration,
    preparation: Duration,
) {
    let pool = crate::sync::Arc::clone(&held.pool);
    let message = match ended {
        Ended::Done(Ok(())) => None,
        Ended::Done(Err(error)) => Some(ConnectError::Failed(error).to_string()),
        Ended::TimedOut => Some(format!("took longer than {limit:?}")),
        Ended::Panicked(message) => Some(format!("panicked: {message}")),
        Ended::Aborted => Some("the pool was aborted".to_owned()),
    };
    let now = clock::now();
    if let Some(message) = &message {
        let reason = match purpose {
            Purpose::HandOut | Purpose::KeepAlive => CloseReason::Invalid,
            Purpose::Return => CloseReason::ResetFailed,
        };
        tracing::debug!(pool = &*pool.name, id = %held.id(), ?reason, message, "connection unfit");
        pool.emit(&Event::PreparationFailed { id: held.id(), reason, message });
        if pool.hygiene(&mut held.entry().connection) == Hygiene::Stuck {
            let slot = held.entry().slot;
            pool.change(|state, rules, actions| {
                state.abandon(slot, now, actions);
                state.pump(rules, now, actions);
            });
            return pool.give_up(*held.disarm());
        }
        pool.change(|state, rules, actions| {
            state.close(held.disarm(), reason, now, actions);
            state.pump(rules, now, actions);
        });
    } else {
        let entry = held.entry();
        entry.prove(now, pool.options.keepalive);
        entry.preparation = preparation;
        let arrival = match purpose {
            Purpose::HandOut => Arrival::Prepared,
            Purpose::Return | Purpose::KeepAlive => Arrival::Returned,
        };
        pool.change(|state, rules, actions| {
            state.admit(rules, held.disarm(), arrival, now, actions);
        });
    }
}
