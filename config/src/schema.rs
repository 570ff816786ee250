//! The shape of a configuration file: every key with what it means, once. The reference, the schema for editors
//! and the list of known keys are made of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use wellspring_connector::RetryPolicy;
use wellspring_pool_core::PoolOptions;

use crate::styles::Style;

/// Databases by name, with what they share.
///
/// Any text may have `${NAME}` in it, which stands for a variable of the environment; `${NAME:-text}` has
/// another text for when there is none, `$${` stands for `${` itself.
#[derive(JsonSchema)]
#[schemars(rename = "Configuration", deny_unknown_fields)]
#[allow(dead_code, reason = "the shape is what counts")]
struct Root {
    /// The database that is meant where none is named. By default the one called `default`, or the only
    /// one there is.
    default_database: Option<String>,
    /// What holds for every database that does not say otherwise.
    defaults: Option<Settings>,
    /// The databases, by name.
    databases: Option<BTreeMap<String, Database>>,
    /// Parts that hold only where they are chosen: by `WELLSPRING_PROFILE`, or in code. Each has the same
    /// keys as the file itself, and goes before them.
    profile: Option<BTreeMap<String, Profile>>,
}

/// A part that holds only where it is chosen.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "the shape is what counts")]
struct Profile {
    /// The database that is meant where none is named.
    default_database: Option<String>,
    /// What holds for every database that does not say otherwise.
    defaults: Option<Settings>,
    /// The databases, by name.
    databases: Option<BTreeMap<String, Database>>,
}

/// One database: where it is, by a URL or by parts, and how it is used.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "the shape is what counts")]
struct Database {
    /// Where it is: `postgres://user@host:5432/name?sslmode=require`, `sqlite://shop.db`. SQLAlchemy's URLs,
    /// libpq's, JDBC's and ADO.NET's connection strings are read as well.
    url: Option<String>,
    /// A file with the URL in it, such as a mounted secret.
    url_file: Option<String>,
    /// What kind of database it is, where no URL says so: `postgres`, `mysql`, `mariadb`, `sqlite`.
    #[schemars(rename = "type")]
    kind: Option<String>,
    /// The server's name or address, or the directory of its unix socket.
    host: Option<String>,
    /// The server's port. By default that of its kind.
    port: Option<u16>,
    /// The user.
    user: Option<String>,
    /// The password. Better in a variable, `"${ORDERS_PASSWORD}"`, or in a file.
    password: Option<String>,
    /// A file with the password in it, such as a mounted secret. It is read again at each connect, so that
    /// a new password holds for the connections made from then on.
    password_file: Option<String>,
    /// The name of the database on its server; the path of SQLite's file.
    database: Option<String>,
    /// The driver's own options, by the names they have in its URLs.
    options: Option<BTreeMap<String, Text>>,
    /// Other places of the same database, to turn to when it cannot be reached, in their order. They are
    /// checked and kept; this version does not turn to them yet.
    failover_urls: Option<Vec<String>>,
    #[schemars(flatten)]
    settings: Settings,
}

/// How a database is used.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[allow(dead_code, reason = "the shape is what counts")]
struct Settings {
    /// Its pool. `style = "…"` reads the keys of another library instead: `sqlalchemy`, `dbutils`,
    /// `connection_manager`, `uno` or `uno_sessions`.
    pool: Option<Pool>,
    /// Opens a connection for each use instead of pooling. Default false.
    unpooled: Option<bool>,
    /// The longest a statement may take that does not say so itself: `"30s"`. Default `"off"`.
    #[schemars(with = "Option<wellspring_pool_core::duration_text::TextOrOff>")]
    statement_timeout: Option<String>,
    /// How many rows a `select` written by the library has at most, where it says nothing itself. Default:
    /// no limit, `"off"`.
    select_limit: Option<Number>,
    /// How many statements' translations are kept. Default 1000; 0 keeps none.
    statement_translations: Option<usize>,
    /// How often a transaction is run again that the database undid.
    retry: Option<RetryPolicy>,
    /// Logs each statement, without its values: `true` at the level `info`, or one of `trace`, `debug`,
    /// `info`, `warn`, `error`. Default false.
    echo: Option<Switch>,
    /// Logs what the pool does: as `echo`. Default false.
    echo_pool: Option<Switch>,
    /// Statements that are run at the beginning of each session, inside its transaction. `:name` stands for
    /// the value of that name which the session was given.
    session_setup: Option<Statements>,
    /// Statements that are run at the end of each session, after its transaction.
    session_teardown: Option<Statements>,
}

/// The options of a pool, by our names or by those of a style.
struct Pool;

impl JsonSchema for Pool {
    fn schema_name() -> Cow<'static, str> {
        "Pool".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut all = vec![generator.subschema_for::<PoolOptions>().to_value()];
        all.extend(Style::OTHERS.iter().map(|style| style.schema()));
        json_schema!({ "anyOf": all })
    }
}

/// A number, or `off`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "the shape is what counts")]
enum Number {
    Number(u64),
    Off(Off),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code, reason = "the shape is what counts")]
enum Off {
    Off,
}

/// A text, a number or a boolean.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "the shape is what counts")]
enum Text {
    Plain(String),
    Number(f64),
    Switch(bool),
}

/// A switch, or a level.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "the shape is what counts")]
enum Switch {
    Switch(bool),
    Level(Level),
}

/// A level of the log.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[allow(dead_code, reason = "the shape is what counts")]
enum Level {
    Off,
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

/// One statement, or several.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "the shape is what counts")]
enum Statements {
    One(String),
    Several(Vec<String>),
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

/// The schema of configuration files, for editors: JSON Schema, draft 2020-12.
///
/// ```
/// let schema = wellspring_config::json_schema();
/// assert_eq!(schema["title"], "Configuration");
/// ```
pub fn json_schema() -> Json {
    let mut schema: Schema = generator().into_root_schema_for::<Root>();
    schema.insert("$id".to_owned(), "https://wellspring.rs/wellspring.schema.json".into());
    schema.to_value()
}

fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = generator().into_root_schema_for::<T>().to_value();
    let properties = schema.get("properties").and_then(Json::as_object);
    properties.map(|all| all.keys().cloned().collect()).unwrap_or_default()
}

/// The keys of each kind of table.
pub(crate) struct Keys {
    pub(crate) root: Vec<String>,
    pub(crate) database: Vec<String>,
    pub(crate) settings: Vec<String>,
    pub(crate) pool: Vec<String>,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    root: keys::<Root>(),
    database: keys::<Database>(),
    settings: keys::<Settings>(),
    pool: keys::<PoolOptions>(),
});
