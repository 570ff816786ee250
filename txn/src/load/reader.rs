//! The rows of CSV, as a bulk insert takes them.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use wellspring_connector::{
    BulkSink, BulkSource, BulkTarget, Error, ErrorKind, Result, ValueKind, ValueRef,
};

use super::target::{Reading, unhex};
use crate::csv::{CsvOptions, CsvProgress, Parser, Record};
use crate::progress::Progress;

/// How many bytes are read at a time.
const CHUNK: usize = 64 * 1024;

/// How many records that do not follow their neighbour by a line are remembered.
const JUMPS: usize = 64 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads records, and gives them as rows.
pub(super) struct CsvSource<'a> {
    reader: Pin<Box<dyn AsyncRead + Send + 'a>>,
    options: CsvOptions,
    parser: Parser,
    record: Record,
    buf: Vec<u8>,
    /// How much of the buffer was parsed.
    at: usize,
    ended: bool,
    bytes: u64,
    readings: Vec<Reading>,
    into: String,
    rows: u64,
    lines: Lines,
    /// The error is this source's own, and says its line.
    failed: bool,
    every: u64,
    progress: Progress<'a, CsvProgress>,
}

impl<'a> CsvSource<'a> {
    /// The records of `reader`. The options were checked.
    pub(super) fn new(
        reader: Pin<Box<dyn AsyncRead + Send + 'a>>,
        options: CsvOptions,
        every: u64,
        progress: Progress<'a, CsvProgress>,
    ) -> Self {
        let parser = Parser::new(&options, options.skip_lines.saturating_add(1));
        Self {
            reader,
            options,
            parser,
            record: Record::default(),
            buf: Vec::new(),
            at: 0,
            ended: false,
            bytes: 0,
            readings: Vec::new(),
            into: String::new(),
            rows: 0,
            lines: Lines::default(),
            failed: false,
            every,
            progress,
        }
    }

    /// Reads what stands before the rows, and gives the names in the header, if there is to be one.
    pub(super) async fn open(&mut self) -> Result<Option<Vec<String>>> {
        while self.buf.len() < BYTE_ORDER_MARK.len() && !self.ended {
            poll_fn(|cx| self.poll_more(cx)).await?;
        }
        if self.buf.starts_with(BYTE_ORDER_MARK) {
            self.at = BYTE_ORDER_MARK.len();
        }
        let mut skipped = 0;
        while skipped < self.options.skip_lines {
            match self.buf[self.at..].iter().position(|&byte| byte == b'\n') {
                Some(end) => {
                    self.at += end + 1;
                    skipped += 1;
                }
                None => {
                    self.at = self.buf.len();
                    if self.ended {
                        break;
                    }
                    poll_fn(|cx| self.poll_more(cx)).await?;
                }
            }
        }
        if !self.options.header {
            return Ok(None);
        }
        if !poll_fn(|cx| self.poll_record(cx)).await? {
            return Err(Error::new(
                ErrorKind::Decode,
                "there is nothing to read, not even a header; one without is said by the options",
            ));
        }
        let names = (0..self.record.len())
            .map(|index| self.record.field(index, self.options.encoding).0.into_owned());
        Ok(Some(names.collect()))
    }

    /// Says what the rows go into.
    pub(super) fn begin(&mut self, into: &BulkTarget, readings: Vec<Reading>) {
        self.readings = readings;
        self.into = into.to_string();
    }

    /// All rows are in.
    pub(super) fn over(&mut self) {
        self.progress.tell(&CsvProgress { rows: self.rows, bytes: self.bytes });
    }

    /// The bytes read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Says the line an error is about, where it knows the row.
    pub(super) fn placed(&self, error: Error) -> Error {
        match error.operation().and_then(|row| self.lines.of(row as u64)) {
            Some(line) if !self.failed => error.context(format_args!("line {line}")),
            _ => error,
        }
    }

    /// Reads more into the buffer, of which all was parsed, or nothing yet.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.at == self.buf.len() {
            self.buf.clear();
            self.at = 0;
        }
        let length = self.buf.len();
        self.buf.resize(length + CHUNK, 0);
        let mut space = ReadBuf::new(&mut self.buf[length..]);
        let polled = self.reader.as_mut().poll_read(cx, &mut space);
        let read = space.filled().len();
        self.buf.truncate(length + read);
        if let Err(error) = ready!(polled) {
            let message = format!("cannot read the CSV: {error}");
            return Poll::Ready(Err(Error::new(ErrorKind::Other, message).with_source(error)));
        }
        self.bytes += read as u64;
        self.ended = read == 0;
        Poll::Ready(Ok(()))
    }

    /// Reads a record; false at the end.
    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        loop {
            if self.at < self.buf.len() {
                let (taken, complete) = self.parser.feed(&self.buf[self.at..], &mut self.record)?;
                self.at += taken;
                if complete {
                    break;
                }
            } else if self.ended {
                if !self.parser.finish(&mut self.record)? {
                    return Poll::Ready(Ok(false));
                }
                break;
            } else {
                ready!(self.poll_more(cx))?;
            }
        }
        self.record.check(self.options.encoding)?;
        Poll::Ready(Ok(true))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, sink: &mut dyn BulkSink) -> Poll<Result<bool>> {
        loop {
            if !ready!(self.poll_record(cx))? {
                return Poll::Ready(Ok(false));
            }
            // A line with nothing in it is a row only where one field is a row.
            if self.readings.len() == 1 || !self.record.is_blank() {
                break;
            }
        }
        let (line, width) = (self.record.line, self.readings.len());
        if self.record.len() != width {
            return Poll::Ready(Err(Error::new(
                ErrorKind::Parameters,
                format!(
                    "line {line}: {} fields for the {width} columns of {}",
                    self.record.len(),
                    self.into
                ),
            )));
        }
        for (index, reading) in self.readings.iter().enumerate() {
            let (text, quoted) = self.record.field(index, self.options.encoding);
            let text = text.as_ref();
            let given = if !quoted && text == self.options.null {
                sink.value(ValueRef::Null(ValueKind::Text))
            } else {
                match reading {
                    Reading::Bytes => match unhex(text) {
                        Some(bytes) => sink.value(ValueRef::Bytes(&bytes)),
                        None => sink.value(ValueRef::Text(text)),
                    },
                    Reading::Number if text.eq_ignore_ascii_case("true") => {
                        sink.value(ValueRef::Bool(true))
                    }
                    Reading::Number if text.eq_ignore_ascii_case("false") => {
                        sink.value(ValueRef::Bool(false))
                    }
                    _ => sink.value(ValueRef::Text(text)),
                }
            };
            given.map_err(|error| error.context(format_args!("line {line}")))?;
        }
        self.lines.note(self.rows, line);
        self.rows += 1;
        if self.rows.is_multiple_of(self.every) {
            self.progress.tell(&CsvProgress { rows: self.rows, bytes: self.bytes });
        }
        Poll::Ready(Ok(true))
    }
}

impl BulkSource for CsvSource<'_> {
    fn poll_row(&mut self, cx: &mut Context<'_>, sink: &mut dyn BulkSink) -> Poll<Result<bool>> {
        let row = ready!(self.poll_next(cx, sink));
        self.failed |= row.is_err();
        Poll::Ready(row)
    }
}

/// Which line each row begins in, without a number for each.
#[derive(Debug, Default)]
struct Lines {
    /// Rows whose line is not the one after the row before, and their lines.
    jumps: Vec<(u64, u64)>,
    /// The line of the next row, if it does not jump.
    next: u64,
    /// The rows from here on are not known.
    end: Option<u64>,
}

impl Lines {
    fn note(&mut self, row: u64, line: u64) {
        if line != self.next {
            if self.jumps.len() < JUMPS {
                self.jumps.push((row, line));
            } else {
                self.end.get_or_insert(row);
            }
        }
        self.next = line + 1;
    }

    fn of(&self, row: u64) -> Option<u64> {
        if self.end.is_some_and(|end| row >= end) {
            return None;
        }
        let after = self.jumps.partition_point(|(first, _)| *first <= row);
        let (first, line) = self.jumps.get(after.checked_sub(1)?)?;
        Some(line + (row - first))
    }
}
