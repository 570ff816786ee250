//! The scripted core of all fake managers: what opening and checking a connection does next, and
//! what came of it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// What opening a connection does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Connect {
    /// Succeeds.
    Succeed,
    /// Fails as when the server is away for a moment.
    Refuse,
    /// Fails as with a wrong password.
    Deny,
    /// Panics.
    Panic,
}

/// What checking a connection does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Check {
    /// Succeeds.
    Pass,
    /// Succeeds after a while.
    Take(Duration),
    /// Fails: the connection is dead.
    Fail,
    /// Never ends.
    Hang,
}

/// What comes next, and what comes after that.
#[derive(Debug)]
struct Plan<A> {
    next: VecDeque<A>,
    then: A,
}

impl<A: Copy> Plan<A> {
    fn take(&mut self) -> A {
        self.next.pop_front().unwrap_or(self.then)
    }
}

/// The script of one pool.
#[derive(Debug)]
pub(crate) struct Script {
    connect: Mutex<Plan<Connect>>,
    check: Mutex<Plan<Check>>,
    opened: AtomicUsize,
    checks: AtomicUsize,
    resumed: AtomicUsize,
    /// Told when a check is planned to fail, for servers that fail one by hanging up.
    pub(crate) failing: Notify,
}

impl Script {
    /// One in which everything succeeds.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            connect: Mutex::new(Plan { next: VecDeque::new(), then: Connect::Succeed }),
            check: Mutex::new(Plan { next: VecDeque::new(), then: Check::Pass }),
            opened: AtomicUsize::new(0),
            checks: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            failing: Notify::new(),
        })
    }

    /// The next connect does this, once.
    pub(crate) fn connect_once(&self, connect: Connect) {
        lock(&self.connect).next.push_back(connect);
    }

    /// All connects do this from now on.
    pub(crate) fn connect_always(&self, connect: Connect) {
        lock(&self.connect).then = connect;
    }

    /// The next check does this, once.
    pub(crate) fn check_once(&self, check: Check) {
        lock(&self.check).next.push_back(check);
        if matches!(check, Check::Fail) {
            self.failing.notify_waiters();
        }
    }

    /// All checks do this from now on.
    pub(crate) fn check_always(&self, check: Check) {
        lock(&self.check).then = check;
    }

    /// What opening the connection at hand does.
    pub(crate) fn next_connect(&self) -> Connect {
        lock(&self.connect).take()
    }

    /// What checking the connection at hand does.
    pub(crate) fn next_check(&self) -> Check {
        lock(&self.check).take()
    }

    /// A connection was opened.
    pub(crate) fn count_opened(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }

    /// How many connections were opened.
    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// How many checks were begun.
    pub(crate) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    /// How many checks were begun on a connection whose last one was never finished: its reader
    /// would take the old answer for the new one.
    pub(crate) fn resumed(&self) -> usize {
        self.resumed.load(Ordering::SeqCst)
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Result<Conn, Refused> {
        match self.next_connect() {
            Connect::Succeed => {
                self.count_opened();
                Ok(Conn::default())
            }
            Connect::Refuse => Err(Refused::new("connection refused for now", false)),
            Connect::Deny => Err(Refused::new("access denied for this user", true)),
            Connect::Panic => panic!("scripted panic while connecting"),
        }
    }

    /// Checks a connection.
    pub(crate) async fn check(&self, conn: &mut Conn) -> Result<(), Refused> {
        self.checks.fetch_add(1, Ordering::SeqCst);
        if std::mem::replace(&mut conn.in_flight, true) {
            self.resumed.fetch_add(1, Ordering::SeqCst);
        }
        match self.next_check() {
            Check::Pass => {}
            Check::Take(time) => tokio::time::sleep(time).await,
            Check::Fail => return Err(Refused::new("the server has gone away", false)),
            Check::Hang => std::future::pending().await,
        }
        conn.in_flight = false;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fake connection.
#[derive(Debug, Default)]
pub(crate) struct Conn {
    /// A check was begun and is not finished.
    in_flight: bool,
}

/// Why opening or checking a connection failed.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    text: String,
    /// Trying again will not help.
    pub(crate) for_good: bool,
}

impl Refused {
    fn new(text: &str, for_good: bool) -> Self {
        Self { text: text.to_owned(), for_good }
    }
}

/// For pools that put their own words into the manager's error.
impl From<&str> for Refused {
    fn from(text: &str) -> Self {
        Self::new(text, false)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}
