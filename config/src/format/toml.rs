//! TOML, through the `toml` crate.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{DEPTH, Lines, too_deep};
use crate::node::{Key, Node, Table, Value};
use crate::{Origin, Problem};

pub(super) fn parse(origin: &Origin, text: &str) -> Result<Table, Problem> {
    let lines = Lines::new(origin, text);
    let parsed = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or_else(|| origin.clone(), |span| lines.at(span.start));
        // Its `Display` shows the line, which may hold a password.
        Problem::new(&at, "", format!("it is not TOML: {}", error.message()))
    })?;
    table(&lines, parsed.get_ref(), 0)
}

fn table(lines: &Lines<'_>, table: &DeTable<'_>, depth: usize) -> Result<Table, Problem> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let origin = lines.at(key.span().start);
        let node = node(lines, value, depth + 1)?;
        entries.push((Key { name: key.get_ref().to_string(), origin }, node));
    }
    // The parser sorts by name; the order of the file is what people see.
    entries.sort_by_key(|(key, _)| key.origin.line());
    Ok(Table(entries))
}

fn node(lines: &Lines<'_>, value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, Problem> {
    let origin = lines.at(value.span().start);
    if depth > DEPTH {
        return Err(too_deep(&origin));
    }
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Int(number),
            Err(_) => {
                return Err(Problem::new(&origin, "", "a number has more than 64 bits"));
            }
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => return Err(Problem::new(&origin, "", "a number cannot be read")),
        },
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(moment) => Value::Text(moment.to_string()),
        DeValue::Array(all) => Value::List(
            all.iter().map(|one| node(lines, one, depth + 1)).collect::<Result<_, _>>()?,
        ),
        DeValue::Table(inner) => Value::Table(table(lines, inner, depth)?),
    };
    Ok(Node::new(&origin, value))
}
