//! A small reader of fixed-format numbers, shared by the date and time parsers.

use crate::ConvertError;

/// What is left of a text, with errors that name the position.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `text`, which should be a `what` ("date").
    pub(super) fn new(text: &'a str, what: &'static str) -> Self {
        Self { text, at: 0, what }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes `byte` if it comes next.
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), ConvertError> {
        if self.eat(byte) { Ok(()) } else { Err(self.error(format!("`{}`", byte as char))) }
    }

    /// Exactly `count` decimal digits.
    pub(super) fn digits(&mut self, count: usize) -> Result<u32, ConvertError> {
        let mut value = 0;
        for _ in 0..count {
            value = value * 10 + u32::from(self.digit()?);
        }
        Ok(value)
    }

    /// One or more decimal digits.
    pub(super) fn number(&mut self) -> Result<i64, ConvertError> {
        let mut value = i64::from(self.digit()?);
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            let digit = i64::from(self.digit()?);
            value = value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or_else(|| {
                ConvertError::new(format!("{}: a number is too large", self.what))
            })?;
        }
        Ok(value)
    }

    /// The digits after a decimal point as nanoseconds: one to nine of them.
    pub(super) fn fraction(&mut self) -> Result<u32, ConvertError> {
        let mut nanos = u32::from(self.digit()?);
        let mut count = 1;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            if count == 9 {
                return Err(ConvertError::new(format!(
                    "{}: more than nine digits after the decimal point",
                    self.what
                )));
            }
            nanos = nanos * 10 + u32::from(self.digit()?);
            count += 1;
        }
        Ok(nanos * 10_u32.pow(9 - count))
    }

    fn digit(&mut self) -> Result<u8, ConvertError> {
        match self.peek() {
            Some(byte @ b'0'..=b'9') => {
                self.at += 1;
                Ok(byte - b'0')
            }
            _ => Err(self.error("a digit")),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(&self) -> Result<(), ConvertError> {
        if self.at == self.text.len() { Ok(()) } else { Err(self.error("the end")) }
    }

    pub(super) fn error(&self, expected: impl std::fmt::Display) -> ConvertError {
        ConvertError::new(format!(
            "not a {}: expected {expected} at byte {} of {}",
            self.what,
            self.at,
            self.text.len()
        ))
    }
}
