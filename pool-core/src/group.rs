//! A cap over several pools, with a share for each that the others cannot take.

use std::collections::VecDeque;
use std::fmt;

use crate::ConfigError;
use crate::sync::{Arc, Mutex, Weak};

/// A cap on the connections of several pools together: a server that allows a hundred is shared by
/// pools for three tenants, each of which can always have its own share, and more while the others
/// leave some.
///
/// What a pool holds beyond its share it gives up as it becomes idle when another pool waits for it;
/// connections in use are never taken away. Pools that wait beyond their shares are served in turn.
/// Cheap to clone; all clones are the same group.
///
/// ```
/// use wellspring_pool_core::{Manager, Pool, PoolGroup};
///
/// # fn demo<M: Manager + Clone>(manager: M) -> Result<(), wellspring_pool_core::ConfigError> {
/// let server = PoolGroup::new(100)?;
/// let orders = Pool::builder(manager.clone()).max_size(80).group(&server, 20).build()?;
/// let reports = Pool::builder(manager).max_size(80).group(&server, 5).build()?;
/// assert_eq!(server.status().reserved, 25);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PoolGroup {
    inner: Arc<Inner>,
}

/// The sizes of a group at one moment, from one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GroupStatus {
    /// The most connections of all its pools together.
    pub max_size: usize,
    /// Those there are.
    pub used: usize,
    /// The sum of the shares.
    pub reserved: usize,
    /// How many pools belong to it.
    pub pools: usize,
    /// How many of them wait for a place beyond their share.
    pub waiting: usize,
}

/// A pool under a common cap, as the others see it.
pub(crate) trait Member: Send + Sync {
    /// There may be a place now.
    fn look_again(&self);
    /// Somebody waits for a place: gives an idle connection up, if it has one; `true` if it did.
    fn shed(&self) -> bool;
}

pub(crate) type Neighbour = Weak<dyn Member>;

struct Inner {
    state: Mutex<State>,
}

struct State {
    max_size: usize,
    members: Vec<Option<Seat>>,
    /// Those who wait for a place beyond their share, in order.
    queue: VecDeque<usize>,
    /// Those who would like one for stock, once nobody waits.
    stock: VecDeque<usize>,
}

struct Seat {
    share: usize,
    used: usize,
    member: Neighbour,
}

impl PoolGroup {
    /// A group of pools with at most `max_size` connections together.
    ///
    /// # Errors
    /// `max_size` is zero.
    pub fn new(max_size: usize) -> Result<Self, ConfigError> {
        if max_size == 0 {
            return Err(ConfigError::new("group.max_size", 0, "at least 1".to_owned()));
        }
        let (queue, stock) = (VecDeque::new(), VecDeque::new());
        let state = State { max_size, members: Vec::new(), queue, stock };
        Ok(Self { inner: Arc::new(Inner { state: Mutex::new(state) }) })
    }

    /// The sizes of the moment.
    pub fn status(&self) -> GroupStatus {
        let state = self.inner.state.lock();
        let seats = state.members.iter().flatten();
        GroupStatus {
            max_size: state.max_size,
            used: seats.clone().map(|seat| seat.used).sum(),
            reserved: seats.clone().map(|seat| seat.share).sum(),
            pools: seats.count(),
            waiting: state.queue.len(),
        }
    }

    /// Takes a pool in, if its share is still there.
    pub(crate) fn join(&self, share: usize, member: Neighbour) -> Result<Membership, ConfigError> {
        let mut state = self.inner.state.lock();
        let others: usize =
            state.members.iter().flatten().map(|seat| seat.used.max(seat.share)).sum();
        let left = state.max_size.saturating_sub(others);
        if share > left {
            let expected = format!("at most {left}, which the other pools leave");
            return Err(ConfigError::new("group.share", share, expected));
        }
        let seat = Some(Seat { share, used: 0, member });
        let index = match state.members.iter().position(Option::is_none) {
            Some(index) => {
                state.members[index] = seat;
                index
            }
            None => {
                state.members.push(seat);
                state.members.len() - 1
            }
        };
        Ok(Membership { inner: Arc::clone(&self.inner), index })
    }
}

impl fmt::Debug for PoolGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolGroup").field(&self.status()).finish()
    }
}

impl State {
    fn seat(&mut self, index: usize) -> &mut Seat {
        self.members[index].as_mut().expect("a member has a seat until it leaves")
    }

    /// What is taken, counting each share as taken.
    fn committed(&self) -> usize {
        self.members.iter().flatten().map(|seat| seat.used.max(seat.share)).sum()
    }

    /// Who is to be told of a place, if there is one: the first in the queue; without a queue all who
    /// would like one for stock.
    fn next(&mut self) -> Vec<Neighbour> {
        if self.committed() >= self.max_size {
            return Vec::new();
        }
        let told = match self.queue.front() {
            Some(first) => vec![*first],
            None => self.stock.drain(..).collect(),
        };
        told.into_iter().map(|index| Weak::clone(&self.seat(index).member)).collect()
    }
}

/// A pool's place in its group. Leaving gives back what it had.
///
/// Its methods are called under the pool's lock and take the group's inside it, never the other way
/// round; whom they name is called once both are released.
pub(crate) struct Membership {
    inner: Arc<Inner>,
    index: usize,
}

impl Membership {
    /// Takes one place, or with `queue` joins the queue for one.
    pub(crate) fn take(&self, queue: bool, neighbours: &mut Vec<Neighbour>) -> bool {
        let mut state = self.inner.state.lock();
        let free = state.committed() < state.max_size;
        let first = state.queue.front().copied();
        let seat = state.seat(self.index);
        let may = seat.used < seat.share || (free && first.is_none_or(|first| first == self.index));
        if !may {
            if queue && !state.queue.contains(&self.index) {
                state.queue.push_back(self.index);
            }
            if !queue && !state.stock.contains(&self.index) {
                state.stock.push_back(self.index);
            }
            return false;
        }
        seat.used += 1;
        if first == Some(self.index) {
            state.queue.pop_front();
            neighbours.extend(state.next());
        }
        true
    }

    /// Gives one place back; who waits for it is told.
    pub(crate) fn give_back(&self, neighbours: &mut Vec<Neighbour>) {
        let mut state = self.inner.state.lock();
        state.seat(self.index).used -= 1;
        neighbours.extend(state.next());
    }

    /// The pool is closed: its share is for the others.
    pub(crate) fn give_up_share(&self, neighbours: &mut Vec<Neighbour>) {
        let mut state = self.inner.state.lock();
        state.seat(self.index).share = 0;
        neighbours.extend(state.next());
    }

    /// Leaves the queue, if it is in it.
    pub(crate) fn want_nothing(&self, neighbours: &mut Vec<Neighbour>) {
        let mut state = self.inner.state.lock();
        if let Some(place) = state.queue.iter().position(|index| *index == self.index) {
            state.queue.remove(place);
            neighbours.extend(state.next());
        }
    }

    /// How many places there are for this one now.
    pub(crate) fn available(&self) -> usize {
        let mut state = self.inner.state.lock();
        let free = state.max_size.saturating_sub(state.committed());
        let others_wait = state.queue.front().is_some_and(|first| *first != self.index);
        let seat = state.seat(self.index);
        seat.share.saturating_sub(seat.used) + if others_wait { 0 } else { free }
    }

    /// Another is next, and `staying` is more than the share.
    pub(crate) fn is_wanted(&self, staying: usize) -> bool {
        let mut state = self.inner.state.lock();
        let index = self.index;
        let others_wait = state.queue.front().is_some_and(|first| *first != index);
        others_wait && staying > state.seat(index).share
    }

    /// The other pools that have more than their share.
    pub(crate) fn richer(&self) -> Vec<Neighbour> {
        let state = self.inner.state.lock();
        let seats = state.members.iter().enumerate().filter(|(index, _)| *index != self.index);
        seats
            .filter_map(|(_, seat)| seat.as_ref())
            .filter(|seat| seat.used > seat.share)
            .map(|seat| Weak::clone(&seat.member))
            .collect()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.inner.state.lock();
        state.queue.retain(|index| *index != self.index);
        state.stock.retain(|index| *index != self.index);
        let seat = state.members[self.index].take();
        let next = state.next();
        drop(state);
        drop(seat);
        for next in next.into_iter().filter_map(|next| next.upgrade()) {
            next.look_again();
        }
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership").field("index", &self.index).finish_non_exhaustive()
    }
}
