//! LongJRM's configuration: its two files, its variables, and which of them it reads.

use std::path::Path;

use wellspring_connector::nearest;

use crate::dsn::DatabaseUrl;
use crate::expand::join;
use crate::fields::{self, Fields};
use crate::node::{Node, Table, Value};
use crate::variables::Variables;
use crate::{Format, Note, Origin, Problem, file, location};

mod environment;

pub(crate) use environment::{is_there, read, variables};

/// The keys of `jrm.config.json` that are about all databases, with what holds where they are not given,
/// and where they go.
const SHARED: [(&str, i64, &[&str], Unit); 6] = [
    ("jrm_connect_timeout", 40, &["pool", "connect_timeout"], Unit::Seconds),
    ("jrm_data_fetch_limit", 1000, &["select_limit"], Unit::None),
    ("jrm_min_conn_pool_size", 1, &["pool", "min_idle"], Unit::None),
    ("jrm_max_conn_pool_size", 10, &["pool", "max_size"], Unit::None),
    ("jrm_max_cached_conn", 5, &["pool", "max_idle"], Unit::None),
    ("jrm_pool_timeout", 60, &["pool", "acquire_timeout"], Unit::Seconds),
];

/// The other keys of `jrm.config.json`.
const OTHERS: [&str; 3] = ["default_db", "db_default", "databases"];

/// The keys of a database.
const ENTRY: [&str; 10] = [
    "type",
    "dsn",
    "host",
    "port",
    "user",
    "password",
    "database",
    "options",
    "session_setup",
    "session_teardown",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    None,
    Seconds,
}

/// The two files in our shape. A database of the first goes before one of that name of the second, as a
/// whole.
pub(crate) fn files(
    config: Option<Table>,
    databases: Option<Table>,
    notes: &mut Vec<Note>,
) -> Result<Table, Vec<Problem>> {
    let mut problems = Vec::new();
    let config = config.unwrap_or_default();
    let mut fields = Fields { path: "", table: &config, problems: &mut problems };
    let known = SHARED.iter().map(|(key, ..)| *key).chain(OTHERS);
    fields.only(&known.map(str::to_owned).collect::<Vec<_>>());
    let mut ours = Table::default();
    shared(&mut fields, &mut ours);
    let mut all = databases.unwrap_or_default();
    if let Some(table) = fields.table("databases") {
        for (key, node) in &table.0 {
            all.set(&key.origin, &key.name, node.clone());
        }
    }
    let default = default(&mut fields);
    entries(&all, &mut ours, &mut problems, notes);
    finish(ours, default, problems)
}

/// Names the default database: the first, where nothing is said.
fn finish(
    mut ours: Table,
    default: Option<Node>,
    problems: Vec<Problem>,
) -> Result<Table, Vec<Problem>> {
    if !problems.is_empty() {
        return Err(problems);
    }
    let databases = ours.get("databases").and_then(Node::as_table);
    let first =
        databases.and_then(|all| all.0.first()).map(|(key, _)| Node::text(&key.origin, &key.name));
    if let Some(node) = default.or(first) {
        ours.put(&["default_database"], node);
    }
    Ok(ours)
}

/// The keys about all databases, and LongJRM's defaults where they are not given.
fn shared(fields: &mut Fields<'_>, ours: &mut Table) {
    let origin = Origin::other("LongJRM's defaults");
    for (key, default, path, unit) in SHARED {
        let node = match fields.table.get(key) {
            None => Node::new(&origin, Value::Int(default)),
            Some(node) => match fields::read::<u32>(node) {
                Ok(number) => {
                    Node { rank: node.rank, ..Node::new(&node.origin, Value::Int(number.into())) }
                }
                Err(wrong) => {
                    fields.wrong(&node.origin, key, wrong);
                    continue;
                }
            },
        };
        let path: Vec<&str> = ["defaults"].iter().chain(path).copied().collect();
        ours.put(&path, with_unit(node, unit));
    }
}

fn with_unit(node: Node, unit: Unit) -> Node {
    match (&node.value, unit) {
        (Value::Int(seconds), Unit::Seconds) => {
            Node { rank: node.rank, ..Node::text(&node.origin, format!("{seconds}s")) }
        }
        _ => node,
    }
}

/// The default database, which has two names.
fn default(fields: &mut Fields<'_>) -> Option<Node> {
    let first = fields.table.get("default_db");
    let second = fields.table.get("db_default");
    if let (Some(first), Some(second)) = (first, second)
        && first.as_text() != second.as_text()
    {
        fields.wrong(&second.origin, "db_default", "`default_db` says another one");
    }
    first.or(second).cloned()
}

/// Databases by name.
fn entries(all: &Table, ours: &mut Table, problems: &mut Vec<Problem>, notes: &mut Vec<Note>) {
    for (key, node) in &all.0 {
        let path = join("databases", &key.name);
        let Some(table) = node.as_table() else {
            let wrong = format!("expected a table, found {}", node.value.kind());
            problems.push(Problem::new(&node.origin, path, wrong));
            continue;
        };
        let mut fields = Fields { path: &path, table, problems: &mut *problems };
        fields.only(&ENTRY.map(str::to_owned));
        let entry = entry(&mut fields, notes);
        let origin = key.origin.clone();
        ours.at(&origin, &["databases"]).set(
            &origin,
            &key.name,
            Node::new(&node.origin, Value::Table(entry)),
        );
    }
}

/// One database in our shape.
fn entry(fields: &mut Fields<'_>, notes: &mut Vec<Note>) -> Table {
    let mut ours = Table::default();
    let mut scheme = fields.table.get("type").and_then(Node::as_text).map(location::canonical);
    for (key, node) in &fields.table.0 {
        let name = key.name.as_str();
        let mut node = node.clone();
        match name {
            "dsn" => match dsn(&node) {
                Ok((text, of_dsn)) => {
                    scheme.get_or_insert(of_dsn);
                    node.value = Value::Text(text);
                    ours.set(&key.origin, "url", node);
                }
                Err(wrong) => fields.wrong(&node.origin, name, wrong),
            },
            // They keep it as a text.
            "port" => {
                node.loose = true;
                ours.set(&key.origin, name, node);
            }
            "session_setup" | "session_teardown" => match bound(&node) {
                Ok(bound) => ours.set(&key.origin, name, bound),
                Err(wrong) => fields.wrong(&node.origin, name, wrong),
            },
            "options" => {}
            _ => ours.set(&key.origin, name, node),
        }
    }
    if let Some(table) = fields.table("options") {
        options(fields, table, scheme.as_deref().unwrap_or_default(), &mut ours, notes);
    }
    ours
}

/// A DSN as a URL of ours, and its scheme. A path alone is a file of SQLite.
fn dsn(node: &Node) -> Result<(String, String), String> {
    let Some(text) = node.as_text() else {
        return Err(format!("expected a text, found {}", node.value.kind()));
    };
    // What is put in later may be anything; it is read then.
    if text.contains("${") || text.contains("://") {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        return Ok((text.to_owned(), location::canonical(scheme)));
    }
    let url = DatabaseUrl::parse_or_path(text).map_err(|error| error.message().to_owned())?;
    let text = url.to_text().map_err(|error| error.message().to_owned())?;
    Ok((text.expose().to_owned(), url.scheme))
}

/// Options of the driver, some of which are of the pool here, or have no unit.
fn options(
    fields: &mut Fields<'_>,
    table: &Table,
    scheme: &str,
    ours: &mut Table,
    notes: &mut Vec<Note>,
) {
    for (key, node) in &table.0 {
        let name = key.name.as_str();
        let path = join("options", name);
        let loose = Node { loose: true, ..node.clone() };
        let number = || fields::read::<u32>(&loose);
        let unit = |unit: &str, number: u32| Node {
            rank: node.rank,
            ..Node::text(&node.origin, format!("{number}{unit}"))
        };
        match (scheme, name) {
            (_, "connect_timeout") => match number() {
                Ok(seconds) => ours.put(&["pool", "connect_timeout"], unit("s", seconds)),
                Err(wrong) => fields.wrong(&node.origin, &path, wrong),
            },
            ("postgres", "statement_timeout")
            | ("mysql" | "mariadb", "read_timeout" | "write_timeout")
                if number().is_ok() =>
            {
                let unit_of = if scheme == "postgres" { "ms" } else { "s" };
                let number = number().unwrap_or_default();
                ours.put(&["options", name], unit(unit_of, number));
            }
            (_, "autocommit") => match fields::read::<bool>(&loose) {
                Ok(true) => {
                    notes.push(Note::new(
                        &node.origin,
                        join(fields.path, &path),
                        "so it is here at all times",
                    ));
                }
                Ok(false) => fields.wrong(
                    &node.origin,
                    &path,
                    "every statement outside a transaction commits by itself here; \
                     `transaction`, or a connection without autocommit, is for the other",
                ),
                Err(wrong) => fields.wrong(&node.origin, &path, wrong),
            },
            (_, "sa_driver" | "sa_dialect") => notes.push(Note::new(
                &node.origin,
                join(fields.path, &path),
                "it names a driver of another language",
            )),
            _ => ours.put(&["options", name], node.clone()),
        }
    }
}

/// Statements whose `{name}`, which was pasted in there, becomes a bound `:name`.
fn bound(node: &Node) -> Result<Node, String> {
    let Some(text) = node.as_text() else {
        return Err(format!("expected a text, found {}", node.value.kind()));
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = brace.strip_prefix("{{") {
            out.push('{');
            rest = after;
            continue;
        }
        if let Some(after) = brace.strip_prefix("}}") {
            out.push('}');
            rest = after;
            continue;
        }
        // `${NAME}` is a variable of the environment.
        if before.ends_with('$')
            && let Some((variable, after)) = brace.split_once('}')
        {
            out.push_str(variable);
            out.push('}');
            rest = after;
            continue;
        }
        let name = brace[1..].split_once('}').map(|(name, after)| (name.trim(), after));
        let Some((name, after)) = name.filter(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        }) else {
            return Err(
                "a brace is not closed, or has no name in it; `{{` stands for one".to_owned()
            );
        };
        // The quotes around a value that was pasted are not around one that is bound.
        let quoted = out.ends_with('\'') && after.starts_with('\'');
        if quoted {
            out.pop();
        }
        if out.matches('\'').count() % 2 == 1 {
            return Err(format!(
                "{{{name}}} stands inside a text, where no value can be bound: put the text together in \
                 the value"
            ));
        }
        out.push(':');
        out.push_str(name);
        rest = if quoted { &after[1..] } else { after };
    }
    out.push_str(rest);
    Ok(Node { rank: node.rank, ..Node::text(&node.origin, out) })
}
