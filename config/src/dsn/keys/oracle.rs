//! Keys of Oracle: those of Easy Connect, of Python's drivers and of ODP.NET.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::oracle;
use super::super::time::Unit::Seconds;
use super::super::tls::Fact;
use super::Means::{
    Database, Do, Hosts, Limit, Note, NoteIf, Option, PartLimit, Password, Ports, Setting, Tls,
    User,
};
use super::pool::{pooling, pre_ping};
use super::{Key, Zero, key};

const VALUES: &str = "is about how values are read, which here the program says";
const POOL: &str = "is what the pool does anyway, or never does";

/// What ODP.NET does not know, so that it does not speak for Oracle.
pub(crate) const OURS: &[Key] = &[
    key(&["host", "server"], Hosts),
    key(&["port"], Ports),
    key(&["dsn"], Do(data_source)),
    key(&["servicename", "database"], Database),
    key(&["sid"], Option("sid")),
    key(&["connectdescriptor"], Option("connect_descriptor")),
    key(&["uid", "username"], User),
    key(&["pwd"], Password),
    key(&["mode"], Option("mode")),
    key(&["sslmode"], Tls(Fact::Mode)),
];

/// All other keys, of every kind.
pub(crate) const ALL: &[Key] = &[
    key(&["datasource"], Do(data_source)),
    key(&["userid", "user"], User),
    key(&["password"], Password),
    key(&["dbaprivilege"], Option("mode")),
    key(&["proxyuserid"], Option("proxy_user")),
    key(&["proxypassword"], Option("proxy_password")),
    key(&["sslserverdnmatch"], Tls(Fact::HostName)),
    key(&["walletlocation"], Option("wallet_location")),
    key(&["tnsadmin"], Option("tns_admin")),
    key(&["statementcachesize", "stmtcachesize"], Option("statement_cache")),
    key(&["applicationname"], Option("application_name")),
    key(
        &["connectiontimeout", "connecttimeout", "timeout"],
        Limit("pool.connect_timeout", Seconds, Zero::Default),
    ),
    key(&["transportconnecttimeout"], PartLimit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["commandtimeout"], Limit("statement_timeout", Seconds, Zero::Off)),
    key(&["pooling"], Do(pooling)),
    key(&["maxpoolsize", "maximumpoolsize"], Setting("pool.max_size")),
    key(&["minpoolsize", "minimumpoolsize"], Setting("pool.min_idle")),
    key(
        &["connectionlifetime", "loadbalancetimeout"],
        Limit("pool.max_lifetime", Seconds, Zero::Off),
    ),
    key(&["validateconnection"], Do(pre_ping)),
    key(
        &["incrpoolsize", "decrpoolsize", "poolregulator", "selftuning", "metadatapooling"],
        Note(POOL),
    ),
    key(&["haevents", "loadbalancing"], NoteIf(&["false"], POOL)),
    key(&["persistsecurityinfo"], Note("has no equal: a password is never shown")),
    key(
        &["enlist", "promotabletransaction", "autocommit"],
        Note("is about transactions, which are begun explicitly"),
    ),
    key(&["encoding", "nencoding"], NoteIf(&["utf8"], "is not needed: text is always UTF-8")),
    key(&["arraysize", "autoconvertlobs", "coercetodecimal", "events", "threaded"], Note(VALUES)),
    key(&["statementcachepurge"], Note(POOL)),
];

/// Easy Connect, a description, or a name that Oracle's own files resolve.
fn data_source(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    oracle::address(draft, key, value)
}
