//! Keys of SQL Server: SqlClient's, the JDBC driver's, those of ODBC, Go and Python's drivers. All of
//! them are compared without regard to case, as all of those do.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::mssql;
use super::super::time::Unit::Seconds;
use super::super::tls::{Fact, switch};
use super::Means::{
    Database, Do, Limit, Note, NoteIf, Option, PartLimit, Password, Ports, Setting, Tls, User,
};
use super::pool::pooling;
use super::{Key, Zero, key};

const SYSTEM: &str = "is left to the system's settings of TCP";
const EVERY_STATEMENT: &str = "is decided by the driver for each statement";
const READS: &str = "limits single reads; a statement as a whole has its statement_timeout";
const TRANSACTIONS: &str = "is about transactions, which are begun explicitly";
const POOL: &str = "is what the pool does anyway, or never does";
const DRIVERS: &str = "is about another driver";

/// What only Python's drivers say.
pub(crate) const SQLALCHEMY: &[Key] = &[
    key(&["timeout"], Limit("statement_timeout", Seconds, Zero::Off)),
    key(&["charset"], NoteIf(&["utf8", ""], "is not needed: text is always Unicode")),
];

/// What SqlClient does not know, so that it does not speak for SQL Server.
pub(crate) const OURS: &[Key] = &[
    key(&["port"], Ports),
    key(&["instance"], Option("instance")),
    key(&["username"], User),
    key(&["sslmode"], Tls(Fact::Mode)),
    key(&["sslrootcert"], Option("sslrootcert")),
];

/// All other keys, of every kind.
pub(crate) const ALL: &[Key] = &[
    key(
        &["server", "datasource", "address", "addr", "networkaddress", "servername"],
        Do(mssql::server),
    ),
    key(&["portnumber"], Ports),
    key(&["instancename"], Option("instance")),
    key(&["database", "databasename", "initialcatalog"], Database),
    key(&["userid", "uid", "user"], User),
    key(&["password", "pwd"], Password),
    key(&["encrypt", "useencryptionfordata"], Tls(Fact::Encrypt)),
    key(&["trustservercertificate"], Tls(Fact::Trust)),
    key(&["hostnameincertificate"], Option("host_name_in_certificate")),
    key(&["servercertificate"], Option("server_certificate")),
    key(&["integratedsecurity", "trustedconnection"], Do(integrated)),
    key(&["authentication"], Option("authentication")),
    key(&["applicationname", "app", "appname"], Option("application_name")),
    key(&["workstationid", "wsid"], Option("workstation_id")),
    key(&["applicationintent"], Option("application_intent")),
    key(&["multisubnetfailover"], Option("multi_subnet_failover")),
    key(&["failoverpartner"], Option("failover_partner")),
    key(&["packetsize"], Option("packet_size")),
    key(&["currentlanguage", "language"], Option("language")),
    key(&["locktimeout"], Option("lock_timeout")),
    key(
        &["connecttimeout", "connectiontimeout", "timeout", "logintimeout"],
        Limit("pool.connect_timeout", Seconds, Zero::Default),
    ),
    key(&["dialtimeout"], PartLimit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["commandtimeout", "querytimeout"], Limit("statement_timeout", Seconds, Zero::Off)),
    key(&["pooling"], Do(pooling)),
    key(&["maxpoolsize", "maximumpoolsize"], Setting("pool.max_size")),
    key(&["minpoolsize", "minimumpoolsize"], Setting("pool.min_idle")),
    key(
        &["loadbalancetimeout", "connectionlifetime"],
        Limit("pool.max_lifetime", Seconds, Zero::Off),
    ),
    key(
        &[
            "connectretrycount",
            "connectretryinterval",
            "poolblockingperiod",
            "connectionreset",
            "transparentnetworkipresolution",
        ],
        Note(POOL),
    ),
    key(&["driver", "provider"], Note(DRIVERS)),
    key(&["tdsversion", "odbcautotranslate", "autotranslate"], Note(DRIVERS)),
    key(
        &["networklibrary", "network", "net"],
        NoteIf(&["dbmssocn"], "is what is used here anyway"),
    ),
    key(&["multipleactiveresultsets", "marsconnection"], Note(EVERY_STATEMENT)),
    key(
        &[
            "sendstringparametersasunicode",
            "selectmethod",
            "responsebuffering",
            "lastupdatecount",
            "disablestatementpooling",
            "statementpoolingcachesize",
            "enableprepareonfirstpreparedstatementcall",
            "serverpreparedstatementdiscardthreshold",
            "cancelquerytimeout",
            "usebulkcopyforbatchinsert",
            "delayloadinglobs",
            "sendtimeasdatetime",
            "xopenstates",
            "typesystemversion",
        ],
        Note(EVERY_STATEMENT),
    ),
    key(&["sockettimeout"], Note(READS)),
    key(&["keepalive"], Note(SYSTEM)),
    key(&["persistsecurityinfo"], Note("has no equal: a password is never shown")),
    key(
        &["enlist", "transactionbinding", "replication", "contextconnection"],
        NoteIf(&["false", "true", "implicitunbind"], TRANSACTIONS),
    ),
    key(&["asynchronousprocessing", "async"], Note("is as it is here anyway")),
    key(&["autocommit"], NoteIf(&["true", "false"], TRANSACTIONS)),
];

/// Windows or Kerberos instead of a user and a password.
fn integrated(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match switch(value) {
        Some(true) => draft.option(key, "integrated_security", "on"),
        Some(false) => {
            draft.note(key, "is as it is here anyway");
            Ok(())
        }
        None => draft.option(key, "integrated_security", value),
    }
}
