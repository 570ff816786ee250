//! The options of PostgreSQL URLs as data: what each is called, has and does, said once.

use wellspring_connector::url::words_of;
use wellspring_connector::{DriverOption, OptionKind};

use crate::options::{ChannelBinding, Pooler, SslMode, TargetSessionAttrs};

pub(crate) const SSL_MODES: [(&str, SslMode); 4] = [
    ("disable", SslMode::Disable),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

pub(crate) const BINDINGS: [(&str, ChannelBinding); 3] = [
    ("disable", ChannelBinding::Disable),
    ("prefer", ChannelBinding::Prefer),
    ("require", ChannelBinding::Require),
];

pub(crate) const TARGETS: [(&str, TargetSessionAttrs); 6] = [
    ("any", TargetSessionAttrs::Any),
    ("read-write", TargetSessionAttrs::ReadWrite),
    ("read-only", TargetSessionAttrs::ReadOnly),
    ("primary", TargetSessionAttrs::Primary),
    ("standby", TargetSessionAttrs::Standby),
    ("prefer-standby", TargetSessionAttrs::PreferStandby),
];

pub(crate) const POOLERS: [(&str, Pooler); 5] = [
    ("off", Pooler::None),
    ("transaction", Pooler::Transaction),
    ("session", Pooler::None),
    ("false", Pooler::None),
    ("true", Pooler::Transaction),
];

/// The options a PostgreSQL URL may have.
///
/// ```
/// use wellspring_connector::DriverOption;
///
/// let timeout = DriverOption::find(wellspring_postgres::OPTIONS, "statement_timeout").unwrap();
/// assert!(timeout.check("5s").is_ok());
/// ```
pub const OPTIONS: &[DriverOption] = &[
    DriverOption::new(
        "host",
        OptionKind::Text,
        "`localhost`",
        "Where the server is, of a URL that names no host before its path: a name, an address or the \
         directory of a unix socket; several are separated by commas and tried in order.",
    ),
    DriverOption::new(
        "port",
        OptionKind::Number(1, 65_535),
        "5432",
        "The port of the hosts that name none.",
    ),
    DriverOption::new("user", OptionKind::Text, "the user of the process", "Who logs in."),
    DriverOption::new("password", OptionKind::Secret, "none", "What proves it."),
    DriverOption::new("dbname", OptionKind::Text, "named as the user", "The database."),
    DriverOption::new(
        "sslmode",
        OptionKind::Words(&words_of(&SSL_MODES)),
        "`verify-full`; `disable` through unix sockets, and for this machine unless another option \
         asks for TLS",
        "How much TLS: none, encryption with whoever answers, a certificate from an authority that is \
         trusted, and one that names the host. There is no `prefer`: whether a connection is safe is \
         not left to the server.",
    ),
    DriverOption::new(
        "sslrootcert",
        OptionKind::Path,
        "those of the machine",
        "A PEM file of the authorities to trust.",
    ),
    DriverOption::new(
        "sslcert",
        OptionKind::Path,
        "none",
        "A PEM file with the certificate to prove who we are; `sslkey` goes with it.",
    ),
    DriverOption::new("sslkey", OptionKind::Path, "none", "A PEM file with the key of `sslcert`."),
    DriverOption::new(
        "channel_binding",
        OptionKind::Words(&words_of(&BINDINGS)),
        "prefer",
        "Whether logging in with a password is bound to the server's certificate, so that nobody in \
         between can pass it on.",
    ),
    DriverOption::new(
        "tcp_keepalive",
        OptionKind::Duration,
        "1min",
        "How long a peer may be silent before the system asks whether it is still there; at least \
         `1s`, and `0s` never asks.",
    ),
    DriverOption::new(
        "application_name",
        OptionKind::Text,
        "none",
        "The name the server shows for the session.",
    ),
    DriverOption::new(
        "statement_timeout",
        OptionKind::Duration,
        "the server's",
        "How long the server lets a statement run; at least `1ms`.",
    ),
    DriverOption::new(
        "search_path",
        OptionKind::Text,
        "the server's",
        "The schemas in which names without one are looked up, separated by commas.",
    ),
    DriverOption::new(
        "jit",
        OptionKind::Switch,
        "the server's",
        "Whether the server may compile queries.",
    ),
    DriverOption::new(
        "options",
        OptionKind::Text,
        "none",
        "Arguments for the server, as its command line has them: `-c geqo=off`.",
    ),
    DriverOption::new(
        "target_session_attrs",
        OptionKind::Words(&words_of(&TARGETS)),
        "any",
        "Which of several hosts will do, by what its sessions can.",
    ),
    DriverOption::new(
        "pgbouncer",
        OptionKind::Words(&words_of(&POOLERS)),
        "off",
        "What stands before the server: `transaction` (or `true`) is a pooler that gives each \
         transaction another connection. Nothing is prepared by name then.",
    ),
    DriverOption::new(
        "statement_cache",
        OptionKind::Number(0, i64::MAX),
        "100",
        "Prepared statements kept for each connection; 0 prepares none.",
    ),
    DriverOption::new(
        "prepare_threshold",
        OptionKind::Number(1, u32::MAX as i64),
        "1",
        "The use of a statement, on one connection, at which it is prepared.",
    ),
    DriverOption::new(
        "client_encoding",
        OptionKind::Words(&["UTF8", "UTF-8", "unicode"]),
        "UTF8",
        "The encoding of text, of which there is one.",
    ),
];

/// What people try in these URLs, and what they are to do instead.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("command_timeout", "`statement_timeout` limits statements"),
    ("currentSchema", "`search_path` names schemas"),
    ("keepalives", "`tcp_keepalive` is how long a peer may be silent, `0s` for any time"),
    ("keepalives_count", KEEPALIVE),
    ("keepalives_idle", KEEPALIVE),
    ("keepalives_interval", KEEPALIVE),
    ("keepalives_retries", KEEPALIVE),
    ("prepared_statement_cache_size", "`statement_cache` is how many are kept"),
    ("ssl", "`sslmode` says how much TLS is wanted"),
    ("statement_cache_size", "`statement_cache` is how many are kept"),
    ("tcp_user_timeout", "`tcp_keepalive` notices a peer that is gone"),
];

const KEEPALIVE: &str = "`tcp_keepalive` is how long a peer may be silent, with its unit";

#[cfg(test)]
mod tests {
    use wellspring_connector::options_table;

    use super::*;
    use crate::PostgresOptions;

    #[test]
    fn the_table_in_the_documentation_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/options.md");
        let table = options_table(OPTIONS);
        if std::env::var("WELLSPRING_BLESS").as_deref() == Ok("1") {
            std::fs::write(path, &table).expect("the table can be written");
        }
        let told = std::fs::read_to_string(path).expect("the table is there");
        assert_eq!(told, table, "WELLSPRING_BLESS=1 writes it anew");
    }

    #[test]
    fn each_option_is_taken_and_its_default_is_what_holds_without_it() {
        let bare = PostgresOptions::from_url("postgres://db.example/shop").unwrap();
        let mut compared = 0;
        for option in OPTIONS {
            let is_value = option.is_default_a_value();
            let value = match option.kind {
                _ if is_value => option.default,
                OptionKind::Switch => "on",
                OptionKind::Duration => "5s",
                OptionKind::Words(words) => words[0],
                _ => "x",
            };
            let (host, more) = match option.name {
                "host" => ("", ""),
                "sslcert" => ("db.example", "&sslkey=x"),
                "sslkey" => ("db.example", "&sslcert=x"),
                _ => ("db.example", ""),
            };
            let url = format!("postgres://{host}/shop?{}={value}{more}", option.name);
            let options = PostgresOptions::from_url(&url).unwrap_or_else(|e| panic!("{url}: {e}"));
            if is_value {
                assert_eq!(options, bare, "{url}");
                compared += 1;
            } else {
                assert_ne!(options, bare, "{url}");
            }
        }
        assert_eq!(compared, 8, "a default that is a value is compared");
    }

    #[test]
    fn nothing_is_both_an_option_and_elsewhere() {
        for (name, _) in ELSEWHERE {
            assert!(DriverOption::find(OPTIONS, name).is_none(), "{name}");
        }
    }
}
