//! How long a session waits for locks: for rows, and for the definitions of tables.

use std::time::Duration;

use wellspring_connector::{Error, ErrorKind, Result};

use crate::session::Session;

/// The most both servers take, a year.
const LONGEST: u64 = 31_536_000;

/// The limits of a session, in whole seconds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LockWaits {
    rows: u64,
    definitions: u64,
}

impl LockWaits {
    /// Those of `session` now.
    pub(crate) async fn of(session: &mut Session) -> Result<Self> {
        // As text, since the servers do not agree on the type.
        let rows = session
            .rows(
                "select concat(@@session.innodb_lock_wait_timeout, ''), \
                 concat(@@session.lock_wait_timeout, '')",
            )
            .await?;
        let read = |column: usize| -> Option<u64> {
            let text: String = rows.first()?.get_opt(column)?.ok()?;
            text.split('.').next()?.parse().ok()
        };
        match (read(0), read(1)) {
            (Some(rows), Some(definitions)) => Ok(Self { rows, definitions }),
            _ => Err(Error::new(
                ErrorKind::Other,
                "the server does not tell how long it waits for locks",
            )),
        }
    }

    /// Those of a transaction that waits for `limit`: rounded up, since less than a second is
    /// nothing to the servers.
    pub(crate) fn limited(limit: Duration) -> Self {
        let seconds = limit.as_secs().saturating_add(u64::from(limit.subsec_nanos() > 0));
        let seconds = seconds.clamp(1, LONGEST);
        Self { rows: seconds, definitions: seconds }
    }

    /// The statement that sets them.
    pub(crate) fn setting(&self) -> String {
        format!(
            "set session innodb_lock_wait_timeout = {}, session lock_wait_timeout = {}",
            self.rows, self.definitions
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rounded_up_to_seconds() {
        let of = |millis| LockWaits::limited(Duration::from_millis(millis)).rows;
        assert_eq!([of(1), of(1000), of(1001), of(2000)], [1, 1, 2, 2]);
        assert_eq!(LockWaits::limited(Duration::MAX).definitions, LONGEST);
        let text = LockWaits::limited(Duration::from_secs(3)).setting();
        assert!(text.ends_with("innodb_lock_wait_timeout = 3, session lock_wait_timeout = 3"));
    }
}
