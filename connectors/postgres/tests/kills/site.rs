//! One pool with its load, and what must be true of it: in each round, and in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use wellspring_pool_core::{AcquireError, Builder, Event, Listener, Phase, Pool, Status};

use crate::clients::Client;
use crate::ledger::Lines;
use crate::load::{Task, acquire};
use crate::tally::Tally;
use crate::{SIZE, TASKS};

/// How long after a restart the pool may take to hand out a live connection.
const BACK: Duration = Duration::from_secs(30);
/// How long one statement of a connection just had may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the pool may take to come to rest without its load, and a drain.
const REST: Duration = Duration::from_secs(10);
/// How long the tasks may take to see that it is over: longer than anything that they wait for.
const STOP: Duration = Duration::from_secs(30);

/// How often the breaker of a pool opened and closed: its listener.
#[derive(Clone, Default)]
struct Openings(Arc<[AtomicU64; 2]>);

impl Listener for Openings {
    fn on_event(&self, _: &str, event: &Event<'_>) {
        let [opened, closed] = &*self.0;
        match event {
            Event::BreakerOpened { .. } => opened.fetch_add(1, Relaxed),
            Event::BreakerClosed => closed.fetch_add(1, Relaxed),
            _ => 0,
        };
    }
}

/// A pool under load.
pub(crate) struct Site<C: Client> {
    pool: Pool<C>,
    openings: Openings,
    kills: watch::Sender<u64>,
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<(Tally, Lines)>>,
    /// What the test itself acquired.
    own: Tally,
    slowest: Duration,
}

impl<C: Client> Site<C> {
    /// Builds the pool and puts a load on it, of tasks numbered from `first_task`.
    pub(crate) fn new(pool: Builder<C>, first_task: usize) -> Self {
        let openings = Openings::default();
        let pool = pool.listener(openings.clone()).build().expect("sound options");
        let (kills, seen) = watch::channel(0);
        let over = Arc::new(AtomicBool::new(false));
        let tasks = (first_task..first_task + TASKS)
            .map(|number| {
                let (pool, kills, over) = (pool.clone(), seen.clone(), Arc::clone(&over));
                tokio::spawn(Task { pool, number, kills, over }.run())
            })
            .collect();
        let (own, slowest) = (Tally::default(), Duration::ZERO);
        Self { pool, openings, kills, over, tasks, own, slowest }
    }

    /// The server was killed.
    pub(crate) fn killed(&self) {
        self.kills.send_modify(|kills| *kills += 1);
        self.adds_up();
    }

    /// The server is there again: waits until the pool hands out a connection that works.
    ///
    /// # Panics
    /// When it does not within [`BACK`], or when its numbers do not add up.
    pub(crate) async fn comes_back(&mut self, round: u64) {
        self.adds_up();
        let Self { pool, own, .. } = self;
        let start = Instant::now();
        let back = async {
            loop {
                if let Some(mut connection) = acquire(pool, None, own).await
                    && matches!(timeout(ANSWER, C::ask(&mut connection)).await, Ok(Ok(())))
                {
                    return;
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        let back = timeout(BACK, back).await;
        assert!(back.is_ok(), "round {round}: {}: not back, {}", pool.name(), pool.status());
        self.slowest = self.slowest.max(start.elapsed());
        self.adds_up();
    }

    /// How long the pool took at most to come back.
    pub(crate) fn slowest(&self) -> Duration {
        self.slowest
    }

    /// How often its breaker opened and closed.
    pub(crate) fn openings(&self) -> (u64, u64) {
        let [opened, closed] = &*self.openings.0;
        (opened.load(Relaxed), closed.load(Relaxed))
    }

    /// Ends the load.
    ///
    /// # Panics
    /// When a task hangs, or panicked.
    pub(crate) async fn stop(&mut self) -> (Tally, Vec<Lines>) {
        self.over.store(true, Relaxed);
        // Those that hold a connection until the next kill need not.
        self.kills.send_modify(|kills| *kills += 1);
        let mut tally = std::mem::take(&mut self.own);
        let mut all = Vec::new();
        for task in self.tasks.drain(..) {
            let ended = timeout(STOP, task).await;
            let ended = ended.unwrap_or_else(|_| panic!("a task hangs, {}", self.pool.status()));
            let (more, lines) = ended.expect("the task did not panic");
            tally = tally.and(more);
            all.push(lines);
        }
        (tally, all)
    }

    /// With the load gone: every slot can be had, none beyond, and a drain closes them all.
    ///
    /// # Panics
    /// When one of these is not so.
    pub(crate) async fn end(&self) {
        let pool = &self.pool;
        let at_rest = async {
            loop {
                let status = self.adds_up();
                if status.idle == status.size && status.waiting == 0 {
                    return;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let at_rest = timeout(REST, at_rest).await;
        assert!(at_rest.is_ok(), "{}: not at rest, {}", pool.name(), pool.status());

        let mut guards = Vec::new();
        for n in 0..SIZE {
            let guard = pool.get().await;
            guards.push(guard.unwrap_or_else(|error| panic!("{}: {n}: {error}", pool.name())));
        }
        for guard in &mut guards {
            C::ask(guard).await.expect("each of them works");
        }
        match pool.get_timeout(Duration::ZERO).await {
            Err(AcquireError::Timeout(info)) => assert_eq!(info.phase, Phase::Wait),
            Err(error) => panic!("{}: {error}", pool.name()),
            Ok(_) => panic!("{}: one more than there are, {}", pool.name(), pool.status()),
        }
        let status = self.adds_up();
        assert_eq!((status.used, status.size), (SIZE, SIZE), "{}: {status}", pool.name());
        drop(guards);

        let report = pool.drain(REST).await;
        assert!(report.complete && report.holders.is_empty(), "{}: {report:?}", pool.name());
        assert_eq!(self.adds_up().size, 0, "{}", pool.name());
    }

    /// The pool's numbers of the moment, which add up.
    fn adds_up(&self) -> Status {
        let status = self.pool.status();
        let Status { size, idle, used, connecting, validating, resetting, .. } = status;
        let parts =
            idle + used + connecting + validating + resetting + status.closing + status.abandoned;
        assert_eq!(parts, size, "{}: {status:?}", self.pool.name());
        assert!(size <= SIZE, "{}: more than there may be, {status:?}", self.pool.name());
        status
    }
}
