//! The transaction closure compiles, and works, in every place people write one.

use async_trait::async_trait;
use wellspring::{Database, Error, Tx};

use crate::databases::sqlite_memory;
use crate::support::Fresh;

async fn counter() -> (Fresh, Database) {
    let fresh = sqlite_memory();
    let db = fresh.connect().await;
    db.execute("create table counter (n integer)", ()).await.unwrap();
    db.execute("insert into counter values (0)", ()).await.unwrap();
    (fresh, db)
}

async fn value(db: &Database) -> i64 {
    db.query("select n from counter", ()).one().await.unwrap()
}

async fn add(tx: &mut Tx, n: i64) -> Result<(), Error> {
    tx.execute("update counter set n = n + ?", (n,)).await.map(drop)
}

async fn body(mut tx: Tx) -> Result<i64, Error> {
    add(&mut tx, 1).await?;
    tx.query("select n from counter", ()).one().await
}

#[tokio::test]
async fn as_a_function() {
    let (_fresh, db) = counter().await;
    assert_eq!(db.transaction(body).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inside_a_spawned_task_borrowing_its_locals() {
    let (_fresh, db) = counter().await;
    let task = tokio::spawn({
        let db = db.clone();
        async move {
            let amounts = vec![1, 2, 3];
            db.transaction(async |mut tx| -> Result<usize, Error> {
                for amount in &amounts {
                    add(&mut tx, *amount).await?;
                }
                Ok(amounts.len())
            })
            .await
        }
    });
    assert_eq!(task.await.unwrap().unwrap(), 3);
    assert_eq!(value(&db).await, 6);
}

async fn generic<T: Into<i64> + Clone + Send + Sync>(db: &Database, n: &T) -> Result<i64, Error> {
    db.transaction(async |mut tx| {
        add(&mut tx, n.clone().into()).await?;
        tx.query("select n from counter", ()).one().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_generic_function_that_is_spawned() {
    let (_fresh, db) = counter().await;
    let task = tokio::spawn(async move { generic(&db, &7_i32).await });
    assert_eq!(task.await.unwrap().unwrap(), 7);
}

/// Forwards a closure it knows nothing of, from a task it spawns.
async fn forwards<F, Fut, R>(db: Database, f: F) -> Result<R, Error>
where
    F: FnMut(Tx) -> Fut + Send + 'static,
    Fut: Future<Output = Result<R, Error>> + Send,
    R: Send + 'static,
{
    tokio::spawn(async move { db.transaction(f).await }).await.expect("the task does not panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_generic_function_that_spawns_it() {
    let (_fresh, db) = counter().await;
    assert_eq!(forwards(db.clone(), body).await.unwrap(), 1);
    let n = forwards(db, async |mut tx: Tx| {
        add(&mut tx, 2).await?;
        Ok(2)
    });
    assert_eq!(n.await.unwrap(), 2);
}

#[async_trait]
trait Repository {
    async fn bump(&self, by: &str) -> Result<i64, Error>;
}

struct Real {
    db: Database,
    factor: i64,
}

#[async_trait]
impl Repository for Real {
    async fn bump(&self, by: &str) -> Result<i64, Error> {
        self.db
            .transaction(async |mut tx| {
                let n: i64 = by.parse().expect("a number");
                add(&mut tx, n * self.factor).await?;
                let inner = tx
                    .savepoint(async |mut sp| -> Result<i64, Error> {
                        add(&mut sp, self.factor).await?;
                        Ok(by.len() as i64)
                    })
                    .await?;
                Ok(inner)
            })
            .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_async_trait_borrowing_self_and_arguments() {
    let (_fresh, db) = counter().await;
    let repository: Box<dyn Repository + Send + Sync> =
        Box::new(Real { db: db.clone(), factor: 10 });
    let task = tokio::spawn(async move { repository.bump("12").await });
    assert_eq!(task.await.unwrap().unwrap(), 2);
    assert_eq!(value(&db).await, 130);
}

#[tokio::test]
async fn with_a_captured_counter_that_it_changes() {
    let (_fresh, db) = counter().await;
    let mut calls = 0;
    db.transaction(|mut tx| {
        calls += 1;
        async move { add(&mut tx, 1).await }
    })
    .await
    .unwrap();
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn in_a_local_set_with_something_not_send() {
    let (_fresh, db) = counter().await;
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let shared = std::rc::Rc::new(5_i64);
            tokio::task::spawn_local({
                let (db, shared) = (db.clone(), shared.clone());
                async move {
                    db.transaction(async |mut tx| add(&mut tx, *shared).await).await.unwrap();
                }
            })
            .await
            .unwrap();
        })
        .await;
    assert_eq!(value(&db).await, 5);
}

/// Futures that hold a database or run a transaction can be sent between threads.
#[test]
fn futures_are_send() {
    fn send<T: Send>(_: T) {}
    async fn all(db: &Database) {
        let n = 1;
        let _ = db.transaction(async |mut tx: Tx| add(&mut tx, n).await).await;
        let _ = db.execute("select ?", (1,)).await;
        let _ = db.query("select 1", ()).all::<i64>().await;
        let _ = db.query("select 1", ()).stream().next().await;
        let _ = db.begin().await;
        let _ = db.close().await;
    }
    fn check(db: &Database) {
        send(all(db));
    }
    let _ = check;
}
