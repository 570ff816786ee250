//! The form of conditions for configuration and requests: maps and lists.
//!
//! | written | means |
//! | --- | --- |
//! | `{"a": 1, "b": null}` | `a` is 1 and `b` is null |
//! | `{"a": [1, 2]}` | `a` is 1 or 2 |
//! | `{"a": {">=": 1, "<": 9}}` | both; also `=`, `!=`, `<>`, `>`, `<=`, `like`, `not like`, `in`, `not in`, `between`, `not between`, `is`, `is not` |
//! | `{"a": {"operator": ">", "value": 1}}` | the same, in another form |
//! | `{"$and": [{…}, {…}]}`, `{"$or": […]}`, `{"$not": {…}}` | all, any, not |
//! | `{"$in": {"a": [1]}}`, `{"$nin": {"a": [1]}}` | in, not in |

use serde::de::{Deserialize, Deserializer, Error as _};
use wellspring_connector::{Result, Value};

use super::condition::{Condition, col};
use super::term::{Term, unknown, wrong};

const LOGICAL: [&str; 5] = ["$and", "$or", "$not", "$in", "$nin"];

/// Each operator, in the words it may be written in.
const OPERATORS: [&str; 14] = [
    "=",
    "!=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "like",
    "not like",
    "in",
    "not in",
    "between",
    "not between",
    "is",
];

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_term(Term::deserialize(deserializer)?)
            .map_err(|error| D::Error::custom(error.message()))
    }
}

impl Condition {
    /// What `term` says.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`](wellspring_connector::ErrorKind::Parameters) with the path to what is
    /// wrong.
    pub(crate) fn from_term(term: Term) -> Result<Self> {
        let entries = term.into_map()?;
        let mut all = Vec::with_capacity(entries.len());
        for (key, term) in entries {
            all.push(entry(&key, term).map_err(|error| error.context(&key))?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => Self::all(all),
        })
    }
}

fn entry(key: &str, term: Term) -> Result<Condition> {
    match key {
        "$and" => Ok(Condition::all(conditions(term)?)),
        "$or" => Ok(Condition::any(conditions(term)?)),
        "$not" => Ok(!Condition::from_term(term)?),
        "$in" | "$nin" => {
            let lists = term.into_map()?.into_iter().map(|(column, list)| {
                let list = values(list).map_err(|error| error.context(&column))?;
                Ok(match key {
                    "$in" => col(column).is_in(list),
                    _ => col(column).not_in(list),
                })
            });
            Ok(Condition::all(lists.collect::<Result<Vec<_>>>()?))
        }
        _ if key.starts_with('$') => Err(unknown("word", key, &LOGICAL)),
        column => compared(column, term),
    }
}

fn conditions(term: Term) -> Result<Vec<Condition>> {
    let numbered = term.into_list()?.into_iter().enumerate();
    numbered
        .map(|(index, term)| Condition::from_term(term).map_err(|error| error.context(index)))
        .collect()
}

fn values(term: Term) -> Result<Vec<Value>> {
    term.into_list()?.into_iter().map(scalar).collect()
}

fn scalar(term: Term) -> Result<Value> {
    match term {
        Term::Value(value) => Ok(value),
        other => Err(wrong(format!("a single value is wanted, not {}", other.what()))),
    }
}

fn compared(column: &str, term: Term) -> Result<Condition> {
    match term {
        Term::Value(value) => Ok(col(column).eq(value)),
        Term::List(_) => Ok(col(column).is_in(values(term)?)),
        Term::Map(_) => {
            let entries = term.into_map()?;
            if entries.is_empty() {
                return Err(wrong("the column is compared with nothing"));
            }
            if entries.iter().any(|(key, _)| key == "operator") {
                return spelled_out(column, entries);
            }
            let each = entries.into_iter().map(|(operator, term)| {
                operate(column, &operator, term).map_err(|error| error.context(&operator))
            });
            let mut all: Vec<Condition> = each.collect::<Result<_>>()?;
            Ok(if all.len() == 1 { all.remove(0) } else { Condition::all(all) })
        }
    }
}

/// `{"operator": …, "value": …}`. Values are always bound, whatever `placeholder` says.
fn spelled_out(column: &str, entries: Vec<(String, Term)>) -> Result<Condition> {
    let (mut operator, mut value) = (None, None);
    for (key, term) in entries {
        match &*key {
            "operator" => operator = Some(term.into_text().map_err(|e| e.context("operator"))?),
            "value" => value = Some(term),
            "placeholder" => {
                let given = term.into_text().map_err(|error| error.context("placeholder"))?;
                if !matches!(&*given, "Y" | "N" | "y" | "n") {
                    return Err(wrong("`placeholder` is \"Y\" or \"N\""));
                }
            }
            other => return Err(unknown("key", other, &["operator", "value", "placeholder"])),
        }
    }
    match (operator, value) {
        (Some(operator), Some(value)) => operate(column, &operator, value),
        _ => Err(wrong("`operator` comes with a `value`")),
    }
}

fn operate(column: &str, operator: &str, term: Term) -> Result<Condition> {
    let column = col(column);
    let words: Vec<String> = operator.split_whitespace().map(str::to_lowercase).collect();
    let range = |term: Term| -> Result<(Value, Value)> {
        let mut two = values(term)?;
        match (two.len(), two.pop(), two.pop()) {
            (2, Some(high), Some(low)) => Ok((low, high)),
            (count, ..) => Err(wrong(format!("a range has two ends, not {count}"))),
        }
    };
    Ok(match words.join(" ").as_str() {
        "=" | "==" | "$eq" => column.compare("=", scalar(term)?),
        "!=" | "<>" | "$ne" => column.compare("<>", scalar(term)?),
        "<" | "$lt" => column.compare("<", scalar(term)?),
        "<=" | "$lte" => column.compare("<=", scalar(term)?),
        ">" | "$gt" => column.compare(">", scalar(term)?),
        ">=" | "$gte" => column.compare(">=", scalar(term)?),
        "like" => column.like(scalar(term)?),
        "not like" => column.not_like(scalar(term)?),
        "in" | "$in" => column.is_in(values(term)?),
        "not in" | "$nin" => column.not_in(values(term)?),
        "between" => {
            let (low, high) = range(term)?;
            column.between(low, high)
        }
        "not between" => {
            let (low, high) = range(term)?;
            column.not_between(low, high)
        }
        "is" if term.is_null() => column.is_null(),
        "is not" if term.is_null() => column.is_not_null(),
        "is" | "is not" => return Err(wrong(format!("`{operator}` goes with null only"))),
        _ => return Err(unknown("operator", operator, &OPERATORS)),
    })
}
