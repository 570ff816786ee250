//! Point reads through sqlx's pools for servers.

use bench_kit::{Job, POOL, PointPeer, PointRow, Result, sql};
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AnyPool, MySqlPool, PgPool};

/// What has to be done first, for most.
fn nothing() {}

macro_rules! peer {
    ($(#[$doc:meta])* $name:ident, $pool:ty, $options:ident, $sql:expr, $before:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name($pool);

        impl $name {
            /// `test`: whether a connection is checked before each use, as it is by default.
            pub(crate) async fn open(job: &Job, test: bool) -> Result<Self> {
                $before();
                let options = $options::new().max_connections(POOL as u32).test_before_acquire(test);
                Ok(Self(options.connect(&job.url).await?))
            }
        }

        impl PointPeer for $name {
            type Task = Self;

            async fn task(&self) -> Result<Self> {
                Ok(self.clone())
            }

            async fn read(task: &mut Self, id: i64) -> Result<PointRow> {
                let (id, n, name) = sqlx::query_as($sql).bind(id).fetch_one(&task.0).await?;
                Ok(PointRow { id, n, name })
            }
        }
    };
}

peer!(
    /// PostgreSQL.
    PgPoint, PgPool, PgPoolOptions, sql::POINT_PG, nothing
);
peer!(
    /// MariaDB.
    MyPoint, MySqlPool, MySqlPoolOptions, sql::POINT, nothing
);
peer!(
    /// PostgreSQL through the portable layer.
    AnyPoint, AnyPool, AnyPoolOptions, sql::POINT_PG, install_default_drivers
);
