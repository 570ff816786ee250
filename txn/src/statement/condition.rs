//! Which rows: conditions, typed.

use wellspring_connector::{Error, ErrorKind, Result, Value};

use super::expr::Expr;
use super::render::Writer;

/// The most conditions within conditions: what is deeper would take more of the stack than there is.
pub(crate) const DEEPEST: usize = 100;

/// Which rows a statement is about.
///
/// Values are bound, names are quoted. A null among them means a test for null, and lists may be empty:
/// nothing is in an empty list, and everything is not in it.
///
/// ```
/// use wellspring_txn::{Condition, col};
///
/// let overdue = col("due").lt("2026-01-01").and(col("paid").is_null());
/// let wanted = overdue.and(Condition::any([
///     col("status").is_in(["open", "sent"]),
///     col("total").between(100, 500),
///     col("note").starts_with("urgent:"),
/// ]));
/// # let _ = wanted;
/// ```
///
/// It also has a form for configuration and requests, which serde reads; see the
/// [module](crate::statement) for its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Compare { left: Expr, operator: &'static str, right: Expr },
    In { column: Box<str>, values: Vec<Value>, negated: bool },
    Between { column: Box<str>, low: Value, high: Value, negated: bool },
    Like { column: Box<str>, pattern: Value, escape: bool, negated: bool },
    Null { column: Box<str>, negated: bool },
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// A column, about to be compared: [`col`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a column alone is no condition"]
pub struct Col(Box<str>);

/// The column `name`, to be compared with something.
pub fn col(name: impl Into<Box<str>>) -> Col {
    Col(name.into())
}

impl Col {
    /// Equal; null where `value` is.
    pub fn eq(self, value: impl Into<Value>) -> Condition {
        self.compare("=", value.into())
    }

    /// Not equal; not null where `value` is null. A row whose column is null is not different from
    /// anything else: it is not among those found.
    pub fn ne(self, value: impl Into<Value>) -> Condition {
        self.compare("<>", value.into())
    }

    /// Less than.
    pub fn lt(self, value: impl Into<Value>) -> Condition {
        self.compare("<", value.into())
    }

    /// Less than or equal.
    pub fn le(self, value: impl Into<Value>) -> Condition {
        self.compare("<=", value.into())
    }

    /// Greater than.
    pub fn gt(self, value: impl Into<Value>) -> Condition {
        self.compare(">", value.into())
    }

    /// Greater than or equal.
    pub fn ge(self, value: impl Into<Value>) -> Condition {
        self.compare(">=", value.into())
    }

    pub(crate) fn compare(self, operator: &'static str, value: Value) -> Condition {
        Condition(match (operator, value.is_null()) {
            ("=", true) => Node::Null { column: self.0, negated: false },
            ("<>", true) => Node::Null { column: self.0, negated: true },
            _ => {
                let (left, right) = (Expr::column(self.0), Expr::value(value));
                Node::Compare { left, operator, right }
            }
        })
    }

    /// Equal to what the database works out.
    pub fn eq_expr(self, other: Expr) -> Condition {
        self.compare_expr("=", other)
    }

    /// Less than what the database works out.
    pub fn lt_expr(self, other: Expr) -> Condition {
        self.compare_expr("<", other)
    }

    /// Greater than what the database works out.
    pub fn gt_expr(self, other: Expr) -> Condition {
        self.compare_expr(">", other)
    }

    fn compare_expr(self, operator: &'static str, right: Expr) -> Condition {
        Condition(Node::Compare { left: Expr::column(self.0), operator, right })
    }

    /// One of `values`. Nothing is one of none; a null among them finds nulls.
    pub fn is_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Condition {
        self.list(values, false)
    }

    /// None of `values`. Everything is none of none, nulls too; of others, nulls are not found.
    pub fn not_in<V: Into<Value>>(self, values: impl IntoIterator<Item = V>) -> Condition {
        self.list(values, true)
    }

    fn list<V: Into<Value>>(self, values: impl IntoIterator<Item = V>, negated: bool) -> Condition {
        let values = values.into_iter().map(Into::into).collect();
        Condition(Node::In { column: self.0, values, negated })
    }

    /// At least `low` and at most `high`.
    pub fn between(self, low: impl Into<Value>, high: impl Into<Value>) -> Condition {
        let (low, high) = (low.into(), high.into());
        Condition(Node::Between { column: self.0, low, high, negated: false })
    }

    /// Less than `low` or more than `high`.
    pub fn not_between(self, low: impl Into<Value>, high: impl Into<Value>) -> Condition {
        let (low, high) = (low.into(), high.into());
        Condition(Node::Between { column: self.0, low, high, negated: true })
    }

    /// Like a pattern: `%` stands for any characters, `_` for one. A backslash is a character like any
    /// other, on every database. Whether case counts is up to the database, and its collation.
    pub fn like(self, pattern: impl Into<Value>) -> Condition {
        self.pattern(pattern.into(), false, false)
    }

    /// Not like a pattern.
    pub fn not_like(self, pattern: impl Into<Value>) -> Condition {
        self.pattern(pattern.into(), false, true)
    }

    /// Begins with `text`, whatever is in it.
    pub fn starts_with(self, text: &str) -> Condition {
        self.pattern(format!("{}%", escaped(text)).into(), true, false)
    }

    /// Ends with `text`, whatever is in it.
    pub fn ends_with(self, text: &str) -> Condition {
        self.pattern(format!("%{}", escaped(text)).into(), true, false)
    }

    /// Contains `text`, whatever is in it.
    pub fn contains(self, text: &str) -> Condition {
        self.pattern(format!("%{}%", escaped(text)).into(), true, false)
    }

    fn pattern(self, pattern: Value, escape: bool, negated: bool) -> Condition {
        Condition(Node::Like { column: self.0, pattern, escape, negated })
    }

    /// Null.
    pub fn is_null(self) -> Condition {
        Condition(Node::Null { column: self.0, negated: false })
    }

    /// Not null.
    pub fn is_not_null(self) -> Condition {
        Condition(Node::Null { column: self.0, negated: true })
    }
}

/// What stands before a character of a pattern that means itself.
const ESCAPE: char = '!';

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // SQL Server's patterns have brackets, too.
        if matches!(c, '%' | '_' | '[' | ESCAPE) {
            out.push(ESCAPE);
        }
        out.push(c);
    }
    out
}

impl Condition {
    /// All of them: true where there are none.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self(Node::All(conditions.into_iter().collect()))
    }

    /// At least one of them: false where there are none.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self(Node::Any(conditions.into_iter().collect()))
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.0 {
            Node::All(mut all) => {
                all.push(other);
                Self(Node::All(all))
            }
            node => Self::all([Self(node), other]),
        }
    }

    /// At least one of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self.0 {
            Node::Any(mut any) => {
                any.push(other);
                Self(Node::Any(any))
            }
            node => Self::any([Self(node), other]),
        }
    }

    /// The answer, where it is the same for every row.
    pub(crate) fn constant(&self) -> Option<bool> {
        match &self.0 {
            Node::In { values, negated, .. } if values.is_empty() => Some(*negated),
            Node::All(all) => {
                let answers: Vec<_> = all.iter().map(Self::constant).collect();
                match answers.contains(&Some(false)) {
                    true => Some(false),
                    false => answers.iter().all(|answer| *answer == Some(true)).then_some(true),
                }
            }
            Node::Any(any) => {
                let answers: Vec<_> = any.iter().map(Self::constant).collect();
                match answers.contains(&Some(true)) {
                    true => Some(true),
                    false => answers.iter().all(|answer| *answer == Some(false)).then_some(false),
                }
            }
            Node::Not(inner) => inner.constant().map(|answer| !answer),
            _ => None,
        }
    }

    pub(crate) fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        self.write_at(out, 0)
    }

    fn write_at(&self, out: &mut Writer<'_>, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("a condition is more than {DEEPEST} conditions deep"),
            ));
        }
        if let Some(answer) = self.constant() {
            out.sql(if answer { "1 = 1" } else { "1 = 0" });
            return Ok(());
        }
        match &self.0 {
            Node::Compare { left, operator, right } => {
                left.write(out)?;
                out.char(' ');
                out.sql(operator);
                out.char(' ');
                right.write(out)
            }
            Node::In { column, values, negated } => write_in(out, column, values, *negated),
            Node::Between { column, low, high, negated } => {
                out.name("column", column)?;
                out.sql(if *negated { " not between " } else { " between " });
                out.value(low.clone());
                out.sql(" and ");
                out.value(high.clone());
                Ok(())
            }
            Node::Like { column, pattern, escape, negated } => {
                out.name("column", column)?;
                out.sql(if *negated { " not like " } else { " like " });
                out.value(pattern.clone());
                if *escape {
                    out.sql(" escape '");
                    out.char(ESCAPE).char('\'');
                } else if matches!(out.dialect().name, "postgres" | "mysql" | "mariadb") {
                    out.sql(" escape ''");
                }
                Ok(())
            }
            Node::Null { column, negated } => {
                out.name("column", column)?;
                out.sql(if *negated { " is not null" } else { " is null" });
                Ok(())
            }
            Node::All(all) => nested(out, " and ", all, depth),
            Node::Any(any) => nested(out, " or ", any, depth),
            Node::Not(inner) => {
                out.sql("not (");
                inner.write_at(out, depth + 1)?;
                out.sql(")");
                Ok(())
            }
        }
    }
}

impl std::ops::Not for Condition {
    type Output = Self;

    /// Not so. A comparison with a null is neither true nor false, and so is its opposite.
    fn not(self) -> Self {
        Self(Node::Not(Box::new(self)))
    }
}

fn nested(
    out: &mut Writer<'_>,
    between: &str,
    conditions: &[Condition],
    depth: usize,
) -> Result<()> {
    out.sql("(");
    out.list(between, conditions, |out, one| one.write_at(out, depth + 1))?;
    out.sql(")");
    Ok(())
}

/// A null in a list would make `not in` true of nothing, and `in` never find it.
fn write_in(out: &mut Writer<'_>, column: &str, values: &[Value], negated: bool) -> Result<()> {
    let (nulls, values): (Vec<_>, Vec<_>) = values.iter().partition(|value| value.is_null());
    let list = !values.is_empty();
    let with_null = !nulls.is_empty();
    if list && with_null {
        out.sql("(");
    }
    if list {
        out.name("column", column)?;
        out.sql(if negated { " not in (" } else { " in (" });
        out.list(", ", values, |out, value| {
            out.value(value.clone());
            Ok(())
        })?;
        out.sql(")");
    }
    if list && with_null {
        out.sql(if negated { " and " } else { " or " });
    }
    if with_null {
        out.name("column", column)?;
        out.sql(if negated { " is not null" } else { " is null" });
    }
    if list && with_null {
        out.sql(")");
    }
    Ok(())
}
