//! The reference of all options, as a page of Markdown, made of the schema and of what drivers say of theirs.

use std::fmt::Write as _;

use serde_json::Value as Json;
use wellspring_connector::DriverOption;
use wellspring_pool_core::PoolOptions;

use crate::schema::json_schema;
use crate::styles;

/// The page: every key of a configuration file with its type, default and meaning, then the options of each of
/// `drivers`, given by name.
pub fn reference(drivers: &[(&str, &[DriverOption])]) -> String {
    let schema = json_schema();
    let mut page = String::from(
        "# Configuration reference\n\n\
         <!-- Made by `cargo xtask reference` from the options themselves. Do not edit. -->\n\n\
         All keys of `wellspring.toml`, which are those of YAML and JSON too. Durations are texts with a unit \
         (`\"500ms\"`, `\"5s\"`, `\"10min\"`, `\"1h\"`); what may be absent can be switched off with `\"off\"`.\n",
    );
    section(&mut page, &schema, "The file", "", &schema, None);
    for (title, intro, name) in [
        ("A database", "`[databases.NAME]`", "Database"),
        ("Shared by databases", "`[defaults]`, and every `[databases.NAME]`", "Settings"),
    ] {
        section(&mut page, &schema, title, intro, definition(&schema, name), None);
    }
    let pool = serde_json::to_value(PoolOptions::default()).unwrap_or_default();
    for (title, intro, name, default) in [
        ("The pool", "`[databases.NAME.pool]`, `[defaults.pool]`", "PoolOptions", Some(&pool)),
        (
            "Trying again",
            "`retry` of a database, and `connect_retry` of a pool, whose own defaults stand there",
            "RetryPolicy",
            None,
        ),
        ("The breaker", "`breaker` of a pool", "BreakerOptions", pool.get("breaker")),
    ] {
        section(&mut page, &schema, title, intro, definition(&schema, name), default);
    }
    page.push_str(
        "\n## Options of drivers\n\n`[databases.NAME.options]`, or after the `?` of a URL.\n",
    );
    for (name, options) in drivers {
        write!(page, "\n### {name}\n\n{}", wellspring_connector::options_table(options))
            .expect("a text takes what is written");
    }
    page.push_str("\n## Pools by the names of other libraries\n\n`pool.style = \"…\"`.\n");
    page.push_str(&styles::tables());
    page
}

fn definition<'a>(schema: &'a Json, name: &str) -> &'a Json {
    &schema["$defs"][name]
}

/// A table of the keys of one kind of table.
fn section(
    page: &mut String,
    root: &Json,
    title: &str,
    intro: &str,
    schema: &Json,
    default: Option<&Json>,
) {
    write!(page, "\n## {title}\n\n").expect("a text takes what is written");
    if !intro.is_empty() {
        write!(page, "{intro}.\n\n").expect("as above");
    }
    page.push_str(match default {
        Some(_) => "| key | value | default | |\n| --- | --- | --- | --- |\n",
        None => "| key | value | |\n| --- | --- | --- |\n",
    });
    let settings = definition(root, "Settings").get("properties");
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        // What databases share has a table of its own.
        if title == "A database" && settings.is_some_and(|shared| shared.get(key).is_some()) {
            continue;
        }
        let about = plain(property["description"].as_str().unwrap_or_default());
        write!(page, "| `{key}` | {} |", kind(root, property)).expect("as above");
        if let Some(default) = default {
            let value = default.get(key).unwrap_or(&Json::Null);
            write!(page, " {} |", default_text(value)).expect("as above");
        }
        writeln!(page, " {about} |").expect("as above");
    }
}

fn default_text(value: &Json) -> String {
    match value {
        Json::Null => "`\"off\"`".to_owned(),
        value => format!("`{}`", crate::migrate::value(value)),
    }
}

/// What a key takes, in words.
fn kind(root: &Json, schema: &Json) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return match name {
            "Duration" => "duration".to_owned(),
            "DurationOrOff" => "duration, `\"off\"`".to_owned(),
            _ => kind(root, definition(root, name)),
        };
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`\"{word}\"`");
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(all) = schema[several].as_array() {
            let mut kinds: Vec<String> = all.iter().map(|one| kind(root, one)).collect();
            kinds.retain(|kind| kind != "nothing");
            kinds.dedup();
            return kinds.join(", ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    let name = |kind: &str| {
        match kind {
            "string" => "text",
            "integer" => "whole number",
            "number" => "number",
            "boolean" => "`true`, `false`",
            "array" => "list of texts",
            "object" => "table",
            "null" => "nothing",
            _ => "value",
        }
        .to_owned()
    };
    if let Some(properties) = schema["properties"].as_object()
        && properties.len() == 1
        && let Some((key, inner)) = properties.iter().next()
    {
        let inner = inner["properties"].as_object().and_then(|all| all.keys().next());
        return match inner {
            Some(inner) => format!("`{{ {key} = {{ {inner} = … }} }}`"),
            None => format!("`{{ {key} = … }}`"),
        };
    }
    match &schema["type"] {
        Json::String(kind) => name(kind),
        Json::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Json::as_str).map(name);
            kinds.filter(|kind| kind != "nothing").collect::<Vec<_>>().join(", ")
        }
        _ => "value".to_owned(),
    }
}

/// Documentation of code as text for a table: links to code become its names, lines become one.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("[`") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let Some((name, after)) = inner.split_once(']') else { break };
        out.push_str(name);
        rest = match after.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, after)) => after,
            None => after,
        };
    }
    out.push_str(rest);
    // What code has for what is absent.
    let out = out.replace("`None`", "`\"off\"`");
    out.replace('|', "\\|").split_whitespace().collect::<Vec<_>>().join(" ")
}
