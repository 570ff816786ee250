//! What is read, and what goes before what.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use figment::value::Value as Merged;
use figment::{Figment, Provider, Source};

use crate::database::Binder;
use crate::expand::expand;
use crate::node::{Key, Node, Table, Value};
use crate::search::Found;
use crate::variables::Variables;
use crate::{
    Config, ConfigErrors, Format, Note, Origin, Problem, Shape, document, environment, file, jrm,
    profile, search,
};

/// The prefix of the variables that are ours.
const PREFIX: &str = "WELLSPRING_";

/// Says what is read. What is named later goes before what is named earlier, key by key.
///
/// [`Config::load`] is the usual one: defaults, then the file that is found, then the environment. A loader may be
/// kept, and loads again what it loaded.
///
/// ```
/// use wellspring_config::Loader;
///
/// let config = Loader::new()
///     .text("wellspring.toml", r#"
///         [databases.orders]
///         url = "postgres://app@pg1/orders"
///         pool.max_size = 20
///
///         [profile.test.databases.orders]
///         url = "sqlite::memory:"
///     "#)
///     .variable("WELLSPRING_DATABASES__ORDERS__POOL__MAX_SIZE", "5")
///     .environment()
///     .profile("test")
///     .load()?;
/// let orders = config.require("orders")?;
/// assert_eq!(orders.url.scheme, "sqlite");
/// assert_eq!(orders.pool.max_size, 5);
/// # Ok::<(), wellspring_config::ConfigErrors>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a loader does nothing until it loads"]
pub struct Loader {
    steps: Vec<Step>,
    variables: Option<Variables>,
    /// Where files are looked for, unless it is the working directory.
    directory: Option<PathBuf>,
    profile: Option<String>,
    binder: Option<Arc<dyn Binder>>,
}

#[derive(Clone)]
enum Step {
    /// What is found where it is looked for.
    Search,
    Files(Vec<(PathBuf, Option<Shape>)>),
    Text(PathBuf, Arc<str>),
    /// Ours, and `DATABASE_URL` with its like.
    Environment,
    /// Everything under a prefix.
    EnvironmentOf(String),
    Set(String, Node),
    Other(Figment),
}

/// Where it is from, not what it says: that may be a secret.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Search => f.write_str("search"),
            Self::Files(files) => {
                f.debug_list().entries(files.iter().map(|(path, _)| path)).finish()
            }
            Self::Text(name, _) => write!(f, "the text of {}", name.display()),
            Self::Environment => f.write_str("the environment"),
            Self::EnvironmentOf(prefix) => write!(f, "the environment of {prefix}"),
            Self::Set(path, _) => write!(f, "the value of {path}"),
            Self::Other(_) => f.write_str("a provider of figment"),
        }
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}

impl Loader {
    /// One that reads nothing yet.
    pub fn new() -> Self {
        Self { steps: Vec::new(), variables: None, directory: None, profile: None, binder: None }
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The file that is there:
    ///
    /// 1. the one that the variable `WELLSPRING_CONFIG` names;
    /// 2. `wellspring.toml`, `wellspring.yaml`, `wellspring.yml` or `wellspring.json` in the working
    ///    directory; two of them are an error;
    /// 3. what LongJRM would read: the files `JRM_CONFIG_PATH` and `JRM_DBINFOS_PATH`, the other `JRM_…`
    ///    variables, or `config/jrm.config.json` and `config/dbinfos.json`.
    ///
    /// The first that is there is read, and what is wrong with it is an error. None at all is no error.
    pub fn search(self) -> Self {
        self.step(Step::Search)
    }

    /// A file. The end of its name says the format; what it is (ours, LongJRM's, the sharding
    /// library's) is seen by its keys.
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        self.step(Step::Files(vec![(path.into(), None)]))
    }

    /// Files, the later ones over the earlier ones, key by key. Of LongJRM's two files, whichever comes first,
    /// a database in `jrm.config.json` takes the place of the one of its name in `dbinfos.json`.
    pub fn files<P: Into<PathBuf>>(self, paths: impl IntoIterator<Item = P>) -> Self {
        self.step(Step::Files(paths.into_iter().map(|path| (path.into(), None)).collect()))
    }

    /// As [`file`](Self::file), which is said to be of a `shape`.
    pub fn file_as(self, shape: Shape, path: impl Into<PathBuf>) -> Self {
        self.step(Step::Files(vec![(path.into(), Some(shape))]))
    }

    /// The text of a file that is not on disk; `name` says the format, and stands in errors.
    pub fn text(self, name: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        self.step(Step::Text(name.into(), text.into()))
    }

    /// The environment: `WELLSPRING_…__…`, `DATABASE_URL` and the variables beside it.
    pub fn environment(self) -> Self {
        self.step(Step::Environment)
    }

    /// As [`environment`](Self::environment), with variables that begin with `prefix` instead:
    /// every kind there is, see [`Config::from_env`].
    pub fn environment_of(self, prefix: &str) -> Self {
        let prefix = prefix.strip_suffix('_').unwrap_or(prefix);
        self.step(Step::EnvironmentOf(format!("{prefix}_")))
    }

    /// One value, by its path of keys: `databases.orders.pool.max_size`.
    pub fn set(self, path: &str, value: impl serde::Serialize) -> Self {
        let json = serde_json::to_value(value).unwrap_or_default();
        self.step(Step::Set(path.to_owned(), Node::from_json(&Origin::other("code"), &json)))
    }

    /// Any source that figment knows or that was written for it.
    pub fn merge(self, provider: impl Provider) -> Self {
        self.step(Step::Other(Figment::from(provider)))
    }

    /// Which profile is used. The default is the one that `WELLSPRING_PROFILE` names, if it is set, else
    /// none.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// A variable as if it were in the environment. The first one takes the place of the whole environment
    /// of the process: for tests, and for programs that have an environment of their own.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.get_or_insert_default().set(name.into(), value.into());
        self
    }

    /// Looks for files in `directory` where it would look in the working directory. Paths in files are as they
    /// were: relative to the working directory.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Checks options and addresses with these drivers.
    pub fn binder(mut self, binder: Arc<dyn Binder>) -> Self {
        self.binder = Some(binder);
        self
    }

    /// Reads everything anew.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn load(&self) -> Result<Config, ConfigErrors> {
        let variables = self.variables.clone().unwrap_or_else(Variables::of_process);
        let asked = profile::asked(self.profile.as_deref(), &variables)?;
        let mut reading = Reading {
            variables: &variables,
            directory: self.directory.as_deref().unwrap_or(Path::new("")),
            profile: asked.as_deref(),
            profiles: Vec::new(),
            root: Table::default(),
            rank: 0,
            problems: Vec::new(),
            notes: Vec::new(),
        };
        for step in &self.steps {
            reading.step(step);
        }
        reading.finish(self.binder.as_deref())
    }
}

/// Sources on their way to one document.
struct Reading<'a> {
    variables: &'a Variables,
    directory: &'a Path,
    profile: Option<&'a str>,
    /// The profiles there are.
    profiles: Vec<String>,
    /// What was read so far.
    root: Table,
    rank: usize,
    problems: Vec<Problem>,
    notes: Vec<Note>,
}

impl Reading<'_> {
    fn step(&mut self, step: &Step) {
        if let Err(wrong) = self.read(step) {
            self.problems.extend(wrong);
        }
    }

    fn read(&mut self, step: &Step) -> Result<(), Vec<Problem>> {
        let one = |problem: Problem| vec![problem];
        match step {
            Step::Search => match search::find(self.directory, self.variables).map_err(one)? {
                Found::File(path) => self.files(&[(path, None)]),
                Found::Jrm => {
                    let table = jrm::read(self.directory, self.variables, &mut self.notes)?;
                    self.put(table)
                }
                Found::Nothing => Ok(()),
            },
            Step::Files(files) => self.files(files),
            Step::Text(name, text) => {
                let table = parse(name, text).map_err(one)?;
                self.shaped(Shape::of(&table), table)
            }
            Step::Environment => {
                let names = self.names();
                let known = environment::well_known(self.variables, &names, &mut self.notes)?;
                self.put(known)?;
                let nested = environment::nested(PREFIX, self.variables, &self.names())?;
                self.put(nested)
            }
            Step::EnvironmentOf(prefix) => {
                let of_jrm = jrm::variables(prefix, self.variables, &mut self.notes)?;
                self.put(of_jrm)?;
                self.put(environment::parts(prefix, self.variables)?)?;
                let nested = environment::nested(prefix, self.variables, &self.names())?;
                self.put(nested)
            }
            Step::Set(path, node) => {
                let mut table = Table::default();
                table.put(&path.split('.').collect::<Vec<_>>(), node.clone());
                self.put(table)
            }
            Step::Other(figment) => self.figment(figment),
        }
    }

    /// Files in their order, with LongJRM's two as one.
    fn files(&mut self, files: &[(PathBuf, Option<Shape>)]) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut of_jrm = [None, None];
        for (path, shape) in files {
            let table = match file::read(path).and_then(|text| parse(path, &text)) {
                Ok(table) => table,
                Err(wrong) => {
                    problems.push(wrong);
                    continue;
                }
            };
            let read = match shape.unwrap_or_else(|| Shape::of(&table)) {
                Shape::JrmConfig if files.len() > 1 => {
                    of_jrm[0] = Some(table);
                    Ok(())
                }
                Shape::JrmDatabases if files.len() > 1 => {
                    of_jrm[1] = Some(table);
                    Ok(())
                }
                shape => self.shaped(shape, table),
            };
            problems.extend(read.err().unwrap_or_default());
        }
        let [config, databases] = of_jrm;
        if config.is_some() || databases.is_some() {
            let read = jrm::files(config, databases, &mut self.notes).and_then(|all| self.put(all));
            problems.extend(read.err().unwrap_or_default());
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn shaped(&mut self, shape: Shape, table: Table) -> Result<(), Vec<Problem>> {
        let ours = shape.ours(table, &mut self.notes)?;
        self.put(ours)
    }

    /// Puts a source over those before.
    fn put(&mut self, mut table: Table) -> Result<(), Vec<Problem>> {
        self.rank += 1;
        table.rank(self.rank);
        table.drop_nulls();
        let mut problems = Vec::new();
        profile::apply(&mut table, self.profile, &mut self.profiles, &mut problems);
        self.root.overlay(table);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The names of the databases so far.
    fn names(&self) -> Vec<String> {
        let databases = self.root.get("databases").and_then(Node::as_table);
        databases
            .map(|all| all.0.iter().map(|(key, _)| key.name.clone()).collect())
            .unwrap_or_default()
    }

    fn figment(&mut self, figment: &Figment) -> Result<(), Vec<Problem>> {
        let origin = Origin::other("a provider of figment");
        let selected = match self.profile {
            Some(profile) => figment.clone().select(profile),
            None => figment.clone(),
        };
        let merged = selected.find_value("").map_err(|error| {
            error
                .into_iter()
                .map(|error| Problem::new(&origin, error.path.join("."), error.kind.to_string()))
                .collect::<Vec<_>>()
        })?;
        match from_figment(&selected, &merged).value {
            Value::Table(table) => self.put(table),
            other => {
                let wrong = format!("expected a table, found {}", other.kind());
                Err(vec![Problem::new(&origin, "", wrong)])
            }
        }
    }

    fn finish(mut self, binder: Option<&dyn Binder>) -> Result<Config, ConfigErrors> {
        if let Some(profile) = self.profile
            && !self.profiles.iter().any(|name| name == profile)
        {
            let names = self.profiles.iter().map(String::as_str);
            let message = match self.profiles.is_empty() {
                true => format!("there is no profile {profile:?}: none is configured"),
                false => format!(
                    "there is no profile {profile:?}, there are {}",
                    names.collect::<Vec<_>>().join(", ")
                ),
            };
            self.problems.push(Problem::missing("profile", message));
        }
        for (key, node) in &mut self.root.0 {
            expand(node, &key.name, self.variables, &mut self.problems);
        }
        let document = document::read(&self.root, binder, &mut self.problems, &mut self.notes);
        let Self { mut problems, notes, profile, .. } = self;
        if problems.is_empty() {
            return Ok(document.into_config(profile.map(str::to_owned), notes));
        }
        problems.sort_by_cached_key(|problem| {
            let origin = problem.origin.as_ref();
            origin.map(|origin| (origin.path().map(Path::to_owned), origin.line()))
        });
        // A default that is wrong is so for each database.
        let mut seen = std::collections::HashSet::new();
        problems.retain(|problem| seen.insert((problem.origin.clone(), problem.message.clone())));
        Err(ConfigErrors::new(problems))
    }
}

fn parse(path: &Path, text: &str) -> Result<Table, Problem> {
    let origin = Origin::file(path);
    let format = Format::of(path).ok_or_else(|| {
        let wrong = "the end of its name says no format: expected .toml, .json, .yaml or .yml";
        Problem::new(&origin, "", wrong)
    })?;
    format.parse(&origin, text)
}

/// What figment merged, with the place each value has there.
fn from_figment(figment: &Figment, merged: &Merged) -> Node {
    let origin = match figment.get_metadata(merged.tag()) {
        Some(metadata) => match &metadata.source {
            Some(Source::File(path)) => Origin::file(path),
            _ => Origin::other(&metadata.name),
        },
        None => Origin::other("a provider of figment"),
    };
    let value = match merged {
        Merged::String(_, text) => Value::Text(text.clone()),
        Merged::Char(_, c) => Value::Text(c.to_string()),
        Merged::Bool(_, value) => Value::Bool(*value),
        Merged::Num(_, number) => {
            let integer =
                number.to_u128().map(i64::try_from).or(number.to_i128().map(i64::try_from));
            match (integer, number.to_f64()) {
                (Some(Ok(number)), _) => Value::Int(number),
                // One too large for us is too large for every option.
                (_, number) => Value::Float(number.unwrap_or(f64::INFINITY)),
            }
        }
        Merged::Empty(..) => Value::Null,
        Merged::Dict(_, dict) => Value::Table(Table(
            dict.iter()
                .map(|(name, value)| {
                    let node = from_figment(figment, value);
                    (Key { name: name.clone(), origin: node.origin.clone() }, node)
                })
                .collect(),
        )),
        Merged::Array(_, all) => {
            Value::List(all.iter().map(|value| from_figment(figment, value)).collect())
        }
    };
    Node::new(&origin, value)
}
