//! Serde over a whole row.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::check_single;
use super::column::ColumnDeserializer;
use super::error::DeError;
use crate::{Row, ValueKind};

/// Hands a row to serde: as a map or struct by name, as a sequence or tuple by position, and as a
/// single value if it has a single column.
#[derive(Clone, Copy)]
pub(super) struct RowDeserializer<'r> {
    row: &'r Row,
}

impl<'r> RowDeserializer<'r> {
    pub(super) fn new(row: &'r Row) -> Self {
        Self { row }
    }

    /// The only column.
    fn single(self) -> Result<ColumnDeserializer<'r>, DeError> {
        check_single(self.row)?;
        Ok(ColumnDeserializer { row: self.row, position: 0 })
    }

    fn by_position<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_seq(Positions { row: self.row, next: 0 })
    }
}

/// Methods that ask for one value.
macro_rules! single {
    ($($method:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $method<V: Visitor<'r>>(
            self,
            $($arg: $type,)*
            visitor: V,
        ) -> Result<V::Value, DeError> {
            self.single()?.$method($($arg,)* visitor)
        }
    )*};
}

impl<'r> Deserializer<'r> for RowDeserializer<'r> {
    type Error = DeError;

    single! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
    }

    /// Decimals, among others, ask so, to take numbers as well as text: a single column is its
    /// value.
    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.row.len() == 1 {
            return self.single()?.deserialize_any(visitor);
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.row.len() == 1 && self.row.value(0)?.is_null() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        if self.row.len() == 1
            && matches!(self.row.value(0)?.kind(), ValueKind::Bytes | ValueKind::Array)
        {
            return self.single()?.deserialize_seq(visitor);
        }
        self.by_position(visitor)
    }

    fn deserialize_tuple<V: Visitor<'r>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        if self.row.len() != len {
            return Err(DeError::Reason(format!(
                "{len} columns were asked for, and the row has {}",
                self.row.len()
            )));
        }
        self.by_position(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_map(Names { row: self.row, fields: None, next: 0, seen: Seen::default() })
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        let fields = Some(fields);
        visitor.visit_map(Names { row: self.row, fields, next: 0, seen: Seen::default() })
    }

    fn deserialize_ignored_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_unit()
    }
}

/// The columns one after the other.
struct Positions<'r> {
    row: &'r Row,
    next: usize,
}

impl<'r> SeqAccess<'r> for Positions<'r> {
    type Error = DeError;

    fn next_element_seed<T: DeserializeSeed<'r>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DeError> {
        if self.next == self.row.len() {
            return Ok(None);
        }
        let column = ColumnDeserializer { row: self.row, position: self.next };
        self.next += 1;
        seed.deserialize(column).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.row.len() - self.next)
    }
}

/// The columns by name, each name once: the first column of several equal ones counts, and for a
/// field the exact match before one that differs in case.
struct Names<'r> {
    row: &'r Row,
    fields: Option<&'static [&'static str]>,
    /// The column that comes next; the one before it is the one whose value is asked for.
    next: usize,
    seen: Seen,
}

impl<'r> Names<'r> {
    /// The key of column `at`, or `None` when another column has precedence.
    fn key(&mut self, at: usize) -> Option<&'r str> {
        let columns = self.row.columns();
        let name: &'r str = &columns[at].name;
        let Some(fields) = self.fields else {
            let repeated = columns[..at].iter().any(|c| *c.name == *name);
            return (!repeated).then_some(name);
        };
        // Columns are mostly selected in the order of the fields.
        let exact = match fields.get(at) {
            Some(field) if *field == name => Some(at),
            _ => fields.iter().position(|field| *field == name),
        };
        let field = exact.or_else(|| {
            let alike = |field: &&str| field.eq_ignore_ascii_case(name);
            let has_own_column = |field: &str| columns.iter().any(|c| *c.name == *field);
            fields.iter().position(|f| alike(f) && !has_own_column(f))
        });
        match field {
            Some(field) => self.seen.insert(field).then_some(fields[field]),
            // Another spelling of a field that has a column already is not an unknown name.
            None if fields.iter().any(|field| field.eq_ignore_ascii_case(name)) => None,
            None => Some(name),
        }
    }
}

impl<'r> MapAccess<'r> for Names<'r> {
    type Error = DeError;

    fn next_key_seed<K: DeserializeSeed<'r>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DeError> {
        while self.next < self.row.len() {
            let at = self.next;
            self.next += 1;
            if let Some(key) = self.key(at) {
                return seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<T: DeserializeSeed<'r>>(&mut self, seed: T) -> Result<T::Value, DeError> {
        let position = self.next.checked_sub(1).expect("serde asks for a key before its value");
        seed.deserialize(ColumnDeserializer { row: self.row, position })
    }
}

/// A set of field numbers, without an allocation for structs of an ordinary size.
#[derive(Default)]
struct Seen {
    first: u128,
    rest: Vec<usize>,
}

impl Seen {
    /// True when `field` is new.
    fn insert(&mut self, field: usize) -> bool {
        if field < 128 {
            let bit = 1 << field;
            let new = self.first & bit == 0;
            self.first |= bit;
            return new;
        }
        let new = !self.rest.contains(&field);
        if new {
            self.rest.push(field);
        }
        new
    }
}
