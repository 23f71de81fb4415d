//! Changes of a repository in one commit: made beside the work tree, in force with one change of a reference, and taken back the same way.
//!
//! A commit carries a trailer that says what made it. Whoever is killed between the change of the reference and that of the work tree
//! leaves files of the commit before; [`Repository::recover`] brings these, and nothing else, to what the commit says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::git::Git;
use crate::failure::Failure;

/// The trailer of a commit that takes files out: the folder, as Git names it, or `.`.
const DONE: &str = "Strangler-Cleanup";
/// The trailer of a commit that puts them back: the commit that took them out.
const UNDONE: &str = "Strangler-Cleanup-Undo";

/// What is to be changed; paths below the folder.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// From where to where.
    pub(crate) moved: Vec<(String, String)>,
    /// The new texts.
    pub(crate) written: BTreeMap<String, String>,
    /// Files that are new, which may lie in the work tree already.
    pub(crate) added: BTreeMap<String, String>,
}

/// A folder in a repository.
#[derive(Debug)]
pub(crate) struct Repository {
    git: Git,
    top: PathBuf,
    /// The folder below the top, with a slash at its end; empty for the top itself.
    prefix: String,
}

impl Repository {
    /// The one that a folder lies in.
    pub(crate) async fn of(folder: &Path) -> Result<Self, Failure> {
        let there = Git::at(folder);
        let top = PathBuf::from(there.line(&["rev-parse", "--show-toplevel"]).await?);
        let prefix = there.line(&["rev-parse", "--show-prefix"]).await?;
        Ok(Self { git: Git::at(&top), top, prefix })
    }

    /// What is not as the last commit says: changed and new files, by their paths in the repository.
    pub(crate) async fn dirty(&self) -> Result<Vec<String>, Failure> {
        let words = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"];
        let listed = self.git.ask(&words).await?;
        let listed = String::from_utf8_lossy(&listed);
        Ok(listed.split('\0').filter_map(|line| line.get(3..)).map(str::to_owned).collect())
    }

    /// A path below the folder as the repository knows it.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("{}{below}", self.prefix)
    }

    /// Whether Git has a file.
    pub(crate) async fn is_tracked(&self, below: &str) -> Result<bool, Failure> {
        let path = format!(":(literal){}", self.path(below));
        Ok(!self.git.ask(&["ls-files", "-z", "--", &path]).await?.is_empty())
    }

    /// The tree that a change comes to; nothing but objects is written.
    pub(crate) async fn tree(&self, change: &Change) -> Result<String, Failure> {
        let folder = tempfile::tempdir().map_err(|problem| Failure::Other {
            message: format!("no temporary folder could be made: {problem}"),
            help: "see that TMPDIR names a folder that you may write to".to_owned(),
        })?;
        let index = folder.path().join("index");
        let apart = self.git.clone().with("GIT_INDEX_FILE", index.display().to_string());
        apart.ask(&["read-tree", "HEAD"]).await?;
        let known = apart.ask(&["ls-files", "-s", "-z"]).await?;
        let known = String::from_utf8_lossy(&known).into_owned();
        // `MODE ID STAGE<TAB>PATH`.
        let known: BTreeMap<&str, (&str, &str)> = known
            .split('\0')
            .filter_map(|line| {
                let (about, path) = line.split_once('\t')?;
                let mut about = about.split(' ');
                Some((path, (about.next()?, about.next()?)))
            })
            .collect();
        let entry = |path: &str| {
            let path = format!("{}{path}", self.prefix);
            known.get(path.as_str()).copied().ok_or_else(|| Failure::Refused {
                message: format!("{path} is not in the last commit"),
                help: "commit it first".to_owned(),
            })
        };
        let mut gone = Vec::new();
        let mut come = Vec::new();
        for (from, to) in &change.moved {
            let (mode, id) = entry(from)?;
            gone.push(format!("{}{from}", self.prefix));
            come.push(format!("{mode} {id}\t{}{to}", self.prefix));
        }
        for (path, text) in change.written.iter().chain(&change.added) {
            let is_new = change.added.contains_key(path);
            let mode = if is_new { "100644" } else { entry(path)?.0 };
            let path = self.path(path);
            let words = ["hash-object", "-w", "--stdin", "--path", &path];
            let id = self.git.tell(&words, text.clone().into_bytes()).await?;
            come.push(format!("{mode} {}\t{path}", String::from_utf8_lossy(&id).trim()));
        }
        let words = ["update-index", "-z", "--force-remove", "--stdin"];
        apart.tell(&words, gone.join("\0").into_bytes()).await?;
        let words = ["update-index", "-z", "--index-info"];
        apart.tell(&words, come.join("\0").into_bytes()).await?;
        apart.line(&["write-tree"]).await
    }

    /// A tree as a patch of the last commit.
    pub(crate) async fn patch(&self, tree: &str) -> Result<Vec<u8>, Failure> {
        self.git.ask(&["diff", "--binary", "--full-index", "-M", "HEAD", tree]).await
    }

    /// Takes out: a commit of the tree, which is in force when this returns.
    pub(crate) async fn take_out(
        &self,
        tree: &str,
        message: &str,
        added: &[String],
    ) -> Result<String, Failure> {
        let message = format!("{message}\n\n{DONE}: {}\n", self.folder());
        self.commit(tree, &message, added).await
    }

    /// The last commit that took something out of this folder and was not taken back.
    pub(crate) async fn taken_out(&self) -> Result<Option<String>, Failure> {
        let format = format!(
            "--format=%H%x09%(trailers:key={DONE},valueonly,separator=%x20)%x09%(trailers:key={UNDONE},valueonly,separator=%x20)"
        );
        let words = ["log", "-F", "--grep", DONE, &format, "HEAD"];
        let listed = self.git.ask(&words).await?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let mut undone = BTreeSet::new();
        for line in listed.lines() {
            let mut parts = line.split('\t');
            let (Some(commit), Some(done), Some(taken_back)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            undone.extend(taken_back.split_whitespace());
            if done.trim() == self.folder() && !undone.contains(commit) {
                return Ok(Some(commit.to_owned()));
            }
        }
        Ok(None)
    }

    /// The tree without what a commit did; later commits stay.
    pub(crate) async fn tree_without(&self, commit: &str) -> Result<String, Failure> {
        let (base, before) = (format!("--merge-base={commit}"), format!("{commit}^"));
        let words = ["merge-tree", "--write-tree", &base, "HEAD", &before];
        self.git.line(&words).await.map_err(|problem| Failure::Refused {
            message: format!("what {commit} did can't be taken back by itself: {problem}"),
            help: format!(
                "later commits changed the same lines: git revert {commit}, and settle them by hand"
            ),
        })
    }

    /// Puts back: a commit of the tree, which is in force when this returns.
    pub(crate) async fn put_back(&self, tree: &str, commit: &str) -> Result<String, Failure> {
        let message = format!("Put the extracted files back\n\n{UNDONE}: {commit}\n");
        self.commit(tree, &message, &[]).await
    }

    /// Ends what was killed on its way; `true` where there was something to end.
    pub(crate) async fn recover(&self) -> Result<bool, Failure> {
        let format =
            format!("--format=%(trailers:key={DONE},valueonly)%(trailers:key={UNDONE},valueonly)");
        let trailers = self.git.line(&["log", "-1", &format, "HEAD"]).await?;
        let dirty = self.dirty().await?;
        if trailers.is_empty() || dirty.is_empty() {
            return Ok(false);
        }
        // Git writes its index last: whoever has changed files since has another one.
        let before = self.git.line(&["rev-parse", "HEAD^^{tree}"]).await?;
        if before != self.git.line(&["write-tree"]).await? {
            return Ok(false);
        }
        let changed =
            self.git.ask(&["diff-tree", "-r", "-z", "--no-renames", "HEAD^", "HEAD"]).await?;
        let changed = String::from_utf8_lossy(&changed).into_owned();
        // `:MODE MODE ID ID LETTER` and the path, in turns.
        let mut fields = changed.split('\0');
        let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        while let (Some(about), Some(path)) = (fields.next(), fields.next()) {
            known.insert(path, about.split(' ').skip(2).take(2).collect());
        }
        for path in &dirty {
            let Some(ids) = known.get(path.as_str()) else { return Ok(false) };
            let is_there = self.top.join(path).exists();
            let id = if is_there {
                self.git.line(&["hash-object", "--", path]).await?
            } else {
                "0".repeat(ids.first().map_or(40, |id| id.len()))
            };
            if !ids.contains(&id.as_str()) {
                return Ok(false);
            }
        }
        self.git.ask(&["read-tree", "--reset", "-u", "HEAD"]).await?;
        Ok(true)
    }

    fn folder(&self) -> &str {
        if self.prefix.is_empty() { "." } else { &self.prefix }
    }

    async fn commit(&self, tree: &str, message: &str, added: &[String]) -> Result<String, Failure> {
        let old = self.git.line(&["rev-parse", "--verify", "HEAD"]).await?;
        let words = ["commit-tree", tree, "-p", &old, "-F", "-"];
        let new = self.git.tell(&words, message.as_bytes().to_vec()).await?;
        let new = String::from_utf8_lossy(&new).trim().to_owned();
        // Only where nobody else has committed meanwhile.
        self.git.ask(&["update-ref", "-m", "migrate cleanup", "HEAD", &new, &old]).await?;
        // Git never writes over a file that it does not know. The commit has what stood in these.
        for path in added {
            let file = self.top.join(self.path(path));
            if let Err(problem) = std::fs::remove_file(&file)
                && problem.kind() != std::io::ErrorKind::NotFound
            {
                return Err(Failure::Other {
                    message: format!("{} can't be replaced: {problem}", file.display()),
                    help: "the commit is made; the next run brings the files to what it says"
                        .to_owned(),
                });
            }
        }
        self.git.ask(&["read-tree", "-m", "-u", &old, &new]).await?;
        Ok(new)
    }
}
