//! Borrowing a connection for one statement or one transaction.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use wellspring_pool_core::WorkKind;

use crate::{Connection, Error, Result, Translator};

/// A borrowed connection. Dropping it gives it back to its lender, whatever state it is in; the
/// lender sees to it that the next borrower gets a clean one.
pub trait Lease: Send {
    /// The connection.
    fn connection(&mut self) -> &mut dyn Connection;

    /// Books work that was done. The default forgets it.
    fn record(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        let _ = (kind, took, ok);
    }

    /// Called after each statement with how it ended. The default books it as a query.
    fn finished(&mut self, took: Duration, outcome: Result<(), &Error>) {
        self.record(WorkKind::Query, took, outcome.is_ok());
    }

    /// Gives the connection up as lost and takes another one in its place, where the lender has
    /// others that serve as well: false, the default, when it has not.
    ///
    /// Called when the connection turned out to be gone before anything was sent.
    fn replace(&mut self) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(false)))
    }

    /// False when the connection was given up, or [`replace`](Self::replace) had no other: nothing more may
    /// be asked of the lease. The default is true, for lenders that give none up.
    fn is_usable(&self) -> bool {
        true
    }

    /// How deep in savepoints the connection is: `None` where no transaction is known to be open, so that
    /// work of several statements begins one of its own. The default.
    fn depth(&mut self) -> Option<u32> {
        None
    }

    /// Says that the savepoint of this depth is to be undone before the next statement, should nobody say
    /// otherwise before: work of several statements was begun in it, and its future may be dropped.
    /// Called only where [`depth`](Self::depth) is not `None`.
    fn undo_unless_ended(&mut self, depth: Option<u32>) {
        let _ = depth;
    }

    /// Says that the savepoint of this depth is kept, and about to be released: nothing is to be undone
    /// any more, but whether the database was told is not known until
    /// [`undo_unless_ended`](Self::undo_unless_ended) says that it is over.
    fn releasing(&mut self, depth: u32) {
        let _ = depth;
    }

    /// Gives the connection back with a transaction open that must be rolled back, whatever the
    /// lender does with open transactions otherwise. The default does nothing more than dropping,
    /// which is right for lenders that always roll back.
    fn abandon(&mut self) {}

    /// Gives the connection up: nobody uses it again. It is the last call. The default abandons it.
    fn discard(&mut self) {
        self.abandon();
    }
}

/// Something that lends a connection for one statement: a database, or an open transaction.
pub trait Source: Send {
    /// How the connection is borrowed.
    type Lease: Lease;

    /// Borrows a connection.
    fn lease(self) -> impl Future<Output = Result<Self::Lease>> + Send;

    /// The longest a statement may take that does not say so itself. The default is the database's.
    fn statement_timeout(&self) -> Option<Duration> {
        self.translator().statement_timeout()
    }

    /// Translates the database's statements.
    fn translator(&self) -> &Translator;
}
