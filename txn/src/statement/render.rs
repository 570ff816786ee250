//! The text of a statement on its way, with the values it binds.

use wellspring_connector::{Dialect, Error, ErrorKind, Params, Result, Sql, Value};

use super::name::Table;

/// A statement in a database's own words, with its values.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    text: String,
    values: Vec<Value>,
}

impl Rendered {
    /// The text, with the database's own markers.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The values, in the order of the markers.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.values)
    }

    /// As a statement and its parameters, for what runs any.
    pub(crate) fn into_sql(self) -> (Sql<'static>, Params) {
        (Sql::native(self.text), Params::Positional(self.values))
    }
}

/// Appends words, names and values.
pub(crate) struct Writer<'d> {
    dialect: &'d Dialect,
    text: String,
    values: Vec<Value>,
}

impl<'d> Writer<'d> {
    pub(crate) fn new(dialect: &'d Dialect) -> Self {
        Self { dialect, text: String::with_capacity(128), values: Vec::new() }
    }

    pub(crate) fn dialect(&self) -> &'d Dialect {
        self.dialect
    }

    /// Words of SQL, as they are.
    pub(crate) fn sql(&mut self, words: &str) {
        self.text.push_str(words);
    }

    pub(crate) fn char(&mut self, c: char) -> &mut Self {
        self.text.push(c);
        self
    }

    /// A space, where there is none.
    pub(crate) fn space(&mut self) {
        if !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    /// A name, checked and quoted; `what` is what it is the name of.
    pub(crate) fn name(&mut self, what: &str, name: &str) -> Result<()> {
        self.dialect.check_name(name).map_err(|error| error.context(what))?;
        self.text.push_str(&self.dialect.quote_identifier(name));
        Ok(())
    }

    pub(crate) fn table(&mut self, table: &Table) -> Result<()> {
        table.write(self.dialect, &mut self.text)
    }

    /// A value, bound.
    pub(crate) fn value(&mut self, value: Value) {
        self.values.push(value);
        self.dialect.write_marker(&mut self.text, self.values.len());
    }

    /// Whatever `write` appends for each of `items`, with `between` between.
    pub(crate) fn list<T>(
        &mut self,
        between: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<()>,
    ) -> Result<()> {
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.sql(between);
            }
            write(self, item)?;
        }
        Ok(())
    }

    /// The names of columns, separated by commas.
    pub(crate) fn columns<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> Result<()> {
        self.list(", ", names, |out, name| out.name("column", name))
    }

    pub(crate) fn finish(self) -> Result<Rendered> {
        let (given, most) = (self.values.len(), self.dialect.max_parameters);
        if given > most {
            return Err(Error::new(
                ErrorKind::Parameters,
                format!("the statement has {given} values, {} takes {most}", self.dialect.name),
            ));
        }
        Ok(Rendered { text: self.text, values: self.values })
    }
}
