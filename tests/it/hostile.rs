//! Hostile names and values, in every place a caller can put a text: they mean themselves, and nothing
//! else. Random statements and conditions are compared with a model in memory.

use std::collections::BTreeMap;

use wellspring::prelude::*;
use wellspring::{Insert, Operation, Selection};

use crate::databases::on_every_database;
use crate::support::Fresh;

/// Texts that have hurt somebody, and those that are made of them.
fn corpus() -> Vec<String> {
    const SEEDS: [&str; 40] = [
        "'",
        "''",
        "\"",
        "\"\"",
        "`",
        "``",
        "\\",
        "\\'",
        "\\\\'",
        ";",
        "--",
        "-- ",
        "#",
        "/*",
        "*/",
        "/**/",
        "$$",
        "$1",
        "$tag$",
        "?",
        "??",
        ":name",
        "::text",
        "@p1",
        "%s",
        "%(name)s",
        "{0}",
        "[",
        "]",
        "[x]",
        "' or '1'='1",
        "' or 1=1 -- ",
        "\"; drop table victims; --",
        "'; drop table victims; --",
        "`; drop table victims; -- ",
        "x' union select 1,2,3 -- ",
        "1); delete from victims; --",
        "\u{feff}",
        "é'世界🦀",
        "a\nb\tc\r",
    ];
    let mut all: Vec<String> = SEEDS.iter().map(|seed| (*seed).to_owned()).collect();
    let tails = [
        "; drop table victims",
        "; update victims set word = 'gone'; --",
        " or 1 = 1",
        "; create table made (a integer); --",
        " union select * from victims",
    ];
    for seed in SEEDS {
        all.extend(tails.iter().map(|tail| format!("{seed}{tail}")));
        all.extend(["a", "\\", "'", "\"", "`", ")"].map(|before| format!("{before}{seed}")));
        all.push(format!("{seed}{seed}{seed}"));
        all.push(format!("{}{seed}", "x".repeat(60)));
    }
    all.sort();
    all.dedup();
    assert!(all.len() >= 500, "{} texts", all.len());
    all
}

/// Texts that can be stored, and compared, on every database.
fn text(db: &Database) -> &'static str {
    match db.dialect().name {
        "mysql" => "varchar(200) character set utf8mb4 collate utf8mb4_0900_bin",
        "mariadb" => "varchar(200) character set utf8mb4 collate utf8mb4_nopad_bin",
        _ => "varchar(200)",
    }
}

async fn victims(fresh: &Fresh) -> Database {
    let db = fresh.connect().await;
    let text = text(&db);
    for table in ["victims", "played"] {
        db.execute(
            format!("create table {table} (id integer not null primary key, word {text})"),
            (),
        )
        .await
        .unwrap();
    }
    let rows = (0..20).map(|id| params! { id: id, word: format!("innocent {id}") });
    db.insert_many("victims", rows).execute().await.unwrap();
    db
}

/// The tables there are, and what is in the one that nobody means.
async fn untouched(db: &Database) -> (Vec<String>, Vec<(i64, String)>) {
    let tables = match db.dialect().name {
        "sqlite" => "select name from sqlite_master where type = 'table' order by name",
        "postgres" => {
            "select table_name::text from information_schema.tables \
             where table_schema not in ('pg_catalog', 'information_schema') order by 1"
        }
        _ => {
            "select cast(table_name as char) from information_schema.tables \
             where table_schema = database() order by 1"
        }
    };
    let tables = db.query(Sql::native(tables), ()).all().await.unwrap();
    let rows = db.query("select id, word from victims order by id", ()).all().await.unwrap();
    (tables, rows)
}

on_every_database! {
    async fn values_are_values_wherever_they_are(fresh: Fresh) {
        let db = victims(&fresh).await;
        let before = untouched(&db).await;
        let corpus = corpus();
        let numbered = corpus.iter().enumerate();
        let rows = numbered.map(|(id, word)| params! { id: id as i64, word: word.as_str() });
        db.insert_many("played", rows).execute().await.unwrap();
        for (id, word) in corpus.iter().enumerate() {
            let id = id as i64;
            let word = word.as_str();
            // Read back as it is, and found by itself only.
            let found: Vec<i64> =
                db.select("played").columns(["id"]).filter(col("word").eq(word)).all().await.unwrap();
            assert_eq!(found, [id], "{word:?}");
            let found: Vec<i64> = db
                .select("played").columns(["id"])
                .filter(col("word").is_in([word]).and(col("word").between(word, word)))
                .all().await.unwrap();
            assert_eq!(found, [id], "{word:?}");
            let done = db.update("played", params! { word: word }).filter(col("word").eq(word).and(col("id").eq(id))).execute().await.unwrap();
            assert!(done.rows_affected <= 1, "{word:?}");
            db.upsert("played", params! { id: id, word: word }, ["id"]).execute().await.unwrap();
        }
        let escaped = corpus.iter().filter(|word| word.contains("%s")).count();
        let found: Vec<i64> =
            db.select("played").columns(["id"]).filter(col("word").contains("%s")).all().await.unwrap();
        assert_eq!(found.len(), escaped);
        let all: Vec<String> = db.select("played").columns(["word"]).order_by("id").all().await.unwrap();
        assert_eq!(all, corpus);
        let batch = corpus.iter().map(|word| {
            let json = serde_json::json!({"method": "delete", "params": {"table": "played", "where": {"word": word}}});
            serde_json::from_value::<Operation>(json).unwrap()
        });
        let outcomes = db.batch(batch.collect::<Vec<_>>()).execute().await.unwrap();
        assert!(outcomes.iter().all(|outcome| outcome.count() == 1));
        assert_eq!(untouched(&db).await, before);
    }

    async fn names_are_names_wherever_they_are(fresh: Fresh) {
        let db = victims(&fresh).await;
        let before = untouched(&db).await;
        for name in corpus() {
            let name = name.as_str();
            let table = [name];
            let column = name.to_owned();
            // There are no such things: whatever is said, it is an error, and nothing is done.
            let cond = || col(name).eq(1);
            let errors = [
                db.select(table).all::<Row>().await.unwrap_err(),
                db.insert(table, params! { id: 1 }).execute().await.unwrap_err(),
                db.insert("played", Record::new().set(column.clone(), 1)).execute().await.unwrap_err(),
                db.insert_many("played", [Record::new().set(column.clone(), 1), Record::new().set(column.clone(), 2)]).execute().await.unwrap_err(),
                db.upsert("played", Record::new().set("id", 1).set(column.clone(), 1), [column.clone()]).execute().await.unwrap_err(),
                db.update(table, params! { id: 1 }).all_rows().execute().await.unwrap_err(),
                db.delete(table).all_rows().execute().await.unwrap_err(),
                db.merge_select("played", ["id"], ["id"], Selection::from(table).columns(["id"])).execute().await.unwrap_err(),
            ];
            for error in &errors {
                assert!(
                    matches!(error.kind(), ErrorKind::UndefinedObject | ErrorKind::Usage | ErrorKind::Syntax | ErrorKind::Other),
                    "{name:?}: {error:?}"
                );
            }
            // Tags and savepoints have rules of their own, and what is within them is harmless.
            match db.query("select 1", ()).tag(name).one::<i64>().await {
                Ok(one) => assert_eq!(one, 1),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Usage, "{name:?}: {error}"),
            }
            let saved: wellspring::Result<()> = db
                .transaction_once(async |mut tx| {
                    tx.savepoint_named(name, async |_inner| wellspring::Result::Ok(())).await
                })
                .await;
            assert_eq!(saved.unwrap_err().kind(), ErrorKind::Usage, "{name:?}");
            db.bulk_insert(name, ["id"], [(1,), (2,)]).await.unwrap_err();
            db.batch([Insert::new((), table, params! { id: 1 })]).execute().await.unwrap_err();
            // SQLite takes a name in double quotes that it does not know for a text.
            if db.dialect().name != "sqlite" {
                db.update("played", Record::new().set(column.clone(), 1)).all_rows().execute().await.unwrap_err();
                db.select("played").columns([column.clone()]).all::<Row>().await.unwrap_err();
                db.select("played").filter(cond()).all::<Row>().await.unwrap_err();
                db.select("played").order_by(column.clone()).all::<Row>().await.unwrap_err();
                db.delete("played").filter(cond()).execute().await.unwrap_err();
                db.insert("played", params! { id: 1 }).returning([column.clone()]).one::<Row>().await.unwrap_err();
                db.bulk_update("played", [Record::new().set("word", "x").set(column.clone(), 1)], [column.clone()])
                    .execute()
                    .await
                    .unwrap_err();
                db.update("played", Record::new().set_expr("word", Expr::column(column))).all_rows().execute().await.unwrap_err();
            }
        }
        assert_eq!(untouched(&db).await, before);
        let played: i64 = db.query("select count(*) from played", ()).one().await.unwrap();
        assert_eq!(played, 0);
    }

    async fn random_statements_do_what_a_model_does(fresh: Fresh) {
        let db = fresh.connect().await;
        let seed = std::env::var("WELLSPRING_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for round in 0..6 {
            Model::new(&db, round, &mut random).await.play(&db, &mut random, 40).await;
        }
    }
}

type Cell = Option<String>;

/// A table with hostile names, and what should be in it.
struct Model {
    table: String,
    key: String,
    number: String,
    word: String,
    rows: BTreeMap<i64, (Option<i64>, Cell)>,
}

/// A condition, and what it says of a row: true, false, or neither.
struct Asked(Condition, Says);

type Says = Box<dyn Fn(i64, Option<i64>, &Cell) -> Option<bool>>;

impl Model {
    async fn new(db: &Database, round: u32, random: &mut fastrand::Rng) -> Self {
        let names = [
            "plain",
            "select",
            "a b",
            "it's",
            "semi;colon",
            "dash--dash",
            "per%cent",
            "ques?tion",
            ":colon",
            "dollar$1",
            "Ünïcode",
            "back\\slash",
            "dou\"ble",
            "par(en)",
            "sl/*ash*/",
            "com,ma",
            "eq=ual",
        ];
        // In MySQL's names a backquote is doubled as the quotes are elsewhere.
        let mut pick =
            |suffix: &str| format!("{}{suffix}", random.choice(names).expect("there are names"));
        let model = Self {
            table: pick(&format!("_{round}")),
            key: pick("_k"),
            number: pick("_n"),
            word: pick("_w"),
            rows: BTreeMap::new(),
        };
        let quote = |name: &str| db.dialect().quote_identifier(name);
        let create = format!(
            "create table {} ({} integer not null primary key, {} bigint, {} {})",
            quote(&model.table),
            quote(&model.key),
            quote(&model.number),
            quote(&model.word),
            text(db),
        );
        db.execute(Sql::native(create), ()).await.unwrap();
        model
    }

    fn word(random: &mut fastrand::Rng) -> Cell {
        let words = ["", "a", "b", "it's", "a%b", "a_b", "50%", "\\", "\"", ";--", "?", "x y", "é"];
        (random.u8(..5) > 0).then(|| random.choice(words).expect("there are words").to_owned())
    }

    fn number(random: &mut fastrand::Rng) -> Option<i64> {
        (random.u8(..5) > 0).then(|| random.i64(-3..4))
    }

    fn condition(&self, random: &mut fastrand::Rng, depth: u32) -> Asked {
        let number = || col(self.number.clone());
        let word = || col(self.word.clone());
        let (n, w) = (random.i64(-3..4), Self::word(random).unwrap_or_default());
        match random.u8(..if depth == 0 { 12 } else { 16 }) {
            0 => Asked(col(self.key.clone()).le(n * 5), Box::new(move |k, _, _| Some(k <= n * 5))),
            1 => Asked(number().eq(n), Box::new(move |_, x, _| x.map(|x| x == n))),
            2 => Asked(number().ne(n), Box::new(move |_, x, _| x.map(|x| x != n))),
            3 => Asked(number().gt(n), Box::new(move |_, x, _| x.map(|x| x > n))),
            4 => Asked(number().is_null(), Box::new(|_, x, _| Some(x.is_none()))),
            5 => Asked(word().eq(w.clone()), Box::new(move |_, _, y| y.as_ref().map(|y| *y == w))),
            6 => Asked(
                word().contains(&w.clone()),
                Box::new(move |_, _, y| {
                    // SQLite and MySQL know one case only of what is not here.
                    y.as_ref().map(|y| y.contains(&w))
                }),
            ),
            7 => {
                let list: Vec<Option<i64>> =
                    (0..random.usize(..4)).map(|_| Self::number(random)).collect();
                let given = list.clone();
                Asked(number().is_in(given), Box::new(move |_, x, _| is_in(&list, x)))
            }
            8 => {
                let list: Vec<Option<i64>> =
                    (0..random.usize(..4)).map(|_| Self::number(random)).collect();
                let given = list.clone();
                Asked(number().not_in(given), Box::new(move |_, x, _| not_in(&list, x)))
            }
            9 => Asked(
                number().between(n - 1, n + 1),
                Box::new(move |_, x, _| x.map(|x| (n - 1..=n + 1).contains(&x))),
            ),
            10 => Asked(
                word().starts_with(&w.clone()),
                Box::new(move |_, _, y| y.as_ref().map(|y| y.starts_with(&w))),
            ),
            11 => Asked(
                number().eq_expr(Expr::column(self.key.clone()).minus(n)),
                Box::new(move |k, x, _| x.map(|x| x == k - n)),
            ),
            12 => {
                let Asked(inner, says) = self.condition(random, depth - 1);
                Asked(!inner, Box::new(move |k, x, y| says(k, x, y).map(|answer| !answer)))
            }
            13 => self.several(random, depth, true),
            14 => self.several(random, depth, false),
            _ => {
                let all = random.bool();
                let none = if all { Condition::all([]) } else { Condition::any([]) };
                Asked(none, Box::new(move |_, _, _| Some(all)))
            }
        }
    }

    fn several(&self, random: &mut fastrand::Rng, depth: u32, all: bool) -> Asked {
        let inner: Vec<Asked> =
            (0..random.usize(1..4)).map(|_| self.condition(random, depth - 1)).collect();
        let conditions = inner.iter().map(|Asked(condition, _)| condition.clone());
        let condition = if all { Condition::all(conditions) } else { Condition::any(conditions) };
        Asked(
            condition,
            Box::new(move |k, x, y| {
                let answers: Vec<Option<bool>> =
                    inner.iter().map(|Asked(_, says)| says(k, x, y)).collect();
                if answers.contains(&Some(!all)) {
                    Some(!all)
                } else if answers.contains(&None) {
                    None
                } else {
                    Some(all)
                }
            }),
        )
    }

    async fn play(&mut self, db: &Database, random: &mut fastrand::Rng, steps: u32) {
        for _ in 0..steps {
            let (n, w, k) = (Self::number(random), Self::word(random), random.i64(0..25));
            let table = [self.table.clone()];
            let row = Record::new()
                .set(self.key.clone(), k)
                .set(self.number.clone(), n)
                .set(self.word.clone(), w.clone());
            let Asked(condition, says) = self.condition(random, 3);
            let meant = |rows: &BTreeMap<i64, (Option<i64>, Cell)>| -> Vec<i64> {
                rows.iter()
                    .filter(|(k, (n, w))| says(**k, *n, w) == Some(true))
                    .map(|(k, _)| *k)
                    .collect()
            };
            match random.u8(..7) {
                0 | 1 => {
                    let inserted = db.insert(table, row).execute().await;
                    assert_eq!(inserted.is_ok(), !self.rows.contains_key(&k), "{inserted:?}");
                    self.rows.entry(k).or_insert((n, w));
                }
                2 => {
                    db.upsert(table, row, [self.key.clone()]).execute().await.unwrap();
                    self.rows.insert(k, (n, w));
                }
                3 => {
                    let keys: Vec<i64> = (0..random.i64(1..6)).map(|i| k + i).collect();
                    let rows: Vec<Record> =
                        keys.iter().map(|k| row.clone_with(&self.key, *k)).collect();
                    let taken = keys.iter().any(|k| self.rows.contains_key(k));
                    let inserted = db.insert_many(table, rows).execute().await;
                    assert_eq!(inserted.is_err(), taken, "{inserted:?}");
                    if !taken {
                        self.rows.extend(keys.iter().map(|k| (*k, (n, w.clone()))));
                    }
                }
                4 => {
                    let changes = Record::new().set(self.word.clone(), w.clone());
                    let update = db.update(table, changes).filter(condition.clone()).all_rows();
                    update.execute().await.unwrap_or_else(|error| panic!("{condition:?}: {error}"));
                    for k in meant(&self.rows) {
                        self.rows.get_mut(&k).expect("it is there").1 = w.clone();
                    }
                }
                5 if random.bool() => {
                    let meant = meant(&self.rows);
                    let delete = db.delete(table).filter(condition.clone()).all_rows();
                    let done = delete
                        .execute()
                        .await
                        .unwrap_or_else(|error| panic!("{condition:?}: {error}"));
                    assert_eq!(done.rows_affected, meant.len() as u64, "{condition:?}");
                    self.rows.retain(|k, _| !meant.contains(k));
                }
                _ => {
                    let found: Vec<i64> = db
                        .select(table)
                        .columns([self.key.clone()])
                        .filter(condition.clone())
                        .order_by(self.key.clone())
                        .all()
                        .await
                        .unwrap_or_else(|error| panic!("{condition:?}: {error}"));
                    assert_eq!(found, meant(&self.rows), "{condition:?} of {:?}", self.rows);
                }
            }
            let all: Vec<(i64, Option<i64>, Cell)> = db
                .select([self.table.clone()])
                .columns([self.key.clone(), self.number.clone(), self.word.clone()])
                .order_by(self.key.clone())
                .all()
                .await
                .unwrap();
            let expected = self.rows.iter().map(|(k, (n, w))| (*k, *n, w.clone()));
            assert!(all.iter().cloned().eq(expected), "{all:?} and {:?}", self.rows);
        }
    }
}

fn is_in(list: &[Option<i64>], x: Option<i64>) -> Option<bool> {
    let some = list.iter().any(Option::is_some);
    match x {
        _ if list.is_empty() => Some(false),
        // A null is found by a null; else it is neither in the others nor not.
        None if list.contains(&None) => Some(true),
        None if some => None,
        None => Some(false),
        // `or is null` is false where `in` is.
        Some(x) => Some(list.contains(&Some(x))),
    }
}

fn not_in(list: &[Option<i64>], x: Option<i64>) -> Option<bool> {
    let nulls = list.contains(&None);
    match x {
        _ if list.is_empty() => Some(true),
        None if nulls => Some(false),
        None => None,
        Some(x) => Some(!list.contains(&Some(x))),
    }
}

trait With {
    fn clone_with(&self, column: &str, value: i64) -> Record;
}

impl With for Record {
    /// The same row with another key.
    fn clone_with(&self, column: &str, value: i64) -> Record {
        let mut record = Record::new();
        for name in self.columns().map(str::to_owned).collect::<Vec<_>>() {
            record = match name == column {
                true => record.set(name, value),
                false => {
                    let expr = self.expr(&name).expect("it is one of them").clone();
                    record.set_expr(name, expr)
                }
            };
        }
        record
    }
}
