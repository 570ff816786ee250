//! The servers that are measured: somebody's own, or private ones with settings for measuring.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bench_kit::Result;
use wellspring_testkit::servers::{Kind, MariaDb, Postgres};

use crate::peers::connect_postgres;

/// A server, and how it is reached. A private one dies with this.
pub(crate) struct Server {
    url: String,
    /// Held for as long as it is wanted.
    _private: Option<Private>,
}

#[expect(dead_code, reason = "held, never looked at")]
enum Private {
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Server {
    /// The PostgreSQL of the environment, or a private one.
    pub(crate) fn postgres() -> Result<Self> {
        Self::of(Kind::Postgres, || {
            let server = private_postgres()?;
            Ok((server.url(), Private::Postgres(server)))
        })
    }

    /// The MariaDB of the environment, or a private one.
    pub(crate) fn mariadb() -> Result<Self> {
        Self::of(Kind::MariaDb, || {
            let server = MariaDb::options()
                .arg("--innodb-flush-log-at-trx-commit=0")
                .arg("--innodb-buffer-pool-size=256M")
                .arg("--max-connections=300")
                .start()?;
            Ok((server.url(), Private::MariaDb(server)))
        })
    }

    fn of(kind: Kind, start: impl FnOnce() -> Result<(String, Private)>) -> Result<Self> {
        match std::env::var(kind.env()) {
            Ok(url) if !url.trim().is_empty() => Ok(Self { url, _private: None }),
            _ => {
                let (url, private) = start()?;
                Ok(Self { url, _private: Some(private) })
            }
        }
    }

    /// How it is reached.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// A private PostgreSQL, which may be killed.
pub(crate) fn private_postgres() -> Result<Postgres> {
    Ok(Postgres::options()
        .set("fsync", "off")
        .set("shared_buffers", "512MB")
        .set("autovacuum", "off")
        .set("max_connections", "300")
        // All rows are wanted: processes more would only fight for the cores.
        .set("max_parallel_workers_per_gather", "0")
        .start()?)
}

/// Kills `server`, lets it be away, starts it again, and tells when a fresh connection of the plain
/// driver had an answer, in µs since 1970.
pub(crate) fn bounce(server: &Postgres, away: Duration) -> Result<u128> {
    let killed = Instant::now();
    server.kill()?;
    std::thread::sleep(away.saturating_sub(killed.elapsed()));
    std::thread::scope(|scope| {
        // Asks while it starts: its starter may be slower to see that it is up.
        let asking = scope.spawn(|| answered(&server.url()));
        server.restart()?;
        asking.join().map_err(|_| "asking the server panicked")?
    })
}

fn answered(url: &str) -> Result<u128> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    runtime.block_on(async {
        loop {
            let asked = async { Ok(connect_postgres(url).await?.simple_query("select 1").await?) };
            let asked: Result<_> = asked.await;
            match asked {
                Ok(_) => return Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros()),
                Err(error) if start.elapsed() > PATIENCE => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    })
}
