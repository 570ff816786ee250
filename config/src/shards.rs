//! The sharding library's configuration: files of SQLite with numbers.

use std::path::Path;

use crate::fields::{self, Fields};
use crate::node::{Node, Table, Value};
use crate::{Note, Origin, Problem};

/// Its keys.
pub(crate) const KEYS: [&str; 5] =
    ["num_shards", "db_dir", "connection_timeout", "auto_create_dirs", "max_connections_per_shard"];

/// The most shards.
const MOST: u64 = 10_000;

/// The same in our shape: the databases `shard_0`, `shard_1` and so on.
pub(crate) fn ours(table: &Table, notes: &mut Vec<Note>) -> Result<Table, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut fields = Fields { path: "", table, problems: &mut problems };
    fields.only(&KEYS.map(str::to_owned));
    let count = number(&mut fields, "num_shards", 4);
    let timeout = number(&mut fields, "connection_timeout", 30);
    let connections = number(&mut fields, "max_connections_per_shard", 10);
    let directory = fields.get("db_dir").unwrap_or_else(|| "./data".to_owned());
    let create = fields.get("auto_create_dirs").unwrap_or(true);
    if count > MOST
        && let Some(origin) = fields.origin("num_shards")
    {
        fields.wrong(origin, "num_shards", format!("{count}: expected at most {MOST}"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let somewhere = || table.0.first().map(|(key, _)| key.origin.clone());
    let origin = |key: &str| {
        let given = table.get(key).map(|node| node.origin.clone());
        given.or_else(somewhere).unwrap_or_else(|| Origin::other("the sharding library's defaults"))
    };
    let seconds = |key: &str, seconds: u64| Node::text(&origin(key), format!("{seconds}s"));
    let mut ours = Table::default();
    for index in 0..count {
        let name = format!("shard_{index}");
        let file = Path::new(&directory).join(format!("{name}.db"));
        let mut put = |path: &[&str], node: Node| {
            let path: Vec<&str> = ["databases", &name].iter().chain(path).copied().collect();
            ours.put(&path, node);
        };
        put(&["type"], Node::text(&origin("num_shards"), "sqlite"));
        put(&["database"], Node::text(&origin("db_dir"), file.to_string_lossy()));
        // One number for two waits: that for a connection, and that for SQLite's locks.
        put(&["options", "busy_timeout"], seconds("connection_timeout", timeout));
        put(&["pool", "acquire_timeout"], seconds("connection_timeout", timeout));
        put(
            &["options", "create_dirs"],
            Node::new(&origin("auto_create_dirs"), Value::Bool(create)),
        );
        let most = i64::try_from(connections).unwrap_or(i64::MAX);
        put(
            &["pool", "max_size"],
            Node::new(&origin("max_connections_per_shard"), Value::Int(most)),
        );
    }
    notes.push(Note::new(
        &origin("num_shards"),
        "num_shards",
        format!("each shard is a database of its own, `shard_0` to `shard_{}`", count - 1),
    ));
    Ok(ours)
}

/// A whole number of at least 1.
fn number(fields: &mut Fields<'_>, key: &str, default: u64) -> u64 {
    let Some(node) = fields.table.get(key) else { return default };
    match fields::read::<u64>(node) {
        Ok(number @ 1..) => number,
        Ok(0) => {
            fields.wrong(&node.origin, key, "0: expected at least 1");
            default
        }
        Err(wrong) => {
            fields.wrong(&node.origin, key, wrong);
            default
        }
    }
}
