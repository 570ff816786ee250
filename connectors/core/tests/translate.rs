//! Placeholders become markers: every style, on every kind of database.

use wellspring_connector::{
    Dialect, ErrorKind, Params, PlaceholderStyle, Sql, Statement, Translator, Value, params,
};

static STANDARD: Dialect = Dialect::STANDARD;
static SQLITE: Dialect = Dialect::SQLITE;
static POSTGRES: Dialect = Dialect::POSTGRES;
static MYSQL: Dialect = Dialect::MYSQL;
static MSSQL: Dialect = Dialect::MSSQL;
static ORACLE: Dialect = Dialect::ORACLE;

fn translate(
    dialect: &'static Dialect,
    style: PlaceholderStyle,
    text: &str,
) -> wellspring_connector::Result<Statement> {
    let sql = Sql::new(text).style(style);
    Ok((*Translator::new(dialect, 0).translate(&sql)?).clone())
}

fn text(dialect: &'static Dialect, style: PlaceholderStyle, text: &str) -> String {
    match translate(dialect, style, text) {
        Ok(statement) => statement.text().to_owned(),
        Err(error) => panic!("{dialect} {style} {text}: {error}"),
    }
}

fn refusal(dialect: &'static Dialect, style: PlaceholderStyle, text: &str) -> String {
    let error = translate(dialect, style, text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Parameters);
    error.to_string()
}

#[test]
fn every_database_gets_its_own_markers() {
    let portable = PlaceholderStyle::Portable;
    for (dialect, positional, named) in [
        (&STANDARD, "f(?, ?)", "f(?, ?, ?)"),
        (&SQLITE, "f(?1, ?2)", "f(?1, ?2, ?1)"),
        (&POSTGRES, "f($1, $2)", "f($1, $2, $1)"),
        (&MYSQL, "f(?, ?)", "f(?, ?, ?)"),
        (&MSSQL, "f(@P1, @P2)", "f(@P1, @P2, @P1)"),
        (&ORACLE, "f(:1, :2)", "f(:1, :2, :1)"),
    ] {
        assert_eq!(text(dialect, portable, "f(?, ?)"), positional);
        assert_eq!(text(dialect, portable, "f(:a, :b, :a)"), named);
        // Wherever it stands, native text is left alone.
        let native = "select ? :a $1 @p1 %s ?? 'x";
        assert_eq!(text(dialect, PlaceholderStyle::Native, native), native);
    }
}

#[test]
fn only_placeholders_are_replaced() {
    use PlaceholderStyle as S;
    for (dialect, style, from, to) in [
        // Strings, identifiers and comments keep theirs.
        (
            &POSTGRES,
            S::Portable,
            "'?' \"?\" -- ?\n/* ? */ $$?$$ ?",
            "'?' \"?\" -- ?\n/* ? */ $$?$$ $1",
        ),
        (&POSTGRES, S::Portable, "'12:30' :a", "'12:30' $1"),
        (&MYSQL, S::Portable, "'it\\'s ?' ? # ?", "'it\\'s ?' ? # ?"),
        // Casts, slices, assignments and operators.
        (&POSTGRES, S::Portable, "?::int :a", ""),
        (&POSTGRES, S::Portable, "?::int", "$1::int"),
        (&POSTGRES, S::Portable, ":a::int, :b ::text", "$1::int, $2 ::text"),
        (&POSTGRES, S::Portable, "a[1:2], a[:2], a[1:n], :n", "a[1:2], a[:2], a[1:n], $1"),
        (&POSTGRES, S::Portable, "a ?? 'b' and c = ?", "a ? 'b' and c = $1"),
        (&POSTGRES, S::Portable, "a ??| b ??& c @?? d", "a ?| b ?& c @? d"),
        (&POSTGRES, S::Portable, "a ?? ? ", "a ? $1 "),
        (&POSTGRES, S::Portable, "x := ? : y", "x := $1 : y"),
        (&MYSQL, S::Portable, "@x := ?, @@y", "@x := ?, @@y"),
        (
            &MSSQL,
            S::Portable,
            "declare @x int = ?; select @@rowcount",
            "declare @x int = @P1; select @@rowcount",
        ),
        (&POSTGRES, S::Portable, "a % 5 = ?", "a % 5 = $1"),
        (&POSTGRES, S::Portable, "(?)+?,?", "($1)+$2,$3"),
        (&POSTGRES, S::Portable, ":größe", "$1"),
        // Numbers choose their values.
        (&POSTGRES, S::Dollar, "$2, $1, $2", "$2, $1, $2"),
        (&MYSQL, S::Dollar, "$2, $1, $2", "?, ?, ?"),
        (&POSTGRES, S::Dollar, "$name, 'a$1', a$1, $$ $1 $$", "$1, 'a$1', a$1, $$ $1 $$"),
        (&SQLITE, S::At, "@p2 + @P1", "?2 + ?1"),
        (&SQLITE, S::At, "@name + @p1x", "?1 + ?2"),
        (&MSSQL, S::At, "@@identity + @id, u@host", "@@identity + @P1, u@host"),
        (&SQLITE, S::Colon, ":2, :1", "?2, ?1"),
        (&SQLITE, S::Colon, ":a, :b", "?1, ?2"),
        (&POSTGRES, S::Question, "? :a", "$1 :a"),
        // Percent signs.
        (
            &POSTGRES,
            S::PercentS,
            "a = %s and b like 'c%' and d %% 2",
            "a = $1 and b like 'c%' and d % 2",
        ),
        (
            &POSTGRES,
            S::PercentS,
            "a % b, a %score, '%s', %s::int",
            "a % b, a %score, '%s', $1::int",
        ),
        (&POSTGRES, S::PercentS, "'a%%' :b ?", "'a%%' :b ?"),
        (&POSTGRES, S::PercentNamed, "%(a)s, %(b c)s, %(a)s", "$1, $2, $1"),
        (&POSTGRES, S::PercentNamed, "a % (b), a %(b), %()s, %%", "a % (b), a %(b), %()s, %"),
        (&MYSQL, S::PercentNamed, "%(a)s -- %(b)s", "? -- %(b)s"),
    ] {
        if to.is_empty() {
            refusal(dialect, style, from);
        } else {
            assert_eq!(text(dialect, style, from), to, "{dialect} {style}");
        }
    }
}

#[test]
fn contradictions_are_refused_by_name() {
    use PlaceholderStyle as S;
    for (dialect, style, statement, expected) in [
        (&POSTGRES, S::Portable, "? :a", "`?` and `:a` in one statement: use positions or names"),
        (&POSTGRES, S::Dollar, "$1 $a", "`$1` and `$a` in one statement: use positions or names"),
        (&POSTGRES, S::Dollar, "$1 $3", "placeholder 3 is there, but 2 is not"),
        (&POSTGRES, S::Dollar, "$0", "placeholder `$0`: numbers are 1 to 65535 on postgres"),
        (
            &SQLITE,
            S::Colon,
            ":99999999999999999999",
            "placeholder `:99999999999999999999`: numbers are 1 to 32766 on sqlite",
        ),
        (
            &SQLITE,
            S::Portable,
            "?1",
            "placeholder `?` runs into `1` (text in sqlite's own form goes through `Sql::native`)",
        ),
        (
            &MYSQL,
            S::Portable,
            "a ?? b",
            "`??` stands for a literal `?`, which mysql would take for a parameter",
        ),
        // What the database would itself take for a parameter would shift the values.
        (
            &POSTGRES,
            S::Portable,
            "$1 + ?",
            "`$1` is a parameter of postgres's own and `?` a placeholder of style portable: use one of them",
        ),
        (
            &SQLITE,
            S::Portable,
            "@a + ?",
            "`@a` is a parameter of sqlite's own and `?` a placeholder of style portable: use one of them",
        ),
        (
            &MYSQL,
            S::PercentS,
            "? + %s",
            "`?` is a parameter of mysql's own and `%s` a placeholder of style percent_s: use one of them",
        ),
        (
            &ORACLE,
            S::Dollar,
            ":a + $b",
            "`:a` is a parameter of oracle's own and `$b` a placeholder of style dollar: use one of them",
        ),
        (
            &MSSQL,
            S::Portable,
            "@p1 + ?",
            "`@p1` is a parameter of mssql's own and `?` a placeholder of style portable: use one of them",
        ),
    ] {
        assert_eq!(refusal(dialect, style, statement), expected);
    }
    let many = "?,".repeat(2_101);
    let expected = "the statement has 2101 parameters; mssql takes 2100";
    assert_eq!(refusal(&MSSQL, S::Portable, &many), expected);
    assert!(translate(&MSSQL, S::Portable, &many[2..]).is_ok());
}

fn bind(dialect: &'static Dialect, statement: &str, params: Params) -> Result<Vec<Value>, String> {
    let statement = translate(dialect, PlaceholderStyle::Portable, statement).unwrap();
    statement.bind(params).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Parameters);
        error.to_string()
    })
}

#[test]
fn values_go_where_their_markers_are() {
    let (a, b) = (Value::I32(1), Value::I32(2));
    for (dialect, expected) in
        [(&POSTGRES, vec![b.clone(), a.clone()]), (&MYSQL, vec![b.clone(), a.clone(), b.clone()])]
    {
        assert_eq!(bind(dialect, ":b :a :b", params! { a: 1, b: 2 }).unwrap(), expected);
    }
    let numbered = translate(&MYSQL, PlaceholderStyle::Dollar, "$2 $1 $2").unwrap();
    assert_eq!(numbered.parameters(), Some(2));
    assert_eq!(numbered.bind(params![1, 2]).unwrap(), [b.clone(), a.clone(), b.clone()]);
    let named = translate(&MYSQL, PlaceholderStyle::Portable, ":b :a :b").unwrap();
    assert_eq!(named.names().collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(bind(&POSTGRES, "select 1", params! {}).unwrap(), []);
    let none: [(&str, Value); 0] = [];
    assert_eq!(bind(&POSTGRES, "select 1", Params::named(none)).unwrap(), []);
}

#[test]
fn what_does_not_fit_is_said_exactly() {
    let secret = "hunter2";
    for (statement, params, expected) in [
        ("?, ?", params![secret], "the statement has 2 placeholders, but 1 value was given"),
        ("?", params![], "the statement has 1 placeholder, but no values were given"),
        (
            "select 1",
            params![secret, 2],
            "the statement has no placeholders, but 2 values were given",
        ),
        ("select 1", params! { a: secret }, "the statement has no placeholders, but was given `a`"),
        (
            "?",
            params! { a: secret, b: 1 },
            "the placeholders have no names, but was given `a`, `b`",
        ),
        (
            ":a, :b",
            params![secret, 2],
            "the placeholders have names (`a`, `b`), but 2 values were given by position",
        ),
        (
            ":name, :born",
            params! { nmae: secret },
            "there is no placeholder `nmae`, only `name`; no value was given for `name`, `born`",
        ),
        (":name", params! { name: 1, zzzzzz: secret }, "there is no placeholder `zzzzzz`"),
        (":name", params! { name: 1, name: secret }, "`name` was given twice"),
        (
            "$1",
            params![secret],
            "`$1` is a parameter of postgres's own: use `Sql::native`, or another placeholder",
        ),
        (
            "$1",
            params![],
            "`$1` is a parameter of postgres's own: use `Sql::native`, or another placeholder",
        ),
    ] {
        let error = bind(&POSTGRES, statement, params).unwrap_err();
        assert_eq!(error, expected);
    }
    // In T-SQL a variable may have such a name.
    assert!(bind(&MSSQL, "declare @p1 int = 1; select @p1", params![]).is_ok());
}

#[test]
fn native_text_takes_values_by_position() {
    let native = translate(&MSSQL, PlaceholderStyle::Native, "select @P1").unwrap();
    assert_eq!(native.bind(params![1]).unwrap(), [Value::I32(1)]);
    let error = native.bind(params! { a: 1 }).unwrap_err().to_string();
    assert_eq!(error, "native text takes values by position, not by name (`a`)");
    let error = native.bind(Params::positional(vec![0; 2_101])).unwrap_err().to_string();
    assert_eq!(error, "the statement has 2101 parameters; mssql takes 2100");
}
