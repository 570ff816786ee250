//! What has been read of a connection string so far, and which key said it.

mod finish;

use std::collections::HashSet;

use wellspring_connector::{Result, Secret};

use super::error::{bad_value, config, disagree, malformed, shown};
use super::host::{self, Hosts};
use super::keys::{self, Means, Zero};
use super::kind::Kind;
use super::pairs::{MOST_PAIRS, Trouble};
use super::scheme::Database;
use super::time::{self, Span};
use super::tls::{Fact, Tls};

/// A value, and the key that said it.
struct Said<T> {
    by: String,
    value: T,
}

/// A setting, and whether it stands for a part of what its name limits.
struct Setting {
    name: &'static str,
    value: String,
    by: String,
    part: bool,
}

/// A connection string that is being read.
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    /// `None` for a scheme that nobody here knows.
    pub(crate) database: Option<Database>,
    scheme: String,
    user: Option<Said<String>>,
    password: Option<Said<Secret>>,
    name: Option<Said<String>>,
    hosts: Option<Said<Hosts>>,
    /// Addresses, which stand for the hosts where those are not named.
    address: Option<Said<Hosts>>,
    ports: Option<Said<Vec<Option<u16>>>>,
    options: Vec<(String, Said<String>)>,
    /// Options for when nothing else sets them.
    fallbacks: Vec<(&'static str, Said<String>)>,
    settings: Vec<Setting>,
    notes: Vec<String>,
    /// The key that said that the database is in memory.
    memory: Option<String>,
    tls: Tls,
    /// Where the option about TLS stands among the others.
    tls_at: usize,
    seen: HashSet<String>,
    /// The key of a password that no quotes end, until there is a key that is known.
    open_password: Option<String>,
}

/// The name of the option about TLS.
const SSLMODE: &str = "sslmode";

impl Draft {
    /// Nothing yet, for a database that is known.
    pub(crate) fn new(kind: Kind, database: Database) -> Self {
        Self::with(kind, Some(database), database.scheme().to_owned())
    }

    /// Nothing yet, for a scheme that nobody here knows: all its options are kept as they are.
    pub(crate) fn foreign(kind: Kind, scheme: &str) -> Self {
        Self::with(kind, None, scheme.to_ascii_lowercase())
    }

    fn with(kind: Kind, database: Option<Database>, scheme: String) -> Self {
        Self {
            kind,
            database,
            scheme,
            user: None,
            password: None,
            name: None,
            hosts: None,
            address: None,
            ports: None,
            options: Vec::new(),
            fallbacks: Vec::new(),
            settings: Vec::new(),
            notes: Vec::new(),
            memory: None,
            tls: Tls::default(),
            tls_at: 0,
            seen: HashSet::new(),
            open_password: None,
        }
    }

    /// Takes down a pair. `quoted` says that the value ends where it is said to, and that nothing of
    /// it can have been taken for another pair.
    pub(crate) fn pair(&mut self, key: &str, value: &str, quoted: bool) -> Result<()> {
        if self.seen.len() == MOST_PAIRS {
            return Err(malformed(self.kind, Trouble::TooMany));
        }
        let name = match self.kind.folds() {
            true => keys::fold(key),
            false => key.to_owned(),
        };
        if !self.seen.insert(name) {
            return Err(config(format!("{} is set twice in the {}", shown(key), self.kind)));
        }
        if key.is_empty() || key.chars().any(char::is_control) {
            let why = "has a control character in a key, or no key at all";
            return Err(config(format!("the {} {why}", self.kind)));
        }
        let Some(database) = self.database else {
            return self.option(key, key, value);
        };
        match keys::means(database, self.kind, key) {
            Some(means) => {
                let secret = matches!(means, Means::Password);
                self.open_password = (secret && !quoted).then(|| key.to_owned());
                self.apply(means, key, value)
            }
            None => match &self.open_password {
                // It may be the rest of a password: it is not named.
                Some(secret) if database.refuses_unknown_options() => Err(config(format!(
                    "{} in the {} is followed by a key that nobody knows; if it belongs to the \
                     value, the value wants quoting or percent-encoding",
                    shown(secret),
                    self.kind
                ))),
                _ => self.option(key, key, value),
            },
        }
    }

    fn apply(&mut self, means: Means, key: &str, value: &str) -> Result<()> {
        match means {
            Means::User => self.user(key, value),
            Means::Password => self.password(key, value),
            Means::Database => self.name(key, value),
            Means::Hosts => self.hosts(key, value),
            Means::Ports => self.ports(key, value),
            Means::Option(name) => self.option(key, name, value),
            Means::Time(name, unit) => match time::read(value, unit) {
                Some(Span::Millis(millis)) => self.option(key, name, &time::text(millis)),
                Some(Span::None) => self.option(key, name, "0s"),
                None => Err(bad_value(self.kind, key, value, unit.wanted())),
            },
            Means::Words(name, words) => {
                let folded = keys::fold(value);
                match words.iter().find(|(word, _)| *word == folded) {
                    Some((_, ours)) => self.option(key, name, ours),
                    None => {
                        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                        let wanted = format!("one of {}", words.join(", "));
                        Err(bad_value(self.kind, key, value, wanted))
                    }
                }
            }
            Means::Setting(name) => self.number(key, name, value),
            Means::Limit(name, unit, zero) => self.limit(key, name, value, unit, zero, false),
            Means::PartLimit(name, unit, zero) => self.limit(key, name, value, unit, zero, true),
            Means::Tls(fact) => self.tls(key, value, fact),
            Means::Note(why) => {
                self.note(key, why);
                Ok(())
            }
            Means::NoteIf(values, why) => {
                let folded = keys::fold(value);
                match values.contains(&folded.as_str()) {
                    true => {
                        self.note(key, why);
                        Ok(())
                    }
                    false => self.option(key, key, value),
                }
            }
            Means::Do(what) => what(self, key, value),
        }
    }

    /// The user; nothing is nobody.
    pub(crate) fn user(&mut self, by: &str, value: &str) -> Result<()> {
        said(self.kind, &mut self.user, by, value.to_owned(), value.is_empty(), "the user")
    }

    /// The password; nothing is none.
    pub(crate) fn password(&mut self, by: &str, value: &str) -> Result<()> {
        let empty = value.is_empty();
        said(self.kind, &mut self.password, by, Secret::from(value), empty, "the password")
    }

    /// The database; nothing is none.
    pub(crate) fn name(&mut self, by: &str, value: &str) -> Result<()> {
        said(self.kind, &mut self.name, by, value.to_owned(), value.is_empty(), "the database")
    }

    /// Hosts, separated by commas.
    pub(crate) fn hosts(&mut self, by: &str, value: &str) -> Result<()> {
        let hosts = host::list(self.kind, value)?;
        self.hosts_are(by, hosts)
    }

    /// Hosts.
    pub(crate) fn hosts_are(&mut self, by: &str, hosts: Hosts) -> Result<()> {
        let empty = hosts.is_empty();
        said(self.kind, &mut self.hosts, by, hosts, empty, "the host")
    }

    /// Addresses of the hosts, so that their names need not be resolved.
    pub(crate) fn address(&mut self, by: &str, value: &str) -> Result<()> {
        let hosts = host::list(self.kind, value)?;
        let empty = hosts.is_empty();
        said(self.kind, &mut self.address, by, hosts, empty, "the address")
    }

    /// One port, or one for each host.
    pub(crate) fn ports(&mut self, by: &str, value: &str) -> Result<()> {
        let ports = match value.trim() {
            "" => Vec::new(),
            value => value
                .split(',')
                .map(|port| match port.trim() {
                    "" => Ok(None),
                    port => host::port(self.kind, port).map(Some),
                })
                .collect::<Result<_>>()?,
        };
        let empty = ports.is_empty();
        said(self.kind, &mut self.ports, by, ports, empty, "the port")
    }

    /// An option of the driver.
    pub(crate) fn option(&mut self, by: &str, name: &str, value: &str) -> Result<()> {
        match self.options.iter().find(|(known, _)| known == name) {
            None => {
                let said = Said { by: by.to_owned(), value: value.to_owned() };
                self.options.push((name.to_owned(), said));
                Ok(())
            }
            Some((_, said)) if said.value == value => Ok(()),
            Some((_, said)) => {
                Err(disagree(self.kind, &said.by, by, &format!("the option `{name}`")))
            }
        }
    }

    /// An option of the driver, for when nothing else sets it.
    pub(crate) fn fallback(&mut self, by: &str, name: &'static str, value: &str) {
        let said = Said { by: by.to_owned(), value: value.to_owned() };
        self.fallbacks.push((name, said));
    }

    /// A setting by its name in our configuration.
    pub(crate) fn setting(&mut self, by: &str, name: &'static str, value: &str) -> Result<()> {
        self.setting_of(by, name, value.to_owned(), false)
    }

    fn number(&mut self, by: &str, name: &'static str, value: &str) -> Result<()> {
        match value.trim().parse::<u32>() {
            Ok(number) => self.setting(by, name, &number.to_string()),
            Err(_) => Err(bad_value(self.kind, by, value, "a whole number")),
        }
    }

    fn limit(
        &mut self,
        by: &str,
        name: &'static str,
        value: &str,
        unit: time::Unit,
        zero: Zero,
        part: bool,
    ) -> Result<()> {
        let text = match (time::read(value, unit), zero) {
            (Some(Span::Millis(millis)), _) => time::text(millis),
            (Some(Span::None), Zero::Off) => "off".to_owned(),
            (Some(Span::None), Zero::Default) => {
                self.note(by, "asks for no limit, but here there always is one");
                return Ok(());
            }
            (None, _) => return Err(bad_value(self.kind, by, value, unit.wanted())),
        };
        self.setting_of(by, name, text, part)
    }

    fn setting_of(
        &mut self,
        by: &str,
        name: &'static str,
        value: String,
        part: bool,
    ) -> Result<()> {
        const PART: &str = "limits a part of what another key limits as a whole";
        match self.settings.iter_mut().find(|setting| setting.name == name) {
            None => self.settings.push(Setting { name, value, by: by.to_owned(), part }),
            Some(known) if known.part && !part => {
                let weaker =
                    std::mem::replace(known, Setting { name, value, by: by.to_owned(), part });
                self.note(&weaker.by, PART);
            }
            Some(known) if part && !known.part => self.note(by, PART),
            Some(known) if known.value == value => {}
            Some(known) => {
                return Err(disagree(self.kind, &known.by, by, &format!("the setting `{name}`")));
            }
        }
        Ok(())
    }

    /// Something about TLS.
    pub(crate) fn tls(&mut self, by: &str, value: &str, fact: Fact) -> Result<()> {
        self.place_tls();
        self.tls.say(self.kind, by, value, fact)
    }

    /// There is to be TLS, since `by` has no sense without.
    pub(crate) fn tls_implied(&mut self, by: &str) {
        self.place_tls();
        self.tls.implied_by(by);
    }

    /// The certificate is taken from whoever shows it.
    pub(crate) fn tls_trusted(&mut self, by: &str) -> Result<()> {
        self.place_tls();
        self.tls.trusted_by(self.kind, by)
    }

    fn place_tls(&mut self) {
        if self.tls.is_empty() {
            self.tls_at = self.options.len();
        }
    }

    /// The database is in memory, whatever its name.
    pub(crate) fn in_memory(&mut self, by: &str) {
        self.memory = Some(by.to_owned());
    }

    /// `key` has no meaning here, and this is why: the rest of a sentence that begins with the key.
    pub(crate) fn note(&mut self, key: &str, why: &str) {
        self.notes.push(format!("{} {why}.", shown(key)));
    }
}

fn said<T: PartialEq>(
    kind: Kind,
    slot: &mut Option<Said<T>>,
    by: &str,
    value: T,
    empty: bool,
    about: &str,
) -> Result<()> {
    match slot {
        _ if empty => Ok(()),
        Some(known) if known.value == value => Ok(()),
        Some(known) => Err(disagree(kind, &known.by, by, about)),
        None => {
            *slot = Some(Said { by: by.to_owned(), value });
            Ok(())
        }
    }
}
