//! Telling how far a long piece of work has come.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

type Listener<'a, P> = Box<dyn FnMut(&P) + Send + 'a>;

/// Somebody who wants to hear of it, or nobody.
pub(crate) struct Progress<'a, P>(Option<Listener<'a, P>>);

impl<'a, P> Progress<'a, P> {
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    pub(crate) fn new(listener: impl FnMut(&P) + Send + 'a) -> Self {
        Self(Some(Box::new(listener)))
    }

    /// Tells it. One who panics is not told again: the work goes on.
    pub(crate) fn tell(&mut self, so_far: &P) {
        let Some(listener) = &mut self.0 else { return };
        if catch_unwind(AssertUnwindSafe(|| listener(so_far))).is_err() {
            tracing::warn!("a progress callback panicked, it is not called again");
            self.0 = None;
        }
    }
}

impl<P> fmt::Debug for Progress<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress" } else { "Progress(nobody)" })
    }
}
