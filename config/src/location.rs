//! Where a database is: a URL, parts, secrets in files, brought together.

use std::path::{Path, PathBuf};

use wellspring_connector::Secret;

use crate::database::Binder;
use crate::dsn::{DatabaseUrl, scheme};
use crate::expand::join;
use crate::fields::{Fields, unknown};
use crate::node::{Node, Value};
use crate::{Origin, Problem, file};

/// Where a database is.
pub(crate) struct Location {
    pub(crate) url: DatabaseUrl,
    pub(crate) password_file: Option<PathBuf>,
}

/// Two sources of one part of an address.
enum Prefer {
    Url,
    Key,
}

/// Reads the keys that say where the database is.
pub(crate) fn read(fields: &mut Fields<'_>, binder: Option<&dyn Binder>) -> Option<Location> {
    let before = fields.problems.len();
    let given = url(fields);
    let (mut url, url_node) = match given {
        Some((url, node)) => (url, Some(node)),
        None if fields.problems.len() > before => return None,
        None => (DatabaseUrl::new(&kind(fields)?), None),
    };
    let mut parts = Parts { fields, url_node };
    parts.kind(&mut url);
    parts.hosts(&mut url);
    parts.texts(&mut url);
    let password_file = parts.password(&mut url);
    parts.options(&mut url, binder);
    // Tables have no order; that of a URL means nothing.
    url.options.sort();
    if url.password.is_some() || password_file.is_some() {
        parts.password_needs_user(&url);
    }
    if fields.problems.len() > before {
        return None;
    }
    check(fields, &url, binder);
    (fields.problems.len() == before).then_some(Location { url, password_file })
}

/// The URL, from its key or its file.
fn url(fields: &mut Fields<'_>) -> Option<(DatabaseUrl, Node)> {
    let (key, other) = (fields.table.get("url"), fields.table.get("url_file"));
    let (key, node) = match (key, other) {
        (Some(url), Some(file)) if url.rank == file.rank => {
            let origin = file.origin.clone();
            fields.wrong(&origin, "url_file", "there is a `url` as well: expected one of them");
            return None;
        }
        (Some(url), Some(file)) if file.rank > url.rank => ("url_file", file),
        (Some(url), _) => ("url", url),
        (None, Some(file)) => ("url_file", file),
        (None, None) => return None,
    };
    let text = fields.secret(key)?.to_owned();
    let text = match key {
        "url_file" => {
            let path = join(fields.path, key);
            match file::read_secret(Path::new(&text), &node.origin, &path) {
                Ok(secret) => secret,
                Err(problem) => {
                    fields.problems.push(problem);
                    return None;
                }
            }
        }
        _ => Secret::from(text),
    };
    // A string that several databases have alike is of the one that the type says.
    let kind = fields.table.get("type").and_then(Node::as_text).map(canonical);
    let parsed = DatabaseUrl::parse(text.expose()).or_else(|error| match &kind {
        Some(kind) => DatabaseUrl::parse_as(kind, text.expose()).map_err(|_| error),
        None => Err(error),
    });
    match parsed {
        Ok(url) => Some((url, node.clone())),
        Err(error) => {
            fields.wrong(&node.origin, key, error.message());
            None
        }
    }
}

/// What kind of database it is, where no URL says so.
fn kind(fields: &mut Fields<'_>) -> Option<String> {
    if fields.table.get("type").is_some() {
        return fields.get::<String>("type").map(|kind| canonical(&kind));
    }
    fields.problems.push(Problem {
        origin: fields.table.0.first().map(|(key, _)| key.origin.clone()),
        key: fields.path.to_owned(),
        message: "nothing says where it is: expected `url`, or `type` with `host` or `database`"
            .to_owned(),
    });
    None
}

/// The scheme of a kind of database, by any of its usual names.
pub(crate) fn canonical(kind: &str) -> String {
    // `postgresql+psycopg` names a driver of another language.
    scheme::canonical(kind.split_once('+').map_or(kind, |(kind, _)| kind))
}

/// The keys beside the URL.
struct Parts<'a, 'b> {
    fields: &'a mut Fields<'b>,
    url_node: Option<Node>,
}

impl Parts<'_, '_> {
    /// Which of the two goes first, where the URL and a key say different things; `None`, after it was
    /// noted, where both are from one source.
    fn prefer(&mut self, key: &str, what: &str) -> Option<Prefer> {
        let (Some(url), Some(node)) = (&self.url_node, self.fields.table.get(key)) else {
            return Some(Prefer::Key);
        };
        match node.rank.cmp(&url.rank) {
            std::cmp::Ordering::Greater => Some(Prefer::Key),
            std::cmp::Ordering::Less => Some(Prefer::Url),
            std::cmp::Ordering::Equal => {
                let (origin, url) = (node.origin.clone(), url.origin.clone());
                let wrong = format!("the URL ({url}) has another {what}: expected one of them");
                self.fields.wrong(&origin, key, wrong);
                None
            }
        }
    }

    fn kind(&mut self, url: &mut DatabaseUrl) {
        if self.url_node.is_none() {
            return;
        }
        if let Some(kind) = self.fields.get::<String>("type").map(|kind| canonical(&kind))
            && kind != url.scheme
            // Both are spoken to by one driver.
            && !matches!((kind.as_str(), url.scheme.as_str()), ("mysql", "mariadb") | ("mariadb", "mysql"))
        {
            self.prefer("type", "type");
        }
    }

    fn hosts(&mut self, url: &mut DatabaseUrl) {
        let host = self.fields.get::<String>("host");
        let port = self.fields.get::<u16>("port");
        if port == Some(0)
            && let Some(origin) = self.fields.origin("port").cloned()
        {
            self.fields.wrong(&origin, "port", "0: expected a number from 1 to 65535");
            return;
        }
        if let Some(host) = host {
            let of_url: Vec<&str> = url.hosts.iter().map(|(host, _)| host.as_str()).collect();
            if of_url.is_empty() {
                url.hosts = host.split(',').map(|host| (host.trim().to_owned(), None)).collect();
            } else if of_url.join(",") != host
                && let Some(Prefer::Key) = self.prefer("host", "host")
            {
                url.hosts = host.split(',').map(|host| (host.trim().to_owned(), None)).collect();
            }
        }
        if let Some(port) = port {
            if url.hosts.is_empty() {
                url.hosts.push(("localhost".to_owned(), None));
            }
            for index in 0..url.hosts.len() {
                match url.hosts[index].1 {
                    None => url.hosts[index].1 = Some(port),
                    Some(same) if same == port => {}
                    Some(_) => match self.prefer("port", "port") {
                        Some(Prefer::Key) => url.hosts[index].1 = Some(port),
                        Some(Prefer::Url) => {}
                        None => return,
                    },
                }
            }
        }
    }

    fn texts(&mut self, url: &mut DatabaseUrl) {
        for key in ["user", "database"] {
            let Some(text) = self.fields.get::<String>(key).filter(|text| !text.is_empty()) else {
                continue;
            };
            let of_url = if key == "user" { &url.user } else { &url.database };
            let replace = match of_url {
                None => true,
                Some(same) if *same == text => false,
                Some(_) => matches!(self.prefer(key, key), Some(Prefer::Key)),
            };
            if replace {
                let part = if key == "user" { &mut url.user } else { &mut url.database };
                *part = Some(text);
            }
        }
        if url.scheme == "sqlite" && url.database.as_deref() == Some(":memory:") {
            url.database = None;
        }
    }

    /// Sets the password, or gives the file it is in.
    fn password(&mut self, url: &mut DatabaseUrl) -> Option<PathBuf> {
        let password = self.fields.secret("password").filter(|text| !text.is_empty());
        let password = password.map(Secret::from);
        let path = self.fields.get::<String>("password_file").map(PathBuf::from);
        if let Some(password) = password {
            let replace = match &url.password {
                None => true,
                Some(same) if *same == password => false,
                Some(_) => matches!(self.prefer("password", "password"), Some(Prefer::Key)),
            };
            if replace {
                url.password = Some(password);
            }
        }
        let path = path?;
        let node = self.fields.table.get("password_file")?;
        let (origin, rank) = (node.origin.clone(), node.rank);
        // What holds the password now, and since which source.
        let holder = match self.fields.table.get("password") {
            Some(password) => Some(("`password`", password.rank)),
            None if url.password.is_some() => {
                self.url_node.as_ref().map(|node| ("a password in the URL", node.rank))
            }
            None => None,
        };
        match holder {
            Some((what, held)) if held == rank => {
                let wrong = format!("there is {what} as well: expected one of them");
                self.fields.wrong(&origin, "password_file", wrong);
                return None;
            }
            Some((_, held)) if held > rank => return None,
            _ => url.password = None,
        }
        // Read now as well, so that what is wrong with it is told now.
        let key = join(self.fields.path, "password_file");
        match file::read_secret(&path, &origin, &key) {
            Ok(_) => Some(path),
            Err(problem) => {
                self.fields.problems.push(problem);
                None
            }
        }
    }

    fn password_needs_user(&mut self, url: &DatabaseUrl) {
        if url.user.is_none() && url.scheme != "sqlite" {
            let key = if self.fields.table.get("password").is_some() { "password" } else { "url" };
            let origin = self.fields.origin(key).or(self.fields.origin("password_file")).cloned();
            if let Some(origin) = origin {
                self.fields.wrong(&origin, key, "there is a password, but no user it belongs to");
            }
        }
    }

    fn options(&mut self, url: &mut DatabaseUrl, binder: Option<&dyn Binder>) {
        let Some(table) = self.fields.table("options").cloned() else { return };
        let known = binder.and_then(|binder| binder.options(&url.scheme));
        for (key, node) in &table.0 {
            let path = join("options", &key.name);
            let Some(value) = option_text(node) else {
                let wrong =
                    format!("expected a text, a number or a switch, found {}", node.value.kind());
                self.fields.wrong(&node.origin, &path, wrong);
                continue;
            };
            let mut name = key.name.as_str();
            if let Some(known) = known {
                let option = known.iter().find(|o| o.name == name || o.aliases.contains(&name));
                let Some(option) = option else {
                    let names = known.iter().map(|option| option.name);
                    self.fields.wrong(&key.origin, &path, unknown(name, names));
                    continue;
                };
                if let Err(error) = option.check(&value) {
                    self.fields.wrong(&node.origin, &path, error.message());
                    continue;
                }
                name = option.name;
            }
            if name == "password" {
                // It is one wherever it stands, and not to be taken for an option that may be shown.
                if url.password.as_ref().is_some_and(|other| other.expose() != value) {
                    let wrong = "another password is given as well: expected one of them";
                    self.fields.wrong(&node.origin, &path, wrong);
                }
                url.password = Some(value.into());
                continue;
            }
            match url.options.iter().position(|(known, _)| known == name) {
                None => url.options.push((name.to_owned(), value)),
                Some(at) if url.options[at].1 == value => {}
                Some(at) => {
                    let tls = name.starts_with("ssl");
                    let rank = self.url_node.as_ref().map(|node| node.rank);
                    // Whether a connection is safe is said in one place, wherever the others are.
                    if tls || rank == Some(node.rank) {
                        let of_url = self.url_node.as_ref().map(|node| node.origin.clone());
                        let of_url = of_url.unwrap_or_else(|| node.origin.clone());
                        let wrong = format!(
                            "{value:?} here, but {:?} in the URL ({of_url}): expected one of them",
                            url.options[at].1
                        );
                        self.fields.wrong(&node.origin, &path, wrong);
                    } else if rank < Some(node.rank) {
                        url.options[at].1 = value;
                    }
                }
            }
        }
    }
}

/// The value of an option as a URL has it.
fn option_text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Bool(on) => Some(if *on { "on" } else { "off" }.to_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::List(all) => {
            let all: Option<Vec<String>> = all.iter().map(option_text).collect();
            Some(all?.join(","))
        }
        Value::Null | Value::Table(_) => None,
    }
}

/// Has the driver look at it.
fn check(fields: &mut Fields<'_>, url: &DatabaseUrl, binder: Option<&dyn Binder>) {
    let key = ["url", "url_file", "type"].into_iter().find(|key| fields.table.get(key).is_some());
    let key = key.unwrap_or_default();
    let origin = fields.origin(key).cloned().unwrap_or_else(|| Origin::other("code"));
    let checked = url.to_text().and_then(|text| match binder {
        Some(binder) => binder.check(text.expose()),
        None => Ok(()),
    });
    if let Err(error) = checked {
        fields.wrong(&origin, key, error.message());
    }
}
