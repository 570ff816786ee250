//! The lexer, dialect by dialect: what is code and what is not.

use wellspring_connector::{Dialect, Lexer, TokenKind};

/// The parts of `text` that are no code, each in its own brackets.
fn opaque(dialect: &Dialect, text: &str) -> String {
    Lexer::new(dialect, text)
        .filter(|t| {
            matches!(t.kind, TokenKind::String | TokenKind::QuotedIdentifier | TokenKind::Comment)
        })
        .map(|t| format!("<{}>", t.text))
        .collect()
}

#[test]
fn each_dialect_has_its_own_strings_names_and_comments() {
    let (std, lite, pg) = (Dialect::STANDARD, Dialect::SQLITE, Dialect::POSTGRES);
    let (my, ms, ora) = (Dialect::MYSQL, Dialect::MSSQL, Dialect::ORACLE);
    for (dialect, text, expected) in [
        // Quotes are doubled, and whatever else is inside is text.
        (std, "a 'b''c' d", "<'b''c'>"),
        (std, r#"a "b""c" d"#, r#"<"b""c">"#),
        (std, "'--' -- '", "<'--'><-- '>"),
        (std, "'/*' /* ' */ 'x'", "<'/*'></* ' */><'x'>"),
        (std, r"'a\' b'", r"<'a\'><'>"),
        (std, "-- a\n'b'", "<-- a><'b'>"),
        (std, "-- a\r\n'b'", "<-- a><'b'>"),
        (std, "--'a'", "<--'a'>"),
        (std, "`a` [b] #c $$d$$", ""),
        (std, "/* /* */ 'a' */", "</* /* */><'a'>"),
        // SQLite takes everybody's identifiers; its brackets do not double.
        (lite, "`a``b` [c'd] \"e\"", "<`a``b`><[c'd]><\"e\">"),
        (lite, "[a]]", "<[a]>"),
        (lite, "/* /* */ 'a'", "</* /* */><'a'>"),
        // PostgreSQL: dollar quotes, escape strings, nested comments.
        (pg, "$$a'b$$ c", "<$$a'b$$>"),
        (pg, "$f$ $$ $g$ $f$ c", "<$f$ $$ $g$ $f$>"),
        (pg, "$1 $2", ""),
        (pg, "$1$ 'a' $1$", "<'a'>"),
        (pg, "a$b$ 'c' $b$", "<'c'><$b$>"),
        (pg, r"E'a\'b' 'c\' 'd'", r"<E'a\'b'><'c\'><'d'>"),
        (pg, r"e'a\\' 'b'", r"<e'a\\'><'b'>"),
        (pg, r"fe'a\' 'b'", r"<'a\'><'b'>"),
        (pg, "U&'a' B'1' x'2'", "<'a'><'1'><'2'>"),
        (pg, "/* /* */ 'a' */ 'b'", "</* /* */ 'a' */><'b'>"),
        (pg, "a[1:2] `b`", ""),
        // MySQL: backslashes, hashes, and a dash comment that needs space.
        (my, r"'a\'b' 'c'", r"<'a\'b'><'c'>"),
        (my, r#""a\"b" "c""#, r#"<"a\"b"><"c">"#),
        (my, "# 'a'\n'b'", "<# 'a'><'b'>"),
        (my, "a#b 'c'\n'd'", "<#b 'c'><'d'>"),
        (my, "5--1 'a'", "<'a'>"),
        (my, "5-- 1 'a'", "<-- 1 'a'>"),
        (my, "5--", "<-->"),
        (my, r"`a\` 'b'", r"<`a\`><'b'>"),
        // SQL Server: brackets double, comments nest, # is part of a name.
        (ms, "[a]]b] 'c'", "<[a]]b]><'c'>"),
        (ms, "#t 'a' ##u", "<'a'>"),
        (ms, "/* /* */ */ 'a'", "</* /* */ */><'a'>"),
        // Oracle: any delimiter.
        (ora, "q'[it's]' 'a'", "<q'[it's]'><'a'>"),
        (ora, "Q'!it's!' nq'(a')b)'", "<Q'!it's!'><nq'(a')b)'>"),
        (ora, "q'ßa'bß' 'c'", "<q'ßa'bß'><'c'>"),
        (ora, "xq'[a]' a#b", "<'[a]'>"),
    ] {
        assert_eq!(opaque(&dialect, text), expected, "{dialect}: {text}");
    }
}

#[test]
fn what_is_not_terminated_runs_to_the_end() {
    for (dialect, text) in [
        (Dialect::STANDARD, "'a ? -- b"),
        (Dialect::STANDARD, "'a''"),
        (Dialect::STANDARD, "\"a ?"),
        (Dialect::STANDARD, "/* a ? *"),
        (Dialect::STANDARD, "/*/"),
        (Dialect::POSTGRES, "/* /* */ ?"),
        (Dialect::POSTGRES, "$a$ ? $b$"),
        (Dialect::POSTGRES, "E'a\\"),
        (Dialect::MYSQL, "'a\\'"),
        (Dialect::MYSQL, "`a ?"),
        (Dialect::MSSQL, "[a ?]]"),
        (Dialect::ORACLE, "q'[a ?]"),
        (Dialect::ORACLE, "q'"),
    ] {
        assert_eq!(opaque(&dialect, text), format!("<{text}>"), "{dialect}");
    }
}

#[test]
fn code_is_words_numbers_and_symbols() {
    let tokens: Vec<_> =
        Lexer::new(&Dialect::STANDARD, "é_1$ 1.5e3\t>=").map(|t| (t.kind, t.text)).collect();
    assert_eq!(
        tokens,
        [
            (TokenKind::Word, "é_1$"),
            (TokenKind::Space, " "),
            (TokenKind::Number, "1"),
            (TokenKind::Symbol, "."),
            (TokenKind::Number, "5e3"),
            (TokenKind::Space, "\t"),
            (TokenKind::Symbol, ">"),
            (TokenKind::Symbol, "="),
        ]
    );
}
