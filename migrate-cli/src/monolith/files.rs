//! The files below a folder: what Git ignores is left out, and so is what is hidden or other people's code.

use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;
use walkdir::{DirEntry, WalkDir};

/// Larger files are not read: nobody wrote them by hand.
pub(crate) const LARGEST: u64 = 4 << 20;
/// Folders that hold other people's code, or none.
const LEFT_OUT: &[&str] = &["node_modules", "site-packages", "__pycache__", "venv"];

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In the order of their names, so that the same folder always reads the same.
    pub(crate) files: Vec<PathBuf>,
    /// What could not be looked at or was left out for its size.
    pub(crate) notes: Vec<String>,
}

/// The Python files.
pub(crate) fn python(folder: &Path) -> Found {
    find(folder, &|path| has_extension(path, &["py"]))
}

/// Whether a name ends in one of these.
pub(crate) fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| known.contains(&extension))
}

/// Whether a path below the folder leads through something hidden, or through other people's code.
pub(crate) fn is_left_out(path: &str) -> bool {
    let mut folders = path.split('/');
    let file = folders.next_back().unwrap_or_default();
    file.starts_with('.')
        || folders.any(|folder| folder.starts_with('.') || LEFT_OUT.contains(&folder))
}

/// The files that are wanted by their names.
pub(crate) fn find(folder: &Path, is_wanted: &dyn Fn(&Path) -> bool) -> Found {
    let mut found = Found::default();
    let mut ignored = Ignored::above(folder);
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    let walk = walk.filter_entry(|entry| entry.depth() == 0 || !ignored.leaves_out(entry));
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(problem) => {
                found.notes.push(problem.to_string());
                continue;
            }
        };
        if !entry.file_type().is_file() || !is_wanted(entry.path()) {
            continue;
        }
        match entry.metadata() {
            Ok(about) if about.len() > LARGEST => {
                let path = entry.path().display();
                found.notes.push(format!("{path}: left out, it has {} bytes", about.len()));
            }
            Ok(_) => found.files.push(entry.into_path()),
            Err(problem) => found.notes.push(problem.to_string()),
        }
    }
    found
}

/// The path of a file below the folder, with slashes.
pub(crate) fn below(folder: &Path, file: &Path) -> String {
    let parts = file.strip_prefix(folder).unwrap_or(file).components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// The `.gitignore` files that hold at the place where a walk is.
struct Ignored {
    /// Where the walk began, and the same place by its full path.
    folder: PathBuf,
    whole: PathBuf,
    /// Those of the folders above, up to the repository's, the outermost first.
    above: Vec<Gitignore>,
    /// Those of the folders around the place, the outermost first.
    around: Vec<(PathBuf, Gitignore)>,
}

impl Ignored {
    fn above(folder: &Path) -> Self {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let root = whole.ancestors().find(|above| above.join(".git").exists());
        let between =
            whole.ancestors().skip(1).filter(|above| root.is_some_and(|it| above.starts_with(it)));
        let mut above: Vec<Gitignore> = between.filter_map(rules).collect();
        above.reverse();
        let mut ignored = Self { folder: folder.to_owned(), whole, above, around: Vec::new() };
        ignored.enter(folder);
        ignored
    }

    fn enter(&mut self, folder: &Path) {
        self.around.extend(rules(folder).map(|rules| (folder.to_owned(), rules)));
    }

    /// Whether the walk passes something by; else, where it is a folder, its rules hold from here on.
    fn leaves_out(&mut self, entry: &DirEntry) -> bool {
        let (path, is_folder) = (entry.path(), entry.file_type().is_dir());
        let name = entry.file_name().to_string_lossy();
        if name.starts_with('.') || (is_folder && LEFT_OUT.contains(&name.as_ref())) {
            return true;
        }
        self.around.retain(|(folder, _)| path.starts_with(folder));
        let whole = self.whole.join(path.strip_prefix(&self.folder).unwrap_or(path));
        let around = self.around.iter().rev().map(|(_, rules)| rules.matched(path, is_folder));
        let above = self.above.iter().rev().map(|rules| rules.matched(&whole, is_folder));
        let is_ignored =
            around.chain(above).find(|word| !word.is_none()).is_some_and(|word| word.is_ignore());
        if is_folder && !is_ignored {
            self.enter(path);
        }
        is_ignored
    }
}

/// The rules of a folder. A line that is no pattern is left out, as Git does.
fn rules(folder: &Path) -> Option<Gitignore> {
    let file = folder.join(".gitignore");
    file.is_file().then(|| Gitignore::new(file).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_below_their_folder_and_the_nearest_wins() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        write(".gitignore", "/src/gone.py\nbuild/\n*_pb2.py\n");
        write("src/.gitignore", "!keep_pb2.py\n/a/x.py\n");
        let files = [
            "a/x.py",
            "a/y.py",
            "b/x.py",
            "build/z.py",
            "gone.py",
            "keep_pb2.py",
            "no_pb2.py",
            "venv/v.py",
            ".h/h.py",
            "c.txt",
        ];
        for path in files {
            write(&format!("src/{path}"), "");
        }
        let src = folder.path().join("src");
        let found = python(&src);
        let found: Vec<String> = found.files.iter().map(|file| below(&src, file)).collect();
        assert_eq!(found, ["a/y.py", "b/x.py", "keep_pb2.py"]);
    }
}
