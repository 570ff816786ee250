//! The form of operations for configuration and requests.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error as _};
use wellspring_connector::{Params, Result};

use super::{Kind, Operation};
use crate::statement::term::{Term, unknown, wrong};
use crate::statement::{
    BulkUpdate, Condition, Delete, Insert, InsertMany, MergeSelect, Record, Select, Selection,
    Table, Update,
};

const METHODS: [&str; 11] = [
    "insert",
    "insert_many",
    "update",
    "bulk_update",
    "delete",
    "upsert",
    "merge",
    "merge_select",
    "select",
    "query",
    "execute",
];

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_term(Term::deserialize(deserializer)?)
            .map_err(|error| D::Error::custom(error.message()))
    }
}

impl Operation {
    /// Operations from a list in the form that serde reads, with the number of the one that is wrong in
    /// the error: `serde_json::from_str` would tell the line instead.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`](wellspring_connector::ErrorKind::Parameters) naming the operation, the
    /// method and the parameter.
    pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Self>> {
        let term = Term::deserialize(deserializer).map_err(|error| wrong(error.to_string()))?;
        let numbered = term.into_list()?.into_iter().enumerate();
        numbered
            .map(|(index, term)| from_term(term).map_err(|e| e.at_operation("operation", index)))
            .collect()
    }
}

fn from_term(term: Term) -> Result<Operation> {
    let (mut method, mut params) = (None, Vec::new());
    for (key, term) in term.into_map()? {
        match &*key {
            "method" => method = Some(term.into_text().map_err(|e| e.context("method"))?),
            "params" if term.is_null() => {}
            "params" => params = term.into_map().map_err(|error| error.context("params"))?,
            other => return Err(unknown("key", other, &["method", "params"])),
        }
    }
    let Some(method) = method else {
        return Err(wrong("an operation has a `method`"));
    };
    operation(&method, Given(params)).map_err(|error| error.context(&method))
}

fn operation(method: &str, mut given: Given) -> Result<Operation> {
    let kind = match method {
        "insert" => insert(&mut given)?,
        "insert_many" => Kind::InsertMany(
            insert_many(&mut given, "data")?.returning(given.names("return_columns")?),
        ),
        "update" => {
            let mut update = Update::new((), given.table("table")?, given.record("data")?);
            if let Some(condition) = given.condition("where")? {
                update = update.filter(condition);
            }
            if given.flag("all_rows")? {
                update = update.all_rows();
            }
            Kind::Update(update.returning(given.names("return_columns")?))
        }
        "bulk_update" => {
            let name = if given.has("data_list") { "data_list" } else { "data" };
            let (table, rows) = (given.table("table")?, given.records(name)?);
            Kind::BulkUpdate(BulkUpdate::new((), table, rows, given.names("key_columns")?))
        }
        "delete" => {
            let mut delete = Delete::new((), given.table("table")?);
            if let Some(condition) = given.condition("where")? {
                delete = delete.filter(condition);
            }
            if given.flag("all_rows")? {
                delete = delete.all_rows();
            }
            Kind::Delete(delete.returning(given.names("return_columns")?))
        }
        "upsert" | "merge" => upsert(&mut given)?,
        "merge_select" => merge_select(&mut given)?,
        "select" => select(&mut given)?,
        "execute" => Kind::Execute(given.text("sql")?.into(), given.values("values")?),
        "query" => Kind::Query(given.text("sql")?.into(), given.values("values")?),
        other => return Err(unknown("method", other, &METHODS)),
    };
    given.nothing_else(method)?;
    Ok(Operation(kind))
}

fn insert(given: &mut Given) -> Result<Kind> {
    // How many rows a statement has is worked out.
    given.take("bulk_size");
    if given.is_list("data") {
        let many = insert_many(given, "data")?;
        return Ok(Kind::InsertMany(many.returning(given.names("return_columns")?)));
    }
    let (table, row) = (given.table("table")?, given.record("data")?);
    Ok(Kind::Insert(Insert::new((), table, row).returning(given.names("return_columns")?)))
}

fn insert_many(given: &mut Given, name: &str) -> Result<InsertMany<()>> {
    Ok(InsertMany::new((), given.table("table")?, given.records(name)?))
}

/// Columns that stay as they are, or all.
fn kept(given: &mut Given) -> Result<(Vec<Name>, bool)> {
    match given.take("no_update") {
        None => Ok((Vec::new(), false)),
        Some(term @ Term::List(_)) => Ok((names(term).map_err(|e| e.context("no_update"))?, false)),
        Some(term) if term.is_null() => Ok((Vec::new(), false)),
        Some(term) => {
            let all = match &term {
                Term::Value(_) if term.what() == "a text" => yes_or_no(&term.into_text()?)?,
                _ => term.into_bool().map_err(|error| error.context("no_update"))?,
            };
            Ok((Vec::new(), all))
        }
    }
}

/// `Y` or `N`, as LongJRM has it. What is neither would leave columns unprotected that somebody protected.
fn yes_or_no(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "true" => Ok(true),
        "n" | "no" | "false" | "" => Ok(false),
        _ => Err(wrong(format!("no_update is `Y`, `N` or a list of columns, not {text:?}"))),
    }
}

fn upsert(given: &mut Given) -> Result<Kind> {
    let (table, keys) = (given.table("table")?, given.names("key_columns")?);
    let (kept, nothing) = kept(given)?;
    let returning = given.names("return_columns")?;
    if given.is_list("data") {
        let rows = given.records("data")?;
        let many = InsertMany::upsert((), table, rows, keys).keep(kept).returning(returning);
        return Ok(Kind::InsertMany(if nothing { many.do_nothing() } else { many }));
    }
    let one = Insert::upsert((), table, given.record("data")?, keys);
    let one = one.keep(kept).returning(returning);
    Ok(Kind::Insert(if nothing { one.do_nothing() } else { one }))
}

fn merge_select(given: &mut Given) -> Result<Kind> {
    let mut rows = Selection::from(given.table("source_table")?);
    let selected = given.names("source_select")?;
    let columns = given.names("insert_columns")?;
    rows = rows.columns(if selected.is_empty() { columns.clone() } else { selected });
    if let Some(condition) = given.condition("conditions")? {
        rows = rows.filter(condition);
    }
    rows = ordered(rows, given.take("order_by"))?;
    let (kept, nothing) = kept(given)?;
    let (target, keys) = (given.table("target_table")?, given.names("key_columns")?);
    let merge = MergeSelect::new((), target, columns, keys, rows).keep(kept);
    Ok(Kind::MergeSelect(if nothing { merge.do_nothing() } else { merge }))
}

fn select(given: &mut Given) -> Result<Kind> {
    if let Some(options) = given.take("options").filter(|options| !options.is_null()) {
        for (key, term) in options.into_map().map_err(|error| error.context("options"))? {
            match &*key {
                "limit" | "offset" | "order_by" => given.0.push((key, term)),
                // Values are always bound.
                "dynamic_param" => {}
                other => {
                    let known = ["limit", "offset", "order_by"];
                    return Err(unknown("option", other, &known).context("options"));
                }
            }
        }
    }
    let mut rows = Selection::from(given.table("table")?);
    let columns = given.names("columns")?;
    if columns != ["*"] {
        rows = rows.columns(columns);
    }
    if let Some(condition) = given.condition("where")? {
        rows = rows.filter(condition);
    }
    rows = ordered(rows, given.take("order_by"))?;
    // No limit, in the words of those who send one always.
    if let Some(limit) = given.count("limit")?.filter(|limit| *limit > 0) {
        rows = rows.limit(limit);
    }
    if let Some(offset) = given.count("offset")? {
        rows = rows.offset(offset);
    }
    Ok(Kind::Select(Select::of((), rows)))
}

/// `"name"`, `"name desc"`, or a list of them.
fn ordered(mut rows: Selection, order: Option<Term>) -> Result<Selection> {
    let Some(order) = order.filter(|order| !order.is_null()) else {
        return Ok(rows);
    };
    let orders = match order {
        Term::List(list) => list,
        one => vec![one],
    };
    for order in orders {
        let text = order.into_text().map_err(|error| error.context("order_by"))?;
        let lower = text.to_lowercase();
        let cut = |end: &str| text[..text.len() - end.len()].trim_end().to_owned();
        rows = if lower.ends_with(" desc") {
            rows.order_by_desc(cut(" desc"))
        } else if lower.ends_with(" asc") {
            rows.order_by(cut(" asc"))
        } else {
            rows.order_by(text)
        };
    }
    Ok(rows)
}

type Name = Cow<'static, str>;

fn names(term: Term) -> Result<Vec<Name>> {
    match term {
        Term::List(list) => list.into_iter().map(|name| name.into_text().map(Cow::Owned)).collect(),
        one => Ok(vec![Cow::Owned(one.into_text()?)]),
    }
}

fn record(term: Term) -> Result<Record> {
    let mut record = Record::new();
    for (column, term) in term.into_map()? {
        let expr = term.into_expr().map_err(|error| error.context(&column))?;
        record = record.set_expr(column, expr);
    }
    Ok(record)
}

/// The parameters of an operation, taken one by one.
struct Given(Vec<(String, Term)>);

impl Given {
    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    fn is_list(&self, name: &str) -> bool {
        self.0.iter().any(|(key, term)| key == name && matches!(term, Term::List(_)))
    }

    fn take(&mut self, name: &str) -> Option<Term> {
        let index = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.swap_remove(index).1)
    }

    fn require(&mut self, name: &str) -> Result<Term> {
        self.take(name).ok_or_else(|| wrong(format!("`{name}` is missing")))
    }

    fn text(&mut self, name: &str) -> Result<String> {
        self.require(name)?.into_text().map_err(|error| error.context(name))
    }

    fn table(&mut self, name: &str) -> Result<Table> {
        self.text(name).map(Table::from)
    }

    fn record(&mut self, name: &str) -> Result<Record> {
        record(self.require(name)?).map_err(|error| error.context(name))
    }

    fn records(&mut self, name: &str) -> Result<Vec<Record>> {
        let list = match self.require(name)? {
            map @ Term::Map(_) => vec![map],
            other => other.into_list().map_err(|error| error.context(name))?,
        };
        let numbered = list.into_iter().enumerate();
        numbered
            .map(|(row, term)| {
                record(term).map_err(|e| e.context(format_args!("{name}: row {row}")))
            })
            .collect()
    }

    /// Names, where there are any.
    fn names(&mut self, name: &str) -> Result<Vec<Name>> {
        match self.take(name).filter(|term| !term.is_null()) {
            Some(term) => names(term).map_err(|error| error.context(name)),
            None => Ok(Vec::new()),
        }
    }

    fn condition(&mut self, name: &str) -> Result<Option<Condition>> {
        let given = self.take(name).filter(|term| !term.is_null());
        given.map(|term| Condition::from_term(term).map_err(|e| e.context(name))).transpose()
    }

    fn flag(&mut self, name: &str) -> Result<bool> {
        let given = self.take(name).filter(|term| !term.is_null());
        given.map_or(Ok(false), |term| term.into_bool().map_err(|error| error.context(name)))
    }

    fn count(&mut self, name: &str) -> Result<Option<u64>> {
        let given = self.take(name).filter(|term| !term.is_null());
        given.map(|term| term.into_count().map_err(|error| error.context(name))).transpose()
    }

    fn values(&mut self, name: &str) -> Result<Params> {
        let bind = |given: Option<Term>| -> Result<Params> {
            match given {
                None => Ok(Params::none()),
                Some(term) if term.is_null() => Ok(Params::none()),
                Some(Term::List(list)) => {
                    let values = list.into_iter().map(Term::into_value);
                    Ok(Params::Positional(values.collect::<Result<_>>()?))
                }
                Some(map) => {
                    let values = map.into_map()?.into_iter();
                    let named =
                        values.map(|(name, term)| Ok((Cow::Owned(name), term.into_value()?)));
                    Ok(Params::Named(named.collect::<Result<_>>()?))
                }
            }
        };
        bind(self.take(name)).map_err(|error| error.context(name))
    }

    /// Whatever was not asked for is a mistake.
    fn nothing_else(&self, method: &str) -> Result<()> {
        let known: &[&str] = match method {
            "insert" | "insert_many" => &["table", "data", "return_columns"],
            "update" => &["table", "data", "where", "all_rows", "return_columns"],
            "bulk_update" => &["table", "data_list", "data", "key_columns"],
            "delete" => &["table", "where", "all_rows", "return_columns"],
            "upsert" | "merge" => &["table", "data", "key_columns", "no_update", "return_columns"],
            "merge_select" => &[
                "source_table",
                "target_table",
                "insert_columns",
                "key_columns",
                "order_by",
                "conditions",
                "source_select",
                "no_update",
            ],
            "select" => &["table", "columns", "where", "order_by", "limit", "offset", "options"],
            _ => &["sql", "values"],
        };
        match self.0.first() {
            Some((other, _)) => Err(unknown("parameter", other, known)),
            None => Ok(()),
        }
    }
}
