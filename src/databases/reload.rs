//! Loading a configuration again while its databases are used.

use std::fmt;
use std::sync::Arc;

use wellspring_config::Config;
use wellspring_connector::{Error, ErrorKind, Result, SharedPassword};
use wellspring_pool_core::{ConfigError, PoolOptions, ShutdownReport};

use crate::{Database, Databases};

use super::loading::{Loaded, Ready, not_loaded};
use super::{Entry, Place, Registry};

/// What became of loading a configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ReloadReport {
    /// The databases that changed, in the order of the configuration; those that are gone come last.
    pub databases: Vec<(String, DatabaseChange)>,
}

/// What changed about one database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseChange {
    /// It is new.
    Added,
    /// It is gone: nobody gets it any more, and who has it keeps it.
    Removed,
    /// Nobody had asked for it: all of its new configuration holds.
    Replaced,
    /// It is used.
    Changed {
        /// The keys whose new values hold from now on. No connection was closed for it.
        applied: Vec<String>,
        /// The keys whose new values hold only once the database is
        /// [restarted](Databases::restart).
        needs_restart: Vec<String>,
    },
}

impl ReloadReport {
    /// The databases that have changes which hold only after a restart.
    pub fn needs_restart(&self) -> impl Iterator<Item = &str> {
        self.databases.iter().filter_map(|(name, change)| match change {
            DatabaseChange::Changed { needs_restart, .. } if !needs_restart.is_empty() => {
                Some(name.as_str())
            }
            _ => None,
        })
    }
}

impl Databases {
    /// Loads the configuration again, from where it came, and brings the databases up to it: new ones are added,
    /// those that are gone are taken out, sizes of pools and passwords change while connections live. What else
    /// changed is reported, and holds after [`restart`](Self::restart). Databases that were added by hand
    /// stay as they are.
    ///
    /// # Errors
    /// As [`load`](Self::load); nothing was changed then. [`ErrorKind::Usage`] when these were not
    /// loaded.
    pub fn reload(&self) -> Result<ReloadReport> {
        let (builder, ticket) = {
            let mut source = self.source();
            let loaded = source.as_mut().ok_or_else(not_loaded)?;
            loaded.next_ticket += 1;
            (loaded.builder.clone(), loaded.next_ticket)
        };
        // Hooks run here: under no lock.
        let (config, ready) = builder.read()?;
        let mut source = self.source();
        let loaded = source.as_mut().ok_or_else(not_loaded)?;
        if loaded.ticket > ticket {
            // Somebody began later and was faster: what was read there is newer.
            return Ok(ReloadReport::default());
        }
        let mut update = Update::default();
        update.enter(&mut self.write(), loaded, &config, ready)?;
        loaded.ticket = ticket;
        let old = std::mem::replace(&mut loaded.config, config);
        loaded.passwords = update.passwords.clone();
        let new = loaded.config.clone();
        drop(source);
        Ok(update.apply(&old, &new))
    }

    /// Makes the database called `name` anew, as its configuration is now, and closes the one there was: who
    /// asks from now on gets the new one; statements under way end, up to the 30 s of
    /// [`Database::close`], and clones of the old one are closed.
    ///
    /// # Errors
    /// As [`reload`](Self::reload), which it does first; [`ErrorKind::Config`] when there is none of that
    /// name.
    pub async fn restart(&self, name: &str) -> Result<Option<ShutdownReport>> {
        self.reload()?;
        let (builder, config) = {
            let source = self.source();
            let loaded = source.as_ref().ok_or_else(not_loaded)?;
            match loaded.config.get(name) {
                Some(config) => (loaded.builder.clone(), config.clone()),
                None => return Err(self.read().unknown(name)),
            }
        };
        let ready = builder.prepare_one(&config)?;
        let place = ready.place;
        let old = {
            let mut source = self.source();
            let mut registry = self.write();
            let Some(entry) = registry.entries.iter_mut().find(|entry| &*entry.name == name) else {
                return Err(registry.unknown(name));
            };
            let old = std::mem::replace(&mut entry.place, place);
            if let Some(loaded) = source.as_mut() {
                loaded.passwords.retain(|(known, _)| known != name);
                loaded.passwords.extend(ready.password.map(|shared| (name.to_owned(), shared)));
            }
            old
        };
        match old.made() {
            Some(database) => Ok(Some(database.close().await)),
            None => Ok(None),
        }
    }
}

/// A reload under way: what was decided under the lock, to be carried out after it.
#[derive(Default)]
struct Update {
    report: ReloadReport,
    passwords: Vec<(String, SharedPassword)>,
    /// Databases in use that changed, with their place in the report.
    changed: Vec<(usize, Database)>,
    /// Places that are gone: the last handle of a pool may be in one.
    retired: Vec<Arc<Place>>,
}

impl Update {
    /// Enters and takes out databases.
    fn enter(
        &mut self,
        registry: &mut Registry,
        loaded: &Loaded,
        config: &Config,
        ready: Vec<(String, Ready)>,
    ) -> Result<()> {
        if registry.closed {
            return Err(Error::new(ErrorKind::Usage, "the databases were closed"));
        }
        for (name, ready) in ready {
            let shared = ready.password.map(|password| (name.clone(), password));
            let place = ready.place;
            let Some(at) = registry.entries.iter().position(|entry| *entry.name == *name) else {
                self.passwords.extend(shared);
                registry.entries.push(Entry { name: name.as_str().into(), place });
                self.report.databases.push((name, DatabaseChange::Added));
                continue;
            };
            // Without an old one, that of this name was added by hand.
            let Some(old) = loaded.config.get(&name) else { continue };
            let known = loaded.passwords.iter().find(|(known, _)| *known == name).cloned();
            if config.get(&name) == Some(old) {
                self.passwords.extend(known);
                continue;
            }
            let change = match registry.entries[at].place.made() {
                None => {
                    self.passwords.extend(shared);
                    self.retired.push(std::mem::replace(&mut registry.entries[at].place, place));
                    DatabaseChange::Replaced
                }
                Some(database) => {
                    self.passwords.extend(known);
                    self.changed.push((self.report.databases.len(), database));
                    DatabaseChange::Changed { applied: Vec::new(), needs_restart: Vec::new() }
                }
            };
            self.report.databases.push((name, change));
        }
        for old in loaded.config.databases() {
            if config.get(&old.name).is_none()
                && let Some(at) = registry.entries.iter().position(|e| *e.name == *old.name)
            {
                self.retired.push(registry.entries.remove(at).place);
                self.report.databases.push((old.name.clone(), DatabaseChange::Removed));
            }
        }
        registry.default = config.default_database().map(Into::into);
        Ok(())
    }

    /// Changes what lives.
    fn apply(mut self, old: &Config, new: &Config) -> ReloadReport {
        for (at, database) in self.changed {
            let (name, change) = &mut self.report.databases[at];
            let (Some(old), Some(new)) = (old.get(name), new.get(name)) else { continue };
            let mut needs_restart = old.differences(new);
            let mut applied = Vec::new();
            let shared = self.passwords.iter().find(|(known, _)| known == name);
            if let (Some((_, shared)), Some(password)) = (shared, &new.url.password)
                && needs_restart.remove("password")
            {
                shared.set(password.clone());
                applied.push("password".to_owned());
            }
            if resize(&database, &old.pool, &new.pool).is_ok() {
                let live = ["pool.max_size", "pool.min_idle"].into_iter();
                applied.extend(live.filter(|key| needs_restart.remove(*key)).map(str::to_owned));
            }
            let needs_restart = needs_restart.into_iter().collect();
            *change = DatabaseChange::Changed { applied, needs_restart };
        }
        self.report
    }
}

/// Changes the sizes of a living pool, in the order in which no step contradicts the other.
fn resize(database: &Database, old: &PoolOptions, new: &PoolOptions) -> Result<(), ConfigError> {
    let pool = database.pool();
    if new.max_size >= old.max_size {
        pool.resize(new.max_size)?;
        pool.set_min_idle(new.min_idle)
    } else {
        pool.set_min_idle(new.min_idle)?;
        pool.resize(new.max_size)
    }
}

impl fmt::Display for ReloadReport {
    /// A line for each database that changed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.databases.is_empty() {
            return f.write_str("nothing changed");
        }
        for (index, (name, change)) in self.databases.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match change {
                DatabaseChange::Added => write!(f, "{name}: added")?,
                DatabaseChange::Removed => write!(f, "{name}: removed")?,
                DatabaseChange::Replaced => write!(f, "{name}: changed")?,
                DatabaseChange::Changed { applied, needs_restart } => {
                    write!(f, "{name}:")?;
                    if !applied.is_empty() {
                        write!(f, " applied {}", applied.join(", "))?;
                    }
                    if !needs_restart.is_empty() {
                        let and = if applied.is_empty() { "" } else { ";" };
                        write!(f, "{and} needs a restart for {}", needs_restart.join(", "))?;
                    }
                }
            }
        }
        Ok(())
    }
}
