//! Errors: each told apart, and none the end of the session.

use wellspring_connector::SessionState;

use crate::{Session, Target};

/// Every error of the facts has its kind, its code, and its constraint where that is known.
pub async fn every_kind_is_told_apart(target: &impl Target) {
    let facts = target.facts();
    assert!(facts.provoked.len() >= 5, "the facts provoke only a few errors");
    for provoked in &facts.provoked {
        let mut session = Session::fresh(target).await;
        for statement in &provoked.setup {
            session.run(statement, ()).await;
        }
        let error =
            session.query(&provoked.statement, ()).execute().await.expect_err(&provoked.statement);
        assert_eq!(error.kind(), provoked.kind, "{}: {error:?}", provoked.statement);
        let code = error.sqlstate().or(error.code());
        assert!(code.is_some_and(|code| !code.is_empty()), "no code in {error:?}");
        assert!(std::error::Error::source(&error).is_some(), "no native error in {error:?}");
        if let Some(constraint) = &provoked.constraint {
            let named = error.constraint().expect("the constraint is named");
            assert!(named.contains(constraint.as_str()), "{named} for {constraint}");
        }
        assert_eq!(session.connection.state(), SessionState::Idle, "{}", provoked.statement);
    }
}

/// After an error the session works on.
pub async fn a_session_survives_errors(target: &impl Target) {
    let mut session = Session::fresh(target).await;
    session.table(target).await;
    for n in 0..20 {
        session.query("select * from nowhere", ()).execute().await.expect_err("no such table");
        session.query("selekt 1", ()).all::<i64>().await.expect_err("no such word");
        session.run("insert into t values (?, ?)", (n, n)).await;
        session.query("insert into t values (?, ?)", (n, n)).execute().await.expect_err("twice");
    }
    assert_eq!(session.count().await, 20);
}
