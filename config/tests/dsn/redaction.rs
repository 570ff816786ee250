//! Secrets: what is shown of connection strings, and of what is read from them.

use wellspring_config::dsn::DatabaseUrl;
use wellspring_config::redact;

use crate::corpus::{self, bad};

#[test]
fn nothing_shown_of_a_string_has_its_password() {
    for (text, ..) in corpus::good() {
        let url = DatabaseUrl::parse(text).unwrap();
        for shown in [format!("{url}"), format!("{url:?}"), format!("{url:#?}"), redact(text)] {
            assert!(!shown.contains("canary"), "{text}: {shown}");
        }
        // What is not secret is still there to be read.
        assert!(redact(text).len() >= 5, "{text}: {}", redact(text));
    }
    let mut wrong = Vec::new();
    for (text, _) in bad::ROWS {
        // There the word is the port.
        if redact(text).contains("canary") && !text.ends_with("port=canary") {
            wrong.push(format!("{text}\n    {}", redact(text)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn strings_keep_their_form() {
    for (text, shown) in [
        (
            "postgres://u:canary@h:1/d?sslmode=require",
            "postgres://u:[redacted]@h:1/d?sslmode=require",
        ),
        ("postgres://u@h/d", "postgres://u@h/d"),
        ("postgres://u:canary@a,[::1]:5/d", "postgres://u:[redacted]@a,[::1]:5/d"),
        (
            "postgres://h/d?user=u&password=canary&sslkey=k.pem&sslpassword=canary",
            "postgres://h/d?user=u&password=[redacted]&sslkey=k.pem&sslpassword=[redacted]",
        ),
        ("postgres://h/d?user=u&p%61ssword=canary", "postgres://h/d?user=u&p%61ssword=[redacted]"),
        (
            "postgres://h/d?password=x&canary=y&user=u",
            "postgres://h/d?password=[redacted]&…&user=u",
        ),
        ("mysql+pymysql://u:canary@h/d", "mysql+pymysql://u:[redacted]@h/d"),
        ("unknown://u:canary@h/d?apiKey=canary", "unknown://u:[redacted]@h/d?apiKey=[redacted]"),
        ("xdb://h/d?next=postgres%3A%2F%2Fu%3Acanary%40h", "xdb://h/d?next=[redacted]"),
        (
            "mssql+pyodbc:///?odbc_connect=Driver%3Dx%3BPWD%3Dcanary",
            "mssql+pyodbc:///?odbc_connect=[redacted]",
        ),
        ("sc://h:1/;token=canary;user_id=u", "sc://h:1/;token=[redacted];user_id=u"),
        ("sqlite:////srv/x.db?mode=ro", "sqlite:////srv/x.db?mode=ro"),
        ("file:x.db?key=canary", "file:x.db?key=[redacted]"),
        ("odbc:DSN=x;PWD={canary;};UID=u", "odbc:DSN=x;PWD=[redacted];UID=u"),
        ("host=h password='canary \\' x' user=u", "host=h password=[redacted] user=u"),
        ("host=h password=canary x=1 user=u", "host=h password=[redacted] … user=u"),
        ("Server=db;Pwd=\"can\"\"ary;\";Encrypt=1", "Server=db;Pwd=[redacted];Encrypt=1"),
        ("Server=db;Pwd=x;canary=1;Encrypt=1", "Server=db;Pwd=[redacted];…;Encrypt=1"),
        ("Driver={x};PWD={canary};UID=u", "Driver={x};PWD=[redacted];UID=u"),
        (
            "jdbc:postgresql://h/d?user=a@b&password=canary@c",
            "jdbc:postgresql://h/d?user=a@b&password=[redacted]",
        ),
        ("jdbc:mysql://u:canary@h/d?useSSL=true", "jdbc:mysql://u:[redacted]@h/d?useSSL=true"),
        (
            "jdbc:sqlserver://h\\i:1;user=u;password={canary;};encrypt=true",
            "jdbc:sqlserver://h\\i:1;user=u;password=[redacted];encrypt=true",
        ),
        ("jdbc:oracle:thin:u/canary@//h:1/s", "jdbc:oracle:thin:u/[redacted]@//h:1/s"),
        ("jdbc:oracle:thin:@h:1:s", "jdbc:oracle:thin:@h:1:s"),
        (
            "jdbc:db2://h:1/d:user=u;password=canary;",
            "jdbc:db2://h:1/d:user=u;password=[redacted];",
        ),
        ("jdbc:sqlite:x.db", "jdbc:sqlite:x.db"),
        // What cannot be understood.
        ("canary", "…"),
        ("u:canary@h/d", "…"),
        ("postgres://u:can/ary@h/d", "postgres://…"),
        ("postgres://u:can?ary@h/d", "postgres://…"),
        ("postgres://u:p@can/ary@h/d", "postgres://…"),
        ("postgres://u:canary", "postgres://…"),
        ("postgres:canary", "postgres:…"),
        ("sqlite:u:canary@h", "sqlite:…"),
        ("host=h password='canary", "…"),
        ("Server=db;Pwd='canary", "…"),
        ("jdbc:h2:mem:x;password=canary", "jdbc:…"),
        ("jdbc:oracle:thin:u/canary", "jdbc:…"),
        ("", "…"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn options_that_look_like_secrets_are_not_shown() {
    let url = DatabaseUrl::parse(
        "redshift://u:canary@h/d?sslkey=k.pem&token=canary&api_key=canary&x=a://b:canary@c&db=y",
    );
    assert!(url.is_err(), "an `@` in a query wants encoding");
    let url = DatabaseUrl::parse(
        "redshift://u:canary@h/d?sslkey=k.pem&token=canary&api_key=canary&x=a://b:canary%40c&db=y",
    )
    .unwrap();
    assert_eq!(
        url.to_string(),
        "redshift://u@h/d?sslkey=k.pem&token=redacted&api_key=redacted&x=redacted&db=y"
    );
    let debug = format!("{url:?}");
    assert!(!debug.contains("canary") && debug.contains("k.pem"), "{debug}");
    assert!(url.to_text().unwrap().expose().contains("canary"));
}
