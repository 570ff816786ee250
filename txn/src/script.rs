//! Scripts: several statements from one text, run one after another.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use wellspring_connector::{
    Dialect, Error, ErrorKind, ExecResult, Lease, Lexer, Result, ScriptStatement, SessionState,
    Source, TokenKind, script_statements,
};

use crate::atomic::Atomic;
use crate::file;
use crate::progress::Progress;

/// A script, not yet run: from `script` and `script_file` of a database, a transaction or a connection.
///
/// The statements are found as [`script_statements`] says, each database's own rules included
/// (`DELIMITER`, `GO`, `/`). They take no parameters, and rows they return are discarded. The database's
/// default statement timeout does not bound them.
///
/// By default the script is kept as a whole or not at all: it runs in a transaction of its own, or in a
/// savepoint where a transaction is open. It must not begin or end transactions then. Two things no
/// transaction can undo: what the database does outside of it (sequences, files), and statements that
/// commit by themselves, as MySQL, MariaDB and Oracle do with every `create`, `alter` and `drop`. What
/// stands before such a statement is kept with it; the statements after it are a transaction of their own
/// again, and the error says so.
///
/// ```no_run
/// # async fn migrate<S: wellspring_connector::Source>(
/// #     script: wellspring_txn::Script<'_, S>,
/// # ) -> wellspring_connector::Result<()> {
/// let report = script.progress(|done| println!("{} of {}", done.statements, done.total)).run().await?;
/// println!("{} statements, {} rows", report.statements.len(), report.rows_affected);
/// # Ok(()) }
/// ```
#[must_use = "a script does nothing until it is run"]
pub struct Script<'a, S> {
    source: S,
    text: Text<'a>,
    mode: Mode,
    progress: Progress<'a, ScriptProgress>,
}

enum Text<'a> {
    Given(Cow<'a, str>),
    File(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All or nothing.
    Whole,
    /// Statement by statement, to the first error.
    Each,
    /// Statement by statement, whatever happens.
    GoOn,
}

/// How far a script has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScriptProgress {
    /// The statements run so far, those that failed included.
    pub statements: usize,
    /// All statements of the script.
    pub total: usize,
    /// The rows affected so far.
    pub rows_affected: u64,
    /// The line of the statement run last, counted from 1.
    pub line: u32,
}

/// What became of a script.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ScriptReport {
    /// Its statements, in their order.
    pub statements: Vec<ScriptOutcome>,
    /// The rows that all of them affected.
    pub rows_affected: u64,
}

impl ScriptReport {
    /// The errors, in order: there are some only after
    /// [`continue_on_error`](Script::continue_on_error).
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        self.statements.iter().filter_map(|statement| statement.result.as_ref().err())
    }
}

/// What became of one statement of a script.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ScriptOutcome {
    /// The byte of the script at which its code begins.
    pub offset: usize,
    /// Its line, counted from 1.
    pub line: u32,
    /// Its column in that line, in characters, counted from 1.
    pub column: u32,
    /// What it did, or why it failed.
    pub result: Result<ExecResult>,
}

impl<'a, S: Source> Script<'a, S> {
    /// The script `text`, to run on a connection of `source`.
    pub fn new(source: S, text: impl Into<Cow<'a, str>>) -> Self {
        Self::of(source, Text::Given(text.into()))
    }

    /// The script in a file of UTF-8, which is read when it is run.
    pub fn file(source: S, path: impl Into<PathBuf>) -> Self {
        Self::of(source, Text::File(path.into()))
    }

    fn of(source: S, text: Text<'a>) -> Self {
        Self { source, text, mode: Mode::Whole, progress: Progress::nobody() }
    }

    /// Runs each statement by itself: those before one that fails are kept. The script may begin and
    /// end transactions then; one that it leaves open is rolled back.
    pub fn each(mut self) -> Self {
        if self.mode == Mode::Whole {
            self.mode = Mode::Each;
        }
        self
    }

    /// As [`each`](Self::each), and goes on after a statement that fails: its error is in the report.
    /// Inside a transaction such a statement is undone by a savepoint, unless it is about the transaction
    /// or a savepoint itself. A lost connection ends it nevertheless.
    pub fn continue_on_error(mut self) -> Self {
        self.mode = Mode::GoOn;
        self
    }

    /// Calls `listener` after each statement. It should be quick: the script waits for it. If it
    /// panics it is not called again, and the script goes on.
    pub fn progress(mut self, listener: impl FnMut(&ScriptProgress) + Send + 'a) -> Self {
        self.progress = Progress::new(listener);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// That of reading the file, which names the path; [`ErrorKind::Syntax`] for a `DELIMITER` line that
    /// is wrong and [`ErrorKind::Usage`] for a statement that begins or ends a transaction in a script
    /// that is one, both before anything is run; why there is no connection; the failing statement's,
    /// whose [`operation`](Error::operation) is its index and whose message has its line and column.
    ///
    /// # Cancel safety
    /// Dropping the future undoes a script that is kept as a whole. Statement by statement, those that
    /// were run are kept.
    pub async fn run(self) -> Result<ScriptReport> {
        let database = self.source.translator().database().cloned();
        self.run_unnamed().await.map_err(|error| error.or_database(database.as_ref()))
    }

    async fn run_unnamed(self) -> Result<ScriptReport> {
        let Self { source, text, mode, progress } = self;
        let text = match text {
            Text::Given(text) => text,
            Text::File(path) => Cow::Owned(file::text_of(&path).await?),
        };
        let dialect = source.translator().dialect();
        let statements = script_statements(dialect, &text).collect::<Result<Vec<_>>>()?;
        if mode == Mode::Whole {
            check(dialect, &statements)?;
        }
        let mut run = Run { statements: &statements, report: ScriptReport::default(), progress };
        if statements.is_empty() {
            return Ok(run.report);
        }
        let mut lease = source.lease().await?;
        match mode {
            Mode::Whole => run.whole(&mut lease).await?,
            Mode::Each | Mode::GoOn => run.each(&mut lease, mode == Mode::GoOn).await?,
        }
        Ok(run.report)
    }
}

impl<S> fmt::Debug for Script<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Script");
        match &self.text {
            // The text may hold secrets.
            Text::Given(text) => out.field("bytes", &text.len()),
            Text::File(path) => out.field("path", path),
        };
        out.field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// A script on its way.
struct Run<'r, 'a> {
    statements: &'r [ScriptStatement<'r>],
    report: ScriptReport,
    progress: Progress<'a, ScriptProgress>,
}

impl Run<'_, '_> {
    async fn whole(&mut self, lease: &mut impl Lease) -> Result<()> {
        let statements = self.statements;
        let mut atomic = Atomic::begin(lease).await?;
        // The statements before this one cannot be undone any more.
        let mut kept = 0;
        for (index, statement) in statements.iter().enumerate() {
            let ran = match atomic.reopen().await {
                Ok(()) => atomic.execute_text(statement.text).await,
                Err(error) => Err(error),
            };
            match ran {
                Ok(done) => {
                    if !atomic.is_open() {
                        kept = index + 1;
                    }
                    if kept > index && atomic.is_inside() {
                        let ended = Error::new(
                            ErrorKind::Usage,
                            "the statement ended the transaction that the script is a part of",
                        );
                        atomic.undo().await;
                        return Err(placed(ended, index, statement));
                    }
                    self.note(statement, Ok(done));
                }
                Err(error) => {
                    atomic.undo().await;
                    let error = match kept {
                        0 => error,
                        // The message's other end is the database's.
                        kept => error.context(format_args!(
                            "the statements before {kept} are kept, as the database committed them \
                             by itself"
                        )),
                    };
                    return Err(placed(error, index, statement));
                }
            }
        }
        atomic.keep().await
    }

    async fn each(&mut self, lease: &mut impl Lease, go_on: bool) -> Result<()> {
        let statements = self.statements;
        for (index, statement) in statements.iter().enumerate() {
            let by_itself = ends_savepoints(lease.connection().dialect(), statement.text);
            let ran = if go_on && lease.depth().is_some() && !by_itself {
                in_savepoint(lease, statement.text).await
            } else {
                let started = Instant::now();
                let ran = lease.connection().execute_text(statement.text).await;
                lease.finished(started.elapsed(), ran.as_ref().map(drop));
                ran
            };
            let ran = ran.map_err(|error| placed(error, index, statement));
            match ran {
                Err(error) if !go_on || error.is_connection_lost() => {
                    self.abandon(lease);
                    return Err(error);
                }
                ran => self.note(statement, ran),
            }
        }
        self.abandon(lease);
        Ok(())
    }

    /// A transaction that the script left open on a connection that was clean is rolled back by the
    /// lender, whatever it does with open transactions otherwise.
    fn abandon(&self, lease: &mut impl Lease) {
        let open = matches!(
            lease.connection().state(),
            SessionState::InTransaction | SessionState::Failed
        );
        if open && lease.depth().is_none() {
            lease.abandon();
        }
    }

    fn note(&mut self, statement: &ScriptStatement<'_>, result: Result<ExecResult>) {
        if let Ok(done) = &result {
            self.report.rows_affected =
                self.report.rows_affected.saturating_add(done.rows_affected);
        }
        let ScriptStatement { offset, line, column, .. } = *statement;
        self.report.statements.push(ScriptOutcome { offset, line, column, result });
        self.progress.tell(&ScriptProgress {
            statements: self.report.statements.len(),
            total: self.statements.len(),
            rows_affected: self.report.rows_affected,
            line,
        });
    }
}

/// Runs a statement so that the transaction it is in survives its failure.
async fn in_savepoint(lease: &mut impl Lease, text: &str) -> Result<ExecResult> {
    let mut atomic = Atomic::begin(lease).await?;
    let done = atomic.execute_text(text).await;
    atomic.end(done).await
}

/// Says where the statement stands.
fn placed(error: Error, index: usize, statement: &ScriptStatement<'_>) -> Error {
    let ScriptStatement { line, column, .. } = statement;
    error.context(format_args!("line {line}, column {column}")).at_operation("statement", index)
}

/// Refuses statements that begin or end transactions.
fn check(dialect: &Dialect, statements: &[ScriptStatement<'_>]) -> Result<()> {
    let found = statements.iter().enumerate().find(|(_, one)| controls(dialect, one.text));
    let Some((index, statement)) = found else { return Ok(()) };
    let error = Error::new(
        ErrorKind::Usage,
        "a script that is kept as a whole is one transaction, and cannot begin or end any: `each` runs \
         its statements one by one",
    );
    Err(placed(error, index, statement))
}

/// True for a statement that a savepoint around it would not outlive, or that sets one which would not
/// outlive it.
fn ends_savepoints(dialect: &Dialect, text: &str) -> bool {
    let first = Lexer::new(dialect, text)
        .find(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment));
    let about_savepoints = first.is_some_and(|token| {
        ["savepoint", "release", "rollback", "save"]
            .iter()
            .any(|word| token.text.eq_ignore_ascii_case(word))
    });
    about_savepoints || controls(dialect, text)
}

/// True for a statement that begins or ends a transaction.
pub(crate) fn controls(dialect: &Dialect, text: &str) -> bool {
    let mut words = Lexer::new(dialect, text)
        .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
        .take(3)
        .map(|token| token.text.to_ascii_lowercase());
    let (first, second, third) = (words.next(), words.next(), words.next());
    let second = second.as_deref().unwrap_or("");
    let to = |word: &str| word == "to";
    match first.as_deref().unwrap_or("") {
        "commit" => true,
        "rollback" => !to(second) && !third.as_deref().is_some_and(to),
        "start" | "prepare" => second == "transaction",
        "abort" => dialect.name == "postgres",
        "end" => matches!(dialect.name, "postgres" | "sqlite"),
        "begin" => match dialect.name {
            // Blocks begin so, too.
            "mssql" => matches!(second, "tran" | "transaction" | "distributed"),
            "oracle" | "db2" => false,
            _ => second != "not" || third.as_deref() != Some("atomic"),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_and_ends_transactions_is_known() {
        for text in [
            "begin",
            "BEGIN immediate",
            "-- x\nCommit work",
            "rollback",
            "end",
            "abort",
            "start transaction read only",
            "rollback and chain",
            "prepare transaction 'a'",
        ] {
            assert!(controls(&Dialect::POSTGRES, text), "{text}");
        }
        for text in [
            "rollback to a",
            "rollback work to savepoint a",
            "select 'begin'",
            "prepare a as b",
            "savepoint a",
            "beginning",
        ] {
            assert!(!controls(&Dialect::POSTGRES, text), "{text}");
        }
        assert!(!controls(&Dialect::MARIADB, "begin not atomic select 1; end"));
        assert!(!controls(&Dialect::ORACLE, "begin null; end;"));
        assert!(controls(&Dialect::MSSQL, "begin tran"));
        assert!(!controls(&Dialect::MSSQL, "begin try select 1 end try"));
    }
}
