//! Configuration of databases: files, environment, connection strings, secrets.

pub mod dsn;
