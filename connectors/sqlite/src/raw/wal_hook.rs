//! Hearing of commits to a write-ahead log, through SQLite's own interface: rusqlite's differs
//! between the versions this crate accepts.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

use rusqlite::{Connection, ffi};

thread_local! {
    /// The log's length, in pages, after the last commit on this thread.
    static COMMITTED: Cell<u32> = const { Cell::new(0) };
}

/// Makes `connection` report its commits to [`committed`]. This replaces SQLite's automatic
/// checkpoint, which is a hook of the same kind.
pub(crate) fn observe(connection: &Connection) {
    // SAFETY: the handle is valid while `connection` is borrowed, and is used for nothing else. The
    // hook gets no data, so nothing has to outlive anything, and is a function of this program,
    // which is there as long as SQLite is.
    unsafe {
        ffi::sqlite3_wal_hook(connection.handle(), Some(hook), std::ptr::null_mut());
    }
}

/// Called inside the committing statement, on its thread. Must not unwind: it does nothing that
/// could panic.
extern "C" fn hook(
    _data: *mut c_void,
    _connection: *mut ffi::sqlite3,
    _database: *const c_char,
    pages: c_int,
) -> c_int {
    COMMITTED.set(u32::try_from(pages).unwrap_or(0));
    ffi::SQLITE_OK
}

/// The log's length if the statement that just ran on this thread committed something.
pub(crate) fn committed() -> Option<u32> {
    match COMMITTED.replace(0) {
        0 => None,
        pages => Some(pages),
    }
}
