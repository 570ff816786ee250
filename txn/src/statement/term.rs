//! Data of no particular shape, as it comes from configuration and requests: what the serde forms of
//! conditions and operations are read into first.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use wellspring_connector::{Error, ErrorKind, Result, Value, ValueKind, nearest};

use super::expr::Expr;

/// A piece of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    Value(Value),
    List(Vec<Term>),
    Map(Vec<(String, Term)>),
}

/// What is deeper is refused: it would take more of the stack than there is.
const DEEPEST: usize = 100;

impl Term {
    /// What it is, for errors.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Value(Value::Null(_)) => "null",
            Self::Value(Value::Bool(_)) => "a boolean",
            Self::Value(Value::Text(_)) => "a text",
            Self::Value(_) => "a number",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// A single value; a list or a map as JSON.
    pub(crate) fn into_value(self) -> Result<Value> {
        match self {
            Self::Value(value) => Ok(value),
            other => {
                let text = serde_json::to_string(&other.json())
                    .map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))?;
                Ok(Value::Json(text.into()))
            }
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Value(Value::Bool(v)) => (*v).into(),
            Self::Value(Value::I64(v)) => (*v).into(),
            Self::Value(Value::U64(v)) => (*v).into(),
            Self::Value(Value::F64(v)) => (*v).into(),
            Self::Value(Value::Text(v)) => v.to_string().into(),
            // Nothing else is read.
            Self::Value(_) => serde_json::Value::Null,
            Self::List(list) => list.iter().map(Self::json).collect(),
            Self::Map(map) => map.iter().map(|(key, term)| (key.clone(), term.json())).collect(),
        }
    }

    /// What a column is set to: a value, or `{"$expr": "current_timestamp"}`.
    pub(crate) fn into_expr(self) -> Result<Expr> {
        match self {
            Self::Map(map) if matches!(map.as_slice(), [(key, _)] if key == "$expr") => {
                let [(_, Self::Value(Value::Text(name)))] = map.as_slice() else {
                    return Err(wrong("`$expr` is the name of an expression, in a text"));
                };
                match &**name {
                    "current_timestamp" => Ok(Expr::current_timestamp()),
                    "current_date" => Ok(Expr::current_date()),
                    "current_time" => Ok(Expr::current_time()),
                    "default" => Ok(Expr::column_default()),
                    other => Err(unknown("expression", other, &EXPRESSIONS)),
                }
            }
            other => other.into_value().map(Expr::value),
        }
    }

    pub(crate) fn into_list(self) -> Result<Vec<Self>> {
        match self {
            Self::List(list) => Ok(list),
            other => Err(wrong(format!("a list is wanted, not {}", other.what()))),
        }
    }

    /// The entries of a map, each key once.
    pub(crate) fn into_map(self) -> Result<Vec<(String, Self)>> {
        match self {
            Self::Map(map) => {
                for (index, (key, _)) in map.iter().enumerate() {
                    if map[..index].iter().any(|(other, _)| other == key) {
                        return Err(wrong(format!("`{key}` is given twice")));
                    }
                }
                Ok(map)
            }
            other => Err(wrong(format!("a map is wanted, not {}", other.what()))),
        }
    }

    pub(crate) fn into_text(self) -> Result<String> {
        match self {
            Self::Value(Value::Text(text)) => Ok(text.into()),
            other => Err(wrong(format!("a text is wanted, not {}", other.what()))),
        }
    }

    pub(crate) fn into_bool(self) -> Result<bool> {
        match self {
            Self::Value(Value::Bool(value)) => Ok(value),
            other => Err(wrong(format!("true or false is wanted, not {}", other.what()))),
        }
    }

    pub(crate) fn into_count(self) -> Result<u64> {
        let count = match &self {
            Self::Value(Value::I64(value)) => u64::try_from(*value).ok(),
            Self::Value(Value::U64(value)) => Some(*value),
            _ => None,
        };
        count.ok_or_else(|| wrong(format!("a count is wanted, not {}", self.what())))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null(_)))
    }
}

const EXPRESSIONS: [&str; 4] = ["current_timestamp", "current_date", "current_time", "default"];

pub(crate) fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Parameters, message)
}

/// A word that is none of `known`.
pub(crate) fn unknown(what: &str, word: &str, known: &[&str]) -> Error {
    let word: String = word.chars().take(60).collect();
    let hint = match nearest(&word, known.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; known are {}", known.join(", ")),
    };
    wrong(format!("unknown {what} `{word}`{hint}"))
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Seed(0).deserialize(deserializer)
    }
}

/// A term at some depth.
#[derive(Clone, Copy)]
struct Seed(usize);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Term;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Term, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seed {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.0 < DEEPEST {
            Ok(Self(self.0 + 1))
        } else {
            Err(E::custom(format!("more than {DEEPEST} lists and maps within each other")))
        }
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Term;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a boolean, a number, a text, a list or a map")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Term, E> {
        Ok(Term::Value(Value::Bool(v)))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Term, E> {
        Ok(Term::Value(Value::I64(v)))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Term, E> {
        Ok(Term::Value(i64::try_from(v).map_or(Value::U64(v), Value::I64)))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Term, E> {
        Ok(Term::Value(Value::F64(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Term, E> {
        Ok(Term::Value(Value::Text(v.into())))
    }

    fn visit_unit<E>(self) -> Result<Term, E> {
        Ok(Term::Value(Value::Null(ValueKind::Unknown)))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Term, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Term, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Term, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(term) = access.next_element_seed(seed)? {
            list.push(term);
        }
        Ok(Term::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Term, A::Error> {
        let seed = self.deeper()?;
        let mut map = Vec::new();
        while let Some(key) = access.next_key()? {
            map.push((key, access.next_value_seed(seed)?));
        }
        Ok(Term::Map(map))
    }
}
