//! MySQL's and MariaDB's errors in the words of the portable layer: one table, by number.

use mysql_async::{DriverError, Error as Native, IoError, ServerError};
use wellspring_connector::{Error, ErrorKind, Retry};

/// Numbers and what they mean, of both servers.
pub(crate) const TABLE: &[(u16, ErrorKind)] = &[
    (1022, ErrorKind::UniqueViolation),
    (1062, ErrorKind::UniqueViolation),
    (1169, ErrorKind::UniqueViolation),
    (1586, ErrorKind::UniqueViolation),
    (1216, ErrorKind::ForeignKeyViolation),
    (1217, ErrorKind::ForeignKeyViolation),
    (1451, ErrorKind::ForeignKeyViolation),
    (1452, ErrorKind::ForeignKeyViolation),
    (1048, ErrorKind::NotNullViolation),
    (1364, ErrorKind::NotNullViolation),
    (3819, ErrorKind::CheckViolation), // MySQL
    (4025, ErrorKind::CheckViolation), // MariaDB
    (1213, ErrorKind::Deadlock),
    (1205, ErrorKind::LockTimeout),
    (3572, ErrorKind::LockTimeout),          // nowait
    (1020, ErrorKind::SerializationFailure), // MariaDB: the record has changed since the snapshot
    (3024, ErrorKind::StatementTimeout),     // MySQL: max_execution_time
    (1969, ErrorKind::StatementTimeout),     // MariaDB: max_statement_time
    (1317, ErrorKind::Canceled),
    (1290, ErrorKind::ReadOnly),
    (1792, ErrorKind::ReadOnly),
    (1836, ErrorKind::ReadOnly),
    (1040, ErrorKind::ConnectTooMany),
    (1203, ErrorKind::ConnectTooMany),
    (1226, ErrorKind::ConnectTooMany),
    (1044, ErrorKind::PermissionDenied),
    (1045, ErrorKind::ConnectAuth),
    (1130, ErrorKind::ConnectAuth),
    (1129, ErrorKind::ConnectAuth),
    (1698, ErrorKind::ConnectAuth),
    (1820, ErrorKind::ConnectAuth), // the password must be changed
    (1862, ErrorKind::ConnectAuth), // the password has expired
    (1049, ErrorKind::ConnectUnknownDatabase),
    (1142, ErrorKind::PermissionDenied),
    (1143, ErrorKind::PermissionDenied),
    (1227, ErrorKind::PermissionDenied),
    (1370, ErrorKind::PermissionDenied),
    (1064, ErrorKind::Syntax),
    (1065, ErrorKind::Syntax), // an empty statement
    (1050, ErrorKind::Syntax), // the table is there already
    (1046, ErrorKind::Usage),  // no database was chosen
    (1054, ErrorKind::UndefinedObject),
    (1051, ErrorKind::UndefinedObject),
    (1091, ErrorKind::UndefinedObject),
    (1109, ErrorKind::UndefinedObject),
    (1128, ErrorKind::UndefinedObject),
    (1146, ErrorKind::UndefinedObject),
    (1176, ErrorKind::UndefinedObject),
    (1193, ErrorKind::UndefinedObject), // a variable
    (1305, ErrorKind::UndefinedObject), // a routine, or a savepoint
    (1630, ErrorKind::UndefinedObject), // a function, in MariaDB
    (1210, ErrorKind::Parameters),
    (1235, ErrorKind::Unsupported),
    (1295, ErrorKind::Unsupported), // not as a prepared statement
    (1264, ErrorKind::DataOutOfRange),
    (1265, ErrorKind::DataOutOfRange),
    (1292, ErrorKind::DataOutOfRange),
    (1366, ErrorKind::DataOutOfRange),
    (1367, ErrorKind::DataOutOfRange),
    (1365, ErrorKind::DataOutOfRange), // division by zero
    (1406, ErrorKind::DataOutOfRange),
    (1690, ErrorKind::DataOutOfRange),
    (3140, ErrorKind::DataOutOfRange), // no JSON
    (3141, ErrorKind::DataOutOfRange),
    (1153, ErrorKind::ResourceExhausted), // larger than max_allowed_packet
    (3, ErrorKind::ResourceExhausted),    // a temporary file could not be written
    (1021, ErrorKind::ResourceExhausted), // the disk is full
    (1037, ErrorKind::ResourceExhausted),
    (1038, ErrorKind::ResourceExhausted),
    (1041, ErrorKind::ResourceExhausted),
    (1114, ErrorKind::ResourceExhausted), // the table is full
    (1206, ErrorKind::ResourceExhausted), // too many locks
    (3636, ErrorKind::ResourceExhausted), // recursion too deep
    (1053, ErrorKind::ConnectionLost),    // shutting down
    (1927, ErrorKind::ConnectionLost),    // killed, in MariaDB
    (3169, ErrorKind::ConnectionLost),    // killed, in MySQL
    (4031, ErrorKind::ConnectionLost),    // idle for too long
    (1152, ErrorKind::ConnectionLost),
    (1158, ErrorKind::ConnectionLost),
    (1159, ErrorKind::ConnectionLost),
    (1160, ErrorKind::ConnectionLost),
    (1161, ErrorKind::ConnectionLost),
    (1033, ErrorKind::Corrupt),
    (1034, ErrorKind::Corrupt),
    (1035, ErrorKind::Corrupt),
];

/// The numbers of a statement that was stopped from outside.
pub(crate) const INTERRUPTED: &[u16] = &[1317, 1028, 1969, 3024];

fn of_number(number: u16) -> ErrorKind {
    TABLE.iter().find(|(known, _)| *known == number).map_or(ErrorKind::Other, |(_, kind)| *kind)
}

/// How far a request was when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It did not leave.
    No,
    /// It may have left.
    Perhaps,
}

/// The portable error for one that came while a connection was in use.
pub(crate) fn convert(error: Native, sent: Sent) -> Error {
    let (kind, message) = match &error {
        Native::Server(server) => return of_server(server).with_source(error),
        Native::Io(_) => return lost_connection(sent).with_source(error),
        Native::Driver(driver) => match driver {
            DriverError::ConnectionClosed
            | DriverError::PacketOutOfOrder
            | DriverError::UnexpectedPacket { .. } => {
                return lost_connection(sent).with_source(error);
            }
            DriverError::StmtParamsMismatch { .. }
            | DriverError::StmtParamsNumberExceedsLimit { .. }
            | DriverError::MixedParams
            | DriverError::Params(_) => (ErrorKind::Parameters, driver.to_string()),
            DriverError::PacketTooLarge => (
                ErrorKind::ResourceExhausted,
                "a value larger than the server's max_allowed_packet".to_owned(),
            ),
            DriverError::LocalInfile(_) => (ErrorKind::Usage, driver.to_string()),
            _ => (ErrorKind::Other, driver.to_string()),
        },
        other => (ErrorKind::Other, other.to_string()),
    };
    Error::new(kind, message).with_source(error)
}

/// The connection went away.
pub(crate) fn lost_connection(sent: Sent) -> Error {
    match sent {
        Sent::No => Error::new(
            ErrorKind::ConnectionLost,
            "the connection was lost before the statement was sent",
        )
        .with_retry(Retry::SafeToResend),
        Sent::Perhaps => Error::new(ErrorKind::ConnectionLost, "the connection was lost"),
    }
}

fn of_server(server: &ServerError) -> Error {
    let mut kind = of_number(server.code);
    // "Unknown error", which says more in its words.
    if server.code == 1105 && server.message.contains("max_allowed_packet") {
        kind = ErrorKind::ResourceExhausted;
    }
    let mut error = Error::new(kind, server.message.clone()).with_code(server.code.to_string());
    if server.state.len() == 5 && server.state != "HY000" {
        error = error.with_sqlstate(server.state.clone());
    }
    if kind == ErrorKind::ReadOnly {
        error = error.with_retry(Retry::NewConnection);
    }
    match constraint(server) {
        Some(constraint) => error.with_constraint(constraint),
        None => error,
    }
}

/// The error for what the server only warned of.
pub(crate) fn of_warning(number: u16, message: String) -> Error {
    of_server(&ServerError { code: number, message, state: "HY000".to_owned() })
}

/// The constraint a message names: the last thing in quotes where a key is violated, the name after
/// `constraint` where a reference or a check is.
fn constraint(server: &ServerError) -> Option<&str> {
    let message = server.message.as_str();
    let quoted = |from: &str, open: char, close: char| -> Option<(usize, usize)> {
        let start = message.find(from)? + from.len();
        let begin = start + message[start..].find(open)? + open.len_utf8();
        let end = begin + message[begin..].find(close)?;
        Some((begin, end))
    };
    let (begin, end) = match server.code {
        1062 | 1586 => quoted(" for key ", '\'', '\'')?,
        1451 | 1452 => quoted("CONSTRAINT ", '`', '`')?,
        3819 => quoted("constraint ", '\'', '\'')?,
        4025 => quoted("CONSTRAINT ", '`', '`')?,
        1048 => quoted("Column ", '\'', '\'')?,
        1364 => quoted("Field ", '\'', '\'')?,
        _ => return None,
    };
    let name = &message[begin..end];
    // MySQL writes the table before the key.
    Some(name.rsplit_once('.').map_or(name, |(_, key)| key))
}

/// The portable error for one that came while connecting to `place`.
pub(crate) fn during_connect(error: Native, place: &str) -> Error {
    use std::io::ErrorKind as Io;
    let (kind, what) = match &error {
        Native::Server(server) => {
            let kind = match of_number(server.code) {
                kind if kind.is_connect() => kind,
                ErrorKind::PermissionDenied => ErrorKind::ConnectAuth,
                // What the session's settings are refused for.
                ErrorKind::DataOutOfRange | ErrorKind::Syntax | ErrorKind::UndefinedObject => {
                    ErrorKind::Config
                }
                _ if matches!(server.code, 1231 | 1238) => ErrorKind::Config,
                _ => ErrorKind::ConnectRefused,
            };
            let message = format!("connecting to {place}: {}", server.message);
            let converted = Error::new(kind, message).with_code(server.code.to_string());
            return converted.with_source(error);
        }
        #[cfg(feature = "tls")]
        Native::Io(IoError::Tls(tls)) => {
            return Error::new(ErrorKind::ConnectTls, format!("TLS with {place} failed: {tls}"))
                .with_source(error);
        }
        Native::Io(IoError::Io(io)) => match io.kind() {
            Io::ConnectionRefused => (ErrorKind::ConnectRefused, "nobody listens there"),
            Io::NotFound => (ErrorKind::ConnectRefused, "there is no such socket"),
            Io::TimedOut => (ErrorKind::ConnectTimeout, "no answer"),
            Io::InvalidData if io.get_ref().is_some() => {
                let message = format!("TLS with {place} failed: {io}");
                return Error::new(ErrorKind::ConnectTls, message).with_source(error);
            }
            Io::UnexpectedEof | Io::ConnectionReset | Io::BrokenPipe => {
                (ErrorKind::ConnectRefused, "the server closed the connection")
            }
            _ => (ErrorKind::ConnectRefused, "the connection could not be made"),
        },
        Native::Driver(DriverError::NoClientSslFlagFromServer) => {
            return Error::new(
                ErrorKind::ConnectTls,
                format!(
                    "{place} does not offer TLS, which is wanted; `sslmode=disable` does without"
                ),
            )
            .with_source(error);
        }
        Native::Driver(
            DriverError::UnknownAuthPlugin { .. }
            | DriverError::MysqlOldPasswordDisabled
            | DriverError::CleartextPluginDisabled,
        ) => (ErrorKind::ConnectAuth, "the server wants a way to log in that is not supported"),
        Native::Driver(DriverError::ConnectionClosed) => {
            (ErrorKind::ConnectRefused, "the server closed the connection")
        }
        _ => (ErrorKind::ConnectRefused, "the connection could not be made"),
    };
    Error::new(kind, format!("connecting to {place}: {what}: {error}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_once_in_the_table() {
        for (i, (number, _)) in TABLE.iter().enumerate() {
            assert!(TABLE[..i].iter().all(|(other, _)| other != number), "{number}");
        }
    }

    #[test]
    fn the_table_in_the_book_is_this_one() {
        let book = include_str!("../../../docs/src/errors.md");
        let chapter = book
            .split("\n## MySQL's and MariaDB's numbers\n")
            .nth(1)
            .expect("the chapter is there");
        let chapter = chapter.split("\n## ").next().expect("it has an end");
        let told: Vec<String> = chapter
            .lines()
            .filter_map(|line| {
                line.strip_prefix("| `")?.rsplit_once(" |").map(|(row, _)| row.into())
            })
            .map(|row: String| row.rsplit_once(" | ").expect("three columns").0.to_owned())
            .collect();
        let ours: Vec<String> =
            TABLE.iter().map(|(code, kind)| format!("{code}` | `{kind:?}`")).collect();
        assert_eq!(told, ours);
    }

    #[test]
    fn constraints_are_found_in_the_words_of_both_servers() {
        for (code, message, name) in [
            (1062, "Duplicate entry 'one' for key 'p.p_u'", Some("p_u")),
            (1062, "Duplicate entry 'a' for key 'p_u'", Some("p_u")),
            (
                1452,
                "Cannot add or update a child row: a foreign key constraint fails (`d`.`p`, \
                 CONSTRAINT `p_r` FOREIGN KEY (`r`) REFERENCES `p` (`id`))",
                Some("p_r"),
            ),
            (3819, "Check constraint 'p_c' is violated.", Some("p_c")),
            (4025, "CONSTRAINT `p_c` failed for `d`.`p`", Some("p_c")),
            (1048, "Column 'n' cannot be null", Some("n")),
            (1064, "You have an error in your SQL syntax", None),
            (1062, "cut short", None),
        ] {
            let server =
                ServerError { code, message: message.to_owned(), state: "HY000".to_owned() };
            assert_eq!(constraint(&server), name, "{message}");
        }
    }
}
