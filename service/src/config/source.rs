//! Where settings come from: the environment first, then the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::settings::{self, SETTINGS};

/// The settings as written.
#[derive(Debug, Clone, Default)]
pub struct Source {
    values: BTreeMap<String, Written>,
    problems: Vec<Problem>,
    /// Where programs are looked for.
    search_path: Vec<PathBuf>,
}

#[derive(Debug, Clone)]
struct Written {
    text: String,
    file: Option<PathBuf>,
}

/// One setting that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    name: String,
    value: Option<String>,
    file: Option<PathBuf>,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(value) = &self.value {
            write!(f, "={value:?}")?;
        }
        if let Some(file) = &self.file {
            write!(f, " (in {})", file.display())?;
        }
        write!(f, " {}", self.text)
    }
}

impl Source {
    /// Reads the process's environment, and `file` for what the environment does not set.
    pub fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        file: Option<&Path>,
    ) -> Self {
        let mut source = Self::default();
        if let Some(file) = file {
            source.read_file(file);
        }
        for (name, value) in environment {
            if name == "PATH" {
                source.search_path = std::env::split_paths(&value).collect();
            }
            let Some(name) = name.to_str().filter(|name| is_known(name)) else { continue };
            match value.into_string() {
                Ok(text) => source.put(name, text, None),
                Err(_) => source.complain(name, None, "is not UTF-8"),
            }
        }
        source
    }

    /// Settings given one by one.
    pub fn of(settings: &[(&str, &str)]) -> Self {
        let environment =
            settings.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Self::read(environment, None)
    }

    fn read_file(&mut self, file: &Path) {
        let table = match std::fs::read_to_string(file) {
            Ok(text) => text.parse::<toml::Table>().map_err(|error| error.to_string()),
            Err(error) => Err(format!("cannot be read: {error}")),
        };
        match table {
            Ok(table) => {
                for (key, value) in table {
                    self.read_entry(file, &key, value);
                }
            }
            Err(text) => {
                self.complain(&format!("the file {}", file.display()), None, text.trim_end());
            }
        }
    }

    fn read_entry(&mut self, file: &Path, key: &str, value: toml::Value) {
        let name = key.to_ascii_uppercase();
        if key != key.to_ascii_lowercase() || !is_known(&name) {
            let known: Vec<_> = SETTINGS.iter().map(|s| s.name.to_ascii_lowercase()).collect();
            let text = format!("is no setting; there are {}", known.join(", "));
            return self.complain(key, Some(file), &text);
        }
        match as_text(value) {
            Some(text) => self.put(&name, text, Some(file.to_owned())),
            None => self.complain(&name, Some(file), "is neither text, number nor list of texts"),
        }
    }

    fn put(&mut self, name: &str, text: String, file: Option<PathBuf>) {
        self.values.insert(name.to_owned(), Written { text, file });
    }

    fn complain(&mut self, name: &str, file: Option<&Path>, text: &str) {
        self.problems.push(Problem {
            name: name.to_owned(),
            value: None,
            file: file.map(Path::to_owned),
            text: text.to_owned(),
        });
    }

    /// What could not even be read.
    pub fn unknown(&self) -> Vec<Problem> {
        self.problems.clone()
    }

    /// The folders in which programs are looked for.
    pub fn search_path(&self) -> &[PathBuf] {
        &self.search_path
    }

    /// The text of a setting. An empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|written| written.text.trim()).filter(|text| !text.is_empty())
    }

    /// The setting, or its default, as `parse` understands it.
    pub fn parse<T>(
        &self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        match parse(self.get(name).unwrap_or(default)) {
            Ok(value) => Some(value),
            Err(text) => {
                problems.push(self.problem(name, &text));
                None
            }
        }
    }

    /// The setting, which has no default.
    pub fn required<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, String>,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        if self.get(name).is_none() {
            problems.push(self.secret_problem(name, "is not set"));
            return None;
        }
        self.parse(name, "", parse, problems)
    }

    /// A problem that shows the value, unless it is a secret.
    pub fn problem(&self, name: &str, text: &str) -> Problem {
        let mut problem = self.secret_problem(name, text);
        if !settings::is_secret(name) {
            problem.value = self.get(name).map(super::database::masked);
        }
        problem
    }

    /// A problem that does not show the value.
    pub fn secret_problem(&self, name: &str, text: &str) -> Problem {
        Problem {
            name: name.to_owned(),
            value: None,
            file: self.values.get(name).and_then(|written| written.file.clone()),
            text: text.to_owned(),
        }
    }
}

fn is_known(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
}

fn as_text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            serde_json::to_string(&texts?).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "app_port = 1\nlog_level = \"DEBUG\"\nadmin_api_keys = [\"a\", \"b\"]\n",
        )
        .unwrap();
        let environment = [("APP_PORT".into(), "2".into()), ("HOME".into(), "/".into())];
        let source = Source::read(environment, Some(file.path()));
        assert_eq!(source.get("APP_PORT"), Some("2"));
        assert_eq!(source.get("LOG_LEVEL"), Some("DEBUG"));
        assert_eq!(source.get("ADMIN_API_KEYS"), Some(r#"["a","b"]"#));
        assert_eq!(source.unknown(), []);
    }

    #[test]
    fn nothing_in_the_file_is_ignored() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "app_prot = 1\nlog_level = true\n").unwrap();
        let problems = Source::read([], Some(file.path())).unknown();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].to_string().starts_with("app_prot (in "));
        assert!(problems[1].to_string().contains("neither text"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let problems = Source::read([], Some(Path::new("/nowhere/x.toml"))).unknown();
        assert!(problems[0].to_string().starts_with("the file /nowhere/x.toml cannot be read"));
    }
}
