//! The late hand-off: a statement that runs on a worker and turns out long gives the worker away
//! while it runs, and moves to another thread if it can begin again.
//!
//! SQLite calls its progress handler every so many opcodes, inside the running statement.
//! `block_in_place` may be called there: Tokio moves the worker's other tasks to another thread
//! and the statement goes on undisturbed. What the handler must know about the statement is in a
//! thread-local, because the handler always runs on the thread that steps the statement.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Opcodes between two calls of the progress handler: some 20 µs.
pub(crate) const OPCODES: std::ffi::c_int = 1000;

/// When the worker is given away.
const GIVE_AWAY: Duration = Duration::from_micros(100);

/// The shortest pause inside `block_in_place`: without it the worker is back before the other thread
/// has woken up.
const PAUSE: Duration = Duration::from_micros(200);

/// On a busy machine the other thread may wake up later than that, and the worker be back here without
/// anybody telling. So it is given away again, ever later and for longer pauses, an eighth of the
/// statement's time and at most this. Whoever has lost the worker already only pauses.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// When the worker is given away the second time; then each time the statement is four times as old.
const AGAIN: Duration = Duration::from_micros(1600);

/// When a statement that can begin again is stopped, to begin again on a blocking thread, where
/// it can be cancelled.
const MOVE: Duration = Duration::from_millis(5);

#[derive(Clone, Copy)]
struct Watch {
    since: Instant,
    give_away_at: Duration,
    can_restart: bool,
    stopped: bool,
}

thread_local! {
    static WATCH: Cell<Option<Watch>> = const { Cell::new(None) };
    /// Tokio refused `block_in_place` on this thread: it drives a `LocalSet`.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// A statement on this thread that is watched until this is dropped.
#[derive(Debug)]
pub(crate) struct Watched(());

impl Watched {
    pub(crate) fn begin(since: Instant, can_restart: bool) -> Self {
        WATCH.set(Some(Watch { since, give_away_at: GIVE_AWAY, can_restart, stopped: false }));
        Self(())
    }

    /// True when the handler stopped the statement so that it can begin again elsewhere.
    pub(crate) fn stopped(&self) -> bool {
        WATCH.get().is_some_and(|watch| watch.stopped)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        WATCH.set(None);
    }
}

/// Called from the progress handler; true stops the statement.
pub(crate) fn tick() -> bool {
    let Some(mut watch) = WATCH.get() else { return false };
    let elapsed = watch.since.elapsed();
    if elapsed >= watch.give_away_at {
        watch.give_away_at = AGAIN.max(elapsed * 4);
        WATCH.set(Some(watch));
        give_away((elapsed / 8).clamp(PAUSE, LONGEST_PAUSE));
    }
    if watch.can_restart && elapsed >= MOVE {
        watch.stopped = true;
        WATCH.set(Some(watch));
        return true;
    }
    false
}

fn give_away(pause: Duration) {
    // Outside of tasks (in `Runtime::block_on`) this thread is no worker.
    if REFUSED.get() || tokio::task::try_id().is_none() {
        return;
    }
    let given = catch_unwind(AssertUnwindSafe(|| {
        tokio::task::block_in_place(|| std::thread::sleep(pause));
    }));
    if given.is_err() {
        REFUSED.set(true);
        tracing::debug!("this thread's tasks cannot be moved: long statements hold them up");
    }
}
