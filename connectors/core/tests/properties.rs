//! Properties that hold for every input: of the lexer, of translation and of the text forms.

use proptest::prelude::*;
use wellspring_connector::{
    Date, Decimal, Dialect, Interval, Lexer, PlaceholderStyle, Sql, Time, Timestamp, TimestampTz,
    Translator, Uuid,
};

static DIALECTS: [Dialect; 7] = [
    Dialect::STANDARD,
    Dialect::SQLITE,
    Dialect::POSTGRES,
    Dialect::MYSQL,
    Dialect::MARIADB,
    Dialect::MSSQL,
    Dialect::ORACLE,
];

fn styles() -> impl Strategy<Value = PlaceholderStyle> {
    prop::sample::select(vec![
        PlaceholderStyle::Portable,
        PlaceholderStyle::Native,
        PlaceholderStyle::Question,
        PlaceholderStyle::Colon,
        PlaceholderStyle::Dollar,
        PlaceholderStyle::At,
        PlaceholderStyle::PercentS,
        PlaceholderStyle::PercentNamed,
    ])
}

/// Text in which everything the lexer knows is frequent, well formed or not.
fn sql_like() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "'", "''", "\"", "`", "[", "]", "$", "$$", "$a$", "--", "-- ", "#", "/*", "*/", "\\", "\n",
        "?", "??", ":", "::", ":=", ":a", "$1", "$b", "@p1", "@c", "@@", "%s", "%%", "%(d)s", "(",
        ")", "E'", "q'[", "]'", "é", "𝄞", "a", "1", " ", "select", ",", "=",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// A well-formed fragment of PostgreSQL and whether it is a placeholder.
fn fragments() -> impl Strategy<Value = Vec<(String, bool)>> {
    let fragment = prop_oneof![
        Just((" ? ".to_owned(), true)),
        "[a-z0-9?:$ ]{0,8}".prop_map(|s| (format!(" '{s}' "), false)),
        "[a-z0-9?: ]{0,8}".prop_map(|s| (format!(" \"{s}\" "), false)),
        "[a-z0-9?:$' ]{0,8}".prop_map(|s| (format!(" -- {s}\n"), false)),
        "[a-z0-9?:$' ]{0,8}".prop_map(|s| (format!(" /* {s} */ "), false)),
        "[a-z0-9?:' ]{0,8}".prop_map(|s| (format!(" $q${s}$q$ "), false)),
        "[a-z]{1,5}".prop_map(|s| (format!(" {s}::int "), false)),
        "[a-z]{1,5}".prop_map(|s| (format!(" {s}[1:2] "), false)),
        Just((" a := 1, b ".to_owned(), false)),
    ];
    prop::collection::vec(fragment, 0..12)
}

fn timestamps() -> impl Strategy<Value = Timestamp> {
    (-60_000_000_000_i64..60_000_000_000, 0_u32..1_000_000_000)
        .prop_map(|(seconds, nanos)| Timestamp::from_unix(seconds, nanos).unwrap())
}

proptest! {
    #[test]
    fn tokens_are_the_whole_text(text in sql_like(), noise in any::<String>()) {
        for dialect in &DIALECTS {
            for text in [&text, &noise] {
                let mut again = String::new();
                for token in Lexer::new(dialect, text) {
                    prop_assert!(!token.text.is_empty());
                    again.push_str(token.text);
                }
                prop_assert_eq!(&again, text);
            }
        }
    }

    #[test]
    fn translation_never_panics(text in sql_like(), noise in any::<String>(), style in styles()) {
        for dialect in &DIALECTS {
            let translator = Translator::new(dialect, 4);
            for text in [&text, &noise] {
                if let Ok(statement) = translator.translate(&Sql::new(text).style(style)) {
                    let values = vec![0_i64; statement.parameters().unwrap_or(0)];
                    let _ = statement.bind(wellspring_connector::Params::positional(values));
                }
            }
        }
    }

    #[test]
    fn exactly_the_placeholders_become_markers(fragments in fragments()) {
        let source: String = fragments.iter().map(|(text, _)| text.as_str()).collect();
        let mut number = 0;
        let expected: String = fragments
            .iter()
            .map(|(text, placeholder)| {
                number += usize::from(*placeholder);
                if *placeholder { format!(" ${number} ") } else { text.clone() }
            })
            .collect();
        let statement =
            Translator::new(&DIALECTS[2], 4).translate(&Sql::new(&source)).unwrap();
        prop_assert_eq!(statement.text(), expected);
        prop_assert_eq!(statement.parameters(), Some(number));
    }

    #[test]
    fn dates_and_times_read_what_they_print(at in timestamps(), offset in -93_599_i32..93_600) {
        prop_assert_eq!(at.date().to_string().parse::<Date>().unwrap(), at.date());
        prop_assert_eq!(at.time().to_string().parse::<Time>().unwrap(), at.time());
        prop_assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
        prop_assert_eq!(format!("{at:#}").parse::<Timestamp>().unwrap(), at);
        let tz = TimestampTz::new(at, offset).unwrap();
        prop_assert_eq!(tz.to_string().parse::<TimestampTz>().unwrap(), tz);
        prop_assert_eq!(TimestampTz::from_local(tz.local(), offset).unwrap(), tz);
    }

    #[test]
    fn intervals_read_what_they_print(months: i32, days: i32, nanos: i64) {
        let span = Interval::new(months, days, nanos);
        prop_assert_eq!(span.to_string().parse::<Interval>().unwrap(), span);
    }

    #[test]
    fn decimals_read_what_they_print(text in "-?[0-9]{1,40}(\\.[0-9]{1,40})?") {
        let decimal: Decimal = text.parse().unwrap();
        let again: Decimal = decimal.to_string().parse().unwrap();
        prop_assert_eq!(&again, &decimal);
        prop_assert_eq!(again.scale(), decimal.scale());
        prop_assert_eq!(decimal.scale() as usize, text.split_once('.').map_or(0, |(_, f)| f.len()));
    }

    #[test]
    fn decimals_compare_as_numbers(a: i64, b: i64, a_scale in 0_u8..40, b_scale in 0_u8..40) {
        // Scaled up to one scale, the digits of small numbers compare as integers.
        let (a, b) = (a % 1_000_000, b % 1_000_000);
        let common = a_scale.max(b_scale);
        let zeros = |n: i64, scale: u8| {
            let text = format!("{n}{}", "0".repeat(usize::from(common - scale)));
            text.parse::<Decimal>().unwrap()
        };
        let by_number = zeros(a, a_scale).cmp(&zeros(b, b_scale));
        prop_assert_eq!(Decimal::new(a, a_scale).cmp(&Decimal::new(b, b_scale)), by_number);
    }

    #[test]
    fn uuids_read_what_they_print(bytes: [u8; 16]) {
        let id = Uuid::from_bytes(bytes);
        prop_assert_eq!(id.to_string().parse::<Uuid>().unwrap(), id);
        prop_assert_eq!(id.to_string().replace('-', "").parse::<Uuid>().unwrap(), id);
    }

    #[test]
    fn parsers_never_panic(text in any::<String>(), almost in "[-+0-9:.TZPYMDHSeW{} ]{0,24}") {
        for text in [&text, &almost] {
            let _ = text.parse::<Date>();
            let _ = text.parse::<Time>();
            let _ = text.parse::<Timestamp>();
            let _ = text.parse::<TimestampTz>();
            let _ = text.parse::<Interval>();
            let _ = text.parse::<Decimal>();
            let _ = text.parse::<Uuid>();
        }
    }
}
