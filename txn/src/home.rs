//! The place a [`Tx`](crate::Tx) brings its connection back to when it is dropped.
//!
//! The closure of a transaction gets its `Tx` by value and cannot hand it back; its `Drop` does.
//! Whoever runs the closure looks here afterwards. A place found empty means that the `Tx` escaped.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wellspring_connector::Error;

use crate::half_done::HalfDone;
use crate::open::Open;

/// What a scope's `Tx` brought back.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(crate) open: Open,
    /// A savepoint that was left half-way, and is to be brought to its end first.
    pub(crate) half: Option<HalfDone>,
    /// An error was seen after which the whole transaction may be run again.
    pub(crate) retryable: Option<Error>,
    /// The transaction is to be rolled back, whatever its closure returns.
    pub(crate) rollback_only: bool,
}

#[derive(Debug, Default)]
enum State {
    /// The `Tx` is out.
    #[default]
    Awaiting,
    Returned(Returned),
    /// The scope is over; nobody will look any more.
    Over,
}

#[derive(Debug, Default)]
pub(crate) struct Home(Mutex<State>);

impl Home {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a connection back. After the scope's end it is abandoned.
    pub(crate) fn bring(&self, returned: Returned) {
        let mut state = self.lock();
        let stray = match &*state {
            State::Over => Some(returned),
            State::Awaiting | State::Returned(_) => {
                match std::mem::replace(&mut *state, State::Returned(returned)) {
                    State::Returned(earlier) => Some(earlier),
                    State::Awaiting | State::Over => None,
                }
            }
        };
        drop(state);
        // Dropping runs the lender's code: outside the lock.
        drop(stray);
    }

    /// Ends the scope. `None` when the `Tx` has not come back.
    pub(crate) fn end(&self) -> Option<Returned> {
        match std::mem::replace(&mut *self.lock(), State::Over) {
            State::Returned(returned) => Some(returned),
            State::Awaiting | State::Over => None,
        }
    }

    /// The scope is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(*self.lock(), State::Over)
    }
}
