//! A private PostgreSQL with a streaming replica.

use std::fs;

use super::dir::Dir;
use super::error::{Error, at};
use super::postgres::{Postgres, PostgresOptions};
use super::tool;

/// A primary and a replica that streams from it.
///
/// Both are servers of their own, to be killed and restarted like any other.
#[derive(Debug)]
pub struct PostgresPair {
    // Dropped first, so that it never looks for a primary in vain.
    replica: Postgres,
    primary: Postgres,
}

impl PostgresPair {
    /// Starts both and waits until the replica streams.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when PostgreSQL is not installed, [`Error::Failed`] when one of the two
    /// does not start or does not stream.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Postgres::options())
    }

    /// Starts both with the same options. Each has certificates of its own.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(options: PostgresOptions) -> Result<Self, Error> {
        let primary = options.clone().start()?;
        let spec = &primary.instance.spec;
        let (programs, account) = (spec.programs.clone(), spec.account);
        let dir = Dir::new(account)?;
        let mut backup = account.command(programs.file("pg_basebackup"), dir.path())?;
        backup
            .args(["--host=127.0.0.1", &format!("--port={}", primary.port())])
            .args(["--username=postgres", "--no-password", "--checkpoint=fast", "--no-sync"])
            .args(["--wal-method=stream", "--write-recovery-conf"])
            .args(["--create-slot", "--slot=replica", "--pgdata"])
            .arg(dir.path().join("data"));
        tool::run(&mut backup)?;
        let data = dir.path().join("data");
        fs::metadata(data.join("standby.signal")).map_err(at("looking for", &data))?;
        let replica = options.start_on(programs, account, dir)?;
        let pair = Self { replica, primary };
        pair.primary.await_answer(
            "select count(*) from pg_stat_replication where state='streaming'",
            "1",
        )?;
        Ok(pair)
    }

    /// The one that was the primary at the start.
    #[must_use]
    pub fn primary(&self) -> &Postgres {
        &self.primary
    }

    /// The one that was the replica at the start.
    #[must_use]
    pub fn replica(&self) -> &Postgres {
        &self.replica
    }

    /// Makes the replica a primary and waits until it takes writes. The old primary is left as it
    /// is: kill it first unless two primaries are wanted.
    ///
    /// # Errors
    ///
    /// When the replica does not run, or is a primary already.
    pub fn promote(&self) -> Result<(), Error> {
        self.replica.promote()?;
        self.replica.await_answer("select pg_is_in_recovery()", "f")
    }
}
