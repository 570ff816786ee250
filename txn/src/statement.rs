//! Statements that write themselves: inserts, upserts, updates, deletes and selects from names and
//! values, in each database's own words.
//!
//! Every name is checked and quoted, every value is bound. What is wrong is reported when the statement is
//! run, before a connection is taken.

mod change;
mod condition;
mod expr;
mod gathered;
mod insert;
mod language;
mod name;
mod record;
mod render;
mod select;
mod serialize;
pub(crate) mod term;
mod write;

pub use change::{Delete, Update};
pub use condition::{Col, Condition, col};
pub use expr::Expr;
pub use name::Table;
pub(crate) use record::Plain;
pub use record::{IntoRecord, Record};
pub use render::Rendered;
pub use select::{MergeSelect, Select, Selection};
pub use write::{BulkUpdate, Insert, InsertMany};
pub(crate) use write::{RowWriter, update_by_keys};

/// How a single statement is run: by way of a [`Query`](wellspring_connector::Query).
macro_rules! single {
    ($($last:ident)?) => {
        /// The text and the values, as they would be sent.
        ///
        /// # Errors
        /// Those of [`render_for`](Self::render_for).
        pub fn render(&self) -> Result<Rendered> {
            self.render_for(self.source.translator().dialect())
        }

        /// As a query, for its options: a timeout, a tag, a fetch size.
        pub fn into_query(self) -> Query<S> {
            let this = self$(.$last())?;
            let rendered = this.render().map(Rendered::into_sql);
            Query::of(this.source, rendered)
        }

        /// Runs it and reports what it did.
        ///
        /// # Errors
        /// Those of [`render`](Self::render); why there is no connection; the database's.
        ///
        /// # Cancel safety
        /// Dropping the future cancels the statement; whether it took effect is then unknown, unless it
        /// is part of a transaction.
        pub async fn execute(self) -> Result<wellspring_connector::ExecResult> {
            self.into_query().execute().await
        }

        /// Runs it and returns its rows, each as a `T`.
        ///
        /// # Errors
        /// As [`execute`](Self::execute);
        /// [`ErrorKind::Decode`](wellspring_connector::ErrorKind::Decode) when a row is not a `T`.
        pub async fn all<T: wellspring_connector::FromRow>(self) -> Result<Vec<T>> {
            self.into_query().all().await
        }

        /// Runs it and returns its only row, as a `T`.
        ///
        /// # Errors
        /// As [`all`](Self::all);
        /// [`ErrorKind::RowNotFound`](wellspring_connector::ErrorKind::RowNotFound) when there is none,
        /// [`ErrorKind::TooManyRows`](wellspring_connector::ErrorKind::TooManyRows) when there are more.
        pub async fn one<T: wellspring_connector::FromRow>(self) -> Result<T> {
            self.into_query().one().await
        }

        /// Runs it and returns its only row, as a `T`, or `None` when there is none.
        ///
        /// # Errors
        /// As [`one`](Self::one), but for its absence.
        pub async fn optional<T: wellspring_connector::FromRow>(self) -> Result<Option<T>> {
            self.into_query().optional().await
        }
    };
}

/// The option to give back columns, told as `$what` says.
macro_rules! returning {
    ($what:literal) => {
        #[doc = $what]
        pub fn returning<C: Into<Cow<'static, str>>>(
            mut self,
            columns: impl IntoIterator<Item = C>,
        ) -> Self {
            self.returning = columns.into_iter().map(Into::into).collect();
            self
        }

        pub(crate) fn returns_rows(&self) -> bool {
            !self.returning.is_empty()
        }
    };
}

/// The options of upserts.
macro_rules! upserting {
    () => {
        /// These columns of rows that are there keep what they have. Of upserts.
        pub fn keep<C: Into<Cow<'static, str>>>(
            mut self,
            columns: impl IntoIterator<Item = C>,
        ) -> Self {
            let conflict = self.conflict.get_or_insert_default();
            conflict.kept = columns.into_iter().map(Into::into).collect();
            self
        }

        /// Rows that are there stay as they are. Of upserts.
        pub fn do_nothing(mut self) -> Self {
            self.conflict.get_or_insert_default().nothing = true;
            self
        }
    };
}

use {returning, single, upserting};

/// The methods with which whatever lends connections writes its own statements. The receiver, the type of
/// the source and the source follow.
#[doc(hidden)]
#[macro_export]
macro_rules! statement_methods {
    ($(#[$attribute:meta])* ($($receiver:tt)+) -> $source:ty, $make:expr) => {
        /// An insert of one row: a [`Record`]($crate::Record), `params!` with names, pairs, a map, or
        /// [`Record::of`]($crate::Record::of) a struct. Ends with `execute`, or `returning` and `one`.
        $(#[$attribute])*
        pub fn insert(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            row: impl $crate::IntoRecord,
        ) -> $crate::Insert<$source> {
            $crate::Insert::new($make, table, row)
        }

        /// An insert of many rows with the same columns, all of them or none, by the fastest way the
        /// database has. Ends with `execute`, or `returning` and `all`.
        $(#[$attribute])*
        pub fn insert_many<R: $crate::IntoRecord>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            rows: impl IntoIterator<Item = R>,
        ) -> $crate::InsertMany<$source> {
            $crate::InsertMany::new($make, table, rows)
        }

        /// An insert of one row; where a row with the same `keys` is there, its other columns are
        /// updated. MySQL does so whichever unique key is taken.
        $(#[$attribute])*
        pub fn upsert<K: Into<std::borrow::Cow<'static, str>>>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            row: impl $crate::IntoRecord,
            keys: impl IntoIterator<Item = K>,
        ) -> $crate::Insert<$source> {
            $crate::Insert::upsert($make, table, row, keys)
        }

        /// As [`upsert`](Self::upsert), of many rows with the same columns, all of them or none.
        $(#[$attribute])*
        pub fn upsert_many<R: $crate::IntoRecord, K: Into<std::borrow::Cow<'static, str>>>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            rows: impl IntoIterator<Item = R>,
            keys: impl IntoIterator<Item = K>,
        ) -> $crate::InsertMany<$source> {
            $crate::InsertMany::upsert($make, table, rows, keys)
        }

        /// An update of the rows that a condition chooses. Without one it needs `all_rows()`.
        $(#[$attribute])*
        pub fn update(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            changes: impl $crate::IntoRecord,
        ) -> $crate::Update<$source> {
            $crate::Update::new($make, table, changes)
        }

        /// Updates of many rows, each of the one with its `keys`, all of them or none.
        $(#[$attribute])*
        pub fn bulk_update<R: $crate::IntoRecord, K: Into<std::borrow::Cow<'static, str>>>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            rows: impl IntoIterator<Item = R>,
            keys: impl IntoIterator<Item = K>,
        ) -> $crate::BulkUpdate<$source> {
            $crate::BulkUpdate::new($make, table, rows, keys)
        }

        /// A deletion of the rows that a condition chooses. Without one it needs `all_rows()`.
        $(#[$attribute])*
        pub fn delete(
            $($receiver)+,
            table: impl Into<$crate::Table>,
        ) -> $crate::Delete<$source> {
            $crate::Delete::new($make, table)
        }

        /// A select from one table: of its columns, with a condition, an order, a limit. Ends with `all`,
        /// `one`, `optional` or `stream`.
        $(#[$attribute])*
        pub fn select(
            $($receiver)+,
            table: impl Into<$crate::Table>,
        ) -> $crate::Select<$source> {
            $crate::Select::new($make, table)
        }

        /// Several operations, checked before the first runs, kept as a whole or not at all. Ends with
        /// `execute`, or `each`.
        $(#[$attribute])*
        pub fn batch<O: Into<$crate::Operation>>(
            $($receiver)+,
            operations: impl IntoIterator<Item = O>,
        ) -> $crate::OperationBatch<$source> {
            $crate::OperationBatch::new($make, operations)
        }

        /// Inserts rows as they arrive, committed every so many, with a budget for refused ones. Ends with
        /// `execute`.
        $(#[$attribute])*
        pub fn stream_insert<R>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            rows: R,
        ) -> $crate::StreamWrite<$source, R> {
            $crate::StreamWrite::insert($make, table, rows)
        }

        /// Updates rows as their changes arrive: by `keys`, which are among the columns of each, or by the
        /// condition of a [`Change`]($crate::Change).
        $(#[$attribute])*
        pub fn stream_update<R, K: Into<std::borrow::Cow<'static, str>>>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            rows: R,
            keys: impl IntoIterator<Item = K>,
        ) -> $crate::StreamWrite<$source, R> {
            $crate::StreamWrite::update($make, table, rows, keys)
        }

        /// Inserts rows as they arrive, or updates those of which the `keys` are there.
        $(#[$attribute])*
        pub fn stream_upsert<R, K: Into<std::borrow::Cow<'static, str>>>(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            rows: R,
            keys: impl IntoIterator<Item = K>,
        ) -> $crate::StreamWrite<$source, R> {
            $crate::StreamWrite::upsert($make, table, rows, keys)
        }

        /// Inserts what is selected from another table, and updates rows whose `keys` are taken.
        $(#[$attribute])*
        pub fn merge_select<
            C: Into<std::borrow::Cow<'static, str>>,
            K: Into<std::borrow::Cow<'static, str>>,
        >(
            $($receiver)+,
            table: impl Into<$crate::Table>,
            columns: impl IntoIterator<Item = C>,
            keys: impl IntoIterator<Item = K>,
            rows: $crate::Selection,
        ) -> $crate::MergeSelect<$source> {
            $crate::MergeSelect::new($make, table, columns, keys, rows)
        }
    };
}
