//! Files of SQLite: `sqlite:…` as SQLAlchemy and we have it, `file:…` as SQLite has it.

use wellspring_connector::Result;

use super::draft::Draft;
use super::error::{config, malformed};
use super::pairs;
use super::url::{Encoding, decoded, decoded_pair};

/// What stands where a URL has its path.
pub(crate) const PATH: &str = "the path";

/// Reads what follows `sqlite:`. Two slashes begin a host, which files have none of, and a third one
/// ends it: `sqlite:///x` is relative, and `sqlite:////x` absolute.
pub(crate) fn url(draft: &mut Draft, rest: &str, query_encoding: Encoding) -> Result<()> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match path.strip_prefix("//") {
        Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
            return Err(config(
                "a SQLite file has no user, password or host here: expected `sqlite:` and the path; \
                 an `@` in a path is written `%40`",
            ));
        }
        Some(rest) => rest.strip_prefix('/').unwrap_or(rest),
        None => path,
    };
    let path = decoded("path", path, Encoding::Percent)?;
    let pairs = pairs::query(query, '&', false).map_err(|t| malformed(draft.kind, t))?;
    let pairs: Vec<(String, String)> =
        pairs.iter().map(|pair| decoded_pair(pair, query_encoding)).collect::<Result<_>>()?;
    // As SQLAlchemy has it: the path is a URI if the query says so.
    let is_uri = pairs.iter().any(|(key, value)| key == "uri" && value == "true");
    match is_uri && is_file_uri(&path) {
        true => file_uri(draft, &path)?,
        false => file(draft, PATH, &path)?,
    }
    for (key, value) in pairs {
        draft.pair(&key, &value, false)?;
    }
    Ok(())
}

/// Whether `text` is the URI of a file.
pub(crate) fn is_file_uri(text: &str) -> bool {
    text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

/// Reads `file:path?key=value`.
pub(crate) fn file_uri(draft: &mut Draft, text: &str) -> Result<()> {
    let rest = text.get(5..).unwrap_or_default();
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match path.strip_prefix("//") {
        None => path,
        Some(rest) => {
            let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
            if !(host.is_empty() || host.eq_ignore_ascii_case("localhost")) {
                return Err(config(
                    "a `file:` URI names a host, but a SQLite file is on this machine: expected \
                     `file:relative/path` or `file:///absolute/path`",
                ));
            }
            &rest[host.len()..]
        }
    };
    file(draft, PATH, &decoded("path", path, Encoding::Percent)?)?;
    for pair in pairs::query(query, '&', false).map_err(|t| malformed(draft.kind, t))? {
        let (key, value) = decoded_pair(&pair, Encoding::Percent)?;
        draft.pair(&key, &value, false)?;
    }
    Ok(())
}

/// Takes down the path; none is memory.
pub(crate) fn file(draft: &mut Draft, by: &str, path: &str) -> Result<()> {
    match path {
        ":memory:" => Ok(()),
        path => draft.name(by, path),
    }
}
