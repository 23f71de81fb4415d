//! What `cutover` and `rollback` tell: one shape for both, so that a script reads one.

use std::fmt::{self, Write as _};

use flip::follow::{Follow, ProxyFollow};
use flip::gate::Verdict;
use flip::plan::{Plan, describe};
use routes::generation::Generation;
use routes::journal::{Action, Move};
use serde::Serialize;

use crate::output::Report;
use crate::style::{BAD, DIM, GOOD, STRONG, WARN, paint};

use super::gate_table;

/// How a flip came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Result {
    /// In force, and followed by every proxy that was waited for.
    Done,
    /// Everything stands where it was to go.
    NothingToDo,
    /// `--dry-run`.
    Planned,
    /// The gate said no; nothing was changed.
    Refused,
    /// Not followed; the generation before is in force again.
    PutBack,
    /// A rollback that is in force in the file, yet not at a proxy that answers.
    NotFollowed,
}

/// The JSON shape.
#[derive(Debug, Serialize)]
pub(crate) struct FlipReport {
    pub(crate) action: Action,
    pub(crate) result: Result,
    /// `null` where the file was damaged.
    pub(crate) before: Option<Generation>,
    /// `null` where there was nothing to do.
    pub(crate) after: Option<Generation>,
    pub(crate) moves: Vec<Move>,
    /// `null` for a rollback.
    pub(crate) gate: Option<Verdict>,
    /// The gate said no and was gone past.
    pub(crate) forced: bool,
    /// Each proxy that was waited for.
    pub(crate) proxies: Vec<ProxyFollow>,
    /// Milliseconds from the write until the last proxy followed; `null` where one did not, or none was waited for.
    pub(crate) followed_ms: Option<f64>,
    /// Proxies that did not take the generation before again in time, after it was put back.
    pub(crate) astray: Vec<ProxyFollow>,
    /// What else there is to know, in sentences.
    pub(crate) notes: Vec<String>,
    /// The change of the file, with `--dry-run`.
    pub(crate) diff: Option<String>,
}

impl FlipReport {
    /// The report of a plan that has come to nothing yet.
    pub(crate) fn of(plan: &Plan, result: Result) -> Self {
        Self {
            before: plan.before.clone(),
            after: Some(plan.after().clone()),
            moves: plan.moves.clone(),
            ..Self::empty(plan.action, result)
        }
    }

    /// The report of nothing.
    pub(crate) fn empty(action: Action, result: Result) -> Self {
        Self {
            action,
            result,
            before: None,
            after: None,
            moves: Vec::new(),
            gate: None,
            forced: false,
            proxies: Vec::new(),
            followed_ms: None,
            astray: Vec::new(),
            notes: Vec::new(),
            diff: None,
        }
    }

    /// Takes over what became of the proxies.
    pub(crate) fn with_proxies(mut self, proxies: Vec<ProxyFollow>) -> Self {
        self.followed_ms = slowest(&proxies);
        self.proxies = proxies;
        self
    }
}

/// When the last proxy followed; nothing when one did not or there is none.
fn slowest(proxies: &[ProxyFollow]) -> Option<f64> {
    proxies.iter().try_fold(None, |slowest: Option<f64>, proxy| match proxy.follow {
        Follow::Followed { after_ms } => {
            Some(Some(slowest.map_or(after_ms, |ms| ms.max(after_ms))))
        }
        _ => None,
    })?
}

impl Report for FlipReport {
    fn human(&self, page: &mut String) -> fmt::Result {
        if let Some(diff) = &self.diff {
            writeln!(page, "{}", diff.trim_end())?;
        }
        if let Some(gate) = self.gate.as_ref().filter(|gate| !gate.passed()) {
            gate_table::human(gate, page)?;
            writeln!(page)?;
        }
        for step in &self.moves {
            writeln!(page, "{}", paint(STRONG, describe(step)))?;
        }
        for note in &self.notes {
            writeln!(page, "{note}")?;
        }
        for proxy in &self.proxies {
            let style = if proxy.follow.followed() { GOOD } else { BAD };
            writeln!(page, "  {}  {}", proxy.proxy, paint(style, proxy.follow.describe()))?;
        }
        self.verdict(page)
    }
}

impl FlipReport {
    fn verdict(&self, page: &mut String) -> fmt::Result {
        let before = generation_text(self.before.as_ref());
        let after = generation_text(self.after.as_ref());
        match self.result {
            Result::NothingToDo => {
                writeln!(page, "{}", paint(DIM, "nothing to do; nothing was changed"))
            }
            Result::Planned => {
                writeln!(
                    page,
                    "{}",
                    paint(DIM, format_args!("would be {after}; nothing was changed"))
                )
            }
            Result::Refused => writeln!(
                page,
                "{} {before} stays in force; to go past it: --force --reason \"…\"",
                paint(BAD, "refused:")
            ),
            Result::Done => {
                write!(page, "{} {after} is in force", paint(GOOD, "done:"))?;
                match self.followed_ms {
                    Some(ms) => writeln!(
                        page,
                        "; proxies: {}, the last followed {ms:.1} ms after the write",
                        self.proxies.len()
                    ),
                    None if self.proxies.is_empty() => writeln!(
                        page,
                        " in the table, which lists no `[proxies]`, so nothing was waited for"
                    ),
                    None => writeln!(page, " in the table"),
                }
            }
            Result::PutBack => {
                for proxy in &self.astray {
                    writeln!(
                        page,
                        "  {} {}: {}",
                        proxy.proxy,
                        paint(BAD, "has not taken it back yet"),
                        proxy.follow.describe()
                    )?;
                }
                writeln!(
                    page,
                    "{} not every proxy followed; {before} is in force again",
                    paint(BAD, "put back:")
                )
            }
            Result::NotFollowed => writeln!(
                page,
                "{} {after} is in the table, yet not in force at every proxy that answers",
                paint(WARN, "not followed:")
            ),
        }
    }
}

fn generation_text(generation: Option<&Generation>) -> String {
    generation.map_or_else(
        || "the damaged file".to_owned(),
        |generation| format!("generation {} ({})", generation.number, generation.digest),
    )
}
