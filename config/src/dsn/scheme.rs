//! The databases that connection strings are known for, and the schemes they go by.

/// A database whose connection strings are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
    MySql,
    MariaDb,
    Mssql,
    Oracle,
    Db2,
    Odbc,
    Spark,
}

impl Database {
    pub(crate) const ALL: [Self; 9] = [
        Self::Sqlite,
        Self::Postgres,
        Self::MySql,
        Self::MariaDb,
        Self::Mssql,
        Self::Oracle,
        Self::Db2,
        Self::Odbc,
        Self::Spark,
    ];

    /// The one whose URLs have `scheme`, in any case and by any of its names.
    pub(crate) fn of_scheme(scheme: &str) -> Option<Self> {
        let known: &[(&str, Self)] = &[
            ("sqlite3", Self::Sqlite),
            ("postgresql", Self::Postgres),
            ("sqlserver", Self::Mssql),
            ("ibm_db_sa", Self::Db2),
            ("sc", Self::Spark),
        ];
        Self::ALL
            .into_iter()
            .find(|database| database.scheme().eq_ignore_ascii_case(scheme))
            .or_else(|| {
                known.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme)).map(|(_, d)| *d)
            })
    }

    /// Its scheme in our URLs.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
            Self::Mssql => "mssql",
            Self::Oracle => "oracle",
            Self::Db2 => "db2",
            Self::Odbc => "odbc",
            Self::Spark => "spark",
        }
    }

    /// Its name, for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
            Self::Mssql => "SQL Server",
            Self::Oracle => "Oracle",
            Self::Db2 => "Db2",
            Self::Odbc => "ODBC",
            Self::Spark => "Spark",
        }
    }

    /// Whether an option that no table knows is certain to be refused, by a driver of ours.
    pub(crate) fn refuses_unknown_options(self) -> bool {
        matches!(self, Self::Sqlite | Self::Postgres | Self::MySql | Self::MariaDb)
    }
}

/// The scheme of our URLs for one that somebody wrote; what is not known stays as it is.
pub(crate) fn canonical(scheme: &str) -> String {
    match Database::of_scheme(scheme) {
        Some(database) => database.scheme().to_owned(),
        None => scheme.to_ascii_lowercase(),
    }
}
