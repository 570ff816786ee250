//! The kinds of connection strings, and how they are told apart.

use std::fmt;

use super::keys::{is_libpq, is_odbc};
use super::pairs;
use super::scheme::Database;

/// What kind of connection string a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `scheme://…`, as we write them and as libpq does; `sqlite:…` and `file:…`.
    Url,
    /// `database+driver://…`, as SQLAlchemy has them.
    SqlAlchemy,
    /// `host=… dbname=…`, as libpq has them.
    Libpq,
    /// `jdbc:…`.
    Jdbc,
    /// `Key=value;…`, as ADO.NET has them.
    Ado,
    /// `Driver={…};…` or `DSN=…;…`.
    Odbc,
}

impl Kind {
    /// The kind of `text`; `None` for something without a scheme that does not consist of keys and
    /// values, such as a bare path.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if let Some(scheme) = scheme(text) {
            if scheme.eq_ignore_ascii_case("jdbc") {
                return Some(Self::Jdbc);
            }
            return match scheme.split_once('+') {
                Some((base, _)) if Database::of_scheme(base).is_some() => Some(Self::SqlAlchemy),
                _ => Some(Self::Url),
            };
        }
        if !text.contains('=') {
            return None;
        }
        if looks_libpq(text) {
            return Some(Self::Libpq);
        }
        let odbc = |pairs: &[pairs::Pair<'_>]| pairs.iter().any(|pair| is_odbc(pair.key));
        match pairs::quoted(text) {
            Ok(pairs) if odbc(&pairs) => Some(Self::Odbc),
            Ok(_) => Some(Self::Ado),
            // Quotes mean nothing to ODBC, so one of them may stand alone.
            Err(_) => match pairs::braced(text) {
                Ok(pairs) if odbc(&pairs) => Some(Self::Odbc),
                _ => Some(Self::Ado),
            },
        }
    }

    /// Whether keys are told apart by their letters and digits alone: `User Id` is `userid`.
    pub(crate) fn folds(self) -> bool {
        matches!(self, Self::Jdbc | Self::Ado | Self::Odbc)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "URL",
            Self::SqlAlchemy => "SQLAlchemy URL",
            Self::Libpq => "libpq connection string",
            Self::Jdbc => "JDBC URL",
            Self::Ado => "ADO.NET connection string",
            Self::Odbc => "ODBC connection string",
        })
    }
}

/// What comes before the first colon, if it can be a scheme. One letter is the drive of a path.
pub(crate) fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    (scheme.len() > 1
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+-._".contains(&b)))
    .then_some(scheme)
}

/// libpq parts pairs by spaces, all others by semicolons: what ends the first pair decides.
fn looks_libpq(text: &str) -> bool {
    let Some((key, rest)) = text.split_once('=') else {
        return false;
    };
    let (key, rest) = (key.trim(), rest.trim_start());
    if !is_identifier(key) {
        return false;
    }
    let (value, rest) = pairs::libpq_value(rest);
    if !value.starts_with('\'') && ends_by_semicolon(value) {
        return false;
    }
    if rest.starts_with(';') {
        return false;
    }
    match rest.trim_start().split_once('=') {
        None => is_libpq(key),
        Some((next, _)) => is_libpq(key) || is_libpq(next.trim_end()),
    }
}

/// Whether a semicolon in `value` is followed by another pair, or by nothing.
fn ends_by_semicolon(value: &str) -> bool {
    value.split(';').skip(1).any(|part| {
        part.trim().is_empty() || part.split_once('=').is_some_and(|(key, _)| is_identifier(key))
    })
}

fn is_identifier(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
