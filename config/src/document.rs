//! A whole document: its tables become databases, and everything that is wrong is noted.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::time::Duration;

use serde::Deserialize;
use wellspring_connector::{Echo, RetryPolicy};

use crate::database::Binder;
use crate::dsn::DatabaseUrl;
use crate::expand::join;
use crate::fields::{self, Fields};
use crate::node::{Node, Table, Value};
use crate::schema::KEYS;
use crate::{Config, DatabaseConfig, Note, Origin, Problem, location, pool};

/// The longest name of a database.
const LONGEST_NAME: usize = 100;

/// What a document says.
#[derive(Default)]
pub(crate) struct Document {
    databases: Vec<DatabaseConfig>,
    default_database: Option<String>,
}

impl Document {
    pub(crate) fn into_config(self, profile: Option<String>, notes: Vec<Note>) -> Config {
        let Self { databases, default_database } = self;
        Config { databases, default_database, profile, notes }
    }
}

/// Reads `root`, the sources of which were merged.
pub(crate) fn read(
    root: &Table,
    binder: Option<&dyn Binder>,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Note>,
) -> Document {
    let mut document = Document::default();
    let mut fields = Fields { path: "", table: root, problems };
    fields.only(&KEYS.root);
    document.default_database = fields.get("default_database");
    let defaults = fields.table("defaults").cloned().unwrap_or_default();
    let databases = fields.table("databases").cloned().unwrap_or_default();
    Fields { path: "defaults", table: &defaults, problems: &mut *problems }.only(&KEYS.settings);
    if databases.0.is_empty() {
        // What stands there for no database may be wrong as well.
        settings(&mut Fields { path: "defaults", table: &defaults, problems }, notes);
    }
    for (key, node) in &databases.0 {
        let path = join("databases", &key.name);
        let Value::Table(table) = &node.value else {
            let wrong = format!("expected a table, found {}", node.value.kind());
            problems.push(Problem::new(&node.origin, path, wrong));
            continue;
        };
        if let Err(wrong) = check_name(&key.name) {
            problems.push(Problem::new(&key.origin, "databases", wrong));
            continue;
        }
        Fields { path: &path, table, problems: &mut *problems }.only(&KEYS.database);
        let mut whole = defaults.clone();
        whole.overlay(table.clone());
        // What is wrong with a default is told of the first database that has it.
        let mut fields = Fields { path: &path, table: &whole, problems: &mut *problems };
        let database = database(&key.name, &mut fields, binder, notes);
        document.databases.extend(database);
    }
    if let Some(name) = &document.default_database
        && databases.get(name).is_none()
        && let Some(node) = root.get("default_database")
    {
        let names = databases.0.iter().map(|(key, _)| key.name.as_str());
        let wrong = crate::no_database(name, names);
        problems.push(Problem::new(&node.origin, "default_database", wrong));
    }
    document
}

/// Notes the keys nobody knows of a table that is not used: that of another profile.
pub(crate) fn check_keys(path: &str, root: &Table, problems: &mut Vec<Problem>) {
    Fields { path, table: root, problems: &mut *problems }.only(&KEYS.root);
    let tables = |table: &Table| table.0.clone();
    if let Some(defaults) = root.get("defaults").and_then(Node::as_table) {
        let path = join(path, "defaults");
        Fields { path: &path, table: defaults, problems: &mut *problems }.only(&KEYS.settings);
    }
    let databases = root.get("databases").and_then(Node::as_table).map(tables).unwrap_or_default();
    for (key, node) in &databases {
        if let Some(table) = node.as_table() {
            let path = join(&join(path, "databases"), &key.name);
            Fields { path: &path, table, problems: &mut *problems }.only(&KEYS.database);
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("a database has no name".to_owned());
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(format!(
            "a database's name has at most {LONGEST_NAME} characters, none of which is a control character"
        ));
    }
    Ok(())
}

fn database(
    name: &str,
    fields: &mut Fields<'_>,
    binder: Option<&dyn Binder>,
    notes: &mut Vec<Note>,
) -> Option<DatabaseConfig> {
    let before = fields.problems.len();
    let location = location::read(fields, binder);
    let failover_urls = failover(fields, binder, notes);
    // What a connection string says of the pool is put below what is said of it here.
    let below = location.as_ref().map(|location| of_url(fields, &location.url)).unwrap_or_default();
    let mut whole = below;
    whole.overlay(fields.table.clone());
    let path = fields.path;
    let mut fields = Fields { path, table: &whole, problems: &mut *fields.problems };
    let settings = settings(&mut fields, notes);
    if let Some(location) = &location {
        let origin = fields.origin("url").cloned().unwrap_or_else(|| Origin::other("code"));
        for note in &location.url.notes {
            notes.push(Note::new(&origin, join(path, "url"), note));
        }
    }
    if fields.problems.len() > before {
        return None;
    }
    let (
        Settings {
            pool,
            unpooled,
            statement_timeout,
            select_limit,
            statement_translations,
            retry,
            echo,
            echo_pool,
            session_setup,
            session_teardown,
        },
        location,
    ) = (settings, location?);
    let mut origins = BTreeMap::new();
    collect("", &whole, &mut origins);
    Some(DatabaseConfig {
        name: name.to_owned(),
        url: location.url,
        password_file: location.password_file,
        failover_urls,
        pool,
        unpooled,
        statement_timeout,
        select_limit,
        statement_translations,
        retry,
        echo,
        echo_pool,
        session_setup,
        session_teardown,
        origins,
    })
}

fn collect(path: &str, table: &Table, into: &mut BTreeMap<String, Origin>) {
    for (key, node) in &table.0 {
        let path = join(path, &key.name);
        if let Value::Table(table) = &node.value {
            collect(&path, table, into);
        }
        into.insert(path, node.origin.clone());
    }
}

/// What a URL says of the pool and of statements, as the file would.
fn of_url(fields: &Fields<'_>, url: &DatabaseUrl) -> Table {
    let origin = fields.origin("url").or(fields.origin("url_file"));
    let origin = origin.cloned().unwrap_or_else(|| Origin::other("code"));
    let mut table = Table::default();
    for (path, value) in &url.settings {
        let path: Vec<&str> = path.split('.').collect();
        table.put(&path, Node::loose(&origin, value));
    }
    table
}

fn failover(
    fields: &mut Fields<'_>,
    binder: Option<&dyn Binder>,
    notes: &mut Vec<Note>,
) -> Vec<DatabaseUrl> {
    let Some(node) = fields.table.get("failover_urls") else { return Vec::new() };
    let texts: Vec<(Origin, String)> = match &node.value {
        // One text holds several, as `DATABASE_FAILOVER_URLS` does.
        Value::Text(text) => split_urls(text).map(|url| (node.origin.clone(), url)).collect(),
        Value::List(all) if all.iter().all(|one| one.as_text().is_some()) => all
            .iter()
            .filter_map(|one| Some((one.origin.clone(), one.as_text()?.to_owned())))
            .collect(),
        other => {
            let wrong = format!("expected a list of URLs, found {}", other.kind());
            fields.wrong(&node.origin, "failover_urls", wrong);
            return Vec::new();
        }
    };
    let mut urls = Vec::with_capacity(texts.len());
    for (origin, text) in texts {
        let checked = DatabaseUrl::parse(&text).and_then(|url| {
            if let Some(binder) = binder {
                binder.check(url.to_text()?.expose())?;
            }
            Ok(url)
        });
        match checked {
            Ok(url) => urls.push(url),
            Err(error) => fields.wrong(&origin, "failover_urls", error.message()),
        }
    }
    if !urls.is_empty() {
        let note = "kept and checked, but this version does not turn to them yet";
        notes.push(Note::new(&node.origin, join(fields.path, "failover_urls"), note));
    }
    urls
}

/// The URLs of a list with commas, without what is empty.
pub(crate) fn split_urls(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned)
}

/// How a database is used.
struct Settings {
    pool: wellspring_pool_core::PoolOptions,
    unpooled: bool,
    statement_timeout: Option<Duration>,
    select_limit: Option<u64>,
    statement_translations: Option<usize>,
    retry: RetryPolicy,
    echo: Echo,
    echo_pool: Echo,
    session_setup: Vec<String>,
    session_teardown: Vec<String>,
}

/// A duration, or off.
#[derive(Deserialize)]
struct OrOff(#[serde(with = "wellspring_pool_core::duration_text::optional")] Option<Duration>);

/// A number, or off.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a whole number, or \"off\"")]
enum NumberOrOff {
    Number(u64),
    Off(Off),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Off {
    Off,
}

fn settings(fields: &mut Fields<'_>, notes: &mut Vec<Note>) -> Settings {
    let pool = pool::read(fields, notes);
    let statement_timeout =
        fields.get::<OrOff>("statement_timeout").and_then(|OrOff(timeout)| timeout);
    if statement_timeout.is_some_and(|timeout| timeout.is_zero())
        && let Some(origin) = fields.origin("statement_timeout")
    {
        fields.wrong(origin, "statement_timeout", "0s: expected more than zero, or \"off\"");
    }
    let retry = fields.get::<RetryPolicy>("retry").unwrap_or_default();
    if let Err(error) = retry.check()
        && let Some(origin) = fields.origin("retry")
    {
        fields.wrong(origin, "retry", error.to_string());
    }
    Settings {
        pool: pool.options,
        unpooled: fields.get("unpooled").unwrap_or_default(),
        statement_timeout,
        select_limit: match fields.get("select_limit") {
            Some(NumberOrOff::Number(rows)) => Some(rows),
            Some(NumberOrOff::Off(Off::Off)) | None => None,
        },
        statement_translations: fields.get("statement_translations"),
        retry,
        echo: echo(fields, "echo").or(pool.echo).unwrap_or_default(),
        echo_pool: echo(fields, "echo_pool").or(pool.echo_pool).unwrap_or_default(),
        session_setup: statements(fields, "session_setup"),
        session_teardown: statements(fields, "session_teardown"),
    }
}

/// `true`, or the name of a level.
pub(crate) fn echo(fields: &mut Fields<'_>, key: &str) -> Option<Echo> {
    let node = fields.table.get(key)?;
    let wrong = match &node.value {
        Value::Bool(on) => return Some(Echo::from(*on)),
        // `DB_ECHO=1`.
        Value::Text(_) if node.loose && fields::is_switch(node) => {
            return fields::read::<bool>(node).ok().map(Echo::from);
        }
        Value::Text(level) => match Echo::from_str(level) {
            Ok(echo) => return Some(echo),
            Err(error) => error.message().to_owned(),
        },
        other => format!("expected a switch or the name of a level, found {}", other.kind()),
    };
    fields.wrong(&node.origin, key, wrong);
    None
}

fn statements(fields: &mut Fields<'_>, key: &str) -> Vec<String> {
    let Some(node) = fields.table.get(key) else { return Vec::new() };
    match &node.value {
        // A variable may hold a list.
        Value::Text(one) => match fields::read(node) {
            Ok(several) if node.loose => several,
            _ => vec![one.clone()],
        },
        _ => fields.get(key).unwrap_or_default(),
    }
}
