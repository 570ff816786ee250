//! Keys of PostgreSQL: libpq's, pgjdbc's, Npgsql's, and what Python's drivers and others add.

use wellspring_connector::Result;

use super::super::draft::Draft;
use super::super::error::bad_value;
use super::super::kind::Kind;
use super::super::time::Unit::{Millis, Seconds};
use super::super::time::{self, Span};
use super::super::tls::Fact;
use super::Means::{
    Database, Do, Hosts, Limit, Note, NoteIf, Option, PartLimit, Password, Ports, Setting, Tls,
    User, Words,
};
use super::pool::pooling;
use super::{Key, Zero, key};

const SYSTEM: &str = "is left to the system's settings of TCP";
const NO_KERBEROS: &str = "is about Kerberos, which is not used";
const EVERY_STATEMENT: &str = "is decided by the driver for each statement";
const LOGS: &str = "is about logs, which are set up elsewhere";
const READS: &str = "limits single reads; a statement as a whole has its statement_timeout";
const BUFFERS: &str = "is about buffers, which the driver sizes itself";
const TRANSACTIONS: &str = "is about transactions, which are begun explicitly";
const PROTOCOL: &str = "is as it is here anyway";

/// URLs and libpq's own connection strings.
pub(crate) const URL: &[Key] = &[
    key(&["host"], Hosts),
    key(&["hostaddr"], Do(hostaddr)),
    key(&["port"], Ports),
    key(&["dbname", "database"], Database),
    key(&["user"], User),
    key(&["password"], Password),
    key(&["sslmode"], Tls(Fact::Mode)),
    key(&["ssl"], Tls(Fact::SwitchOrMode)),
    key(&["sslaccept"], Do(sslaccept)),
    key(&["sslrootcert"], Option("sslrootcert")),
    key(&["sslcert"], Option("sslcert")),
    key(&["sslkey"], Option("sslkey")),
    key(&["application_name"], Option("application_name")),
    key(&["fallback_application_name"], Do(fallback_application_name)),
    key(&["statement_timeout"], Do(statement_timeout)),
    key(&["client_encoding"], Do(client_encoding)),
    key(&["search_path", "schema"], Option("search_path")),
    key(&["jit"], Option("jit")),
    key(&["options"], Option("options")),
    key(&["target_session_attrs"], Option("target_session_attrs")),
    key(&["pgbouncer"], Option("pgbouncer")),
    key(
        &["statement_cache", "statement_cache_size", "prepared_statement_cache_size"],
        Option("statement_cache"),
    ),
    key(&["prepare_threshold"], Do(psycopg_threshold)),
    key(&["timeout"], Limit("pool.connect_timeout", Seconds, Zero::Default)),
    key(
        &[
            "keepalives",
            "keepalives_idle",
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
        ],
        Note(SYSTEM),
    ),
    key(&["sslcompression"], NoteIf(&["0", "false"], "is off here as it is everywhere")),
    key(&["sslsni"], NoteIf(&["1", "true"], PROTOCOL)),
    key(&["sslnegotiation"], NoteIf(&["postgres"], PROTOCOL)),
    key(&["sslcertmode"], NoteIf(&["allow"], PROTOCOL)),
    key(
        &["ssl_min_protocol_version"],
        NoteIf(&["tlsv1", "tlsv1.1", "tlsv1.2"], "asks for less than the least that is used here"),
    ),
    key(&["channel_binding"], NoteIf(&["prefer", "disable"], PROTOCOL)),
    key(&["gssencmode"], NoteIf(&["disable", "prefer", "allow"], NO_KERBEROS)),
    key(&["gsslib", "gssdelegation"], Note(NO_KERBEROS)),
    key(&["load_balance_hosts"], NoteIf(&["disable"], "asks for the order that is kept here")),
    key(&["async_fallback"], Note("is about Python")),
    key(&["autocommit"], NoteIf(&["true", "1", "on"], TRANSACTIONS)),
    key(&["socket_timeout"], Note(READS)),
];

/// pgjdbc.
pub(crate) const JDBC: &[Key] = &[
    key(&["user"], User),
    key(&["password"], Password),
    key(&["pghost"], Hosts),
    key(&["pgport"], Ports),
    key(&["pgdbname"], Database),
    key(&["ssl"], Tls(Fact::Encrypt)),
    key(&["sslmode"], Tls(Fact::Mode)),
    key(&["sslfactory"], Do(sslfactory)),
    key(&["currentschema"], Option("search_path")),
    key(&["applicationname"], Option("application_name")),
    key(&["connecttimeout"], PartLimit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["logintimeout"], Limit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["sockettimeout", "cancelsignaltimeout"], Note(READS)),
    key(&["preparethreshold"], Do(prepare_threshold)),
    key(&["preparedstatementcachequeries"], Option("statement_cache")),
    key(
        &["targetservertype"],
        Words(
            "target_session_attrs",
            &[
                ("any", "any"),
                ("primary", "primary"),
                ("master", "primary"),
                ("secondary", "standby"),
                ("slave", "standby"),
                ("prefersecondary", "prefer-standby"),
                ("preferslave", "prefer-standby"),
            ],
        ),
    ),
    key(&["loadbalancehosts"], NoteIf(&["false"], "asks for the order that is kept here")),
    key(&["hostrecheckseconds"], Note("is about hosts that were away, which are tried each time")),
    key(&["tcpkeepalive", "tcpnodelay"], Note(SYSTEM)),
    key(
        &[
            "preparedstatementcachesizemib",
            "databasemetadatacachefields",
            "databasemetadatacachefieldsmib",
            "receivebuffersize",
            "sendbuffersize",
            "maxresultbuffer",
            "maxsendbuffersize",
        ],
        Note(BUFFERS),
    ),
    key(
        &[
            "adaptivefetch",
            "adaptivefetchmaximum",
            "adaptivefetchminimum",
            "binarytransfer",
            "binarytransferdisable",
            "binarytransferenable",
            "defaultrowfetchsize",
            "rewritebatchedinserts",
            "stringtype",
            "unknownlength",
        ],
        Note(EVERY_STATEMENT),
    ),
    key(&["preferquerymode"], NoteIf(&["extended", "extendedforprepared"], EVERY_STATEMENT)),
    key(
        &[
            "allowencodingchanges",
            "assumeminserverversion",
            "disablecolumnsanitiser",
            "escapesyntaxcallmode",
            "hideunprivilegedobjects",
            "quotereturningidentifiers",
            "readonlymode",
            "sslresponsetimeout",
            "gssresponsetimeout",
            "xmlfactoryfactory",
        ],
        Note("is about JDBC"),
    ),
    key(&["autosave"], NoteIf(&["never"], TRANSACTIONS)),
    key(&["cleanupsavepoints", "groupstartupparameters"], Note(TRANSACTIONS)),
    key(&["readonly"], NoteIf(&["false"], TRANSACTIONS)),
    key(&["protocolversion"], NoteIf(&["3"], PROTOCOL)),
    key(&["gssencmode"], NoteIf(&["disable", "prefer", "allow"], NO_KERBEROS)),
    key(
        &["jaasapplicationname", "jaaslogin", "gsslib", "usespnego", "sspiserviceclass"],
        Note(NO_KERBEROS),
    ),
    key(
        &["loggerlevel", "loggerfile", "logunclosedconnections", "logservererrordetail"],
        Note(LOGS),
    ),
];

/// Npgsql.
pub(crate) const ADO: &[Key] = &[
    key(&["host", "server"], Hosts),
    key(&["port"], Ports),
    key(&["database", "db"], Database),
    key(&["username", "userid", "uid", "user"], User),
    key(&["password", "psw", "pwd"], Password),
    key(&["applicationname"], Option("application_name")),
    key(&["searchpath"], Option("search_path")),
    key(&["clientencoding", "encoding"], Do(client_encoding)),
    key(&["options"], Option("options")),
    key(&["sslmode"], Tls(Fact::Mode)),
    key(&["trustservercertificate"], Tls(Fact::Trust)),
    key(&["rootcertificate"], Option("sslrootcert")),
    key(&["sslcertificate"], Option("sslcert")),
    key(&["sslkey"], Option("sslkey")),
    key(&["checkcertificaterevocation"], NoteIf(&["false"], PROTOCOL)),
    key(&["sslnegotiation"], NoteIf(&["postgres"], PROTOCOL)),
    key(&["usesslstream"], Note("is about .NET")),
    key(&["channelbinding"], NoteIf(&["prefer", "disable"], PROTOCOL)),
    key(&["integratedsecurity", "includerealm"], NoteIf(&["false"], NO_KERBEROS)),
    key(&["gssencryptionmode"], NoteIf(&["disable", "prefer"], NO_KERBEROS)),
    key(&["passfile"], Option("passfile")),
    key(&["pooling"], Do(pooling)),
    key(&["maximumpoolsize", "maxpoolsize"], Setting("pool.max_size")),
    key(&["minimumpoolsize", "minpoolsize"], Setting("pool.min_idle")),
    key(&["connectionidlelifetime"], Limit("pool.idle_timeout", Seconds, Zero::Off)),
    key(
        &["connectionlifetime", "loadbalancetimeout"],
        Limit("pool.max_lifetime", Seconds, Zero::Off),
    ),
    key(
        &["connectionpruninginterval", "hostrecheckseconds"],
        Note("is about the care of a pool, which needs no interval here"),
    ),
    key(&["timeout"], Limit("pool.connect_timeout", Seconds, Zero::Default)),
    key(&["commandtimeout"], Limit("statement_timeout", Seconds, Zero::Off)),
    key(&["internalcommandtimeout", "cancellationtimeout"], Note(READS)),
    key(&["keepalive"], Limit("pool.keepalive", Seconds, Zero::Off)),
    key(&["tcpkeepalive", "tcpkeepalivetime", "tcpkeepaliveinterval"], Note(SYSTEM)),
    key(&["maxautoprepare"], Option("statement_cache")),
    key(&["autoprepareminusages"], Option("prepare_threshold")),
    key(
        &[
            "readbuffersize",
            "writebuffersize",
            "socketreceivebuffersize",
            "socketsendbuffersize",
            "buffersize",
        ],
        Note(BUFFERS),
    ),
    key(
        &["targetsessionattributes"],
        Words(
            "target_session_attrs",
            &[
                ("any", "any"),
                ("primary", "primary"),
                ("standby", "standby"),
                ("preferstandby", "prefer-standby"),
                ("readwrite", "read-write"),
                ("readonly", "read-only"),
            ],
        ),
    ),
    key(&["loadbalancehosts"], NoteIf(&["false"], "asks for the order that is kept here")),
    key(&["multiplexing"], NoteIf(&["false"], EVERY_STATEMENT)),
    key(&["writecoalescingbufferthresholdbytes", "writecoalescingdelayus"], Note(BUFFERS)),
    key(&["includeerrordetail", "includefailedbatchedcommand", "logparameters"], Note(LOGS)),
    key(&["persistsecurityinfo"], Note("has no equal: a password is never shown")),
    key(&["enlist"], Note(TRANSACTIONS)),
    key(&["noresetonclose"], NoteIf(&["false"], PROTOCOL)),
    key(&["arraynullabilitymode", "loadtablecomposites", "backendtimeouts"], Note("is about .NET")),
    key(&["servercompatibilitymode"], NoteIf(&["none"], PROTOCOL)),
    key(
        &["entitytemplatedatabase", "eftemplatedatabase", "entityadmindatabase", "efadmindatabase"],
        Note("is about Entity Framework"),
    ),
    key(&["timezone"], Option("timezone")),
    key(&["kerberosservicename", "krbsrvname"], Option("krbsrvname")),
];

/// The address that a host has, so that its name need not be resolved.
fn hostaddr(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    draft.address(key, value)
}

fn fallback_application_name(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    draft.fallback(key, "application_name", value);
    Ok(())
}

/// The server's own unit is the millisecond.
fn statement_timeout(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match time::read(value, Millis) {
        Some(Span::Millis(millis)) => draft.option(key, "statement_timeout", &time::text(millis)),
        Some(Span::None) => {
            draft.note(key, "asks for no limit, and there is none");
            Ok(())
        }
        None => Err(bad_value(draft.kind, key, value, Millis.wanted())),
    }
}

fn client_encoding(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match value.to_ascii_lowercase().as_str() {
        "utf8" | "utf-8" | "unicode" | "auto" => {
            draft.note(key, "is not needed: text is always UTF-8");
            Ok(())
        }
        _ => draft.option(key, "client_encoding", value),
    }
}

/// psycopg's zero is the first use, which is our one.
fn psycopg_threshold(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let value = match (draft.kind, value) {
        (Kind::SqlAlchemy, "0") => "1",
        _ => value,
    };
    draft.option(key, "prepare_threshold", value)
}

/// pgjdbc's use at which a statement is prepared; zero is never.
fn prepare_threshold(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match value.trim().parse::<i64>() {
        Ok(0) => draft.option(key, "statement_cache", "0"),
        Ok(uses) => draft.option(key, "prepare_threshold", &uses.max(1).to_string()),
        Err(_) => Err(bad_value(draft.kind, key, value, "a number of uses, or 0 for never")),
    }
}

/// Prisma's word for whether a certificate is verified.
pub(super) fn sslaccept(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match super::fold(value).as_str() {
        "strict" => draft.tls(key, "false", Fact::Trust),
        "acceptinvalidcerts" => draft.tls_trusted(key),
        _ => Err(bad_value(draft.kind, key, value, "strict or accept_invalid_certs")),
    }
}

/// The one factory that is known to verify nothing.
fn sslfactory(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    match value.rsplit('.').next() {
        Some("NonValidatingFactory") => draft.tls_trusted(key),
        Some("LibPQFactory" | "DefaultJavaSSLFactory") => {
            draft.note(key, "is about Java");
            Ok(())
        }
        _ => draft.option(key, key, value),
    }
}
