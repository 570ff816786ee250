//! The words of every dialect, of those too whose databases have no connector yet.

use wellspring_connector::{Dialect, ErrorKind, Value, params};
use wellspring_txn::{
    Condition, Delete, Expr, Insert, InsertMany, MergeSelect, Record, Rendered, Select, Selection,
    Update, col,
};

const ALL: [Dialect; 7] = [
    Dialect::SQLITE,
    Dialect::POSTGRES,
    Dialect::MYSQL,
    Dialect::MARIADB,
    Dialect::MSSQL,
    Dialect::ORACLE,
    Dialect::DB2,
];

/// What each says, in the order of [`ALL`]; what it cannot say is `-`.
fn said(render: impl Fn(&Dialect) -> wellspring_connector::Result<Rendered>) -> Vec<String> {
    ALL.iter()
        .map(|dialect| match render(dialect) {
            Ok(rendered) => rendered.text().to_owned(),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                "-".to_owned()
            }
        })
        .collect()
}

#[test]
fn an_insert_that_returns() {
    let insert = Insert::new((), "s.t", params! { a: 1, b: "x" }).returning(["a"]);
    assert_eq!(
        said(|dialect| insert.render_for(dialect)),
        [
            r#"insert into "s"."t" ("a", "b") values (?1, ?2) returning "a""#,
            r#"insert into "s"."t" ("a", "b") values ($1, $2) returning "a""#,
            "-",
            "insert into `s`.`t` (`a`, `b`) values (?, ?) returning `a`",
            "insert into [s].[t] ([a], [b]) output inserted.[a] values (@P1, @P2)",
            "-",
            r#"select "a" from final table (insert into "s"."t" ("a", "b") values (?, ?))"#,
        ]
    );
    let insert = Insert::new((), "t", Record::new());
    assert_eq!(
        said(|dialect| insert.render_for(dialect)),
        [
            r#"insert into "t" default values"#,
            r#"insert into "t" default values"#,
            "insert into `t` () values ()",
            "insert into `t` () values ()",
            "insert into [t] default values",
            r#"insert into "t" default values"#,
            r#"insert into "t" default values"#,
        ]
    );
}

#[test]
fn upserts() {
    let upsert = Insert::upsert((), "t", params! { k: 1, a: 2, b: 3 }, ["k"]).keep(["b"]);
    assert_eq!(
        said(|dialect| upsert.render_for(dialect)),
        [
            r#"insert into "t" ("k", "a", "b") values (?1, ?2, ?3) on conflict ("k") do update set "a" = excluded."a""#,
            r#"insert into "t" ("k", "a", "b") values ($1, $2, $3) on conflict ("k") do update set "a" = excluded."a""#,
            "insert into `t` (`k`, `a`, `b`) values (?, ?, ?) on duplicate key update `a` = values(`a`)",
            "insert into `t` (`k`, `a`, `b`) values (?, ?, ?) on duplicate key update `a` = values(`a`)",
            "merge into [t] with (holdlock) as t using (values (@P1, @P2, @P3)) as s ([k], [a], [b]) \
             on (t.[k] = s.[k]) when matched then update set t.[a] = s.[a] \
             when not matched then insert ([k], [a], [b]) values (s.[k], s.[a], s.[b]);",
            r#"merge into "t" t using (select :1 as "k", :2 as "a", :3 as "b" from dual) s on (t."k" = s."k") when matched then update set t."a" = s."a" when not matched then insert ("k", "a", "b") values (s."k", s."a", s."b")"#,
            r#"merge into "t" t using (values (?, ?, ?)) as s ("k", "a", "b") on (t."k" = s."k") when matched then update set t."a" = s."a" when not matched then insert ("k", "a", "b") values (s."k", s."a", s."b")"#,
        ]
    );
    let nothing = Insert::upsert((), "t", params! { k: 1 }, ["k"]).do_nothing();
    assert_eq!(
        said(|dialect| nothing.render_for(dialect))[..3],
        [
            r#"insert into "t" ("k") values (?1) on conflict ("k") do nothing"#,
            r#"insert into "t" ("k") values ($1) on conflict ("k") do nothing"#,
            "insert into `t` (`k`) values (?) on duplicate key update `k` = `k`",
        ]
    );
}

#[test]
fn selects_are_cut() {
    let page = Selection::from("t").columns(["a"]).order_by_desc("a").limit(10).offset(5);
    let page = Select::of((), page);
    let ends: Vec<String> = said(|dialect| page.render_for(dialect))
        .into_iter()
        .map(|text| text.split_once(" desc").expect("it is ordered").1.to_owned())
        .collect();
    let fetch = " offset 5 rows fetch next 10 rows only";
    let limit = " limit 10 offset 5";
    assert_eq!(ends, [limit, limit, limit, limit, fetch, fetch, fetch]);
    let top = Select::of((), Selection::from("t").limit(3).distinct());
    assert_eq!(
        said(|dialect| top.render_for(dialect)),
        [
            r#"select distinct * from "t" limit 3"#,
            r#"select distinct * from "t" limit 3"#,
            "select distinct * from `t` limit 3",
            "select distinct * from `t` limit 3",
            "select distinct top (3) * from [t]",
            r#"select distinct * from "t" offset 0 rows fetch next 3 rows only"#,
            r#"select distinct * from "t" offset 0 rows fetch next 3 rows only"#,
        ]
    );
    let rest = Select::of((), Selection::from("t").offset(2));
    assert_eq!(
        said(|dialect| rest.render_for(dialect))[..5],
        [
            r#"select * from "t" limit 9223372036854775807 offset 2"#,
            r#"select * from "t" offset 2"#,
            "select * from `t` limit 9223372036854775807 offset 2",
            "select * from `t` limit 9223372036854775807 offset 2",
            "select * from [t] order by (select null) offset 2 rows",
        ]
    );
}

#[test]
fn changes_that_return() {
    let update = Update::new((), "t", Record::new().set_expr("a", Expr::current_timestamp()))
        .filter(col("b").eq(1))
        .returning(["a"]);
    assert_eq!(
        said(|dialect| update.render_for(dialect)),
        [
            r#"update "t" set "a" = current_timestamp where "b" = ?1 returning "a""#,
            r#"update "t" set "a" = current_timestamp where "b" = $1 returning "a""#,
            "-",
            "-",
            "update [t] set [a] = current_timestamp output inserted.[a] where [b] = @P1",
            "-",
            r#"select "a" from final table (update "t" set "a" = current_timestamp where "b" = ?)"#,
        ]
    );
    let delete = Delete::new((), "t").filter(col("b").is_null()).returning(["a"]);
    assert_eq!(
        said(|dialect| delete.render_for(dialect)),
        [
            r#"delete from "t" where "b" is null returning "a""#,
            r#"delete from "t" where "b" is null returning "a""#,
            "-",
            "delete from `t` where `b` is null returning `a`",
            "delete from [t] output deleted.[a] where [b] is null",
            "-",
            r#"select "a" from old table (delete from "t" where "b" is null)"#,
        ]
    );
}

#[test]
fn what_is_selected_is_merged() {
    let rows = Selection::from("o").columns(["x", "y"]);
    let merge = MergeSelect::new((), "t", ["k", "a"], ["k"], rows);
    let said = said(|dialect| merge.render_for(dialect));
    assert_eq!(
        said[0],
        r#"insert into "t" ("k", "a") select "x", "y" from "o" where 1 = 1 on conflict ("k") do update set "a" = excluded."a""#
    );
    assert_eq!(
        said[2],
        "insert into `t` (`k`, `a`) select `x`, `y` from `o` on duplicate key update `a` = values(`a`)"
    );
    assert_eq!(
        said[5],
        r#"merge into "t" t using (select "x" as "k", "y" as "a" from (select "x", "y" from "o") r) s on (t."k" = s."k") when matched then update set t."a" = s."a" when not matched then insert ("k", "a") values (s."k", s."a")"#
    );
}

#[test]
fn no_statement_has_more_parameters_than_its_database_takes() {
    let rows: Vec<Record> = (0..5_000)
        .map(|id| Record::new().set("a", id).set("b", id).set_expr("c", Expr::current_date()))
        .collect();
    for dialect in &ALL {
        let insert = InsertMany::new((), "t", rows.iter());
        let statements = insert.render_for(dialect).unwrap();
        let values: usize = statements.iter().map(|statement| statement.values().len()).sum();
        assert_eq!(values, 10_000, "{dialect}");
        for statement in &statements {
            assert!(statement.values().len() <= dialect.max_parameters, "{dialect}");
            // SQL Server's limit.
            assert!(statement.text().matches("), (").count() < 1_000, "{dialect}");
        }
    }
}

#[test]
fn names_are_quoted_and_as_long_as_they_may_be() {
    let nasty = Condition::any([col("a\"b`c]d").eq(1)]);
    let delete = Delete::new((), ["x\"y`z]"]).filter(nasty);
    assert_eq!(
        said(|dialect| delete.render_for(dialect))[..5],
        [
            r#"delete from "x""y`z]" where ("a""b`c]d" = ?1)"#,
            r#"delete from "x""y`z]" where ("a""b`c]d" = $1)"#,
            "delete from `x\"y``z]` where (`a\"b``c]d` = ?)",
            "delete from `x\"y``z]` where (`a\"b``c]d` = ?)",
            "delete from [x\"y`z]]] where ([a\"b`c]]d] = @P1)",
        ]
    );
    // 63 bytes, or so many characters: PostgreSQL would cut it, and mean another.
    let long = "é".repeat(40);
    let select = Select::of((), Selection::from([long.as_str()]));
    let refused: Vec<&str> = ALL
        .iter()
        .filter(|dialect| select.render_for(dialect).is_err_and(|e| e.kind() == ErrorKind::Usage))
        .map(|dialect| dialect.name)
        .collect();
    assert_eq!(refused, ["postgres"]);
}

#[test]
fn structs_become_rows() {
    #[derive(serde::Serialize)]
    enum Mood {
        Fine,
    }
    #[derive(serde::Serialize)]
    struct User<'a> {
        id: u64,
        big: u64,
        name: &'a str,
        mood: Mood,
        none: Option<i32>,
        tags: Vec<&'a str>,
        inner: std::collections::BTreeMap<&'a str, f64>,
    }
    let user = User {
        id: 7,
        big: u64::MAX,
        name: "Ada",
        mood: Mood::Fine,
        none: None,
        tags: vec!["a", "b\""],
        inner: [("x", 0.5)].into(),
    };
    let record = Record::of(&user).unwrap();
    let insert = Insert::new((), "t", record);
    let rendered = insert.render_for(&Dialect::SQLITE).unwrap();
    let values = rendered.values();
    assert_eq!(values[..4], [Value::I64(7), Value::U64(u64::MAX), "Ada".into(), "Fine".into()]);
    assert!(values[4].is_null());
    assert_eq!(
        values[5..],
        [Value::Json(r#"["a","b\""]"#.into()), Value::Json(r#"{"x":0.5}"#.into())]
    );
    for wrong in [Record::of(&1), Record::of("x"), Record::of(&[1]), Record::of(&())] {
        let error = wrong.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encode);
        assert!(error.message().contains("a struct or a map"), "{error}");
    }
}
