//! A bounded cache of translated statements.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::statement::{Length, flatten};
use crate::translate::{translate, translate_lists};
use crate::{Dialect, Params, PlaceholderStyle, Result, Sql, Statement, Value};

/// Longer texts are translated every time: they are scripts or generated, and rarely come again.
const MAX_TEXT: usize = 64 * 1024;

/// The entries that compete for one place: few enough to look through.
const WAYS: usize = 8;

/// Translates statements for one database and remembers the results.
///
/// The cache holds at most its capacity and texts of at most 64 KiB; what has not been used lately
/// goes first. A hit takes a shared lock, compares one text and allocates nothing.
///
/// ```
/// use wellspring_connector::{Dialect, Sql, Translator};
///
/// static POSTGRES: Dialect = Dialect::POSTGRES;
/// let translator = Translator::new(&POSTGRES, 100);
/// let statement = translator.translate(&Sql::new("select * from t where a = ? and b = ?"))?;
/// assert_eq!(statement.text(), "select * from t where a = $1 and b = $2");
/// # Ok::<(), wellspring_connector::Error>(())
/// ```
pub struct Translator {
    dialect: &'static Dialect,
    /// A text's hash chooses its set, so that no text can push out more than its set's entries,
    /// and a set that is being written to does not hold up the others.
    sets: Box<[RwLock<Vec<Entry>>]>,
    ways: usize,
    database: Option<Arc<str>>,
    statement_timeout: Option<Duration>,
    select_limit: Option<u64>,
    sources: bool,
}

struct Entry {
    hash: u64,
    style: PlaceholderStyle,
    source: Box<str>,
    statement: Arc<Statement>,
    /// Used since the last time a place was needed.
    used: AtomicBool,
}

impl Translator {
    /// A translator for `dialect` that remembers up to `capacity` statements; 0 remembers none.
    pub fn new(dialect: &'static Dialect, capacity: usize) -> Self {
        let ways = capacity.min(WAYS);
        let sets = capacity.checked_div(ways).unwrap_or(0);
        let sets = (0..sets).map(|_| RwLock::default()).collect();
        Self {
            dialect,
            sets,
            ways,
            database: None,
            statement_timeout: None,
            select_limit: None,
            sources: false,
        }
    }

    /// Names the database, so that errors of its statements can say which one they come from.
    #[must_use]
    pub fn for_database(mut self, name: impl Into<Arc<str>>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Sets how long a statement of the database may take where it does not say so itself.
    #[must_use]
    pub fn with_statement_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// Sets how many rows a [select without a limit](Self::select_limit) has at most.
    #[must_use]
    pub fn with_select_limit(mut self, rows: Option<u64>) -> Self {
        self.select_limit = rows;
        self
    }

    /// Sets whether statements remember their [text as it was written](Statement::source), so that it can
    /// be logged. Off by default.
    #[must_use]
    pub fn with_sources(mut self, keep: bool) -> Self {
        self.sources = keep;
        self
    }

    /// How many rows a select that was built has at most, where it says nothing itself; without a limit
    /// if `None`, the default.
    pub fn select_limit(&self) -> Option<u64> {
        self.select_limit
    }

    /// How long a statement may take; `None` is for ever.
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.statement_timeout
    }

    /// The name of the database, if it was given one.
    pub fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref()
    }

    /// The dialect it translates for.
    pub fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// How many statements it remembers now.
    pub fn cached(&self) -> usize {
        let len =
            |set: &RwLock<Vec<Entry>>| set.read().unwrap_or_else(PoisonError::into_inner).len();
        self.sets.iter().map(len).sum()
    }

    /// The statement in the database's own form.
    ///
    /// # Errors
    /// [`ErrorKind::Parameters`](crate::ErrorKind::Parameters) when its placeholders contradict
    /// each other: positions mixed with names, numbers with gaps, more than the database takes.
    pub fn translate(&self, sql: &Sql<'_>) -> Result<Arc<Statement>> {
        let (text, style) = (sql.text(), sql.placeholders());
        self.cached_or(text, style, || {
            translate(self.dialect, text, style).map(|statement| self.of_source(statement, text))
        })
    }

    /// The statement and its values in the order of its markers. A list (an array) given for a
    /// placeholder that stands alone in `in (…)` becomes as many parameters as it has elements;
    /// the text is padded so that lists of similar length share one, and an empty list is a query
    /// without rows.
    ///
    /// ```
    /// use wellspring_connector::{Dialect, Sql, Translator, params};
    ///
    /// static POSTGRES: Dialect = Dialect::POSTGRES;
    /// let translator = Translator::new(&POSTGRES, 100);
    /// let sql = Sql::new("select * from t where id in (:ids) and a = :a");
    /// let (statement, values) = translator.bind(&sql, params! { ids: vec![7, 8, 9], a: 1 })?;
    /// assert_eq!(statement.text(), "select * from t where id in ($1, $2, $3, $4) and a = $5");
    /// assert_eq!(values, [7.into(), 8.into(), 9.into(), 9.into(), 1.into()]);
    /// # Ok::<(), wellspring_connector::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`translate`](Self::translate) and [`Statement::bind`].
    pub fn bind(&self, sql: &Sql<'_>, params: Params) -> Result<(Arc<Statement>, Vec<Value>)> {
        let statement = self.translate(sql)?;
        let values = statement.collect(params)?;
        let Some(lengths) = statement.lengths(&values) else {
            let values = statement.order(values);
            return Ok((statement, values));
        };
        let (text, style) = (sql.text(), sql.placeholders());
        // A text with a NUL in it is no other statement's.
        let key = lengths.iter().fold(format!("{text}\0"), |mut key, length| {
            match length {
                Length::One => key.push('.'),
                Length::Many(length) => key.push_str(&format!("{length},")),
                Length::Empty(kind) => key.push_str(&format!("{kind},")),
            }
            key
        });
        let expanded = self.cached_or(&key, style, || {
            translate_lists(self.dialect, text, style, &lengths)
                .map(|statement| self.of_source(statement, text))
        })?;
        let values = expanded.order(flatten(values, &lengths));
        Ok((expanded, values))
    }

    /// `statement`, which was made of `text`.
    fn of_source(&self, mut statement: Statement, text: &str) -> Statement {
        if self.sources {
            statement.keep_source(text);
        }
        statement
    }

    /// What is remembered under `text`, or what `make` makes.
    fn cached_or(
        &self,
        text: &str,
        style: PlaceholderStyle,
        make: impl FnOnce() -> Result<Statement>,
    ) -> Result<Arc<Statement>> {
        if self.sets.is_empty() || text.len() > MAX_TEXT {
            return make().map(Arc::new);
        }
        let hash = hash(text, style);
        let sets = u64::try_from(self.sets.len()).expect("a length fits 64 bits");
        let set = usize::try_from(hash % sets).expect("below a length");
        let set = &self.sets[set];
        let is_it = |e: &Entry| e.hash == hash && e.style == style && *e.source == *text;

        // Poison is no concern: an entry is complete before it is pushed.
        let entries = set.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.iter().find(|e| is_it(e)) {
            // Read before write: the flag is nearly always set, and stays in every core's cache.
            if !entry.used.load(Ordering::Relaxed) {
                entry.used.store(true, Ordering::Relaxed);
            }
            return Ok(Arc::clone(&entry.statement));
        }
        drop(entries);

        let statement = Arc::new(make()?);
        let entry = Entry {
            hash,
            style,
            source: text.into(),
            statement: Arc::clone(&statement),
            used: AtomicBool::new(false),
        };
        let mut entries = set.write().unwrap_or_else(PoisonError::into_inner);
        if entries.iter().any(is_it) {
            return Ok(statement); // Another thread was faster.
        }
        let evicted = if entries.len() < self.ways {
            entries.push(entry);
            None
        } else {
            let victim = entries.iter().position(|e| !e.used.load(Ordering::Relaxed));
            for entry in entries.iter() {
                entry.used.store(false, Ordering::Relaxed);
            }
            Some(std::mem::replace(&mut entries[victim.unwrap_or(0)], entry))
        };
        drop(entries);
        drop(evicted);
        Ok(statement)
    }
}

impl fmt::Debug for Translator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Translator")
            .field("dialect", &self.dialect.name)
            .field("capacity", &(self.sets.len() * self.ways))
            .field("cached", &self.cached())
            .finish()
    }
}

/// Mixes eight bytes at a time. It need not resist an attacker: texts that collide only push each
/// other out of one set.
fn hash(text: &str, style: PlaceholderStyle) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut hash = mix(text.len() as u64, style as u64);
    let mut chunks = text.as_bytes().chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("chunks are eight bytes"));
        hash = mix(hash, word);
    }
    for &byte in chunks.remainder() {
        hash = mix(hash, u64::from(byte));
    }
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    static SQLITE: Dialect = Dialect::SQLITE;

    fn translate(translator: &Translator, text: &str) -> Arc<Statement> {
        translator.translate(&Sql::new(text)).unwrap()
    }

    #[test]
    fn a_statement_is_translated_once() {
        let translator = Translator::new(&SQLITE, 16);
        let first = translate(&translator, "select ?");
        assert!(Arc::ptr_eq(&first, &translate(&translator, "select ?")));
        assert_eq!(translator.cached(), 1);
        // The style is part of the key.
        let native = translator.translate(&Sql::native("select ?")).unwrap();
        assert!(!Arc::ptr_eq(&first, &native));
        assert_eq!(native.parameters(), None);
    }

    #[test]
    fn the_cache_never_holds_more_than_its_capacity() {
        for capacity in [0, 1, 7, 8, 9, 100] {
            let translator = Translator::new(&SQLITE, capacity);
            for i in 0..1_000 {
                let text = format!("select {i}, ?");
                let first = translate(&translator, &text);
                let again = translate(&translator, &text);
                assert_eq!(Arc::ptr_eq(&first, &again), capacity > 0);
                assert!(translator.cached() <= capacity);
            }
            assert!(translator.cached() >= capacity / 2);
        }
    }

    #[test]
    fn what_is_used_stays() {
        let translator = Translator::new(&SQLITE, 8);
        let kept = translate(&translator, "select 'kept', ?");
        for i in 0..1_000 {
            translate(&translator, &format!("select {i}"));
            assert!(Arc::ptr_eq(&kept, &translate(&translator, "select 'kept', ?")), "{i}");
        }
    }

    #[test]
    fn sources_are_kept_where_they_are_asked_for_and_differ() {
        let source = |translator: &Translator, text: &str| {
            translate(translator, text).source().map(|source| source.to_string())
        };
        let plain = Translator::new(&SQLITE, 8);
        assert_eq!(source(&plain, "select ?"), None);
        let keeping = Translator::new(&SQLITE, 8).with_sources(true);
        assert_eq!(source(&keeping, "select 1"), None);
        assert_eq!(source(&keeping, "select ?").unwrap(), "select ?");
        assert_eq!(source(&keeping, "select ?").unwrap(), "select ?");
        let lists = Sql::new("select 1 where 1 in (:a)");
        let (statement, _) = keeping.bind(&lists, crate::params! { a: vec![1, 2, 3] }).unwrap();
        assert_eq!(statement.source().map(|source| &**source), Some(lists.text()));
        let long = format!("select ?, '{}'", "x".repeat(MAX_TEXT));
        assert!(source(&keeping, &long).unwrap().len() < 3_000);
    }

    #[test]
    fn long_texts_and_errors_are_not_kept() {
        let translator = Translator::new(&SQLITE, 8);
        let long = format!("select '{}', ?", "x".repeat(MAX_TEXT));
        assert_eq!(translate(&translator, &long).parameters(), Some(1));
        assert!(translator.translate(&Sql::new("select ?, :a")).is_err());
        assert_eq!(translator.cached(), 0);
    }
}
