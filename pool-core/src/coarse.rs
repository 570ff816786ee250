//! The coarse clock: the time as of the last millisecond, for a single load.
//!
//! Reading the clock of the system costs more than everything else that an acquire and its return do
//! together. So a thread of the process writes the time down once a millisecond, while anybody asks
//! for it, and sleeps for good when nobody has for a while. Where that thread cannot be had, and in
//! processes in which tokio's clock was seen paused (tests), a reading is an exact one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use crate::clock::{self, Instant};

/// How often the time is written down.
const STEP: Duration = Duration::from_millis(1);

/// After so many steps in which nobody asked, it no longer is.
const QUIET: u32 = 64;

/// The first bit of a reading: nobody has asked for the time since it was set.
const UNASKED: u64 = 1 << 63;

/// Read by everybody, written once a millisecond: on a line of its own.
#[repr(align(128))]
struct Face(AtomicU64);

/// The time, or 0 while nobody writes it down.
static FACE: Face = Face(AtomicU64::new(0));

/// tokio's clock was seen paused: only exact readings are right. Held while the face is written.
static EXACT: Mutex<bool> = Mutex::new(false);

static WRITER: OnceLock<Option<Thread>> = OnceLock::new();

/// Now, or up to about a millisecond ago; longer where the machine does not get to run the thread
/// that tells the time. Not for deadlines.
#[inline]
pub(crate) fn coarse() -> Instant {
    look_for_tests();
    let time = FACE.0.load(Ordering::Relaxed);
    match Instant::from_bare(time) {
        Some(now) if time < UNASKED => now,
        _ => first_to_ask(time),
    }
}

/// As [`coarse`], if that is a single load.
#[inline(always)]
pub(crate) fn fresh() -> Option<Instant> {
    look_for_tests();
    let time = FACE.0.load(Ordering::Relaxed);
    Instant::from_bare(time).filter(|_| time < UNASKED)
}

/// Tests stop the clock whenever they like; where it counts there is no time to look each time.
#[inline(always)]
fn look_for_tests() {
    #[cfg(debug_assertions)]
    follow_tests();
}

#[cold]
fn first_to_ask(time: u64) -> Instant {
    if let Some(now) = Instant::from_bare(time & !UNASKED) {
        // If the time has moved on meanwhile, the next one says so.
        let _ =
            FACE.0.compare_exchange(time, time & !UNASKED, Ordering::Relaxed, Ordering::Relaxed);
        return now;
    }
    let now = clock::now();
    let exact = EXACT.lock().unwrap_or_else(PoisonError::into_inner);
    if *exact {
        return now;
    }
    if let Some(writer) = WRITER.get_or_init(start) {
        // Another may have been faster; and this `now` may be old by now.
        if FACE.0.load(Ordering::Relaxed) == 0 {
            FACE.0.store(clock::now().get(), Ordering::Relaxed);
            writer.unpark();
        }
    }
    drop(exact);
    now
}

fn start() -> Option<Thread> {
    let spawned = std::thread::Builder::new().name("wellspring-clock".to_owned()).spawn(write);
    match spawned {
        Ok(handle) => Some(handle.thread().clone()),
        Err(error) => {
            tracing::debug!(%error, "no thread for the coarse clock; each reading is an exact one");
            None
        }
    }
}

fn write() {
    loop {
        std::thread::park();
        let mut step = 0_u32;
        loop {
            step = step.wrapping_add(1);
            std::thread::sleep(STEP);
            let exact = EXACT.lock().unwrap_or_else(PoisonError::into_inner);
            let last = FACE.0.load(Ordering::Relaxed);
            let round_is_over = step.is_multiple_of(QUIET);
            if *exact || last == 0 || (round_is_over && last & UNASKED != 0) {
                FACE.0.store(0, Ordering::Relaxed);
                break;
            }
            let unasked = if round_is_over { UNASKED } else { last & UNASKED };
            FACE.0.store(clock::now().get() | unasked, Ordering::Relaxed);
        }
    }
}

/// Looks whether tokio's clock is paused in the runtime of the caller; from then on all readings in
/// this process are exact, and follow it. Called where pools are made, and where they are looked
/// after.
pub(crate) fn follow_tests() {
    static FOUND: AtomicBool = AtomicBool::new(false);
    if FOUND.load(Ordering::Relaxed) {
        return;
    }
    // A clock that runs is the standard library's: between two readings of that.
    let before = std::time::Instant::now();
    let now = tokio::time::Instant::now().into_std();
    if now < before || now > std::time::Instant::now() {
        FOUND.store(true, Ordering::Relaxed);
        *EXACT.lock().unwrap_or_else(PoisonError::into_inner) = true;
        FACE.0.store(0, Ordering::Relaxed);
    }
}
