//! Records out of CSV, as its bytes arrive.

use std::borrow::Cow;

use wellspring_connector::{Error, ErrorKind, Result};

use super::{CsvOptions, Encoding};

/// The longest record: a quote that is not closed would take the whole file for one.
const LONGEST: usize = 256 << 20;

/// The most fields of a record, more than any table has columns: each takes memory, however short it is.
const MOST_FIELDS: usize = 64 << 10;

/// The fields of one record.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    /// Where each field ends, and whether it had quotes.
    fields: Vec<(usize, bool)>,
    /// The line it begins in, counted from 1.
    pub(crate) line: u64,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// True for a line with nothing in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.bytes.is_empty() && matches!(self.fields.as_slice(), [(_, false)])
    }

    /// Checks that it is what `encoding` says.
    pub(crate) fn check(&self, encoding: Encoding) -> Result<()> {
        if encoding == Encoding::Utf8
            && let Err(error) = std::str::from_utf8(&self.bytes)
        {
            let at = error.valid_up_to();
            let field = self.fields.iter().take_while(|(end, _)| *end <= at).count() + 1;
            return Err(Error::new(
                ErrorKind::Decode,
                format!("line {}: field {field} is not UTF-8", self.line),
            ));
        }
        Ok(())
    }

    /// A field, and whether it had quotes.
    pub(crate) fn field(&self, index: usize, encoding: Encoding) -> (Cow<'_, str>, bool) {
        let start = if index == 0 { 0 } else { self.fields[index - 1].0 };
        let (end, quoted) = self.fields[index];
        let bytes = &self.bytes[start..end];
        let text = match encoding {
            // Checked before.
            Encoding::Utf8 => String::from_utf8_lossy(bytes),
            Encoding::Latin1 if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            Encoding::Latin1 => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
        };
        (text, quoted)
    }

    fn clear(&mut self, line: u64) {
        self.bytes.clear();
        self.fields.clear();
        self.line = line;
    }

    fn end_field(&mut self, quoted: bool) {
        self.fields.push((self.bytes.len(), quoted));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a record.
    Start,
    /// Before a field.
    Field,
    Plain,
    Quoted,
    /// After the escape inside quotes, which may be the closing quote.
    Escaped,
    /// After the closing quote.
    Closed,
}

/// Finds records in bytes that are given piece by piece.
#[derive(Debug)]
pub(crate) struct Parser {
    delimiter: u8,
    quote: u8,
    escape: u8,
    state: State,
    /// The last record ended with `\r`: a `\n` belongs to it.
    after_cr: bool,
    line: u64,
    /// The line of the last opening quote.
    opened: u64,
}

impl Parser {
    /// Options that were checked; the first line is `line`.
    pub(crate) fn new(options: &CsvOptions, line: u64) -> Self {
        // They are ASCII.
        let byte = |c: char| u8::try_from(c).unwrap_or(b',');
        Self {
            delimiter: byte(options.delimiter),
            quote: byte(options.quote),
            escape: byte(options.escape.unwrap_or(options.quote)),
            state: State::Start,
            after_cr: false,
            line,
            opened: 0,
        }
    }

    /// Takes bytes until a record is complete: how many, and whether it is. The record is the same from
    /// one call to the next, until it is complete.
    pub(crate) fn feed(&mut self, input: &[u8], record: &mut Record) -> Result<(usize, bool)> {
        let mut at = 0;
        while at < input.len() {
            if std::mem::take(&mut self.after_cr) && input[at] == b'\n' {
                at += 1;
                continue;
            }
            // What is nothing special is taken at once.
            let (quote, escape, delimiter) = (self.quote, self.escape, self.delimiter);
            let run = match self.state {
                State::Plain => {
                    let special = |&b: &u8| b == delimiter || b == b'\n' || b == b'\r';
                    input[at..].iter().position(special)
                }
                State::Quoted => {
                    let special = |&b: &u8| b == quote || b == escape || b == b'\n';
                    input[at..].iter().position(special)
                }
                _ => Some(0),
            };
            let run = run.unwrap_or(input.len() - at);
            if run > 0 {
                record.bytes.extend_from_slice(&input[at..at + run]);
                at += run;
                self.check_size(record)?;
                continue;
            }
            let byte = input[at];
            at += 1;
            if self.step(byte, record)? {
                return Ok((at, true));
            }
            self.check_size(record)?;
        }
        Ok((at, false))
    }

    /// Takes one byte; true when it ends the record.
    fn step(&mut self, byte: u8, record: &mut Record) -> Result<bool> {
        if self.state == State::Start {
            record.clear(self.line);
            self.state = State::Field;
        }
        match self.state {
            State::Quoted => {
                if byte == self.escape {
                    self.state = State::Escaped;
                } else if byte == self.quote {
                    self.state = State::Closed;
                } else {
                    self.line += u64::from(byte == b'\n');
                    record.bytes.push(byte);
                }
                return Ok(false);
            }
            State::Escaped if byte == self.quote || byte == self.escape => {
                record.bytes.push(byte);
                self.state = State::Quoted;
                return Ok(false);
            }
            // The escape that is no quote is a character before anything else.
            State::Escaped if self.escape != self.quote => {
                record.bytes.push(self.escape);
                self.state = State::Quoted;
                return self.step(byte, record);
            }
            State::Escaped => self.state = State::Closed,
            State::Field if byte == self.quote => {
                self.state = State::Quoted;
                self.opened = self.line;
                return Ok(false);
            }
            _ => {}
        }
        let quoted = self.state == State::Closed;
        match byte {
            b'\n' | b'\r' => {
                record.end_field(quoted);
                self.after_cr = byte == b'\r';
                self.line += 1;
                self.state = State::Start;
                Ok(true)
            }
            _ if byte == self.delimiter => {
                record.end_field(quoted);
                self.state = State::Field;
                Ok(false)
            }
            _ if quoted => Err(Error::new(
                ErrorKind::Decode,
                format!(
                    "line {}: after the closing quote of field {} stands neither the delimiter nor the end \
                     of the line; a quote inside a field is written {}{}",
                    self.line,
                    record.fields.len() + 1,
                    char::from(self.escape),
                    char::from(self.quote),
                ),
            )),
            _ => {
                record.bytes.push(byte);
                self.state = State::Plain;
                Ok(false)
            }
        }
    }

    /// Ends the input; true when that completes a record.
    pub(crate) fn finish(&mut self, record: &mut Record) -> Result<bool> {
        let closed = match self.state {
            State::Start => return Ok(false),
            State::Escaped if self.escape == self.quote => true,
            State::Quoted | State::Escaped => {
                return Err(Error::new(
                    ErrorKind::Decode,
                    format!("line {}: a quote is opened and never closed", self.opened),
                ));
            }
            state => state == State::Closed,
        };
        record.end_field(closed);
        self.state = State::Start;
        Ok(true)
    }

    /// Keeps the memory of one record within bounds.
    fn check_size(&self, record: &Record) -> Result<()> {
        let wrong = if record.bytes.len() > LONGEST {
            format!("is longer than {} MiB; a quote may not be closed", LONGEST >> 20)
        } else if record.fields.len() > MOST_FIELDS {
            format!("has more than {MOST_FIELDS} fields; the delimiter may be another")
        } else {
            return Ok(());
        };
        let message = format!("line {}: the record {wrong}", record.line);
        Err(Error::new(ErrorKind::Decode, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of `input`, given `step` bytes at a time; a field without quotes has a `~`.
    fn records(options: &CsvOptions, input: &[u8], step: usize) -> Result<Vec<(u64, Vec<String>)>> {
        let mut parser = Parser::new(options, 1);
        let mut record = Record::default();
        let mut all = Vec::new();
        let shown = |record: &Record| {
            let fields = (0..record.len()).map(|index| {
                let (text, quoted) = record.field(index, options.encoding);
                format!("{}{text}", if quoted { "" } else { "~" })
            });
            (record.line, fields.collect())
        };
        for mut piece in input.chunks(step) {
            while !piece.is_empty() {
                let (taken, complete) = parser.feed(piece, &mut record)?;
                piece = &piece[taken..];
                if complete {
                    record.check(options.encoding)?;
                    all.push(shown(&record));
                }
            }
        }
        if parser.finish(&mut record)? {
            all.push(shown(&record));
        }
        Ok(all)
    }

    #[test]
    fn records_are_the_same_whatever_the_pieces() {
        let input =
            "a,\"b\",\"\",\r\n\"x\ny\"\"z\",5\" pipe,,\u{e9}\n\n\"\"\rlast,\"one\"".as_bytes();
        let whole = records(&CsvOptions::new(), input, input.len()).unwrap();
        let fields: Vec<String> =
            whole.iter().map(|(n, f)| format!("{n}: {}", f.join("|"))).collect();
        assert_eq!(
            fields,
            ["1: ~a|b||~", "2: x\ny\"z|~5\" pipe|~|~é", "4: ~", "5: ", "6: ~last|one"]
        );
        for step in 1..input.len() {
            assert_eq!(records(&CsvOptions::new(), input, step).unwrap(), whole, "{step}");
        }
    }

    #[test]
    fn an_escape_of_its_own_escapes_quotes_and_itself() {
        let options = CsvOptions::new().escape('\\').quote('\'').delimiter('\t');
        let found = records(&options, b"'a\\'b\\\\c\\d'\t'e\\\\'\n", 3).unwrap();
        assert_eq!(found[0].1, ["a'b\\c\\d", "e\\"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let of = |input: &[u8]| records(&CsvOptions::new(), input, 5).unwrap_err().to_string();
        assert!(of(b"a\nb,\"c\n\n").starts_with("line 2: a quote is opened"));
        assert!(of(b"a\n\"b\n\"x,\n").starts_with("line 3: after the closing quote of field 1"));
        assert!(of(b"a\nb,\xff\n").starts_with("line 2: field 2 is not UTF-8"));
        // No record takes more memory than a record may, whatever it is made of.
        let mut parser = Parser::new(&CsvOptions::new(), 1);
        let mut record = Record::default();
        let commas = vec![b','; 64 << 10];
        let error = (0..64).find_map(|_| parser.feed(&commas, &mut record).err()).unwrap();
        assert!(
            error.message().starts_with("line 1: the record has more than 65536 fields"),
            "{error}"
        );
        let latin = CsvOptions::new().encoding(Encoding::Latin1);
        assert_eq!(records(&latin, b"\xe9", 1).unwrap()[0].1, ["~é"]);
    }
}
