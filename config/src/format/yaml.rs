//! YAML 1.2, through the events of `saphyr-parser`, by its core schema.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::{DEPTH, too_deep, twice};
use crate::node::{Key, Node, Table, Value};
use crate::{Origin, Problem};

/// How many values a document may have, those counted again that an alias repeats: a few lines of
/// aliases to aliases would stand for billions.
const MOST: usize = 100_000;

pub(super) fn parse(origin: &Origin, text: &str) -> Result<Table, Problem> {
    let mut reader =
        Reader { origin, parser: Parser::new_from_str(text), anchors: HashMap::new(), count: 0 };
    let mut document = None;
    while let Some((event, at)) = reader.next()? {
        match event {
            Event::DocumentStart(_) if document.is_some() => {
                return Err(Problem::new(&at, "", "it has a second document"));
            }
            Event::DocumentStart(_) => document = Some(reader.document()?),
            _ => {}
        }
    }
    match document {
        None => Err(Problem::new(origin, "", "it is empty")),
        Some(Node { value: Value::Table(table), .. }) => Ok(table),
        Some(Node { value: Value::Null, .. }) => Err(Problem::new(origin, "", "it is empty")),
        Some(other) => Err(Problem::new(
            origin,
            "",
            format!("it is YAML, but {} and not a table", other.value.kind()),
        )),
    }
}

struct Reader<'a> {
    origin: &'a Origin,
    parser: Parser<'a, StrInput<'a>>,
    /// What was named, with how many values it has.
    anchors: HashMap<usize, (Node, usize)>,
    count: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Origin)>, Problem> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => Ok(Some((event, self.at(&span)))),
            Some(Err(error)) => Err(self.wrong(&error)),
        }
    }

    fn at(&self, span: &Span) -> Origin {
        self.origin.at_line(u32::try_from(span.start.line()).unwrap_or(u32::MAX))
    }

    fn wrong(&self, error: &ScanError) -> Problem {
        let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
        let at = self.origin.at_line(line);
        Problem::new(&at, "", format!("it is not YAML: {}", error.info()))
    }

    fn ended(&self) -> Problem {
        Problem::new(self.origin, "", "it is not YAML: it ends too early")
    }

    fn document(&mut self) -> Result<Node, Problem> {
        let (event, at) = self.next()?.ok_or_else(|| self.ended())?;
        self.node(event, at, 0)
    }

    fn counted(&mut self, at: &Origin, values: usize) -> Result<(), Problem> {
        self.count += values;
        match self.count > MOST {
            true => Err(Problem::new(
                at,
                "",
                format!("it has more than {MOST} values, those repeated by aliases counted"),
            )),
            false => Ok(()),
        }
    }

    fn node(&mut self, event: Event<'a>, at: Origin, depth: usize) -> Result<Node, Problem> {
        if depth > DEPTH {
            return Err(too_deep(&at));
        }
        let before = self.count;
        self.counted(&at, 1)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let as_text = style != ScalarStyle::Plain
                    || tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                (if as_text { Value::Text(text.into_owned()) } else { plain(&text) }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.table(depth)?, anchor),
            Event::Alias(anchor) => {
                let Some((node, values)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::new(&at, "", "an alias to something that contains it"));
                };
                self.counted(&at, values)?;
                return Ok(node);
            }
            _ => return Err(self.ended()),
        };
        let node = Node::new(&at, value);
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), self.count - before));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut all = Vec::new();
        loop {
            match self.next()?.ok_or_else(|| self.ended())? {
                (Event::SequenceEnd, _) => return Ok(Value::List(all)),
                (event, at) => all.push(self.node(event, at, depth + 1)?),
            }
        }
    }

    fn table(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut table = Table::default();
        loop {
            let (event, origin) = self.next()?.ok_or_else(|| self.ended())?;
            let name = match event {
                Event::MappingEnd => return Ok(Value::Table(table)),
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err(Problem::new(&origin, "", "a key is not a plain text")),
            };
            if name == "<<" {
                return Err(Problem::new(
                    &origin,
                    "<<",
                    "merging tables is not part of YAML 1.2; `defaults` is for what databases share",
                ));
            }
            if table.get(&name).is_some() {
                return Err(twice(&origin, &name));
            }
            let (event, at) = self.next()?.ok_or_else(|| self.ended())?;
            let node = self.node(event, at, depth + 1)?;
            table.0.push((Key { name, origin }, node));
        }
    }
}

/// What a text without quotes is, by YAML's core schema.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x")
        && let Ok(number) = i64::from_str_radix(digits, 16)
    {
        return Value::Int(number);
    }
    if let Some(digits) = text.strip_prefix("0o")
        && let Ok(number) = i64::from_str_radix(digits, 8)
    {
        return Value::Int(number);
    }
    let begins = text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    match (begins, text.parse::<i64>(), text.parse::<f64>()) {
        (true, Ok(number), _) => Value::Int(number),
        (true, _, Ok(number)) if number.is_finite() => Value::Float(number),
        _ => Value::Text(text.to_owned()),
    }
}
