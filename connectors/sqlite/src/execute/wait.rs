//! Waiting with a deadline: as a task where there is a runtime, as a thread where there is not.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How a statement waits, decided when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// The task waits on Tokio's timer.
    Task,
    /// The thread waits.
    Thread,
}

/// The patience of one statement: one deadline for everything it waits for.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    waiting: Waiting,
    limit: Duration,
    deadline: Option<Instant>,
    pauses: u32,
}

impl Patience {
    pub(crate) fn new(waiting: Waiting, limit: Duration) -> Self {
        Self { waiting, limit, deadline: None, pauses: 0 }
    }

    /// How long it waits in all.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// The deadline, running from the first time something had to be waited for.
    fn deadline(&mut self) -> Instant {
        *self.deadline.get_or_insert_with(|| later(Instant::now(), self.limit))
    }

    /// Waits for `future`; `None` when patience ran out first.
    pub(crate) async fn wait<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let deadline = self.deadline();
        match self.waiting {
            Waiting::Task => tokio::time::timeout_at(deadline.into(), future).await.ok(),
            Waiting::Thread => block_on_until(deadline, future),
        }
    }

    /// Pauses before the next try, a little longer each time; false when patience ran out.
    pub(crate) async fn pause(&mut self) -> bool {
        let Some(pause) = self.next_pause() else { return false };
        match self.waiting {
            Waiting::Task => tokio::time::sleep(pause).await,
            Waiting::Thread => std::thread::sleep(pause),
        }
        true
    }

    /// As [`pause`](Self::pause), on this thread whatever the statement's way of waiting is.
    pub(crate) fn pause_here(&mut self) -> bool {
        let Some(pause) = self.next_pause() else { return false };
        std::thread::sleep(pause);
        true
    }

    fn next_pause(&mut self) -> Option<Duration> {
        let left = self.deadline().saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        let pause = Duration::from_millis(1 << self.pauses.min(5)).min(Duration::from_millis(25));
        self.pauses += 1;
        Some(jittered(pause).min(left))
    }
}

/// `pause`, give or take a quarter, so that waiters do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    // The low digits of the clock are noise enough for this.
    pause * (75 + nanos / 7 % 51) / 100
}

/// `start + duration`, or some far moment when the clock cannot count that far.
fn later(start: Instant, duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);
    start.checked_add(duration).unwrap_or_else(|| start + FAR)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs `future` on this thread; `None` when it is not ready at `deadline`.
pub(crate) fn block_on_until<F: Future>(deadline: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_on_until_ends_with_the_future_or_the_deadline() {
        let soon = || Instant::now() + Duration::from_millis(5);
        assert_eq!(block_on_until(soon(), async { 7 }), Some(7));
        assert_eq!(block_on_until(soon(), std::future::pending::<()>()), None);
        let (send, receive) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || send.send(3));
        let far = Instant::now() + Duration::from_secs(60);
        assert_eq!(block_on_until(far, receive), Some(Ok(3)));
        thread.join().expect("the sender does not panic").expect("the receiver waited");
    }

    #[test]
    fn pauses_grow_and_end() {
        let mut patience = Patience::new(Waiting::Thread, Duration::from_secs(3600));
        let pauses: Vec<_> = (0..8).map(|_| patience.next_pause().expect("an hour")).collect();
        assert!(pauses[0] <= Duration::from_millis(2), "{pauses:?}");
        assert!(pauses.iter().all(|p| *p <= Duration::from_millis(32)), "{pauses:?}");
        let mut none = Patience::new(Waiting::Thread, Duration::ZERO);
        assert_eq!(none.next_pause(), None);
        let mut huge = Patience::new(Waiting::Thread, Duration::MAX);
        assert!(huge.next_pause().is_some());
    }
}
