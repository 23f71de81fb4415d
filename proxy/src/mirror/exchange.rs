//! One mirrored exchange, on the mirror's runtime: send, compare, record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Mirror;
use super::capture::{Captured, compared_headers};
use super::client::{MirroredAnswer, NoAnswer};
use super::table::RouteMirror;
use compare::{Answer, DecodeError, Side, compare};
use evidence::{Answered, Compared, DropReason, Failure, Outcome, Verdict};

/// Sends the mirrored request and records what came of it. Everything held is given back at the end.
pub(super) async fn run(
    mirror: Arc<Mirror>,
    route: Arc<RouteMirror>,
    mut captured: Box<Captured>,
    primary_latency: Duration,
) {
    let started = Instant::now();
    let Captured { request, share, bounds, .. } = &mut *captured;
    let sending = mirror.client.exchange(request, &mirror.mark, bounds.max_body, share);
    let answer = match tokio::time::timeout(bounds.timeout, sending).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(NoAnswer::Failed(Failure::Timeout)),
    };
    let verdict = match answer {
        Ok(answer) => {
            let latencies = (primary_latency, started.elapsed());
            verdict(&captured, &answer, &route, latencies)
        }
        Err(no_answer) => Err(no_answer),
    };
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(NoAnswer::Failed(failure)) => Verdict::Failed(failure),
        Err(NoAnswer::Dropped(reason)) => return route.dropped(reason),
    };
    count(&route, &verdict);
    let Captured { exchange, share, .. } = *captured;
    mirror.evidence.record(Outcome { exchange, verdict });
    drop(share);
}

/// Compares the two answers.
fn verdict(
    captured: &Captured,
    answer: &MirroredAnswer,
    route: &RouteMirror,
    (primary_latency, mirrored_latency): (Duration, Duration),
) -> Result<Verdict, NoAnswer> {
    let primary = Answer {
        status: captured.answer.status,
        headers: &captured.answer.headers,
        body: captured.answer.body.as_bytes(),
    };
    let headers = compared_headers(&answer.headers, route);
    let mirrored =
        Answer { status: answer.status, headers: &headers, body: answer.body.as_bytes() };
    let primary_answered = Answered { status: primary.status, latency: primary_latency };
    let mirrored_answered = Answered { status: mirrored.status, latency: mirrored_latency };
    let (old, new, mirrored_side) = if captured.request.is_new {
        ((&primary, primary_answered), (&mirrored, mirrored_answered), Side::New)
    } else {
        ((&mirrored, mirrored_answered), (&primary, primary_answered), Side::Old)
    };
    match compare(old.0, new.0, &route.rules, captured.bounds.max_body) {
        Ok(comparison) => Ok(Verdict::Compared(Box::new(Compared {
            old: old.1,
            new: new.1,
            comparison,
            control: None,
            bodies: None,
        }))),
        Err(refused) => Err(match refused.source {
            DecodeError::TooLarge { .. } => NoAnswer::Dropped(DropReason::TooLarge),
            _ if refused.side == mirrored_side => NoAnswer::Failed(Failure::Undecodable),
            _ => NoAnswer::Dropped(DropReason::Undecodable),
        }),
    }
}

fn count(route: &RouteMirror, verdict: &Verdict) {
    let (outcome, reason) = match verdict {
        Verdict::Compared(compared) if compared.comparison.is_match() => ("matched", ""),
        Verdict::Compared(_) => ("differed", ""),
        Verdict::Failed(failure) => ("failed", failure.as_str()),
    };
    route.metrics.count(&route.name, outcome, reason);
}
