//! The options of a pool, by our names or by those of other libraries.

use serde_json::{Map, Value as Json};
use wellspring_connector::Echo;
use wellspring_pool_core::PoolOptions;

use crate::expand::join;
use crate::fields::{self, Fields};
use crate::node::{Node, Table};
use crate::schema::KEYS;
use crate::styles::{self, Style};
use crate::{Note, Origin};

/// The key that says by whose names the options are.
pub(crate) const STYLE: &str = "style";

/// What was said of a pool.
#[derive(Default)]
pub(crate) struct PoolSettings {
    pub(crate) options: PoolOptions,
    /// What other libraries count among the options of a pool.
    pub(crate) echo: Option<Echo>,
    pub(crate) echo_pool: Option<Echo>,
}

/// Reads the table `pool` of a database.
pub(crate) fn read(outer: &mut Fields<'_>, notes: &mut Vec<Note>) -> PoolSettings {
    let Some(table) = outer.table("pool") else { return PoolSettings::default() };
    let path = join(outer.path, "pool");
    let mut fields = Fields { path: &path, table, problems: &mut *outer.problems };
    let style = match fields.get::<Style>(STYLE) {
        Some(style) => style,
        None if table.get(STYLE).is_some() => return PoolSettings::default(),
        None => Style::Wellspring,
    };
    match style {
        Style::Wellspring => PoolSettings { options: ours(&mut fields), ..PoolSettings::default() },
        style => {
            let mut translated = styles::translate(style, &mut fields, notes);
            let (echo, echo_pool) = (translated.take("echo"), translated.take("echo_pool"));
            let read_echo = |node: Option<Node>, fields: &mut Fields<'_>, key: &str| {
                let mut table = Table::default();
                let node = node?;
                table.set(&node.origin.clone(), key, node);
                crate::document::echo(
                    &mut Fields {
                        path: fields.path,
                        table: &table,
                        problems: &mut *fields.problems,
                    },
                    key,
                )
            };
            let echo = read_echo(echo, &mut fields, "echo");
            let echo_pool = read_echo(echo_pool, &mut fields, "echo_pool");
            let mut fields =
                Fields { path: &path, table: &translated, problems: &mut *fields.problems };
            PoolSettings { options: ours(&mut fields), echo, echo_pool }
        }
    }
}

/// Reads options by our names.
fn ours(fields: &mut Fields<'_>) -> PoolOptions {
    let mut good = Map::new();
    let before = fields.problems.len();
    for (key, node) in &fields.table.0 {
        if key.name == STYLE {
            continue;
        }
        if !KEYS.pool.contains(&key.name) {
            let message = fields::unknown(&key.name, KEYS.pool.iter().map(String::as_str));
            fields.wrong(&key.origin, &key.name, message);
            continue;
        }
        match value(&key.name, node) {
            Ok(json) => {
                good.insert(key.name.clone(), json);
            }
            Err(message) => fields.wrong(&node.origin, &key.name, message),
        }
    }
    let options: PoolOptions = serde_json::from_value(Json::Object(good)).unwrap_or_default();
    if fields.problems.len() == before
        && let Err(error) = options.check()
    {
        // The one it is about, else another that takes part in it.
        let option = error.option().split('.').next().unwrap_or_default();
        let known = fields
            .origin(option)
            .or_else(|| fields.table.0.iter().map(|(key, _)| &key.origin).next());
        let origin = known.cloned().unwrap_or_else(|| Origin::other("code"));
        fields.wrong(&origin, option, error.to_string());
    }
    options
}

/// The value of one option, as serde reads it among the others.
fn value(name: &str, node: &Node) -> Result<Json, String> {
    let mut wrong = None;
    for mut json in fields::readings(node) {
        complete(name, &mut json);
        let table = Json::Object(Map::from_iter([(name.to_owned(), json.clone())]));
        match serde_json::from_value::<PoolOptions>(table) {
            Ok(_) => return Ok(json),
            Err(error) => wrong = Some(fields::plain(&error)),
        }
    }
    Err(wrong.unwrap_or_default())
}

/// Adds what a table of options does not say from what holds where nothing is said: of the pool, not of the
/// table alone.
fn complete(name: &str, json: &mut Json) {
    let defaults = serde_json::to_value(PoolOptions::default()).unwrap_or_default();
    if let (Json::Object(given), Some(Json::Object(default))) = (json, defaults.get(name)) {
        for (key, value) in default {
            given.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
}
