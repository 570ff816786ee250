//! Keys about the pool, which all URLs may have, and the few keys of ODBC and Spark.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::error::bad_value;
use super::super::time::Unit::Seconds;
use super::super::tls::{Fact, switch};
use super::Means::{Do, Limit, Option, Password, Setting, Tls, User};
use super::{Key, Zero, key};

/// What SQLAlchemy's engines, Prisma and others are told about pools in URLs.
pub(crate) const URL: &[Key] = &[
    key(&["connect_timeout"], Limit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["command_timeout", "query_timeout"], Limit("statement_timeout", Seconds, Zero::Off)),
    key(
        &["pool_size", "max_pool_size", "max_connections", "connection_limit"],
        Setting("pool.max_size"),
    ),
    key(&["min_pool_size", "min_connections"], Setting("pool.min_idle")),
    key(&["max_overflow"], Setting("pool.max_overflow")),
    key(&["pool_timeout"], Limit("pool.acquire_timeout", Seconds, Zero::Default)),
    key(&["pool_recycle"], Limit("pool.max_lifetime", Seconds, Zero::Off)),
    key(&["pool_pre_ping"], Do(pre_ping)),
    key(&["pool_use_lifo"], Do(lifo)),
    key(&["echo"], Do(echo)),
    key(&["echo_pool"], Do(echo_pool)),
];

/// ODBC: all but the credentials is the business of the ODBC driver.
pub(crate) const ODBC: &[Key] =
    &[key(&["uid", "user", "userid", "username"], User), key(&["pwd", "password"], Password)];

/// Spark Connect.
pub(crate) const SPARK: &[Key] = &[
    key(&["user_id"], User),
    key(&["token"], Option("token")),
    key(&["use_ssl"], Tls(Fact::Encrypt)),
    key(&["sslmode"], Tls(Fact::Mode)),
];

/// `Pooling`, of ADO.NET.
pub(super) fn pooling(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    if on(draft, key, value)? {
        draft.note(key, "is as it is here anyway");
        return Ok(());
    }
    draft.setting(key, "unpooled", "true")
}

/// Whether each connection is proved alive before it is handed out.
pub(super) fn pre_ping(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let always = on(draft, key, value)?;
    draft.setting(key, "pool.validate", if always { "always" } else { "never" })
}

fn lifo(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let lifo = on(draft, key, value)?;
    draft.setting(key, "pool.reuse", if lifo { "lifo" } else { "fifo" })
}

fn echo(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let on = on(draft, key, value)?;
    draft.setting(key, "echo", if on { "true" } else { "false" })
}

fn echo_pool(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let on = on(draft, key, value)?;
    draft.setting(key, "echo_pool", if on { "true" } else { "false" })
}

/// Reads a switch.
pub(super) fn on(draft: &Draft, key: &str, value: &str) -> Result<bool> {
    switch(value).ok_or_else(|| bad_value(draft.kind, key, value, "true or false"))
}
