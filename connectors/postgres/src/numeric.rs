//! PostgreSQL's `numeric` as it travels: groups of four decimal digits.

use bytes::{BufMut, BytesMut};
use wellspring_connector::Decimal;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
/// The digits of one group.
const GROUP: usize = 4;

/// A `numeric` read from its bytes.
#[derive(Debug, PartialEq)]
pub(crate) enum Numeric {
    Finite(Decimal),
    /// `NaN`, `Infinity` or `-Infinity`.
    Special(&'static str),
}

/// Reads a `numeric`; `None` when the bytes are not one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Numeric> {
    let (header, groups) = bytes.split_at_checked(8)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let (count, weight, sign, scale) =
        (usize::from(word(0)), word(2).cast_signed(), word(4), word(6));
    if groups.len() != count * 2 {
        return None;
    }
    let negative = match sign {
        0 => false,
        NEGATIVE => true,
        NAN => return Some(Numeric::Special("NaN")),
        INFINITY => return Some(Numeric::Special("Infinity")),
        MINUS_INFINITY => return Some(Numeric::Special("-Infinity")),
        _ => return None,
    };
    let groups = groups.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let decimal = match small(groups.clone(), count, weight, scale) {
        Some(unscaled) => {
            Decimal::from_i128(if negative { -unscaled } else { unscaled }, u32::from(scale))
        }
        None => written(groups, weight, negative, scale).parse().ok()?,
    };
    Some(Numeric::Finite(decimal))
}

/// The number without its point, where it is small enough to be computed with.
fn small(groups: impl Iterator<Item = u16>, count: usize, weight: i16, scale: u16) -> Option<i128> {
    // 28 digits, and 9 more by the shift.
    if count > 7 {
        return None;
    }
    let number = groups.fold(0_i128, |sum, group| sum * 10_000 + i128::from(group));
    let last = i32::from(weight) - i32::try_from(count).ok()? + 1;
    let shift = last * 4 + i32::from(scale);
    match u32::try_from(shift) {
        Ok(shift) if shift <= 9 => Some(number * 10_i128.pow(shift)),
        Ok(_) => (number == 0).then_some(0),
        // The digits after the scale are zeros.
        Err(_) => 10_i128.checked_pow(shift.unsigned_abs()).map(|power| number / power),
    }
}

/// The number in its usual notation.
fn written(
    mut groups: impl Iterator<Item = u16>,
    weight: i16,
    negative: bool,
    scale: u16,
) -> String {
    let mut text = String::new();
    if negative {
        text.push('-');
    }
    for _ in 0..=weight.max(-1) {
        text.push_str(&format!("{:04}", groups.next().unwrap_or(0)));
    }
    if weight < 0 {
        text.push('0');
    }
    let scale = usize::from(scale);
    if scale > 0 {
        text.push('.');
        let begin = text.len();
        for _ in 0..(-1 - i32::from(weight)).max(0) {
            text.push_str("0000");
        }
        while text.len() < begin + scale {
            text.push_str(&format!("{:04}", groups.next().unwrap_or(0)));
        }
        text.truncate(begin + scale);
    }
    text
}

/// Writes a `numeric`; `None` when it has more digits than the format can say.
pub(crate) fn encode(decimal: &Decimal, out: &mut BytesMut) -> Option<()> {
    let text = decimal.to_string();
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let scale = u16::try_from(fraction.len()).ok().filter(|scale| *scale < 0x4000)?;

    let group = |digits: &[u8]| {
        let value = digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        // Digits that are missing at the end of a fraction are zeros.
        value * 10_u16.pow(u32::try_from(GROUP - digits.len()).expect("at most four"))
    };
    let (head, rest) = whole.as_bytes().split_at(whole.len() % GROUP);
    let mut groups = Vec::with_capacity(whole.len() / GROUP + fraction.len() / GROUP + 2);
    if !head.is_empty() {
        groups.push(head.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')));
    }
    groups.extend(rest.chunks(GROUP).map(group));
    let mut weight = i32::try_from(groups.len()).ok()? - 1;
    groups.extend(fraction.as_bytes().chunks(GROUP).map(group));
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= i32::try_from(leading).ok()?;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    if groups.is_empty() {
        weight = 0;
    }
    out.put_u16(u16::try_from(groups.len()).ok()?);
    out.put_i16(i16::try_from(weight).ok()?);
    out.put_u16(if decimal.is_negative() { NEGATIVE } else { 0 });
    out.put_u16(scale);
    groups.iter().for_each(|group| out.put_u16(*group));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for text in [
            "0",
            "0.00",
            "1",
            "-1",
            "9999",
            "10000",
            "12345.6789",
            "-0.0001",
            "0.00000001",
            "0.000000000000000000000000000000000000000001",
            "123456789012345678901234567890.123456789000",
            "-99999999999999999999999999999999999999999999999999",
            "100000000000000000000000000000000000000000000000000000000",
            "1.50",
            "10000.0000",
            "0.10",
            "123.4500",
        ] {
            let decimal: Decimal = text.parse().unwrap();
            let mut bytes = BytesMut::new();
            encode(&decimal, &mut bytes).unwrap();
            let Some(Numeric::Finite(back)) = decode(&bytes) else { panic!("{text}") };
            assert_eq!(back.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_number_is_told_and_nonsense_refused() {
        let special = |sign: u16| {
            let mut bytes = vec![0; 8];
            bytes[4..6].copy_from_slice(&sign.to_be_bytes());
            decode(&bytes)
        };
        assert_eq!(special(NAN), Some(Numeric::Special("NaN")));
        assert_eq!(special(INFINITY), Some(Numeric::Special("Infinity")));
        assert_eq!(special(MINUS_INFINITY), Some(Numeric::Special("-Infinity")));
        assert_eq!(special(0x1234), None);
        assert_eq!(decode(&[0, 1, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(decode(&[]), None);
    }
}
