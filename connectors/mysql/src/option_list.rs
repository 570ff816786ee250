//! The options of MySQL and MariaDB URLs as data: what each is called, has and does, said once.

use wellspring_connector::url::words_of;
use wellspring_connector::{DriverOption, OptionKind};

use crate::options::SslMode;

pub(crate) const SSL_MODES: [(&str, SslMode); 8] = [
    ("disable", SslMode::Disable),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
    ("disabled", SslMode::Disable),
    ("required", SslMode::Require),
    ("verify_ca", SslMode::VerifyCa),
    ("verify_identity", SslMode::VerifyFull),
];

/// The options a MySQL or MariaDB URL may have.
///
/// ```
/// use wellspring_connector::DriverOption;
///
/// let cache = DriverOption::find(wellspring_mysql::OPTIONS, "statement_cache").unwrap();
/// assert_eq!(cache.default, "100");
/// ```
pub const OPTIONS: &[DriverOption] = &[
    DriverOption::new(
        "socket",
        OptionKind::Path,
        "none",
        "The unix socket to connect through, instead of the host.",
    ),
    DriverOption::new(
        "sslmode",
        OptionKind::Words(&words_of(&SSL_MODES)),
        "`verify-full`; `disable` through unix sockets, and for this machine unless another option \
         asks for TLS",
        "How much TLS: none, encryption with whoever answers, a certificate from an authority that is \
         trusted, and one that names the host; the words after these are MySQL's own. There is no \
         `prefer`: whether a connection is safe is not left to the server.",
    )
    .or(&["ssl-mode"]),
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
        "The name the server shows for the session, sent as the attribute `program_name`.",
    ),
    DriverOption::new(
        "sql_mode",
        OptionKind::Text,
        "the server's",
        "The modes of the session, separated by commas.",
    ),
    DriverOption::new(
        "read_timeout",
        OptionKind::Duration,
        "the server's",
        "How long the server waits for the client to send more; whole seconds.",
    ),
    DriverOption::new(
        "write_timeout",
        OptionKind::Duration,
        "the server's",
        "How long the server waits for the client to take what it sends; whole seconds.",
    ),
    DriverOption::new(
        "statement_cache",
        OptionKind::Number(0, i64::MAX),
        "100",
        "Prepared statements kept for each connection; 0 prepares each anew.",
    ),
    DriverOption::new(
        "charset",
        OptionKind::Words(&["utf8mb4"]),
        "utf8mb4",
        "The encoding of text, of which there is one.",
    ),
];

/// What people try in these URLs, and what they are to do instead.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    (
        "autocommit",
        "each statement commits by itself; transactions, or `set_autocommit` of a connection, do without",
    ),
    ("ssl", "`sslmode` says how much TLS is wanted"),
    ("ssl-ca", "`sslrootcert` names the authorities to trust"),
    ("ssl-cert", "`sslcert` names the certificate"),
    ("ssl-key", "`sslkey` names the key"),
    ("ssl_ca", "`sslrootcert` names the authorities to trust"),
    ("ssl_cert", "`sslcert` names the certificate"),
    ("ssl_key", "`sslkey` names the key"),
    ("time_zone", "the time zone of a session is always UTC"),
    ("unix_socket", "`socket` is the path of one"),
];

#[cfg(test)]
mod tests {
    use wellspring_connector::options_table;

    use super::*;
    use crate::MySqlOptions;

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
        let bare = MySqlOptions::from_url("mysql://db.example/shop").unwrap();
        let mut compared = 0;
        for option in OPTIONS {
            let is_value = option.is_default_a_value();
            let value = match option.kind {
                _ if is_value => option.default,
                OptionKind::Duration => "5s",
                OptionKind::Words(words) => words[0],
                _ => "x",
            };
            let more = match option.name {
                "sslcert" => "&sslkey=x",
                "sslkey" => "&sslcert=x",
                _ => "",
            };
            for name in [&[option.name], option.aliases].concat() {
                let url = format!("mysql://db.example/shop?{name}={value}{more}");
                let options = MySqlOptions::from_url(&url).unwrap_or_else(|e| panic!("{url}: {e}"));
                if is_value {
                    assert_eq!(options, bare, "{url}");
                    compared += 1;
                } else {
                    assert_ne!(options, bare, "{url}");
                }
            }
        }
        assert_eq!(compared, 3, "a default that is a value is compared");
    }

    #[test]
    fn nothing_is_both_an_option_and_elsewhere() {
        for (name, _) in ELSEWHERE {
            assert!(DriverOption::find(OPTIONS, name).is_none(), "{name}");
        }
    }
}
