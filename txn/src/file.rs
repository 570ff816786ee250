//! Statements that stand in files.

use std::path::Path;

use wellspring_connector::{
    Error, ErrorKind, Params, Query, Result, Source, Sql, script_statements,
};

/// An error of a file, with its path.
pub(crate) fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    let message = format!("cannot {what} the file {}: {error}", path.display());
    Error::new(ErrorKind::Other, message).with_source(error)
}

/// The text in a file of UTF-8, without the byte order mark.
///
/// # Errors
/// That of reading it, with the path; [`ErrorKind::Decode`] when it is not UTF-8.
pub(crate) async fn text_of(path: &Path) -> Result<String> {
    let bytes = tokio::fs::read(path).await.map_err(|error| failed("read", path, error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let message = format!("the file {} is not UTF-8: byte {at} is wrong", path.display());
        Error::new(ErrorKind::Decode, message)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// The one statement in a file, with `params`, to run on a connection of `source`.
///
/// # Errors
/// Those of reading it; [`ErrorKind::Usage`] unless it is one statement.
#[doc(hidden)]
pub async fn query_file<S: Source>(source: S, path: &Path, params: Params) -> Result<Query<S>> {
    let text = text_of(path).await?;
    let dialect = source.translator().dialect();
    let mut statements = script_statements(dialect, &text);
    let first = statements.next().transpose()?;
    let more = statements.next().transpose()?;
    let wrong = match (first, more) {
        (Some(only), None) => return Ok(Query::new(source, Sql::new(only.text), params)),
        (None, _) => "has no statement".to_owned(),
        (Some(_), Some(more)) => format!(
            "has more than one statement, the second in line {}: `script_file` runs them",
            more.line
        ),
    };
    Err(Error::new(ErrorKind::Usage, format!("the file {} {wrong}", path.display())))
}

/// The methods for scripts and files of whatever lends connections. The receiver, the type of the source and
/// the source follow.
#[doc(hidden)]
#[macro_export]
macro_rules! file_methods {
    ($(#[$attribute:meta])* ($($receiver:tt)+) -> $source:ty, $make:expr) => {
        /// A script of several statements, without parameters, not yet run. All of it is kept or none,
        /// unless [`each`]($crate::Script::each) is asked for. Ends with `run`.
        $(#[$attribute])*
        pub fn script<'a>(
            $($receiver)+,
            text: impl Into<std::borrow::Cow<'a, str>>,
        ) -> $crate::Script<'a, $source> {
            $crate::Script::new($make, text)
        }

        /// As [`script`](Self::script), of the statements in a file of UTF-8, which is read when the
        /// script is run.
        $(#[$attribute])*
        pub fn script_file<'a>(
            $($receiver)+,
            path: impl Into<std::path::PathBuf>,
        ) -> $crate::Script<'a, $source> {
            $crate::Script::file($make, path)
        }

        /// Reads the one statement in a file of UTF-8, and prepares it with `params` as `query` does.
        /// A semicolon after it is left out.
        ///
        /// # Errors
        /// That of reading the file, which names the path;
        /// [`ErrorKind::Usage`](wellspring_connector::ErrorKind::Usage) when it does not have exactly one
        /// statement.
        $(#[$attribute])*
        pub fn query_file(
            $($receiver)+,
            path: impl AsRef<std::path::Path> + Send,
            params: impl wellspring_connector::IntoParams,
        ) -> impl Future<Output = wellspring_connector::Result<wellspring_connector::Query<$source>>> + Send
        {
            let source = $make;
            let params = params.into_params();
            async move { $crate::query_file(source, path.as_ref(), params).await }
        }

        /// The rows of a statement as CSV, not yet read. Ends with `to_file` or `to_writer`.
        $(#[$attribute])*
        pub fn to_csv<'q>(
            $($receiver)+,
            sql: impl Into<wellspring_connector::Sql<'q>>,
            params: impl wellspring_connector::IntoParams,
        ) -> $crate::csv::CsvExport<'_> {
            $crate::csv::CsvExport::new(wellspring_connector::Query::new($make, sql, params).stream())
        }

        /// A load of many rows into a table, `"t"`, `"schema.t"` or `"t(a, b)"`, not yet run: from a file
        /// or anything else that holds CSV, from a select, or from the rows of another query. All rows
        /// are kept or none. Ends with `run`.
        $(#[$attribute])*
        pub fn bulk_load<'a>($($receiver)+, table: &str) -> $crate::BulkLoad<'a, $source> {
            $crate::BulkLoad::new($make, table)
        }
    };
}
