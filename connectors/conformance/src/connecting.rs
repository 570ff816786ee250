//! Connecting, describing oneself, closing.

use wellspring_connector::{Command, SessionState};

use crate::{Session, Target};

/// A fresh connection is idle and answers.
pub async fn connects_and_answers(target: &impl Target) {
    let connector = target.fresh().await;
    let mut connection = connector.connect().await.expect("connects");
    assert_eq!(connection.state(), SessionState::Idle);
    connection.ping().await.expect("answers");
    assert_eq!(connection.state(), SessionState::Idle);
    assert_eq!(connection.dialect(), connector.dialect());
    let mut session = Session::on(connection);
    assert_eq!(session.get::<i64>("select 1", ()).await, 1);
}

/// A connect that fails says how, in one of the kinds for it, and names no secret.
pub async fn a_failed_connect_is_typed(target: &impl Target) {
    let error = target.unreachable().connect().await.expect_err("nobody is there");
    assert!(error.kind().is_connect(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"), "the password is in the error");
}

/// Neither connector nor connection shows secrets, and both say something.
pub async fn descriptions_are_plain(target: &impl Target) {
    for connector in [target.fresh().await, target.unreachable()] {
        assert!(!connector.target().is_empty());
        let shown = format!("{connector:?} {}", connector.target());
        assert!(!shown.contains("canary"), "the password is shown: {shown}");
    }
    let session = Session::fresh(target).await;
    assert!(!format!("{:?}", session.connection).is_empty());
}

/// Closing ends the session at the server; a connection closed under its user reports it.
pub async fn closes_and_stays_closed(target: &impl Target) {
    let connector = target.fresh().await;
    let connection = connector.connect().await.expect("connects");
    connection.close().await.expect("closes");
    // An open transaction does not keep it from closing, and is undone.
    let mut session = Session::on(connector.connect().await.expect("connects again"));
    session.table(target).await;
    session.connection.begin(Default::default()).await.expect("begins");
    session.run("insert into t values (1, 1)", ()).await;
    session.connection.close().await.expect("closes");
    let mut other = Session::on(connector.connect().await.expect("connects once more"));
    assert_eq!(other.count().await, 0, "the open transaction was kept");
    let command = Command::new("select 1", &[]);
    other.connection.execute(command).await.expect("a row is no harm to execute");
}
