//! The steps of a flip, in the one order that survives a crash after any of them.

use std::future::Future;
use std::time::{Duration, Instant};

use home::{Held, Home, HomeError, Replacement};
use routes::generation::Generation;
use routes::journal::{Change, Phase, Record};

use crate::admin::AdminClient;
use crate::failure::FlipError;
use crate::permission::Confirmed;

use crate::failpoint::Step;
use crate::follow::{Patience, ProxyFollow, follow};
use crate::interrupted;
use crate::plan::Plan;
use crate::standing::Standing;

/// Longest wait for the proxies to take the text before again.
const RESTORE_LIMIT: Duration = Duration::from_secs(3);

/// Longest wait for another operator's change to end.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// What a flip works on.
pub struct Desk<'a> {
    /// Where the table is kept.
    pub home: &'a Home,
    /// Held from before the table was read.
    pub held: &'a Held,
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
    pub held: Held,
    /// What is wrong with the journal, in words.
    pub findings: Vec<String>,
    /// Flips that a crash had interrupted; their ends are in the journal now.
    pub finished: Vec<Change>,
}

/// Takes the lock (waiting up to [`LOCK_PATIENCE`], on this thread) and journals how interrupted flips ended.
///
/// `what` is shown to others that wait for the lock.
pub fn open(home: &Home, who: &str, what: &str) -> Result<Opened, HomeError> {
    let holder = format!("{who}: {what}, pid {}", std::process::id());
    let held = home.lock(&holder, LOCK_PATIENCE)?;
    let digest = Standing::of(home).digest();
    let journal = home.journal()?;
    let finished = interrupted::finish(&held, who, &journal, digest.as_ref())?;
    Ok(Opened { held, findings: journal.findings, finished })
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
    let patience = Patience { since: written, limit: wait, insist: true, number: None };
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
    /// Journals the intent and writes the new generation; the instant is the one right after that.
    fn intend_and_write(&self, plan: &Plan, _permission: Confirmed) -> Result<Instant, FlipError> {
        let intent = Record {
            reason: self.reason.clone(),
            text: Some(plan.text.clone()),
            text_before: self.unjournaled_text(plan)?,
            ..self.record(plan, Phase::Intent)
        };
        let replaces = plan.text_before.as_deref().map(routes::Digest::of);
        let next = Replacement { replaces: replaces.as_ref(), text: &plan.text };
        self.held.write(intent, next, || (self.on_step)(Step::Intended))?;
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
        let before = Replacement { replaces: Some(&plan.after().digest), text };
        let ending = self.record(plan, Phase::PutBack);
        self.held.put_back(ending, before, || (self.on_step)(Step::Restored)).map_err(failed)?;
        (self.on_step)(Step::Ended);
        Ok(())
    }

    async fn astray(&self, plan: &Plan, client: &AdminClient) -> Vec<ProxyFollow> {
        let Some(before) = &plan.before else { return Vec::new() };
        let patience =
            Patience { since: Instant::now(), limit: RESTORE_LIMIT, insist: false, number: None };
        let mut proxies = follow(client, &plan.table.proxies, &before.digest, patience).await;
        proxies.retain(|proxy| proxy.follow.strays());
        proxies
    }

    fn end(&self, plan: &Plan, phase: Phase) -> Result<(), HomeError> {
        self.held.note(self.record(plan, phase))?;
        (self.on_step)(Step::Ended);
        Ok(())
    }

    fn record(&self, plan: &Plan, phase: Phase) -> Record {
        Record {
            who: self.who.to_owned(),
            action: plan.action,
            phase,
            before: plan.before.clone(),
            after: plan.after().clone(),
            moves: plan.moves.clone(),
            reason: None,
            text: None,
            text_before: None,
        }
    }

    /// The text before, where the journal does not have it yet (a table that was edited by hand).
    fn unjournaled_text(&self, plan: &Plan) -> Result<Option<String>, HomeError> {
        let Some(Generation { digest, .. }) = &plan.before else { return Ok(None) };
        let journal = self.home.journal()?;
        let known = journal.text_of(digest.as_str()).is_some();
        Ok(plan.text_before.clone().filter(|_| !known))
    }
}
