//! How a transaction begins, and how long its statements wait.

use wellspring_connector::{
    Error, ErrorKind, IsolationLevel, Result, TransactionMode, TransactionOptions,
};

use super::{DIALECT, Seat, SqliteConnection};
use crate::execute::average::Known;
use crate::execute::wait::Patience;
use crate::execute::{Plan, plan};
use crate::session::{Want, aborted, read_only};

impl SqliteConnection {
    /// Begins a transaction. One whose future is dropped is undone by whoever comes next.
    pub(super) async fn begin_as(&mut self, options: TransactionOptions) -> Result<()> {
        options.check()?;
        options.refuse_deferrable(&DIALECT)?;
        let why = "whose transactions are serializable";
        options.level_of(&DIALECT, &[IsolationLevel::Serializable], why)?;
        let text = begin_text(options)?;
        let session = self.settle().await?;
        if session.is_aborted() {
            return Err(aborted());
        }
        if session.in_transaction() {
            return Err(Error::new(ErrorKind::Usage, "a transaction is already open"));
        }
        session.state.unheard_begin = true;
        session.state.lock_timeout = options.lock_timeout;
        // Not through `settle`, which would take the mark for one left by an earlier call.
        let begun = self.drive_settled(text, &[], Want::Effects).await.map(drop);
        if let Seat::Home(session) = &mut self.seat {
            session.state.unheard_begin = false;
            session.state.read_only = begun.is_ok() && options.read_only;
            session.state.lock_timeout = options.lock_timeout.filter(|_| begun.is_ok());
        }
        begun
    }

    /// Readies the open transaction for writing other than by a statement: refused where it only reads, and
    /// waited for where it has not written yet. Returns the patience that is left.
    pub(crate) async fn ready_to_write(&mut self) -> Result<Patience> {
        let session = self.settle().await?;
        if session.state.read_only {
            return Err(read_only());
        }
        let needs = session.script_needs()?;
        let mut patience = self.patience(plan(self.common.options.execution, || Known::Long));
        self.pass(needs, &mut patience).await?;
        Ok(patience)
    }

    /// The patience of one statement: the transaction's, where it has one of its own.
    pub(super) fn patience(&self, plan: Plan) -> Patience {
        let of_transaction = match &self.seat {
            Seat::Home(session) => session.state.lock_timeout,
            _ => None,
        };
        let limit = of_transaction.unwrap_or(self.common.options.busy_timeout);
        Patience::new(plan.waiting, limit)
    }
}

/// What begins a transaction.
fn begin_text(options: TransactionOptions) -> Result<&'static str> {
    Ok(match (options.mode, options.read_only) {
        (None, false) | (Some(TransactionMode::Immediate), false) => "begin immediate",
        (None | Some(TransactionMode::Deferred), _) => "begin deferred",
        (Some(TransactionMode::Exclusive), false) => "begin exclusive",
        (Some(mode), true) => {
            return Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "transaction mode {mode} takes the lock for writing, and the transaction is \
                     read-only: expected deferred"
                ),
            ));
        }
        (Some(mode), false) => {
            return Err(Error::unsupported(format_args!("transaction mode {mode} on SQLite")));
        }
    })
}
