//! Everything that is asked of a monolith, asked once.

use serde::Serialize;

use crate::FileId;
use crate::border::{self, Border, Sides};
use crate::callers::{self, Caller, Other};
use crate::facts::Facts;
use crate::lookup::Lookup;
use crate::modules::Modules;
use crate::names::Monolith;
use crate::served::{self, Serving};
use crate::tables::{self, Tables};

/// The answers.
#[derive(Debug, Default, Serialize)]
pub struct Survey {
    /// What crosses the border.
    #[serde(flatten)]
    pub border: Border,
    /// The routes of the extracted files.
    pub routes: Serving,
    /// Who calls these routes over HTTP.
    pub callers: Vec<Caller>,
    /// The tables that the extracted files use.
    #[serde(flatten)]
    pub tables: Tables,
}

/// Asks, of Python files with these paths (relative, with slashes, ending in `.py`) and others that may call them.
pub fn of(paths: &[String], facts: &[Facts], others: &[Other], sides: &Sides) -> Survey {
    let modules = Modules::of(paths.iter().map(String::as_str));
    let monolith = Monolith { facts, modules: &modules };
    let lookup = Lookup::new(monolith);
    let is_test = |file: FileId| paths.get(file).is_some_and(|path| is_test(path));
    let routes = served::of(&lookup, paths, sides, &is_test);
    Survey {
        border: border::judge(monolith, paths, sides),
        callers: callers::of(&lookup, paths, sides, others, &routes.served),
        routes,
        tables: tables::of(&lookup, paths, sides, &is_test),
    }
}

/// Whether a file is a test by its name: what it takes in is served to itself only.
pub fn is_test(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    file.starts_with("test_")
        || file.ends_with("_test.py")
        || file == "conftest.py"
        || parts.any(|part| matches!(part, "test" | "tests"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_their_names() {
        let tests = ["tests/a.py", "a/test_b.py", "a/b_test.py", "conftest.py", "a/test/b.py"];
        assert!(tests.iter().all(|path| is_test(path)));
        assert!(!["testing/a.py", "a/contest.py", "latest.py"].iter().any(|path| is_test(path)));
    }
}
