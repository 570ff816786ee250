//! `Driver={…};Server=…` and `DSN=…`, as ODBC has them.
//!
//! Which database it is for is known to the ODBC driver alone, and so are its keys: all but the user and
//! the password are kept as options, by the names they were written with.

use wellspring_connector::Result;

use super::draft::Draft;
use super::error::malformed;
use super::kind::Kind;
use super::pairs;
use super::scheme::Database;

/// The name of a data source.
pub(crate) const DSN: &str = "DSN";

/// Reads a whole connection string.
pub(crate) fn read(text: &str) -> Result<Draft> {
    let mut draft = Draft::new(Kind::Odbc, Database::Odbc);
    pairs(&mut draft, text)?;
    Ok(draft)
}

/// Takes down its pairs.
pub(crate) fn pairs(draft: &mut Draft, text: &str) -> Result<()> {
    for pair in pairs::braced(text).map_err(|trouble| malformed(Kind::Odbc, trouble))? {
        draft.pair(pair.key, &pair.value, pair.quoted)?;
    }
    Ok(())
}
