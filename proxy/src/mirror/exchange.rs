//! One mirrored exchange, on the mirror's runtime: send, compare, record.

use std::time::{Duration, Instant};

use super::capture::Captured;
use super::client::{MirroredAnswer, NoAnswer};
use super::table::RouteMirror;
use super::{Mirror, control, twin};
use compare::excerpt::shown_body;
use compare::{Answer, DecodeError, Side, compare};
use evidence::{Answered, Bodies, Compared, DropReason, Failure, Outcome, Verdict};

/// Most of a body that an example keeps, in characters.
const MAX_SHOWN: usize = 8192;

/// An answer of the other backend, and how long it took.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) answer: MirroredAnswer,
    pub(super) latency: Duration,
}

/// Sends the mirrored request and records what came of it. Everything held is given back at the end.
pub(super) async fn run(
    mirror: &Mirror,
    route: &RouteMirror,
    mut captured: Box<Captured>,
    primary_latency: Duration,
) {
    let verdict = match judge(mirror, route, &mut captured, primary_latency).await {
        Ok(compared) => Verdict::Compared(Box::new(compared)),
        Err(NoAnswer::Failed(failure)) => Verdict::Failed(failure),
        Err(NoAnswer::Dropped(reason)) => return route.dropped(reason),
    };
    count(route, &verdict);
    let Captured { exchange, share, .. } = *captured;
    mirror.evidence.record(Outcome { exchange, verdict });
    drop(share);
}

async fn judge(
    mirror: &Mirror,
    route: &RouteMirror,
    captured: &mut Captured,
    primary_latency: Duration,
) -> Result<Compared, NoAnswer> {
    if let Some(place) = captured.place.take() {
        return twin::run(mirror, route, captured, place, primary_latency).await;
    }
    let Timed { answer, latency } = answer_to(mirror, captured).await?;
    let mut compared = compared(captured, &answer, route, (primary_latency, latency))?;
    if let Some(control) = captured.control.take() {
        control::settle(mirror, route, captured, control, &mut compared).await?;
    }
    if !compared.comparison.differences.is_empty() {
        compared.bodies = bodies(captured, &answer, route);
    }
    Ok(compared)
}

/// The other backend's answer: the one that it gave before the primary did, or one that it is asked for now.
async fn answer_to(mirror: &Mirror, captured: &mut Captured) -> Result<Timed, NoAnswer> {
    if let Some(early) = captured.early.take() {
        return Ok(early);
    }
    let started = Instant::now();
    let answer = ask(mirror, captured).await?;
    Ok(Timed { answer, latency: started.elapsed() })
}

/// Sends the request as it is addressed now, within the bounds.
pub(super) async fn ask(
    mirror: &Mirror,
    captured: &mut Captured,
) -> Result<MirroredAnswer, NoAnswer> {
    let Captured { request, share, bounds, .. } = captured;
    let sending = mirror.client.exchange(request, &mirror.mark, bounds.max_body, share);
    let started = Instant::now();
    let answer = match tokio::time::timeout(bounds.timeout, sending).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(out_of_time(started.elapsed(), bounds.timeout)),
    };
    let now = Instant::now();
    match &answer {
        Ok(answer) => mirror.spare.read(answer.body.as_bytes().len(), now),
        Err(no_answer) => {
            if matches!(no_answer, NoAnswer::Dropped(DropReason::TooLarge)) {
                mirror.spare.read(bounds.max_body, now);
            }
            mirror.spare.lost_connection(now);
        }
    }
    answer
}

/// Whose fault it is that the time is over: a timer that goes off late says that this thread got no CPU either.
fn out_of_time(waited: Duration, timeout: Duration) -> NoAnswer {
    if waited > timeout + timeout / 20 {
        NoAnswer::Dropped(DropReason::Busy)
    } else {
        NoAnswer::Failed(Failure::Timeout)
    }
}

/// Compares the two answers.
pub(super) fn compared(
    captured: &Captured,
    answer: &MirroredAnswer,
    route: &RouteMirror,
    (primary_latency, mirrored_latency): (Duration, Duration),
) -> Result<Compared, NoAnswer> {
    let primary = captured.answer.as_answer();
    let mirrored = answer.as_answer();
    let primary_answered = Answered { status: primary.status, latency: primary_latency };
    let mirrored_answered = Answered { status: mirrored.status, latency: mirrored_latency };
    let (old, new, mirrored_side) = if captured.request.is_new {
        ((&primary, primary_answered), (&mirrored, mirrored_answered), Side::New)
    } else {
        ((&mirrored, mirrored_answered), (&primary, primary_answered), Side::Old)
    };
    let question = captured.question();
    match compare(&question, old.0, new.0, &route.rules, captured.bounds.max_body) {
        Ok(comparison) => {
            Ok(Compared { old: old.1, new: new.1, comparison, control: None, bodies: None })
        }
        Err(refused) => Err(match refused.source {
            DecodeError::TooLarge { .. } => NoAnswer::Dropped(DropReason::TooLarge),
            _ if refused.side == mirrored_side => NoAnswer::Failed(Failure::Undecodable),
            _ => NoAnswer::Dropped(DropReason::Undecodable),
        }),
    }
}

/// Both bodies for an example, where both are text.
fn bodies(captured: &Captured, answer: &MirroredAnswer, route: &RouteMirror) -> Option<Bodies> {
    let shown =
        |answer: Answer<'_>| shown_body(answer.headers, answer.body, &route.masks, MAX_SHOWN);
    let (primary, mirrored) = (shown(captured.answer.as_answer())?, shown(answer.as_answer())?);
    Some(if captured.request.is_new {
        Bodies { old: primary, new: mirrored }
    } else {
        Bodies { old: mirrored, new: primary }
    })
}

pub(super) fn count(route: &RouteMirror, verdict: &Verdict) {
    let (outcome, reason) = match verdict {
        Verdict::Compared(compared) if compared.comparison.differences.is_empty() => {
            (if compared.comparison.noise.is_empty() { "matched" } else { "inconclusive" }, "")
        }
        Verdict::Compared(_) => ("differed", ""),
        Verdict::Failed(failure) => ("failed", failure.as_str()),
    };
    route.metrics.count(&route.name, outcome, reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_timer_is_not_the_backends_fault() {
        let timeout = Duration::from_secs(10);
        let failed = out_of_time(Duration::from_millis(10_020), timeout);
        assert_eq!(failed, NoAnswer::Failed(Failure::Timeout));
        let starved = out_of_time(Duration::from_millis(10_600), timeout);
        assert_eq!(starved, NoAnswer::Dropped(DropReason::Busy));
    }
}
