//! Millions of connection strings that nobody would write, read and written and read again.
//!
//! By default there are few of them, so that the test costs no more than others. How many, and the seed
//! of a run that found something, are said by the environment:
//!
//! ```sh
//! WELLSPRING_FUZZ_INPUTS=10000000 cargo test --release -p wellspring-config --test fuzz -- --nocapture
//! ```

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use fastrand::Rng;
use wellspring_config::dsn::DatabaseUrl;
use wellspring_config::redact;

mod corpus;

/// A hundred times what the longest text should take: what takes longer grows faster than its input.
const LONGEST: Duration = Duration::from_secs(1);

/// What connection strings are made of.
const TOKENS: &[&str] = &[
    "postgres://",
    "postgresql+psycopg://",
    "mysql+pymysql://",
    "mssql+pyodbc://",
    "sqlite:///",
    "file:",
    "jdbc:",
    "jdbc:sqlserver://",
    "jdbc:oracle:thin:@",
    "jdbc:db2://",
    "odbc:",
    "sc://",
    "duckdb:",
    "host=",
    "port=",
    "dbname=",
    "user=",
    "password=",
    "sslmode=",
    "sslmode=prefer",
    "ssl=true",
    "hostaddr=",
    "options=",
    "unix_socket=",
    "odbc_connect=",
    "service_name=",
    "instance=",
    "sid=",
    "Server=",
    "Data Source=",
    "User Id=",
    "Password=",
    "Pwd=",
    "Database=",
    "Encrypt=",
    "Driver=",
    "DSN=",
    "TrustServerCertificate=",
    "Max Pool Size=",
    "Connect Timeout=",
    "Command Timeout=",
    "Pooling=",
    "connect_timeout=",
    "statement_timeout=",
    "pool_size=",
    "mode=memory",
    "uri=true",
    "cache=shared",
    "true",
    "false",
    "0",
    "-1",
    "1433",
    "99999999999999999999",
    "30.5",
    "5s",
    "250ms",
    "1min",
    "://",
    "//",
    "/",
    ":",
    ";",
    "&",
    "?",
    "@",
    "#",
    "=",
    "==",
    ",",
    ".",
    "%",
    "%25",
    "%00",
    "%zz",
    "%ff",
    "%2F",
    "%5C",
    "%3B",
    "+",
    " ",
    "\t",
    "\n",
    "'",
    "''",
    "\"",
    "\"\"",
    "{",
    "}",
    "}}",
    "[",
    "]",
    "[::1]",
    "(",
    ")",
    "\\",
    "\\'",
    "|",
    "~",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "ß",
    "日本",
    "🦀",
    ":memory:",
    "localhost",
    "tcp:",
    "(local)",
    "(DESCRIPTION=",
    ".\\",
    "/run/x.sock",
    "|DataDirectory|",
];

/// Makes inputs out of the strings of the tables.
struct Mutator {
    rng: Rng,
    seeds: Vec<&'static str>,
}

impl Mutator {
    fn seed(&mut self) -> &'static str {
        self.seeds[self.rng.usize(..self.seeds.len())]
    }

    /// A place in `text` between two characters.
    fn place(&mut self, text: &str) -> usize {
        let at = self.rng.usize(..=text.len());
        (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
    }

    fn token(&mut self) -> &'static str {
        TOKENS[self.rng.usize(..TOKENS.len())]
    }

    fn input(&mut self) -> String {
        let mut text = self.seed().to_owned();
        // Mostly few changes, so that a good part of it can still be read.
        let most = self.rng.usize(1..=6);
        for _ in 0..self.rng.usize(1..=most) {
            self.change(&mut text);
        }
        text
    }

    fn change(&mut self, text: &mut String) {
        let (a, b) = (self.place(text), self.place(text));
        let (from, to) = (a.min(b), a.max(b));
        match self.rng.u8(..9) {
            // The beginning of one and the end of another.
            0 => {
                let other = self.seed();
                let at = self.place(other);
                text.truncate(from);
                text.push_str(&other[at..]);
            }
            1 => text.insert_str(from, self.token()),
            2 => text.replace_range(from..to, self.token()),
            3 => text.replace_range(from..to.min(self.next(text, from, 4)), ""),
            4 => {
                // Bytes flipped, and what is no longer UTF-8 replaced.
                let mut bytes = std::mem::take(text).into_bytes();
                for _ in 0..self.rng.usize(1..4) {
                    if bytes.is_empty() {
                        break;
                    }
                    let at = self.rng.usize(..bytes.len());
                    bytes[at] ^= 1 << self.rng.u8(..8);
                }
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            5 if text.len() < 8_192 => {
                let copy = text[from..to].to_owned();
                text.insert_str(to, &copy);
            }
            // Something long, to find what takes longer than it should.
            6 if self.rng.u16(..) == 0 => {
                let token = self.token();
                let times = self.rng.usize(..20_000 / token.len());
                text.insert_str(from, &token.repeat(times));
            }
            7 => {
                let c = self.rng.char(..);
                text.insert(from, c);
            }
            _ => {
                let other = self.seed();
                let (start, end) = (self.place(other), self.place(other));
                text.insert_str(from, &other[start.min(end)..start.max(end)]);
            }
        }
    }

    /// A few characters after `from`.
    fn next(&mut self, text: &str, from: usize, most: usize) -> usize {
        let count = self.rng.usize(1..=most);
        text[from..].char_indices().nth(count).map_or(text.len(), |(at, _)| from + at)
    }
}

/// Reads a text in every way; tells whether it was a connection string.
fn check(text: &str) -> bool {
    const WHATS: &[&str] =
        &["mssql", "postgres", "mysql", "oracle", "db2", "sqlite", "odbc", "ado", "url"];
    let shown = redact(text);
    assert!(shown.len() <= text.len() + 4_096, "redaction makes it longer: {shown:?}");
    let what = WHATS[text.len() % WHATS.len()];
    let _ = DatabaseUrl::parse_as(what, text);
    match DatabaseUrl::parse(text) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
        Ok(mut url) => {
            let _ = (url.to_string(), format!("{url:?}"));
            let written = match url.to_text() {
                Ok(written) => written,
                // Encoding makes it three times as long at most.
                Err(_) if text.len() * 3 > 65_536 => return true,
                Err(error) => panic!("cannot be written: {error}"),
            };
            let again = DatabaseUrl::parse(written.expose())
                .unwrap_or_else(|error| panic!("{}: {error}", written.expose()));
            url.settings.clear();
            url.notes.clear();
            assert!(again == url, "{} is {again:?}, and was {url:?}", written.expose());
            true
        }
    }
}

fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Err(_) => default,
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name}={value}: expected a number")),
    }
}

#[test]
fn nothing_panics_and_what_is_read_can_be_written_and_read_again() {
    let inputs: u64 = from_environment("WELLSPRING_FUZZ_INPUTS", 50_000);
    let seed: u64 = from_environment("WELLSPRING_FUZZ_SEED", 7);
    let mut seeds: Vec<&str> = corpus::good().map(|row| row.0).collect();
    seeds.extend(corpus::bad::ROWS.iter().map(|row| row.0));
    let mut mutator = Mutator { rng: Rng::with_seed(seed), seeds };
    let begun = Instant::now();
    let (mut read, mut bytes, mut longest) = (0_u64, 0_u64, (Duration::ZERO, 0));
    for input in 0..inputs {
        let text = mutator.input();
        let one = Instant::now();
        match catch_unwind(|| check(&text)) {
            Ok(understood) => read += u64::from(understood),
            Err(_) => panic!("input {input} of seed {seed}: {text:?}"),
        }
        bytes += text.len() as u64;
        let mut took = one.elapsed();
        // Who was not let run takes long once, and what is slow takes long each time.
        for _ in 0..3 {
            if took >= LONGEST {
                let again = Instant::now();
                check(&text);
                took = took.min(again.elapsed());
            }
        }
        assert!(took < LONGEST, "{took:?} for input {input} of seed {seed}: {text:?}");
        longest = longest.max((took, text.len()));
    }
    let took = begun.elapsed();
    println!(
        "{inputs} connection strings of {bytes} bytes in {took:.1?} ({:.1?} each): {read} were read, \
         written and read again, {} refused; the longest took {:.1?} for {} bytes",
        took / u32::try_from(inputs.max(1)).unwrap_or(u32::MAX),
        inputs - read,
        longest.0,
        longest.1
    );
    assert!(read > inputs / 20, "the mutator makes nothing that can be read: {read}");
}
