//! Values as text, as a file has them.

use std::fmt::Write as _;

use wellspring_connector::{Array, Error, ErrorKind, Result, Value, ValueRef};

/// What a value became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text<'v> {
    Null,
    /// A number or a boolean, now in the scratch.
    Number,
    /// Other text, now in the scratch.
    Scratch,
    /// Text that was there.
    Borrowed(&'v str),
}

/// The text of `value`; what has to be written for it goes to `scratch`, which is emptied first.
///
/// # Errors
/// [`ErrorKind::Encode`] for a value of the database's own that has no text.
pub(super) fn of<'v>(value: &ValueRef<'v>, scratch: &mut String) -> Result<Text<'v>> {
    scratch.clear();
    match value {
        ValueRef::Null(_) => return Ok(Text::Null),
        ValueRef::Text(text) | ValueRef::Json(text) => return Ok(Text::Borrowed(text)),
        ValueRef::F32(v) => float(f64::from(*v), v, scratch),
        ValueRef::F64(v) => float(*v, v, scratch),
        ValueRef::Bytes(bytes) => {
            hex(bytes, scratch);
            return Ok(Text::Scratch);
        }
        ValueRef::Array(array) => {
            json_array(array, scratch)?;
            return Ok(Text::Scratch);
        }
        ValueRef::Native(native) => {
            match (&native.text, &native.bytes) {
                (Some(text), _) => scratch.push_str(text),
                (None, Some(bytes)) => hex(bytes, scratch),
                (None, None) => {
                    let message = format!("a value of the type {} has no text", native.type_name);
                    return Err(Error::new(ErrorKind::Encode, message));
                }
            }
            return Ok(Text::Scratch);
        }
        other => {
            let number = shown(other, scratch)?;
            return Ok(if number { Text::Number } else { Text::Scratch });
        }
    }
    Ok(Text::Number)
}

/// Writes a value whose `Display` is its notation; true for numbers.
fn shown(value: &ValueRef<'_>, out: &mut String) -> Result<bool> {
    let (written, number) = match value {
        ValueRef::Bool(v) => (write!(out, "{v}"), true),
        ValueRef::I16(v) => (write!(out, "{v}"), true),
        ValueRef::I32(v) => (write!(out, "{v}"), true),
        ValueRef::I64(v) => (write!(out, "{v}"), true),
        ValueRef::U64(v) => (write!(out, "{v}"), true),
        ValueRef::Decimal(v) => (write!(out, "{v}"), true),
        ValueRef::Uuid(v) => (write!(out, "{v}"), false),
        ValueRef::Date(v) => (write!(out, "{v}"), false),
        ValueRef::Time(v) => (write!(out, "{v}"), false),
        ValueRef::Timestamp(v) => (write!(out, "{v}"), false),
        ValueRef::TimestampTz(v) => (write!(out, "{v}"), false),
        ValueRef::Interval(v) => (write!(out, "{v}"), false),
        other => {
            let message = format!("a value of the kind {} has no text", other.kind());
            return Err(Error::new(ErrorKind::Encode, message));
        }
    };
    match written {
        Ok(()) => Ok(number),
        Err(error) => Err(Error::new(ErrorKind::Encode, error.to_string())),
    }
}

fn float(value: f64, shown: impl std::fmt::Display, out: &mut String) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        // Writing to a string cannot fail.
        let _ok = write!(out, "{shown}");
    }
}

fn hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 + bytes.len() * 2);
    out.push_str("\\x");
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

/// Arrays as JSON: an array for each dimension.
fn json_array(array: &Array, out: &mut String) -> Result<()> {
    let lengths: Vec<usize> = array.dimensions.iter().map(|(_, length)| *length as usize).collect();
    let inner: usize = lengths.iter().skip(1).product();
    json_level(&array.values, inner, lengths.get(1..).unwrap_or(&[]), out)
}

/// One dimension, whose elements hold `step` values each.
fn json_level(values: &[Value], step: usize, lengths: &[usize], out: &mut String) -> Result<()> {
    out.push('[');
    for (index, part) in values.chunks(step.max(1)).enumerate() {
        if index > 0 {
            out.push(',');
        }
        match (lengths, part) {
            ([_, rest @ ..], part) => json_level(part, rest.iter().product(), rest, out)?,
            ([], [value]) => json_value(value, out)?,
            ([], part) => json_level(part, 1, &[], out)?,
        }
    }
    out.push(']');
    Ok(())
}

fn json_value(value: &Value, out: &mut String) -> Result<()> {
    let mut scratch = String::new();
    let text = match of(&value.as_ref(), &mut scratch)? {
        Text::Null => "null",
        Text::Number if !matches!(scratch.as_str(), "NaN" | "Infinity" | "-Infinity") => &scratch,
        Text::Borrowed(json) if matches!(value, Value::Json(_)) => json,
        Text::Number | Text::Scratch => return json_text(&scratch, out),
        Text::Borrowed(text) => return json_text(text, out),
    };
    out.push_str(text);
    Ok(())
}

fn json_text(text: &str, out: &mut String) -> Result<()> {
    let quoted = serde_json::to_string(text)
        .map_err(|error| Error::new(ErrorKind::Encode, error.to_string()))?;
    out.push_str(&quoted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wellspring_connector::ValueKind;

    fn text(value: impl Into<Value>) -> String {
        let (value, mut scratch) = (value.into(), String::new());
        match of(&value.as_ref(), &mut scratch).unwrap() {
            Text::Null => "<null>".into(),
            Text::Borrowed(text) => text.to_owned(),
            Text::Number | Text::Scratch => scratch,
        }
    }

    #[test]
    fn values_are_written_exactly() {
        assert_eq!(text(Value::Null(ValueKind::Text)), "<null>");
        assert_eq!(text(0.1_f64), "0.1");
        assert_eq!(text(f64::NEG_INFINITY), "-Infinity");
        assert_eq!(text(true), "true");
        let decimal = "-12345678901234567890.1234567890".parse().unwrap();
        assert_eq!(text(Value::Decimal(decimal)), "-12345678901234567890.1234567890");
        assert_eq!(text(vec![0_u8, 0xff]), "\\x00ff");
        let at: wellspring_connector::Timestamp = "2026-11-21 20:00:00.5".parse().unwrap();
        assert_eq!(text(at), "2026-11-21T20:00:00.5");
    }

    #[test]
    fn arrays_are_json() {
        let array = |values: Vec<Value>, dimensions| {
            Value::Array(Box::new(Array { element: ValueKind::I64, dimensions, values }))
        };
        let numbers = || (1..=6_i64).map(Value::from).collect::<Vec<_>>();
        assert_eq!(text(array(vec![], vec![])), "[]");
        assert_eq!(text(array(numbers(), vec![(1, 6)])), "[1,2,3,4,5,6]");
        assert_eq!(text(array(numbers(), vec![(1, 2), (1, 3)])), "[[1,2,3],[4,5,6]]");
        let mixed = vec!["a\"b\n".into(), Value::Null(ValueKind::Text), f64::NAN.into()];
        assert_eq!(text(array(mixed, vec![(1, 3)])), r#"["a\"b\n",null,"NaN"]"#);
    }
}
