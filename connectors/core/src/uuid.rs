//! Universally unique identifiers, as sixteen bytes.

use std::fmt;
use std::str::FromStr;

use crate::ConvertError;
use crate::serde_text::serde_as_text;

/// A UUID: sixteen bytes in the order of its text.
///
/// Prints in lower case with hyphens. Parses that form, without hyphens, in braces and with
/// `urn:uuid:` in front; upper and lower case. The `uuid` feature converts the `uuid` crate's.
///
/// ```
/// use wellspring_connector::Uuid;
///
/// let id: Uuid = "{67E55044-10B1-426F-9247-BB680E5FE0C8}".parse()?;
/// assert_eq!(id.to_string(), "67e55044-10b1-426f-9247-bb680e5fe0c8");
/// # Ok::<(), wellspring_connector::ConvertError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// All zeros.
    pub const NIL: Self = Self([0; 16]);

    /// The UUID of sixteen bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The UUID of a slice.
    ///
    /// # Errors
    /// When the slice is not sixteen bytes long.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, ConvertError> {
        <[u8; 16]>::try_from(bytes)
            .map(Self)
            .map_err(|_| ConvertError::new(format!("a uuid has 16 bytes, not {}", bytes.len())))
    }

    /// The sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Where the hyphens are in the hyphenated form.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl FromStr for Uuid {
    type Err = ConvertError;

    fn from_str(text: &str) -> Result<Self, ConvertError> {
        let braced = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let urn = text
            .get(..9)
            .filter(|prefix| prefix.eq_ignore_ascii_case("urn:uuid:"))
            .map(|prefix| &text[prefix.len()..]);
        let core = braced.or(urn).unwrap_or(text).as_bytes();
        let hyphenated = match core.len() {
            36 => true,
            32 => false,
            _ => {
                return Err(ConvertError::new(format!(
                    "not a uuid: {} characters where 32 digits, or 36 characters with hyphens, \
                     were expected",
                    text.chars().count()
                )));
            }
        };
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (at, &byte) in core.iter().enumerate() {
            let hyphen = hyphenated && HYPHENS.contains(&at);
            let digit = (byte as char).to_digit(16);
            match (hyphen, digit) {
                (true, _) if byte == b'-' => {}
                (false, Some(digit)) => {
                    bytes[digits / 2] = bytes[digits / 2] << 4 | digit as u8;
                    digits += 1;
                }
                (hyphen, _) => {
                    let expected = if hyphen { "a hyphen" } else { "a hexadecimal digit" };
                    return Err(ConvertError::new(format!(
                        "not a uuid: expected {expected} at byte {at}"
                    )));
                }
            }
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'-'; 36];
        let mut at = 0;
        for byte in self.0 {
            if HYPHENS.contains(&at) {
                at += 1;
            }
            text[at] = b"0123456789abcdef"[usize::from(byte >> 4)];
            text[at + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
            at += 2;
        }
        f.pad(std::str::from_utf8(&text).expect("digits and hyphens are ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uuid({self})")
    }
}

serde_as_text!(Uuid, "a uuid");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_forms_are_read() {
        let id = Uuid::from_bytes([
            0x67, 0xe5, 0x50, 0x44, 0x10, 0xb1, 0x42, 0x6f, 0x92, 0x47, 0xbb, 0x68, 0x0e, 0x5f,
            0xe0, 0xc8,
        ]);
        for text in [
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67E5504410B1426F9247BB680E5FE0C8",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "URN:UUID:67e55044-10b1-426f-9247-bb680e5fe0c8",
        ] {
            assert_eq!(text.parse::<Uuid>().unwrap(), id, "{text}");
        }
        assert_eq!(id.to_string(), "67e55044-10b1-426f-9247-bb680e5fe0c8");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "67e55044-10b1-426f-9247-bb680e5fe0c",
            "67e55044-10b1-426f-9247-bb680e5fe0cg",
            "67e5504410b1-426f-9247-bb680e5fe0c8a",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8",
            "67e55044-10b1-426f-9247-bb680e5fe0c\u{e9}",
            "ééééééééé",
        ] {
            assert!(bad.parse::<Uuid>().is_err(), "{bad}");
        }
        assert!(Uuid::from_slice(&[0; 15]).is_err());
    }
}
