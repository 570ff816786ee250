//! Where an Oracle database is: Easy Connect, `host:port:SID`, a description or a name; and the URL of
//! its JDBC driver.

use wellspring_connector::Result;

use super::draft::Draft;
use super::error::{config, malformed};
use super::tls::Fact;
use super::url::{Encoding, decoded_pair};
use super::{host, pairs};

/// What Oracle itself makes of a description or a name.
const DESCRIPTOR: &str = "connect_descriptor";

/// What follows `jdbc:oracle:` in its parts.
pub(crate) struct JdbcParts<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a str>,
    pub(crate) address: &'a str,
}

/// Reads what follows `jdbc:oracle:`: `thin:user/password@…`.
pub(crate) fn jdbc(draft: &mut Draft, rest: &str) -> Result<()> {
    let parts = jdbc_parts(rest).ok_or_else(|| {
        config("an Oracle JDBC URL has the form `jdbc:oracle:thin:@//host:port/service`")
    })?;
    if let Some(user) = parts.user {
        draft.user("the user before the host", user)?;
    }
    if let Some(password) = parts.password {
        let unquoted = password.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        draft.password("the password before the host", unquoted.unwrap_or(password))?;
    }
    address(draft, "the address", parts.address)
}

/// Takes apart what follows `jdbc:oracle:`.
pub(crate) fn jdbc_parts(rest: &str) -> Option<JdbcParts<'_>> {
    let (driver, rest) = rest.split_once(':')?;
    if !["thin", "oci", "oci8"].iter().any(|known| known.eq_ignore_ascii_case(driver)) {
        return None;
    }
    // An `@` in a password is not encoded; the address has none.
    let (credentials, address) = rest.rsplit_once('@')?;
    let (user, password) = match credentials.split_once('/') {
        Some((user, password)) => (Some(user), Some(password)),
        None => (Some(credentials).filter(|user| !user.is_empty()), None),
    };
    Some(JdbcParts { user, password, address })
}

/// Reads an address.
pub(crate) fn address(draft: &mut Draft, by: &str, text: &str) -> Result<()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(());
    }
    if text.starts_with('(') {
        return draft.option(by, DESCRIPTOR, text);
    }
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let (protocol, rest) = match text.split_once("//") {
        Some((protocol, rest)) => (Some(protocol), rest),
        None => (None, text),
    };
    match protocol {
        None if !rest.contains(['/', ':']) => draft.option(by, DESCRIPTOR, rest)?,
        None | Some("" | "tcp:") => easy(draft, by, rest)?,
        Some("tcps:") => {
            draft.tls(by, "true", Fact::Encrypt)?;
            easy(draft, by, rest)?;
        }
        Some(_) => {
            return Err(config(format!(
                "an address of Oracle in the {} has a protocol that is not supported: expected \
                 `tcp://` or `tcps://`, or none",
                draft.kind
            )));
        }
    }
    for pair in pairs::query(query, '&', false).map_err(|t| malformed(draft.kind, t))? {
        let (key, value) = decoded_pair(&pair, Encoding::Literal)?;
        draft.pair(&key, &value, false)?;
    }
    Ok(())
}

/// `host:port/service:server/instance`, or `host:port:SID`.
fn easy(draft: &mut Draft, by: &str, text: &str) -> Result<()> {
    let Some((hosts, service)) = text.split_once('/') else {
        // After an address of IPv6 come its brackets.
        let from = text.rfind(']').map_or(0, |at| at + 1);
        if text[from..].matches(':').count() == 2
            && let Some((hosts, sid)) = text.rsplit_once(':')
        {
            draft.hosts(by, hosts)?;
            return draft.option(by, "sid", sid);
        }
        return draft.hosts_are(by, host::list(draft.kind, text)?);
    };
    draft.hosts(by, hosts)?;
    let (service, instance) = service.split_once('/').unwrap_or((service, ""));
    let (service, server) = service.split_once(':').unwrap_or((service, ""));
    draft.name(by, service)?;
    for (name, value) in [("server_type", server), ("instance", instance)] {
        if !value.is_empty() {
            draft.option(by, name, value)?;
        }
    }
    Ok(())
}
