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

/// A tree that a change comes to, and the commit that it is a change of.
#[derive(Debug)]
pub(crate) struct Changed {
    tree: String,
    base: String,
}

/// A file that lies in the work tree before Git has it.
#[derive(Debug)]
struct Added<'t> {
    /// In the repository.
    path: String,
    text: &'t str,
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
    pub(crate) async fn tree(&self, change: &Change) -> Result<Changed, Failure> {
        let base = self.git.line(&["rev-parse", "--verify", "HEAD"]).await?;
        let folder = temporary()?;
        let index = folder.path().join("index");
        let apart = self.git.clone().with("GIT_INDEX_FILE", index.display().to_string());
        apart.ask(&["read-tree", &base]).await?;
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
        Ok(Changed { tree: apart.line(&["write-tree"]).await?, base })
    }

    /// A change as a patch of the commit that it is one of, whatever somebody has set for what Git shows.
    pub(crate) async fn patch(&self, changed: &Changed) -> Result<Vec<u8>, Failure> {
        let mut words = vec!["diff-tree", "-p", "-M", "--binary", "--full-index", "--unified=3"];
        words.extend(["--no-color", "--no-ext-diff", "--no-textconv"]);
        words.extend(["--src-prefix=a/", "--dst-prefix=b/", &changed.base, &changed.tree]);
        self.git.ask(&words).await
    }

    /// Refuses files whose changes Git was told not to look for: the commit would have them, or they would be lost.
    pub(crate) async fn refuse_unwatched(&self, change: &Change) -> Result<(), Failure> {
        let below = change.moved.iter().map(|(from, _)| from).chain(change.written.keys());
        let touched: BTreeSet<String> = below.map(|path| self.path(path)).collect();
        let listed = self.git.ask(&["ls-files", "-v", "-z"]).await?;
        let listed = String::from_utf8_lossy(&listed);
        // `H PATH`; a small letter where it is assumed to be unchanged, `S` where the work tree is skipped.
        let unwatched =
            listed.split('\0').filter_map(|line| line.split_once(' ')).find(|(tag, path)| {
                (*tag == "S" || tag.starts_with(|it: char| it.is_ascii_lowercase()))
                    && touched.contains(*path)
            });
        match unwatched {
            None => Ok(()),
            Some((_, path)) => Err(Failure::Refused {
                message: format!("Git was told not to look for changes of {path}"),
                help: format!(
                    "git update-index --no-assume-unchanged --no-skip-worktree {path}, and commit what it has"
                ),
            }),
        }
    }

    /// Refuses new files, by their paths below the folder, where something lies already.
    pub(crate) fn refuse_in_the_way<'p>(
        &self,
        new: impl IntoIterator<Item = &'p String>,
    ) -> Result<(), Failure> {
        new.into_iter().try_for_each(|path| self.refuse_there(&self.path(path)))
    }

    /// Refuses a new file where something lies already, or that would lie below what is no folder: Git writes over files that
    /// it is told to ignore.
    fn refuse_there(&self, path: &str) -> Result<(), Failure> {
        let is_there = |part: &Path| {
            let found = std::fs::symlink_metadata(self.top.join(part));
            found.is_ok_and(|found| part == Path::new(path) || !found.is_dir())
        };
        match Path::new(path).ancestors().find(|part| is_there(part)) {
            None => Ok(()),
            Some(part) => Err(Failure::Refused {
                message: format!("{} is there already, and Git does not have it", part.display()),
                help: "it would be overwritten: move it away".to_owned(),
            }),
        }
    }

    /// Takes out: a commit of the tree, which is in force when this returns.
    pub(crate) async fn take_out(
        &self,
        changed: &Changed,
        message: &str,
        added: &BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let message = format!("{message}\n\n{DONE}: {}\n", self.folder());
        self.commit(changed, &message, added).await
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
    pub(crate) async fn tree_without(&self, commit: &str) -> Result<Changed, Failure> {
        let base = self.git.line(&["rev-parse", "--verify", "HEAD"]).await?;
        let (merge, before) = (format!("--merge-base={commit}"), format!("{commit}^"));
        let words = ["merge-tree", "--write-tree", &merge, &base, &before];
        let tree = self.git.line(&words).await.map_err(|problem| Failure::Refused {
            message: format!("what {commit} did can't be taken back by itself: {problem}"),
            help: format!(
                "later commits changed the same lines: git revert {commit}, and settle them by hand"
            ),
        })?;
        Ok(Changed { tree, base })
    }

    /// Puts back: a commit of the tree, which is in force when this returns.
    pub(crate) async fn put_back(
        &self,
        changed: &Changed,
        commit: &str,
    ) -> Result<String, Failure> {
        let message = format!("Put the extracted files back\n\n{UNDONE}: {commit}\n");
        self.commit(changed, &message, &BTreeMap::new()).await
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

    /// Commits a change; `added` are files of it that may lie in the work tree, and what stood in them.
    async fn commit(
        &self,
        changed: &Changed,
        message: &str,
        added: &BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let Changed { tree, base } = changed;
        let added = added.iter().map(|(path, text)| Added { path: self.path(path), text });
        let added: Vec<Added<'_>> = added.filter(|it| self.top.join(&it.path).exists()).collect();
        self.refuse_overwriting(changed, &added).await?;
        let words = ["commit-tree", tree, "-p", base, "-F", "-"];
        let new = self.git.tell(&words, message.as_bytes().to_vec()).await?;
        let new = String::from_utf8_lossy(&new).trim().to_owned();
        // Only where nobody else has committed meanwhile.
        self.git
            .ask(&["update-ref", "-m", "migrate cleanup", "HEAD", &new, base])
            .await
            .map_err(|problem| moved_on(&problem))?;
        let put = self.put_in_place(base, &new, &added).await;
        if let Err(problem) = put {
            // Git looks at every file before it touches one.
            let words = ["update-ref", "-m", "migrate cleanup: not done", "HEAD", base, &new];
            self.git.ask(&words).await?;
            for Added { path, text } in &added {
                let file = self.top.join(path);
                if !file.exists() {
                    std::fs::write(&file, text).map_err(|lost| not_replaced(&file, &lost))?;
                }
            }
            return Err(problem);
        }
        Ok(new)
    }

    /// Brings the work tree from one commit to the next.
    async fn put_in_place(
        &self,
        base: &str,
        new: &str,
        added: &[Added<'_>],
    ) -> Result<(), Failure> {
        // Git never writes over a file that it does not know. The commit has what stood in these.
        for file in added.iter().map(|it| self.top.join(&it.path)) {
            std::fs::remove_file(&file).map_err(|problem| not_replaced(&file, &problem))?;
        }
        self.git
            .ask(&["read-tree", "-m", "-u", base, new])
            .await
            .map(drop)
            .map_err(|problem| changed_meanwhile(&problem))
    }

    /// Refuses what would go with a change although no commit has it.
    async fn refuse_overwriting(
        &self,
        changed: &Changed,
        added: &[Added<'_>],
    ) -> Result<(), Failure> {
        let Changed { tree, base } = changed;
        // A file that was only touched counts as changed until Git has looked; what has changed is said below.
        drop(self.git.ask(&["update-index", "-q", "--refresh"]).await);
        let added_paths: Vec<&str> = added.iter().map(|it| it.path.as_str()).collect();
        for Added { path, text } in added {
            if std::fs::read(self.top.join(path)).is_ok_and(|now| now != text.as_bytes()) {
                return Err(changed_since(path));
            }
        }
        let words =
            ["diff-tree", "-r", "-z", "--no-renames", "--name-only", "--diff-filter=A", base, tree];
        let new = self.git.ask(&words).await?;
        let new = String::from_utf8_lossy(&new).into_owned();
        for path in new.split('\0').filter(|path| !path.is_empty() && !added_paths.contains(path)) {
            self.refuse_there(path)?;
        }
        self.rehearse(changed, &added_paths).await.map_err(|problem| changed_meanwhile(&problem))
    }

    /// Has Git look, with an index of its own, whether it could bring the work tree to a change.
    async fn rehearse(&self, changed: &Changed, added: &[&str]) -> Result<(), Failure> {
        let folder = temporary()?;
        let index = folder.path().join("index");
        let own = self.top.join(self.git.line(&["rev-parse", "--git-path", "index"]).await?);
        std::fs::copy(&own, &index).map_err(|problem| not_replaced(&index, &problem))?;
        let apart = self.git.clone().with("GIT_INDEX_FILE", index.display().to_string());
        if !added.is_empty() {
            let words = ["ls-tree", "-r", "-z", "--full-tree", &changed.tree, "--"];
            let there = self.git.ask(&[&words[..], added].concat()).await?;
            apart.tell(&["update-index", "-z", "--index-info"], there).await?;
        }
        let words = ["read-tree", "-m", "-u", "-n", &changed.base, &changed.tree];
        apart.ask(&words).await.map(drop)
    }
}

fn temporary() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|problem| Failure::Other {
        message: format!("no temporary folder could be made: {problem}"),
        help: "see that TMPDIR names a folder that you may write to".to_owned(),
    })
}

fn changed_since(path: &str) -> Failure {
    Failure::Refused {
        message: format!("{path} has changed meanwhile"),
        help: "commit it, or put it aside with `git stash`, and begin again".to_owned(),
    }
}

fn changed_meanwhile(problem: &Failure) -> Failure {
    Failure::Refused {
        message: format!(
            "the files can't be brought to what the commit would say, so there is none: {problem}"
        ),
        help: "look at what `git status` says, put that right, and begin again".to_owned(),
    }
}

fn moved_on(problem: &Failure) -> Failure {
    Failure::Refused {
        message: format!("the commit was not made: {problem}"),
        help: "if somebody else has committed meanwhile, begin again".to_owned(),
    }
}

fn not_replaced(file: &Path, problem: &std::io::Error) -> Failure {
    Failure::Other {
        message: format!("{} can't be replaced: {problem}", file.display()),
        help: "see that you may write to its folder, and begin again".to_owned(),
    }
}
