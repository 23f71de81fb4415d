//! `migration.toml`: which files leave the monolith, and which both sides may import.

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
        let text = std::fs::read_to_string(file).map_err(|problem| Failure::Usage {
            message: format!("{} can't be read: {problem}", file.display()),
            help: "name the extracted files with --extract GLOB, or write them into migration.toml"
                .to_owned(),
        })?;
        Self::parse(file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::Usage {
            message: format!("{} is not valid: {what}", file.display()),
            help: "docs/scan.md lists its keys".to_owned(),
        };
        let written: Written =
            toml::from_str(text).map_err(|problem| wrong(problem.to_string()))?;
        if written.format == FORMAT {
            Ok(written.scan)
        } else {
            Err(wrong(format!("format = {}; this version knows {FORMAT}", written.format)))
        }
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
        Border::parse(Path::new("migration.toml"), text).map_err(|failure| failure.to_string())
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
    fn a_star_stays_in_its_folder() {
        let paths = ["a/x.py".to_owned(), "a/b/y.py".to_owned()];
        let set = globs(&["a/*.py".to_owned()]).unwrap();
        assert_eq!(paths.each_ref().map(|path| set.is_match(path)), [true, false]);
        let patterns = ["a/**".to_owned(), "c/*.py".to_owned()];
        assert_eq!(unmatched(&patterns, &paths).unwrap(), ["c/*.py"]);
    }
}
