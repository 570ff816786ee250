//! The schema for editors says what the loader does.

use serde_json::{Value, json};
use wellspring_config::json_schema;

use crate::without_variables;

/// Checks documents by the part of JSON Schema that is used; any other keyword is a failure.
struct Validator(Value);

impl Validator {
    fn is_valid(&self, document: &Value) -> bool {
        self.check(&self.0, document)
    }

    fn check(&self, schema: &Value, value: &Value) -> bool {
        let Some(schema) = schema.as_object() else { return schema.as_bool().unwrap() };
        schema.iter().all(|(keyword, rule)| match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" | "default" | "format" => true,
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                self.check(&self.0["$defs"][name], value)
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(kind, value)),
                kind => is(kind, value),
            },
            "const" => rule == value,
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => rule.as_array().unwrap().iter().any(|one| self.check(one, value)),
            "oneOf" => {
                rule.as_array().unwrap().iter().filter(|one| self.check(one, value)).count() == 1
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "pattern" => {
                value.as_str().is_none_or(|text| is_duration(rule.as_str().unwrap(), text))
            }
            "items" => {
                value.as_array().is_none_or(|all| all.iter().all(|one| self.check(rule, one)))
            }
            "required" => value.as_object().is_none_or(|object| {
                rule.as_array()
                    .unwrap()
                    .iter()
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "properties" => value.as_object().is_none_or(|object| {
                let known = |(key, value): (&String, &Value)| {
                    rule.get(key).is_none_or(|schema| self.check(schema, value))
                };
                object.iter().all(known)
            }),
            "additionalProperties" => value.as_object().is_none_or(|object| {
                let named = schema.get("properties");
                let others =
                    object.iter().filter(|(key, _)| named.is_none_or(|n| n.get(key).is_none()));
                others.into_iter().all(|(_, value)| self.check(rule, value))
            }),
            other => panic!("the keyword {other} is not checked here"),
        })
    }
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    }
}

/// The only patterns are those of durations.
fn is_duration(pattern: &str, text: &str) -> bool {
    let units = pattern.split_once("] ?(").or_else(|| pattern.split_once("]+ ?(")).unwrap().1;
    let units = units.split_once(')').unwrap().0;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (pattern.contains("|off") && text == "off")
        || (digits > 0 && units.split('|').any(|unit| unit == text[digits..].trim_start()))
}

fn validator() -> Validator {
    Validator(json_schema())
}

/// What the loader says of the same document.
fn loads(document: &Value) -> bool {
    without_variables().text("x.json", document.to_string()).load().is_ok()
}

fn database(keys: Value) -> Value {
    let mut database = json!({ "url": "postgres://app@pg1/orders" });
    database.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    json!({ "databases": { "orders": database } })
}

#[test]
fn it_accepts_what_is_right() {
    let validator = validator();
    for keys in [
        json!({}),
        json!({ "options": { "statement_cache": 5, "jit": false, "application_name": "x" } }),
        json!({ "pool": { "max_size": 5, "acquire_timeout": "5s", "max_lifetime": "off" } }),
        json!({ "pool": { "validate": { "idle": "1s" }, "breaker": "off", "fairness": { "bounded": { "max_bypass": 1 } } } }),
        json!({ "pool": { "breaker": { "failures": 3 }, "connect_retry": { "max_attempts": "off" } } }),
        json!({ "pool": { "style": "uno", "min_size": 2, "idle_timeout": 30.5 } }),
        json!({ "echo": true, "echo_pool": "debug", "session_setup": "select 1", "session_teardown": ["a", "b"] }),
        json!({ "select_limit": "off", "statement_timeout": "off", "retry": { "max_pause": "2s" } }),
    ] {
        let document = database(keys);
        assert!(validator.is_valid(&document), "{document}");
        assert!(loads(&document), "{document}");
    }
}

#[test]
fn it_refuses_what_is_wrong() {
    let validator = validator();
    for keys in [
        json!({ "urll": "x" }),
        json!({ "pool": { "max_sise": 5 } }),
        json!({ "pool": { "style": "uno", "max_siz": 2 } }),
        json!({ "pool": { "style": "unoo" } }),
        json!({ "pool": { "max_size": "5" } }),
        json!({ "pool": { "max_size": -5 } }),
        json!({ "pool": { "acquire_timeout": 5 } }),
        json!({ "pool": { "acquire_timeout": "5 parsecs" } }),
        json!({ "pool": { "acquire_timeout": "off" } }),
        json!({ "pool": { "reuse": "lofo" } }),
        json!({ "pool": { "breaker": { "failurs": 3 } } }),
        json!({ "echo": "loud" }),
        json!({ "port": 70000 }),
        json!({ "select_limit": "many" }),
    ] {
        let document = database(keys);
        assert!(!validator.is_valid(&document), "{document}");
        assert!(!loads(&document), "{document}");
    }
    assert!(!validator.is_valid(&json!({ "databses": {} })));
}

#[test]
fn every_key_is_described() {
    fn walk(path: &str, schema: &Value, missing: &mut Vec<String>) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                missing.push(format!("{path}.{key}"));
            }
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            walk(name, definition, missing);
        }
    }
    let mut missing = Vec::new();
    walk("", &json_schema(), &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}
