//! An array that grows without moving what is in it, so that it may be read meanwhile.

use std::sync::OnceLock;

/// How many the first of the further pieces has; each next one has twice as many.
const PIECE: usize = 64;

/// Enough pieces for any number that fits into 32 bits.
const PIECES: usize = 27;

/// Some made at once, and more when they are needed.
pub(crate) struct Pieces<T> {
    first: Box<[T]>,
    further: [OnceLock<Box<[T]>>; PIECES],
}

impl<T> Pieces<T> {
    /// `first` of them; each is told its index.
    pub(crate) fn new(first: usize, make: impl Fn(u32) -> T) -> Self {
        Self { first: piece(0, first, make), further: [const { OnceLock::new() }; PIECES] }
    }

    /// Makes sure that there is one at `index`.
    pub(crate) fn reach(&self, index: u32, make: impl Fn(u32) -> T) {
        if let Some((number, _)) = self.beyond(index) {
            let before = self.first.len() + PIECE * ((1 << number) - 1);
            self.further[number].get_or_init(|| piece(before, PIECE << number, make));
        }
    }

    /// The one at `index`, if it is among those made at once.
    #[inline(always)]
    pub(crate) fn get_first(&self, index: u32) -> Option<&T> {
        self.first.get(index as usize)
    }

    /// The one at `index`, if there is one.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        match self.get_first(index) {
            Some(one) => Some(one),
            None => self.get_further(index),
        }
    }

    #[cold]
    fn get_further(&self, index: u32) -> Option<&T> {
        let (number, index) = self.beyond(index)?;
        self.further[number].get()?.get(index)
    }

    /// All there are.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let further = self.further.iter().map_while(|piece| piece.get());
        self.first.iter().chain(further.flat_map(|piece| piece.iter()))
    }

    /// The piece, and the index in it, of one that is not among the first.
    fn beyond(&self, index: u32) -> Option<(usize, usize)> {
        let index = (index as usize).checked_sub(self.first.len())?;
        let number = (index / PIECE + 1).ilog2();
        Some((number as usize, index - PIECE * ((1 << number) - 1)))
    }
}

/// `count` of them, from `first` on.
fn piece<T>(first: usize, count: usize, make: impl Fn(u32) -> T) -> Box<[T]> {
    // What is indexed by it is numbered by `u32`.
    (first..first + count).map(|index| make(index as u32)).collect()
}
