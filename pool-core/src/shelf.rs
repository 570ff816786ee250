//! Where idle connections lie for whoever comes first: a place for each slot, emptied and filled
//! without a lock.
//!
//! The places are in `place`, with the protocol of their states; here is how they are found.

mod place;

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::pieces::Pieces;
use crate::tally::Tally;
pub(crate) use place::{Borrower, Content, Place, Seal};

/// The most places made at once when the pool is.
const FIRST: usize = 1024;

/// The places of a pool.
pub(crate) struct Shelf<T> {
    places: Pieces<Place<T>>,
    sign: Sign,
    /// It owns boxes, and gives them to any thread.
    _owner: PhantomData<std::sync::Mutex<Box<T>>>,
}

/// Read by everybody, written only when something changes for good: on a line of its own.
#[derive(Default)]
#[repr(align(128))]
struct Sign {
    /// How many places are not sealed: a hint that looking is of use.
    open: AtomicU32,
    /// Places from this one on have never been open.
    reach: AtomicU32,
}

impl<T> Shelf<T> {
    /// Places for `slots` slots, all sealed; more can be had.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            places: Pieces::new(slots.clamp(1, FIRST), Place::new),
            sign: Sign::default(),
            _owner: PhantomData,
        }
    }

    // ---- for everybody ----------------------------------------------------------------------

    /// Takes what lies in the place this thread filled last, else in the first that is not empty.
    pub(crate) fn take_any(&self) -> Option<(&Place<T>, Box<T>)> {
        self.take(hint::get()).or_else(|| self.search())
    }

    /// As [`take_any`](Self::take_any), in the first of these places only, and if that is among those
    /// that were made at once.
    #[inline(always)]
    pub(crate) fn take_hinted(&self) -> Option<(&Place<T>, Box<T>)> {
        let place = self.find_first(hint::get())?;
        Some((place, place.take()?))
    }

    /// The place of a slot that is among those made at once.
    #[inline(always)]
    pub(crate) fn find_first(&self, slot: u32) -> Option<&Place<T>> {
        self.places.get_first(slot)
    }

    /// A hint that looking is of use: some places are not sealed.
    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        self.sign.open.load(Ordering::Relaxed) > 0
    }

    #[inline(never)]
    fn search(&self) -> Option<(&Place<T>, Box<T>)> {
        (0..self.sign.reach.load(Ordering::Relaxed)).find_map(|slot| self.take(slot))
    }

    /// Takes what lies in one place.
    #[inline]
    pub(crate) fn take(&self, slot: u32) -> Option<(&Place<T>, Box<T>)> {
        let place = self.places.get(slot)?;
        Some((place, place.take()?))
    }

    /// The place of a slot that was given one.
    #[inline]
    pub(crate) fn place(&self, slot: u32) -> &Place<T> {
        self.places.get(slot).expect("a slot in use has a place")
    }

    // ---- looking on -------------------------------------------------------------------------

    /// Whether a connection lies in the place of `slot`.
    pub(crate) fn is_lying(&self, slot: u32) -> bool {
        self.place(slot).is_lying()
    }

    /// Who has the connection of `slot`, if one has it and that is known by now.
    pub(crate) fn borrower(&self, slot: u32) -> Option<Borrower> {
        self.place(slot).borrower()
    }

    /// The tallies of all slots there have been.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.places.iter().map(Place::tally)
    }

    // ---- for the state, under its lock ------------------------------------------------------

    /// Makes sure that there is a place for `slot`.
    pub(crate) fn reach(&self, slot: u32) {
        self.places.reach(slot, Place::new);
        let reach = self.sign.reach.load(Ordering::Relaxed).max(slot + 1);
        self.sign.reach.store(reach, Ordering::Relaxed);
    }

    /// Takes the place of `slot` into the hands of the state.
    pub(crate) fn seal(&self, slot: u32) -> Seal<T> {
        let sealed = self.place(slot).seal();
        if !matches!(sealed, Seal::Already) {
            let open = self.sign.open.load(Ordering::Relaxed);
            self.sign.open.store(open - 1, Ordering::Relaxed);
        }
        sealed
    }

    /// Lays `value` in the sealed place of `slot`, for whoever comes. Gives it back if the place is not
    /// sealed, which would be a mistake of the state's.
    pub(crate) fn open(&self, slot: u32, value: Box<T>) -> Result<(), Box<T>> {
        self.place(slot).open(value)?;
        self.sign.open.store(self.sign.open.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Where the caller's thread looks first from now on.
    pub(crate) fn look_first_at(&self, slot: u32) {
        hint::set(slot);
    }
}

/// The place that a thread filled last, of whatever pool: a guess where something lies, warm in this
/// thread's cache.
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod hint {
    use std::cell::Cell;

    thread_local! {
        static LAST: Cell<u32> = const { Cell::new(0) };
    }

    #[inline]
    pub(super) fn get() -> u32 {
        LAST.try_with(Cell::get).unwrap_or(0)
    }

    #[inline]
    pub(super) fn set(slot: u32) {
        // While the thread ends there may be none left.
        let _ = LAST.try_with(|last| last.set(slot));
    }
}

/// Model checkers run their threads in one: no guess.
#[cfg(any(wellspring_loom, wellspring_shuttle))]
mod hint {
    pub(super) fn get() -> u32 {
        0
    }

    pub(super) fn set(_: u32) {}
}

#[cfg(test)]
#[cfg(not(any(wellspring_loom, wellspring_shuttle)))]
mod tests {
    use super::*;

    fn take<T>(shelf: &Shelf<T>, slot: u32) -> Option<Box<T>> {
        shelf.take(slot).map(|(_, value)| value)
    }

    #[test]
    fn every_slot_has_one_place() {
        let shelf = Shelf::<u32>::new(10);
        let mut seen = std::collections::HashSet::new();
        for slot in 0..5000 {
            shelf.reach(slot);
            assert!(seen.insert(std::ptr::from_ref(shelf.place(slot)).addr()), "slot {slot}");
            assert!(matches!(shelf.seal(slot), Seal::Already));
            shelf.open(slot, Box::new(slot)).unwrap();
        }
        assert!(shelf.places.get(1 << 20).is_none());
        for slot in (0..5000).rev() {
            assert!(shelf.is_lying(slot));
            assert_eq!(take(&shelf, slot).as_deref(), Some(&slot));
            assert_eq!(take(&shelf, slot), None);
        }
        assert!(shelf.take_any().is_none());
    }

    #[test]
    fn a_place_has_three_states() {
        let shelf = Shelf::new(1);
        shelf.reach(0);
        assert_eq!(take(&shelf, 0), None);
        assert_eq!(shelf.place(0).put(Box::new(7)), Err(Box::new(7)));
        shelf.open(0, Box::new(7)).unwrap();
        assert_eq!(shelf.open(0, Box::new(8)), Err(Box::new(8)));
        assert_eq!(shelf.place(0).put(Box::new(8)), Err(Box::new(8)));
        let seven = take(&shelf, 0).unwrap();
        shelf.place(0).put(seven).unwrap();
        assert!(matches!(shelf.seal(0), Seal::Lying(seven) if *seven == 7));
        shelf.open(0, Box::new(9)).unwrap();
        let nine = take(&shelf, 0).unwrap();
        assert!(matches!(shelf.seal(0), Seal::Out));
        assert_eq!(shelf.place(0).put(nine), Err(Box::new(9)));
    }

    #[test]
    fn what_lies_there_goes_with_it() {
        let witness = std::sync::Arc::new(());
        let shelf = Shelf::new(3);
        for slot in 0..3 {
            shelf.reach(slot);
            shelf.open(slot, Box::new(std::sync::Arc::clone(&witness))).unwrap();
        }
        drop(take(&shelf, 1));
        drop(shelf);
        assert_eq!(std::sync::Arc::strong_count(&witness), 1);
    }

    #[test]
    fn threads_share_nothing_twice() {
        let shelf = Shelf::new(4);
        for slot in 0..4 {
            shelf.reach(slot);
            shelf.open(slot, Box::new((slot, 0_u64))).unwrap();
        }
        let rounds = if cfg!(miri) { 50 } else { 100_000 };
        let done: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut done = 0;
                        for _ in 0..rounds {
                            if let Some((place, mut value)) = shelf.take_any() {
                                value.1 += 1;
                                done += 1;
                                place.put(value).unwrap();
                            }
                        }
                        done
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        let sum: u64 = (0..4).filter_map(|slot| take(&shelf, slot)).map(|value| value.1).sum();
        assert_eq!(sum, done);
    }
}
