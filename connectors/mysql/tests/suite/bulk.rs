//! Many rows in: by a load, or by statements where the server takes no load.

use std::time::Duration;

use futures_util::StreamExt;
use wellspring_connector::{
    BulkTarget, Date, Error, ErrorKind, Native, SessionState, TransactionOptions, Value, bulk_rows,
    bulk_stream,
};
use wellspring_testkit::servers::{Kind, MariaDb, MySql};

use crate::support::{connect_with, fresh, on_both};

const TABLE: &str = "create table b (id bigint primary key, name longtext, value double, \
                     raw blob, flag bit(1), day date)";

on_both! {
    async fn rows_go_in_all_or_none(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run(TABLE, ()).await;
        let into = BulkTarget::new("b", ["id", "name", "value", "raw", "flag", "day"]);
        let day: Date = "2026-11-21".parse().unwrap();
        let rows = (0..20_000_i64).map(|id| {
            let name = (id % 3 != 0).then(|| format!("row\t{id}\n\\N '\0' é"));
            (id, name, id as f64 / 4.0, vec![0_u8, 9, 10, 92, 255], id % 2 == 0, day)
        });
        let inserted = session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap();
        assert_eq!(inserted, 20_000);
        assert_eq!(session.connection.state(), SessionState::Idle);
        let kept: (i64, i64, i64, String) = session
            .get(
                "select count(*), sum(name is null), sum(raw = x'00090a5cff' and flag = (id % 2 = 0) \
                 and day = '2026-11-21' and value = id / 4), max(name) from b",
                (),
            )
            .await;
        assert_eq!((kept.0, kept.1, kept.2), (20_000, 6_667, 20_000));
        assert_eq!(kept.3, "row\t9998\n\\N '\0' é");

        // A duplicate key, a value that does not fit, a row of another width, a source that fails.
        let into = BulkTarget::new("b", ["id", "day"]);
        for (kind, rows) in [
            (ErrorKind::UniqueViolation, vec![(50_000_i64, "2026-01-01"), (5, "2026-01-01")]),
            (ErrorKind::DataOutOfRange, vec![(50_001, "2026-01-01"), (50_002, "no day")]),
        ] {
            let error =
                session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
        }
        let error = session
            .connection
            .bulk_insert(&into, &mut bulk_rows([(60_000_i64,)]))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameters, "{error:?}");
        let failing = futures_util::stream::iter(0..1_000_i64).map(|n| {
            if n < 999 { Ok((70_000 + n, None::<String>)) }
            else { Err(Error::new(ErrorKind::Other, "dried up")) }
        });
        let error =
            session.connection.bulk_insert(&into, &mut bulk_stream(failing)).await.unwrap_err();
        assert_eq!(error.message(), "dried up");
        assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 20_000);
        assert_eq!(session.connection.state(), SessionState::Idle);
    }

    async fn modes_of_the_server_change_nothing(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run(TABLE, ()).await;
        session.run("set sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'", ()).await;
        let text = "a\\b\tc\nd\\N'e\"f\0";
        let into = BulkTarget::new("b", ["id", "name", "raw"]);
        let rows = [(1, text, Some(vec![0_u8, 9, 10, 92])), (2, "\\N", None)];
        session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap();
        let kept: Vec<(String, Option<Vec<u8>>)> =
            session.query("select name, raw from b order by id", ()).all().await.unwrap();
        let whole = (text.to_owned(), Some(vec![0_u8, 9, 10, 92]));
        assert_eq!(kept, [whole, ("\\N".to_owned(), None)]);
    }

    async fn values_of_other_databases_are_loaded_as_they_are_bound(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create table b (id int, name text, raw blob)", ()).await;
        let native = |text: Option<&str>, bytes: Option<&[u8]>| {
            let (text, bytes) = (text.map(Into::into), bytes.map(|bytes| bytes.to_vec().into()));
            Value::Native(Box::new(Native { type_name: "odd".into(), text, bytes }))
        };
        let rows = [
            [Value::I32(1), native(Some("'it''s' a \\ x'"), None), native(None, Some(&[0xff, 39, 92, 0]))],
            [Value::I32(1), native(None, Some(b"'y\\'")), native(Some("'z'"), None)],
        ];
        let into = BulkTarget::new("b", ["id", "name", "raw"]);
        session.connection.bulk_insert(&into, &mut bulk_rows(rows.clone())).await.unwrap();
        for row in rows {
            session.query("insert into b values (?, ?, ?)", row.to_vec()).execute().await.unwrap();
        }
        let different: i64 = session
            .get("select count(*) from (select distinct id, name, raw from b) x", ())
            .await;
        assert_eq!((different, session.get::<i64>("select count(*) from b", ()).await), (2, 4));
    }

    async fn a_load_is_part_of_an_open_transaction_and_can_be_dropped(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run(TABLE, ()).await;
        let into = BulkTarget::new("b", ["id"]);
        session.connection.begin(TransactionOptions::new()).await.unwrap();
        session.run("insert into b (id) values (1000)", ()).await;
        let rows = (0..10_i64).map(|id| (id,));
        session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap();
        // One that fails undoes itself only.
        let twice = [(20_i64,), (1_000,)];
        session.connection.bulk_insert(&into, &mut bulk_rows(twice)).await.unwrap_err();
        assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 11);
        session.connection.rollback().await.unwrap();
        assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 0);
        for rows in [0, 1, 50_000_i64] {
            let never = futures_util::stream::iter((0..rows).map(|id| Ok((id,))))
                .chain(futures_util::stream::pending());
            let mut never = bulk_stream(never);
            let inserting = session.connection.bulk_insert(&into, &mut never);
            assert!(tokio::time::timeout(Duration::from_millis(200), inserting).await.is_err());
            assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 0, "{rows}");
            assert_eq!(session.connection.state(), SessionState::Idle);
        }
    }

    async fn a_server_that_takes_no_files_takes_statements(kind: Kind) {
        let mut servers: (Option<MySql>, Option<MariaDb>) = (None, None);
        let url = if kind == Kind::MariaDb {
            let server = MariaDb::options().arg("--local-infile=0").start().expect("a server");
            let url = server.url();
            servers.1 = Some(server);
            url
        } else {
            let server = MySql::options().arg("--local-infile=0").start().expect("a server");
            let url = server.url();
            servers.0 = Some(server);
            url
        };
        let options = wellspring_mysql::MySqlOptions::from_url(&url).unwrap();
        let mut session = connect_with(options).await;
        session.run("create table b (id bigint primary key, name text)", ()).await;
        let into = BulkTarget::new("b", ["id", "name"]);
        let rows = (0..1_234_i64).map(|id| (id, "x"));
        let inserted = session.connection.bulk_insert(&into, &mut bulk_rows(rows)).await.unwrap();
        assert_eq!(inserted, 1_234);
        assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 1_234);
        drop(session);
        drop(servers);
    }

    async fn nothing_is_given_to_a_server_that_asks_at_another_time(kind: Kind) {
        let (mut session, _, _databases) = fresh(kind).await;
        session.run("create table b (line text)", ()).await;
        let error = session
            .query("load data local infile '/etc/hostname' into table b", ())
            .execute()
            .await
            .unwrap_err();
        assert!(!error.to_string().is_empty());
        session.connection.reset(Default::default()).await.unwrap();
        assert_eq!(session.get::<i64>("select count(*) from b", ()).await, 0);
    }
}
