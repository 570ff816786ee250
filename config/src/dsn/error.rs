//! Errors about connection strings: what is wrong and what would be right, and nothing that could be a
//! part of a secret.

use std::fmt;

use wellspring_connector::{Error, ErrorKind};

use super::kind::Kind;
use super::pairs::Trouble;
use crate::redact::is_secret;

/// An error of configuration.
pub(crate) fn config(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

/// Something is wrong with a value, which is shown if it can hold no secret.
pub(crate) fn bad_value(kind: Kind, key: &str, value: &str, wanted: impl fmt::Display) -> Error {
    let said = match !is_secret(key) && is_plain(key) && is_plain(value) {
        true => format!("`{key}={value}`"),
        false => shown(key),
    };
    config(format!("{said} in the {kind}: expected {wanted}"))
}

/// A key as errors name it: one that does not look like one may be a part of something else. Places
/// of a URL that are no keys are named in words: `the path`.
pub(crate) fn shown(key: &str) -> String {
    match is_plain(key) {
        true if key.starts_with("the ") => key.to_owned(),
        true => format!("`{key}`"),
        false => "a key".to_owned(),
    }
}

/// Two keys say different things about one matter.
pub(crate) fn disagree(kind: Kind, a: &str, b: &str, about: &str) -> Error {
    config(format!("{} and {} in the {kind} disagree about {about}", shown(a), shown(b)))
}

/// The text does not have the form of its kind.
pub(crate) fn malformed(kind: Kind, trouble: Trouble) -> Error {
    let quoting = match kind {
        Kind::Url | Kind::SqlAlchemy => "a `&` in a value is written `%26`",
        Kind::Libpq => "a value with spaces or quotes is written in single quotes",
        Kind::Jdbc | Kind::Odbc => "a value with `;` or quotes is written in braces",
        Kind::Ado => "a value with `;`, quotes or braces is written in quotes",
    };
    config(match trouble {
        Trouble::NoEquals => format!("the {kind} has a part without `=`; {quoting}"),
        Trouble::NoKey => format!("the {kind} has a `=` without a key before it; {quoting}"),
        Trouble::Unclosed => format!("a quote or brace in the {kind} is not closed"),
        Trouble::AfterQuote => {
            format!("a quoted value in the {kind} goes on after its end; {quoting}")
        }
        Trouble::OtherQuote => format!(
            "a secret in the {kind} begins with a quote or a brace that has no meaning there, so that it \
             is not clear where it ends; {quoting}"
        ),
        Trouble::TooMany => {
            format!("the {kind} has more than {} keys", super::pairs::MOST_PAIRS)
        }
    })
}

/// Short, and without anything that would make a word out of a password.
fn is_plain(text: &str) -> bool {
    text.len() <= 40 && text.chars().all(|c| c.is_alphanumeric() || " _-.".contains(c))
}
