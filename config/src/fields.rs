//! Reading a table key by key: what is wrong is noted, and reading goes on.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use wellspring_connector::nearest;

use crate::expand::join;
use crate::node::{Node, Table, Value};
use crate::{Origin, Problem};

/// A table that is being read.
pub(crate) struct Fields<'a> {
    /// The keys that lead to it.
    pub(crate) path: &'a str,
    pub(crate) table: &'a Table,
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Notes a problem with the value of `key`.
    pub(crate) fn wrong(&mut self, origin: &Origin, key: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(origin, join(self.path, key), message));
    }

    /// Notes each key that is not among `known`.
    pub(crate) fn only(&mut self, known: &[String]) {
        for (key, _) in &self.table.0 {
            if !known.contains(&key.name) {
                let message = unknown(&key.name, known.iter().map(String::as_str));
                self.wrong(&key.origin, &key.name, message);
            }
        }
    }

    /// The value of `key`; `None` where there is none, or one that is wrong, which is noted.
    pub(crate) fn get<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let node = self.table.get(key)?;
        match read(node) {
            Ok(value) => Some(value),
            Err(message) => {
                let origin = node.origin.clone();
                self.wrong(&origin, key, message);
                None
            }
        }
    }

    /// As [`get`](Self::get), for what must not be shown in what is wrong with it.
    pub(crate) fn secret(&mut self, key: &str) -> Option<&'a str> {
        let node = self.table.get(key)?;
        match &node.value {
            Value::Text(text) => Some(text),
            other => {
                let message = format!("expected a text, found {}", other.kind());
                let origin = node.origin.clone();
                self.wrong(&origin, key, message);
                None
            }
        }
    }

    /// The table of `key`.
    pub(crate) fn table(&mut self, key: &str) -> Option<&'a Table> {
        let node = self.table.get(key)?;
        match &node.value {
            Value::Table(table) => Some(table),
            other => {
                let message = format!("expected a table, found {}", other.kind());
                let origin = node.origin.clone();
                self.wrong(&origin, key, message);
                None
            }
        }
    }

    /// Where `key` stands.
    pub(crate) fn origin(&self, key: &str) -> Option<&'a Origin> {
        self.table.get(key).map(|node| &node.origin)
    }
}

/// What to say of a key that nobody knows.
pub(crate) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(name, known.clone()) {
        Some(nearest) => format!("unknown key, did you mean `{nearest}`?"),
        None => format!("unknown key; known are {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// What `node` is as a `T`; the error says what is wrong and what would be right.
pub(crate) fn read<T: DeserializeOwned>(node: &Node) -> Result<T, String> {
    let mut wrong = None;
    for json in readings(node) {
        match serde_json::from_value(json) {
            Ok(value) => return Ok(value),
            // The first is what it is; if it looks like something else, that is what is wrong.
            Err(error) => wrong = Some(plain(&error)),
        }
    }
    Err(wrong.unwrap_or_default())
}

/// What `node` may be read as, in the order in which to try: as it is, and, if it is a text because there are
/// only texts where it comes from, as what it looks like.
pub(crate) fn readings(node: &Node) -> Vec<Json> {
    let mut readings = vec![node.to_json()];
    if let (true, Some(text)) = (node.loose, node.as_text()) {
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => readings.push(Json::Bool(true)),
            "false" | "off" | "no" | "0" => readings.push(Json::Bool(false)),
            _ => {}
        }
    }
    let loosely = node.to_json_loosely();
    if !readings.contains(&loosely) {
        readings.push(loosely);
    }
    readings
}

/// Whether `node` can be read as on or off.
pub(crate) fn is_switch(node: &Node) -> bool {
    read::<bool>(node).is_ok()
}

/// What serde says, with the nearest known name in place of a list of them.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    for (begins, what) in [("unknown field `", "unknown key"), ("unknown variant `", "unknown")] {
        let Some((name, rest)) = text.strip_prefix(begins).and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        let known = rest.split('`').skip(1).step_by(2);
        if let Some(nearest) = nearest(name, known) {
            return format!("{what} `{name}`, did you mean `{nearest}`?");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loose<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        read(&Node::loose(&Origin::variable("X"), text))
    }

    #[test]
    fn texts_of_variables_are_what_is_wanted_of_them() {
        assert_eq!(loose::<String>("5"), Ok("5".to_owned()));
        assert_eq!(loose::<u64>("5"), Ok(5));
        assert_eq!(loose::<Option<usize>>("5"), Ok(Some(5)));
        assert_eq!(loose::<f64>("0.5"), Ok(0.5));
        assert_eq!(loose::<Vec<String>>(r#"["a", "b"]"#), Ok(vec!["a".to_owned(), "b".to_owned()]));
        for word in ["true", "on", "Yes", "1"] {
            assert_eq!(loose::<bool>(word), Ok(true), "{word}");
        }
        for word in ["false", "OFF", "no", "0"] {
            assert_eq!(loose::<bool>(word), Ok(false), "{word}");
        }
        assert!(loose::<u64>("-5").unwrap_err().contains("-5"));
        assert!(loose::<u64>("many").unwrap_err().contains("many"));
        // Texts of files are texts.
        let node = Node::text(&Origin::file("f.toml"), "5");
        assert!(read::<u64>(&node).is_err());
    }

    #[test]
    fn the_nearest_name_is_told() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code, reason = "its fields are names")]
        struct Known {
            max_attempts: u32,
            base_pause: u32,
        }
        let wrong = loose::<Known>(r#"{"max_atempts": 3}"#).unwrap_err();
        assert_eq!(wrong, "unknown key `max_atempts`, did you mean `max_attempts`?");
    }
}
