//! Opening a connection and giving it its settings, at connect and again at a reset.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use wellspring_connector::{Error, ErrorKind, Result};

use crate::errors::{During, convert, is_busy};
use crate::execute::handoff;
use crate::execute::wait::{Patience, Waiting, block_on_until};
use crate::gate::{Pass, Share, Shared};
use crate::options::{JournalMode, Location, OpenMode, SqliteOptions, Words};
use crate::raw::wal_hook;
use crate::session::{Common, Control, Session, gate_closed};

/// The version in which memory databases of the `memdb` file system can be shared.
const MEMDB: i32 = 3_036_000;

/// Opens one connection to a file. Blocks.
pub(crate) fn open_file(common: &Arc<Common>, path: &Path) -> Result<Session> {
    let options = &common.options;
    check_path(path, options)?;
    let access = match options.mode {
        OpenMode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
        OpenMode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        OpenMode::ReadWriteCreate => {
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
        }
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(at_connect)?;
    let shared = shared_of(path)?;
    prepare(common, shared, connection)
}

/// True while the read lease of a file is held.
pub(crate) fn holds_lease(path: &Path) -> Result<bool> {
    let shared = shared_of(path)?;
    Ok(shared.lease.as_ref().is_some_and(crate::lease::Lease::is_held))
}

/// What all connections of this process to the file share.
fn shared_of(path: &Path) -> Result<Arc<Shared>> {
    Shared::of_file(path).map_err(|error| {
        Error::new(
            ErrorKind::ConnectUnknownDatabase,
            format!("the database file {path:?} cannot be found: {error}"),
        )
        .with_source(error)
    })
}

/// Opens one connection to the memory database `name`. Blocks shortly. The caller holds a place at
/// its gate: even a look at the settings waits for a writer.
pub(crate) fn open_memory(
    common: &Arc<Common>,
    shared: Arc<Shared>,
    name: &str,
) -> Result<Session> {
    prepare(common, shared, open_memdb(name)?)
}

/// Opens the memory database `name`, which lives as long as any connection to it.
pub(crate) fn open_memdb(name: &str) -> Result<Connection> {
    if rusqlite::version_number() < MEMDB {
        return Err(Error::unsupported(format_args!(
            "a shared memory database with SQLite {}; version 3.36 has it, and",
            rusqlite::version()
        )));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(name, flags, "memdb").map_err(at_connect)
}

fn prepare(common: &Arc<Common>, shared: Arc<Shared>, connection: Connection) -> Result<Session> {
    let mut connection = Box::new(connection);
    let options = &common.options;
    connection.set_prepared_statement_cache_capacity(options.statement_cache);
    let control = Arc::new(Control::new(&connection));
    hook(&mut connection, &control)?;
    let mut patience = Patience::new(Waiting::Thread, options.busy_timeout);
    let log = journal(&connection, options, &shared, &mut patience)?;
    if log {
        wal_hook::observe(&connection);
    }
    settings(&connection, options).map_err(at_connect)?;
    Ok(Session::new(connection, Arc::clone(common), shared, control, !log))
}

/// Gives a session back the settings it had after connecting: the options, hooks and timeouts.
/// Other databases are detached and temporary objects dropped.
pub(crate) fn restore(session: &mut Session) -> Result<()> {
    let options = &session.state.common.options;
    let connection = &mut session.connection;
    hook(connection, &session.state.control)?;
    if session.state.has_log() {
        wal_hook::observe(connection);
    }
    settings(connection, options)
        .and_then(|()| detach(connection))
        .and_then(|()| drop_temporary(connection))
        .map_err(|error| convert(error, During::Run))?;
    session.state.tainted = false;
    Ok(())
}

/// Installs what stops a statement, or hands its worker over.
fn hook(connection: &mut Connection, control: &Arc<Control>) -> Result<()> {
    let control = Arc::clone(control);
    connection
        .progress_handler(handoff::OPCODES, Some(move || control.is_cancelled() || handoff::tick()))
        .map_err(at_connect)
}

/// Sets the journal mode; true when it is a write-ahead log.
fn journal(
    connection: &Connection,
    options: &SqliteOptions,
    shared: &Shared,
    patience: &mut Patience,
) -> Result<bool> {
    connection.busy_timeout(Duration::ZERO).map_err(at_connect)?;
    let ask = |patience: &mut Patience, pragma: &str| -> Result<String> {
        loop {
            match connection.query_row(pragma, [], |row| row.get::<_, String>(0)) {
                Ok(mode) => return Ok(mode),
                Err(error) if is_busy(&error) && patience.pause_here() => {}
                Err(error) => return Err(at_connect(error)),
            }
        }
    };
    // Reads the file's header, so that what is no database shows at once.
    loop {
        match connection.query_row("pragma schema_version", [], |_| Ok(())) {
            Ok(()) => break,
            Err(error) if is_busy(&error) && patience.pause_here() => {}
            Err(error) => return Err(at_connect(error)),
        }
    }
    let mode = ask(patience, "pragma journal_mode")?;
    let wanted = options.wanted_journal_mode();
    let fixed = connection.is_readonly("main").map_err(at_connect)?;
    if fixed || mode.eq_ignore_ascii_case(wanted.word()) {
        return Ok(mode.eq_ignore_ascii_case(JournalMode::Wal.word()));
    }
    // Changing the mode needs the file alone.
    let _pass = match options.location {
        Location::Memory => None,
        Location::File(_) => Some(pass_here(shared, Share::Write, options)?),
    };
    if let Some(lease) = &shared.lease {
        lease.end(options.busy_timeout);
    }
    let mode = ask(patience, &format!("pragma journal_mode = {wanted}"))?;
    if !mode.eq_ignore_ascii_case(wanted.word()) {
        return Err(Error::new(
            ErrorKind::Config,
            format!("journal_mode={wanted} was refused by SQLite: the database stays in `{mode}`"),
        ));
    }
    Ok(wanted == JournalMode::Wal)
}

/// Waits at the gate on this thread.
fn pass_here(shared: &Shared, share: Share, options: &SqliteOptions) -> Result<Pass> {
    if let Some(pass) = shared.gate.try_pass(share) {
        return Ok(pass);
    }
    let limit = options.busy_timeout;
    let deadline = Instant::now() + limit.min(Duration::from_secs(3600));
    block_on_until(deadline, shared.gate.pass(share)).ok_or_else(|| gate_closed(share, limit))
}

fn settings(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    // Waiting is ours: SQLite would sleep on the worker.
    connection.busy_timeout(Duration::ZERO)?;
    connection.execute_batch(&format!(
        "pragma synchronous = {}; pragma cache_size = {}; pragma foreign_keys = {}; \
         pragma query_only = 0",
        options.synchronous,
        options.cache_size,
        if options.foreign_keys { "on" } else { "off" },
    ))
}

fn detach(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection
        .prepare("select name from pragma_database_list where name not in ('main', 'temp')")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names: Vec<String> = names.collect::<rusqlite::Result<_>>()?;
    drop(statement);
    for name in names {
        connection.execute_batch(&format!("detach {}", quoted(&name)))?;
    }
    Ok(())
}

fn drop_temporary(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(
        "select type, name from sqlite_temp_master \
         where type in ('trigger', 'view', 'table') and name not like 'sqlite\\_%' escape '\\' \
         order by type desc",
    )?;
    let objects =
        statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let objects: Vec<(String, String)> = objects.collect::<rusqlite::Result<_>>()?;
    drop(statement);
    for (kind, name) in objects {
        // Dropping a table drops its triggers.
        connection.execute_batch(&format!("drop {kind} if exists temp.{}", quoted(&name)))?;
    }
    Ok(())
}

fn quoted(name: &str) -> String {
    wellspring_connector::Dialect::SQLITE.quote_identifier(name)
}

/// Finds out why a path cannot be opened before SQLite says only that it cannot.
fn check_path(path: &Path, options: &SqliteOptions) -> Result<()> {
    let mode = options.mode;
    let fail =
        |message: String| Err(Error::new(ErrorKind::ConnectUnknownDatabase, message + &hint(path)));
    if path.is_dir() {
        return fail(format!("{path:?} is a directory, not a database file"));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if options.create_dirs {
        // Also where it is there, which shows what else is in its place.
        std::fs::create_dir_all(directory).map_err(|error| {
            Error::new(
                ErrorKind::ConnectUnknownDatabase,
                format!(
                    "the directory {directory:?} of the database file {path:?} could not be made: \
                     {error}"
                ),
            )
            .with_source(error)
        })?;
    }
    if directory.exists() && !directory.is_dir() {
        return fail(format!(
            "{directory:?} is not a directory, so that the database file {path:?} cannot be in it"
        ));
    }
    if !directory.is_dir() {
        return fail(format!(
            "the directory {directory:?} of the database file {path:?} does not exist; it is made \
             only with create_dirs=on"
        ));
    }
    if mode != OpenMode::ReadWriteCreate && !path.exists() {
        return fail(format!(
            "the database file {path:?} does not exist, and mode={mode} does not create it"
        ));
    }
    Ok(())
}

/// A relative path that exists as an absolute one was probably meant as such.
fn hint(path: &Path) -> String {
    if path.is_absolute() {
        return String::new();
    }
    let absolute = Path::new("/").join(path);
    let directory = absolute.parent().filter(|parent| parent.parent().is_some());
    if !absolute.is_file() && !directory.is_some_and(Path::is_dir) {
        return String::new();
    }
    format!("; the absolute path takes four slashes: `sqlite:///{}`", absolute.display())
}

fn at_connect(error: rusqlite::Error) -> Error {
    convert(error, During::Connect)
}

/// The file of a database, for [`open_file`].
pub(crate) fn path_of(options: &SqliteOptions) -> Option<&Path> {
    match &options.location {
        Location::File(path) => Some(path),
        Location::Memory => None,
    }
}
