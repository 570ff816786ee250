//! The timer of somebody who waits where no housekeeper looks after his deadline.

use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use crate::clock::{self, Instant};
use crate::rt::{self, RuntimeId, Sleep};

/// A timer, with the runtime it belongs to.
struct Timer {
    home: RuntimeId,
    sleep: Pin<Box<Sleep>>,
}

/// Mostly none, which is all that dropping it looks at.
#[derive(Default)]
pub(super) struct RareTimer(ManuallyDrop<Option<Box<Timer>>>);

impl Drop for RareTimer {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            drop(self.0.take());
        }
    }
}

impl RareTimer {
    #[inline]
    pub(super) fn clear(&mut self) {
        drop(self.0.take());
    }

    #[inline]
    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Sets it for a wait in `home` from `now` on.
    ///
    /// # Panics
    /// Where the runtime has no timers.
    pub(super) fn set(&mut self, home: RuntimeId, now: Instant, deadline: Instant) {
        let step = clock::after(now, LOOK_AGAIN).min(deadline);
        *self.0 = Some(Timer::new(home, step));
    }
}

impl Timer {
    fn new(home: RuntimeId, at: Instant) -> Box<Self> {
        Box::new(Self { home, sleep: Box::pin(rt::sleep_until(at)) })
    }
}

/// Who waits where no housekeeper is looks by itself so often whether there is one at all: the runtime
/// of the last one may stand still.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// True when the time is up; else it will be polled when it is, by the housekeeper or by a timer in
/// `alone`, the runtime in which there is none.
pub(super) fn is_late(
    timer: &mut RareTimer,
    deadline: Instant,
    mut now: Instant,
    alone: Option<RuntimeId>,
    cx: &mut Context<'_>,
) -> bool {
    if deadline <= now {
        return true;
    }
    let Some(runtime) = alone else {
        return false;
    };
    let timer = &mut *timer.0;
    // A timer of a runtime that has shut down panics when it is polled.
    if timer.as_ref().is_some_and(|timer| timer.home != runtime) {
        *timer = None;
    }
    loop {
        let step = clock::after(now, LOOK_AGAIN).min(deadline);
        let running = timer.get_or_insert_with(|| Timer::new(runtime, step));
        if running.sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        now = clock::now();
        if deadline <= now {
            return true;
        }
        *timer = None;
    }
}
