//! The synchronisation primitives the engine is built on, in one place so that a model checker can
//! take theirs.
//!
//! Everything that guards pool state goes through here; nothing else in the crate names
//! `std::sync::Mutex`.

use std::sync::PoisonError;
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
use std::sync::TryLockError;
pub(crate) use std::sync::{Arc, Weak};

#[cfg(wellspring_loom)]
use loom::sync as imp;
#[cfg(wellspring_shuttle)]
use shuttle::sync as imp;
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
use std::sync as imp;

/// The atomics of the lock-free part, which a model checker explores.
pub(crate) mod atomic {
    #[cfg(wellspring_loom)]
    pub(crate) use loom::sync::atomic::AtomicPtr;
    #[cfg(wellspring_shuttle)]
    pub(crate) use shuttle::sync::atomic::AtomicPtr;
    #[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
    pub(crate) use std::sync::atomic::AtomicPtr;
    pub(crate) use std::sync::atomic::Ordering;
}

/// How often a lock is tried before sleeping for it, each time after twice as many pauses.
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
const ROUNDS: u32 = 7;

/// A mutex that ignores poisoning: the state behind it is changed only by code that cannot panic
/// half-way (no user code runs under the lock), so a poisoned lock means nothing here.
#[derive(Debug)]
pub(crate) struct Mutex<T>(imp::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = imp::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
        if let Some(guard) = self.try_lock().or_else(|| self.try_for_a_moment()) {
            return guard;
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
    #[inline(always)]
    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// What is done under the lock is shorter than going to sleep for it. The standard library's mutex
    /// tries for a moment, too, but not while anybody sleeps for it, and whoever has slept leaves it
    /// marked as if another did: two threads in step then sleep and wake each other for good.
    #[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
    #[cold]
    fn try_for_a_moment(&self) -> Option<MutexGuard<'_, T>> {
        (0..ROUNDS).find_map(|round| {
            (0..1 << round).for_each(|_| std::hint::spin_loop());
            self.try_lock()
        })
    }
}
