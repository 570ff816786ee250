//! Savepoints that were left half-way, because a future was dropped.

use wellspring_connector::{Connection, Result, SavepointOp, SessionState};

/// What a savepoint needs before the next statement.
#[derive(Debug, Clone)]
pub enum HalfDone {
    /// What was done in it is to be undone.
    Undo(String),
    /// What was done in it is to be kept. It is not known whether the database was told in full.
    Release(String),
}

/// Brings a savepoint to its end. May be dropped, and asked for again.
///
/// # Errors
/// The database's.
pub async fn settle(connection: &mut dyn Connection, half: &mut Option<HalfDone>) -> Result<()> {
    if let Some(HalfDone::Undo(name)) = half.clone() {
        connection.savepoint(SavepointOp::RollbackTo, &name).await?;
        *half = Some(HalfDone::Release(name.clone()));
        connection.savepoint(SavepointOp::Release, &name).await?;
        *half = None;
    }
    if let Some(HalfDone::Release(name)) = half.clone() {
        if connection.state() == SessionState::Busy {
            // Waits for what is under way. If that was stopped, the state says so.
            let stopped = connection.ping().await;
            tracing::debug!(?stopped, "a savepoint's release was given up");
        }
        // One that is set still is in nobody's way, and nobody goes back to it. Where stopping the
        // release has failed the transaction, going back is the only way on.
        if connection.state() == SessionState::Failed {
            connection.savepoint(SavepointOp::RollbackTo, &name).await?;
        }
        *half = None;
    }
    Ok(())
}
