//! The files below a folder as they lie on disk, where no repository can say which of them Git knows.

use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;
use walkdir::{DirEntry, WalkDir};

use super::LEFT_OUT;

/// Goes through it: what `.gitignore` files name is left out, and so is what is hidden or other people's code.
pub(super) fn walk(folder: &Path, notes: &mut Vec<String>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut ignored = Ignored::above(folder);
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !ignored.leaves_out(entry)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
            Ok(_) => {}
            Err(problem) => notes.push(problem.to_string()),
        }
    }
    files
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
