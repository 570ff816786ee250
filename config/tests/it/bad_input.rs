//! What is wrong is told: all of it, each with its place, without secrets.

use std::fs;

use proptest::prelude::*;
use wellspring_config::{Loader, MAX_FILE_SIZE};

use crate::{report, toml, without_variables};

#[test]
fn each_kind_of_mistake_has_its_message_and_its_line() {
    for (text, expected) in [
        ("databses = 5", "wellspring.toml:1: databses: unknown key, did you mean `databases`?"),
        (
            "[databases.a]\nurl = 5",
            "wellspring.toml:2: databases.a.url: expected a text, found a number",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool = 5",
            "wellspring.toml:3: databases.a.pool: expected a table, found a number",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.max_size = 'ten'",
            "wellspring.toml:3: databases.a.pool.max_size: invalid type: string \"ten\", expected usize",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.max_size = -1",
            "wellspring.toml:3: databases.a.pool.max_size: invalid value: integer `-1`, expected usize",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.max_size = 0",
            "wellspring.toml:3: databases.a.pool.max_size: max_size = 0: expected at least 1",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.acquire_timeout = 5",
            "expected a duration such as \"500ms\", \"5s\"",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.acquire_timeout = '5 parsecs'",
            "wellspring.toml:3: databases.a.pool.acquire_timeout: invalid value: string \"5 parsecs\"",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.max_size = 2\npool.min_idle = 5",
            "wellspring.toml:4: databases.a.pool.min_idle: min_idle = 5",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.connect_retry.max_atempts = 5",
            "unknown key `max_atempts`, did you mean `max_attempts`?",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\npool.reuse = 'lfo'",
            "unknown `lfo`, did you mean `lifo`?",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\nstatement_timeout = '0s'",
            "wellspring.toml:3: databases.a.statement_timeout: 0s: expected more than zero",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\nretry.max_attempts = 0",
            "max_attempts = 0: expected at least 1",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\necho = 'loud'",
            "wellspring.toml:3: databases.a.echo",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\nport = 70000",
            "wellspring.toml:3: databases.a.port",
        ),
        (
            "[databases.a]\nurl = 'postgres://h'\noptions.a = {}",
            "expected a text, a number or a switch, found a table",
        ),
        ("[databases.a]\npool.max_size = 2", "nothing says where it is"),
        (
            "[databases.a]\nurl = 'postgres://h'\n[databases.a]\nurl = 'x'",
            "wellspring.toml:3: it is not TOML: duplicate key",
        ),
        ("[databases.a]\nurl = 'postgres://h", "wellspring.toml:2: it is not TOML"),
        ("[databases.'']\nurl = 'postgres://h'", "a database has no name"),
        ("[databases.\"a\\n\"]\nurl = 'postgres://h'", "control character"),
        (
            "default_database = 'b'\n[databases.a]\nurl = 'postgres://h'",
            "wellspring.toml:1: default_database: there is no database \"b\"",
        ),
        ("databases = []", "wellspring.toml:1: databases: expected a table, found a list"),
        ("profile = 5", "wellspring.toml:1: profile: expected a table of profiles"),
        (
            "[databases.a]\nurl = 'postgres://h'\npassword_file = '/nonexistent'",
            "wellspring.toml:3: databases.a.password_file: the file /nonexistent cannot be read",
        ),
    ] {
        let wrong = report(&toml(text));
        assert!(wrong.contains(expected), "{text}\ngot:      {wrong}\nexpected: {expected}");
    }
}

#[test]
fn every_problem_is_told_in_one_report() {
    let errors = toml(
        "[databases.b]\nurl = 'postgres://h'\npool.max_sise = 1\n[databases.a]\nurl = 'postgres://h'\n\
         pool.min_idle = 'x'\necho = 5\ndefault = true",
    )
    .variable("WELLSPRING_DATABASES__A__POOL__MAX_SIZE", "many")
    .environment()
    .load()
    .unwrap_err();
    let places: Vec<String> = errors
        .problems()
        .iter()
        .map(|problem| problem.origin.as_ref().unwrap().to_string())
        .collect();
    assert_eq!(
        places,
        [
            "the variable WELLSPRING_DATABASES__A__POOL__MAX_SIZE",
            "wellspring.toml:3",
            "wellspring.toml:6",
            "wellspring.toml:7",
            "wellspring.toml:8",
        ]
    );
    assert!(errors.to_string().starts_with("the configuration has 5 problems\n"));
}

#[test]
fn a_wrong_default_is_told_once() {
    let errors = toml(
        "[defaults.pool]\nmax_size = 'x'\n[databases]\na.url = 'sqlite:a'\nb.url = 'sqlite:b'",
    )
    .load()
    .unwrap_err();
    assert_eq!(errors.problems().len(), 1, "{errors}");
}

#[test]
fn the_same_name_twice_is_told_in_every_format() {
    let json =
        "{\"databases\": {\n\"a\": {\"url\": \"sqlite:a\"},\n\"a\": {\"url\": \"sqlite:b\"}}}";
    let wrong = report(&without_variables().text("x.json", json));
    assert_eq!(wrong, "x.json:3: a: is there twice");
    #[cfg(feature = "yaml")]
    {
        let yaml = "databases:\n  a: {url: 'sqlite:a'}\n  a: {url: 'sqlite:b'}\n";
        assert_eq!(
            report(&without_variables().text("x.yaml", yaml)),
            "x.yaml:3: a: is there twice"
        );
    }
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("bytes.toml"), b"a = 1\nb = '\xff'").unwrap();
    fs::write(at("large.toml"), vec![b'#'; usize::try_from(MAX_FILE_SIZE).unwrap() + 1]).unwrap();
    fs::create_dir(at("directory.toml")).unwrap();
    fs::write(at("other.ini"), "").unwrap();
    fs::write(at("empty.json"), "").unwrap();
    for (name, named) in [
        ("missing.toml", "cannot be read"),
        ("bytes.toml", "is not UTF-8 (line 2)"),
        ("large.toml", "has more than 1048576 bytes"),
        ("directory.toml", "is a directory, expected a file"),
        ("other.ini", "expected .toml, .json, .yaml or .yml"),
        ("empty.json", "it is empty"),
    ] {
        let wrong = report(&without_variables().file(at(name)));
        assert!(wrong.contains(named) && wrong.contains(name), "{name}: {wrong}");
    }
    // Both of two.
    let wrong = report(&without_variables().files([at("missing.toml"), at("bytes.toml")]));
    assert!(wrong.contains("2 problems"), "{wrong}");
}

#[test]
#[cfg(unix)]
fn pipes_and_files_nobody_may_read_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let wrong = report(&without_variables().file(&pipe));
    assert!(wrong.contains("is not a regular file"), "{wrong}");
}

#[test]
fn secrets_in_files_are_checked_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("empty"), "\n").unwrap();
    fs::write(at("nul"), "canary\0").unwrap();
    fs::write(at("bytes"), b"canary\xff").unwrap();
    fs::write(at("large"), "canary".repeat(20_000)).unwrap();
    for (name, named) in [
        ("empty", "is empty"),
        ("nul", "NUL"),
        ("bytes", "not UTF-8"),
        ("large", "more than 65536 bytes"),
        ("", "is a directory"),
    ] {
        for key in ["password_file", "url_file"] {
            let loader = match key {
                "url_file" => without_variables(),
                _ => without_variables().set("databases.a.url", "postgres://u@h/d"),
            };
            let wrong = report(&loader.set(&format!("databases.a.{key}"), at(name)));
            assert!(wrong.contains(named) && wrong.contains(key), "{name}: {wrong}");
            assert!(!wrong.contains("canary"), "{wrong}");
        }
    }
}

#[test]
#[cfg(feature = "yaml")]
fn bombs_of_yaml_do_not_go_off() {
    let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in ["b", "c", "d", "e", "f", "g", "h", "i"]
        .iter()
        .zip(["a", "b", "c", "d", "e", "f", "g", "h"])
    {
        laughs += &format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 10].join(", "));
    }
    let wrong = report(&without_variables().text("x.yaml", laughs));
    assert!(wrong.contains("more than 100000 values"), "{wrong}");
    let deep = "[".repeat(10_000);
    let wrong = report(&without_variables().text("x.yaml", format!("a: {deep}")));
    assert!(wrong.contains("x.yaml:1"), "{wrong}");
    for (text, named) in [
        ("a: *b", "x.yaml:1"),
        ("a: &a [*a]", "contains it"),
        ("a: 1\n---\nb: 2", "second document"),
        ("base: &b {url: 'sqlite:a'}\ndatabases:\n  a:\n    <<: *b", "defaults"),
        ("? [a]\n: b", "a key is not a plain text"),
        ("- a", "a list and not a table"),
        ("", "it is empty"),
    ] {
        let wrong = report(&without_variables().text("x.yaml", text));
        assert!(wrong.contains(named), "{text}: {wrong}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    for (name, text) in [
        ("x.json", format!("{{\"a\": {}{}}}", "[".repeat(100), "]".repeat(100))),
        ("x.json", format!("{{\"a\": {}", "[".repeat(100_000))),
        ("x.toml", format!("a = {}{}", "[".repeat(70), "]".repeat(70))),
        ("x.toml", format!("a = {}", "[".repeat(100_000))),
    ] {
        let wrong = report(&without_variables().text(name, text));
        assert!(wrong.contains(name), "{wrong}");
    }
}

#[test]
fn numbers_too_large_are_refused() {
    for (name, text) in [
        ("x.json", "{\"databases\": 18446744073709551616e400}"),
        ("x.toml", "a = 99999999999999999999"),
    ] {
        let wrong = report(&without_variables().text(name, text));
        assert!(wrong.contains("64 bits"), "{wrong}");
    }
}

fn read_all(text: &str) {
    for name in ["x.toml", "x.json", "x.yaml"] {
        let loader = without_variables().text(name, text).variable("V", text);
        let _config = loader.load();
    }
    let variables =
        ["DATABASE_URL", "WELLSPRING_DATABASES__A__URL", "WELLSPRING_DATABASES__A__POOL__VALIDATE"];
    for name in variables {
        let _config = Loader::new().variable(name, text).environment().load();
    }
    for name in ["P_DATABASES_JSON", "P_DB_OPTIONS", "P_HOST", "P_PORT"] {
        let loader = Loader::new().variable("P_DB_KEY", "a").variable(name, text);
        let _config = loader.environment_of("P").load();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_value_or_an_error(text in any::<String>()) {
        read_all(&text);
    }

    #[test]
    fn any_change_of_a_right_file_is_a_value_or_an_error(
        at in 0_usize..400, cut in 0_usize..40, put in "[\\PC\\n]{0,12}", which in 0_usize..3,
    ) {
        let text = [
            "[defaults.pool]\nmax_size = 5\n[databases.a]\nurl = 'postgres://u:${V}@h:1/d?sslmode=require'\n[profile.p]\n",
            r#"{"default_db": "a", "jrm_pool_timeout": 5, "databases": {"a": {"dsn": "mysql+pymysql://u:p@h/d", "options": {"read_timeout": 5}}}}"#,
            "databases:\n  a: &a\n    url: sqlite:x\n    pool: {style: uno, min_size: 2}\n  b: *a\n",
        ][which];
        let chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        let end = (at + cut).min(chars.len());
        let changed: String = chars[..at].iter().chain(put.chars().collect::<Vec<_>>().iter()).chain(&chars[end..]).collect();
        read_all(&changed);
    }
}
