//! Transactions and savepoints.

use wellspring_connector::{
    ErrorKind, IsolationLevel, SavepointOp, SessionState, TransactionOptions,
};

use crate::{Session, Target};

const PLAIN: fn() -> TransactionOptions = TransactionOptions::new;

/// Commit keeps, rollback undoes.
pub async fn commit_keeps_and_rollback_undoes(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.connection.begin(PLAIN()).await.expect("begins");
    session.run("insert into t values (1, 1)", ()).await;
    session.connection.commit().await.expect("commits");
    session.connection.begin(PLAIN()).await.expect("begins again");
    session.run("insert into t values (2, 2)", ()).await;
    assert_eq!(session.count().await, 2, "a transaction sees its own changes");
    session.connection.rollback().await.expect("rolls back");
    assert_eq!(session.count().await, 1);
}

/// The state follows the transaction, also when it is begun and ended by statements.
pub async fn the_state_tells_the_truth(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    assert_eq!(session.connection.state(), SessionState::Idle);
    session.connection.begin(PLAIN()).await.expect("begins");
    assert_eq!(session.connection.state(), SessionState::InTransaction);
    session.connection.commit().await.expect("commits");
    assert_eq!(session.connection.state(), SessionState::Idle);
    session.run("begin", ()).await;
    assert_ne!(session.connection.state(), SessionState::Idle, "a begun transaction is hidden");
    session.run("insert into t values (1, 1)", ()).await;
    session.run("rollback", ()).await;
    assert_eq!(session.connection.state(), SessionState::Idle);
    assert_eq!(session.count().await, 0);
}

/// Rolling back without a transaction succeeds; committing without one does not hide the mistake.
pub async fn rollback_without_a_transaction_does_nothing(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.connection.rollback().await.expect("nothing to do");
    session.connection.rollback().await.expect("still nothing");
    let error = session.connection.commit().await.expect_err("nothing to commit");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_eq!(session.connection.state(), SessionState::Idle);
}

/// A second begin is refused and harms nothing.
pub async fn begin_twice_is_refused(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.connection.begin(PLAIN()).await.expect("begins");
    session.run("insert into t values (1, 1)", ()).await;
    let error = session.connection.begin(PLAIN()).await.expect_err("one is open");
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    session.connection.commit().await.expect("commits");
    assert_eq!(session.count().await, 1);
}

/// Savepoints nest, undo only what came after them, and can be rolled back to again.
pub async fn savepoints_nest(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.connection.begin(PLAIN()).await.expect("begins");
    session.run("insert into t values (1, 1)", ()).await;
    for (op, name, insert, count) in [
        (SavepointOp::Create, "outer_1", Some(2), 2),
        (SavepointOp::Create, "inner_2", Some(3), 3),
        (SavepointOp::RollbackTo, "inner_2", None, 2),
        (SavepointOp::RollbackTo, "inner_2", Some(4), 3),
        (SavepointOp::Release, "inner_2", None, 3),
        (SavepointOp::RollbackTo, "outer_1", Some(5), 2),
        (SavepointOp::Release, "outer_1", None, 2),
    ] {
        session
            .connection
            .savepoint(op, name)
            .await
            .unwrap_or_else(|e| panic!("{op:?} {name}: {e}"));
        if let Some(n) = insert {
            session.run("insert into t values (?, ?)", (n, n)).await;
        }
        assert_eq!(session.count().await, count, "after {op:?} {name}");
    }
    session.connection.commit().await.expect("commits");
    let keys: Vec<i64> =
        session.query("select a from t order by a", ()).all().await.expect("reads");
    assert_eq!(keys, [1, 5]);
}

/// A name that is no plain identifier is refused before it is sent.
pub async fn savepoint_names_are_checked(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.connection.begin(PLAIN()).await.expect("begins");
    for name in ["", "1a", "a b", "a;b", "a\"b", "a'b", "ä", "a\0"] {
        let error = session.connection.savepoint(SavepointOp::Create, name).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Usage, "{name:?}: {error}");
    }
    assert_eq!(session.connection.state(), SessionState::InTransaction);
}

/// A level the database has is granted; one it lacks is refused, and nothing is begun.
pub async fn isolation_is_granted_or_refused(target: &impl Target) {
    let has = target.facts().isolation;
    let mut session = Session::fresh(target).await;
    for level in [
        IsolationLevel::ReadUncommitted,
        IsolationLevel::ReadCommitted,
        IsolationLevel::RepeatableRead,
        IsolationLevel::Snapshot,
        IsolationLevel::Serializable,
    ] {
        let begun = session.connection.begin(PLAIN().isolation(level)).await;
        if has.contains(&level) {
            begun.unwrap_or_else(|error| panic!("{level}: {error}"));
            session.connection.rollback().await.expect("rolls back");
        } else {
            assert_eq!(begun.expect_err("lacks it").kind(), ErrorKind::Unsupported, "{level}");
        }
        assert_eq!(session.connection.state(), SessionState::Idle, "{level}");
    }
}

/// A read-only transaction does not write, and the next one does.
pub async fn read_only_refuses_writes_and_leaves_no_trace(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    session.run("insert into t values (1, 1)", ()).await;
    session.connection.begin(PLAIN().read_only()).await.expect("begins");
    assert_eq!(session.count().await, 1);
    let error = session.query("insert into t values (2, 2)", ()).execute().await;
    assert_eq!(error.expect_err("read-only").kind(), ErrorKind::ReadOnly);
    session.connection.rollback().await.expect("rolls back");
    session.run("insert into t values (2, 2)", ()).await;
    session.connection.begin(PLAIN()).await.expect("begins");
    session.run("insert into t values (3, 3)", ()).await;
    session.connection.commit().await.expect("commits");
    assert_eq!(session.count().await, 3);
}

/// What is not committed is invisible to others.
pub async fn others_see_only_what_is_committed(target: &impl Target) {
    let connector = target.fresh().await;
    let mut one = Session::on(connector.connect().await.expect("connects"));
    one.table(target).await;
    let mut other = Session::on(connector.connect().await.expect("connects"));
    for n in 0..5 {
        one.connection.begin(PLAIN()).await.expect("begins");
        one.run("insert into t values (?, 0)", (n,)).await;
        one.connection.commit().await.expect("commits");
        assert_eq!(other.count().await, n + 1, "a committed row is not seen");
        one.connection.begin(PLAIN()).await.expect("begins");
        one.run("insert into t values (?, 0)", (n + 100,)).await;
        one.connection.rollback().await.expect("rolls back");
        assert_eq!(other.count().await, n + 1, "a row that was undone is seen");
    }
}
