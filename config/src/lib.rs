//! Configuration of databases: files, the environment, connection strings, secrets.
//!
//! [`Config::load`] reads what a program finds around it; a [`Loader`] says exactly what is read. The result is
//! plain data, a [`DatabaseConfig`] for each database, every value with the place it came from. What is
//! wrong is told all at once, each [`Problem`] with its file and line or its variable.
//!
//! ```
//! use wellspring_config::Loader;
//!
//! let config = Loader::new()
//!     .text("wellspring.toml", r#"
//!         [defaults.pool]
//!         acquire_timeout = "5s"
//!
//!         [databases.orders]
//!         url = "postgres://app:${ORDERS_PASSWORD}@pg1/orders"
//!
//!         [databases.cache]
//!         url = "sqlite://cache.db"
//!         pool.max_size = 2
//!     "#)
//!     .variable("ORDERS_PASSWORD", "open sesame")
//!     .load()?;
//! assert_eq!(config.names().collect::<Vec<_>>(), ["orders", "cache"]);
//! assert_eq!(config.require("cache")?.origin("pool.max_size").unwrap().to_string(), "wellspring.toml:10");
//! assert!(!format!("{config:?}").contains("sesame"));
//! # Ok::<(), wellspring_config::ConfigErrors>(())
//! ```
//!
//! # What goes before what
//!
//! From what goes last to what goes first: defaults; files, the later ones over the earlier ones, the chosen
//! profile of each over the rest of it; the environment; code. Tables are merged key by key, all else is
//! replaced.
//!
//! # Feature flags
//!
//! - `yaml`: files of YAML.

mod config;
mod database;
mod document;
pub mod dsn;
mod environment;
mod expand;
mod fields;
mod file;
mod format;
mod jrm;
mod loader;
mod location;
mod migrate;
mod node;
mod origin;
mod pool;
mod problem;
mod profile;
mod redact;
mod reference;
mod schema;
mod search;
mod shape;
mod shards;
mod styles;
mod variables;

pub use config::{Config, Note, no_database};
pub use database::{Binder, DatabaseConfig};
pub use file::{MAX_FILE_SIZE, MAX_SECRET_SIZE};
pub use format::Format;
pub use loader::Loader;
pub use migrate::{Migrated, migrate};
pub use origin::Origin;
pub use problem::{ConfigErrors, Problem};
pub use redact::redact;
pub use reference::reference;
pub use schema::json_schema;
pub use shape::Shape;
