//! Options of pools by the names other libraries have for them, with their units and defaults.

use serde::Deserialize;

use crate::expand::join;
use crate::fields::{self, Fields};
use crate::node::{Node, Table, Value};
use crate::{Note, Origin};

/// By whose names the options of a pool are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Style {
    Wellspring,
    Sqlalchemy,
    Dbutils,
    ConnectionManager,
    Uno,
    UnoSessions,
}

/// Our keys and their values, or what is wrong.
type Turned = Result<Vec<(&'static str, Node)>, String>;

/// What becomes of a key.
#[derive(Clone, Copy)]
enum Turn {
    /// The same value.
    Same(&'static str),
    /// A number of seconds; less than zero is off, and so is zero where that is no limit at all.
    Seconds(&'static str),
    /// Something of its own.
    Own(fn(&Node) -> Turned),
    /// It has no effect here, for this reason.
    Nothing(&'static str),
    /// A number, of which zero is no limit.
    ZeroIsNone(&'static str),
    /// It is another table of options, of this style, whose keys go before these.
    Inner(Style),
}

use Turn::{Inner, Nothing, Own, Same, Seconds, ZeroIsNone};

const LATER: &str = "checked, but has no effect in this version yet";

const SQLALCHEMY: &[(&str, Turn)] = &[
    ("pool_size", Same("max_size")),
    ("max_overflow", Same("max_overflow")),
    ("pool_timeout", Seconds("acquire_timeout")),
    ("pool_recycle", Seconds("max_lifetime")),
    ("pool_pre_ping", Own(pre_ping)),
    ("pool_reset_on_return", Own(reset_mode)),
    ("pool_use_lifo", Own(lifo)),
    ("echo", Same("echo")),
    ("echo_pool", Same("echo_pool")),
];

const DBUTILS: &[(&str, Turn)] = &[
    ("mincached", Own(mincached)),
    ("maxcached", ZeroIsNone("max_idle")),
    ("maxconnections", Same("max_size")),
    ("blocking", Own(blocking)),
    ("maxusage", ZeroIsNone("max_uses")),
    ("ping", Own(ping)),
    ("reset", Own(reset)),
    ("maxshared", Nothing("one connection is never shared here; each has one user at a time")),
    ("setsession", Nothing("`session_setup` of the database is for that")),
    ("failures", Nothing("errors are classified by the driver here")),
];

const CONNECTION_MANAGER: &[(&str, Turn)] = &[
    ("pool_size", Same("max_size")),
    ("max_overflow", Same("max_overflow")),
    ("pool_timeout", Seconds("acquire_timeout")),
    ("pool_recycle", Seconds("max_lifetime")),
    ("pool_pre_ping", Own(pre_ping)),
    ("echo_pool", Same("echo_pool")),
    ("leak_threshold_seconds", Seconds("leak_threshold")),
    ("leak_detection_enabled", Own(leak_detection)),
    ("health_check_enabled", Nothing(LATER)),
    ("health_check_interval", Nothing(LATER)),
    ("failover_enabled", Nothing(LATER)),
    ("failover_urls", Nothing("`failover_urls` of the database is for that")),
    ("failover_retry_attempts", Nothing(LATER)),
    ("failover_retry_delay", Nothing(LATER)),
];

const UNO: &[(&str, Turn)] = &[
    ("initial_size", Same("initial_size")),
    ("min_size", Same("min_idle")),
    ("max_size", Same("max_size")),
    ("max_overflow", Same("max_overflow")),
    ("allow_overflow", Own(allow_overflow)),
    ("target_free_connections", Nothing(LATER)),
    ("idle_timeout", Seconds("idle_timeout")),
    ("max_lifetime", Seconds("max_lifetime")),
    ("connection_timeout", Seconds("connect_timeout")),
    ("validation_interval", Own(validation_interval)),
    ("strategy", Nothing(LATER)),
    ("dynamic_scaling_enabled", Nothing(LATER)),
    ("scale_up_threshold", Nothing(LATER)),
    ("scale_down_threshold", Nothing(LATER)),
    ("scaling_cool_down", Nothing(LATER)),
    ("failover_enabled", Nothing(LATER)),
    ("retry_attempts", Same("connect_retry.max_attempts")),
    ("retry_backoff", Seconds("connect_retry.base_pause")),
    ("circuit_breaker_threshold", Same("breaker.failures")),
    ("circuit_breaker_recovery", Seconds("breaker.open_for")),
    ("health_check_interval", Nothing(LATER)),
    ("log_connections", Same("echo_pool")),
    ("stats_enabled", Nothing("statistics are always kept here, and cost nothing that shows")),
    ("stats_emit_interval", Nothing("statistics are asked for here, at any time")),
];

const UNO_SESSIONS: &[(&str, Turn)] = &[
    ("min_sessions", Same("min_idle")),
    ("max_sessions", Same("max_size")),
    ("target_free_sessions", Nothing(LATER)),
    ("target_free", Nothing(LATER)),
    ("idle_timeout", Seconds("idle_timeout")),
    ("max_lifetime", Seconds("max_lifetime")),
    ("connection_pool_config", Inner(Style::Uno)),
    ("log_sessions", Same("echo_pool")),
    ("session_validation_enabled", Own(pre_ping)),
    ("use_enhanced_connection_pool", Nothing("there is one pool here, and it is that one")),
];

impl Style {
    /// All but our own.
    pub(crate) const OTHERS: [Self; 5] =
        [Self::Sqlalchemy, Self::Dbutils, Self::ConnectionManager, Self::Uno, Self::UnoSessions];

    /// The schema of a table of its keys, the values of which are left to the loader.
    pub(crate) fn schema(self) -> serde_json::Value {
        let mut properties = serde_json::Map::new();
        properties.insert("style".to_owned(), serde_json::json!({ "const": self.name() }));
        properties.extend(self.turns().iter().map(|(key, _)| ((*key).to_owned(), true.into())));
        serde_json::json!({
            "type": "object",
            "properties": properties,
            "required": ["style"],
            "additionalProperties": false,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wellspring => "wellspring",
            Self::Sqlalchemy => "sqlalchemy",
            Self::Dbutils => "dbutils",
            Self::ConnectionManager => "connection_manager",
            Self::Uno => "uno",
            Self::UnoSessions => "uno_sessions",
        }
    }

    /// Its keys. Those that depend on others come after them.
    fn turns(self) -> &'static [(&'static str, Turn)] {
        match self {
            Self::Wellspring => &[],
            Self::Sqlalchemy => SQLALCHEMY,
            Self::Dbutils => DBUTILS,
            Self::ConnectionManager => CONNECTION_MANAGER,
            Self::Uno => UNO,
            Self::UnoSessions => UNO_SESSIONS,
        }
    }

    /// What holds in that library where nothing is said, by our names.
    fn defaults(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Wellspring => &[],
            Self::Sqlalchemy => &[
                ("max_size", "5"),
                ("max_overflow", "10"),
                ("acquire_timeout", "30s"),
                ("max_lifetime", "off"),
                ("validate", "never"),
                ("reuse", "fifo"),
            ],
            // Those LongJRM gives it; its own have no limit at all.
            Self::Dbutils => &[
                ("max_size", "10"),
                ("min_idle", "1"),
                ("initial_size", "1"),
                ("max_idle", "5"),
                ("max_lifetime", "off"),
                ("validate", "always"),
                ("reset", "always"),
                ("reuse", "fifo"),
            ],
            Self::ConnectionManager => &[
                ("max_size", "5"),
                ("max_overflow", "10"),
                ("acquire_timeout", "30s"),
                ("max_lifetime", "1h"),
                ("validate", "always"),
                ("leak_threshold", "5min"),
            ],
            Self::Uno => &[
                ("initial_size", "5"),
                ("min_idle", "2"),
                ("max_size", "20"),
                ("max_overflow", "5"),
                ("acquire_timeout", "30s"),
                ("connect_timeout", "10s"),
                ("idle_timeout", "5min"),
                ("max_lifetime", "1h"),
                ("keepalive", "1min"),
                ("connect_retry.max_attempts", "3"),
                ("connect_retry.base_pause", "1s"),
                ("connect_retry.max_pause", "5s"),
                ("breaker.failures", "5"),
                ("breaker.open_for", "30s"),
            ],
            Self::UnoSessions => &[
                ("min_idle", "5"),
                ("max_size", "50"),
                ("idle_timeout", "1min"),
                ("max_lifetime", "30min"),
                ("validate", "always"),
            ],
        }
    }
}

/// Turns options of `style` into ours.
pub(crate) fn translate(style: Style, fields: &mut Fields<'_>, notes: &mut Vec<Note>) -> Table {
    let mut ours = Table::default();
    let origin = Origin::other(&format!("the defaults of the style {}", style.name()));
    for (key, value) in style.defaults() {
        let node = match value.parse() {
            Ok(number) => Node::new(&origin, Value::Int(number)),
            Err(_) => Node::text(&origin, *value),
        };
        ours.put(&path(key), node);
    }
    ours.overlay(turned(style, fields, notes));
    ours
}

/// What is said, without what holds where nothing is said.
fn turned(style: Style, fields: &mut Fields<'_>, notes: &mut Vec<Note>) -> Table {
    let mut ours = Table::default();
    let known = || style.turns().iter().map(|(key, _)| *key);
    for (key, _) in &fields.table.0 {
        if key.name != crate::pool::STYLE && !known().any(|name| name == key.name) {
            let message = fields::unknown(&key.name, known());
            let message = format!("{message} (the style is {})", style.name());
            fields.wrong(&key.origin, &key.name, message);
        }
    }
    let mut over = Table::default();
    for (key, turn) in style.turns() {
        let Some(node) = fields.table.get(key) else { continue };
        let new = match turn {
            Same(to) => Ok(vec![(*to, node.clone())]),
            Seconds(to) => seconds(to, node).map(|node| vec![(*to, node)]),
            ZeroIsNone(to) => zero_is_none(node).map(|node| vec![(*to, node)]),
            Own(turn) => turn(node),
            Nothing(why) => {
                notes.push(Note::new(&node.origin, join(fields.path, key), *why));
                Ok(Vec::new())
            }
            Inner(style) => {
                if let Some(table) = fields.table(key) {
                    let path = join(fields.path, key);
                    let mut inner = Fields { path: &path, table, problems: &mut *fields.problems };
                    over = turned(*style, &mut inner, notes);
                }
                Ok(Vec::new())
            }
        };
        match new {
            Ok(new) => new.into_iter().for_each(|(to, node)| ours.put(&path(to), node)),
            Err(message) => fields.wrong(&node.origin, key, message),
        }
    }
    ours.overlay(over);
    ours
}

fn path(key: &str) -> Vec<&str> {
    key.split('.').collect()
}

/// What may be absent, and is written `"off"` then.
const OPTIONAL: &[&str] = &["max_lifetime", "idle_timeout", "leak_threshold", "keepalive"];

/// Seconds as a duration. A text is one already.
fn seconds(to: &str, node: &Node) -> Result<Node, String> {
    if let (Value::Text(text), false) = (&node.value, node.loose) {
        return Ok(Node::text(&node.origin, text));
    }
    let seconds: f64 = fields::read(node).map_err(|wrong| format!("{wrong}, in seconds"))?;
    let text = if seconds <= 0.0 && OPTIONAL.contains(&to) {
        "off".to_owned()
    } else if (0.0..1e12).contains(&seconds) {
        format!("{:.0}ms", (seconds * 1000.0).ceil())
    } else {
        return Err(format!("{seconds}: expected a number of seconds"));
    };
    Ok(Node { rank: node.rank, ..Node::text(&node.origin, text) })
}

fn zero_is_none(node: &Node) -> Result<Node, String> {
    match fields::read::<u64>(node)? {
        0 => Ok(Node::new(&node.origin, Value::Null)),
        _ => Ok(node.clone()),
    }
}

fn word(node: &Node, to: &'static str, word: &str) -> Turned {
    Ok(vec![(to, Node { rank: node.rank, ..Node::text(&node.origin, word) })])
}

fn switch(node: &Node) -> Result<bool, String> {
    fields::read(node)
}

fn pre_ping(node: &Node) -> Turned {
    word(node, "validate", if switch(node)? { "always" } else { "never" })
}

fn lifo(node: &Node) -> Turned {
    word(node, "reuse", if switch(node)? { "lifo" } else { "fifo" })
}

fn blocking(node: &Node) -> Turned {
    word(node, "when_exhausted", if switch(node)? { "wait" } else { "fail" })
}

fn reset(node: &Node) -> Turned {
    word(node, "reset", if switch(node)? { "always" } else { "on_dirty" })
}

fn leak_detection(node: &Node) -> Turned {
    if switch(node)? { Ok(Vec::new()) } else { word(node, "leak_threshold", "off") }
}

fn allow_overflow(node: &Node) -> Turned {
    match switch(node)? {
        true => Ok(Vec::new()),
        false => Ok(vec![("max_overflow", Node::new(&node.origin, Value::Int(0)))]),
    }
}

fn mincached(node: &Node) -> Turned {
    Ok(vec![("min_idle", node.clone()), ("initial_size", node.clone())])
}

fn validation_interval(node: &Node) -> Turned {
    Ok(vec![("keepalive", seconds("keepalive", node)?)])
}

fn reset_mode(node: &Node) -> Turned {
    if let Ok(on) = switch(node) {
        return word(node, "reset_mode", if on { "rollback" } else { "none" });
    }
    match node.as_text().unwrap_or_default() {
        mode @ ("rollback" | "commit" | "none") => word(node, "reset_mode", mode),
        _ => Err("expected `rollback`, `commit` or `none`".to_owned()),
    }
}

/// When DBUtils pings: 1 is at checkout; 2 and 4 are within a checkout, which is the same to whoever has a
/// connection for one statement.
fn ping(node: &Node) -> Turned {
    match fields::read::<u8>(node)? {
        0 => word(node, "validate", "never"),
        1..=7 => word(node, "validate", "always"),
        other => Err(format!("{other}: expected a number from 0 to 7")),
    }
}

/// What becomes of the keys of each style, for the reference.
pub(crate) fn tables() -> String {
    use std::fmt::Write as _;
    let mut page = String::new();
    for style in [
        Style::Sqlalchemy,
        Style::Dbutils,
        Style::ConnectionManager,
        Style::Uno,
        Style::UnoSessions,
    ] {
        writeln!(page, "\n### `{}`\n\n| key | here |\n| --- | --- |", style.name())
            .expect("a text takes what is written");
        for (key, turn) in style.turns() {
            let here = match turn {
                Same(to) => format!("`{to}`"),
                Seconds(to) => format!("`{to}`, in seconds"),
                ZeroIsNone(to) => format!("`{to}`, 0 is `\"off\"`"),
                Own(_) => own(key).to_owned(),
                Nothing(why) => (*why).to_owned(),
                Inner(style) => format!("a table of the style `{}`", style.name()),
            };
            writeln!(page, "| `{key}` | {here} |").expect("as above");
        }
        let defaults: Vec<String> =
            style.defaults().iter().map(|(key, value)| format!("`{key} = {value}`")).collect();
        writeln!(page, "\nWhere nothing is said: {}.", defaults.join(", ")).expect("as above");
    }
    page
}

/// In words, what keys become that become something of their own.
fn own(key: &str) -> &'static str {
    match key {
        "pool_pre_ping" | "session_validation_enabled" => "`validate`: `always` or `never`",
        "pool_reset_on_return" => "`reset_mode`",
        "pool_use_lifo" => "`reuse`: `lifo` or `fifo`",
        "mincached" => "`min_idle` and `initial_size`",
        "blocking" => "`when_exhausted`: `wait` or `fail`",
        "ping" => "`validate`: 0 is `never`, all else `always`",
        "reset" => "`reset`: `always` or `on_dirty`",
        "leak_detection_enabled" => "false switches `leak_threshold` off",
        "allow_overflow" => "false makes `max_overflow` 0",
        "validation_interval" => "`keepalive`, in seconds",
        _ => "something of its own",
    }
}
