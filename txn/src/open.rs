//! A borrowed connection with a transaction open on it.

use std::fmt;

use wellspring_connector::{Connection, Lease};

/// Dropping it abandons the transaction: the lender must see that it is rolled back.
pub(crate) struct Open {
    lease: Option<Box<dyn Lease>>,
}

impl Open {
    pub(crate) fn new(lease: Box<dyn Lease>) -> Self {
        Self { lease: Some(lease) }
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
            lease.abandon();
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}
