//! What an acquire was told beyond the usual.

use crate::Priority;

/// What is special about an acquire, in one word: mostly nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits(u32);

impl Traits {
    pub(super) const NONE: Self = Self(0);
    pub(super) const LOW: u32 = 1;
    pub(super) const HIGH: u32 = 2;
    /// It wishes for a tag.
    pub(super) const TAGGED: u32 = 4;
    /// Its wait is timed exactly.
    pub(super) const TIMED: u32 = 8;
    /// It has given back what it came for too late. Once only: where every poll comes late, it would
    /// never be served.
    pub(super) const CAME_LATE: u32 = 16;

    #[inline]
    pub(super) fn has(self, one: u32) -> bool {
        self.0 & one != 0
    }

    /// Nothing is asked for beyond any connection in its turn.
    #[inline]
    pub(super) fn wishes_nothing(self) -> bool {
        self.0 & (Self::LOW | Self::HIGH | Self::TAGGED) == 0
    }

    pub(super) fn set(&mut self, one: u32, on: bool) {
        self.0 = if on { self.0 | one } else { self.0 & !one };
    }

    pub(super) fn priority(self) -> Priority {
        match self.0 & (Self::LOW | Self::HIGH) {
            Self::LOW => Priority::Low,
            Self::HIGH => Priority::High,
            _ => Priority::Normal,
        }
    }
}
