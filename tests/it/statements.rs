//! Statements: parameters in every style, rows into every shape, errors that name what is wrong.

use futures_util::StreamExt;
use serde::Deserialize;
use wellspring::{Database, Decimal, ErrorKind, PlaceholderStyle, Row, Sql, Value, params};

use crate::databases::on_every_database;
use crate::support::{Fresh, a_million, numbers};

async fn people(fresh: &Fresh) -> Database {
    let db = fresh.connect().await;
    db.execute(
        "create table people (id integer primary key, name text, height double precision)",
        (),
    )
    .await
    .unwrap();
    for (id, name, height) in [(1, Some("Ada"), 1.65), (2, Some("Grace"), 1.68), (3, None, 1.8)] {
        db.execute("insert into people values (?, ?, ?)", (id, name, height)).await.unwrap();
    }
    db
}

#[derive(Debug, Deserialize, PartialEq)]
struct Person {
    id: i64,
    name: Option<String>,
}

on_every_database! {
    async fn rows_become_structs_tuples_scalars_and_rows(fresh: Fresh) {
        let db = people(&fresh).await;
        let all: Vec<Person> = db.query("select * from people order by id", ()).all().await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[2], Person { id: 3, name: None });
        let pair: (String, f64) =
            db.query("select name, height from people where id = ?", (1,)).one().await.unwrap();
        assert_eq!(pair, ("Ada".to_owned(), 1.65));
        let count: i64 = db.query("select count(*) from people", ()).one().await.unwrap();
        assert_eq!(count, 3);
        let row: Row = db.query("select * from people where id = 2", ()).one().await.unwrap();
        assert_eq!(row.try_get::<&str>("NAME").unwrap(), "Grace");
        assert_eq!(row.try_get::<i64>(0).unwrap(), 2);
        let none: Option<Person> =
            db.query("select * from people where id = 9", ()).optional().await.unwrap();
        assert_eq!(none, None);
    }

    async fn one_row_means_one_row(fresh: Fresh) {
        let db = people(&fresh).await;
        let missing = db.query("select id from people where id = 9", ()).one::<i64>().await;
        assert_eq!(missing.unwrap_err().kind(), ErrorKind::RowNotFound);
        let many = db.query("select id from people", ()).one::<i64>().await;
        assert_eq!(many.unwrap_err().kind(), ErrorKind::TooManyRows);
        let many = db.query("select id from people", ()).optional::<i64>().await;
        assert_eq!(many.unwrap_err().kind(), ErrorKind::TooManyRows);
        assert_eq!(db.status().used, 0, "the connection is back");
    }

    async fn every_placeholder_style_reaches_the_database(fresh: Fresh) {
        let db = people(&fresh).await;
        for (style, text) in [
            (PlaceholderStyle::Portable, "select name from people where id = ? and 1 = ?"),
            (PlaceholderStyle::Dollar, "select name from people where id = $1 and 1 = $2"),
            (PlaceholderStyle::At, "select name from people where id = @p1 and 1 = @p2"),
            (PlaceholderStyle::Colon, "select name from people where id = :1 and 1 = :2"),
            (PlaceholderStyle::PercentS, "select name from people where id = %s and 1 = %s"),
        ] {
            let sql = Sql::new(text).style(style);
            let name: String = db.query(sql, (2, 1)).one().await.unwrap();
            assert_eq!(name, "Grace", "{style}");
        }
        for (style, text) in [
            (PlaceholderStyle::Portable, "select name from people where id = :id or id = :id"),
            (PlaceholderStyle::PercentNamed, "select name from people where id = %(id)s"),
        ] {
            let name: String =
                db.query(Sql::new(text).style(style), params! { id: 1 }).one().await.unwrap();
            assert_eq!(name, "Ada", "{style}");
        }
    }

    async fn text_that_only_looks_like_a_placeholder_is_left_alone(fresh: Fresh) {
        let db = people(&fresh).await;
        let name = db.dialect().quote_identifier("name");
        let text = format!(
            "select '12:30 ? :name', {name} /* ? */, id -- :other ?\n from people where id = :id"
        );
        let row: (String, String, i64) = db
            .query(text, params! { id: 1 })
            .one()
            .await
            .unwrap();
        assert_eq!(row, ("12:30 ? :name".to_owned(), "Ada".to_owned(), 1));
    }

    async fn a_percent_sign_reaches_the_database_as_written(fresh: Fresh) {
        let db = people(&fresh).await;
        let row: (i64, String, i64) = db
            .query("select 17 % 5, '100%', count(*) from people where name like 'A%' and 1 = ?", (1,))
            .one()
            .await
            .unwrap();
        assert_eq!(row, (2, "100%".to_owned(), 1));
        let sql = Sql::new("select 17 % 5, '%%' from people where id = %s")
            .style(PlaceholderStyle::PercentS);
        let row: (i64, String) = db.query(sql, (1,)).one().await.unwrap();
        assert_eq!(row, (2, "%%".to_owned()));
    }

    async fn parameters_that_do_not_fit_are_refused_before_a_connection_is_taken(fresh: Fresh) {
        let db = fresh.builder().build().unwrap();
        let two = "select ? + ?";
        for (result, words) in [
            (db.execute(two, (1,)).await, vec!["2", "1"]),
            (db.execute(two, (1, 2, 3)).await, vec!["2", "3"]),
            (db.execute(two, ()).await, vec!["2", "no values"]),
            (db.execute("select :a + :b", params! { a: 1 }).await, vec!["b"]),
            (db.execute("select :name", params! { nme: 1, name: 2 }).await, vec!["nme"]),
            (db.execute("select :a, ?", (1,)).await, vec![]),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parameters, "{error}");
            for word in words {
                assert!(error.to_string().contains(word), "{error}: no {word}");
            }
        }
        assert_eq!(db.status().size, 0, "a connection was opened for nothing");
    }

    async fn a_wrong_type_names_column_native_type_and_target(fresh: Fresh) {
        let db = people(&fresh).await;
        let row: Row = db.query("select name from people where id = 1", ()).one().await.unwrap();
        let error = row.try_get::<i64>("name").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        let text = error.to_string();
        for word in ["name", "text", "i64"] {
            assert!(text.to_lowercase().contains(word), "{text}");
        }
        assert!(!text.contains("Ada"), "values stay out of errors: {text}");
        let error = row.try_get::<String>("nme").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ColumnNotFound);
        let error = db.query("select name from people", ()).all::<(i64,)>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        let null = db.query("select null", ()).one::<i64>().await.unwrap_err();
        assert_eq!(null.kind(), ErrorKind::Decode, "{null}");
    }

    async fn execute_reports_rows_and_keys(fresh: Fresh) {
        let db = people(&fresh).await;
        let done = db.execute("insert into people values (4, ?, null)", ("Alan",)).await.unwrap();
        assert_eq!(done.rows_affected, 1);
        // Generated keys, where the database tells them without being asked.
        if let Some(generated) = crate::databases::generated_key(db.dialect().name) {
            db.execute(format!("create table keyed (id {generated}, a integer)"), ()).await.unwrap();
            for n in 1..=3 {
                let done = db.execute("insert into keyed (a) values (?)", (7,)).await.unwrap();
                let key: i64 = match done.last_insert_id {
                    Some(Value::I64(key)) => key,
                    Some(Value::U64(key)) => key.try_into().unwrap(),
                    other => panic!("{other:?}"),
                };
                assert_eq!(key, n);
            }
        }
        let done = db.execute("update people set height = 2 where id > ?", (1,)).await.unwrap();
        assert_eq!(done.rows_affected, 3);
        let done = db.execute("create table other (a integer)", ()).await.unwrap();
        assert_eq!(done.rows_affected, 0);
    }

    async fn a_stream_is_read_to_its_end_in_order(fresh: Fresh) {
        let db = fresh.connect().await;
        let numbers = numbers(50_000);
        let mut stream = db.query(&numbers, ()).stream();
        let mut expected = 0_i64;
        while let Some(row) = stream.next().await.unwrap() {
            expected += 1;
            assert_eq!(row.try_get::<i64>(0).unwrap(), expected);
        }
        assert_eq!(expected, 50_000);
        drop(stream);
        let sum = db
            .query(&numbers, ())
            .stream()
            .map(|row| row.unwrap().try_get::<i64>(0).unwrap())
            .fold(0, |sum, n| async move { sum + n })
            .await;
        assert_eq!(sum, 50_000 * 50_001 / 2);
        assert_eq!(db.status().used, 0);
    }

    async fn a_stream_dropped_early_gives_its_connection_back(fresh: Fresh) {
        let db = fresh.builder().max_size(1).connect().await.unwrap();
        let many = a_million();
        for _ in 0..10 {
            let mut stream = db.query(&many, ()).stream();
            for _ in 0..300 {
                stream.next().await.unwrap().unwrap();
            }
            drop(stream);
            let one: i64 = db.query("select 1", ()).one().await.unwrap();
            assert_eq!(one, 1);
        }
        assert_eq!(db.stats().pool.counters.connected, 1, "the connection was not thrown away");
    }

    async fn an_error_inside_a_stream_ends_it(fresh: Fresh) {
        let db = fresh.connect().await;
        let mut stream = db.query("select * from nowhere", ()).stream();
        assert_eq!(stream.next().await.unwrap_err().kind(), ErrorKind::UndefinedObject);
        assert_eq!(db.status().used, 0, "the error gave the connection back");
        assert!(stream.next().await.unwrap().is_none());
        let mut stream = db.query("select ?", ()).stream();
        assert_eq!(stream.next().await.unwrap_err().kind(), ErrorKind::Parameters);
    }

    async fn every_error_names_its_database(fresh: Fresh) {
        let db = fresh.builder().name("orders").max_size(1).connect().await.unwrap();
        let failed: Result<(), wellspring::Error> =
            db.transaction(async |mut tx| tx.execute("nonsense", ()).await.map(drop)).await;
        let level = wellspring::IsolationLevel::Snapshot;
        let options = wellspring::TransactionOptions::new().isolation(level);
        let errors = [
            db.execute("nonsense", ()).await.unwrap_err(),
            db.execute("select ?", ()).await.unwrap_err(),
            db.query("nonsense", ()).all::<Row>().await.unwrap_err(),
            db.query("select 1 from (select 1 as x) y where 1 = 0", ()).one::<i64>().await.unwrap_err(),
            db.query("nonsense", ()).stream().next().await.unwrap_err(),
            db.execute_script("nonsense").await.unwrap_err(),
            db.begin_with(options).await.unwrap_err(),
            failed.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.database(), Some("orders"), "{error:?}");
            assert!(error.to_string().starts_with("orders: "), "{error}");
        }
    }

    async fn decimals_lose_nothing(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table prices (p text)", ()).await.unwrap();
        let exact = "12345678901234567890123456789.000000000010";
        let price: Decimal = exact.parse().unwrap();
        db.execute("insert into prices values (?)", (price.clone(),)).await.unwrap();
        let row: Row = db.query("select p from prices", ()).one().await.unwrap();
        let back: Decimal = row.try_get(0).unwrap();
        assert_eq!(back.to_string(), exact);
    }

    async fn a_script_runs_statement_by_statement(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute_script(
            "create table a (x text); insert into a values ('one;two'); -- a ; comment\n\
             insert into a values ('three')",
        )
        .await
        .unwrap();
        let all: Vec<String> = db.query("select x from a order by x", ()).all().await.unwrap();
        assert_eq!(all, ["one;two", "three"]);
        let error = db.execute_script("insert into a values ('four'); nonsense").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax);
        assert_eq!(error.database(), Some("default"));
    }
}
