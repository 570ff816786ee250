//! Bulk inserts for databases without a path of their own: inserts of many rows each.

use std::future::poll_fn;

use crate::{
    BulkSink, BulkSource, BulkTarget, Command, Connection, Result, SavepointOp, SessionState,
    TransactionOptions, Value, ValueRef,
};

/// What is set where a transaction is open.
const SAVEPOINT: &str = "wellspring_rows";

/// The most rows of one statement: more gain nothing, and make the text long.
const MAX_ROWS: usize = 500;

/// Inserts `rows` in a transaction of its own, or in a savepoint where one is open.
pub(crate) async fn insert<C: Connection + ?Sized>(
    connection: &mut C,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    into.check()?;
    if connection.state() == SessionState::InTransaction {
        return in_savepoint(connection, into, rows).await;
    }
    connection.begin(TransactionOptions::new()).await?;
    match chunks(connection, into, rows).await {
        Ok(count) => {
            connection.commit().await?;
            Ok(count)
        }
        Err(error) => {
            // The first failure is the one to report; what is still open is seen by `state`.
            if let Err(error) = connection.rollback().await {
                tracing::debug!(%error, "rolling a failed bulk insert back failed");
            }
            Err(error)
        }
    }
}

async fn in_savepoint<C: Connection + ?Sized>(
    connection: &mut C,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    connection.savepoint(SavepointOp::Create, SAVEPOINT).await?;
    let inserted = chunks(connection, into, rows).await;
    if let Err(error) = &inserted
        && !error.is_connection_lost()
        && let Err(error) = connection.savepoint(SavepointOp::RollbackTo, SAVEPOINT).await
    {
        // The first failure is the one to report.
        tracing::debug!(%error, "undoing a failed bulk insert failed");
        return inserted;
    }
    match connection.savepoint(SavepointOp::Release, SAVEPOINT).await {
        Err(error) if inserted.is_ok() => Err(error),
        _ => inserted,
    }
}

async fn chunks<C: Connection + ?Sized>(
    connection: &mut C,
    into: &BulkTarget,
    rows: &mut dyn BulkSource,
) -> Result<u64> {
    let width = into.columns.len();
    let most = (connection.dialect().max_parameters / width).clamp(1, MAX_ROWS);
    let mut full_text = None;
    let mut count = 0;
    loop {
        let mut chunk = Chunk(Vec::with_capacity(most * width));
        while chunk.0.len() < most * width {
            let before = chunk.0.len();
            if !poll_fn(|cx| rows.poll_row(cx, &mut chunk)).await? {
                break;
            }
            into.check_width(chunk.0.len() - before)?;
        }
        let length = chunk.0.len() / width;
        if length == 0 {
            return Ok(count);
        }
        let text = if length == most {
            full_text.get_or_insert_with(|| statement(connection, into, most)).clone()
        } else {
            statement(connection, into, length)
        };
        connection.execute(Command::new(&text, &chunk.0)).await?;
        count += length as u64;
    }
}

fn statement<C: Connection + ?Sized>(connection: &C, into: &BulkTarget, rows: usize) -> String {
    let dialect = connection.dialect();
    let mut text = format!(
        "insert into {} ({}) values ",
        into.quoted_table(dialect),
        into.quoted_columns(dialect)
    );
    let mut number = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..into.columns.len() {
            if column > 0 {
                text.push_str(", ");
            }
            number += 1;
            dialect.write_marker(&mut text, number);
        }
        text.push(')');
    }
    text
}

/// The values of the rows of one statement.
struct Chunk(Vec<Value>);

impl BulkSink for Chunk {
    fn value(&mut self, value: ValueRef<'_>) -> Result<()> {
        self.0.push(value.to_owned());
        Ok(())
    }
}
