//! `migration.toml`: which files leave the monolith, which both sides may import, what takes the place of names that stay in use, and
//! what somebody has looked at that no scan can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::failure::Failure;

/// The version of the format.
pub(crate) const FORMAT: u32 = 1;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    scan: Border,
    #[serde(default)]
    client: Replaced,
    #[serde(default)]
    cleanup: Looked,
}

/// What somebody has looked at before the files are taken out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Looked {
    /// Files whose dynamic imports and routers that can't be told have nothing to do with the extracted ones; paths below the scanned
    /// folder.
    #[serde(default)]
    pub(crate) acknowledged: BTreeSet<String>,
}

impl Looked {
    /// Reads it.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        Ok(read(file)?.cleanup)
    }
}

/// What is said about names that a client takes the place of. A name is `MODULE.NAME`, with as much of the path before it as tells it
/// apart: `agents.start`, `app.services.agents.start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replaced {
    /// Operations by names.
    #[serde(default)]
    pub(crate) names: BTreeMap<String, String>,
    /// What a parameter is in requests, by the parameter, or by the name and the parameter.
    #[serde(default)]
    pub(crate) arguments: BTreeMap<String, String>,
    /// Parameters that the service has no use for.
    #[serde(default)]
    pub(crate) without: BTreeSet<String>,
    /// Names that are replaced by hand.
    #[serde(default)]
    pub(crate) by_hand: BTreeSet<String>,
}

impl Replaced {
    /// Reads it.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        Ok(read(file)?.client)
    }

    /// The operation that a name of a file is said to be.
    pub(crate) fn operation(&self, file: &str, name: &str) -> Option<&str> {
        let found = self.names.iter().find(|(key, _)| is_of(key, file, name));
        found.map(|(_, operation)| operation.as_str())
    }

    /// What a parameter of it is said to be.
    pub(crate) fn argument(&self, file: &str, name: &str, parameter: &str) -> Option<&str> {
        let is_it = |key: &str| {
            let own = key.rsplit_once('.').filter(|(_, last)| *last == parameter);
            own.is_some_and(|(of, _)| is_of(of, file, name))
        };
        let own = self.arguments.iter().find(|(key, _)| is_it(key)).map(|(_, is)| is);
        own.or_else(|| self.arguments.get(parameter)).map(String::as_str)
    }

    /// Whether it is left to be replaced by hand.
    pub(crate) fn is_by_hand(&self, file: &str, name: &str) -> bool {
        self.by_hand.iter().any(|key| is_of(key, file, name))
    }

    /// What fits none of these names, or several: a typing error, or what is done with.
    pub(crate) fn unfit(&self, names: &[(&str, &str)]) -> Vec<String> {
        let fits = |key: &str| names.iter().filter(|(file, name)| is_of(key, file, name)).count();
        let arguments = self.arguments.keys().filter_map(|key| Some(key.rsplit_once('.')?.0));
        let all = self.names.keys().chain(&self.by_hand).map(String::as_str).chain(arguments);
        all.filter(|key| fits(key) != 1).map(str::to_owned).collect()
    }
}

/// Whether a key means a name of a file.
fn is_of(key: &str, file: &str, name: &str) -> bool {
    let module = file.trim_end_matches(".py").trim_end_matches("/__init__").replace('/', ".");
    let whole = format!("{module}.{name}");
    key.contains('.') && (whole == key || whole.ends_with(&format!(".{key}")))
}

/// Where the border runs, as globs over paths below the scanned folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Border {
    /// The files that leave the monolith.
    pub(crate) extracted: Vec<String>,
    /// Files that both sides may import.
    #[serde(default)]
    pub(crate) shared: Vec<String>,
}

impl Border {
    /// Reads it.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        Ok(read(file)?.scan)
    }
}

fn read(file: &Path) -> Result<Written, Failure> {
    let text = std::fs::read_to_string(file).map_err(|problem| Failure::Usage {
        message: format!("{} can't be read: {problem}", file.display()),
        help: "name the extracted files with --extract GLOB, or write them into migration.toml"
            .to_owned(),
    })?;
    parse(file, &text)
}

fn parse(file: &Path, text: &str) -> Result<Written, Failure> {
    let wrong = |what: String| Failure::Usage {
        message: format!("{} is not valid: {what}", file.display()),
        help: "docs/scan.md lists its keys".to_owned(),
    };
    let written: Written = toml::from_str(text).map_err(|problem| wrong(problem.to_string()))?;
    if written.format == FORMAT {
        Ok(written)
    } else {
        Err(wrong(format!("format = {}; this version knows {FORMAT}", written.format)))
    }
}

/// Globs as one; `*` stays within a folder, `**` does not.
pub(crate) fn globs(patterns: &[String]) -> Result<GlobSet, Failure> {
    let wrong = |problem: globset::Error| Failure::Usage {
        message: format!("no glob: {problem}"),
        help: "write for example 'src/app/services/agent_*.py' or 'src/app/routers/**'".to_owned(),
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

/// The patterns that match none of the paths: a typing error leaves a file on the wrong side.
pub(crate) fn unmatched(patterns: &[String], paths: &[String]) -> Result<Vec<String>, Failure> {
    let mut without = Vec::new();
    for pattern in patterns {
        let glob: GlobSet = globs(std::slice::from_ref(pattern))?;
        if !paths.iter().any(|path| glob.is_match(path)) {
            without.push(pattern.clone());
        }
    }
    Ok(without)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Border, String> {
        let written = super::parse(Path::new("migration.toml"), text);
        written.map(|it| it.scan).map_err(|failure| failure.to_string())
    }

    #[test]
    fn extracted_and_shared_files_are_read() {
        let border =
            parse("format = 1\n[scan]\nextracted = ['a.py']\nshared = ['b/**']\n").unwrap();
        assert_eq!(border.extracted, ["a.py"]);
        assert_eq!(border.shared, ["b/**"]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let refused = parse("format = 1\n[scan]\nextracted = []\nextract = []\n").unwrap_err();
        assert!(refused.contains("line 4") && refused.contains("`extract`"), "{refused}");
        let refused = parse("format = 2\n[scan]\nextracted = []\n").unwrap_err();
        assert!(refused.contains("format = 2"), "{refused}");
    }

    #[test]
    fn acknowledged_files_are_read() {
        let text = "format = 1\n[scan]\nextracted = ['a.py']\n[cleanup]\nacknowledged = ['b.py']\n";
        let looked = super::parse(Path::new("migration.toml"), text).unwrap().cleanup;
        assert!(looked.acknowledged.contains("b.py"));
        assert!(
            parse(&text.replace("acknowledged", "acknowledge")).unwrap_err().contains("line 5")
        );
    }

    #[test]
    fn what_is_said_of_a_name_is_found_by_as_much_of_it_as_is_said() {
        let text = "format = 1\n[scan]\nextracted = ['a.py']\n[client]\nwithout = ['db']\nby_hand = ['x.y.Z']\n\
                    [client.names]\n'agents.start' = 'op'\n[client.arguments]\nuser = 'api_key'\n'agents.start.user' = 'owner'\n";
        let said = super::parse(Path::new("migration.toml"), text).unwrap().client;
        let file = "src/app/agents.py";
        assert_eq!(said.operation(file, "start"), Some("op"));
        assert_eq!(
            [said.operation(file, "art"), said.operation("src/my_agents.py", "start")],
            [None; 2]
        );
        assert_eq!(said.argument(file, "start", "user"), Some("owner"));
        assert_eq!(said.argument(file, "stop", "user"), Some("api_key"));
        assert!(said.is_by_hand("x/y/__init__.py", "Z"));
        assert_eq!(
            said.unfit(&[(file, "start"), ("b/agents.py", "start")]),
            ["agents.start", "x.y.Z", "agents.start"]
        );
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        let paths = ["a/x.py".to_owned(), "a/b/y.py".to_owned()];
        let set = globs(&["a/*.py".to_owned()]).unwrap();
        assert_eq!(paths.each_ref().map(|path| set.is_match(path)), [true, false]);
        let patterns = ["a/**".to_owned(), "c/*.py".to_owned()];
        assert_eq!(unmatched(&patterns, &paths).unwrap(), ["c/*.py"]);
    }
}
