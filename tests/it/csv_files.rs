//! Rows out as CSV and in again: hostile content, failures that leave nothing behind.

use std::sync::Mutex;
use std::time::Duration;

use wellspring::csv::{CsvOptions, Encoding, LineEnding, QuoteStyle, ToCsv};
use wellspring::{Database, Error, ErrorKind, Row};

use crate::databases::on_every_database;

/// Texts that a careless reader or writer would change.
const HOSTILE: &[Option<&str>] = &[
    None,
    Some(""),
    Some("NULL"),
    Some("\\N"),
    Some("\\."),
    Some("a,b;c\td|e"),
    Some("it's \"quoted\""),
    Some("\""),
    Some("line\nbreak\r\nand\rmore\n"),
    Some(" spaces "),
    Some("back\\slash\\\\ \\n \\\""),
    Some("é ü 漢字 🦀"),
    Some("'; drop table t; --"),
    Some("\u{feff}mark"),
    Some("?:name$1%s"),
];

async fn hostile(db: &Database) {
    db.execute("create table t (id integer primary key, a text, b text)", ()).await.unwrap();
    let rows = HOSTILE
        .iter()
        .enumerate()
        .map(|(n, text)| (n as i64, *text, HOSTILE[HOSTILE.len() - 1 - n]));
    db.bulk_insert("t", ["id", "a", "b"], rows).await.unwrap();
}

async fn rows(db: &Database, table: &str) -> Vec<(i64, Option<String>, Option<String>)> {
    db.query(format!("select id, a, b from {table} order by id"), ()).all().await.unwrap()
}

async fn count(db: &Database, table: &str) -> i64 {
    db.query(format!("select count(*) from {table}"), ()).one().await.unwrap()
}

fn binary(db: &Database) -> &'static str {
    if db.dialect().name == "postgres" { "bytea" } else { "blob" }
}

on_every_database! {
    async fn hostile_content_comes_back_as_it_was(fresh: Fresh) {
        let db = fresh.connect().await;
        hostile(&db).await;
        db.execute("create table u (id integer primary key, a text, b text)", ()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        let plain = CsvOptions::new();
        for options in [
            plain.clone(),
            plain.clone().quote_style(QuoteStyle::Always).line_ending(LineEnding::CrLf),
            plain
                .clone()
                .quote_style(QuoteStyle::NonNumeric)
                .null("\\N")
                .delimiter('\t')
                .header(false),
            plain.clone().quote('\'').escape('\\').delimiter('|').null("NULL"),
        ] {
            let written = db
                .to_csv("select id, a, b from t order by id", ())
                .options(options.clone())
                .to_file(&path)
                .await
                .unwrap();
            assert_eq!(written.rows, HOSTILE.len() as u64);
            assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());
            let loaded =
                db.bulk_load("u").options(options.clone()).from_file(&path).run().await.unwrap();
            assert_eq!((loaded.rows, loaded.bytes), (written.rows, written.bytes));
            assert_eq!(rows(&db, "u").await, rows(&db, "t").await, "{options:?}");
            db.execute("delete from u", ()).await.unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    async fn a_header_is_written_for_no_rows_and_null_is_not_empty(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute(
            "create table t (id integer primary key, \"a,b\" text)"
                .replace('"', if db.dialect().identifier_quote == '`' { "`" } else { "\"" }),
            (),
        )
        .await
        .unwrap();
        let mut out = Vec::new();
        let report = db.select("t").to_csv().to_writer(&mut out).await;
        if fresh.url.contains("pgbouncer") {
            // What cannot be known is not made up.
            assert_eq!(report.unwrap_err().kind(), ErrorKind::Unsupported);
        } else {
            let report = report.unwrap();
            assert_eq!((report.rows, report.bytes), (0, 9));
            assert_eq!(String::from_utf8(out).unwrap(), "id,\"a,b\"\n");
        }
        db.bulk_insert("t", ["id", "a,b"], [(1, None), (2, Some(""))]).await.unwrap();
        let mut out = Vec::new();
        let told = Mutex::new(Vec::new());
        db.query("select * from t order by id", ())
            .to_csv()
            .options(CsvOptions::new().header(false))
            .progress(1, |so_far| {
                told.lock().unwrap().push((so_far.rows, so_far.bytes));
                panic!("somebody's callback");
            })
            .to_writer(&mut out)
            .await
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "1,\n2,\"\"\n");
        assert_eq!(*told.lock().unwrap(), [(1, 3)]);
    }

    async fn values_of_every_kind_come_back(fresh: Fresh) {
        let db = fresh.connect().await;
        let binary = binary(&db);
        let table = |name: &str| {
            format!(
                "create table {name} (i bigint, f double precision, d decimal(30, 10), day date, raw {binary}, yes boolean)"
            )
        };
        db.execute(table("t"), ()).await.unwrap();
        db.execute(table("u"), ()).await.unwrap();
        let day: wellspring::Date = "2026-02-28".parse().unwrap();
        let decimal: wellspring::Decimal = "1234.5000000000".parse().unwrap();
        let columns = ["i", "f", "d", "day", "raw", "yes"];
        let values = [(i64::MIN, 0.1, decimal, day, vec![0_u8, 0xff, b'\n', b'"'], true)];
        db.bulk_insert("t", columns, values).await.unwrap();
        let mut out = Vec::new();
        db.to_csv("select * from t", ()).to_writer(&mut out).await.unwrap();
        let text = String::from_utf8(out.clone()).unwrap();
        assert!(
            text.contains("-9223372036854775808,0.1,1234.5") && text.contains("\\x00ff0a22"),
            "{text}"
        );
        db.bulk_load("u").from_reader(out.as_slice()).run().await.unwrap();
        let both = "select count(*) from t join u on t.i = u.i and t.f = u.f and t.d = u.d and t.day = u.day \
             and t.raw = u.raw and t.yes = u.yes";
        assert_eq!(db.query(both, ()).one::<i64>().await.unwrap(), 1);
        // As words, which PostgreSQL writes.
        db.bulk_load("u(yes)").from_reader(&b"yes\ntrue\nFalse\n\n"[..]).run().await.unwrap();
        let yes: i64 = db.query("select count(*) from u where yes", ()).one().await.unwrap();
        assert_eq!((yes, count(&db, "u").await), (2, 4));
    }

    async fn nothing_is_kept_of_a_load_that_fails_and_the_line_is_named(fresh: Fresh) {
        let db = fresh.connect().await;
        db.execute("create table t (id integer primary key, a date)", ()).await.unwrap();
        db.execute("insert into t values (7, null)", ()).await.unwrap();
        let checked = db.dialect().name != "sqlite";
        let day = "2026-01-01";
        let many: String = (1000..9000).map(|id| format!("{id},{day}\n")).collect();
        for (csv, kind, line) in [
            (
                format!("id,a\n{many}1,\"{day}\"\n2,{day},3\n"),
                ErrorKind::Parameters,
                Some("line 8003"),
            ),
            (format!("id,a\n{many}1,\"{day}\n"), ErrorKind::Decode, Some("line 8002")),
            (format!("id,a\n{many}1,\"{day}\"x\n"), ErrorKind::Decode, Some("line 8002")),
            (format!("id,a\n{many}7,{day}\n"), ErrorKind::UniqueViolation, None),
            (
                format!("id,a\n1,\"{day}\"\n\n2,no day\n3,{day}\n"),
                ErrorKind::DataOutOfRange,
                Some("line 4"),
            ),
            (format!("id,nobody\n{many}"), ErrorKind::UndefinedObject, None),
            (String::new(), ErrorKind::Decode, Some("header")),
        ] {
            if kind == ErrorKind::DataOutOfRange && !checked {
                continue;
            }
            let error = db.bulk_load("t").from_reader(csv.as_bytes()).run().await.unwrap_err();
            assert!(
                error.kind() == kind || checked && kind == ErrorKind::DataOutOfRange,
                "{error:?}"
            );
            if let Some(line) = line
                .filter(|_| !fresh.url.contains("pgbouncer") || kind != ErrorKind::DataOutOfRange)
            {
                assert!(error.message().contains(line), "{error}");
            }
            assert_eq!(count(&db, "t").await, 1);
        }
        if !checked {
            let csv = "id,a\n1,\n\n\"7\",\n";
            let error = db.bulk_load("t").from_reader(csv.as_bytes()).run().await.unwrap_err();
            assert!(error.message().starts_with("line 4: row 1: "), "{error}");
        }
        let options = CsvOptions::new().delimiter('"');
        for load in [
            db.bulk_load("t"),
            db.bulk_load("t").options(options).from_reader(&b""[..]),
            db.bulk_load("t("),
        ] {
            assert_eq!(load.run().await.unwrap_err().kind(), ErrorKind::Usage);
        }
        let error = db.bulk_load("t").from_file("/nowhere/t.csv").run().await.unwrap_err();
        assert!(error.message().contains("/nowhere/t.csv"), "{error}");
        // Half a file is no file.
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.csv");
        std::fs::write(&path, "as before").unwrap();
        #[cfg(unix)]
        let secret = {
            let secret = std::os::unix::fs::PermissionsExt::from_mode(0o100_600);
            std::fs::set_permissions(&path, std::fs::Permissions::clone(&secret)).unwrap();
            secret
        };
        let rows = crate::support::numbers(20_000);
        let latin = CsvOptions::new().encoding(Encoding::Latin1);
        let export = db.to_csv(
            format!("select i, case when i = 19000 then '漢' end as a from ({rows}) x"),
            (),
        );
        let error = export.options(latin.clone()).to_file(&path).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Encode, Some(18_999)));
        let dropped = db.to_csv(crate::support::endless(&db), ()).to_file(&path);
        assert!(tokio::time::timeout(Duration::from_millis(50), dropped).await.is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "as before");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let export = db.to_csv(
            format!("select i, case when i = 19000 then '漢' end as a from ({rows}) x"),
            (),
        );
        let report = export.options(latin).abort_on_error(false).to_file(&path).await.unwrap();
        assert_eq!((report.rows, report.skipped), (19_999, 1));
        assert_eq!(report.first_error.unwrap().operation(), Some(18_999));
        #[cfg(unix)]
        assert_eq!(std::fs::metadata(&path).unwrap().permissions(), secret);
    }

    async fn rows_come_from_everywhere(fresh: Fresh) {
        let db = fresh.connect().await;
        hostile(&db).await;
        db.execute("create table u (id integer primary key, a text, b text)", ()).await.unwrap();
        let clear = || async { db.execute("delete from u", ()).await.unwrap().rows_affected };
        // A select on the same database.
        let report = db
            .bulk_load("u")
            .from_select("select id, a, b from t where id < ?", (5,))
            .run()
            .await
            .unwrap();
        assert_eq!(report.rows, 5);
        db.bulk_load("u(a, id)")
            .from_select("select a, id from t where id >= :id", wellspring::params! { id: 5 })
            .run()
            .await
            .unwrap();
        assert_eq!(clear().await, HOSTILE.len() as u64);
        // The rows of another query, on another database.
        let other = Database::connect("sqlite::memory:").await;
        if let Ok(other) = other {
            hostile(&other).await;
            let rows_of = other.query("select id, a, b from t", ()).stream();
            let told = Mutex::new(0);
            let load = db.bulk_load("u").progress(4, |so_far| *told.lock().unwrap() = so_far.rows);
            assert_eq!(load.from_rows(rows_of).run().await.unwrap().rows, HOSTILE.len() as u64);
            assert_eq!(*told.lock().unwrap(), HOSTILE.len() as u64);
            assert_eq!(rows(&db, "u").await, rows(&other, "t").await);
            clear().await;
        }
        // A reader that blocks; lines to skip, columns in another order, latin-1, no header.
        let text: Vec<u8> = b"made by hand, \"\n\"\xe9\";1;\n\n'x';2;y\r\n".to_vec();
        let options =
            CsvOptions::new().header(false).delimiter(';').skip_lines(1).encoding(Encoding::Latin1);
        let load = db.bulk_load("u").columns(["a", "id", "b"]).options(options);
        let report = load.from_blocking_reader(std::io::Cursor::new(text)).run().await.unwrap();
        assert_eq!(report.rows, 2);
        let found = rows(&db, "u").await;
        assert_eq!(found[0], (1, Some("é".into()), None));
        assert_eq!(found[1], (2, Some("'x'".into()), Some("y".into())));
        // In a transaction it is a part of it.
        let undone: Result<(), Error> = db
            .transaction(async |mut tx| {
                tx.bulk_load("u").from_reader(&b"\xef\xbb\xbfid,a\n8,x\n"[..]).run().await?;
                let row: Row = tx.query("select count(*) as n from u", ()).one().await?;
                assert_eq!(row.try_get::<i64>("n")?, 3);
                Err(Error::new(ErrorKind::Other, "no"))
            })
            .await;
        undone.unwrap_err();
        assert_eq!(count(&db, "u").await, 2);
        // Nobody waits for it.
        let (mut write, read) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut write, b"id,a\n10,x\n11,y\n").await.unwrap();
        let hanging = db.bulk_load("u").from_reader(read).run();
        assert!(tokio::time::timeout(Duration::from_millis(100), hanging).await.is_err());
        drop(write);
        while db.status().used + db.status().resetting > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(count(&db, "u").await, 2);
    }
}
