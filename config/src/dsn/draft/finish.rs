//! What has been read, put together: one mode of TLS, hosts with their ports, nothing that contradicts
//! itself.

use wellspring_connector::Result;

use super::{Draft, SSLMODE};
use crate::dsn::DatabaseUrl;
use crate::dsn::error::{config, disagree};
use crate::dsn::host::Hosts;
use crate::dsn::scheme::Database;

impl Draft {
    /// All of it, if it goes together.
    pub(crate) fn finish(mut self) -> Result<DatabaseUrl> {
        let tls = std::mem::take(&mut self.tls);
        let (mode, idle) = tls.resolve(self.kind)?;
        for key in idle {
            self.note(&key, "says nothing without TLS");
        }
        for (name, said) in std::mem::take(&mut self.fallbacks) {
            match self.options.iter().any(|(known, _)| known == name) {
                true => self.note(&said.by, "is not used, since there is a better one"),
                false => self.option(&said.by, name, &said.value)?,
            }
        }
        match (self.address.take(), &self.hosts) {
            (Some(address), Some(_)) => {
                self.note(&address.by, "is not used: the host is found, and verified, by its name");
            }
            (address @ Some(_), None) => self.hosts = address,
            (None, _) => {}
        }
        if let Some(by) = self.memory.take()
            && self.name.take().is_some()
        {
            self.note(&by, "says that the database is in memory: its name is not used");
        }
        let mut hosts = self.located()?;
        if matches!(self.database, Some(Database::MySql | Database::MariaDb))
            && hosts.iter().any(|(host, _)| host.starts_with('/'))
        {
            let [(socket, _)] = hosts.as_slice() else {
                return Err(config("a unix socket of MySQL stands alone, without other hosts"));
            };
            let by = self.hosts.as_ref().map(|hosts| hosts.by.clone()).unwrap_or_default();
            self.option(&by, "socket", &socket.clone())?;
            hosts.clear();
        }
        let mut options: Vec<(String, String)> =
            self.options.into_iter().map(|(name, said)| (name, said.value)).collect();
        if let Some(mode) = mode {
            options.insert(self.tls_at.min(options.len()), (SSLMODE.to_owned(), mode.to_owned()));
        }
        let url = DatabaseUrl {
            scheme: self.scheme,
            user: self.user.map(|user| user.value),
            password: self.password.map(|password| password.value),
            hosts,
            database: self.name.map(|name| name.value),
            options,
            settings: self
                .settings
                .into_iter()
                .map(|setting| (setting.name.to_owned(), setting.value))
                .collect(),
            notes: self.notes,
        };
        if self.database == Some(Database::Sqlite) && url.password.is_some() {
            return Err(config(format!(
                "the {} has a password, but a SQLite file has none here: encrypted files are not \
                 supported",
                self.kind
            )));
        }
        if url.password.is_some() && url.user.is_none() {
            return Err(config(format!(
                "the {} has a password, but no user it belongs to",
                self.kind
            )));
        }
        Ok(url)
    }

    /// The hosts with their ports.
    fn located(&mut self) -> Result<Hosts> {
        let mut hosts = self.hosts.as_ref().map(|hosts| hosts.value.clone()).unwrap_or_default();
        let Some(ports) = &self.ports else {
            return Ok(hosts);
        };
        if hosts.is_empty() {
            hosts = vec![("localhost".to_owned(), None); ports.value.len()];
        }
        if ports.value.len() != 1 && ports.value.len() != hosts.len() {
            return Err(config(format!(
                "the {} has {} hosts and {} ports; expected one port, or one for each host",
                self.kind,
                hosts.len(),
                ports.value.len()
            )));
        }
        // One port is for those hosts that have none of their own.
        let shared = ports.value.len() == 1 && hosts.iter().any(|(_, port)| port.is_none());
        for (index, (_, port)) in hosts.iter_mut().enumerate() {
            let said = ports.value[index.min(ports.value.len() - 1)];
            match (*port, said) {
                (None, said) => *port = said,
                (Some(own), Some(said)) if own != said && !shared => {
                    let by = self.hosts.as_ref().map(|hosts| hosts.by.as_str());
                    return Err(disagree(self.kind, by.unwrap_or_default(), &ports.by, "the port"));
                }
                (Some(_), _) => {}
            }
        }
        Ok(hosts)
    }
}
