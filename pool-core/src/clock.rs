//! The pool's clock: tokio's, so that tests can pause it. Under a model checker, the model's.

use std::time::Duration;

pub(crate) use tokio::time::Instant;

/// Longer than any process lives; what "never" becomes where an instant is needed.
pub(crate) const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// Now.
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(any(wellspring_loom, wellspring_shuttle))]
pub(crate) use crate::model::now;

/// `start + delay`, saturating instead of overflowing.
pub(crate) fn after(start: Instant, delay: Duration) -> Instant {
    start.checked_add(delay.min(FAR)).unwrap_or(start)
}
