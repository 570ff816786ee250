//! The environment as a source.

use wellspring_connector::nearest;

use crate::node::{Node, Table};
use crate::schema::KEYS;
use crate::variables::Variables;
use crate::{Note, Origin, Problem};

/// What is between the keys of a path: a single `_` is part of a key.
const BETWEEN: &str = "__";

/// The name of the database that `DATABASE_URL` is about.
const DEFAULT: &str = "default";

/// `DATABASE_URL` and the variables beside it, as the connection manager reads them.
pub(crate) fn well_known(
    variables: &Variables,
    databases: &[String],
    notes: &mut Vec<Note>,
) -> Result<Table, Vec<Problem>> {
    let mut table = Table::default();
    let given = default_database("", "DB_", variables, &mut table).map_err(|wrong| vec![wrong])?;
    if !given.is_empty()
        && table.get("databases").is_some()
        && !databases.iter().any(|name| name == DEFAULT)
        && !given.iter().any(|name| name.ends_with("DATABASE_URL"))
    {
        // `DB_POOL_SIZE` alone is not a database.
        for name in given {
            let origin = Origin::variable(&name);
            notes.push(Note::new(
                &origin,
                "",
                "there is no database `default` that it could be about",
            ));
        }
        return Ok(Table::default());
    }
    Ok(table)
}

/// Reads `<urls>DATABASE_URL` and `<options>POOL_SIZE` with their like; gives the names that were there.
fn default_database(
    urls: &str,
    options: &str,
    variables: &Variables,
    table: &mut Table,
) -> Result<Vec<String>, Problem> {
    let mut given = Vec::new();
    for (name, path) in [
        (format!("{urls}DATABASE_URL"), &["url"] as &[&str]),
        (format!("{urls}DATABASE_FAILOVER_URLS"), &["failover_urls"]),
        (format!("{options}POOL_SIZE"), &["pool", "max_size"]),
        (format!("{options}MAX_OVERFLOW"), &["pool", "max_overflow"]),
        (format!("{options}ECHO"), &["echo"]),
    ] {
        if let Some(text) = variables.get(&name)? {
            let node = Node::loose(&Origin::variable(&name), text);
            let path: Vec<&str> = ["databases", DEFAULT].iter().chain(path).copied().collect();
            table.put(&path, node);
            given.push(name);
        }
    }
    Ok(given)
}

/// `HOST`, `PORT`, `NAME`, `USER` and `PASSWORD` under a prefix, and the variables of
/// [`well_known`] under it.
pub(crate) fn parts(prefix: &str, variables: &Variables) -> Result<Table, Vec<Problem>> {
    let mut table = Table::default();
    let mut put = |key: &str, node: Node| table.put(&["databases", DEFAULT, key], node);
    let mut any = None;
    for (name, key) in [
        ("TYPE", "type"),
        ("HOST", "host"),
        ("PORT", "port"),
        ("NAME", "database"),
        ("USER", "user"),
        ("PASSWORD", "password"),
    ] {
        let name = format!("{prefix}{name}");
        if let Some(text) = variables.get(&name).map_err(|wrong| vec![wrong])? {
            let origin = Origin::variable(&name);
            put(key, Node::loose(&origin, text));
            any.get_or_insert(origin);
        }
    }
    if let Some(origin) = any {
        // What SQLSpec takes where nothing is said; the port is that of the type.
        let database = table.at(&origin, &["databases", DEFAULT]);
        let is_file = database.get("type").and_then(Node::as_text) == Some("sqlite");
        for (key, value) in [("type", "postgres"), ("host", "localhost"), ("database", "postgres")]
        {
            if database.get(key).is_none() && !(is_file && key != "type") {
                database.set(&origin, key, Node::text(&origin, value));
            }
        }
    }
    let mut over = Table::default();
    default_database(prefix, prefix, variables, &mut over).map_err(|wrong| vec![wrong])?;
    table.overlay(over);
    Ok(table)
}

/// The variables with `__` between keys: `WELLSPRING_DATABASES__ORDERS__POOL__MAX_SIZE`.
pub(crate) fn nested(
    prefix: &str,
    variables: &Variables,
    databases: &[String],
) -> Result<Table, Vec<Problem>> {
    let mut table = Table::default();
    let mut problems = Vec::new();
    for name in variables.beginning(prefix) {
        let origin = Origin::variable(name);
        let path = name[prefix.len()..].to_ascii_lowercase();
        let mut path: Vec<&str> = path.split(BETWEEN).collect();
        if !KEYS.root.iter().any(|key| key == path[0]) {
            // Something else may begin like this: Kubernetes names services so.
            let meant = nearest(path[0], KEYS.root.iter().map(String::as_str));
            if path.len() > 1 || meant.is_some() {
                let wrong = crate::fields::unknown(path[0], KEYS.root.iter().map(String::as_str));
                problems.push(Problem::new(&origin, path[0], wrong));
            }
            continue;
        }
        if path.iter().any(|key| key.is_empty()) || path[0] == "profile" {
            let wrong =
                "expected keys with `__` between them, as in DATABASES__ORDERS__POOL__MAX_SIZE";
            problems.push(Problem::new(&origin, "", wrong));
            continue;
        }
        let database;
        if path[0] == "databases" && path.len() > 1 {
            match named(path[1], databases) {
                Ok(Some(name)) => {
                    database = name;
                    path[1] = &database;
                }
                Ok(None) => {}
                Err(wrong) => {
                    problems.push(Problem::new(&origin, "databases", wrong));
                    continue;
                }
            }
        }
        match variables.get_even_empty(name) {
            Ok(Some(text)) => table.put(&path, Node::loose(&origin, text)),
            Ok(None) => {}
            Err(wrong) => problems.push(wrong),
        }
    }
    if problems.is_empty() { Ok(table) } else { Err(problems) }
}

/// The database whose name a variable can only spell in part: `MY_SHOP` is `my-shop` if there is one.
fn named(spelt: &str, databases: &[String]) -> Result<Option<String>, String> {
    let plain = |name: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        name.chars().map(plain).collect()
    };
    let mut meant = databases.iter().filter(|name| plain(name) == spelt);
    match (meant.next(), meant.next()) {
        (first, None) => Ok(first.cloned()),
        (Some(first), Some(second)) if first != second => {
            Err(format!("{spelt} may be {first:?} or {second:?}"))
        }
        (first, _) => Ok(first.cloned()),
    }
}
