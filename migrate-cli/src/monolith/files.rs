//! The files below a folder: those that Git knows or would take in, without what is hidden or other people's code.

mod walk;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::git::Git;

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

/// Whether a name ends in one of these.
pub(crate) fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| known.contains(&extension))
}

/// Whether it is Python by its name.
pub(crate) fn is_python(path: &Path) -> bool {
    has_extension(path, &["py"])
}

/// Whether a path below the folder leads through something hidden, or through other people's code.
pub(crate) fn is_left_out(path: &str) -> bool {
    let mut folders = path.split('/');
    let file = folders.next_back().unwrap_or_default();
    file.starts_with('.')
        || folders.any(|folder| folder.starts_with('.') || LEFT_OUT.contains(&folder))
}

/// The files that are wanted by their names. In a repository a file that is in Git counts, whatever `.gitignore` says of its name.
pub(crate) async fn find(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> Found {
    let mut found = Found::default();
    let listed = listed(folder, &mut found.notes).await;
    let all = listed.unwrap_or_else(|| walk::walk(folder, &mut found.notes));
    for file in all.into_iter().filter(|file| is_wanted(file)) {
        match file.symlink_metadata() {
            Ok(about) if !about.is_file() => {}
            Ok(about) if about.len() > LARGEST => {
                let path = file.display();
                found.notes.push(format!("{path}: left out, it has {} bytes", about.len()));
            }
            Ok(_) => found.files.push(file),
            // Git knows it and it is not there: somebody has removed it.
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => {}
            Err(problem) => found.notes.push(format!("{}: {problem}", file.display())),
        }
    }
    found
}

/// The files that Git lists below a folder; none where the folder is in no repository, or is ignored as a whole.
async fn listed(folder: &Path, notes: &mut Vec<String>) -> Option<Vec<PathBuf>> {
    let whole = folder.canonicalize().ok()?;
    if !whole.ancestors().any(|above| above.join(".git").exists()) {
        return None;
    }
    let words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."];
    let answer = match Git::at(folder).ask(&words).await {
        Ok(answer) => answer,
        Err(problem) => {
            let shown = folder.display();
            notes.push(format!("{shown}: read by its folders, as Git did not list it: {problem}"));
            return None;
        }
    };
    let names = answer.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    // A file that waits to be merged is listed once for each side.
    let paths: BTreeSet<&Path> = names.map(|name| Path::new(OsStr::from_bytes(name))).collect();
    let mut files = Vec::new();
    for path in paths.into_iter().filter(|path| !is_left_out(&path.to_string_lossy())) {
        let file = folder.join(path);
        // Another repository in this one: a submodule, or one that Git knows nothing of.
        if file.is_dir() && !file.is_symlink() {
            files.extend(walk::walk(&file, notes));
        } else {
            files.push(file);
        }
    }
    (!files.is_empty()).then_some(files)
}

/// The path of a file below the folder, with slashes.
pub(crate) fn below(folder: &Path, file: &Path) -> String {
    let parts = file.strip_prefix(folder).unwrap_or(file).components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, path: &str, text: &str) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    async fn found(folder: &Path) -> Vec<String> {
        let found = find(folder, is_python).await;
        found.files.iter().map(|file| below(folder, file)).collect()
    }

    async fn git(folder: &Path, words: &[&str]) {
        Git::at(folder).ask(words).await.unwrap();
    }

    /// A folder `src` with rules of its own in one that has some, and files that they name.
    fn ruled(folder: &Path) -> PathBuf {
        let write = |path: &str, text: &str| written(folder, path, text);
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
        folder.join("src")
    }

    #[tokio::test]
    async fn rules_hold_below_their_folder_and_the_nearest_wins() {
        let folder = tempfile::tempdir().unwrap();
        let src = ruled(folder.path());
        let all = ["a/y.py", "b/x.py", "build/z.py", "gone.py", "keep_pb2.py", "no_pb2.py"];
        assert_eq!(found(&src).await, all);
        // What Git can't list is walked by the same rules, and that is said.
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        let walked = find(&src, is_python).await;
        let files: Vec<String> = walked.files.iter().map(|file| below(&src, file)).collect();
        assert_eq!(files, ["a/y.py", "b/x.py", "keep_pb2.py"]);
        assert!(walked.notes.concat().contains("Git did not list it"), "{:?}", walked.notes);
        std::fs::remove_dir(folder.path().join(".git")).unwrap();
        git(folder.path(), &["init", "-q"]).await;
        assert_eq!(found(&src).await, ["a/y.py", "b/x.py", "keep_pb2.py"]);
    }

    #[tokio::test]
    async fn what_git_knows_counts_whatever_rules_say() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        git(at, &["init", "-q"]).await;
        for path in ["lib/use.py", "lib/other.py", "app/a.py", "app/removed.py", "inner/i.py"] {
            written(at, path, "");
        }
        git(&at.join("inner"), &["init", "-q"]).await;
        git(at, &["add", "-f", "lib/use.py", "app/a.py", "app/removed.py"]).await;
        written(at, ".gitignore", "lib/\n");
        written(at, "app/new.py", "");
        std::fs::remove_file(at.join("app/removed.py")).unwrap();
        std::os::unix::fs::symlink("a.py", at.join("app/link.py")).unwrap();
        assert_eq!(found(at).await, ["app/a.py", "app/new.py", "inner/i.py", "lib/use.py"]);
        assert_eq!(found(&at.join("lib")).await, ["use.py"]);
        // A folder that is ignored as a whole was meant all the same.
        git(at, &["rm", "-q", "--cached", "lib/use.py"]).await;
        assert_eq!(found(&at.join("lib")).await, ["other.py", "use.py"]);
    }
}
