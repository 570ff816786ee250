//! A database for sqlx that can be connected to and pinged, by the script, and nothing else.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use log::LevelFilter;
use sqlx_core::arguments::{Arguments, IntoArguments};
use sqlx_core::column::{Column, ColumnIndex};
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::database::Database;
use sqlx_core::encode::Encode;
use sqlx_core::error::{BoxDynError, Error};
use sqlx_core::from_row::FromRow;
use sqlx_core::query::Query;
use sqlx_core::query_as::QueryAs;
use sqlx_core::query_scalar::QueryScalar;
use sqlx_core::row::Row;
use sqlx_core::sql_str::SqlStr;
use sqlx_core::statement::Statement;
use sqlx_core::transaction::{Transaction, TransactionManager};
use sqlx_core::type_info::TypeInfo;
use sqlx_core::types::Type;
use sqlx_core::value::{Value, ValueRef};
use sqlx_core::{Either, Url};

use crate::script::{Conn, Refused, Script};

/// The database.
#[derive(Debug)]
pub(crate) struct Fake;

impl Database for Fake {
    type Connection = FakeConnection;
    type TransactionManager = Nothing;
    type Row = Nothing;
    type QueryResult = Count;
    type Column = Nothing;
    type TypeInfo = Nothing;
    type Value = Nothing;
    type ValueRef<'r> = Nothing;
    type Arguments = NoArguments;
    type ArgumentBuffer = ();
    type Statement = Nothing;
    const NAME: &'static str = "Fake";
    const URL_SCHEMES: &'static [&'static str] = &["fake"];
}

/// How it is connected to.
#[derive(Debug, Clone)]
pub(crate) struct FakeOptions(pub(crate) Arc<Script>);

impl FromStr for FakeOptions {
    type Err = Error;

    fn from_str(_: &str) -> Result<Self, Error> {
        Ok(Self(Script::new()))
    }
}

impl ConnectOptions for FakeOptions {
    type Connection = FakeConnection;

    fn from_url(_: &Url) -> Result<Self, Error> {
        Ok(Self(Script::new()))
    }

    async fn connect(&self) -> Result<FakeConnection, Error> {
        let conn = self.0.connect().await.map_err(translated)?;
        Ok(FakeConnection { conn, script: Arc::clone(&self.0) })
    }

    fn log_statements(self, _: LevelFilter) -> Self {
        self
    }

    fn log_slow_statements(self, _: LevelFilter, _: Duration) -> Self {
        self
    }
}

/// In the errors by which sqlx tells what may pass from what will not.
fn translated(refused: Refused) -> Error {
    if refused.for_good {
        Error::Configuration(refused.into())
    } else {
        Error::Io(io::Error::new(io::ErrorKind::ConnectionRefused, refused))
    }
}

/// A connection to it.
#[derive(Debug)]
pub(crate) struct FakeConnection {
    conn: Conn,
    script: Arc<Script>,
}

impl Connection for FakeConnection {
    type Database = Fake;
    type Options = FakeOptions;

    async fn close(self) -> Result<(), Error> {
        Ok(())
    }

    async fn close_hard(self) -> Result<(), Error> {
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), Error> {
        self.script.check(&mut self.conn).await.map_err(translated)
    }

    async fn begin(&mut self) -> Result<Transaction<'_, Fake>, Error> {
        Err(Error::Protocol("it can only be pinged".to_owned()))
    }

    fn shrink_buffers(&mut self) {}

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn should_flush(&self) -> bool {
        false
    }
}

/// What no statement tells, as there are none.
#[derive(Debug, Default)]
pub(crate) struct Count;

impl Extend<Self> for Count {
    fn extend<I: IntoIterator<Item = Self>>(&mut self, _: I) {}
}

/// The parameters of no statement.
#[derive(Debug, Default)]
pub(crate) struct NoArguments;

impl Arguments for NoArguments {
    type Database = Fake;

    fn reserve(&mut self, _: usize, _: usize) {}

    fn add<'t, T: Encode<'t, Fake> + Type<Fake>>(&mut self, _: T) -> Result<(), BoxDynError> {
        Err("there are no parameters".into())
    }

    fn len(&self) -> usize {
        0
    }
}

/// The row, value, statement and so on that there never is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Nothing {}

impl fmt::Display for Nothing {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl TypeInfo for Nothing {
    fn is_null(&self) -> bool {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }
}

impl Column for Nothing {
    type Database = Fake;

    fn ordinal(&self) -> usize {
        match *self {}
    }

    fn name(&self) -> &str {
        match *self {}
    }

    fn type_info(&self) -> &Self {
        match *self {}
    }
}

impl Value for Nothing {
    type Database = Fake;

    fn as_ref(&self) -> Self {
        match *self {}
    }

    fn type_info(&self) -> Cow<'_, Self> {
        match *self {}
    }

    fn is_null(&self) -> bool {
        match *self {}
    }
}

impl ValueRef<'_> for Nothing {
    type Database = Fake;

    fn to_owned(&self) -> Self {
        match *self {}
    }

    fn type_info(&self) -> Cow<'_, Self> {
        match *self {}
    }

    fn is_null(&self) -> bool {
        match *self {}
    }
}

impl Row for Nothing {
    type Database = Fake;

    fn columns(&self) -> &[Self] {
        match *self {}
    }

    fn try_get_raw<I: ColumnIndex<Self>>(&self, _: I) -> Result<Self, Error> {
        match *self {}
    }
}

impl Statement for Nothing {
    type Database = Fake;

    fn into_sql(self) -> SqlStr {
        match self {}
    }

    fn sql(&self) -> &SqlStr {
        match *self {}
    }

    fn parameters(&self) -> Option<Either<&[Self], usize>> {
        match *self {}
    }

    fn columns(&self) -> &[Self] {
        match *self {}
    }

    fn query(&self) -> Query<'_, Fake, NoArguments> {
        match *self {}
    }

    fn query_with<A: IntoArguments<Fake>>(&self, _: A) -> Query<'_, Fake, A> {
        match *self {}
    }

    fn query_as<O: for<'r> FromRow<'r, Self>>(&self) -> QueryAs<'_, Fake, O, NoArguments> {
        match *self {}
    }

    fn query_as_with<'s, O, A>(&'s self, _: A) -> QueryAs<'s, Fake, O, A>
    where
        O: for<'r> FromRow<'r, Self>,
        A: IntoArguments<Fake>,
    {
        match *self {}
    }

    fn query_scalar<O>(&self) -> QueryScalar<'_, Fake, O, NoArguments>
    where
        (O,): for<'r> FromRow<'r, Self>,
    {
        match *self {}
    }

    fn query_scalar_with<'s, O, A>(&'s self, _: A) -> QueryScalar<'s, Fake, O, A>
    where
        (O,): for<'r> FromRow<'r, Self>,
        A: IntoArguments<Fake>,
    {
        match *self {}
    }
}

impl TransactionManager for Nothing {
    type Database = Fake;

    async fn begin(_: &mut FakeConnection, _: Option<SqlStr>) -> Result<(), Error> {
        Ok(())
    }

    async fn commit(_: &mut FakeConnection) -> Result<(), Error> {
        Ok(())
    }

    async fn rollback(_: &mut FakeConnection) -> Result<(), Error> {
        Ok(())
    }

    fn start_rollback(_: &mut FakeConnection) {}

    fn get_transaction_depth(_: &FakeConnection) -> usize {
        0
    }
}
