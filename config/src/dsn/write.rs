//! Our own URL for what has been read, and the same for people, without secrets.

use wellspring_connector::url::{ServerUrl, encode};
use wellspring_connector::{Result, Secret};

use super::error::{config, shown as shown_key};
use super::pairs::MOST_PAIRS;
use super::scheme::Database;
use super::{DatabaseUrl, MOST_BYTES, host};
use crate::redact::{holds_secret, is_secret};

/// The URL as text.
pub(crate) fn text(url: &DatabaseUrl) -> Result<Secret> {
    check(url)?;
    let text = match is_sqlite(url) {
        true => Secret::from(file_text(url, &url.options)),
        false => server_url(url, url.password.clone(), url.options.clone()).to_text()?,
    };
    if text.expose().len() > MOST_BYTES {
        return Err(config(format!(
            "the URL has {} bytes: expected at most {MOST_BYTES}",
            text.expose().len()
        )));
    }
    Ok(text)
}

/// The URL for people: without the password, and without what looks like a secret.
pub(crate) fn shown(url: &DatabaseUrl) -> String {
    let options: Vec<(String, String)> = url
        .options
        .iter()
        .map(|(name, value)| {
            let secret = is_secret(name) || holds_secret(value);
            // A word that needs no encoding.
            (name.clone(), if secret { "redacted".to_owned() } else { value.clone() })
        })
        .collect();
    match is_sqlite(url) {
        true => file_text(url, &options),
        false => match server_url(url, None, options).to_text() {
            Ok(text) => text.expose().to_owned(),
            Err(_) => format!("{}:…", url.scheme),
        },
    }
}

fn is_sqlite(url: &DatabaseUrl) -> bool {
    url.scheme == Database::Sqlite.scheme()
}

fn server_url(
    url: &DatabaseUrl,
    password: Option<Secret>,
    options: Vec<(String, String)>,
) -> ServerUrl {
    let mut server = ServerUrl::new(&url.scheme);
    server.user = url.user.clone();
    server.password = password;
    server.hosts = url.hosts.clone();
    server.database = url.database.clone();
    server.options = options;
    server
}

/// `sqlite:path?key=value`. The slashes of the path stay, for people, but for one at the beginning of
/// two, which would begin a host.
fn file_text(url: &DatabaseUrl, options: &[(String, String)]) -> String {
    let mut text = format!("{}:", url.scheme);
    match &url.database {
        None => text.push_str(":memory:"),
        Some(path) => {
            let path = path.split('/').map(encode).collect::<Vec<_>>().join("/");
            match path.strip_prefix("//") {
                Some(rest) => {
                    text.push_str("%2F/");
                    text.push_str(rest);
                }
                None => text.push_str(&path),
            }
        }
    }
    for (index, (name, value)) in options.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(&encode(name));
        text.push('=');
        text.push_str(&encode(value));
    }
    text
}

/// Finds what no URL can say.
fn check(url: &DatabaseUrl) -> Result<()> {
    let scheme = &url.scheme;
    let plain = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-._".contains(&b));
    if !plain {
        return Err(config("the scheme of a URL has lower-case letters, digits and `+-._` only"));
    }
    if is_sqlite(url) && (url.user.is_some() || url.password.is_some() || !url.hosts.is_empty()) {
        return Err(config("a SQLite file has no user, password or host"));
    }
    if url.password.is_some() && url.user.is_none() {
        return Err(config("the URL has a password, but no user it belongs to"));
    }
    let parts = [&url.user, &url.database];
    for (what, part) in ["user", "database"].into_iter().zip(parts) {
        if part.as_deref().is_some_and(str::is_empty) {
            return Err(config(format!(
                "the {what} of the URL is empty: expected a name, or none"
            )));
        }
    }
    if url.hosts.len() > MOST_PAIRS {
        return Err(config(format!("the URL has more than {MOST_PAIRS} hosts")));
    }
    if !url.hosts.iter().all(|(name, port)| host::is_host(name) && *port != Some(0)) {
        return Err(config("the URL has a host that is none, or the port 0"));
    }
    if url.options.len() > MOST_PAIRS {
        return Err(config(format!("the URL has more than {MOST_PAIRS} options")));
    }
    for (index, (name, _)) in url.options.iter().enumerate() {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(config("an option of the URL has no good name"));
        }
        if url.options[..index].iter().any(|(known, _)| known == name) {
            return Err(config(format!("the option {} is there twice", shown_key(name))));
        }
    }
    let password = url.password.as_ref().map(Secret::expose);
    let options = url.options.iter().map(|(_, value)| value.as_str());
    let texts = [password, url.user.as_deref(), url.database.as_deref()].into_iter().flatten();
    if texts.chain(options).any(|text| text.contains('\0')) {
        return Err(config("a part of the URL has a NUL byte"));
    }
    Ok(())
}
