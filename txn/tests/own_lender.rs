//! The crate by itself: transactions over connections lent by somebody else than the façade.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wellspring_connector::{Connection, Connector, Error, ErrorKind, Lease, Result, Translator};
use wellspring_sqlite::{SqliteConnector, SqliteOptions};
use wellspring_txn::{Begin, RetryPolicy, Transaction, transaction, transaction_once};

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
