//! Statements that write themselves.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use serde::Serialize;
use wellspring::prelude::*;
use wellspring::{Row, Selection, Table};

use crate::databases::on_every_database;
use crate::support::Fresh;

async fn shop(fresh: &Fresh) -> Database {
    let db = fresh.connect().await;
    db.execute(
        "create table goods (id integer not null primary key, name varchar(100), price integer, \
         seen timestamp null)",
        (),
    )
    .await
    .unwrap();
    db
}

async fn stock(fresh: &Fresh) -> Database {
    let db = shop(fresh).await;
    let rows = (1..=10).map(|id| params! { id: id, name: format!("thing {id}"), price: id * 10 });
    assert_eq!(db.insert_many("goods", rows).execute().await.unwrap().rows_affected, 10);
    db
}

async fn ids(db: &Database, condition: Condition) -> Vec<i64> {
    db.select("goods").columns(["id"]).filter(condition).order_by("id").all().await.unwrap()
}

/// Whether rows that were written come back.
fn returns(db: &Database) -> bool {
    db.dialect().name != "mysql"
}

on_every_database! {
    async fn a_row_in_every_form(fresh: Fresh) {
        let db = shop(&fresh).await;
        #[derive(Serialize)]
        struct Good { id: i64, name: &'static str, price: Option<i32> }
        db.insert("goods", params! { id: 1, name: "by name" }).execute().await.unwrap();
        db.insert("goods", [("id", 2)]).execute().await.unwrap();
        db.insert("goods", Record::of(&Good { id: 3, name: "a struct", price: None })).execute().await.unwrap();
        let map = BTreeMap::from([("id", Value::I32(4)), ("name", "a map".into())]);
        db.insert("goods", map).execute().await.unwrap();
        let by_hand = Record::new()
            .set("id", 5)
            .set("name", "by hand")
            .set_expr("seen", Expr::current_timestamp());
        let done = db.insert(["goods"], &by_hand).execute().await.unwrap();
        assert_eq!(done.rows_affected, 1);
        let names: Vec<(i64, Option<String>)> =
            db.select("goods").columns(["id", "name"]).order_by("id").all().await.unwrap();
        let expected = [
            (1, Some("by name")), (2, None), (3, Some("a struct")), (4, Some("a map")), (5, Some("by hand")),
        ];
        assert!(names.iter().map(|(id, name)| (*id, name.as_deref())).eq(expected));
        let seen: i64 = db
            .query("select count(*) from goods where seen is not null", ())
            .one().await.unwrap();
        assert_eq!(seen, 1);
    }

    async fn written_rows_come_back_where_the_database_can(fresh: Fresh) {
        let db = stock(&fresh).await;
        let insert = db.insert("goods", params! { id: 11, name: "new" }).returning(["name", "id"]);
        if !returns(&db) {
            let error = insert.one::<Row>().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.message().contains("last_insert_id"), "{error}");
            let many = db.insert_many("goods", [params! { id: 12 }]).returning(["id"]);
            assert_eq!(many.all::<i64>().await.unwrap_err().kind(), ErrorKind::Unsupported);
            return;
        }
        let back: (String, i64) = insert.one().await.unwrap();
        assert_eq!(back, ("new".to_owned(), 11));
        let rows = (20..25).map(|id| params! { id: id });
        let mut many: Vec<i64> =
            db.insert_many("goods", rows).returning(["id"]).all().await.unwrap();
        many.sort_unstable();
        assert_eq!(many, [20, 21, 22, 23, 24]);
        let mut gone: Vec<i64> =
            db.delete("goods").filter(col("id").ge(20)).returning(["id"]).all().await.unwrap();
        gone.sort_unstable();
        assert_eq!(gone, many);
        let update = db.update("goods", params! { price: 7 }).filter(col("id").eq(11));
        let update = update.returning(["price"]);
        match db.dialect().name {
            "mariadb" => {
                assert_eq!(update.one::<i64>().await.unwrap_err().kind(), ErrorKind::Unsupported);
            }
            _ => assert_eq!(update.one::<i64>().await.unwrap(), 7),
        }
    }

    async fn updates_and_deletes_are_about_the_rows_that_are_meant(fresh: Fresh) {
        let db = stock(&fresh).await;
        let changes = Record::new().set_expr("price", Expr::column("price").plus(1)).set("name", "x");
        let done = db.update("goods", changes).filter(col("id").le(3)).execute().await.unwrap();
        assert_eq!(done.rows_affected, 3);
        assert_eq!(ids(&db, col("name").eq("x").and(col("price").is_in([11, 21, 31]))).await, [1, 2, 3]);
        let done = db.delete("goods").filter(col("id").between(4, 6)).execute().await.unwrap();
        assert_eq!(done.rows_affected, 3);
        assert_eq!(ids(&db, Condition::all([])).await, [1, 2, 3, 7, 8, 9, 10]);

        for condition in [None, Some(Condition::all([])), Some(col("id").not_in([0_i64; 0]))] {
            let (mut update, mut delete) =
                (db.update("goods", params! { name: "all" }), db.delete("goods"));
            if let Some(condition) = condition {
                update = update.filter(condition.clone());
                delete = delete.filter(condition);
            }
            for error in [update.execute().await.unwrap_err(), delete.execute().await.unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::Usage);
                assert!(error.message().contains("all_rows()"), "{error}");
            }
        }
        let done = db.update("goods", params! { name: "all" }).all_rows().execute().await.unwrap();
        assert_eq!(done.rows_affected, 7);
        // Said twice, the condition counts.
        db.delete("goods").all_rows().filter(col("id").eq(1)).execute().await.unwrap();
        db.delete("goods").filter(col("id").eq(2)).all_rows().execute().await.unwrap();
        assert_eq!(ids(&db, Condition::all([])).await, [3, 7, 8, 9, 10]);
        assert_eq!(db.delete("goods").all_rows().execute().await.unwrap().rows_affected, 5);
    }

    async fn upserts_insert_or_update(fresh: Fresh) {
        let db = stock(&fresh).await;
        let row = params! { id: 3, name: "changed", price: 1 };
        db.upsert("goods", row.clone(), ["id"]).keep(["price"]).execute().await.unwrap();
        let three: (String, i64) =
            db.select("goods").columns(["name", "price"]).filter(col("id").eq(3)).one().await.unwrap();
        assert_eq!(three, ("changed".to_owned(), 30));
        db.upsert("goods", params! { id: 3, name: "no" }, ["id"]).do_nothing().execute().await.unwrap();
        db.upsert("goods", params! { id: 30, name: "new" }, ["id"]).execute().await.unwrap();
        // The last of the same key counts, whatever the order of the columns.
        let rows = [
            params! { id: 40, name: "first", price: 1 },
            params! { price: 2, id: 41, name: "other" },
            params! { name: "second", price: 3, id: 40 },
            params! { id: 3, name: "many", price: 4 },
        ];
        db.upsert_many("goods", rows, ["id"]).execute().await.unwrap();
        let all: Vec<(i64, String, Option<i64>)> = db
            .select("goods")
            .columns(["id", "name", "price"])
            .filter(col("id").is_in([3, 30, 40, 41]))
            .order_by("id")
            .all().await.unwrap();
        let row = |id, name: &str, price| (id, name.to_owned(), price);
        assert_eq!(all, [
            row(3, "many", Some(4)), row(30, "new", None), row(40, "second", Some(3)), row(41, "other", Some(2)),
        ]);
    }

    async fn many_rows_are_updated_by_key(fresh: Fresh) {
        let db = stock(&fresh).await;
        let rows = (1..=5).map(|id| params! { price: -id, id: id });
        assert_eq!(db.bulk_update("goods", rows, ["id"]).execute().await.unwrap().rows_affected, 5);
        assert_eq!(ids(&db, col("price").lt(0)).await, [1, 2, 3, 4, 5]);
        // All or none: the last one breaks the rules.
        let rows = [params! { id: 1, name: Some("a".repeat(5)) }, params! { id: 2, name: None::<String> }];
        db.execute("create unique index goods_name on goods (name)", ()).await.unwrap();
        db.bulk_update("goods", rows, ["id"]).execute().await.unwrap();
        let rows = [params! { id: 8, name: "b" }, params! { id: 9, name: "b" }];
        let error = db.bulk_update("goods", rows, ["id"]).execute().await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::UniqueViolation, Some(1)), "{error}");
        assert_eq!(ids(&db, col("name").eq("b")).await, [0_i64; 0]);
    }

    async fn selects_are_cut_ordered_and_streamed(fresh: Fresh) {
        let db = stock(&fresh).await;
        let page = |limit, offset| db.select("goods").columns(["id"]).order_by_desc("id").limit(limit).offset(offset);
        assert_eq!(page(3, 0).all::<i64>().await.unwrap(), [10, 9, 8]);
        assert_eq!(page(3, 8).all::<i64>().await.unwrap(), [2, 1]);
        assert_eq!(page(0, 0).all::<i64>().await.unwrap(), [0_i64; 0]);
        let rest = db.select("goods").columns(["id"]).order_by("id").offset(8);
        assert_eq!(rest.all::<i64>().await.unwrap(), [9, 10]);
        db.update("goods", params! { price: 1 }).all_rows().execute().await.unwrap();
        let distinct = db.select("goods").columns(["price"]).distinct();
        assert_eq!(distinct.all::<i64>().await.unwrap(), [1]);
        let whole: Vec<Row> = db.select("goods").stream().try_collect().await.unwrap();
        assert_eq!((whole.len(), whole[0].len()), (10, 4));
        let one: Option<i64> = db.select("goods").columns(["id"]).filter(col("id").eq(77)).optional().await.unwrap();
        assert_eq!(one, None);
    }

    async fn selects_have_the_limit_of_their_database_and_come_in_batches(fresh: Fresh) {
        drop(stock(&fresh).await);
        if fresh.url.contains("memory") {
            return;
        }
        let db = fresh.builder().select_limit(4).connect().await.unwrap();
        assert_eq!(db.select("goods").all::<Row>().await.unwrap().len(), 4);
        assert_eq!(db.select("goods").limit(6).all::<Row>().await.unwrap().len(), 6);
        let all = db.select("goods").columns(["id"]).order_by("id").no_limit();
        let mut rows = all.stream();
        let mut sizes = Vec::new();
        loop {
            let batch: Vec<i64> = rows.next_batch(4).await.unwrap();
            if batch.is_empty() {
                break;
            }
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [4, 4, 2]);
        assert_eq!(db.query("select * from goods", ()).all::<Row>().await.unwrap().len(), 10);
    }

    async fn conditions_mean_the_same_everywhere(fresh: Fresh) {
        let db = stock(&fresh).await;
        db.insert("goods", params! { id: 11, name: None::<String>, price: None::<i32> }).execute().await.unwrap();
        db.insert("goods", params! { id: 12, name: r"50%_off!\[x]", price: 5 }).execute().await.unwrap();
        let all: Vec<i64> = (1..=12).collect();
        for (condition, expected) in [
            (col("id").is_in([0_i64; 0]), vec![]),
            (col("id").not_in([0_i64; 0]), all.clone()),
            (col("price").is_in([Some(10), None]), vec![1, 11]),
            (col("price").not_in([Some(10), None]), vec![2, 3, 4, 5, 6, 7, 8, 9, 10, 12]),
            (col("price").not_in([10]).and(col("id").ge(9)), vec![9, 10, 12]),
            (col("price").eq(None::<i32>), vec![11]),
            (col("price").ne(None::<i32>).and(col("id").gt(10)), vec![12]),
            (!col("price").lt(100), vec![10]),
            (!(!col("price").lt(20)), vec![1, 12]),
            (col("name").contains("%_off!"), vec![12]),
            (col("name").starts_with("50%"), vec![12]),
            (col("name").ends_with(r"!\[x]"), vec![12]),
            (col("name").like(r"%\[x_"), vec![12]),
            (col("name").like("thing _"), vec![1, 2, 3, 4, 5, 6, 7, 8, 9]),
            (col("name").not_like("thing%"), vec![12]),
            (col("price").not_between(10, 100), vec![12]),
            (Condition::any([col("id").eq(1), col("id").eq(2).and(col("id").eq(3)), col("name").is_null()]), vec![1, 11]),
            (Condition::any([]), vec![]),
            (!Condition::any([]), all.clone()),
            (col("price").gt_expr(Expr::column("id").times(10)), vec![]),
            (col("price").eq_expr(Expr::column("id").times(10).minus(0)).and(col("id").lt(3)), vec![1, 2]),
        ] {
            assert_eq!(ids(&db, condition.clone()).await, expected, "{condition:?}");
        }
    }

    async fn what_is_selected_is_merged(fresh: Fresh) {
        let db = stock(&fresh).await;
        db.execute("create table other (nr integer, label varchar(100), cost integer)", ()).await.unwrap();
        let rows = [(1, "one", 1), (20, "twenty", 2), (21, "out", 3)];
        db.bulk_insert("other", ["nr", "label", "cost"], rows).await.unwrap();
        let chosen = Selection::from("other").columns(["nr", "label", "cost"]).filter(col("nr").lt(21));
        let columns = ["id", "name", "price"];
        db.merge_select("goods", columns, ["id"], chosen.clone()).keep(["price"]).execute().await.unwrap();
        let some = col("id").is_in([1, 20, 21]);
        let all: Vec<(i64, String, i64)> =
            db.select("goods").columns(columns).filter(some).order_by("id").all().await.unwrap();
        assert_eq!(all, [(1, "one".to_owned(), 10), (20, "twenty".to_owned(), 2)]);
        let everything = Selection::from(Table::from("other")).columns(["nr", "label", "cost"]);
        db.merge_select("goods", columns, ["id"], everything).do_nothing().execute().await.unwrap();
        assert_eq!(ids(&db, col("id").eq(21)).await, [21]);
    }

    async fn transactions_and_connections_write_as_well(fresh: Fresh) {
        let db = stock(&fresh).await;
        let left: wellspring::Result<()> = db
            .transaction_once(async |mut tx| {
                tx.insert("goods", params! { id: 50 }).execute().await?;
                tx.insert_many("goods", [params! { id: 51 }, params! { id: 52 }]).execute().await?;
                let rows = [params! { id: 53, name: "x" }, params! { id: 54, name: "y" }];
                tx.upsert_many("goods", rows, ["id"]).execute().await?;
                let count: i64 = tx.query("select count(*) from goods where id >= 50", ()).one().await?;
                assert_eq!(count, 5);
                // What fails within leaves the rest of the transaction as it was.
                let rows = [params! { id: 60, name: "x" }, params! { id: 50, name: "taken" }];
                let many = rows.map(|row| Record::of(&BTreeMap::from([("id", 1)])).map(|_| row));
                let many: Vec<_> = many.into_iter().collect::<wellspring::Result<_>>()?;
                let error = tx.insert_many("goods", many).execute().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::UniqueViolation);
                let count: i64 = tx.query("select count(*) from goods where id >= 50", ()).one().await?;
                assert_eq!(count, 5);
                Err(Error::new(ErrorKind::Other, "no"))
            })
            .await;
        left.unwrap_err();
        assert_eq!(ids(&db, col("id").ge(50)).await, [0_i64; 0]);
        let mut connection = db.connection().await.unwrap();
        let rows = [params! { id: 1, price: 0 }, params! { id: 2, price: 0 }];
        connection.bulk_update("goods", rows, ["id"]).execute().await.unwrap();
        connection.delete("goods").filter(col("price").eq(0)).execute().await.unwrap();
        drop(connection);
        assert_eq!(ids(&db, col("id").le(2)).await, [0_i64; 0]);
    }

    async fn ten_thousand_rows_of_expressions(fresh: Fresh) {
        let db = shop(&fresh).await;
        let rows = (0..10_000).map(|id| {
            Record::new().set("id", id).set_expr("price", Expr::value(id).plus(1)).set("name", "n")
        });
        let done = db.insert_many("goods", rows).execute().await.unwrap();
        assert_eq!(done.rows_affected, 10_000);
        let sum: i64 = db.query("select cast(sum(price - id) as decimal(20)) from goods", ())
            .one::<Row>().await.map(|row| row.try_get::<wellspring::Decimal>(0).map_or_else(
                |_| row.try_get::<i64>(0).unwrap(), |sum| sum.to_string().parse().unwrap())).unwrap();
        assert_eq!(sum, 10_000);
    }
}
