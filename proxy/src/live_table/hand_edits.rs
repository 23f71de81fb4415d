//! Tables that came into force without `migrate` are recorded in the journal, so that they stand in
//! the history and can be rolled back to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use home::{Home, HomeError};
use pingora::server::ShutdownWatch;
use pingora::services::background::BackgroundService;
use routes::journal::{Action, Change, Journal, Move, Outcome, Phase, Record};
use routes::{Digest, Generation, RouteTable};

use super::{InForce, LiveTable};

/// How long the lock is waited for: whoever holds it longer is `migrate`, which journals its flips
/// itself, or another proxy that records the same edit.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long after a lock that was held it is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// What became of one attempt.
#[derive(Debug, PartialEq, Eq)]
enum Recorded {
    /// The journal has an entry more.
    Now,
    /// The journal says already that this generation is in force.
    Known,
    /// The table's home has another text by now: whatever comes into force of it is for then.
    Replaced,
    /// Somebody else holds the lock.
    Busy,
}

/// What is left to do for a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// To try again, after a pause.
    Retry,
    /// To see what the next change brings.
    Change,
}

/// The service that records hand edits. Trouble with the journal is told and never stops traffic.
pub(crate) struct HandEdits {
    pub(crate) live: Arc<LiveTable>,
    pub(crate) home: Home,
}

#[async_trait]
impl BackgroundService for HandEdits {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let mut changes = self.live.changes();
        let mut settled: Option<Digest> = None;
        loop {
            let in_force = self.live.snapshot();
            let digest = in_force.table.generation.digest.clone();
            // What the guard made is journaled by the guard.
            let is_own = in_force.is_override;
            let left = if is_own || settled.as_ref() == Some(&digest) {
                Left::Nothing
            } else {
                self.attempt(in_force).await
            };
            if left == Left::Nothing {
                settled = Some(digest);
            }
            tokio::select! {
                _ = shutdown.changed() => return,
                change = changes.changed() => if change.is_err() { return },
                () = tokio::time::sleep(RETRY), if left == Left::Retry => {}
            }
        }
    }
}

impl HandEdits {
    async fn attempt(&self, in_force: Arc<InForce>) -> Left {
        let generation = in_force.table.generation.clone();
        let home = self.home.clone();
        let attempt = tokio::task::spawn_blocking(move || record(&home, &in_force)).await;
        match attempt {
            // Without its database, which the follower tells, there is still something to record when it is back.
            Ok(
                Ok(Recorded::Busy) | Err(HomeError::Unreachable { .. } | HomeError::Late { .. }),
            ) => Left::Retry,
            Ok(Ok(Recorded::Replaced)) => Left::Change,
            Ok(Ok(Recorded::Known)) => Left::Nothing,
            Ok(Ok(Recorded::Now)) => {
                tracing::info!(
                    generation = generation.number, digest = %generation.digest,
                    "recorded a table that was changed by hand"
                );
                Left::Nothing
            }
            Ok(Err(error)) => {
                let error = super::watch::describe(&error);
                tracing::warn!(error, "the journal has no record of the table in force");
                Left::Nothing
            }
            Err(error) => {
                tracing::error!(%error, "recording the table in force failed");
                Left::Nothing
            }
        }
    }
}

fn record(home: &Home, in_force: &InForce) -> Result<Recorded, HomeError> {
    let after = &in_force.table.generation;
    if is_known(&home.journal()?, after) {
        return Ok(Recorded::Known);
    }
    let host = host();
    let holder = format!("proxy@{host}: recording a hand edit, pid {}", std::process::id());
    let held = match home.lock(&holder, PATIENCE) {
        Ok(held) => held,
        Err(HomeError::Locked { .. }) => return Ok(Recorded::Busy),
        Err(error) => return Err(error),
    };
    // Whoever held the lock may have recorded it.
    let journal = home.journal()?;
    if is_known(&journal, after) {
        return Ok(Recorded::Known);
    }
    // As long as the lock is held, nobody but an editor replaces it.
    if Digest::of(&home.read()?) != after.digest {
        return Ok(Recorded::Replaced);
    }
    let before = last_in_force(&journal.history(Some(&after.digest))).cloned();
    let record = Record {
        who: format!("proxy@{host}"),
        action: Action::Edit,
        phase: Phase::Done,
        moves: moves(home, &journal, before.as_ref(), &in_force.table),
        before,
        after: after.clone(),
        reason: None,
        text: Some(in_force.text.clone()),
        text_before: None,
    };
    held.note(record)?;
    Ok(Recorded::Now)
}

/// Whether the last change in the journal brought this generation.
fn is_known(journal: &Journal, generation: &Generation) -> bool {
    let history = journal.history(Some(&generation.digest));
    last_in_force(&history).is_some_and(|last| last.digest == generation.digest)
}

/// The generation that the last change left in force.
fn last_in_force(history: &[Change]) -> Option<&Generation> {
    let last = history.last()?;
    match last.outcome {
        Outcome::Done | Outcome::InterruptedAfterWrite => Some(&last.intent.after),
        Outcome::PutBack | Outcome::InterruptedBeforeWrite => last.intent.before.as_ref(),
    }
}

/// What the edit moved, as far as the journal still has the text of before.
fn moves(
    home: &Home,
    journal: &Journal,
    before: Option<&Generation>,
    after: &RouteTable,
) -> Vec<Move> {
    let text = before.and_then(|before| journal.text_of(before.digest.as_str()));
    let Some(Ok(before)) = text.map(|(_, text)| RouteTable::parse(home.path(), text)) else {
        return Vec::new();
    };
    let moved = after.routes.iter().filter_map(|route| {
        let was = before.route_named(&route.name)?;
        let is_canary = route.stage == routes::Stage::Canary;
        let moved = was.stage != route.stage
            || (is_canary && was.canary.percent.to_bits() != route.canary.percent.to_bits());
        moved.then(|| Move {
            route: route.name.clone(),
            from: was.stage,
            to: route.stage,
            percent: is_canary.then_some(route.canary.percent),
        })
    });
    moved.collect()
}

/// This machine's name, for the journal.
pub(crate) fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live_table::load::Loader;
    use crate::mirror::Mirror;
    use evidence::Evidence;

    fn table(stage: &str) -> String {
        format!(
            r#"format = 1
[backends.monolith]
targets = ["http://127.0.0.1:1"]
[backends.agent-service]
targets = ["http://127.0.0.1:2"]
[defaults]
old = "monolith"
new = "agent-service"
fallback = "monolith"
[[routes]]
name = "workflows"
path = "/workflows/{{*rest}}"
stage = "{stage}"
"#
        )
    }

    async fn in_force(home: &Home, text: &str) -> InForce {
        let mirror = Arc::new(Mirror::new(Arc::new(Evidence::new(chrono::Utc::now()))));
        let loader = Loader { home: home.clone(), metrics: Arc::default(), mirror };
        loader.load(text.to_owned(), &[]).await.unwrap()
    }

    #[tokio::test]
    async fn each_generation_is_recorded_once_and_an_edit_back_is_another_edit() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::file(folder.path().join("routes.toml"));
        let first = in_force(&home, &table("shadow")).await;
        let second = in_force(&home, &table("service")).await;
        let stands = |one: &InForce| std::fs::write(home.path(), &one.text).unwrap();
        stands(&first);
        assert_eq!(record(&home, &first).unwrap(), Recorded::Now);
        assert_eq!(record(&home, &first).unwrap(), Recorded::Known);
        stands(&second);
        assert_eq!(record(&home, &second).unwrap(), Recorded::Now);
        stands(&first);
        assert_eq!(record(&home, &first).unwrap(), Recorded::Now);

        let journal = home.journal().unwrap();
        assert!(journal.findings.is_empty(), "{:?}", journal.findings);
        assert_eq!(journal.entries.len(), 3);
        let edit = &journal.entries[1];
        assert_eq!(edit.before.as_ref(), Some(&first.table.generation));
        assert_eq!(edit.moves.len(), 1);
        assert_eq!(edit.moves[0].to, routes::Stage::Service);
        let (_, text) = journal.last_in_force().unwrap();
        assert_eq!(text, table("shadow"));
    }

    #[tokio::test]
    async fn a_flip_that_migrate_journals_is_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::file(folder.path().join("routes.toml"));
        let first = in_force(&home, &table("shadow")).await;
        std::fs::write(home.path(), &first.text).unwrap();
        let lock = home.lock("migrate", Duration::ZERO).unwrap();
        assert_eq!(record(&home, &first).unwrap(), Recorded::Busy);
        drop(lock);
        assert_eq!(record(&home, &first).unwrap(), Recorded::Now);
    }

    #[tokio::test]
    async fn a_table_that_was_replaced_since_it_was_read_is_no_hand_edit() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::file(folder.path().join("routes.toml"));
        let first = in_force(&home, &table("service")).await;
        std::fs::write(home.path(), table("shadow")).unwrap();
        assert_eq!(record(&home, &first).unwrap(), Recorded::Replaced);
        assert!(home.journal().unwrap().entries.is_empty());
    }

    #[tokio::test]
    async fn a_folder_that_can_t_be_written_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::file(folder.path().join("gone/routes.toml"));
        let first = in_force(&home, &table("shadow")).await;
        assert!(record(&home, &first).is_err());
    }
}
