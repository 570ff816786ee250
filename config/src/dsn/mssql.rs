//! Servers of SQL Server, which may have instances, and the URL of its JDBC driver.

use std::borrow::Cow;

use wellspring_connector::Result;
use wellspring_connector::url::decode;

use super::draft::Draft;
use super::error::{config, malformed, shown};
use super::{host, keys, pairs};

/// `tcp:host\instance,port`, as ADO.NET and ODBC have it.
pub(crate) fn server(draft: &mut Draft, key: &str, value: &str) -> Result<()> {
    let value = value.trim();
    let lower = value.to_ascii_lowercase();
    let value = match lower.starts_with("tcp:") {
        true => &value[4..],
        false => value,
    };
    let other_protocol = ["np:", "lpc:", "admin:"].iter().any(|p| lower.starts_with(p));
    if other_protocol || value.starts_with("\\\\") || lower.starts_with("(localdb)") {
        return Err(config(format!(
            "{} in the {} asks for a pipe, shared memory or LocalDB; expected a server that is \
             reached by TCP: host, `host,port` or `host\\instance`",
            shown(key),
            draft.kind
        )));
    }
    let (value, port) = match value.split_once(',') {
        Some((value, port)) => (value.trim(), Some(port)),
        None => (value, None),
    };
    let (name, instance) = match value.split_once('\\') {
        Some((name, instance)) => (name.trim(), Some(instance.trim())),
        None => (value, None),
    };
    let name = match name {
        "." | "(local)" => "localhost",
        name => name,
    };
    located(draft, key, host::list(draft.kind, name)?, instance, port)
}

/// `host\instance:port`, as the JDBC driver has it.
fn jdbc_server(draft: &mut Draft, text: &str) -> Result<()> {
    const BY: &str = "the host in the URL";
    let (name, instance, port) = match text.split_once('\\') {
        Some((name, rest)) => match rest.split_once(':') {
            Some((instance, port)) => (name, Some(instance), Some(port)),
            None => (name, Some(rest), None),
        },
        None => (text, None, None),
    };
    located(draft, BY, host::list(draft.kind, name)?, instance, port)
}

fn located(
    draft: &mut Draft,
    by: &str,
    mut hosts: host::Hosts,
    instance: Option<&str>,
    port: Option<&str>,
) -> Result<()> {
    if let (Some(port), [(_, known)]) = (port, hosts.as_mut_slice()) {
        *known = Some(host::port(draft.kind, port.trim())?);
    }
    let has_port = hosts.iter().any(|(_, port)| port.is_some());
    draft.hosts_are(by, hosts)?;
    match instance.filter(|instance| !instance.is_empty()) {
        None => Ok(()),
        Some(_) if has_port => {
            draft.note(by, "names an instance beside a port, which says where it is");
            Ok(())
        }
        Some(instance) => draft.option(by, "instance", instance),
    }
}

/// Whether what follows `//` goes on with `;key=value`. A semicolon may as well be a password's.
pub(crate) fn has_pairs(rest: &str) -> bool {
    let Some((host, pairs)) = rest.split_once(';') else {
        return false;
    };
    let key = pairs.split('=').next().unwrap_or_default();
    !host.contains(['@', '?'])
        && !host.trim_end_matches('/').contains('/')
        && pairs.contains('=')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || " _".contains(c))
}

/// Reads what follows `//`: `host\instance:port;key=value;…`, with values in braces.
pub(crate) fn url(draft: &mut Draft, rest: &str) -> Result<()> {
    let (server, rest) = rest.split_once(';').unwrap_or((rest, ""));
    jdbc_server(draft, server.trim_end_matches('/'))?;
    for pair in pairs::braced(rest).map_err(|trouble| malformed(draft.kind, trouble))? {
        draft.pair(pair.key, &pair.value, pair.quoted)?;
    }
    Ok(())
}

/// Takes the instance off the hosts of a URL.
pub(crate) fn instance_of<'a>(draft: &mut Draft, hosts: &'a str) -> Result<Cow<'a, str>> {
    let plain = hosts.replace("%5C", "\\").replace("%5c", "\\");
    let Some((name, rest)) = plain.split_once('\\') else {
        return Ok(Cow::Borrowed(hosts));
    };
    let (instance, port) = rest.split_once(':').unwrap_or((rest, ""));
    let instance = decode("instance", instance)?;
    if port.is_empty() {
        draft.option("the host in the URL", "instance", &instance)?;
        return Ok(Cow::Owned(name.to_owned()));
    }
    let why = "names an instance beside a port, which says where it is";
    draft.note("the host in the URL", why);
    Ok(Cow::Owned(format!("{name}:{port}")))
}

/// Whether a key names the database.
pub(crate) fn is_database(key: &str) -> bool {
    ["database", "databasename", "initialcatalog"].contains(&keys::fold(key).as_str())
}
