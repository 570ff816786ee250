//! Values in and out, with their edges.

use wellspring_connector::{Array, Command, ErrorKind, Native, Row, Uuid, Value, ValueKind};

use crate::support::{Conn, all, exec, fail, memory, one, run};

async fn stored(c: &mut Conn, value: Value) -> (String, Value) {
    let rows = all(c, "select typeof(?1), ?1", &[value]).await.unwrap();
    let mut row = rows.into_iter().next().unwrap().into_iter();
    let Some(Value::Text(kind)) = row.next() else { panic!("typeof is a text") };
    (kind.into(), row.next().unwrap())
}

#[tokio::test]
async fn every_kind() {
    let mut c = memory().await;
    let text = |t: &str| Value::Text(t.into());
    for (value, kind, back) in [
        (Value::Null(ValueKind::Text), "null", Value::Null(ValueKind::Unknown)),
        (Value::Bool(true), "integer", Value::I64(1)),
        (Value::Bool(false), "integer", Value::I64(0)),
        (Value::I16(i16::MIN), "integer", Value::I64(i16::MIN.into())),
        (Value::I32(i32::MAX), "integer", Value::I64(i32::MAX.into())),
        (Value::I64(i64::MIN), "integer", Value::I64(i64::MIN)),
        (Value::I64(i64::MAX), "integer", Value::I64(i64::MAX)),
        (Value::U64(i64::MAX as u64), "integer", Value::I64(i64::MAX)),
        (Value::F32(0.5), "real", Value::F64(0.5)),
        (Value::F64(f64::MIN_POSITIVE), "real", Value::F64(f64::MIN_POSITIVE)),
        (Value::F64(f64::INFINITY), "real", Value::F64(f64::INFINITY)),
        (Value::F64(f64::NEG_INFINITY), "real", Value::F64(f64::NEG_INFINITY)),
        (text(""), "text", text("")),
        (text("naïve 🦀\0after"), "text", text("naïve 🦀\0after")),
        (Value::Bytes(vec![].into()), "blob", Value::Bytes(vec![].into())),
        (Value::Bytes(vec![0, 255].into()), "blob", Value::Bytes(vec![0, 255].into())),
        (Value::Json(r#"{"a": 1}"#.into()), "text", text(r#"{"a": 1}"#)),
        (Value::Uuid(Uuid([7; 16])), "blob", Value::Bytes(vec![7; 16].into())),
        (Value::Decimal("-12.3400".parse().unwrap()), "text", text("-12.3400")),
        (Value::Date("2024-02-29".parse().unwrap()), "text", text("2024-02-29")),
        (Value::Time("08:30:00.5".parse().unwrap()), "text", text("08:30:00.5")),
        (
            Value::Timestamp("2024-02-29T08:30:00.000001".parse().unwrap()),
            "text",
            text("2024-02-29 08:30:00.000001"),
        ),
        (
            Value::TimestampTz("2024-02-29T08:30:00+02:00".parse().unwrap()),
            "text",
            text("2024-02-29T06:30:00Z"),
        ),
        (
            Value::Native(Box::new(Native {
                type_name: "inet".into(),
                text: Some("::1".into()),
                bytes: None,
            })),
            "text",
            text("::1"),
        ),
    ] {
        assert_eq!(stored(&mut c, value.clone()).await, (kind.to_owned(), back), "{value:?}");
    }
}

#[tokio::test]
async fn what_sqlite_cannot_hold() {
    let mut c = memory().await;
    let array = Value::Array(Box::new(Array::new(ValueKind::I64, vec![Value::I64(1)])));
    let native = Value::Native(Box::new(Native {
        type_name: "geometry".into(),
        text: None,
        bytes: Some(vec![1].into()),
    }));
    for (value, kind) in [
        (Value::U64(u64::MAX), ErrorKind::Encode),
        (Value::F64(f64::NAN), ErrorKind::Encode),
        (Value::F32(f32::NAN), ErrorKind::Encode),
        (array, ErrorKind::Unsupported),
        (native, ErrorKind::Unsupported),
    ] {
        let error = exec(&mut c, "select ?1, ?2", &[1.into(), value]).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("parameter 2"), "{error}");
    }
}

async fn row(c: &mut Conn, text: &str) -> Row {
    c.query(Command::new(text, &[])).await.unwrap().next().await.unwrap().unwrap()
}

#[tokio::test]
async fn dates_and_decimals_come_back_by_conversion() {
    let mut c = memory().await;
    let row = row(
        &mut c,
        "select '2024-02-29', '12.50', x'00112233445566778899aabbccddeeff', 1, \
         datetime('2024-02-29 08:30:00'), 1.5",
    )
    .await;
    assert_eq!(row.try_get::<wellspring_connector::Date>(0).unwrap().to_string(), "2024-02-29");
    assert_eq!(row.try_get::<wellspring_connector::Decimal>(1).unwrap().to_string(), "12.50");
    assert!(row.try_get::<Uuid>(2).is_ok());
    assert!(row.try_get::<bool>(3).unwrap());
    assert!(row.try_get::<wellspring_connector::Timestamp>(4).is_ok());
    let error = row.try_get::<wellspring_connector::Decimal>(5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "never through a float");
}

#[tokio::test]
async fn broken_text_is_an_error_that_names_the_column() {
    let mut c = memory().await;
    let row = row(&mut c, "select 1 as good, cast(x'61ff62' as text) as bad").await;
    assert_eq!(row.try_get::<i64>("good").unwrap(), 1);
    let error = row.try_get::<&str>("bad").unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Decode, Some("bad")));
}

#[tokio::test]
async fn large_values() {
    let mut c = memory().await;
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|i| i as u8).collect();
    run(&mut c, "create table t (b blob, s text)").await;
    let text = "ü".repeat(1_000_000);
    let values = [Value::Bytes(bytes.clone().into()), Value::Text(text.clone().into())];
    exec(&mut c, "insert into t values (?1, ?2)", &values).await.unwrap();
    let row = row(&mut c, "select * from t").await;
    assert!(row.try_get::<&[u8]>(0).unwrap() == bytes);
    assert!(row.try_get::<&str>(1).unwrap() == text);
}

#[tokio::test]
async fn columns() {
    let mut c = memory().await;
    run(&mut c, "create table t (id INTEGER, price DECIMAL(10,2), n)").await;
    let rows =
        c.query(Command::new("select id, price, n, 1 + 1 as two, id from t", &[])).await.unwrap();
    let found: Vec<_> =
        rows.columns().iter().map(|c| (&*c.name, &*c.native_type, c.kind)).collect();
    let unknown = ValueKind::Unknown;
    assert_eq!(
        found,
        [
            ("id", "INTEGER", unknown),
            ("price", "DECIMAL(10,2)", unknown),
            ("n", "", unknown),
            ("two", "", unknown),
            ("id", "INTEGER", unknown),
        ]
    );
}

#[tokio::test]
async fn one_value_for_several_markers() {
    let mut c = memory().await;
    let rows = all(&mut c, "select ?2, ?1, ?2", &[1.into(), "x".into()]).await.unwrap();
    let x = Value::Text("x".into());
    assert_eq!(rows, [[x.clone(), Value::I64(1), x]]);
}

#[tokio::test]
async fn affected_rows_and_keys() {
    let mut c = memory().await;
    let table = run(&mut c, "create table t (id integer primary key, a int unique, n int)").await;
    assert_eq!((table.rows_affected, table.last_insert_id), (0, None));
    let first = run(&mut c, "insert into t (a) values (1), (2), (3)").await;
    assert_eq!((first.rows_affected, first.last_insert_id), (3, Some(Value::I64(3))));
    let select = run(&mut c, "select * from t").await;
    assert_eq!((select.rows_affected, select.last_insert_id), (0, None));
    let update = run(&mut c, "update t set n = 1 where a < 3").await;
    assert_eq!((update.rows_affected, update.last_insert_id), (2, None));
    let none = run(&mut c, "update t set n = 1 where a > 30").await;
    assert_eq!(none.rows_affected, 0);
    let index = run(&mut c, "create index i on t (n)").await;
    assert_eq!(index.rows_affected, 0, "not those of the update");
    let upsert =
        run(&mut c, "insert into t (a) values (3) on conflict (a) do update set n = 5").await;
    assert_eq!((upsert.rows_affected, upsert.last_insert_id), (1, None), "it updated");
    let ignored = run(&mut c, "insert or ignore into t (a) values (3)").await;
    assert_eq!((ignored.rows_affected, ignored.last_insert_id), (0, None));
    let with = run(&mut c, "with x as (select 9 as a) insert into t (a) select a from x").await;
    assert_eq!((with.rows_affected, with.last_insert_id), (1, Some(Value::I64(4))));
    let returning = run(&mut c, "insert into t (a) values (10), (11) returning id").await;
    assert_eq!((returning.rows_affected, returning.last_insert_id), (2, Some(Value::I64(6))));
    let delete = run(&mut c, "delete from t").await;
    assert_eq!((delete.rows_affected, delete.last_insert_id), (6, None));
    assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 0);
}

#[tokio::test]
async fn returning_streams_like_a_query() {
    let mut c = memory().await;
    run(&mut c, "create table t (id integer primary key, a)").await;
    let rows = all(&mut c, "insert into t (a) values ('x'), ('y') returning id, a", &[]).await;
    assert_eq!(rows.unwrap().len(), 2);
    // Dropped after the first row, the statement has still inserted everything.
    let mut rows = c
        .query(Command::new(
            "insert into t (a) with recursive n(i) as (select 1 union all select i + 1 from n \
             where i < 5000) select i from n returning id",
            &[],
        ))
        .await
        .unwrap();
    rows.next().await.unwrap().unwrap();
    drop(rows);
    assert_eq!(one::<i64>(&mut c, "select count(*) from t").await.unwrap(), 5002);
    assert_eq!(fail(&mut c, "commit").await.kind(), ErrorKind::Usage, "no transaction is left");
}
