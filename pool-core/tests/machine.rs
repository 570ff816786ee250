//! The pool, with the free path open and with the plain engine, against a model in plain data: random histories of asking, polling, giving up, returning,
//! resizing, pausing, invalidating and closing, with the same outcome in both after each step.
//!
//! How many histories: `PROPTEST_CASES`, by default 256.

mod model;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use wellspring_pool_core::{
    AcquireError, Pool, PoolGroup, Pooled, Priority, RetryPolicy, Reuse, TryGetError, Validate,
};
use wellspring_testkit::fake::{Fake, FakeError};

use model::{Got, Model, Put};

type Guard = Pooled<Fake, Pool<Fake>>;
type Asked = Pin<Box<dyn Future<Output = Result<Guard, AcquireError<FakeError>>>>>;

#[derive(Debug, Clone)]
enum Op {
    /// Asks, with a priority and a deadline in milliseconds.
    Ask(Priority, u64),
    /// Polls one of those who asked.
    Poll(usize),
    /// One of those who asked goes away.
    Leave(usize),
    TryGet,
    Put(usize, Put),
    Resize(usize),
    Invalidate,
    Pause,
    Resume,
    /// All who were served come for it, time passes, and all look again.
    Advance(u64),
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    let priority = prop_oneof![
        1 => Just(Priority::Low),
        3 => Just(Priority::Normal),
        1 => Just(Priority::High),
    ];
    let put = prop_oneof![
        4 => Just(Put::Clean),
        1 => Just(Put::Dirty),
        1 => Just(Put::Broken),
        1 => Just(Put::Discard),
        1 => Just(Put::Detach),
    ];
    prop_oneof![
        8 => (priority, 1_u64..200).prop_map(|(priority, limit)| Op::Ask(priority, limit)),
        6 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::Leave),
        2 => Just(Op::TryGet),
        8 => (any::<usize>(), put).prop_map(|(which, put)| Op::Put(which, put)),
        1 => (1_usize..4).prop_map(Op::Resize),
        1 => Just(Op::Invalidate),
        1 => Just(Op::Pause),
        2 => Just(Op::Resume),
        1 => (1_u64..80).prop_map(Op::Advance),
        1 => prop_oneof![9 => Just(Op::Resume), 1 => Just(Op::Close)],
    ]
}

/// Both sides of a history.
struct Pair {
    kind: Kind,
    pool: Pool<Fake>,
    asked: Vec<(usize, Asked)>,
    /// With the model's number of each, which is the pool's where the order is known.
    guards: Vec<(u64, Guard)>,
    model: Model,
}

/// Lets the pool's tasks come to their end: in paused time they all do.
async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

/// Which engine, and which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What is idle changes hands without the lock; which one is had, is left open.
    Open,
    /// The plain engine, to which the open one is compared as well: each under the lock, and of each
    /// it is known which one is had.
    Lifo,
    Fifo,
}

impl Pair {
    fn new(max_size: usize, max_overflow: usize, max_idle: usize, kind: Kind) -> Self {
        let reuse = if kind == Kind::Fifo { Reuse::Fifo } else { Reuse::Lifo };
        let mut builder = Pool::builder(Fake::new());
        if kind == Kind::Lifo {
            // A pool that shares a cap has the plain engine; the cap is out of reach.
            builder = builder.group(&PoolGroup::new(100).unwrap(), 1);
        }
        let pool = builder
            .max_size(max_size)
            .max_overflow(max_overflow)
            .max_idle(Some(max_idle.min(max_size)))
            .reuse(reuse)
            .validate(Validate::Never)
            .connect_retry(RetryPolicy::connecting())
            .max_lifetime(None)
            .build()
            .unwrap();
        let fifo = reuse == Reuse::Fifo;
        let model = Model::new(max_size, max_overflow, max_idle.min(max_size), fifo);
        Self { kind, pool, asked: Vec::new(), guards: Vec::new(), model }
    }

    async fn step(&mut self, op: &Op) -> Result<(), TestCaseError> {
        match *op {
            Op::Ask(priority, limit) => {
                let limit = Duration::from_millis(limit);
                let get = self.pool.get_owned().priority(priority).timeout(limit);
                let number = self.model.ask(priority, limit);
                self.asked.push((number, Box::pin(get)));
                // The first poll is part of asking.
                let last = self.asked.len() - 1;
                self.poll(last)?;
            }
            Op::Poll(which) if !self.asked.is_empty() => self.poll(which % self.asked.len())?,
            Op::Leave(which) if !self.asked.is_empty() => {
                let (number, future) = self.asked.remove(which % self.asked.len());
                drop(future);
                self.model.leave(number);
            }
            Op::TryGet => {
                let got = match self.pool.try_get() {
                    Ok(guard) => {
                        let id = guard.id().get();
                        // As an owned one, for the list; the same connection comes back.
                        drop(guard);
                        Got::Connection(id)
                    }
                    Err(TryGetError::Closed) => Got::Closed,
                    Err(_) => Got::Nothing,
                };
                let expected = self.model.try_get_and_put();
                self.same(got, expected)?;
            }
            Op::Put(which, how) if !self.guards.is_empty() => {
                let (number, mut guard) = self.guards.remove(which % self.guards.len());
                self.model.put(number, how);
                match how {
                    Put::Clean => drop(guard),
                    Put::Dirty => guard.dirty = true,
                    Put::Broken => guard.broken = true,
                    Put::Discard => guard.discard(),
                    Put::Detach => drop(guard.detach()),
                }
            }
            Op::Resize(max_size) => {
                self.pool.resize(max_size).unwrap();
                self.model.resize(max_size);
            }
            Op::Invalidate => {
                self.pool.invalidate_all();
                self.model.invalidate();
            }
            Op::Pause => {
                self.pool.pause();
                self.model.pause();
            }
            Op::Resume => {
                self.pool.resume();
                self.model.resume();
            }
            Op::Advance(millis) => {
                self.poll_all()?;
                settle().await;
                self.model.settle();
                tokio::time::advance(Duration::from_millis(millis)).await;
                self.model.advance(Duration::from_millis(millis));
                // Those who are late count as waiting until they have learnt it.
                self.poll_all()?;
            }
            Op::Close => {
                self.pool.close();
                self.model.close();
            }
            Op::Poll(_) | Op::Leave(_) | Op::Put(..) => {}
        }
        settle().await;
        self.model.settle();
        self.compare()
    }

    fn poll_all(&mut self) -> Result<(), TestCaseError> {
        (0..self.asked.len()).rev().try_for_each(|which| self.poll(which))
    }

    fn poll(&mut self, which: usize) -> Result<(), TestCaseError> {
        let (number, future) = &mut self.asked[which];
        let expected = self.model.poll(*number);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let got = match polled {
            Poll::Pending => Got::Nothing,
            Poll::Ready(Ok(guard)) => {
                let id = guard.id().get();
                prop_assert!(self.guards.iter().all(|(_, other)| other.id().get() != id), "twice");
                if let Got::Connection(number) = expected {
                    self.guards.push((number, guard));
                }
                Got::Connection(id)
            }
            Poll::Ready(Err(AcquireError::Timeout(_))) => Got::Timeout,
            Poll::Ready(Err(AcquireError::Closed)) => Got::Closed,
            Poll::Ready(Err(error)) => return Err(TestCaseError::fail(error.to_string())),
        };
        if got != Got::Nothing {
            drop(self.asked.remove(which));
        }
        self.same(got, expected)
    }

    fn same(&self, got: Got, expected: Got) -> Result<(), TestCaseError> {
        match (got, expected) {
            (Got::Connection(_), Got::Connection(_)) if self.kind == Kind::Open => Ok(()),
            _ => {
                prop_assert_eq!(got, expected);
                Ok(())
            }
        }
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let status = self.pool.status();
        let model = &self.model;
        prop_assert_eq!(status.idle, model.idle(), "idle in {:?}", status);
        prop_assert_eq!(status.used, model.used(), "used in {:?}", status);
        prop_assert_eq!(status.size, model.idle() + model.used(), "size in {:?}", status);
        prop_assert_eq!(status.waiting, model.waiting(), "waiting in {:?}", status);
        prop_assert!(status.size <= model.most(), "more than may be: {:?}", status);
        let counters = self.pool.stats().counters;
        prop_assert_eq!(
            counters.connected,
            counters.closed.total() + counters.detached + status.size as u64,
            "{:?}",
            counters
        );
        Ok(())
    }

    /// Everybody goes home: all that is left is idle.
    async fn end(mut self) -> Result<(), TestCaseError> {
        self.asked.clear();
        self.guards.clear();
        self.pool.resume();
        settle().await;
        let status = self.pool.status();
        prop_assert_eq!((status.used, status.waiting), (0, 0));
        prop_assert_eq!(status.size, status.idle);
        prop_assert!(self.pool.drain(Duration::from_secs(1)).await.complete);
        prop_assert_eq!(self.pool.manager().world.alive(), 0);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_the_model(
        max_size in 1_usize..4,
        max_overflow in 0_usize..2,
        max_idle in 1_usize..4,
        kind in prop_oneof![2 => Just(Kind::Open), 1 => Just(Kind::Lifo), 1 => Just(Kind::Fifo)],
        ops in vec(op(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new(max_size, max_overflow, max_idle, kind);
            for op in &ops {
                pair.step(op).await?;
            }
            pair.end().await
        })?;
    }
}
