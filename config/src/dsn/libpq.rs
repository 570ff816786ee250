//! `host=… port=… dbname=…`, as libpq has them.

use wellspring_connector::Result;

use super::draft::Draft;
use super::error::{config, malformed};
use super::kind::Kind;
use super::pairs;
use super::scheme::Database;

/// Reads a whole connection string.
pub(crate) fn read(text: &str) -> Result<Draft> {
    let mut draft = Draft::new(Kind::Libpq, Database::Postgres);
    for pair in pairs::libpq(text).map_err(|trouble| malformed(Kind::Libpq, trouble))? {
        if pair.key == "dbname" && (pair.value.contains("://") || pair.value.contains('=')) {
            return Err(config(
                "`dbname` in the libpq connection string holds another connection string: expected \
                 the name of a database, or that connection string alone",
            ));
        }
        draft.pair(pair.key, &pair.value, pair.quoted)?;
    }
    Ok(draft)
}
