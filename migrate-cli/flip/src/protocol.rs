//! The steps of a flip, in the one order that survives a crash after any of them.

use std::future::Future;
use std::time::{Duration, Instant};

use routes::generation::Generation;
use routes::journal::{self, Change, Phase, Record};
use routes::store::{StoreError, TableFile, TableLock};

use crate::admin::AdminClient;
use crate::failure::FlipError;
use crate::permission::Confirmed;

use crate::failpoint::Step;
use crate::follow::{Patience, ProxyFollow, follow};
use crate::interrupted;
use crate::plan::Plan;
use crate::standing::{Standing, read_journal};

/// Longest wait for the proxies to take the text before again.
const RESTORE_LIMIT: Duration = Duration::from_secs(3);

/// Longest wait for another operator's change to end.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// What a flip works on.
pub struct Desk<'a> {
    /// The table.
    pub file: &'a TableFile,
    /// Held from before the table was read.
    pub lock: &'a TableLock,
    /// Who flips, for the journal.
    pub who: &'a str,
    /// Why, for the journal.
    pub reason: Option<String>,
    /// Told after each step.
    pub on_step: &'a (dyn Fn(Step) + Sync),
}

/// A table that is ours to change, with what a crash had left in its journal.
#[derive(Debug)]
pub struct Opened {
    /// Held until it is dropped.
    pub lock: TableLock,
    /// What is wrong with the journal, in words.
    pub findings: Vec<String>,
    /// Flips that a crash had interrupted; their ends are in the journal now.
    pub finished: Vec<Change>,
}

/// Takes the lock (waiting up to [`LOCK_PATIENCE`], on this thread) and journals how interrupted flips ended.
///
/// `what` is shown to others that wait for the lock.
pub fn open(file: &TableFile, who: &str, what: &str) -> Result<Opened, StoreError> {
    let holder = format!("{who}: {what}, pid {}", std::process::id());
    let lock = file.lock(&holder, LOCK_PATIENCE)?;
    let digest = Standing::of(file).digest();
    let journal = read_journal(file)?;
    let finished = interrupted::finish(file, &lock, who, &journal, digest.as_ref())?;
    Ok(Opened { lock, findings: journal.findings, finished })
}

/// How the waiting of a cutover ended.
#[derive(Debug)]
pub enum Ending {
    /// Every proxy followed.
    Done {
        /// Each proxy; empty where the table lists none.
        proxies: Vec<ProxyFollow>,
    },
    /// The text before is in force again.
    PutBack {
        /// Each proxy; empty where the operator stopped the waiting.
        proxies: Vec<ProxyFollow>,
        /// Proxies that answer, yet have not taken the text before again in time.
        astray: Vec<ProxyFollow>,
        /// The operator stopped the waiting.
        stopped: bool,
    },
}

/// Carries out a planned cutover, from journaling the intent to journaling its end.
///
/// `stop` ends the waiting early, as if a proxy had not followed.
pub async fn cutover(
    desk: &Desk<'_>,
    plan: &Plan,
    client: &AdminClient,
    wait: Duration,
    confirmed: Confirmed,
    stop: impl Future<Output = ()>,
) -> Result<Ending, FlipError> {
    let written = desk.intend_and_write(plan, confirmed)?;
    let patience = Patience { since: written, limit: wait, insist: true };
    let waiting = follow(client, &plan.table.proxies, &plan.after().digest, patience);
    let proxies = tokio::select! {
        proxies = waiting => Some(proxies),
        () = stop => None,
    };
    (desk.on_step)(Step::Waited);
    let stopped = proxies.is_none();
    let proxies = proxies.unwrap_or_default();
    if !stopped && proxies.iter().all(|proxy| proxy.follow.followed()) {
        desk.end(plan, Phase::Done).map_err(|source| FlipError::Unfinished {
            message: format!(
                "generation {} is in force and followed, but that could not be journaled",
                plan.after().number
            ),
            source,
        })?;
        return Ok(Ending::Done { proxies });
    }
    desk.put_back(plan)?;
    let astray = desk.astray(plan, client).await;
    Ok(Ending::PutBack { proxies, astray, stopped })
}

/// Carries out a planned rollback; the proxies are asked afterwards, by the caller.
pub fn rollback(desk: &Desk<'_>, plan: &Plan, confirmed: Confirmed) -> Result<Instant, FlipError> {
    let written = desk.intend_and_write(plan, confirmed)?;
    desk.end(plan, Phase::Done).map_err(|source| FlipError::Unfinished {
        message: format!(
            "generation {} is written, but that could not be journaled",
            plan.after().number
        ),
        source,
    })?;
    Ok(written)
}

impl Desk<'_> {
    /// Journals the intent, then writes the new generation; the instant is the one right after the rename.
    fn intend_and_write(&self, plan: &Plan, _permission: Confirmed) -> Result<Instant, FlipError> {
        self.journal(plan, Phase::Intent)?;
        (self.on_step)(Step::Intended);
        let expected = plan.text_before.as_deref().map(routes::Digest::of);
        if let Err(problem) = self.file.replace(self.lock, expected.as_ref(), &plan.text) {
            // The refusal to write is what the operator must hear of; an intent without an end is found by `history`.
            let _unrecorded = self.end(plan, Phase::PutBack);
            return Err(problem.into());
        }
        let written = Instant::now();
        (self.on_step)(Step::Written);
        Ok(written)
    }

    fn put_back(&self, plan: &Plan) -> Result<(), FlipError> {
        let failed = |source| FlipError::Unfinished {
            message: format!(
                "generation {} is in force, not every proxy followed it, and the one before could not be put back",
                plan.after().number
            ),
            source,
        };
        let text = plan.text_before.as_deref().unwrap_or_default();
        self.file.replace(self.lock, Some(&plan.after().digest), text).map_err(failed)?;
        (self.on_step)(Step::Restored);
        self.end(plan, Phase::PutBack).map_err(failed)
    }

    async fn astray(&self, plan: &Plan, client: &AdminClient) -> Vec<ProxyFollow> {
        let Some(before) = &plan.before else { return Vec::new() };
        let patience = Patience { since: Instant::now(), limit: RESTORE_LIMIT, insist: false };
        let mut proxies = follow(client, &plan.table.proxies, &before.digest, patience).await;
        proxies.retain(|proxy| {
            !proxy.follow.followed()
                && !matches!(proxy.follow, crate::follow::Follow::Unreachable { .. })
        });
        proxies
    }

    fn end(&self, plan: &Plan, phase: Phase) -> Result<(), StoreError> {
        self.journal(plan, phase)?;
        (self.on_step)(Step::Ended);
        Ok(())
    }

    fn journal(&self, plan: &Plan, phase: Phase) -> Result<(), StoreError> {
        let is_intent = phase == Phase::Intent;
        let record = Record {
            who: self.who.to_owned(),
            action: plan.action,
            phase,
            before: plan.before.clone(),
            after: plan.after().clone(),
            moves: plan.moves.clone(),
            reason: self.reason.clone().filter(|_| is_intent),
            text: is_intent.then(|| plan.text.clone()),
            text_before: if is_intent { self.unjournaled_text(plan)? } else { None },
        };
        journal::append(&self.file.journal_path(), self.lock, record)?;
        Ok(())
    }

    /// The text before, where the journal does not have it yet (a table that was edited by hand).
    fn unjournaled_text(&self, plan: &Plan) -> Result<Option<String>, StoreError> {
        let Some(Generation { digest, .. }) = &plan.before else { return Ok(None) };
        let journal = read_journal(self.file)?;
        let known = journal.text_of(digest.as_str()).is_some();
        Ok(plan.text_before.clone().filter(|_| !known))
    }
}
