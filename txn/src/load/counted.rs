//! Rows that are counted on their way.

use std::task::{Context, Poll, ready};

use wellspring_connector::{BulkSink, BulkSource, Result};

use crate::csv::CsvProgress;
use crate::progress::Progress;

/// A source of rows that tells how many it gave.
pub(super) struct Counted<'a, B> {
    inner: B,
    rows: u64,
    every: u64,
    progress: Progress<'a, CsvProgress>,
}

impl<'a, B: BulkSource> Counted<'a, B> {
    pub(super) fn new(inner: B, every: u64, progress: Progress<'a, CsvProgress>) -> Self {
        Self { inner, rows: 0, every, progress }
    }

    /// All `rows` are in.
    pub(super) fn over(&mut self, rows: u64) -> u64 {
        self.progress.tell(&CsvProgress { rows, ..CsvProgress::default() });
        rows
    }
}

impl<B: BulkSource> BulkSource for Counted<'_, B> {
    fn poll_row(&mut self, cx: &mut Context<'_>, sink: &mut dyn BulkSink) -> Poll<Result<bool>> {
        let more = ready!(self.inner.poll_row(cx, sink))?;
        self.rows += u64::from(more);
        if more && self.rows.is_multiple_of(self.every) {
            self.progress.tell(&CsvProgress { rows: self.rows, ..CsvProgress::default() });
        }
        Poll::Ready(Ok(more))
    }
}
