//! Which file a module's name means.
//!
//! A relative import says it by itself. For an absolute one somebody has set Python's path, which the source does not tell. So a
//! name means the files whose path ends with it, where this could be meant: `a.b` may be `src/a/b.py`, but never the `b.py` of a
//! package `a` that lies in another package; and where the first part is no package with an `__init__.py`, only for files in the
//! folder that it lies in, or below. Of several the one counts whose folder is nearest to the importer; equally near ones count all.

use std::collections::{BTreeMap, BTreeSet};

use crate::FileId;
use crate::standard::is_standard;

/// What a module's name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// These files; several where it can't be told which.
    Files(Vec<FileId>),
    /// A folder without an `__init__.py`, as a path.
    Folder(String),
    /// No file, though a part of the name is the monolith's.
    Nowhere,
    /// Somebody else's package.
    Foreign,
}

/// The files of a monolith by their names as modules.
#[derive(Debug)]
pub struct Modules {
    /// `a/b` for `a/b.py` and for `a/b/__init__.py`.
    keys: Vec<String>,
    by_key: BTreeMap<String, FileId>,
    by_last: BTreeMap<String, Vec<FileId>>,
    /// Folders with an `__init__.py`.
    packages: BTreeSet<String>,
    /// Folders with Python somewhere in them, by their last part.
    folders: BTreeMap<String, BTreeSet<String>>,
    /// Files that no import reaches, with the package that hides each.
    hidden: Vec<(FileId, FileId)>,
}

impl Modules {
    /// Of files with these paths: relative, with slashes, ending in `.py`.
    pub fn of<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        let mut modules = Self {
            keys: Vec::new(),
            by_key: BTreeMap::new(),
            by_last: BTreeMap::new(),
            packages: BTreeSet::new(),
            folders: BTreeMap::new(),
            hidden: Vec::new(),
        };
        let mut files = Vec::new();
        for (id, path) in paths.into_iter().enumerate() {
            let stem = path.strip_suffix(".py").unwrap_or(path);
            let package = stem.strip_suffix("/__init__");
            let package = package.or_else(|| (stem == "__init__").then_some(""));
            if let Some(folder) = package {
                modules.packages.insert(folder.to_owned());
            }
            let key = package.unwrap_or(stem).to_owned();
            files.push((package.is_none(), id, key.clone()));
            modules.keys.push(key);
            modules.add_folders(parent(path));
        }
        // A package hides the file of the same name beside it.
        files.sort();
        for (_, id, key) in files {
            if let Some(package) = modules.by_key.get(&key) {
                modules.hidden.push((id, *package));
            } else {
                modules.by_last.entry(last(&key).to_owned()).or_default().push(id);
                modules.by_key.insert(key, id);
            }
        }
        modules
    }

    fn add_folders(&mut self, folder: &str) {
        let mut folder = folder;
        while !folder.is_empty()
            && self.folders.entry(last(folder).to_owned()).or_default().insert(folder.to_owned())
        {
            folder = parent(folder);
        }
    }

    /// Files that no import reaches, with the package that hides each.
    pub fn hidden(&self) -> &[(FileId, FileId)] {
        &self.hidden
    }

    /// Whether a file is the `__init__.py` of a package.
    pub fn is_package(&self, file: FileId) -> bool {
        self.keys.get(file).is_some_and(|key| self.packages.contains(key))
            && self.keys.get(file).and_then(|key| self.by_key.get(key)) == Some(&file)
    }

    /// The path of a file as a module: without `.py`, or that of its package.
    pub(crate) fn key(&self, file: FileId) -> &str {
        self.keys.get(file).map_or("", String::as_str)
    }

    /// Whether a folder has an `__init__.py`.
    pub(crate) fn has_init(&self, folder: &str) -> bool {
        self.packages.contains(folder)
    }

    /// The module of this name in a package.
    pub fn below(&self, package: FileId, name: &str) -> Option<FileId> {
        let key = self.keys.get(package).filter(|_| self.is_package(package))?;
        self.by_key.get(&join(key, name)).copied()
    }

    /// The module of this name in a folder.
    pub fn in_folder(&self, folder: &str, name: &str) -> Option<FileId> {
        self.by_key.get(&join(folder, name)).copied()
    }

    /// What a name means in a file: `level` dots, then `name` (which may be empty after dots).
    pub fn meaning(&self, from: FileId, level: usize, name: &str) -> Meaning {
        if level == 0 { self.absolute(from, name) } else { self.relative(from, level, name) }
    }

    fn relative(&self, from: FileId, level: usize, name: &str) -> Meaning {
        let Some(folder) = self.above(from, level) else { return Meaning::Nowhere };
        let parts = name.split('.').filter(|part| !part.is_empty());
        let key = parts.fold(folder.to_owned(), |key, part| join(&key, part));
        match self.by_key.get(&key) {
            Some(file) => Meaning::Files(vec![*file]),
            None if self.is_folder(&key) => Meaning::Folder(key),
            None => Meaning::Nowhere,
        }
    }

    /// The folder that `level` dots mean.
    fn above(&self, from: FileId, level: usize) -> Option<&str> {
        let mut folder = self.home(from);
        for _ in 1..level {
            if folder.is_empty() {
                return None;
            }
            folder = parent(folder);
        }
        Some(folder)
    }

    /// The folder that a file lies in.
    pub(crate) fn home(&self, file: FileId) -> &str {
        let key = self.keys.get(file).map_or("", String::as_str);
        if self.is_package(file) { key } else { parent(key) }
    }

    fn is_folder(&self, path: &str) -> bool {
        self.folders.get(last(path)).is_some_and(|folders| folders.contains(path))
    }

    fn absolute(&self, from: FileId, name: &str) -> Meaning {
        let (top, is_whole) = name.split_once('.').map_or((name, true), |(top, _)| (top, false));
        if name.is_empty() || (is_whole && is_standard(top)) {
            return Meaning::Foreign;
        }
        let path = name.replace('.', "/");
        let named = self.by_last.get(last(&path)).into_iter().flatten().copied();
        let named = named.filter_map(|id| Some((id, self.keys.get(id)?.as_str())));
        let files = self.nearest(from, named, &path);
        if !files.is_empty() {
            return Meaning::Files(files);
        }
        let folders = self.folders.get(last(&path)).into_iter().flatten();
        let folders: Vec<_> = folders.map(|folder| (folder.as_str(), folder.as_str())).collect();
        if let [folder, ..] = self.nearest(from, folders.into_iter(), &path)[..] {
            return Meaning::Folder(folder.to_owned());
        }
        let is_ours = !is_whole
            && !is_standard(top)
            && matches!(self.absolute(from, top), Meaning::Files(files) if files.iter().any(|file| self.is_package(*file)));
        if is_ours { Meaning::Nowhere } else { Meaning::Foreign }
    }

    /// Those of the candidates that a path can mean, the nearest to the importer.
    fn nearest<'k, T>(
        &self,
        from: FileId,
        candidates: impl Iterator<Item = (T, &'k str)>,
        path: &str,
    ) -> Vec<T> {
        let home = self.home(from);
        let mut nearest = (0, Vec::new());
        for (candidate, key) in candidates {
            let Some(root) = key.strip_suffix(path) else { continue };
            let root = match root.strip_suffix('/') {
                Some(root) => root,
                None if root.is_empty() => root,
                None => continue,
            };
            let top = join(root, path.split('/').next().unwrap_or_default());
            let is_seen = self.packages.contains(&top) || is_in(home, root);
            if !is_seen || self.packages.contains(root) && !root.is_empty() {
                continue;
            }
            let shared = shared(home, root);
            if shared + 1 > nearest.0 {
                nearest = (shared + 1, Vec::new());
            }
            if shared + 1 == nearest.0 {
                nearest.1.push(candidate);
            }
        }
        nearest.1
    }
}

/// How many parts two paths begin with in common.
fn shared(one: &str, other: &str) -> usize {
    let parts = |path: &str| path.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    let (one, other): (Vec<String>, Vec<String>) = (parts(one), parts(other));
    one.iter().zip(&other).take_while(|(one, other)| one == other).count()
}

fn is_in(folder: &str, root: &str) -> bool {
    root.is_empty()
        || folder.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn last(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 12] = [
        "coordinator/src/app/__init__.py",          // 0
        "coordinator/src/app/main.py",              // 1
        "coordinator/src/app/services/__init__.py", // 2
        "coordinator/src/app/services/jobs.py",     // 3
        "coordinator/tests/test_jobs.py",           // 4
        "other/src/app/__init__.py",                // 5
        "other/src/app/main.py",                    // 6
        "scripts/redis.py",                         // 7
        "scripts/run.py",                           // 8
        "coordinator/src/app/loose/a.py",           // 9
        "coordinator/src/app/services.py",          // 10
        "tests/test_all.py",                        // 11
    ];

    fn meant(from: FileId, level: usize, name: &str) -> Meaning {
        Modules::of(PATHS).meaning(from, level, name)
    }

    #[test]
    fn relative_names_are_paths() {
        assert_eq!(meant(3, 1, ""), Meaning::Files(vec![2]));
        assert_eq!(meant(3, 2, "main"), Meaning::Files(vec![1]));
        assert_eq!(
            meant(2, 1, "jobs"),
            Meaning::Files(vec![3]),
            "a package starts in its own folder"
        );
        assert_eq!(meant(1, 1, "loose"), Meaning::Folder("coordinator/src/app/loose".to_owned()));
        assert_eq!(meant(1, 1, "missing.jobs"), Meaning::Nowhere);
        assert_eq!(meant(1, 40, "main"), Meaning::Nowhere);
    }

    #[test]
    fn of_two_packages_of_one_name_the_nearer_is_meant() {
        assert_eq!(meant(4, 0, "app.main"), Meaning::Files(vec![1]));
        assert_eq!(meant(6, 0, "app.main"), Meaning::Files(vec![6]));
        assert_eq!(meant(11, 0, "app.main"), Meaning::Files(vec![1, 6]), "nobody can tell");
    }

    #[test]
    fn names_of_others_are_not_taken_for_ours() {
        assert_eq!(meant(1, 0, "redis"), Meaning::Foreign, "a script is seen from its folder only");
        assert_eq!(meant(8, 0, "redis"), Meaning::Files(vec![7]));
        assert_eq!(meant(1, 0, "services.jobs"), Meaning::Foreign, "it is app.services.jobs");
        assert_eq!(meant(1, 0, "main"), Meaning::Foreign);
        assert_eq!(meant(1, 0, "app.missing"), Meaning::Nowhere);
        assert_eq!(meant(1, 0, "logging"), Meaning::Foreign);
    }

    #[test]
    fn a_package_hides_the_file_beside_it() {
        let modules = Modules::of(PATHS);
        assert_eq!(modules.hidden(), [(10, 2)]);
        assert!(modules.is_package(2) && !modules.is_package(10));
        assert_eq!(modules.below(2, "jobs"), Some(3));
    }
}
