//! The rows: what each is made of, and what their sums have to be.

use crate::{PointRow, Result, check};

/// Rows of the table for point reads.
pub const POINTS: u64 = 100_000;

/// The name of row `id` of the table for point reads.
#[must_use]
pub fn point_name(id: i64) -> String {
    format!("name of {id}")
}

/// Checks that `row` is row `id`.
///
/// # Errors
/// [`Wrong`](crate::Wrong).
pub fn check_point(row: &PointRow, id: i64) -> Result<()> {
    // The name has the same length as the one it should be: comparing that costs no allocation.
    let digits = id.checked_ilog10().unwrap_or(0) as usize + 1;
    check(row.id == id && row.name.len() == "name of ".len() + digits, || {
        format!("row {id} asked for, {row:?} given")
    })
}

/// Seconds from 1970 to 2020, where the timestamps begin.
pub const EPOCH_2020: i64 = 1_577_836_800;

/// The sums of the columns of a fetch. Columns that were not fetched stay 0.
///
/// Row i, counted from 1: `a` int8 i; `b` int4 i modulo 1000; `c` text `row i`; `d` float8 i / 2;
/// `e` timestamptz 2020-01-01 + i seconds; `f` numeric i / 100. In SQLite, `e` is an integer, i.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sums {
    /// Rows.
    pub rows: u64,
    /// Of `a`.
    pub a: i64,
    /// Of `b`.
    pub b: i64,
    /// Of the lengths of `c`.
    pub c: u64,
    /// Of `d`.
    pub d: f64,
    /// Of the seconds of `e` since 2020.
    pub e: i64,
    /// Of `f`, in hundredths.
    pub f: i64,
}

impl Sums {
    /// Adds the four columns that everybody has.
    pub fn add(&mut self, a: i64, b: i32, c: &str, d: f64) {
        self.rows += 1;
        self.a += a;
        self.b += i64::from(b);
        self.c += c.len() as u64;
        self.d += d;
    }

    /// Adds the timestamp, in seconds since 1970, and the numeric, as its digits and their scale.
    pub fn add_more(&mut self, e: i64, digits: i128, scale: u32) {
        self.e += e - EPOCH_2020;
        // The server may give any scale.
        let hundredths = match scale {
            0 => digits * 100,
            1 => digits * 10,
            _ => digits / 10_i128.pow(scale - 2),
        };
        self.f += i64::try_from(hundredths).expect("the table's numbers are small");
    }

    /// What a fetch of `rows` rows of `columns` columns adds up to.
    #[must_use]
    pub fn expected(rows: u64, columns: usize) -> Self {
        let mut sums = Self::default();
        for i in 1..=i64::try_from(rows).expect("tables have fewer rows") {
            sums.rows += 1;
            sums.a += i;
            sums.b += i % 1000;
            sums.c += 4 + u64::from(i.ilog10()) + 1;
            sums.d += i as f64 / 2.0;
            sums.e += if columns > 4 { i } else { 0 };
            sums.f += if columns > 5 { i } else { 0 };
        }
        sums
    }
}

/// Row `i`, counted from 1, of an insert: int8, int4, text, float8.
#[must_use]
pub fn insert_row(i: i64) -> (i64, i32, String, f64) {
    ((i), (i % 1000) as i32, format!("row {i}"), i as f64 / 2.0)
}

/// Row `i`, counted from 1, of the 100,000 that are written: int8, text, int4, float8, and the seconds
/// since 1970 of a timestamptz.
#[must_use]
pub fn write_row(i: i64) -> (i64, String, i32, f64, i64) {
    (i, format!("row {i}"), (i % 1000) as i32, i as f64 / 2.0, EPOCH_2020 + i)
}

/// Checks the number of rows of an insert and the sum of their keys.
///
/// # Errors
/// [`Wrong`](crate::Wrong).
pub fn check_insert(found: (i64, i64), rows: u64) -> Result<()> {
    let rows = i64::try_from(rows)?;
    let wanted = (rows, rows * (rows + 1) / 2);
    check(found == wanted, || format!("{wanted:?} rows and sum inserted, {found:?} found"))
}
