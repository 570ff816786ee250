//! A reader for the part of TOML that manifests use, which keeps line numbers.
//!
//! It knows tables, `key = value` lines, dotted and quoted keys, inline tables and arrays over
//! several lines: enough to check manifests, with a line to point at.

/// A manifest: its path and its entries in order.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) path: String,
    tables: Vec<Vec<String>>,
    entries: Vec<Entry>,
}

/// One `key = value`.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The line it starts on, from 1.
    pub(crate) line: usize,
    /// The table it is in and its own key, taken apart at the dots.
    keys: Vec<String>,
    /// The value as written, on one line, without comments.
    value: String,
}

/// Which list a dependency is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// One dependency of a package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Every setting, such as `workspace` → `true`; a bare version string is `version`.
    pub(crate) settings: Vec<(String, String)>,
}

impl Dependency {
    /// A setting's value as written.
    pub(crate) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Manifest {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut tables = Vec::new();
        let mut entries = Vec::new();
        let mut table: Vec<String> = Vec::new();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let line = uncomment(line).trim();
            if line.starts_with('[') {
                table = split(line.trim_matches(['[', ']']).trim(), '.')
                    .iter()
                    .map(|key| unquote(key))
                    .collect();
                tables.push(table.clone());
            } else if let Some((key, value)) = split_once_outside(line, '=') {
                let mut value = value.trim().to_owned();
                while depth(&value) > 0 {
                    let Some((_, more)) = lines.next() else { break };
                    value.push(' ');
                    value.push_str(uncomment(more).trim());
                }
                let mut keys = table.clone();
                keys.extend(split(key.trim(), '.').iter().map(|key| unquote(key)));
                entries.push(Entry { line: number + 1, keys, value });
            }
        }
        Self { path: path.to_owned(), tables, entries }
    }

    /// True when `[name]` is written out.
    pub(crate) fn has_table(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.join(".") == name)
    }

    /// The entry `key` of `table`; `key` may be dotted, as in `version.workspace`.
    pub(crate) fn get(&self, table: &str, key: &str) -> Option<&Entry> {
        let wanted: Vec<&str> = table.split('.').chain(key.split('.')).collect();
        self.entries.iter().find(|entry| entry.keys == wanted)
    }

    /// The entries of `table`, with their keys below it.
    pub(crate) fn table<'m>(
        &'m self,
        table: &'m str,
    ) -> impl Iterator<Item = (&'m [String], &'m Entry)> {
        let wanted: Vec<&str> = table.split('.').collect();
        self.entries.iter().filter_map(move |entry| {
            let (head, rest) = entry.keys.split_at_checked(wanted.len())?;
            (head == wanted && !rest.is_empty()).then_some((rest, entry))
        })
    }

    /// All dependencies, of every kind and target.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        let mut found: Vec<Dependency> = Vec::new();
        for entry in &self.entries {
            let keys = match entry.keys.as_slice() {
                [target, _, rest @ ..] if target == "target" => rest,
                keys => keys,
            };
            let [list, name, setting @ ..] = keys else {
                continue;
            };
            let kind = match list.as_str() {
                "dependencies" => Kind::Normal,
                "dev-dependencies" => Kind::Dev,
                "build-dependencies" => Kind::Build,
                _ => continue,
            };
            let settings = match setting {
                [] => entry.settings(),
                setting => vec![(setting.join("."), entry.value.clone())],
            };
            match found.iter_mut().find(|d| d.kind == kind && d.name == *name) {
                Some(dependency) => dependency.settings.extend(settings),
                None => {
                    found.push(Dependency { line: entry.line, kind, name: name.clone(), settings })
                }
            }
        }
        found
    }
}

impl Entry {
    /// The value as written.
    pub(crate) fn raw(&self) -> &str {
        &self.value
    }

    /// The value, if it is a string.
    pub(crate) fn string(&self) -> Option<String> {
        let quoted = self.value.starts_with(['"', '\'']);
        quoted.then(|| unquote(&self.value))
    }

    /// The strings of an array.
    pub(crate) fn strings(&self) -> Vec<String> {
        let inner = self.value.trim_start_matches('[').trim_end_matches(']');
        split(inner, ',').iter().map(|s| unquote(s)).filter(|s| !s.is_empty()).collect()
    }

    /// The settings of a dependency: of an inline table, or `version` for a bare string.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        match self.value.strip_prefix('{').and_then(|v| v.strip_suffix('}')) {
            None => vec![("version".to_owned(), self.value.clone())],
            Some(inner) => split(inner, ',')
                .iter()
                .filter_map(|pair| split_once_outside(pair, '='))
                .map(|(key, value)| (unquote(key), value.trim().to_owned()))
                .collect(),
        }
    }
}

/// The characters of `text` that are outside strings, with their byte positions and how deep they
/// are in brackets.
fn outside(text: &str) -> impl Iterator<Item = (usize, char, i32)> {
    let mut quote = None;
    let mut escaped = false;
    let mut depth = 0;
    text.char_indices().filter_map(move |(at, c)| {
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None => {
                match c {
                    '[' | '{' => depth += 1,
                    ']' | '}' => depth -= 1,
                    _ => {}
                }
                return Some((at, c, depth));
            }
        }
        None
    })
}

fn uncomment(line: &str) -> &str {
    match outside(line).find(|(_, c, _)| *c == '#') {
        Some((at, _, _)) => &line[..at],
        None => line,
    }
}

fn depth(text: &str) -> i32 {
    outside(text).last().map_or(0, |(_, _, depth)| depth)
}

fn split(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (position, c, depth) in outside(text) {
        if c == at && depth == 0 {
            parts.push(&text[start..position]);
            start = position + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

fn split_once_outside(text: &str, at: char) -> Option<(&str, &str)> {
    let (position, c, _) = outside(text).find(|(_, c, depth)| *c == at && *depth == 0)?;
    Some((&text[..position], &text[position + c.len_utf8()..]))
}

fn unquote(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
[workspace]
members = [
    ".",   # the root, with a "quote"
    "a/b",
]

[package]
name = "sample"        # a comment
version.workspace = true

[dependencies]
one = "1.0"
two.workspace = true
three = { workspace = true, features = ["a", "b=c"], package = "drei" }

[dependencies.four]
path = "x#y"

[target.'cfg(unix)'.dev-dependencies]
five = { version = "5" }
"#;

    #[test]
    fn reads_tables_arrays_and_dotted_keys() {
        let manifest = Manifest::parse("Cargo.toml", SAMPLE);
        assert!(manifest.has_table("workspace") && !manifest.has_table("lints"));
        assert_eq!(manifest.get("workspace", "members").unwrap().strings(), [".", "a/b"]);
        assert_eq!(manifest.get("package", "name").unwrap().string().unwrap(), "sample");
        let version = manifest.get("package", "version.workspace").unwrap();
        assert_eq!((version.raw(), version.line), ("true", 10));
        assert_eq!(manifest.table("package").count(), 2);
    }

    #[test]
    fn finds_dependencies_in_every_form() {
        let found = Manifest::parse("Cargo.toml", SAMPLE).dependencies();
        let names: Vec<&str> = found.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["one", "two", "three", "four", "five"]);
        assert_eq!(found[0].setting("version"), Some("\"1.0\""));
        assert_eq!(found[1].setting("workspace"), Some("true"));
        assert_eq!(found[2].setting("package"), Some("\"drei\""));
        assert_eq!(found[3].setting("path"), Some("\"x#y\""));
        assert_eq!((found[4].kind, found[4].line), (Kind::Dev, 21));
    }
}
