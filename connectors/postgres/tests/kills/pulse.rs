//! A thread that sleeps and looks how late it wakes: what the machine, and not a pool, costs a
//! deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long it sleeps each time.
const BEAT: Duration = Duration::from_millis(5);

/// The thread.
pub(crate) struct Pulse {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        let thread = thread::spawn(move || {
            let mut latest = Duration::ZERO;
            while !ends.load(Relaxed) {
                let start = Instant::now();
                thread::sleep(BEAT);
                latest = latest.max(start.elapsed().saturating_sub(BEAT));
            }
            latest
        });
        Self { over, thread }
    }

    /// The most by which it woke late.
    pub(crate) fn stop(self) -> Duration {
        self.over.store(true, Relaxed);
        self.thread.join().expect("it does not panic")
    }
}
