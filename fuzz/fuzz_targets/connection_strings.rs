//! Any text, as a connection string: nothing panics, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wellspring_config::dsn::DatabaseUrl;
use wellspring_config::redact;

fuzz_target!(|text: &str| {
    let _ = redact(text);
    for what in ["mssql", "postgres", "sqlite", "odbc", "ado"] {
        let _ = DatabaseUrl::parse_as(what, text);
    }
    let Ok(mut url) = DatabaseUrl::parse(text) else {
        return;
    };
    let _ = (url.to_string(), format!("{url:?}"));
    // Encoding can make it three times as long, and longer than a URL may be.
    let Ok(written) = url.to_text() else {
        assert!(text.len() * 3 > 65_536, "{url:?}");
        return;
    };
    let again = DatabaseUrl::parse(written.expose()).expect("what is written can be read");
    url.settings.clear();
    url.notes.clear();
    assert_eq!(again, url);
});
