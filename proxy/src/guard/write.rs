//! Makes table and journal say what already holds: lock, intent, table, done, as every flip.

use std::time::Duration;

use home::{Home, HomeError, Replacement};
use routes::edit::{self, EditError};
use routes::journal::{Action, Move, Phase, Record};
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
    Home(#[from] HomeError),
    #[error("the table as it stands can't be changed")]
    Edit(#[from] EditError),
    #[error("the table as it stands is not valid")]
    Invalid(#[from] Problems),
}

/// Writes one route that was taken back. `on_written` runs under the lock, so that no operator's flip comes between.
pub(super) fn write(
    home: &Home,
    who: &str,
    taken: &TakenBack,
    on_written: impl FnOnce(),
) -> Result<Wrote, WriteError> {
    let holder = format!("{who}: taking {} back, pid {}", taken.route, std::process::id());
    let held = home.lock(&holder, PATIENCE)?;
    let text_before = home.read()?;
    let before = RouteTable::parse(home.path(), &text_before)?;
    match before.route_named(&taken.route).map(|route| route.stage) {
        Some(stage) if stage == taken.from => {}
        Some(stage) if stage == taken.to => {
            on_written();
            return Ok(Wrote::Known);
        }
        Some(_) | None => return Ok(Wrote::Superseded),
    }
    let journal = home.journal()?;
    let number = journal.next_number(Some(before.generation.number));
    let text = edit::apply(&text_before, &[taken.change()], number)?;
    let after = RouteTable::parse(home.path(), &text)?.generation;
    let known = journal.text_of(before.generation.digest.as_str()).is_some();
    let intent = Record {
        text: Some(text.clone()),
        text_before: (!known).then(|| text_before.clone()),
        ..intent(who, taken, &before.generation, &after)
    };
    let done = Record { reason: intent.reason.clone(), ..intent.ending(Phase::Done) };
    let replaces = Digest::of(&text_before);
    held.write(intent, Replacement { replaces: Some(&replaces), text: &text }, || {})?;
    on_written();
    held.note(done)?;
    Ok(Wrote::Now(after))
}

fn intent(who: &str, taken: &TakenBack, before: &Generation, after: &Generation) -> Record {
    let step = Move {
        route: taken.route.clone(),
        from: taken.from,
        to: taken.to,
        percent: taken.percent.filter(|_| taken.to == Stage::Canary),
    };
    Record {
        who: who.to_owned(),
        action: Action::Guard,
        phase: Phase::Intent,
        before: Some(before.clone()),
        after: after.clone(),
        moves: vec![step],
        reason: Some(taken.reason.clone()),
        text: None,
        text_before: None,
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

    fn stand(stage: &str) -> (TempDir, Home) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::file(folder.path().join("routes.toml"));
        std::fs::write(home.path(), table(stage)).unwrap();
        (folder, home)
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
        let (_folder, home) = stand("service");
        let mut told = false;
        let Wrote::Now(after) = write(&home, "proxy@host", &taken(), || told = true).unwrap()
        else {
            panic!("it is written")
        };
        assert!(told);
        assert_eq!(after.number, 5);
        let text = home.read().unwrap();
        assert!(text.contains("stage = \"shadow\" # kept"), "{text}");
        let journal = home.journal().unwrap();
        let history = journal.history(Some(&after.digest));
        let [change] = &history[..] else { panic!("{history:?}") };
        assert_eq!((change.intent.action, change.outcome), (Action::Guard, Outcome::Done));
        assert_eq!(change.intent.reason.as_deref(), Some("error rate 31.0 % of 42"));
        assert_eq!(change.intent.text_before.as_deref(), Some(&*table("service")));
        assert_eq!(journal.guarded(None)["w"].to, Stage::Shadow);
        assert_eq!(write(&home, "proxy@host", &taken(), || {}).unwrap(), Wrote::Known);
    }

    #[test]
    fn an_operators_move_is_left_alone() {
        let (_folder, home) = stand("monolith");
        assert_eq!(write(&home, "proxy@host", &taken(), || {}).unwrap(), Wrote::Superseded);
        assert_eq!(home.read().unwrap(), table("monolith"));
        assert_eq!(home.journal_stamp().unwrap(), None);
    }

    #[test]
    fn a_held_lock_is_an_error_and_changes_nothing() {
        let (_folder, home) = stand("service");
        let _lock = home.lock("alice", Duration::ZERO).unwrap();
        let told = write(&home, "proxy@host", &taken(), || panic!("nothing is written"));
        assert!(matches!(told, Err(WriteError::Home(HomeError::Locked { .. }))), "{told:?}");
        assert_eq!(home.read().unwrap(), table("service"));
    }
}
