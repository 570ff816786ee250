//! Keys of MySQL and MariaDB: ours, those of Python's drivers, Connector/J, MariaDB's JDBC driver and
//! MySqlConnector.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::time::Unit::{Millis, Seconds};
use super::super::tls::Fact;
use super::Means::{
    Database, Do, Hosts, Limit, Note, NoteIf, Option, Password, Ports, Setting, Time, Tls, User,
};
use super::pool::pooling;
use super::{Key, Zero, key};

const SYSTEM: &str = "is left to the system's settings of TCP";
const EVERY_STATEMENT: &str = "is decided by the driver for each statement";
const LOGS: &str = "is about logs, which are set up elsewhere";
const READS: &str = "limits single reads; a statement as a whole has its statement_timeout";
const TRANSACTIONS: &str = "is about transactions, which are begun explicitly";
const POOL: &str = "is what the pool does anyway, or never does";
const ZONES: &str =
    "has no equal: sessions are in UTC, so that times are the same whoever reads them";
const VALUES: &str = "is about how values are read, which here the program says";
const UTF8: &str = "is not needed: text is always utf8mb4";
const PROTOCOL: &str = "is as it is here anyway";
const TLS_VERSIONS: &str = "is not needed: only TLS 1.2 and later are used";
const LOCAL_FILES: &str = "has no equal: only what the program itself hands over is ever loaded";

/// URLs: ours, and those of Python, Go and others.
pub(crate) const URL: &[Key] = &[
    key(&["host"], Hosts),
    key(&["port"], Ports),
    key(&["database", "db", "dbname"], Database),
    key(&["user", "username"], User),
    key(&["password", "passwd"], Password),
    key(&["socket", "unix_socket"], Option("socket")),
    key(&["sslmode", "ssl-mode", "ssl_mode"], Tls(Fact::Mode)),
    key(&["ssl", "tls"], Do(tls)),
    key(&["ssl_disabled"], Tls(Fact::NoEncrypt)),
    key(&["ssl_verify_cert"], Tls(Fact::Verify)),
    key(&["ssl_verify_identity", "ssl_check_hostname"], Tls(Fact::HostName)),
    key(&["sslaccept"], Do(super::postgres::sslaccept)),
    key(&["sslrootcert"], Option("sslrootcert")),
    key(&["sslcert"], Option("sslcert")),
    key(&["sslkey"], Option("sslkey")),
    key(&["ssl_ca", "ssl-ca"], Do(ssl_ca)),
    key(&["ssl_cert", "ssl-cert"], Do(ssl_cert)),
    key(&["ssl_key", "ssl-key"], Do(ssl_key)),
    key(&["application_name", "program_name"], Option("application_name")),
    key(&["sql_mode"], Option("sql_mode")),
    key(&["charset"], Do(charset)),
    key(&["collation"], Do(collation)),
    key(&["read_timeout"], Time("read_timeout", Seconds)),
    key(&["write_timeout"], Time("write_timeout", Seconds)),
    key(&["statement_cache", "statement_cache_size"], Option("statement_cache")),
    key(&["connection_timeout", "timeout"], Limit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["autocommit"], NoteIf(&["true", "1", "on"], TRANSACTIONS)),
    key(&["local_infile", "allow_local_infile", "allowallfiles"], Note(LOCAL_FILES)),
    key(
        &["use_unicode", "binary_prefix", "use_pure", "cursorclass", "buffered", "conv"],
        Note("is about Python"),
    ),
    key(&["parseTime", "loc", "time_zone"], Note(ZONES)),
    key(&["socket_timeout"], Note(READS)),
];

/// Connector/J and MariaDB's JDBC driver.
pub(crate) const JDBC: &[Key] = &[
    key(&["user"], User),
    key(&["password"], Password),
    key(&["sslmode"], Tls(Fact::Mode)),
    key(&["usessl", "requiressl"], Tls(Fact::Encrypt)),
    key(&["verifyservercertificate"], Tls(Fact::Verify)),
    key(&["trustservercertificate"], Tls(Fact::Trust)),
    key(&["disablesslhostnameverification"], Tls(Fact::NoHostName)),
    key(&["serversslcert"], Do(ssl_ca)),
    key(&["localsocket"], Option("socket")),
    key(&["connecttimeout"], Limit("pool.connect_timeout", Millis, Zero::Default)),
    key(&["sockettimeout", "networktimeout"], Note(READS)),
    key(&["prepstmtcachesize"], Option("statement_cache")),
    key(&["maxpoolsize"], Setting("pool.max_size")),
    key(&["minpoolsize"], Setting("pool.min_idle")),
    key(&["maxidletime"], Limit("pool.idle_timeout", Seconds, Zero::Off)),
    key(&["pool", "poolname", "registerjmxpool", "poolvalidmindelay"], Note(POOL)),
    key(
        &[
            "autoreconnect",
            "autoreconnectforpools",
            "failoverreadonly",
            "initialtimeout",
            "maxreconnects",
            "retriesalldown",
            "secondsbeforeretrymaster",
            "queriesbeforeretrymaster",
            "useresetconnection",
        ],
        Note(POOL),
    ),
    key(&["useunicode"], Note(UTF8)),
    key(&["characterencoding", "characterset", "charset"], Do(charset)),
    key(&["connectioncollation"], Do(collation)),
    key(
        &[
            "servertimezone",
            "connectiontimezone",
            "forceconnectiontimezonetosession",
            "preserveinstants",
            "timezone",
            "uselegacydatetimecode",
            "usetimezone",
            "usejdbccomplianttimezoneshift",
            "usegmtmillisfordatetimes",
        ],
        Note(ZONES),
    ),
    key(
        &[
            "zerodatetimebehavior",
            "yearisdatetype",
            "tinyint1isbit",
            "transformedbitisboolean",
            "sendfractionalseconds",
            "noaccesstoprocedurebodies",
            "nullcatalogmeanscurrent",
            "nulldatabasemeanscurrent",
            "nullnamepatternmatchesall",
            "useinformationschema",
            "useoldaliasmetadatabehavior",
            "blanktablenamemeta",
            "usemysqlmetadata",
            "jdbccomplianttruncation",
            "emptystringsconverttozero",
            "databaseterm",
        ],
        Note(VALUES),
    ),
    key(
        &[
            "rewritebatchedstatements",
            "usebulkstmts",
            "allowmultiqueries",
            "cacheprepstmts",
            "prepstmtcachesqllimit",
            "useserverprepstmts",
            "emulateunsupportedpstmts",
            "usecursorfetch",
            "defaultfetchsize",
            "cacheresultsetmetadata",
            "cacheserverconfiguration",
            "elidesetautocommits",
            "maintaintimestats",
            "uselocalsessionstate",
            "uselocaltransactionstate",
            "usecompression",
            "usereadaheadinput",
            "disablepipeline",
            "maxallowedpacket",
        ],
        Note(EVERY_STATEMENT),
    ),
    key(
        &[
            "logger",
            "logslowqueries",
            "profilesql",
            "slowquerythresholdmillis",
            "dumpqueriesonexception",
            "includeinnodbstatusindeadlockexceptions",
            "includethreaddumpindeadlockexceptions",
            "gatherperfmetrics",
            "explainslowqueries",
        ],
        Note(LOGS),
    ),
    key(&["allowpublickeyretrieval"], Note("is not needed: the driver asks the server itself")),
    key(&["allowloadlocalinfile", "allowlocalinfile", "allowurlinlocalinfile"], Note(LOCAL_FILES)),
    key(&["tcpkeepalive", "tcpnodelay", "tcprcvbuf", "tcpsndbuf", "tcptrafficclass"], Note(SYSTEM)),
    key(&["enabledtlsprotocols", "tlsversions", "enabledsslprotocolsuites"], Note(TLS_VERSIONS)),
    key(&["autocommit"], NoteIf(&["true"], TRANSACTIONS)),
    key(&["useaffectedrows", "createdatabaseifnotexist"], NoteIf(&["false"], PROTOCOL)),
    key(&["permitmysqlscheme"], Note("is about JDBC")),
];

/// MySqlConnector, and MySQL's own Connector/NET.
pub(crate) const ADO: &[Key] = &[
    key(&["server", "host", "datasource", "address", "addr", "networkaddress"], Hosts),
    key(&["port"], Ports),
    key(&["database", "initialcatalog"], Database),
    key(&["userid", "username", "uid", "user"], User),
    key(&["password", "pwd"], Password),
    key(
        &["protocol", "connectionprotocol"],
        NoteIf(&["socket", "tcp", "unix", "sockets"], PROTOCOL),
    ),
    key(&["sslmode"], Tls(Fact::Mode)),
    key(&["sslca", "cacertificatefile"], Do(ssl_ca)),
    key(&["sslcert"], Do(ssl_cert)),
    key(&["sslkey"], Do(ssl_key)),
    key(&["tlsversion"], Note(TLS_VERSIONS)),
    key(&["pooling"], Do(pooling)),
    key(&["maximumpoolsize", "maxpoolsize"], Setting("pool.max_size")),
    key(&["minimumpoolsize", "minpoolsize"], Setting("pool.min_idle")),
    key(&["connectionlifetime"], Limit("pool.max_lifetime", Seconds, Zero::Off)),
    key(&["connectionidletimeout"], Limit("pool.idle_timeout", Seconds, Zero::Off)),
    key(&["connectionidlepingtime", "dnscheckinterval", "deferconnectionreset"], Note(POOL)),
    key(&["connectionreset"], NoteIf(&["true"], PROTOCOL)),
    key(
        &["connectiontimeout", "connecttimeout"],
        Limit("pool.connect_timeout", Seconds, Zero::Default),
    ),
    key(
        &["defaultcommandtimeout", "commandtimeout"],
        Limit("statement_timeout", Seconds, Zero::Off),
    ),
    key(&["cancellationtimeout"], Note(READS)),
    key(&["keepalive"], Note(SYSTEM)),
    key(&["applicationname", "programname"], Option("application_name")),
    key(&["charset", "characterset"], Do(charset)),
    key(&["allowpublickeyretrieval"], Note("is not needed: the driver asks the server itself")),
    key(&["allowloadlocalinfile", "allowloadlocalinfileinpath"], Note(LOCAL_FILES)),
    key(
        &[
            "allowzerodatetime",
            "convertzerodatetime",
            "datetimekind",
            "guidformat",
            "oldguids",
            "treattinyasboolean",
            "respectbinaryflags",
            "treatblobsasutf8",
            "functionsreturnstring",
            "sqlservermode",
        ],
        Note(VALUES),
    ),
    key(
        &[
            "allowuservariables",
            "allowbatch",
            "ignoreprepare",
            "nobackslashescapes",
            "useprocedurebodies",
            "cacheserverproperties",
            "checkparameters",
            "procedurecachesize",
            "procedurecache",
            "tablecaching",
            "usecompression",
            "compress",
            "pipelining",
        ],
        Note(EVERY_STATEMENT),
    ),
    key(&["ignorecommandtransaction", "autoenlist", "usexatransactions"], Note(TRANSACTIONS)),
    key(&["interactive", "interactivesession"], NoteIf(&["false"], PROTOCOL)),
    key(&["useaffectedrows"], NoteIf(&["false"], PROTOCOL)),
    key(&["integratedsecurity"], NoteIf(&["false", "no"], PROTOCOL)),
    key(&["loadbalance"], NoteIf(&["failover"], "asks for the order that is kept here")),
    key(&["persistsecurityinfo"], Note("has no equal: a password is never shown")),
    key(&["logging", "useusageadvisor", "useperformancemonitor"], Note(LOGS)),
];

/// A switch, or one of Go's words.
fn tls(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match value {
        "skip-verify" => draft.tls_trusted(key),
        _ => draft.tls(key, value, Fact::SwitchOrMode),
    }
}

/// Who names an authority wants TLS, and the server verified.
fn ssl_ca(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    draft.tls_implied(key);
    draft.option(key, "sslrootcert", value)
}

fn ssl_cert(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    draft.tls_implied(key);
    draft.option(key, "sslcert", value)
}

fn ssl_key(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    draft.tls_implied(key);
    draft.option(key, "sslkey", value)
}

/// All that is some UTF-8 is what text has here anyway.
fn charset(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match super::fold(value).as_str() {
        "utf8" | "utf8mb3" | "utf8mb4" => {
            draft.note(key, UTF8);
            Ok(())
        }
        _ => draft.option(key, "charset", value),
    }
}

fn collation(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match value.to_ascii_lowercase().starts_with("utf8") {
        true => {
            draft.note(key, "has no equal: what is compared has the collation of its column");
            Ok(())
        }
        false => draft.option(key, key, value),
    }
}
