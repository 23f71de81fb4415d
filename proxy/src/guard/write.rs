//! Makes table and journal say what already holds: lock, intent, table, done, as every flip.

use std::time::Duration;

use routes::edit::{self, EditError};
use routes::journal::{self, Action, Journal, Move, Phase, Record};
use routes::store::{StoreError, TableFile, TableLock};
use routes::{Digest, Generation, Problems, RouteTable, Stage};

use super::taken_back::TakenBack;

/// How long the lock is waited for at each attempt.
const PATIENCE: Duration = Duration::from_millis(50);

/// What became of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// Table and journal say it now, under this generation.
    Now(Generation),
    /// Another proxy has written it.
    Known,
    /// The table has the route elsewhere: an operator moved it.
    Superseded,
}

/// Why an attempt failed; it may succeed later.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the table in the file can't be changed")]
    Edit(#[from] EditError),
    #[error("the table in the file is not valid")]
    Invalid(#[from] Problems),
}

/// Writes one route that was taken back. `on_written` runs under the lock, so that no operator's flip comes between.
pub(super) fn write(
    file: &TableFile,
    who: &str,
    taken: &TakenBack,
    on_written: impl FnOnce(),
) -> Result<Wrote, WriteError> {
    let holder = format!("{who}: taking {} back, pid {}", taken.route, std::process::id());
    let lock = file.lock(&holder, PATIENCE)?;
    let text_before = file.read()?;
    let before = RouteTable::parse(file.path(), &text_before)?;
    match before.route_named(&taken.route).map(|route| route.stage) {
        Some(stage) if stage == taken.from => {}
        Some(stage) if stage == taken.to => {
            on_written();
            return Ok(Wrote::Known);
        }
        Some(_) | None => return Ok(Wrote::Superseded),
    }
    let journal = Journal::read(&file.journal_path())?;
    let number = journal.next_number(Some(before.generation.number));
    let text = edit::apply(&text_before, &[taken.change()], number)?;
    let after = RouteTable::parse(file.path(), &text)?.generation;
    let known = journal.text_of(before.generation.digest.as_str()).is_some();
    let page = Page { file, lock: &lock, who, taken, before: &before.generation, after: &after };
    page.note(Phase::Intent, Some(text.clone()), (!known).then(|| text_before.clone()))?;
    if let Err(error) = file.replace(&lock, Some(&Digest::of(&text_before)), &text) {
        // An intent without an end is told apart by the digest of the file.
        let _unrecorded = page.note(Phase::PutBack, None, None);
        return Err(error.into());
    }
    on_written();
    page.note(Phase::Done, None, None)?;
    Ok(Wrote::Now(after))
}

/// What the entries of one change have in common.
struct Page<'a> {
    file: &'a TableFile,
    lock: &'a TableLock,
    who: &'a str,
    taken: &'a TakenBack,
    before: &'a Generation,
    after: &'a Generation,
}

impl Page<'_> {
    fn note(
        &self,
        phase: Phase,
        text: Option<String>,
        text_before: Option<String>,
    ) -> Result<(), StoreError> {
        let taken = self.taken;
        let step = Move {
            route: taken.route.clone(),
            from: taken.from,
            to: taken.to,
            percent: taken.percent.filter(|_| taken.to == Stage::Canary),
        };
        let record = Record {
            who: self.who.to_owned(),
            action: Action::Guard,
            phase,
            before: Some(self.before.clone()),
            after: self.after.clone(),
            moves: vec![step],
            reason: Some(taken.reason.clone()),
            text,
            text_before,
        };
        journal::append(&self.file.journal_path(), self.lock, record)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use routes::journal::Outcome;
    use tempfile::TempDir;

    use super::*;

    fn table(stage: &str) -> String {
        format!(
            "format = 1\ngeneration = 4\n[backends.a]\ntargets = [\"http://127.0.0.1:1\"]\n\
             [backends.b]\ntargets = [\"http://127.0.0.1:2\"]\n\
             [defaults]\nold = \"a\"\nnew = \"b\"\nfallback = \"a\"\n\
             [[routes]]\nname = \"w\"\npath = \"/w\"\nstage = \"{stage}\" # kept\n"
        )
    }

    fn stand(stage: &str) -> (TempDir, TableFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = TableFile::new(folder.path().join("routes.toml"));
        std::fs::write(file.path(), table(stage)).unwrap();
        (folder, file)
    }

    fn taken() -> TakenBack {
        TakenBack {
            route: "w".to_owned(),
            from: Stage::Service,
            to: Stage::Shadow,
            percent: None,
            at: Utc::now(),
            reason: "error rate 31.0 % of 42".to_owned(),
            is_written: false,
        }
    }

    #[test]
    fn table_and_journal_say_what_the_guard_did() {
        let (_folder, file) = stand("service");
        let mut told = false;
        let Wrote::Now(after) = write(&file, "proxy@host", &taken(), || told = true).unwrap()
        else {
            panic!("it is written")
        };
        assert!(told);
        assert_eq!(after.number, 5);
        let text = file.read().unwrap();
        assert!(text.contains("stage = \"shadow\" # kept"), "{text}");
        let journal = Journal::read(&file.journal_path()).unwrap();
        let history = journal.history(Some(&after.digest));
        let [change] = &history[..] else { panic!("{history:?}") };
        assert_eq!((change.intent.action, change.outcome), (Action::Guard, Outcome::Done));
        assert_eq!(change.intent.reason.as_deref(), Some("error rate 31.0 % of 42"));
        assert_eq!(change.intent.text_before.as_deref(), Some(&*table("service")));
        assert_eq!(journal.guarded(None)["w"].to, Stage::Shadow);
        assert_eq!(write(&file, "proxy@host", &taken(), || {}).unwrap(), Wrote::Known);
    }

    #[test]
    fn an_operators_move_is_left_alone() {
        let (_folder, file) = stand("monolith");
        assert_eq!(write(&file, "proxy@host", &taken(), || {}).unwrap(), Wrote::Superseded);
        assert_eq!(file.read().unwrap(), table("monolith"));
        assert!(!file.journal_path().exists());
    }

    #[test]
    fn a_held_lock_is_an_error_and_changes_nothing() {
        let (_folder, file) = stand("service");
        let _lock = file.lock("alice", Duration::ZERO).unwrap();
        let told = write(&file, "proxy@host", &taken(), || panic!("nothing is written"));
        assert!(matches!(told, Err(WriteError::Store(StoreError::Locked { .. }))), "{told:?}");
        assert_eq!(file.read().unwrap(), table("service"));
    }
}
