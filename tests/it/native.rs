//! The driver's own connection, out of the pool and back.

use wellspring::{ErrorKind, Row};

use crate::databases::on_every_database;

on_every_database! {
    async fn native_access_is_had_and_cleaned_after(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        {
            let mut connection = db.connection().await.unwrap();
            let native = connection.native_mut::<rusqlite::Connection>().unwrap();
            native.execute_batch("begin; create table left_open (a integer)").unwrap();
            assert!(connection.native_mut::<String>().is_err());
        }
        let error = db.query("select * from left_open", ()).all::<Row>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UndefinedObject, "{error}");
        assert_eq!(db.stats().pool.counters.resets, 1);
    }
}
