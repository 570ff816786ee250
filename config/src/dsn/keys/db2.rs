//! Keys of Db2: the JDBC driver's, and those of the command line interface that Python's driver and
//! .NET's have too.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::time::Unit::Seconds;
use super::super::tls::Fact;
use super::Means::{
    Database, Do, Hosts, Limit, Note, NoteIf, Option, Password, Ports, Setting, Tls, User,
};
use super::pool::pooling;
use super::{Key, Zero, key};

const EVERY_STATEMENT: &str = "is decided by the driver for each statement";

/// What IBM's drivers do not know, so that it does not speak for Db2.
pub(crate) const OURS: &[Key] =
    &[key(&["sslmode"], Tls(Fact::Mode)), key(&["sslrootcert"], Option("sslrootcert"))];

/// All other keys, of every kind.
pub(crate) const ALL: &[Key] = &[
    key(&["hostname", "server", "servername"], Hosts),
    key(&["port", "portnumber"], Ports),
    key(&["database", "databasename", "db"], Database),
    key(&["uid", "user", "userid", "username"], User),
    key(&["pwd", "password"], Password),
    key(&["protocol"], NoteIf(&["tcpip"], "is what is used here anyway")),
    key(&["sslconnection"], Tls(Fact::Encrypt)),
    key(&["security"], Do(security)),
    key(&["sslclienthostnamevalidation"], Do(host_name)),
    key(&["sslservercertificate", "sslcertlocation"], Option("sslrootcert")),
    key(&["currentschema"], Option("current_schema")),
    key(&["applicationname", "clientprogramname", "clientapplname"], Option("application_name")),
    key(&["authentication"], Option("authentication")),
    key(
        &["connecttimeout", "connectiontimeout", "logintimeout"],
        Limit("pool.connect_timeout", Seconds, Zero::Default),
    ),
    key(
        &["commandtimeout", "querytimeout", "querytimeoutinterval"],
        Limit("statement_timeout", Seconds, Zero::Off),
    ),
    key(&["pooling"], Do(pooling)),
    key(&["maxpoolsize"], Setting("pool.max_size")),
    key(&["minpoolsize"], Setting("pool.min_idle")),
    key(&["connectionlifetime"], Limit("pool.max_lifetime", Seconds, Zero::Off)),
    key(
        &[
            "retrievemessagesfromserverongetmessage",
            "progressivestreaming",
            "fullymaterializelobdata",
            "deferprepares",
            "blockingreadconnectiontimeout",
            "drivertype",
        ],
        Note(EVERY_STATEMENT),
    ),
    key(&["persistsecurityinfo"], Note("has no equal: a password is never shown")),
    key(&["autocommit"], Note("is about transactions, which are begun explicitly")),
];

/// `SSL`, or no security of the transport.
fn security(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match super::fold(value).as_str() {
        "ssl" => draft.tls(key, "true", Fact::Encrypt),
        "none" => draft.tls(key, "false", Fact::Encrypt),
        _ => draft.option(key, key, value),
    }
}

/// `Basic` looks at the host's name, `OFF` does not.
fn host_name(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let value = match super::fold(value).as_str() {
        "basic" => "true",
        _ => value,
    };
    draft.tls(key, value, Fact::HostName)
}
