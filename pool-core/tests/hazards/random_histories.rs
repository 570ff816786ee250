//! Random histories of everything a pool can do and everything that can go wrong, in paused time:
//! no panic but the scripted ones, all numbers add up, and in the end the pool is as good as new.
//!
//! How many histories: `WELLSPRING_SEEDS`, by default 16; or which of them:
//! `WELLSPRING_SEEDS=7..8`.

use std::ops::Range;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinHandle;
use wellspring_pool_core::{
    Acquire, BreakerOptions, Fairness, PoolGroup, Pooled, Priority, RetryPolicy,
};
use wellspring_testkit::fake::{Fake, Step, World};

use crate::support::{self, FakePool, poll, pool_with, settle};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

const STEPS: usize = 400;
const PRIORITIES: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

type Guard = Pooled<Fake, FakePool>;
type Asked = Pin<Box<Acquire<Fake, FakePool>>>;

#[test]
fn whatever_happens_the_pool_recovers() {
    let failed: Vec<u64> =
        seeds().filter(|seed| catch_unwind(|| run(*seed)).is_err()).take(5).collect();
    assert!(failed.is_empty(), "the histories of these seeds fail: {failed:?}");
}

fn seeds() -> Range<u64> {
    let text = std::env::var("WELLSPRING_SEEDS").unwrap_or_else(|_| "16".to_owned());
    let number = |text: &str| text.parse().expect("WELLSPRING_SEEDS is a number or a range");
    match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 1..1 + number(&text),
    }
}

fn run(seed: u64) {
    // The pool's own dice, for jitter, are this thread's.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut history = History::new(Rng::with_seed(seed));
        for _ in 0..STEPS {
            history.step().await;
            history.adds_up();
        }
        history.end().await;
    });
}

/// A pool, sometimes with a neighbour under a common cap, and what was done with them so far.
struct History {
    dice: Rng,
    pool: FakePool,
    world: Arc<World>,
    neighbour: FakePool,
    group: PoolGroup,
    cap: usize,
    grouped: bool,
    /// Those who asked and are polled only now and then.
    asked: Vec<Asked>,
    held: Vec<Guard>,
    held_of_neighbour: Vec<Guard>,
    tasks: Vec<JoinHandle<()>>,
}

impl History {
    fn new(mut dice: Rng) -> Self {
        let max_size = dice.usize(1..=5);
        let cap = max_size + 1;
        let group = PoolGroup::new(cap).unwrap();
        let grouped = dice.usize(0..3) == 0;
        let retry = RetryPolicy {
            max_pause: SECOND,
            max_attempts: dice.bool().then_some(3),
            ..RetryPolicy::connecting()
        };
        let breaker = BreakerOptions { failures: 3, open_for: 5 * SECOND, probes: dice.u32(1..=2) };
        let fairness = match dice.usize(0..3) {
            0 => Fairness::Bounded { max_bypass: 2 },
            _ => Fairness::Strict,
        };
        let (pool, world) = pool_with(max_size, |b| {
            let b = b
                .min_idle(dice.usize(0..2))
                .max_overflow(dice.usize(0..2))
                .connect_retry(retry)
                .breaker(dice.bool().then_some(breaker))
                .outage_tolerance(SECOND)
                .fairness(fairness)
                .max_abandoned(2)
                .leak_threshold(Some(3 * SECOND))
                .leak_reclaim(dice.bool().then_some(6 * SECOND))
                .keepalive(dice.bool().then_some(4 * SECOND))
                .max_lifetime(dice.bool().then_some(30 * SECOND))
                .idle_timeout(Some(10 * SECOND))
                .connect_timeout(2 * SECOND)
                .max_uses(Some(20));
            if grouped { b.group(&group, 0) } else { b }
        });
        let (neighbour, _) = pool_with(cap, |b| b.group(&group, 0));
        Self {
            dice,
            pool,
            world,
            neighbour,
            group,
            cap,
            grouped,
            asked: Vec::new(),
            held: Vec::new(),
            held_of_neighbour: Vec::new(),
            tasks: Vec::new(),
        }
    }

    async fn step(&mut self) {
        let (pool, world) = (&self.pool, &self.world);
        match self.dice.usize(0..24) {
            0..5 => self.work(),
            5 => self.held.extend(pool.get_owned_timeout(100 * MILLI).await),
            6 => {
                let asked = Box::pin(pool.get_owned_timeout(5 * SECOND));
                self.look(asked);
            }
            7 => {
                if let Some(asked) = take(&mut self.asked, &mut self.dice) {
                    self.look(asked);
                }
            }
            8 => drop(take(&mut self.asked, &mut self.dice)),
            9..11 => self.give_one_back(),
            11 => world.connect.next([Step::Fail; 3]),
            12 => world.connect.next([Step::Slow(500 * MILLI), Step::Never]),
            13 => world.validate.next([Step::Fail, Step::Slow(300 * MILLI)]),
            14 => world.reset.next([Step::Fail, Step::Panic]),
            15 => world.close.next([Step::Slow(SECOND), Step::Panic]),
            16 => drop(pool.pause()),
            17 => drop(pool.resume()),
            18 => pool.invalidate_all(),
            19 => {
                let least = pool.options().min_idle.max(1);
                pool.resize(self.dice.usize(least..=pool.options().max_size)).unwrap();
            }
            20 if self.dice.usize(0..3) == 0 => pool.open_breaker(),
            20 => pool.reset_breaker(),
            21 => world.unstick(),
            22 if self.held_of_neighbour.len() < 3 => {
                self.held_of_neighbour.extend(self.neighbour.get_owned_timeout(50 * MILLI).await);
            }
            22 => self.held_of_neighbour.clear(),
            _ => tokio::time::sleep(self.dice.u32(0..1_500) * MILLI).await,
        }
    }

    /// A task asks, works for a while and leaves.
    fn work(&mut self) {
        let pool = self.pool.clone();
        let priority = PRIORITIES[self.dice.usize(0..3)];
        let (patience, work) = (self.dice.u32(0..3_000) * MILLI, self.dice.u32(0..4_000) * MILLI);
        self.tasks.push(tokio::spawn(async move {
            if let Ok(guard) = pool.get().priority(priority).timeout(patience).await {
                tokio::time::sleep(work).await;
                drop(guard);
            }
        }));
    }

    /// One who asks looks whether it is served, and comes again another time if it is not.
    fn look(&mut self, mut asked: Asked) {
        match poll(&mut asked) {
            Poll::Pending => self.asked.push(asked),
            Poll::Ready(result) => self.held.extend(result),
        }
    }

    fn give_one_back(&mut self) {
        let Some(mut guard) = take(&mut self.held, &mut self.dice) else {
            return;
        };
        match self.dice.usize(0..6) {
            0 => return guard.discard(),
            1 => return drop(guard.detach()),
            2 => guard.dirty = true,
            3 => guard.broken = true,
            4 => guard.stuck = self.dice.usize(0..3) == 0,
            _ => {}
        }
        drop(guard);
    }

    fn adds_up(&self) {
        support::adds_up(self.pool.status());
        assert!(self.group.status().used <= self.cap, "{:?}", self.group.status());
    }

    /// Everybody goes home and the server is well: after a while the pool is as good as new.
    async fn end(mut self) {
        let options = self.pool.options();
        let (max_size, limit) = (options.max_size, options.max_size + options.max_overflow);
        self.asked.clear();
        self.held.clear();
        self.held_of_neighbour.clear();
        self.world.unstick();
        self.pool.resume();
        self.pool.reset_breaker();
        self.pool.resize(max_size).unwrap();
        for task in self.tasks {
            task.await.unwrap();
        }
        tokio::time::sleep(30 * SECOND).await;
        // What is left of the scripts is used up.
        for _ in 0..300 {
            self.pool.reset_breaker();
            if let Ok(guard) = self.pool.get_timeout(5 * SECOND).await {
                guard.discard();
            }
        }
        tokio::time::sleep(10 * SECOND).await;
        drop(self.neighbour);
        settle().await;
        let limit = if self.grouped { limit.min(self.cap) } else { limit };
        let mut all = Vec::new();
        for n in 0..limit {
            let guard = self.pool.get_timeout(20 * SECOND).await;
            all.push(guard.unwrap_or_else(|error| panic!("{n} of {limit}: {error}")));
        }
        drop(all);
        let report = self.pool.drain(60 * SECOND).await;
        assert!(report.complete && report.status.size == 0, "{report:?}");
        let counters = self.pool.stats().counters;
        let gone = counters.closed.total() + counters.detached;
        assert_eq!(counters.connected, gone, "{counters:?}");
        assert_eq!(self.group.status().used, 0);
        assert_eq!(self.world.alive(), 0);
    }
}

/// One of them, by the dice.
fn take<T>(list: &mut Vec<T>, dice: &mut Rng) -> Option<T> {
    (!list.is_empty()).then(|| list.swap_remove(dice.usize(0..list.len())))
}
