//! The load on one pool: tasks that take connections, use them, drop futures half-way, keep guards
//! while the server dies, and give everything back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use wellspring_pool_core::{Pool, PooledRef};
use wellspring_testkit::polls::poll_then_drop;

use crate::clients::{Client, Trouble};
use crate::ledger::{Lines, Stage};
use crate::tally::Tally;

/// The longest a statement is waited for: the server answers, or its sockets are closed.
const STATEMENT: Duration = Duration::from_secs(5);
/// The longest a guard is kept to see the server die.
const HOLD: Duration = Duration::from_millis(600);
/// How many of the tasks keep guards: so few that the others have connections.
const HOLDERS: usize = 3;

/// One of the tasks.
pub(crate) struct Task<C: Client> {
    pub(crate) pool: Pool<C>,
    pub(crate) number: usize,
    /// Changes with each kill.
    pub(crate) kills: watch::Receiver<u64>,
    /// Set when the load is to end.
    pub(crate) over: Arc<AtomicBool>,
}

/// What is done with a connection.
#[derive(Clone, Copy)]
enum Use {
    Ask,
    Doze,
    Write,
    /// Write, and go away without a commit.
    LeaveOpen,
    /// Keep the guard until the server was killed.
    Hold,
}

impl<C: Client> Task<C> {
    /// Works until it is over.
    pub(crate) async fn run(mut self) -> (Tally, Lines) {
        let mut tally = Tally::default();
        let mut lines = Lines::of(self.number as i64);
        while !self.over.load(Relaxed) {
            let mut stage = Stage::Open;
            let what = self.choose();
            let turn = self.turn(what, lines.next(), &mut stage, &mut tally);
            // Half-way: at a poll, or at a time.
            let ended = match fastrand::u8(0..16) {
                0..2 => poll_then_drop(turn, fastrand::usize(0..30)).await,
                2..4 => timeout(Duration::from_micros(fastrand::u64(0..8000)), turn).await.ok(),
                _ => {
                    turn.await;
                    Some(())
                }
            };
            tally.cut += u64::from(ended.is_none());
            if matches!(what, Use::Write | Use::LeaveOpen) {
                lines.push(stage);
            }
            sleep(Duration::from_micros(fastrand::u64(0..4000))).await;
        }
        (tally, lines)
    }

    fn choose(&self) -> Use {
        match fastrand::u8(0..8) {
            0 if self.number % crate::TASKS < HOLDERS => Use::Hold,
            0..3 => Use::Ask,
            3 => Use::Doze,
            4 => Use::LeaveOpen,
            _ => Use::Write,
        }
    }

    async fn turn(&mut self, what: Use, line: i64, stage: &mut Stage, tally: &mut Tally) {
        let Some(mut guard) = acquire(&self.pool, limit(), tally).await else {
            return sleep(Duration::from_millis(fastrand::u64(0..10))).await;
        };
        if matches!(what, Use::Hold) {
            self.kills.mark_unchanged();
            drop(timeout(HOLD, self.kills.changed()).await);
        }
        let task = self.number as i64;
        let connection = &mut *guard;
        let work = async {
            match what {
                Use::Ask | Use::Hold => C::ask(connection).await,
                Use::Doze => C::doze(connection).await,
                Use::LeaveOpen => {
                    C::begin(connection).await?;
                    C::insert(connection, task, line).await
                }
                Use::Write => {
                    C::begin(connection).await?;
                    C::insert(connection, task, line).await?;
                    *stage = Stage::Committing;
                    C::commit(connection).await?;
                    *stage = Stage::Committed;
                    Ok(())
                }
            }
        };
        match timeout(STATEMENT, work).await {
            Ok(Ok(())) => tally.answered += 1,
            Ok(Err(Trouble::Lost)) => tally.lost += 1,
            Ok(Err(Trouble::Other(error))) => tally.unexpected(error),
            Err(_) => tally.unexpected(format!("no answer within {STATEMENT:?}")),
        }
    }
}

/// The pool's own limit, or one short enough to pass during an outage.
fn limit() -> Option<Duration> {
    match fastrand::u8(0..8) {
        0 => Some(Duration::ZERO),
        1..5 => Some(Duration::from_millis(fastrand::u64(1..400))),
        _ => None,
    }
}

/// Takes a connection within `limit`, or the pool's own; the time it took is measured from outside
/// of the pool.
pub(crate) async fn acquire<'p, C: Client>(
    pool: &'p Pool<C>,
    limit: Option<Duration>,
    tally: &mut Tally,
) -> Option<PooledRef<'p, C>> {
    let start = Instant::now();
    let result = match limit {
        Some(limit) => pool.get_timeout(limit).await,
        None => pool.get().await,
    };
    tally.acquire(start.elapsed(), limit.unwrap_or(crate::ACQUIRE), result.as_ref().err());
    result.ok()
}
