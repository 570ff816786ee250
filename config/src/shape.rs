//! What a file is: ours, or one of another library.

use crate::node::{Node, Table};
use crate::{Note, Problem, jrm, shards};

/// What a configuration file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// Our own: `databases`, `defaults`, `default_database`, `profile`.
    Wellspring,
    /// LongJRM's `jrm.config.json`: `jrm_…` keys, `default_db`, `databases`.
    JrmConfig,
    /// LongJRM's `dbinfos.json`: databases by name, and nothing else.
    JrmDatabases,
    /// The sharding library's: `num_shards`, `db_dir` and so on.
    Shards,
}

impl Shape {
    /// What the keys of a file say it is.
    pub(crate) fn of(table: &Table) -> Self {
        let has = |name: &str| table.get(name).is_some();
        if shards::KEYS.iter().any(|key| has(key)) {
            return Self::Shards;
        }
        let of_jrm =
            |key: &str| key.starts_with("jrm_") || key == "default_db" || key == "db_default";
        if table.0.iter().any(|(key, _)| of_jrm(&key.name)) {
            return Self::JrmConfig;
        }
        let entries = |table: &Table| {
            !table.0.is_empty()
                && table.0.iter().all(|(_, node)| {
                    node.as_table().is_some_and(|entry| {
                        entry.get("dsn").is_some() || entry.get("type").is_some()
                    })
                })
        };
        match table.get("databases").and_then(Node::as_table) {
            // A DSN is LongJRM's word; a type may be ours.
            Some(all)
                if table.0.len() == 1
                    && all.0.iter().any(|(_, node)| {
                        node.as_table().is_some_and(|e| e.get("dsn").is_some())
                    }) =>
            {
                Self::JrmConfig
            }
            Some(_) => Self::Wellspring,
            None if !has("defaults") && !has("profile") && entries(table) => Self::JrmDatabases,
            None => Self::Wellspring,
        }
    }

    /// The same in our shape.
    pub(crate) fn ours(self, table: Table, notes: &mut Vec<Note>) -> Result<Table, Vec<Problem>> {
        match self {
            Self::Wellspring => Ok(table),
            Self::JrmConfig => jrm::files(Some(table), None, notes),
            Self::JrmDatabases => jrm::files(None, Some(table), notes),
            Self::Shards => shards::ours(&table, notes),
        }
    }
}
