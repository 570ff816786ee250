//! Who asks for a connection: the place in the source, the task, and what he wishes for.

use std::backtrace::Backtrace;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::panic::Location;
use std::sync::Arc;

use crate::rt;
use crate::shelf::Borrower;

/// How urgent an acquire is. Among those who wait the more urgent are served first; within one
/// priority, those who came first.
///
/// The less urgent are not starved: after sixteen others were served before it, the first of a lower
/// priority is served next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum Priority {
    /// Can wait: reports, backfills.
    Low,
    /// Everything else.
    #[default]
    Normal,
    /// Somebody is waiting for it: a health check, a payment.
    High,
}

/// A mark on a connection, put there by its holders ([`Pooled::set_tag`](crate::Pooled::set_tag)): a
/// tenant whose settings it has, a role it took on. An acquire may prefer connections that carry one
/// ([`Acquire::tag`](crate::Acquire::tag)), to save setting it up again.
///
/// ```
/// use wellspring_pool_core::Tag;
///
/// assert_eq!(Tag::named("tenant 7"), Tag::named("tenant 7"));
/// assert_ne!(Tag::named("tenant 7"), Tag::named("tenant 8"));
/// assert_ne!(Tag::new(7), Tag::new(8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Tag(u64);

impl Tag {
    /// A mark by number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// A mark by name: equal names are equal marks. Distinct names are distinct marks but for a hash
    /// collision (one in 2^64), so whatever must not be confused is checked on the connection itself.
    pub fn named(name: &str) -> Self {
        // FNV-1a, finished so that similar names differ everywhere: the same in every process.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash ^= hash >> 33;
        Self(hash.wrapping_mul(0xff51_afd7_ed55_8ccd))
    }
}

/// A number of a tokio task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskId(NonZeroU64);

impl TaskId {
    /// tokio shows its numbers only as text and by their hash, which is made of nothing but the number.
    pub(crate) fn of(id: tokio::task::Id) -> Option<Self> {
        struct Bare(u64);

        impl Hasher for Bare {
            fn finish(&self) -> u64 {
                self.0
            }

            fn write(&mut self, bytes: &[u8]) {
                // Not reached as long as it is a `u64`; any other form would still tell tasks apart.
                for byte in bytes {
                    self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
                }
            }

            fn write_u64(&mut self, number: u64) {
                self.0 = number;
            }
        }

        let mut bare = Bare(0);
        id.hash(&mut bare);
        Self::from_bare(bare.0)
    }

    /// The bare number, to be kept in an atomic.
    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn from_bare(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The caller's.
    #[inline]
    pub(crate) fn current() -> Option<Self> {
        rt::task().and_then(Self::of)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.0)
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) location: &'static Location<'static>,
    pub(crate) task: Option<TaskId>,
    pub(crate) backtrace: Option<Arc<Backtrace>>,
}

impl Caller {
    /// The caller of the current task; with a backtrace if wanted.
    pub(crate) fn here(location: &'static Location<'static>, backtrace: bool) -> Self {
        Self {
            location,
            task: TaskId::current(),
            backtrace: backtrace.then(|| Arc::new(Backtrace::force_capture())),
        }
    }
}

impl From<Borrower> for Caller {
    fn from(borrower: Borrower) -> Self {
        Self { location: borrower.location, task: borrower.task, backtrace: None }
    }
}

/// What an acquire wishes for beyond any connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wish {
    pub(crate) priority: Priority,
    pub(crate) tag: Option<Tag>,
}
