//! A statement in a database's own form, ready to take parameters.

use std::borrow::Cow;
use std::sync::Arc;

use crate::echo::excerpt;
use crate::nearest::nearest;
use crate::translate::too_many;
use crate::{Dialect, Error, ErrorKind, Marker, Params, Result, Value, ValueKind};

/// A translated statement: the text the database gets, and which value goes where.
///
/// Made by a [`Translator`](crate::Translator).
///
/// ```
/// use wellspring_connector::{Dialect, Sql, Translator, params};
///
/// static MYSQL: Dialect = Dialect::MYSQL;
/// let translator = Translator::new(&MYSQL, 100);
/// let statement = translator.translate(&Sql::new("select :a + :b + :a"))?;
/// assert_eq!(statement.text(), "select ? + ? + ?");
/// // MySQL's markers have no numbers, so that a value used twice is sent twice.
/// assert_eq!(statement.bind(params! { a: 1, b: 2 })?, [1.into(), 2.into(), 1.into()]);
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Statement {
    dialect: &'static Dialect,
    text: Arc<str>,
    slots: Slots,
    /// The values that stand alone in an `in (…)` everywhere they are used: a list given for one
    /// becomes as many parameters as it has elements.
    lists: Box<[usize]>,
    /// A parameter of the database's own that the text contains beside no placeholder of ours.
    native_marker: Option<Box<str>>,
    /// The text as it was written, for the log.
    source: Option<Arc<str>>,
}

/// Which parameter goes to which marker. `order` holds the parameter of each marker, where that
/// is not simply one after the other.
#[derive(Debug, Clone)]
pub(crate) enum Slots {
    /// The text was not looked at.
    Native,
    /// As many values as markers, in their order.
    Positional { count: usize },
    /// Values by position, repeated or moved.
    Reordered { count: usize, order: Box<[usize]> },
    /// Values by name.
    Named { names: Box<[Box<str>]>, order: Option<Box<[usize]>> },
}

impl Statement {
    pub(crate) fn new(
        dialect: &'static Dialect,
        text: Arc<str>,
        slots: Slots,
        native_marker: Option<Box<str>>,
    ) -> Self {
        Self { dialect, text, slots, lists: Box::default(), native_marker, source: None }
    }

    /// Remembers the text it was made of, as far as a log shows it.
    pub(crate) fn keep_source(&mut self, source: &str) {
        if *source != *self.text {
            self.source = Some(excerpt(source));
        }
    }

    pub(crate) fn with_lists(mut self, lists: Vec<usize>) -> Self {
        self.lists = lists.into_boxed_slice();
        self
    }

    /// The text for the database.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as it was written, up to 2,000 characters, where that is another one and the
    /// [`Translator`](crate::Translator::with_sources) keeps it.
    pub fn source(&self) -> Option<&Arc<str>> {
        self.source.as_ref()
    }

    /// How many parameters it takes: positions, or names. `None` for native text.
    pub fn parameters(&self) -> Option<usize> {
        match &self.slots {
            Slots::Native => None,
            Slots::Positional { count } | Slots::Reordered { count, .. } => Some(*count),
            Slots::Named { names, .. } => Some(names.len()),
        }
    }

    /// The names of its placeholders, in the order of their first use; none for positions.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        let names: &[Box<str>] = match &self.slots {
            Slots::Named { names, .. } => names,
            _ => &[],
        };
        names.iter().map(|name| &**name)
    }

    /// Puts `params` into the order of the markers.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`] when they do not fit: another count (naming both), names that
    /// are missing, unknown (naming the nearest known one) or given twice, names for positions or
    /// positions for names, more values than the database takes. Values are never in the message.
    pub fn bind(&self, params: Params) -> Result<Vec<Value>> {
        let values = self.collect(params)?;
        Ok(self.order(values))
    }

    /// The values put into the order of the markers.
    pub(crate) fn order(&self, values: Vec<Value>) -> Vec<Value> {
        match &self.slots {
            Slots::Reordered { order, .. } | Slots::Named { order: Some(order), .. } => {
                reorder(values, order)
            }
            _ => values,
        }
    }

    /// What each value becomes in the text, if any of `values` is a list that is to be expanded.
    pub(crate) fn lengths(&self, values: &[Value]) -> Option<Vec<Length>> {
        let is_list = |index: &usize| matches!(values.get(*index), Some(Value::Array(_)));
        if !self.lists.iter().any(is_list) {
            return None;
        }
        let mut lengths = vec![Length::One; values.len()];
        for &index in &self.lists {
            if let Value::Array(array) = &values[index] {
                lengths[index] = match array.values.len() {
                    0 => Length::Empty(array.element),
                    length => Length::Many(padded(length)),
                };
            }
        }
        let sum: usize = lengths.iter().map(Length::values).sum();
        if sum > self.dialect.max_parameters {
            // Too many because of the padding, perhaps.
            for &index in &self.lists {
                if let (Length::Many(length), Value::Array(array)) =
                    (&mut lengths[index], &values[index])
                {
                    *length = array.values.len();
                }
            }
        }
        Some(lengths)
    }

    /// The values in the order of their placeholders or names.
    pub(crate) fn collect(&self, params: Params) -> Result<Vec<Value>> {
        self.check_native_marker()?;
        match (&self.slots, params) {
            (Slots::Native, Params::Positional(values)) => {
                if values.len() > self.dialect.max_parameters {
                    return Err(too_many(self.dialect, values.len()));
                }
                Ok(values)
            }
            (
                Slots::Positional { count } | Slots::Reordered { count, .. },
                Params::Positional(values),
            ) => {
                check_count(*count, values.len())?;
                Ok(values)
            }
            (Slots::Named { names, .. }, Params::Named(given)) => by_name(names, given),
            (Slots::Named { names, .. }, Params::Positional(values)) => Err(refused(format!(
                "the placeholders have names ({}), but {} given by position",
                list(names.iter().map(|n| &**n)),
                values_were(values.len()),
            ))),
            (slots, Params::Named(given)) => {
                if given.is_empty() {
                    return self.collect(Params::none());
                }
                let given = list(given.iter().map(|(name, _)| &**name));
                Err(refused(match slots {
                    Slots::Native => {
                        format!("native text takes values by position, not by name ({given})")
                    }
                    Slots::Positional { count: 0 } => {
                        format!("the statement has no placeholders, but was given {given}")
                    }
                    _ => format!("the placeholders have no names, but was given {given}"),
                }))
            }
        }
    }

    /// Text with the database's own markers and none of ours was probably meant to be native. Left
    /// alone on SQL Server, where `@p1` can be a variable.
    fn check_native_marker(&self) -> Result<()> {
        match &self.native_marker {
            Some(marker) if self.dialect.marker != Marker::AtNumber => Err(refused(format!(
                "`{marker}` is a parameter of {}'s own: use `Sql::native`, or another placeholder",
                self.dialect
            ))),
            _ => Ok(()),
        }
    }
}

/// What one value becomes in the text of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// One marker.
    One,
    /// As many markers.
    Many(usize),
    /// A query without rows of this kind.
    Empty(ValueKind),
}

impl Length {
    /// How many values it takes.
    pub(crate) fn values(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Many(length) => *length,
            Self::Empty(_) => 0,
        }
    }
}

/// Lists of nearly the same length share one text, so that statement caches are not flooded: the
/// last element is repeated up to this length, which changes nothing in an `in (…)`.
fn padded(length: usize) -> usize {
    if length <= 1_024 { length.next_power_of_two() } else { length.next_multiple_of(512) }
}

/// The values of expanded lists one after the other.
pub(crate) fn flatten(values: Vec<Value>, lengths: &[Length]) -> Vec<Value> {
    let mut flat = Vec::with_capacity(lengths.iter().map(Length::values).sum());
    for (value, length) in values.into_iter().zip(lengths) {
        match (value, length) {
            (Value::Array(array), Length::Many(length)) => {
                let end = flat.len() + length;
                flat.extend(array.values);
                let last = flat.last().cloned().expect("a list of this length is not empty");
                flat.resize(end, last);
            }
            (_, Length::Empty(_)) => {}
            (value, _) => flat.push(value),
        }
    }
    flat
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Parameters, message)
}

fn check_count(expected: usize, given: usize) -> Result<()> {
    if expected == given {
        return Ok(());
    }
    let placeholders = match expected {
        0 => "no placeholders".to_owned(),
        1 => "1 placeholder".to_owned(),
        n => format!("{n} placeholders"),
    };
    Err(refused(format!("the statement has {placeholders}, but {} given", values_were(given))))
}

fn values_were(count: usize) -> String {
    match count {
        0 => "no values were".to_owned(),
        1 => "1 value was".to_owned(),
        n => format!("{n} values were"),
    }
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The values in the order of `names`.
fn by_name(names: &[Box<str>], given: Vec<(Cow<'static, str>, Value)>) -> Result<Vec<Value>> {
    let mut slots: Vec<Option<Value>> = names.iter().map(|_| None).collect();
    let mut problems = Vec::new();
    for (at, (name, value)) in given.into_iter().enumerate() {
        // Most are given in the order of their use.
        let found = match names.get(at) {
            Some(expected) if **expected == *name => Some(at),
            _ => names.iter().position(|n| **n == *name),
        };
        match found {
            Some(i) if slots[i].is_some() => problems.push(format!("`{name}` was given twice")),
            Some(i) => slots[i] = Some(value),
            None => problems.push(match nearest(&name, names.iter().map(|n| &**n)) {
                Some(known) => format!("there is no placeholder `{name}`, only `{known}`"),
                None => format!("there is no placeholder `{name}`"),
            }),
        }
    }
    let missing = names.iter().zip(&slots).filter(|(_, slot)| slot.is_none());
    let missing = list(missing.map(|(name, _)| &**name));
    if !missing.is_empty() {
        problems.push(format!("no value was given for {missing}"));
    }
    if !problems.is_empty() {
        return Err(refused(problems.join("; ")));
    }
    Ok(slots.into_iter().map(|slot| slot.expect("none is missing")).collect())
}

/// `values` in the order of the markers; a value is cloned only where it is used again.
fn reorder(values: Vec<Value>, order: &[usize]) -> Vec<Value> {
    let mut uses = vec![0_usize; values.len()];
    for &index in order {
        uses[index] += 1;
    }
    let mut values: Vec<Option<Value>> = values.into_iter().map(Some).collect();
    let take = |&index: &usize| {
        uses[index] -= 1;
        let slot = &mut values[index];
        let value = if uses[index] == 0 { slot.take() } else { slot.clone() };
        value.expect("taken only at its last use")
    };
    order.iter().map(take).collect()
}
