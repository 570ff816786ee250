//! A pool in plain data: no lock, no task, no time but a number. Connects, resets and closes are
//! instantaneous, so after each step everybody who can be served has been.

use std::collections::VecDeque;
use std::time::Duration;

use wellspring_pool_core::Priority;

/// How a connection is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    Clean,
    Dirty,
    Broken,
    Discard,
    Detach,
}

/// What asking came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    Nothing,
    Connection(u64),
    Timeout,
    Closed,
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    id: u64,
    generation: u64,
    /// When it was last returned, or born.
    since: Duration,
}

#[derive(Debug)]
struct Waiter {
    number: usize,
    priority: Priority,
    deadline: Duration,
    granted: Option<Connection>,
    closed: bool,
}

#[derive(Debug)]
pub(crate) struct Model {
    max_size: usize,
    max_overflow: usize,
    max_idle: usize,
    fifo: bool,
    now: Duration,
    generation: u64,
    next_id: u64,
    next_number: usize,
    paused: bool,
    closed: bool,
    idle: VecDeque<Connection>,
    used: Vec<Connection>,
    /// In order of arrival, those served included.
    waiters: Vec<Waiter>,
    passed: [u32; 3],
    most: usize,
}

impl Model {
    pub(crate) fn new(max_size: usize, max_overflow: usize, max_idle: usize, fifo: bool) -> Self {
        Self {
            max_size,
            max_overflow,
            max_idle,
            fifo,
            now: Duration::ZERO,
            generation: 0,
            next_id: 1,
            next_number: 0,
            paused: false,
            closed: false,
            idle: VecDeque::new(),
            used: Vec::new(),
            waiters: Vec::new(),
            passed: [0; 3],
            most: max_size + max_overflow,
        }
    }

    // ---- what is compared -----------------------------------------------------------------------

    pub(crate) fn idle(&self) -> usize {
        self.idle.len()
    }

    /// With holders, and served to those who have not come for it.
    pub(crate) fn used(&self) -> usize {
        self.used.len() + self.waiters.iter().filter(|waiter| waiter.granted.is_some()).count()
    }

    pub(crate) fn waiting(&self) -> usize {
        self.in_line().count()
    }

    /// The most connections there may be: the limit, or what was out when it was lowered.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    // ---- what is done ---------------------------------------------------------------------------

    pub(crate) fn ask(&mut self, priority: Priority, limit: Duration) -> usize {
        let number = self.next_number;
        self.next_number += 1;
        let waiter = Waiter {
            number,
            priority,
            deadline: self.now + limit,
            granted: None,
            closed: self.closed,
        };
        // An idle connection is had at once, if nobody waits.
        let direct = !self.closed && !self.paused && self.waiting() == 0;
        let taken = if direct { self.take_idle() } else { None };
        self.waiters.push(Waiter { granted: taken, ..waiter });
        number
    }

    pub(crate) fn poll(&mut self, number: usize) -> Got {
        let index = self.index(number);
        let waiter = &self.waiters[index];
        if let Some(connection) = waiter.granted {
            self.used.push(connection);
            self.waiters.remove(index);
            return Got::Connection(connection.id);
        }
        let got = if waiter.closed {
            Got::Closed
        } else if waiter.deadline <= self.now {
            Got::Timeout
        } else {
            return Got::Nothing;
        };
        self.waiters.remove(index);
        got
    }

    pub(crate) fn leave(&mut self, number: usize) {
        let index = self.index(number);
        let waiter = self.waiters.remove(index);
        if let Some(connection) = waiter.granted {
            self.admit(connection);
        }
    }

    pub(crate) fn try_get_and_put(&mut self) -> Got {
        if self.closed {
            return Got::Closed;
        }
        if self.paused || self.waiting() > 0 {
            return Got::Nothing;
        }
        match self.take_idle() {
            Some(connection) => {
                self.admit(Connection { since: self.now, ..connection });
                Got::Connection(connection.id)
            }
            None => Got::Nothing,
        }
    }

    pub(crate) fn put(&mut self, id: u64, how: Put) {
        let index = self.used.iter().position(|connection| connection.id == id).unwrap();
        let connection = Connection { since: self.now, ..self.used.remove(index) };
        if matches!(how, Put::Clean | Put::Dirty) {
            self.admit(connection);
        }
    }

    pub(crate) fn resize(&mut self, max_size: usize) {
        self.max_size = max_size;
        while self.size() > max_size || self.idle.len() > self.max_idle.min(max_size) {
            if self.idle.pop_front().is_none() {
                break;
            }
        }
    }

    pub(crate) fn invalidate(&mut self) {
        if !self.closed {
            self.generation += 1;
            self.idle.clear();
            // Whoever has not come for his waits again, at his old place.
            for waiter in &mut self.waiters {
                waiter.granted = None;
            }
        }
    }

    pub(crate) fn pause(&mut self) {
        self.paused |= !self.closed;
    }

    pub(crate) fn resume(&mut self) {
        self.paused &= self.closed;
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    pub(crate) fn close(&mut self) {
        self.closed = true;
        self.idle.clear();
        for waiter in &mut self.waiters {
            waiter.granted = None;
            // Who was late before learns that; so do those here, whatever they ask first.
            waiter.closed = true;
        }
    }

    /// Serves everybody who can be served.
    pub(crate) fn settle(&mut self) {
        while !self.closed && !self.paused {
            let Some(next) = self.next_in_line() else {
                break;
            };
            let connection = match self.take_idle() {
                Some(connection) => connection,
                None if self.size() < self.limit() => {
                    self.next_id += 1;
                    let generation = self.generation;
                    Connection { id: self.next_id - 1, generation, since: self.now }
                }
                None => break,
            };
            self.grant(next, connection);
        }
        self.most = self.size().max(self.limit());
    }

    // ---- how ------------------------------------------------------------------------------------

    fn limit(&self) -> usize {
        self.max_size + self.max_overflow
    }

    fn size(&self) -> usize {
        self.idle() + self.used()
    }

    fn index(&self, number: usize) -> usize {
        self.waiters.iter().position(|waiter| waiter.number == number).unwrap()
    }

    fn in_line(&self) -> impl Iterator<Item = &Waiter> {
        self.waiters.iter().filter(|waiter| {
            waiter.granted.is_none() && !waiter.closed && waiter.deadline > self.now
        })
    }

    fn take_idle(&mut self) -> Option<Connection> {
        if self.fifo { self.idle.pop_front() } else { self.idle.pop_back() }
    }

    /// The number of the next to be served.
    fn next_in_line(&self) -> Option<usize> {
        let first = |priority: Priority| {
            self.in_line().find(|waiter| waiter.priority == priority).map(|waiter| waiter.number)
        };
        let starved = [Priority::Low, Priority::Normal]
            .into_iter()
            .filter(|priority| self.passed[*priority as usize] >= 16)
            .find_map(first);
        starved.or_else(|| {
            [Priority::High, Priority::Normal, Priority::Low].into_iter().find_map(first)
        })
    }

    fn grant(&mut self, number: usize, connection: Connection) {
        let index = self.index(number);
        let priority = self.waiters[index].priority;
        self.waiters[index].granted = Some(connection);
        self.passed[priority as usize] = 0;
        for lower in [Priority::Low, Priority::Normal] {
            if lower < priority && self.in_line().any(|waiter| waiter.priority == lower) {
                self.passed[lower as usize] += 1;
            }
        }
    }

    /// A connection comes back.
    fn admit(&mut self, connection: Connection) {
        let fits = self.size() < self.limit();
        if self.closed || connection.generation != self.generation || !fits {
            return;
        }
        if !self.paused
            && let Some(next) = self.next_in_line()
        {
            return self.grant(next, connection);
        }
        let surplus =
            self.size() >= self.max_size || self.idle.len() >= self.max_idle.min(self.max_size);
        if !surplus {
            // Who was given one and did not come for it has not used it.
            let index = self.idle.partition_point(|other| other.since <= connection.since);
            self.idle.insert(index, connection);
        }
    }
}
