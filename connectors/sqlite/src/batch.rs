//! A batch of rows as SQLite gave them: one arena for text and blobs, one cell for each value.

use wellspring_connector::{Columns, Error, ErrorKind, Result, RowBatch, ValueKind, ValueRef};

/// One value, sixteen bytes.
#[derive(Debug, Clone, Copy)]
enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text { length: u32, offset: u64 },
    Blob { length: u32, offset: u64 },
}

const _: () = assert!(size_of::<Cell>() == 16);

/// Rows being collected.
#[derive(Debug, Default)]
pub(crate) struct Collecting {
    cells: Vec<Cell>,
    arena: Vec<u8>,
    rows: usize,
}

impl Collecting {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.len() + self.cells.len() * size_of::<Cell>()
    }

    /// Copies one row out of SQLite.
    pub(crate) fn push(&mut self, row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<()> {
        for column in 0..columns {
            let cell = match row.get_ref(column)? {
                rusqlite::types::ValueRef::Null => Cell::Null,
                rusqlite::types::ValueRef::Integer(v) => Cell::Integer(v),
                rusqlite::types::ValueRef::Real(v) => Cell::Real(v),
                rusqlite::types::ValueRef::Text(bytes) => {
                    let (length, offset) = self.store(bytes);
                    Cell::Text { length, offset }
                }
                rusqlite::types::ValueRef::Blob(bytes) => {
                    let (length, offset) = self.store(bytes);
                    Cell::Blob { length, offset }
                }
            };
            self.cells.push(cell);
        }
        self.rows += 1;
        Ok(())
    }

    fn store(&mut self, bytes: &[u8]) -> (u32, u64) {
        let offset = self.arena.len() as u64;
        self.arena.extend_from_slice(bytes);
        let length = u32::try_from(bytes.len()).expect("SQLite's values are shorter than 2^31");
        (length, offset)
    }

    pub(crate) fn finish(self, columns: Columns) -> SqliteBatch {
        SqliteBatch { columns, cells: self.cells, arena: self.arena, rows: self.rows }
    }
}

/// A batch of rows.
pub(crate) struct SqliteBatch {
    columns: Columns,
    cells: Vec<Cell>,
    arena: Vec<u8>,
    rows: usize,
}

impl SqliteBatch {
    fn slice(&self, length: u32, offset: u64) -> &[u8] {
        let start = usize::try_from(offset).expect("the offset came from a usize");
        &self.arena[start..start + length as usize]
    }
}

impl std::fmt::Debug for SqliteBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteBatch")
            .field("columns", &self.columns.len())
            .field("rows", &self.rows)
            .field("bytes", &self.arena.len())
            .finish()
    }
}

impl RowBatch for SqliteBatch {
    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn value(&self, row: usize, column: usize) -> Result<ValueRef<'_>> {
        Ok(match self.cells[row * self.columns.len() + column] {
            Cell::Null => ValueRef::Null(ValueKind::Unknown),
            Cell::Integer(v) => ValueRef::I64(v),
            Cell::Real(v) => ValueRef::F64(v),
            Cell::Blob { length, offset } => ValueRef::Bytes(self.slice(length, offset)),
            Cell::Text { length, offset } => {
                let bytes = self.slice(length, offset);
                let text = std::str::from_utf8(bytes).map_err(|error| {
                    let name = &self.columns[column].name;
                    Error::new(
                        ErrorKind::Decode,
                        format!(
                            "column {column} `{name}`: the text is not UTF-8 after {} of {} bytes; \
                             `cast({name} as blob)` reads it as bytes",
                            error.valid_up_to(),
                            bytes.len(),
                        ),
                    )
                    .with_column(name.clone())
                    .with_source(error)
                })?;
                ValueRef::Text(text)
            }
        })
    }
}
