//! LongJRM's variables, and which of its sources it reads.

use super::*;

/// The prefix of its variables, unless `JRM_PREFIX` says another.
const PREFIX: &str = "JRM";

/// The files it reads where nothing is said.
const FILES: [&str; 2] = ["config/jrm.config.json", "config/dbinfos.json"];

/// What stands after the prefix, of variables about all databases.
const SHARED_NAMES: [(&str, &str); 6] = [
    ("CONNECT_TIMEOUT", "jrm_connect_timeout"),
    ("DATA_FETCH_LIMIT", "jrm_data_fetch_limit"),
    ("MIN_CONN_POOL_SIZE", "jrm_min_conn_pool_size"),
    ("MAX_CONN_POOL_SIZE", "jrm_max_conn_pool_size"),
    ("MAX_CACHED_CONN", "jrm_max_cached_conn"),
    ("POOL_TIMEOUT", "jrm_pool_timeout"),
];

/// Of variables about the one database.
const FLAT_NAMES: [(&str, &str); 10] = [
    ("DB_DSN", "dsn"),
    ("DB_TYPE", "type"),
    ("DB_HOST", "host"),
    ("DB_PORT", "port"),
    ("DB_USER", "user"),
    ("DB_PASSWORD", "password"),
    ("DB_NAME", "database"),
    ("DB_OPTIONS", "options"),
    ("SESSION_SETUP", "session_setup"),
    ("SESSION_TEARDOWN", "session_teardown"),
];

/// Of the others.
const OTHER_NAMES: [&str; 7] =
    ["SOURCE", "PREFIX", "CONFIG_PATH", "DBINFOS_PATH", "DATABASES_JSON", "DB_KEY", "DB_DEFAULT"];

fn names() -> impl Iterator<Item = &'static str> + Clone {
    let pairs = SHARED_NAMES.iter().chain(&FLAT_NAMES).map(|(name, _)| *name);
    pairs.chain(OTHER_NAMES)
}

fn prefix(from: &Variables) -> Result<String, Problem> {
    let prefix = from.get("JRM_PREFIX")?.unwrap_or(PREFIX);
    Ok(format!("{}_", prefix.strip_suffix('_').unwrap_or(prefix)))
}

/// Whether there is something that LongJRM would read.
pub(crate) fn is_there(directory: &Path, from: &Variables) -> bool {
    let prefix = prefix(from).unwrap_or_else(|_| format!("{PREFIX}_"));
    let relevant = |name: &str| !matches!(name, "PREFIX" | "SOURCE");
    names().filter(|name| relevant(name)).any(|name| from.is_set(&format!("{prefix}{name}")))
        || FILES.iter().any(|file| directory.join(file).exists())
}

/// Reads what LongJRM would read:
///
/// 1. with `JRM_SOURCE=files`, or with `JRM_CONFIG_PATH`: the files that `JRM_CONFIG_PATH` and
///    `JRM_DBINFOS_PATH` name, or else those in `config/`;
/// 2. with `JRM_SOURCE=env`, or with another of its variables: these;
/// 3. else the files in `config/`.
pub(crate) fn read(
    directory: &Path,
    from: &Variables,
    notes: &mut Vec<Note>,
) -> Result<Table, Vec<Problem>> {
    let one = |problem: Problem| vec![problem];
    let prefix = prefix(from).map_err(one)?;
    let of_env = names().any(|name| {
        !matches!(name, "PREFIX" | "SOURCE" | "CONFIG_PATH")
            && from.is_set(&format!("{prefix}{name}"))
    });
    let source = format!("{prefix}SOURCE");
    let by_files = match from.get(&source).map_err(one)? {
        Some("files") => true,
        Some("env") => false,
        None | Some("auto") => from.is_set(&format!("{prefix}CONFIG_PATH")) || !of_env,
        Some(other) => {
            let wrong = format!("{other:?}: expected `auto`, `env` or `files`");
            return Err(vec![Problem::new(&Origin::variable(&source), "", wrong)]);
        }
    };
    let mut problems = misspelt(&prefix, from);
    if !by_files {
        let read = variables(&prefix, from, notes);
        return match read {
            Ok(table) if problems.is_empty() => Ok(table),
            Ok(_) => Err(problems),
            Err(others) => Err(problems.into_iter().chain(others).collect()),
        };
    }
    let mut tables = [None, None];
    for (index, name) in ["CONFIG_PATH", "DBINFOS_PATH"].into_iter().enumerate() {
        let named = from.get(&format!("{prefix}{name}")).map_err(one)?.map(Path::new);
        let usual = directory.join(FILES[index]);
        // One of the two is enough.
        let path = named.or_else(|| usual.exists().then_some(usual.as_path()));
        match path.map(json_file).transpose() {
            Ok(table) => tables[index] = table,
            Err(wrong) => problems.push(wrong),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let [config, databases] = tables;
    files(config, databases, notes)
}

fn json_file(path: &Path) -> Result<Table, Problem> {
    Format::Json.parse(&Origin::file(path), &file::read(path)?)
}

/// The variables: databases as JSON, else from a file; over them one from variables of its own.
pub(crate) fn variables(
    prefix: &str,
    from: &Variables,
    notes: &mut Vec<Note>,
) -> Result<Table, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut get = |name: &str| {
        let name = format!("{prefix}{name}");
        match from.get(&name) {
            Ok(text) => text.map(|text| (Origin::variable(&name), text)),
            Err(wrong) => {
                problems.push(wrong);
                None
            }
        }
    };
    let shared_given: Vec<(&str, Node)> = SHARED_NAMES
        .iter()
        .filter_map(|(name, key)| {
            get(name).map(|(origin, text)| (*key, Node::loose(&origin, text)))
        })
        .collect();
    let flat: Vec<(&str, &str, Origin, &str)> = FLAT_NAMES
        .iter()
        .filter_map(|(name, key)| get(name).map(|(origin, text)| (*name, *key, origin, text)))
        .collect();
    let key = get("DB_KEY");
    let default = get("DB_DEFAULT").or_else(|| key.clone());
    let json = get("DATABASES_JSON");
    let path = get("DBINFOS_PATH");
    if shared_given.is_empty()
        && flat.is_empty()
        && key.is_none()
        && json.is_none()
        && path.is_none()
    {
        return if problems.is_empty() { Ok(Table::default()) } else { Err(problems) };
    }
    let databases = match (&json, &path) {
        (Some((origin, text)), _) => Format::Json.parse(origin, text),
        (None, Some((_, path))) => json_file(Path::new(path)),
        (None, None) => Ok(Table::default()),
    };
    let mut all = databases.unwrap_or_else(|wrong| {
        problems.push(wrong);
        Table::default()
    });
    match &key {
        Some((origin, name)) => {
            let mut table = Table::default();
            for (_, key, origin, text) in &flat {
                let node = match *key {
                    "options" => match Format::Json.parse(origin, text) {
                        Ok(options) => Node::new(origin, Value::Table(options)),
                        Err(wrong) => {
                            problems.push(wrong);
                            continue;
                        }
                    },
                    _ => Node::loose(origin, *text),
                };
                table.set(origin, key, node);
            }
            all.set(origin, name, Node::new(origin, Value::Table(table)));
        }
        None => {
            if let Some((name, _, origin, _)) = flat.first() {
                let wrong = format!("{prefix}DB_KEY is not set, which names the database");
                problems.push(Problem::new(origin, *name, wrong));
            }
        }
    }
    let mut config = Table::default();
    for (key, node) in shared_given {
        config.set(&node.origin.clone(), key, node);
    }
    let mut ours = Table::default();
    shared(&mut Fields { path: "", table: &config, problems: &mut problems }, &mut ours);
    entries(&all, &mut ours, &mut problems, notes);
    finish(ours, default.map(|(origin, name)| Node::text(&origin, name)), problems)
}

/// Variables that are probably meant to be one of its.
fn misspelt(prefix: &str, from: &Variables) -> Vec<Problem> {
    let unknown = from
        .beginning(prefix)
        .filter(|name| !names().any(|known| *name == format!("{prefix}{known}")));
    let problem = |name: &str| {
        let meant = nearest(&name[prefix.len()..], names())?;
        let wrong = format!("nothing reads it, did you mean {prefix}{meant}?");
        Some(Problem::new(&Origin::variable(name), "", wrong))
    };
    unknown.filter_map(problem).collect()
}
