//! Several servers that start and end together.

use std::time::Instant;

use wellspring_testkit::servers::{
    Error, Kind, MariaDb, MySql, PgBouncer, Postgres, PostgresPair, install,
};

/// Running servers. Dropped, they end, the poolers before what they pool.
#[derive(Debug, Default)]
pub(super) struct Fleet {
    bouncer: Option<PgBouncer>,
    pair: Option<PostgresPair>,
    postgres: Option<Postgres>,
    mariadb: Option<MariaDb>,
    mysql: Option<MySql>,
    urls: Vec<(&'static str, String)>,
    pids: Vec<(Kind, u32)>,
}

impl Fleet {
    /// Installs what is missing and starts a server of each kind, but for those whose variable
    /// `set` has.
    pub(super) fn start(
        kinds: &[Kind],
        set: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let mut fleet = Self::default();
        let mut wanted: Vec<Kind> = Vec::new();
        for kind in kinds {
            match set(kind.env()).filter(|url| !url.trim().is_empty()) {
                Some(url) => fleet.urls.push((kind.env(), url)),
                None => wanted.push(*kind),
            }
        }
        together(kinds, &fleet.urls)?;
        wanted.sort_unstable();
        wanted.dedup();
        for kind in &wanted {
            let start = Instant::now();
            install(*kind)?;
            let url = fleet.start_one(*kind, &wanted)?;
            println!("{kind}: started in {:.1} s", start.elapsed().as_secs_f64());
            fleet.urls.push((kind.env(), url));
        }
        Ok(fleet)
    }

    fn start_one(&mut self, kind: Kind, wanted: &[Kind]) -> Result<String, Error> {
        let (url, pid) = match kind {
            Kind::Postgres | Kind::PostgresReplica if wanted.contains(&Kind::PostgresReplica) => {
                let pair = match self.pair.take() {
                    Some(pair) => pair,
                    None => PostgresPair::start()?,
                };
                let pair = self.pair.insert(pair);
                let one = if kind == Kind::Postgres { pair.primary() } else { pair.replica() };
                (one.url(), one.pid())
            }
            Kind::Postgres | Kind::PostgresReplica => {
                let one = self.postgres.insert(Postgres::start()?);
                (one.url(), one.pid())
            }
            Kind::PgBouncer => {
                let bouncer = match (&self.pair, &self.postgres) {
                    (Some(pair), _) => PgBouncer::start(pair.primary())?,
                    (None, Some(one)) => PgBouncer::start(one)?,
                    (None, None) => PgBouncer::start(self.postgres.insert(Postgres::start()?))?,
                };
                let one = self.bouncer.insert(bouncer);
                (one.url(), one.pid())
            }
            Kind::MariaDb => {
                let one = self.mariadb.insert(MariaDb::start()?);
                (one.url(), one.pid())
            }
            Kind::MySql => {
                let one = self.mysql.insert(MySql::start()?);
                (one.url(), one.pid())
            }
        };
        self.pids.extend(pid.map(|pid| (kind, pid)));
        Ok(url)
    }

    /// The variables that point tests at them, with their values.
    pub(super) fn urls(&self) -> &[(&'static str, String)] {
        &self.urls
    }

    /// The processes that were started.
    pub(super) fn pids(&self) -> &[(Kind, u32)] {
        &self.pids
    }
}

/// A replica of ours does not follow somebody else's primary, nor theirs ours.
fn together(kinds: &[Kind], set: &[(&'static str, String)]) -> Result<(), Error> {
    let (primary, replica) = (Kind::Postgres, Kind::PostgresReplica);
    let is_set = |kind: Kind| set.iter().any(|(name, _)| *name == kind.env());
    if kinds.contains(&primary) && kinds.contains(&replica) && is_set(primary) != is_set(replica) {
        let (there, missing) =
            if is_set(primary) { (primary, replica) } else { (replica, primary) };
        return Err(Error::Missing {
            what: missing.env().to_owned(),
            get: format!("set it beside {}, or set neither", there.env()),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_taken_and_nothing_is_started_for_it() {
        let set = |name: &str| Some(format!("url of {name}"));
        let fleet = Fleet::start(Kind::ALL, set).unwrap();
        assert_eq!(fleet.urls().len(), Kind::ALL.len());
        assert!(fleet.urls().iter().all(|(name, url)| *url == format!("url of {name}")));
        assert!(fleet.pids().is_empty());
    }

    #[test]
    fn a_primary_and_its_replica_come_from_the_same_hand() {
        let both = [Kind::Postgres, Kind::PostgresReplica];
        for kind in both {
            let set = |name: &str| (name == kind.env()).then(|| "url".to_owned());
            let error = Fleet::start(&both, set).unwrap_err();
            assert!(error.is_missing(), "{error}");
            for kind in both {
                assert!(error.to_string().contains(kind.env()), "{error}");
            }
        }
    }
}
