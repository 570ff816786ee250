//! What is pooled: a connection of 16 bytes, and what makes and checks it.

use std::fmt;
use std::future::{Future, ready};
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::yield_now;

/// A connection: which one it is, and whether anything is wrong with it.
pub(crate) struct Conn {
    serial: NonZeroU64,
    failures: u64,
}

/// How many were made in this process.
static MADE: AtomicU64 = AtomicU64::new(0);
/// How often [`Panicky`] was asked, by what.
static CHECKED: AtomicU64 = AtomicU64::new(0);
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many connections were ever made.
pub(crate) fn made() -> u64 {
    MADE.load(Ordering::SeqCst)
}

/// How often making or checking one panicked.
pub(crate) fn panics() -> u64 {
    PANICS.load(Ordering::SeqCst)
}

impl Conn {
    pub(crate) fn new() -> Self {
        let before = MADE.fetch_add(1, Ordering::SeqCst);
        Self { serial: NonZeroU64::MIN.saturating_add(before), failures: 0 }
    }

    pub(crate) fn serial(&self) -> u64 {
        self.serial.get()
    }

    /// What the client's side of a driver knows without asking: a flag of the connection is read.
    pub(crate) fn is_sound(&self) -> bool {
        self.failures == 0
    }

    fn checked(&self) -> Result<(), Refused> {
        if self.is_sound() { Ok(()) } else { Err(Refused) }
    }
}

/// A connection could not be made or is unfit; it never happens by itself here.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// How connections are made and checked.
pub(crate) trait Maker: Send + Sync + 'static {
    fn make() -> impl Future<Output = Result<Conn, Refused>> + Send;
    fn check(conn: &mut Conn) -> impl Future<Output = Result<(), Refused>> + Send;
}

/// At once: what is measured is the pool.
pub(crate) struct Quick;

impl Maker for Quick {
    fn make() -> impl Future<Output = Result<Conn, Refused>> + Send {
        ready(Ok(Conn::new()))
    }

    fn check(conn: &mut Conn) -> impl Future<Output = Result<(), Refused>> + Send {
        ready(conn.checked())
    }
}

/// With a pause in each, in which it can be cancelled.
pub(crate) struct Slow;

impl Maker for Slow {
    async fn make() -> Result<Conn, Refused> {
        yield_now().await;
        Ok(Conn::new())
    }

    async fn check(conn: &mut Conn) -> Result<(), Refused> {
        yield_now().await;
        conn.checked()
    }
}

/// As [`Slow`], and each 1000th check and each 4th connect panics. A connect follows a check that
/// panicked, so there are few.
pub(crate) struct Panicky;

impl Maker for Panicky {
    async fn make() -> Result<Conn, Refused> {
        yield_now().await;
        let conn = Conn::new();
        if conn.serial().is_multiple_of(4) {
            panic();
        }
        Ok(conn)
    }

    async fn check(conn: &mut Conn) -> Result<(), Refused> {
        yield_now().await;
        if (CHECKED.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(1000) {
            panic();
        }
        conn.checked()
    }
}

fn panic() {
    PANICS.fetch_add(1, Ordering::SeqCst);
    panic!("{EXPECTED}");
}

/// What the panics that are made here say.
pub(crate) const EXPECTED: &str = "as arranged";

/// A manager, for every pool: the peers' files implement their pool's contract on it.
pub(crate) struct Managed<K: Maker>(PhantomData<fn() -> K>);

impl<K: Maker> Managed<K> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}
