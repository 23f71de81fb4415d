//! What came of a flip, in the words and the shape that `migrate --output json` has for it.

use flip::follow::ProxyFollow;
use flip::gate::Verdict;
use flip::plan::Plan;
use flip::protocol::Ending;
use flip::whole::{Cutover, RolledBack};
use http::StatusCode;
use routes::Generation;
use routes::journal::Move;
use serde::Serialize;

use crate::admin::answer::{Answer, json_with};

/// How a flip came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Came {
    /// In force, and followed by every proxy that was waited for.
    Done,
    /// Everything stands where it was to go.
    NothingToDo,
    /// The gate said no; nothing was changed.
    Refused,
    /// Not followed; the generation before is in force again.
    PutBack,
    /// A rollback that is in the file, yet not in force at a proxy that answers.
    NotFollowed,
}

/// The answer to a flip that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    result: Came,
    before: Option<Generation>,
    after: Option<Generation>,
    moves: Vec<Move>,
    /// What the gate said; absent for a rollback.
    gate: Option<Verdict>,
    /// The gate said no and was gone past.
    forced: bool,
    /// What became of each proxy.
    proxies: Vec<ProxyFollow>,
    /// Proxies that have not taken the generation before again.
    astray: Vec<ProxyFollow>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    help: Option<&'a str>,
}

/// A refusal in words.
pub(super) fn tell(status: StatusCode, message: &str, help: Option<&str>) -> Answer {
    json_with(status, &Refusal { message, help })
}

impl Told {
    fn of(result: Came, plan: Option<Plan>) -> Self {
        Self {
            result,
            after: plan.as_ref().map(|plan| plan.after().clone()),
            before: plan.as_ref().and_then(|plan| plan.before.clone()),
            moves: plan.map(|plan| plan.moves).unwrap_or_default(),
            gate: None,
            forced: false,
            proxies: Vec::new(),
            astray: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Refused is a conflict with what is known; all else was carried out, whatever came of it.
    pub(super) fn status(&self) -> StatusCode {
        match self.result {
            Came::Refused => StatusCode::CONFLICT,
            _ => StatusCode::OK,
        }
    }
}

/// Of a cutover.
pub(super) fn told(cutover: Cutover) -> Told {
    match cutover {
        Cutover::NothingToDo => Told::of(Came::NothingToDo, None),
        Cutover::Refused { plan, verdict } => {
            Told { gate: Some(verdict), ..Told::of(Came::Refused, Some(plan)) }
        }
        Cutover::Ended { plan, verdict, ending } => {
            let forced = !verdict.passed();
            let gate = Some(verdict);
            match ending {
                Ending::Done { proxies } => {
                    Told { gate, forced, proxies, ..Told::of(Came::Done, Some(plan)) }
                }
                Ending::PutBack { proxies, astray, stopped } => {
                    let mut notes: Vec<String> = proxies
                        .iter()
                        .filter(|proxy| !proxy.follow.followed())
                        .map(described)
                        .collect();
                    if stopped {
                        notes.push("the proxy was told to stop while it waited".to_owned());
                    }
                    let put_back = Told::of(Came::PutBack, Some(plan));
                    Told { gate, forced, proxies, astray, notes, ..put_back }
                }
            }
        }
    }
}

/// Of a rollback.
pub(super) fn told_back(rollback: Option<RolledBack>) -> Told {
    let Some(RolledBack { plan, mut notes, proxies }) = rollback else {
        return Told::of(Came::NothingToDo, None);
    };
    let late = proxies.iter().filter(|proxy| !proxy.follow.followed());
    notes.extend(late.map(described));
    let result = if proxies.iter().any(|proxy| proxy.follow.strays()) {
        Came::NotFollowed
    } else {
        Came::Done
    };
    Told { proxies, notes, ..Told::of(result, Some(plan)) }
}

fn described(proxy: &ProxyFollow) -> String {
    format!("{}: {}", proxy.proxy, proxy.follow.describe())
}
