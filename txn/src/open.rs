//! A borrowed connection with a transaction open on it.

use std::fmt;
use std::time::Duration;

use wellspring_connector::{Connection, Lease, WorkKind};

/// Dropping it abandons the transaction: the lender must see that it is rolled back.
pub(crate) struct Open {
    lease: Option<Box<dyn Lease>>,
    /// A transaction was begun, and nobody has booked its end.
    unbooked: bool,
}

impl Open {
    pub(crate) fn new(lease: Box<dyn Lease>) -> Self {
        Self { lease: Some(lease), unbooked: false }
    }

    /// The transaction has begun: from now on its end is booked.
    pub(crate) fn begun(&mut self) {
        self.unbooked = true;
    }

    /// Books how the transaction ended.
    pub(crate) fn book(&mut self, kind: WorkKind, took: Duration, ok: bool) {
        self.unbooked = false;
        self.lease().record(kind, took, ok);
    }

    pub(crate) fn lease(&mut self) -> &mut dyn Lease {
        &mut **self.lease.as_mut().expect("present until ended")
    }

    pub(crate) fn connection(&mut self) -> &mut dyn Connection {
        self.lease().connection()
    }

    /// The transaction is over, one way or the other: the connection goes back as it is.
    pub(crate) fn ended(mut self) {
        drop(self.lease.take());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            if self.unbooked {
                // What it takes is part of the connection's reset.
                lease.record(WorkKind::Rollback, Duration::ZERO, true);
            }
            lease.abandon();
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}
