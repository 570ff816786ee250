//! Values of a configuration, each with where it came from.

use std::fmt;

use crate::Origin;

/// A value and where it came from.
#[derive(Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
    /// It was a text where texts are all there is, such as a variable: one that looks like a number may be
    /// meant as one.
    pub(crate) loose: bool,
    /// Which of the sources it is from: a later one goes before an earlier one.
    pub(crate) rank: usize,
}

/// What formats of files have in common.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file. No key is there twice.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Table(pub(crate) Vec<(Key, Node)>);

/// A key and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) origin: Origin,
}

impl Node {
    pub(crate) fn new(origin: &Origin, value: Value) -> Self {
        Self { origin: origin.clone(), value, loose: false, rank: 0 }
    }

    /// A text that may be meant as something else.
    pub(crate) fn loose(origin: &Origin, text: impl Into<String>) -> Self {
        Self { loose: true, ..Self::text(origin, text) }
    }

    pub(crate) fn text(origin: &Origin, text: impl Into<String>) -> Self {
        Self::new(origin, Value::Text(text.into()))
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    fn rank(&mut self, rank: usize) {
        self.rank = rank;
        match &mut self.value {
            Value::List(all) => all.iter_mut().for_each(|node| node.rank(rank)),
            Value::Table(table) => table.rank(rank),
            _ => {}
        }
    }

    /// What serde wrote.
    pub(crate) fn from_json(origin: &Origin, json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(number), _) => Value::Int(number),
                (None, number) => Value::Float(number.unwrap_or(f64::NAN)),
            },
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(all) => {
                Value::List(all.iter().map(|v| Self::from_json(origin, v)).collect())
            }
            Json::Object(object) => {
                let entry = |(name, json): (&String, &Json)| {
                    let key = Key { name: name.clone(), origin: origin.clone() };
                    (key, Self::from_json(origin, json))
                };
                Value::Table(Table(object.iter().map(entry).collect()))
            }
        };
        Self::new(origin, value)
    }

    /// As serde reads it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        self.json(false)
    }

    /// As serde reads it, where texts of variables are what they look like.
    pub(crate) fn to_json_loosely(&self) -> serde_json::Value {
        self.json(true)
    }

    fn json(&self, loosely: bool) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Text(text) if loosely && self.loose => {
                serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone()))
            }
            Value::Null => Json::Null,
            Value::Bool(v) => Json::Bool(*v),
            Value::Int(v) => (*v).into(),
            Value::Float(v) => (*v).into(),
            Value::Text(v) => Json::String(v.clone()),
            Value::List(all) => all.iter().map(|node| node.json(loosely)).collect(),
            Value::Table(table) => {
                table.0.iter().map(|(key, node)| (key.name.clone(), node.json(loosely))).collect()
            }
        }
    }
}

impl Value {
    /// What it is, for errors that must not show it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl Table {
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Sets a key, in place of a value it may have.
    pub(crate) fn set(&mut self, origin: &Origin, name: &str, node: Node) {
        match self.0.iter_mut().find(|(key, _)| key.name == name) {
            Some(entry) => *entry = (Key { name: name.to_owned(), origin: origin.clone() }, node),
            None => {
                self.0.push((Key { name: name.to_owned(), origin: origin.clone() }, node));
            }
        }
    }

    /// The table at `path`, made where there is none. What is there and is no table stays, and an empty
    /// one is given that nobody sees.
    pub(crate) fn at(&mut self, origin: &Origin, path: &[&str]) -> &mut Self {
        let Some((first, rest)) = path.split_first() else { return self };
        let position = match self.0.iter().position(|(key, _)| key.name == *first) {
            Some(position) => position,
            None => {
                let empty = Node::new(origin, Value::Table(Self::default()));
                self.set(origin, first, empty);
                self.0.len() - 1
            }
        };
        let node = &mut self.0[position].1;
        if node.as_table().is_none() {
            node.value = Value::Table(Self::default());
        }
        match &mut node.value {
            Value::Table(table) => table.at(origin, rest),
            _ => unreachable!("it was made a table just now"),
        }
    }

    /// Puts `over` over this: tables are merged key by key, everything else is replaced.
    pub(crate) fn overlay(&mut self, over: Self) {
        for (key, node) in over.0 {
            match self.0.iter_mut().find(|(known, _)| known.name == key.name) {
                None => self.0.push((key, node)),
                Some((known, below)) => match (&mut below.value, node.value) {
                    (Value::Table(below), Value::Table(over)) => below.overlay(over),
                    (_, value) => (*known, *below) = (key, Node { value, ..node }),
                },
            }
        }
    }

    /// Takes a key out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.0.iter().position(|(key, _)| key.name == name)?;
        Some(self.0.remove(at).1)
    }

    /// Takes out what is nothing: it says no more than what is not there, and hides what is below it.
    pub(crate) fn drop_nulls(&mut self) {
        self.0.retain_mut(|(_, node)| match &mut node.value {
            Value::Null => false,
            Value::Table(table) => {
                table.drop_nulls();
                true
            }
            _ => true,
        });
    }

    /// Marks every value as of the source `rank`.
    pub(crate) fn rank(&mut self, rank: usize) {
        for (_, node) in &mut self.0 {
            node.rank(rank);
        }
    }

    /// Sets the value at `path`, whose tables are made where there are none.
    pub(crate) fn put(&mut self, path: &[&str], node: Node) {
        if let Some((last, tables)) = path.split_last() {
            let origin = node.origin.clone();
            self.at(&origin, tables).set(&origin, last, node);
        }
    }
}

/// The shape alone: values may be secrets.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(all) => f.debug_list().entries(all).finish(),
            Self::Table(table) => fmt::Debug::fmt(table, f),
            other => f.write_str(other.kind()),
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(key, node)| (&key.name, node))).finish()
    }
}
