//! JSON, through `jsonc-parser`, which keeps positions. Nothing but JSON is accepted.

use jsonc_parser::ast::{Object, Value as Json};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, CommentCollectionStrategy, ParseOptions, parse_to_ast};

use super::{DEPTH, Lines, too_deep, twice};
use crate::node::{Key, Node, Table, Value};
use crate::{Origin, Problem};

pub(super) fn parse(origin: &Origin, text: &str) -> Result<Table, Problem> {
    let lines = Lines::new(origin, text);
    let collect = CollectOptions { comments: CommentCollectionStrategy::Off, tokens: false };
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let parsed = parse_to_ast(text, &collect, &strict).map_err(|error| {
        let at = lines.at(error.range().start);
        Problem::new(&at, "", format!("it is not JSON: {}", error.kind()))
    })?;
    match parsed.value {
        Some(Json::Object(object)) => table(&lines, &object, 0),
        Some(_) => Err(Problem::new(origin, "", "it is JSON, but not an object")),
        None => Err(Problem::new(origin, "", "it is empty")),
    }
}

fn table(lines: &Lines<'_>, object: &Object<'_>, depth: usize) -> Result<Table, Problem> {
    let mut table = Table::default();
    for property in &object.properties {
        let name = property.name.as_str();
        let origin = lines.at(property.range().start);
        if table.get(name).is_some() {
            return Err(twice(&origin, name));
        }
        let node = node(lines, &property.value, depth + 1)?;
        table.0.push((Key { name: name.to_owned(), origin }, node));
    }
    Ok(table)
}

fn node(lines: &Lines<'_>, json: &Json<'_>, depth: usize) -> Result<Node, Problem> {
    let origin = lines.at(json.range().start);
    if depth > DEPTH {
        return Err(too_deep(&origin));
    }
    let value = match json {
        Json::StringLit(text) => Value::Text(text.value.to_string()),
        Json::NumberLit(number) => match (number.value.parse(), number.value.parse::<f64>()) {
            (Ok(number), _) => Value::Int(number),
            (Err(_), Ok(number)) if number.is_finite() => Value::Float(number),
            _ => return Err(Problem::new(&origin, "", "a number has more than 64 bits")),
        },
        Json::BooleanLit(value) => Value::Bool(value.value),
        Json::NullKeyword(_) => Value::Null,
        Json::Array(all) => Value::List(
            all.elements.iter().map(|one| node(lines, one, depth + 1)).collect::<Result<_, _>>()?,
        ),
        Json::Object(object) => Value::Table(table(lines, object, depth)?),
    };
    Ok(Node::new(&origin, value))
}
