//! The crate by itself: transactions over connections lent by somebody else than the façade.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use wellspring_connector::{Connection, Connector, Error, ErrorKind, Lease, Result, Translator};
use wellspring_sqlite::{SqliteConnector, SqliteOptions};
use wellspring_txn::{
    AttemptOutcome, Begin, RetryPolicy, Transaction, TransactionBuilder, Tx, transaction,
    transaction_once,
};

/// Lends a new connection each time, and counts those that were abandoned.
struct Fresh {
    connector: SqliteConnector,
    translator: Arc<Translator>,
    abandoned: Arc<AtomicUsize>,
}

impl Fresh {
    async fn new() -> Self {
        let connector = SqliteConnector::new(SqliteOptions::memory()).unwrap();
        let translator = Arc::new(Translator::new(connector.dialect(), 10));
        let fresh = Self { connector, translator, abandoned: Arc::default() };
        let mut lease = fresh.lease().await.unwrap();
        lease.connection().execute_script("create table t (a integer)").await.unwrap();
        fresh
    }

    async fn count(&self) -> i64 {
        transaction_once(self, Default::default(), async |mut tx| -> Result<i64> {
            tx.query("select count(*) from t", ()).one().await
        })
        .await
        .unwrap()
    }

    fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::SeqCst)
    }
}

struct Lent {
    connection: Box<dyn Connection>,
    abandoned: Arc<AtomicUsize>,
}

impl Lease for Lent {
    fn connection(&mut self) -> &mut dyn Connection {
        &mut *self.connection
    }

    fn abandon(&mut self) {
        self.abandoned.fetch_add(1, Ordering::SeqCst);
    }
}

impl Begin for Fresh {
    async fn lease(&self) -> Result<Box<dyn Lease>> {
        let connection = self.connector.connect().await?;
        Ok(Box::new(Lent { connection, abandoned: Arc::clone(&self.abandoned) }))
    }

    fn translator(&self) -> &Arc<Translator> {
        &self.translator
    }
}

#[tokio::test]
async fn the_lender_hears_of_every_transaction_that_was_left_open() {
    let fresh = Fresh::new().await;
    let kept: Result<()> =
        transaction(&fresh, Default::default(), RetryPolicy::never(), async |mut tx| {
            tx.execute("insert into t values (1)", ()).await.map(drop)
        })
        .await;
    kept.unwrap();
    let undone: Result<()> = transaction_once(&fresh, Default::default(), async |mut tx| {
        tx.execute("insert into t values (2)", ()).await?;
        Err(Error::new(ErrorKind::Other, "no"))
    })
    .await;
    undone.unwrap_err();
    assert_eq!(fresh.abandoned(), 0, "committed or rolled back, nothing is left open");

    let lease = fresh.lease().await.unwrap();
    let translator = Arc::clone(&fresh.translator);
    let mut by_hand = Transaction::begin(lease, translator, Default::default()).await.unwrap();
    by_hand.execute("insert into t values (3)", ()).await.unwrap();
    drop(by_hand);
    assert_eq!(fresh.abandoned(), 1);
    assert_eq!(fresh.count().await, 1);
}

#[tokio::test]
async fn a_lender_with_nothing_to_lend_fails_the_transaction_with_its_own_error() {
    struct Empty(Arc<Translator>);
    impl Begin for Empty {
        async fn lease(&self) -> Result<Box<dyn Lease>> {
            Err(Error::new(ErrorKind::PoolClosed, "nothing left"))
        }
        fn translator(&self) -> &Arc<Translator> {
            &self.0
        }
    }
    let empty = Empty(Arc::new(Translator::new(&wellspring_connector::Dialect::STANDARD, 0)));
    let calls = AtomicUsize::new(0);
    let result: Result<()> =
        transaction(&empty, Default::default(), RetryPolicy::default(), async |_tx| {
            calls.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
        .await;
    assert_eq!(result.unwrap_err().message(), "nothing left");
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// A lender whose connections are gone when they are lent, so many times.
struct Stale {
    fresh: Fresh,
    left: AtomicUsize,
    retries: AtomicUsize,
}

impl Begin for Stale {
    async fn lease(&self) -> Result<Box<dyn Lease>> {
        let step = |n: usize| n.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).is_ok() {
            return Err(Error::new(ErrorKind::ConnectionLost, "it went away"));
        }
        self.fresh.lease().await
    }

    fn translator(&self) -> &Arc<Translator> {
        self.fresh.translator()
    }

    fn retrying(&self) {
        self.retries.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_beginning_is_no_reason_to_give_up() {
    let stale = Stale {
        fresh: Fresh::new().await,
        left: AtomicUsize::new(2),
        retries: AtomicUsize::new(0),
    };
    let outcomes = Mutex::new(Vec::new());
    let done: Result<u32> = TransactionBuilder::new(&stale)
        .on_attempt(|attempt| outcomes.lock().unwrap().push((attempt.number, attempt.outcome)))
        .run(async |mut tx| {
            tx.execute("insert into t values (1)", ()).await?;
            Ok(7)
        })
        .await;
    assert_eq!(done.unwrap(), 7);
    assert_eq!(
        *outcomes.lock().unwrap(),
        [(1, AttemptOutcome::Failed), (2, AttemptOutcome::Failed), (3, AttemptOutcome::Committed),]
    );
    assert_eq!(stale.retries.load(Ordering::SeqCst), 2, "the lender hears of each");
    assert_eq!(stale.fresh.count().await, 1);
}

#[tokio::test]
async fn rolled_back_only_is_no_abandonment() {
    let fresh = Fresh::new().await;
    let value: Result<i64> =
        transaction(&fresh, Default::default(), RetryPolicy::never(), async |mut tx| {
            tx.execute("insert into t values (1)", ()).await?;
            tx.savepoint(async |mut inner| {
                inner.set_rollback_only();
                Ok::<_, Error>(())
            })
            .await?;
            tx.query("select count(*) from t", ()).one().await
        })
        .await;
    assert_eq!(value.unwrap(), 1);
    assert_eq!(fresh.count().await, 0);
    assert_eq!(fresh.abandoned(), 0);
}

/// What is dropped half-way at any moment leaves a transaction that can go on.
#[tokio::test]
async fn a_named_savepoint_dropped_at_any_moment_is_undone() {
    async fn inner(mut tx: Tx) -> Result<()> {
        tx.execute("insert into t values (1)", ()).await?;
        tx.create_savepoint("within").await?;
        tokio::task::yield_now().await;
        tx.execute("insert into t values (2)", ()).await?;
        tx.rollback_to_savepoint("within").await?;
        tokio::task::yield_now().await;
        tx.release_savepoint("within").await
    }

    let fresh = Fresh::new().await;
    let (mut whole, mut released) = (0, 0);
    for polls in 0..30 {
        let lease = fresh.lease().await.unwrap();
        let translator = Arc::clone(&fresh.translator);
        let mut tx = Transaction::begin(lease, translator, Default::default()).await.unwrap();
        let mut left = polls;
        let finished = {
            let mut work = pin!(tx.savepoint_named("scope", inner));
            poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(false);
                }
                left -= 1;
                work.as_mut().poll(cx).map(|done| done.is_ok())
            })
            .await
        };
        let rows: i64 = tx.query("select count(*) from t", ()).one().await.unwrap();
        // Whose release was under way is kept.
        assert!(rows == 1 || (rows == 0 && !finished), "after {polls} polls: {rows}");
        released += u32::from(rows == 1 && !finished);
        // The name is free again.
        tx.create_savepoint("scope").await.unwrap();
        tx.release_savepoint("scope").await.unwrap();
        tx.rollback().await.unwrap();
        whole += u32::from(finished);
    }
    assert!(whole > 0 && whole < 30, "{whole} of 30 were not dropped");
    assert!(released <= 2, "{released} were dropped, and kept");
}
