//! Scripts of every dialect, and what must be true of any text.

use proptest::prelude::*;

use super::*;

fn split(dialect: &Dialect, script: &str) -> Vec<String> {
    split_script(dialect, script).map(str::to_owned).collect()
}

/// Scripts, and the statements in them.
const SCRIPTS: &[(Dialect, &str, &[&str])] = &[
    (Dialect::POSTGRES, "", &[]),
    (Dialect::POSTGRES, " ;; -- x;\n/* ; */;", &[]),
    (
        Dialect::POSTGRES,
        "select ';', \";\" -- ;\n, 1; do $$ begin a; end $$;select 2",
        &["select ';', \";\" -- ;\n, 1", "do $$ begin a; end $$", "select 2"],
    ),
    // A transaction's own words open nothing.
    (
        Dialect::POSTGRES,
        "begin; select 1; end; begin isolation level serializable; end",
        &["begin", "select 1", "end", "begin isolation level serializable", "end"],
    ),
    (
        Dialect::POSTGRES,
        "create function f() returns int begin atomic select 1; select case when true then 2 end; end; \
         select 3",
        &[
            "create function f() returns int begin atomic select 1; select case when true then 2 end; end",
            "select 3",
        ],
    ),
    (
        Dialect::POSTGRES,
        "create function f() returns text language plpgsql as $f$ begin return 'a;$$;'; end; $f$;\n/* /* ; */ ; */ select E'it\\';s'",
        &[
            "create function f() returns text language plpgsql as $f$ begin return 'a;$$;'; end; $f$",
            "/* /* ; */ ; */ select E'it\\';s'",
        ],
    ),
    (
        Dialect::POSTGRES,
        "create rule r as on insert to t do also (insert into a values (1); insert into b values (2)); x",
        &[
            "create rule r as on insert to t do also (insert into a values (1); insert into b values (2))",
            "x",
        ],
    ),
    // Columns that are called as routines are, and have such words as names.
    (
        Dialect::SQLITE,
        "create table log (event text, \"begin\" text, trigger text, begin text); select 1",
        &["create table log (event text, \"begin\" text, trigger text, begin text)", "select 1"],
    ),
    (
        Dialect::SQLITE,
        "create temp trigger if not exists g after insert on t when case new.a when 1 then 1 end begin \
         update t set b = case new.end when 1 then ';' end; delete from [a;b]; end; select 1",
        &[
            "create temp trigger if not exists g after insert on t when case new.a when 1 then 1 end begin \
             update t set b = case new.end when 1 then ';' end; delete from [a;b]; end",
            "select 1",
        ],
    ),
    (
        Dialect::MYSQL,
        "create definer=`a;b`@localhost procedure p() begin declare x int; if x > 1 then select 1; end if; \
         case x when 1 then select 2; end case; w: while x do set x = 0; end while w; \
         select if(1, 2, 3); begin select 5; end; end; call p()",
        &[
            "create definer=`a;b`@localhost procedure p() begin declare x int; if x > 1 then select 1; end if; \
             case x when 1 then select 2; end case; w: while x do set x = 0; end while w; \
             select if(1, 2, 3); begin select 5; end; end",
            "call p()",
        ],
    ),
    (
        Dialect::MYSQL,
        "select 'a\\';b' # ;\n, 1;/*!40101 set names utf8 */;/* no; */;select 1--;\n;",
        &["select 'a\\';b' # ;\n, 1", "/*!40101 set names utf8 */", "select 1--"],
    ),
    (
        Dialect::MYSQL,
        "delimiter //\r\ncreate procedure p() select 1; //\r\n  DeLiMiTeR $$\nselect '$$' $$ select 2 end$$\n\
         delimiter ;\nselect 3; select 4 as\ndelimiter",
        &[
            "create procedure p() select 1;",
            "select '$$'",
            "select 2 end",
            "select 3",
            "select 4 as\ndelimiter",
        ],
    ),
    // The separator is missing before the line that changes it back.
    (
        Dialect::MARIADB,
        "delimiter ';;'\nselect 1; end\ndelimiter ;\nselect delimiter from t; begin not atomic select 1; \
         begin select 2; end; end; begin; select 3",
        &[
            "select 1; end",
            "select delimiter from t",
            "begin not atomic select 1; begin select 2; end; end",
            "begin",
            "select 3",
        ],
    ),
    // Elsewhere the word is a name.
    (Dialect::POSTGRES, "delimiter //\nselect 1; //", &["delimiter //\nselect 1", "//"]),
    (
        Dialect::MSSQL,
        "declare @x int; set @x = 1;\nGO\n/* \nGO\n */ select 'a\ngo\n', [a;\ngo\n];\n  go 2 -- twice\nselect go\nGO x\ngo",
        &[
            "declare @x int; set @x = 1;",
            "/* \nGO\n */ select 'a\ngo\n', [a;\ngo\n];",
            "/* \nGO\n */ select 'a\ngo\n', [a;\ngo\n];",
            "select go\nGO x",
        ],
    ),
    (
        Dialect::ORACLE,
        "select q'[a;/\n/\n]' from dual; create or replace procedure p as x int; begin null; end;\n/\n\
         begin null; end;\n / \ndeclare y int; begin null; end;\n/\nselect 1 / 2\n/\n",
        &[
            "select q'[a;/\n/\n]' from dual",
            "create or replace procedure p as x int; begin null; end;",
            "begin null; end;",
            "declare y int; begin null; end;",
            "select 1 / 2",
        ],
    ),
    // What is not terminated goes to the database.
    (Dialect::SQLITE, "select 1; select 'a; b", &["select 1", "select 'a; b"]),
    (Dialect::POSTGRES, "select 1; do $x$ a; $y$;", &["select 1", "do $x$ a; $y$;"]),
    (Dialect::MYSQL, "select 1; /*! a; b", &["select 1", "/*! a; b"]),
    (
        Dialect::SQLITE,
        "create trigger g after insert on t begin select 1; select 2;",
        &["create trigger g after insert on t begin select 1; select 2;"],
    ),
];

#[test]
fn scripts_of_every_dialect_are_split_where_they_should() {
    for (dialect, script, statements) in SCRIPTS {
        assert_eq!(split(dialect, script), *statements, "{}: {script}", dialect.name);
        for statement in script_statements(dialect, script) {
            let statement = statement.unwrap();
            let lines: Vec<&str> = script.split('\n').collect();
            let line = lines[statement.line as usize - 1];
            let from: String = line.chars().skip(statement.column as usize - 1).collect();
            assert!(script[statement.offset..].starts_with(&from), "{statement:?}");
        }
    }
}

#[test]
fn positions_are_those_of_the_code() {
    let script = "-- é\n  /* ü\n */ select 1;ö 2;\r\n\r\n\tselect 3";
    let found: Vec<_> = script_statements(&Dialect::SQLITE, script)
        .map(|statement| statement.unwrap())
        .map(|statement| (statement.line, statement.column, &script[statement.offset..][..2]))
        .collect();
    assert_eq!(found, [(3, 5, "se"), (3, 14, "ö"), (5, 2, "se")]);
}

#[test]
fn a_delimiter_line_without_a_delimiter_is_named() {
    for line in ["DELIMITER", "delimiter  \t", "delimiter \\"] {
        let script = format!("select 1;\n\n{line}\nselect 2");
        let found: Vec<_> = script_statements(&Dialect::MYSQL, &script).collect();
        assert_eq!(found.len(), 2);
        let error = found[1].as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax);
        assert!(error.message().starts_with("line 3: \"") && error.message().contains("`//`"));
    }
}

/// The tokens that are code, but for separators.
fn code(dialect: &Dialect, text: &str) -> Vec<String> {
    Lexer::new(dialect, text)
        .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
        // What is not terminated at the end loses its last white space.
        .map(|token| token.text.trim_end().to_owned())
        .filter(|text| text != ";")
        .collect()
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![
        Dialect::SQLITE,
        Dialect::POSTGRES,
        Dialect::MYSQL,
        Dialect::MARIADB,
        Dialect::MSSQL,
        Dialect::ORACLE,
        Dialect::DB2,
    ])
}

fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "select",
        "begin",
        "end",
        "create",
        "procedure",
        "trigger",
        "case",
        "if",
        "end if",
        "atomic",
        "not",
        ";",
        ";",
        ";",
        "'a;b'",
        "\"x;y\"",
        "`q;`",
        "[z;]",
        "$$ ; $$",
        "$t$ ; $t$",
        "-- c;\n",
        "/* d; */",
        "#",
        "1",
        "é",
        "(",
        ")",
        "@",
        ".",
        "\n",
        "\r\n",
        " ",
        "'",
        "$$",
        "/*",
        "E'\\';'",
        "q'[;]'",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40)
        .prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn splitting_loses_nothing(dialect in dialects(), script in pieces()) {
        let statements = split(&dialect, &script);
        // Each begins and ends with something, in the script's order; between them is nothing but
        // separators, white space and comments.
        let mut rest = script.as_str();
        for statement in &statements {
            prop_assert!(!statement.is_empty());
            let at = rest.find(statement.as_str()).expect("a part of the script");
            prop_assert_eq!(code(&dialect, &rest[..at]), Vec::<String>::new());
            rest = &rest[at + statement.len()..];
        }
        prop_assert_eq!(code(&dialect, rest), Vec::<String>::new());
    }

    #[test]
    fn joined_again_it_is_the_same(dialect in dialects(), script in pieces()) {
        prop_assume!(dialect.name != "mssql" && dialect.name != "oracle");
        let joined = split(&dialect, &script).join("\n;\n");
        prop_assert_eq!(code(&dialect, &joined), code(&dialect, &script));
    }

    #[test]
    fn any_text_is_split_without_a_panic(dialect in dialects(), script in any::<String>()) {
        for statement in script_statements(&dialect, &script).flatten() {
            prop_assert!(script.is_char_boundary(statement.offset));
        }
    }
}
