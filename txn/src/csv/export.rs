//! The rows of a query on their way into a file.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use wellspring_connector::{Error, ErrorKind, Query, Result, RowStream, Source};

use super::CsvOptions;
use super::write::Writer;
use crate::Select;
use crate::file::failed;
use crate::progress::Progress;

/// How many bytes are written at a time.
const CHUNK: usize = 64 * 1024;

/// How many rows pass between two calls of a progress callback, unless it is said.
pub(crate) const EVERY: u64 = 10_000;

/// Rows that can be written as CSV: of a query, a select, a stream.
pub trait ToCsv<'s> {
    /// The rows as CSV, not yet read.
    ///
    /// ```no_run
    /// # use wellspring_connector::{Query, Result, Source};
    /// use wellspring_txn::csv::{CsvOptions, ToCsv};
    ///
    /// # async fn export(query: Query<impl Source>) -> Result<()> {
    /// let report = query.to_csv().options(CsvOptions::new().null("\\N")).to_file("orders.csv").await?;
    /// println!("{} rows, {} bytes", report.rows, report.bytes);
    /// # Ok(()) }
    /// ```
    fn to_csv(self) -> CsvExport<'s>;
}

impl<'s> ToCsv<'s> for RowStream<'s> {
    fn to_csv(self) -> CsvExport<'s> {
        CsvExport::new(self)
    }
}

impl<'s, S: Source<Lease: 's> + 's> ToCsv<'s> for Query<S> {
    fn to_csv(self) -> CsvExport<'s> {
        CsvExport::new(self.stream())
    }
}

impl<'s, S: Source<Lease: 's> + 's> ToCsv<'s> for Select<S> {
    fn to_csv(self) -> CsvExport<'s> {
        CsvExport::new(self.stream())
    }
}

/// The rows of a query as CSV, not yet read.
///
/// Values are written so that nothing is lost: decimals exactly, dates and times as ISO 8601 has them,
/// bytes as `\x` and hex digits, booleans as `true` and `false`, JSON as its text, arrays as JSON, what is
/// the database's own as its text. Memory stays bounded: rows are read as fast as they are written.
#[must_use = "an export does nothing until it is written somewhere"]
pub struct CsvExport<'s> {
    rows: RowStream<'s>,
    options: CsvOptions,
    abort: bool,
    every: u64,
    progress: Progress<'s, CsvProgress>,
}

/// How far an export or a load has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CsvProgress {
    /// The rows so far, without the header.
    pub rows: u64,
    /// The bytes written, or read, so far.
    pub bytes: u64,
}

/// What was written.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CsvReport {
    /// The rows, without the header.
    pub rows: u64,
    /// The bytes, with the header.
    pub bytes: u64,
    /// The rows left out because they could not be written: see
    /// [`abort_on_error`](CsvExport::abort_on_error).
    pub skipped: u64,
    /// Why the first of these could not be.
    pub first_error: Option<Error>,
}

impl<'s> CsvExport<'s> {
    /// The rows of a stream.
    pub fn new(rows: RowStream<'s>) -> Self {
        let options = CsvOptions::new();
        Self { rows, options, abort: true, every: EVERY, progress: Progress::nobody() }
    }

    /// How the CSV is to be.
    pub fn options(mut self, options: CsvOptions) -> Self {
        self.options = options;
        self
    }

    /// Whether a row with a value that cannot be read or written ends the export, which is the default.
    /// Otherwise it is left out and counted. What the database reports ends the export either way.
    pub fn abort_on_error(mut self, abort: bool) -> Self {
        self.abort = abort;
        self
    }

    /// Calls `listener` after each `rows` rows and at the end. It should be quick: the export waits for
    /// it. If it panics it is not called again, and the export goes on.
    pub fn progress(mut self, rows: u64, listener: impl FnMut(&CsvProgress) + Send + 's) -> Self {
        self.every = rows.max(1);
        self.progress = Progress::new(listener);
        self
    }

    /// Writes to the file at `path`, which is created, or replaced, with the permissions it had. All is written
    /// to another file beside it first: when the export fails or its future is dropped, `path` is as it was before.
    ///
    /// # Errors
    /// Those of [`to_writer`](Self::to_writer), with the path.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<CsvReport> {
        let path = path.as_ref();
        // Before a file is made.
        self.options.check()?;
        let beside = Beside::of(path)?;
        let mut created = tokio::fs::OpenOptions::new();
        created.write(true).create_new(true);
        let created = created.open(&beside.path).await;
        let mut file = created.map_err(|error| failed("create", &beside.path, error))?;
        // Who may not read the file that is replaced may not read the new one.
        #[cfg(unix)]
        if let Ok(replaced) = tokio::fs::metadata(path).await {
            let set = file.set_permissions(replaced.permissions()).await;
            set.map_err(|error| failed("create", &beside.path, error))?;
        }
        let report = self.write(&mut file, Some(path)).await?;
        file.sync_all().await.map_err(|error| failed("write", path, error))?;
        drop(file);
        let renamed = tokio::fs::rename(&beside.path, path).await;
        renamed.map_err(|error| failed("replace", path, error))?;
        beside.keep();
        Ok(report)
    }

    /// Writes to `writer`, which is flushed at the end, and not closed.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for options that do not go together; the query's;
    /// [`ErrorKind::Encode`] with the row, from 0, for a value that has no text, or none in the encoding;
    /// that of writing.
    ///
    /// # Cancel safety
    /// What was written before the future is dropped stays written.
    pub async fn to_writer(self, mut writer: impl AsyncWrite + Unpin + Send) -> Result<CsvReport> {
        self.options.check()?;
        self.write(&mut writer, None).await
    }

    async fn write<W>(self, writer: &mut W, path: Option<&Path>) -> Result<CsvReport>
    where
        W: AsyncWrite + Unpin + Send,
    {
        let Self { mut rows, options, abort, every, mut progress } = self;
        let failed = |error: std::io::Error| match path {
            Some(path) => failed("write", path, error),
            None => {
                Error::new(ErrorKind::Other, format!("cannot write: {error}")).with_source(error)
            }
        };
        let mut header = options.header;
        let mut out = Writer::new(options);
        let mut report = CsvReport::default();
        loop {
            let row = rows.next().await?;
            if std::mem::take(&mut header)
                && let Some(columns) = rows.columns()
            {
                out.header(columns)?;
            }
            if let Some(row) = &row {
                match out.row(row) {
                    Ok(()) => report.rows += 1,
                    Err(error) => {
                        let index = usize::try_from(report.rows + report.skipped);
                        let error = error.at_operation("row", index.unwrap_or(usize::MAX));
                        if abort {
                            return Err(error);
                        }
                        report.skipped += 1;
                        report.first_error.get_or_insert(error);
                    }
                }
            }
            if out.out.len() >= CHUNK || row.is_none() {
                writer.write_all(&out.out).await.map_err(failed)?;
                report.bytes += out.out.len() as u64;
                out.out.clear();
            }
            if row.is_none() {
                break;
            }
            if report.rows > 0 && report.rows.is_multiple_of(every) {
                let bytes = report.bytes + out.out.len() as u64;
                progress.tell(&CsvProgress { rows: report.rows, bytes });
            }
        }
        writer.flush().await.map_err(failed)?;
        progress.tell(&CsvProgress { rows: report.rows, bytes: report.bytes });
        Ok(report)
    }
}

impl fmt::Debug for CsvExport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvExport").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A file beside another, removed unless it is kept.
struct Beside {
    path: PathBuf,
    kept: bool,
}

impl Beside {
    fn of(path: &Path) -> Result<Self> {
        let Some(name) = path.file_name() else {
            let message = format!("{} is not the path of a file", path.display());
            return Err(Error::new(ErrorKind::Usage, message));
        };
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{:016x}.part", fastrand::u64(..)));
        Ok(Self { path: path.with_file_name(beside), kept: false })
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "half a file is left behind");
        }
    }
}
