//! A circuit breaker for callers: the pool's own rules, around work of theirs.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::ConfigError;
use crate::circuit::{Admission, BreakerOptions, BreakerState, Circuit};
use crate::clock;
use crate::sync::{Arc, Mutex};

/// A circuit breaker: after some failures in a row it refuses work at once instead of letting each
/// caller find out for himself, and after a while lets a probe through to see whether it may close.
///
/// A pool has one of its own around connecting
/// ([`PoolOptions::breaker`](crate::PoolOptions::breaker)); this one is for anything else. Cheap to
/// clone; all clones are the same breaker.
///
/// ```
/// use wellspring_pool_core::{Breaker, BreakerError, BreakerOptions, BreakerState};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let breaker = Breaker::new(BreakerOptions { failures: 2, ..BreakerOptions::default() })?;
/// for _ in 0..2 {
///     let failed = breaker.call(async { Err::<(), _>("server is down") }).await;
///     assert!(matches!(failed, Err(BreakerError::Failed(_))));
/// }
/// assert_eq!(breaker.state(), BreakerState::Open);
/// let refused = breaker.call(async { Ok::<_, &str>(1) }).await;
/// assert!(matches!(refused, Err(BreakerError::Open { .. })));
///
/// breaker.reset();
/// assert!(breaker.call(async { Ok::<_, &str>(1) }).await.is_ok());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Breaker {
    circuit: Arc<Mutex<Circuit>>,
}

impl Breaker {
    /// A closed breaker.
    ///
    /// # Errors
    /// The first option that is wrong.
    pub fn new(options: BreakerOptions) -> Result<Self, ConfigError> {
        options.check()?;
        let circuit = Circuit::new(options, Duration::ZERO);
        Ok(Self { circuit: Arc::new(Mutex::new(circuit)) })
    }

    /// Runs `work` unless the breaker is open, and counts how it ends.
    ///
    /// # Errors
    /// [`BreakerError::Open`] without having polled `work`; [`BreakerError::Failed`] with its error.
    ///
    /// # Cancel safety
    /// Dropping the future drops `work` and counts neither as success nor as failure; a probe that
    /// was dropped leaves its place to the next.
    pub async fn call<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, BreakerError<E>> {
        let permit = match self.try_begin() {
            Ok(permit) => permit,
            Err(retry_in) => return Err(BreakerError::Open { retry_in }),
        };
        match work.await {
            Ok(value) => {
                permit.succeeded();
                Ok(value)
            }
            Err(error) => {
                permit.failed();
                Err(BreakerError::Failed(error))
            }
        }
    }

    /// Asks whether work may begin; the permit is told how it ended. For callers to whom not every
    /// error is a failure.
    ///
    /// # Errors
    /// How long the breaker stays open; zero when it is half open with all its probes under way.
    pub fn try_begin(&self) -> Result<BreakerPermit, Duration> {
        let mut circuit = self.circuit.lock();
        let probe = match circuit.ask(clock::now()) {
            Admission::Pass => false,
            Admission::Probe { .. } => {
                circuit.begin_probe();
                true
            }
            Admission::Refused { retry_in } => return Err(retry_in),
        };
        let epoch = circuit.epoch();
        drop(circuit);
        Ok(BreakerPermit { breaker: self.clone(), probe, epoch, told: false })
    }

    /// Closed, open or half open.
    pub fn state(&self) -> BreakerState {
        self.circuit.lock().state(clock::now())
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.circuit.lock().failures()
    }

    /// How often it has opened.
    pub fn opened(&self) -> u64 {
        self.circuit.lock().opened()
    }

    /// Opens it by hand, for `open_for`.
    pub fn open(&self) {
        self.circuit.lock().open(clock::now());
    }

    /// Closes it by hand and forgets the failures.
    pub fn reset(&self) {
        self.circuit.lock().reset();
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("state", &self.state())
            .field("failures", &self.failures())
            .finish()
    }
}

/// Leave to do something under a [`Breaker`]. Dropped without a word it counts as nothing.
#[derive(Debug)]
#[must_use = "tell it how the work ended"]
pub struct BreakerPermit {
    breaker: Breaker,
    probe: bool,
    epoch: u64,
    told: bool,
}

impl BreakerPermit {
    /// The work succeeded: the breaker closes, and the failures in a row are forgotten.
    pub fn succeeded(self) {
        self.tell(|circuit| {
            circuit.succeeded();
        });
    }

    /// The work failed.
    pub fn failed(self) {
        self.tell(|circuit| {
            circuit.failed(clock::now());
        });
    }

    fn tell(mut self, how: impl FnOnce(&mut Circuit)) {
        self.told = true;
        let mut circuit = self.breaker.circuit.lock();
        // What began before the breaker opened or closed says nothing about what came after.
        if circuit.epoch() == self.epoch {
            how(&mut circuit);
        }
    }
}

impl Drop for BreakerPermit {
    fn drop(&mut self) {
        if self.probe && !self.told {
            let mut circuit = self.breaker.circuit.lock();
            if circuit.epoch() == self.epoch {
                circuit.end_probe();
            }
        }
    }
}

/// How work under a [`Breaker`] failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerError<E> {
    /// It was not tried: the breaker is open.
    Open {
        /// For how much longer; zero when it is half open with all its probes under way.
        retry_in: Duration,
    },
    /// It was tried and failed.
    Failed(E),
}

impl<E: fmt::Display> fmt::Display for BreakerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { retry_in } => {
                write!(f, "circuit breaker open, next probe in {retry_in:.1?}")
            }
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for BreakerError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { .. } => None,
            Self::Failed(error) => Some(error),
        }
    }
}
